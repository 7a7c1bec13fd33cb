package database

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Copy copies the files of a server that stands still or does not run to a folder that does not exist.
func Copy(from, to string) error {
	part := to + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	if err := os.MkdirAll(part, 0o700); err != nil {
		return err
	}
	err := os.CopyFS(filepath.Join(part, dataFolder), os.DirFS(filepath.Join(from, dataFolder)))
	if err == nil {
		err = os.Chmod(filepath.Join(part, dataFolder), 0o700) //nolint:gosec // of a folder; PostgreSQL refuses more
	}
	if err == nil {
		var secret []byte
		if secret, err = os.ReadFile(filepath.Join(from, secretFile)); err == nil {
			err = os.WriteFile(filepath.Join(part, secretFile), secret, 0o600)
		}
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(part))
	}
	return os.Rename(part, to)
}

// Size returns the bytes that the files of a server have.
func Size(folder string) int64 {
	var total int64
	_ = filepath.WalkDir(filepath.Join(folder, dataFolder), func(_ string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // the server has deleted it meanwhile
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			total += info.Size()
		}
		return nil
	})
	return total
}
