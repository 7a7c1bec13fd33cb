package graph

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Stacks are the names of a project's stack files, sorted.
func Stacks(root string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(root, "Pulumi.*.yaml"))
	var names []string
	for _, file := range files {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(file), "Pulumi."), ".yaml"))
	}
	return names, err
}

// StackConfig is a stack's configuration as Pulumi passes it to the program: the stack file's values, and the defaults
// of the project file for the keys that it leaves out.
func StackConfig(root, stack string) (map[string]string, error) {
	var projectFile struct {
		Config map[string]any `yaml:"config"`
	}
	if err := readYAML(filepath.Join(root, "Pulumi.yaml"), &projectFile); err != nil {
		return nil, err
	}
	var stackFile struct {
		Config map[string]any `yaml:"config"`
	}
	if err := readYAML(filepath.Join(root, "Pulumi."+stack+".yaml"), &stackFile); err != nil {
		return nil, err
	}
	config := map[string]string{}
	for key, declared := range projectFile.Config {
		if value, ok := declaredValue(declared); ok {
			if err := set(config, key, value); err != nil {
				return nil, err
			}
		}
	}
	for key, value := range stackFile.Config {
		if err := set(config, key, value); err != nil {
			return nil, err
		}
	}
	return config, nil
}

func readYAML(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

// declaredValue is what the project file sets or defaults a key to, if it does.
func declaredValue(declared any) (any, bool) {
	declaration, ok := declared.(map[string]any)
	if !ok {
		return declared, declared != nil
	}
	for _, field := range []string{"value", "default"} {
		if value, ok := declaration[field]; ok {
			return value, true
		}
	}
	return nil, false
}

func set(config map[string]string, key string, value any) error {
	if !strings.Contains(key, ":") {
		key = project + ":" + key
	}
	switch v := value.(type) {
	case map[string]any, []any:
		text, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		config[key] = string(text)
	default:
		config[key] = fmt.Sprint(v)
	}
	return nil
}
