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

func TestAKeyWithoutAValueIsLeftOut(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte("name: elastic-service\n"), 0o600))
	text := "config: {service: , aws:region: ~, scaling: {min: ~}}\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi.a.yaml"), []byte(text), 0o600))
	config, err := project.Config(dir, "a")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"elastic-service:scaling": `{"min":null}`}, config)
}

func TestANumberThatIsNoneIsRefusedByItsPath(t *testing.T) {
	const target, port = "scaling.policies[1].target", "health.port"
	for number, path := range map[string]string{".inf": target, "-.inf": target, ".nan": port} {
		dir := t.TempDir()
		require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte("name: elastic-service\n"), 0o600))
		text := map[string]string{
			target: "config: {scaling: {policies: [{target: 1}, {target: " + number + "}]}}\n",
			port:   "config: {health: {port: " + number + "}}\n",
		}[path]
		require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi.a.yaml"), []byte(text), 0o600))
		_, err := project.Config(dir, "a")
		require.EqualError(t, err, "elastic-service:"+path+": is not a number: .inf and .nan are none that a setting can have")
	}
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

func TestACopyIsChangedAndTheOriginalIsNot(t *testing.T) {
	dir, copied := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	original := "config:\n  elastic-service:app: {services: [{name: a}, {name: b}]}\n  elastic-service:version: \"17\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi.yaml"), []byte("name: elastic-service\n"), 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "Pulumi.one.yaml"), []byte(original), 0o644))
	require.NoError(t, project.Copy(dir, "one", copied))

	const app = "elastic-service:app"
	require.NoError(t, project.Set(copied, "one", "2", app, "services", 1, "environment", "RELEASE"))
	require.NoError(t, project.Set(copied, "one", false, "elastic-service:protect"))
	require.ErrorContains(t, project.Set(copied, "one", "2", app, "services", 2, "name"), "there is no element 2")
	require.ErrorContains(t, project.Set(copied, "one", "2", "elastic-service:version", "major"), "major: its parent is no object")

	config, err := project.Config(copied, "one")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{
		app:                       `{"services":[{"name":"a"},{"environment":{"RELEASE":"2"},"name":"b"}]}`,
		"elastic-service:version": "17",
		"elastic-service:protect": "false",
	}, config)
	kept, err := os.ReadFile(filepath.Join(dir, "Pulumi.one.yaml"))
	require.NoError(t, err)
	assert.Equal(t, original, string(kept))
}

func TestAStackWithoutAFileIsNotCopied(t *testing.T) {
	require.ErrorContains(t, project.Copy(t.TempDir(), "one", t.TempDir()), "stack one: ")
}
