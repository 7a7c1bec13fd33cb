package database

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Copy copies the files of a server that stands still or does not run to a folder that has no data yet. An interrupted copy leaves no data
// folder, and the next one begins anew.
func Copy(from, to string) error {
	part := filepath.Join(to, partFolder)
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o700); err != nil {
		return err
	}
	secret, err := os.ReadFile(filepath.Join(from, secretFile))
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(to, secretFile), secret, 0o600); err != nil {
		return err
	}
	if err := os.CopyFS(part, os.DirFS(filepath.Join(from, dataFolder))); err != nil {
		return errors.Join(err, os.RemoveAll(part))
	}
	if err := os.Chmod(part, 0o700); err != nil { //nolint:gosec // of a folder; PostgreSQL refuses more
		return err
	}
	return os.Rename(part, filepath.Join(to, dataFolder))
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
