package session

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/project"
)

// stackOf writes the files of a project with a stack called one.
func stackOf(t *testing.T, config string) (root string) {
	t.Helper()
	root = t.TempDir()
	for name, text := range map[string]string{"Pulumi.yaml": "name: elastic-service\n", "Pulumi.one.yaml": config} {
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(text), 0o600))
	}
	return root
}

func TestAnEmptyFileHasAllItsFaultsReported(t *testing.T) {
	for _, text := range []string{"", "config:\n", "config: {}\n"} {
		config, err := project.Config(stackOf(t, text), "one")
		require.NoError(t, err)
		err = Options{}.validate(config)
		require.Error(t, err)
		for _, want := range []string{"aws:region: must be set", "service: must be set", "image: must be set", "app: must be set"} {
			assert.Contains(t, err.Error(), want)
		}
	}
}

func TestASecretIsRefusedBeforePulumiAsksForItsKey(t *testing.T) {
	err := validateTypes(stackOf(t, "config: {elastic-service:image: {id: {secure: v1:x}}}\n"), "one")
	require.ErrorContains(t, err, "image.id: is a secret, ")

	require.NoError(t, validateTypes(stackOf(t, "config: {aws:region: us-east-1, aws:secretKey: {secure: v1:x}, elastic-service:service: a, "+
		"elastic-service:image: {id: ami-01234567}, elastic-service:app: {port: 80, services: [{name: a, command: [/bin/a]}]}}\n"), "one"))
}
