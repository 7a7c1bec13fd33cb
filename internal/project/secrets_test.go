package project_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/project"
)

const withSecrets = `encryptionsalt: v1:abc
config:
  aws:region: us-east-1 # near the clients
  aws:secretKey:
    secure: v1:xyz
  service: {secure: v1:xyz}
  elastic-service:app:
    services:
      - name: a
        environment: {TOKEN: {secure: v1:xyz}, secure: plain, OTHER: text}
      - {name: b, command: [/bin/b, {secure: v1:xyz}]}
`

func TestEncryptedValuesAreFoundByTheirPaths(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "Pulumi.dev.yaml"), []byte(withSecrets), 0o600))
	paths, err := project.Encrypted(root, "dev")
	require.NoError(t, err)
	assert.Equal(t, []string{
		"aws:secretKey",
		"elastic-service:service",
		"elastic-service:app.services[0].environment.TOKEN",
		"elastic-service:app.services[1].command[1]",
	}, paths)
}

func TestEncryptedValuesAreReplacedByText(t *testing.T) {
	text, err := project.WithoutSecrets([]byte(withSecrets))
	require.NoError(t, err)
	assert.NotContains(t, string(text), "xyz")
	assert.Contains(t, string(text), "environment: {TOKEN: encrypted, secure: plain, OTHER: text}")
	assert.Contains(t, string(text), "aws:region: us-east-1 # near the clients\n")

	again, err := project.WithoutSecrets(text)
	require.NoError(t, err)
	assert.Equal(t, string(text), string(again))
}

func TestAFileWithoutEncryptedValuesStaysAsItIs(t *testing.T) {
	for _, text := range []string{"", "config:\n", "config:\n    a:b:   c # odd\n", "# nothing\n"} {
		same, err := project.WithoutSecrets([]byte(text))
		require.NoError(t, err)
		assert.Equal(t, text, string(same))
	}
}
