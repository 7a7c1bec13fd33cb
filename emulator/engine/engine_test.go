package engine

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A stack that its user deploys to AWS as well has keys of its own in its file: they are for another passphrase.
func TestACopyHasTheEmulatorsKeyAndNotTheUsers(t *testing.T) {
	root, work := t.TempDir(), t.TempDir()
	write := func(folder, name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	read := func() string {
		text, err := os.ReadFile(filepath.Join(work, "Pulumi.dev.yaml"))
		require.NoError(t, err)
		return string(text)
	}
	write(root, "Pulumi.yaml", "name: x\n")
	write(root, "Pulumi.dev.yaml", "secretsprovider: passphrase\nencryptionsalt: v1:users\nencryptedkey: users\nconfig:\n  a:b: c\n"+
		"  aws:secretKey: {secure: v1:users}")
	require.NoError(t, (Options{Root: root, Stack: "dev"}).copyProject(t.Context(), work))
	assert.Equal(t, "config:\n  a:b: c\n  aws:secretKey: encrypted\n", read())

	write(work, "Pulumi.dev.yaml", read()+"encryptionsalt: v1:emulators\n") // as the CLI does
	for range 2 {
		require.NoError(t, (Options{Root: root, Stack: "dev"}).copyProject(t.Context(), work))
		assert.Equal(t, "config:\n  a:b: c\n  aws:secretKey: encrypted\nencryptionsalt: v1:emulators\n", read())
		assert.Equal(t, 1, strings.Count(read(), "encryptionsalt"))
	}
}
