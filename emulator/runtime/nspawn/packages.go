package nspawn

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// packagesOf returns the names of the packages that user data installs: those of a cloud-config document, compressed or not. Other user
// data, such as a script, has none.
func packagesOf(userData []byte) ([]string, error) {
	if bytes.HasPrefix(userData, []byte{0x1f, 0x8b}) {
		r, err := gzip.NewReader(bytes.NewReader(userData))
		if err != nil {
			return nil, fmt.Errorf("user data: %w", err)
		}
		if userData, err = io.ReadAll(r); err != nil {
			return nil, fmt.Errorf("user data: %w", err)
		}
	}
	if !bytes.HasPrefix(userData, []byte("#cloud-config")) {
		return nil, nil
	}
	var document struct {
		Packages []string `yaml:"packages"`
	}
	if yaml.Unmarshal(userData, &document) != nil {
		return nil, nil // the machine boots, and cloud-init warns of what it cannot read
	}
	return document.Packages, nil
}
