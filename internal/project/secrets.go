package project

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// RootVariable is the environment variable with the folder of the project for a program that the Automation API runs: Pulumi's context
// does not name the folder then.
const RootVariable = "ELASTIC_SERVICE_PROJECT"

// Encrypted lists the values of a stack's file that `pulumi config set --secret` has encrypted, as paths:
// elastic-service:app.services[0].environment.TOKEN.
func Encrypted(root, stack string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(root, stackFile(stack)))
	if err != nil {
		return nil, err
	}
	_, paths, err := replaced(text, nil)
	return paths, err
}

// EncryptedIn lists the values of the project, not of other namespaces, that are encrypted in the text of a stack's file.
func EncryptedIn(text []byte) ([]string, error) {
	_, paths, err := replaced(text, nil)
	return slices.DeleteFunc(paths, func(path string) bool { return !strings.HasPrefix(path, name+":") }), err
}

// Reencrypt returns a stack's file with other ciphertexts for the values of the project, and without the encrypted values of other
// namespaces, see [WithoutSecrets].
func Reencrypt(text []byte, ciphertext func(path string) (string, error)) ([]byte, error) {
	var problem error
	return write(text, func(path string) yaml.Node {
		if !strings.HasPrefix(path, name+":") {
			return plainText
		}
		secure, err := ciphertext(path)
		problem = errors.Join(problem, err)
		return yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Content: []*yaml.Node{
			{Kind: yaml.ScalarNode, Tag: "!!str", Value: "secure"}, {Kind: yaml.ScalarNode, Tag: "!!str", Value: secure},
		}}
	}, &problem)
}

// secretText is what [WithoutSecrets] writes for an encrypted value.
const secretText = "encrypted"

// WithoutSecrets returns a stack's file with plain text in the place of its encrypted values. To read those takes the key of the user,
// and a stack on the emulator needs none of them. A file without encrypted values stays as it is, with its comments.
func WithoutSecrets(text []byte) ([]byte, error) {
	return write(text, nil, nil)
}

// plainText stands for an encrypted value.
var plainText = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: secretText}

// write returns a stack's file with its encrypted values replaced. A file without any stays as it is, with its comments.
func write(text []byte, by func(path string) yaml.Node, problem *error) ([]byte, error) {
	document, paths, err := replaced(text, by)
	if err == nil && problem != nil {
		err = *problem
	}
	if err != nil || len(paths) == 0 {
		return text, err
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(document); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// replaced reads a stack's file, replaces its encrypted values, by [plainText] unless told otherwise, and returns their paths.
func replaced(text []byte, by func(path string) yaml.Node) (*yaml.Node, []string, error) {
	if by == nil {
		by = func(string) yaml.Node { return plainText }
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, nil, err
	}
	if len(document.Content) == 0 {
		return &document, nil, nil
	}
	var paths []string
	for key, config := range pairs(document.Content[0]) {
		if key != "config" {
			continue
		}
		for key, value := range pairs(config) {
			if !strings.Contains(key, ":") {
				key = name + ":" + key
			}
			replaceSecrets(key, value, by, &paths)
		}
	}
	return &document, paths, nil
}

// replaceSecrets replaces the encrypted values in a value and adds their paths.
func replaceSecrets(at string, value *yaml.Node, by func(path string) yaml.Node, paths *[]string) {
	if isEncrypted(value) {
		*paths = append(*paths, at)
		*value = by(at)
		return
	}
	for key, field := range pairs(value) {
		replaceSecrets(at+"."+key, field, by, paths)
	}
	if value.Kind == yaml.SequenceNode {
		for i, element := range value.Content {
			replaceSecrets(fmt.Sprintf("%s[%d]", at, i), element, by, paths)
		}
	}
}

// isEncrypted reports whether a value has the form {secure: CIPHERTEXT}.
func isEncrypted(value *yaml.Node) bool {
	return value.Kind == yaml.MappingNode && len(value.Content) == 2 &&
		value.Content[0].Value == "secure" && value.Content[1].Kind == yaml.ScalarNode && value.Content[1].Tag == "!!str"
}

// pairs iterates over the keys and values of an object. Other nodes have none.
func pairs(node *yaml.Node) iter.Seq2[string, *yaml.Node] {
	return func(yield func(string, *yaml.Node) bool) {
		for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
			if !yield(node.Content[i].Value, node.Content[i+1]) {
				return
			}
		}
	}
}
