// Package project reads the files of a Pulumi project: which stacks it has, and what a stack is configured with.
package project

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	file = "Pulumi.yaml"
	name = "elastic-service" // in file; the namespace of keys that have none
)

// Shipped lists the stacks that come with the project. The documents describe them, and tests hold them to more than the stack files that
// users put beside them.
var Shipped = []string{"cardweb", "dev", "flask", "lamp", "prod", "swiftcode"}

// Root returns the folder of the project that contains the working directory.
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

func stackFile(stack string) string { return "Pulumi." + stack + ".yaml" }

// Stacks returns the names of a project's stack files, sorted.
func Stacks(root string) ([]string, error) {
	files, err := filepath.Glob(filepath.Join(root, "Pulumi.*.yaml"))
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(strings.TrimPrefix(filepath.Base(f), "Pulumi."), ".yaml"))
	}
	return names, err
}

// Config returns a stack's configuration as Pulumi passes it to the program: the stack file's values, and the project file's
// defaults for the other keys.
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
	given, err := keys(filepath.Join(root, stackFile(stack)))
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
	if text, err = WithoutSecrets(text); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	var section struct {
		Config map[string]any `yaml:"config"`
	}
	if err := yaml.Unmarshal(text, &section); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Base(path), err)
	}
	return section.Config, nil
}

// declaredValue returns the value or the default that the project file sets for a key, if it sets any.
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
	case nil: // as if the key were left out
	case map[string]any, []any:
		if at, ok := notFinite(v); ok {
			return fmt.Errorf("%s%s: is not a number: .inf and .nan are none that a setting can have", key, at)
		}
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

// notFinite returns the path of a number within a value that JSON cannot express, if there is one.
func notFinite(value any) (string, bool) {
	switch v := value.(type) {
	case float64:
		return "", math.IsInf(v, 0) || math.IsNaN(v)
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if at, ok := notFinite(v[key]); ok {
				return "." + key + at, true
			}
		}
	case []any:
		for i, element := range v {
			if at, ok := notFinite(element); ok {
				return fmt.Sprintf("[%d]%s", i, at), true
			}
		}
	}
	return "", false
}

// Copy puts copies of a stack's files into a folder, which is a project of its own then, to be changed with [Set].
func Copy(root, stack, to string) error {
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	for _, name := range []string{file, stackFile(stack)} {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			return fmt.Errorf("stack %s: %w", stack, err)
		}
		if err := os.WriteFile(filepath.Join(to, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// Set changes a setting in a stack's file. The path is the setting's key and, within it, names of fields and indices of
// lists. Objects on the way are created where they are missing. The file loses its comments.
func Set(root, stack string, value any, key string, path ...any) error {
	name := filepath.Join(root, stackFile(stack))
	content, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	whole := map[string]any{}
	if err := yaml.Unmarshal(content, &whole); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	changed, err := put(whole, value, append([]any{"config", key}, path...)...)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", name, key, err)
	}
	if content, err = yaml.Marshal(changed); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return os.WriteFile(name, content, 0o600)
}

// put returns in with a value at a path.
func put(in, value any, path ...any) (any, error) {
	if len(path) == 0 {
		return value, nil
	}
	switch step := path[0].(type) {
	case string:
		object, ok := in.(map[string]any)
		if in != nil && !ok {
			return nil, fmt.Errorf("%s: its parent is no object", step)
		}
		if object == nil {
			object = map[string]any{}
		}
		inner, err := put(object[step], value, path[1:]...)
		object[step] = inner
		return object, err
	case int:
		list, _ := in.([]any)
		if step < 0 || step >= len(list) {
			return nil, fmt.Errorf("there is no element %d", step)
		}
		inner, err := put(list[step], value, path[1:]...)
		list[step] = inner
		return list, err
	default:
		panic(fmt.Sprintf("project: a path has names and indices, not %T", step))
	}
}
