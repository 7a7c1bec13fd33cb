// Package objects keeps the bytes of S3's objects in a folder. A file is named for the SHA-256 of its bytes, so that equal bytes are kept
// once.
package objects

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
)

// Keep copies what r has into a folder, which is made if it is missing, and returns the path of the copy.
func Keep(folder string, r io.Reader) (string, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	partial, err := os.CreateTemp(folder, ".new-*")
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(partial, sum), r)
	if err = errors.Join(err, partial.Close()); err != nil {
		return "", errors.Join(err, os.Remove(partial.Name()))
	}
	kept := filepath.Join(folder, hex.EncodeToString(sum.Sum(nil)))
	return kept, os.Rename(partial.Name(), kept)
}

// KeepFile copies a file into a folder as [Keep] does.
func KeepFile(folder, file string) (string, error) {
	source, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer source.Close()
	return Keep(folder, source)
}
