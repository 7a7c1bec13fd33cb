// Package project reads the files of a Pulumi project: which stacks it has, and what a stack is configured with.
package project

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	file = "Pulumi.yaml"
	name = "elastic-service" // in file; the namespace of keys that have none
)

// Root is the folder of the project that the working directory is in.
func Root() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for at := folder; ; at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, file)); err == nil {
			return at, nil
		}
		if at == filepath.Dir(at) {
			return "", errors.New("no " + file + " in " + folder + " or above it: change into the project's folder")
		}
	}
}

// Stacks are the names of a project's stack files, sorted.
func Stacks(root string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(root, "Pulumi.*.yaml"))
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), "Pulumi."), ".yaml"))
	}
	return names, err
}

// Config is a stack's configuration as Pulumi passes it to the program: the stack file's values, and the defaults of the
// project file for the keys that it leaves out.
func Config(root, stack string) (map[string]string, error) {
	config := map[string]string{}
	declared, err := keys(filepath.Join(root, file))
	if err != nil {
		return nil, err
	}
	for key, declaration := range declared {
		if value, ok := declaredValue(declaration); ok {
			if err := set(config, key, value); err != nil {
				return nil, err
			}
		}
	}
	given, err := keys(filepath.Join(root, "Pulumi."+stack+".yaml"))
	if err != nil {
		return nil, err
	}
	for key, value := range given {
		if err := set(config, key, value); err != nil {
			return nil, err
		}
	}
	return config, nil
}

// keys reads the section config of a project or stack file.
func keys(path string) (map[string]any, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var section struct {
		Config map[string]any `yaml:"config"`
	}
	if err := yaml.Unmarshal(text, &section); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return section.Config, nil
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
		key = name + ":" + key
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
