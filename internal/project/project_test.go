package project_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/project"
)

func TestConfigIsTheStacksFileOverTheProjectsDefaults(t *testing.T) {
	dir := t.TempDir()
	for file, text := range map[string]string{
		"Pulumi.yaml": `
name: elastic-service
config:
  service: {type: string, default: nobody}
  scaling: {type: object, default: {min: 2, max: 3}}
  health: {type: object}
  aws:region: {value: eu-west-1}
`,
		"Pulumi.one.yaml": "config:\n  elastic-service:service: music\n  elastic-service:app: {port: 5000, packages: [a, b]}\n",
		"Pulumi.two.yaml": "config: {aws:region: us-east-1}\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644))
	}
	stacks, err := project.Stacks(dir)
	require.NoError(t, err)
	assert.Equal(t, []string{"one", "two"}, stacks)
	one, err := project.Config(dir, "one")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		"elastic-service:service": "music",
		"elastic-service:scaling": `{"max":3,"min":2}`,
		"elastic-service:app":     `{"packages":["a","b"],"port":5000}`,
		"aws:region":              "eu-west-1",
	}, one)
	two, err := project.Config(dir, "two")
	require.NoError(t, err)
	assert.Equal(t, "us-east-1", two["aws:region"])
	assert.Equal(t, "nobody", two["elastic-service:service"])
	_, err = project.Config(dir, "three")
	assert.ErrorIs(t, err, os.ErrNotExist)
}

func TestRootIsFoundFromBelowAndMissedElsewhere(t *testing.T) {
	t.Chdir(".")
	root, err := project.Root()
	require.NoError(t, err)
	assert.FileExists(t, filepath.Join(root, "Pulumi.dev.yaml"))

	t.Chdir(t.TempDir())
	_, err = project.Root()
	require.ErrorContains(t, err, "no Pulumi.yaml in")
}
