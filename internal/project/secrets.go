package project

import (
	"bytes"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Encrypted lists the values of a stack's file that `pulumi config set --secret` has encrypted, as paths:
// elastic-service:app.services[0].environment.TOKEN.
func Encrypted(root, stack string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(root, stackFile(stack)))
	if err != nil {
		return nil, err
	}
	_, paths, err := decrypt(text)
	return paths, err
}

// secretText is what [WithoutSecrets] writes for an encrypted value.
const secretText = "encrypted"

// WithoutSecrets returns a stack's file with plain text in the place of its encrypted values. To read those takes the key of the user,
// and a stack on the emulator needs none of them. A file without encrypted values stays as it is, with its comments.
func WithoutSecrets(text []byte) ([]byte, error) {
	document, paths, err := decrypt(text)
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

// decrypt reads a stack's file, replaces its encrypted values by text and returns their paths.
func decrypt(text []byte) (*yaml.Node, []string, error) {
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
			replaceSecrets(key, value, &paths)
		}
	}
	return &document, paths, nil
}

// replaceSecrets replaces the encrypted values in a value and adds their paths.
func replaceSecrets(at string, value *yaml.Node, paths *[]string) {
	if isEncrypted(value) {
		*paths = append(*paths, at)
		*value = yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: secretText}
		return
	}
	for key, field := range pairs(value) {
		replaceSecrets(at+"."+key, field, paths)
	}
	if value.Kind == yaml.SequenceNode {
		for i, element := range value.Content {
			replaceSecrets(fmt.Sprintf("%s[%d]", at, i), element, paths)
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
