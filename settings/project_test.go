package settings

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// declaration is a setting as Pulumi.yaml has it.
type declaration struct {
	Type        string
	Default     any
	Description string
}

func declarations(t *testing.T) map[string]declaration {
	t.Helper()
	content, err := os.ReadFile("../Pulumi.yaml")
	require.NoError(t, err)
	var project struct {
		Name   string
		Config map[string]declaration
	}
	require.NoError(t, yaml.Unmarshal(content, &project))
	require.Equal(t, namespace, project.Name+":", "keys without a namespace are in the project's")
	return project.Config
}

func TestProjectDeclaresEverySettingAndNoOther(t *testing.T) {
	var declared []string
	for key := range declarations(t) {
		declared = append(declared, namespace+key)
	}
	assert.ElementsMatch(t, Keys(), declared)
}

func TestProjectDeclaresTheTypesOfTheSettings(t *testing.T) {
	declared := declarations(t)
	for _, f := range fields(reflect.TypeFor[Settings]()) {
		want := "object"
		switch f.Type.Kind() {
		case reflect.String:
			want = "string"
		case reflect.Bool:
			want = "boolean"
		default:
		}
		assert.Equal(t, want, declared[f.key].Type, f.key)
	}
}

func TestDefaultsOfTheProjectAreThoseOfTheCode(t *testing.T) {
	want, err := Parse(config(t, smallest))
	require.NoError(t, err)
	for key, d := range declarations(t) {
		if object, is := d.Default.(map[string]any); d.Default == nil || is && len(object) == 0 {
			continue
		}
		flat := config(t, smallest)
		flat[namespace+key] = handOver(t, d.Default)
		got, err := Parse(flat)
		require.NoError(t, err)
		assert.Equal(t, want, got, key)
	}
}

func TestDefaultsOfTheProjectShowEachDefaultOfTheCode(t *testing.T) {
	declared := declarations(t)
	for _, f := range fields(reflect.TypeFor[Settings]()) {
		section := f.Type
		switch {
		case f.Tag.Get("required") != "":
			assert.Nil(t, declared[f.key].Default, "%s is required", f.key)
			continue
		case f.Type.Kind() == reflect.Pointer, f.Type.Kind() == reflect.Map:
			assert.Empty(t, declared[f.key].Default, "%s may be left out", f.key)
			assert.NotNil(t, declared[f.key].Default, "%s is required otherwise", f.key)
			continue
		case f.Type.Kind() == reflect.Bool:
			assert.Equal(t, false, declared[f.key].Default, f.key)
			continue
		}
		for _, inner := range fields(section) {
			if _, ok := inner.Tag.Lookup("default"); ok {
				assert.Contains(t, declared[f.key].Default, inner.key, f.key)
			}
		}
	}
}

// load runs a program that loads its settings, with a configuration known to the engine and another in the environment.
func load(t *testing.T, engine map[string]string, environment string) (s *Settings, loadErr error) {
	t.Helper()
	t.Setenv(pulumi.EnvConfig, environment)
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		s, loadErr = Load(ctx)
		return nil
	}, pulumi.WithMocks("elastic-service", "dev", noResources{}), func(info *pulumi.RunInfo) { info.Config = engine })
	require.NoError(t, err)
	return s, loadErr
}

type noResources struct{}

func (noResources) NewResource(pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	panic("loading settings registered a resource")
}

func (noResources) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) {
	panic("loading settings called a function")
}

func TestLoadReadsTheStacksConfiguration(t *testing.T) {
	s, err := load(t, config(t, smallest), "")
	require.NoError(t, err)
	assert.Equal(t, "musicguru", s.Service)
	assert.Equal(t, "us-east-1", s.Region)
}

func TestLoadSeesKeysThatNobodyDeclared(t *testing.T) {
	_, err := load(t, config(t, smallest), `{"elastic-service:networks": "{}", "aws:profile": "mine", "elastic-service:service": "stale"}`)
	require.EqualError(t, err,
		"networks: is not a setting: there are service, tags, network, image, compute, app, containers, health, balancer, scaling, database, "+
			"monitoring, protect")
}

func TestLoadPrefersTheEngineToTheEnvironment(t *testing.T) {
	s, err := load(t, config(t, smallest), `{"elastic-service:service": "stale"}`)
	require.NoError(t, err)
	assert.Equal(t, "musicguru", s.Service)
}

func TestLoadNamesTheEnvironmentThatItCannotRead(t *testing.T) {
	_, err := load(t, config(t, smallest), `{`)
	require.ErrorContains(t, err, "reading PULUMI_CONFIG: ")
}

func TestKeysOfFieldsWithManyCapitals(t *testing.T) {
	for name, want := range map[string]string{
		"CIDR": "cidr", "ID": "id", "SSHFrom": "sshFrom", "SSHFromAnywhere": "sshFromAnywhere", "RootVolumeGiB": "rootVolumeGiB",
		"KeyName": "keyName", "Zones": "zones", "X": "x",
	} {
		assert.Equal(t, want, lowerCamel(name))
	}
	assert.Len(t, strings.Split(keysOf(reflect.TypeFor[Settings]()), ", "), len(Keys()))
}
