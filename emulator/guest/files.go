package guest

import (
	"os"
	"path"
	"path/filepath"
)

// folderMode is of folders that nobody gave another: the only user is the emulator's.
const folderMode = 0o750

// root is the folder that an instance's programs take for /.
type root string

// path is where a file of the instance is on the host.
func (r root) path(file string) string { return filepath.Join(string(r), path.Join("/", file)) }

// translate is the host's path of an absolute one that exists on the instance, and any other text unchanged. A lone slash
// is left: it is an URL's path more often than the whole file system.
func (r root) translate(text string) string {
	if !path.IsAbs(text) || path.Clean(text) == "/" || !r.exists(text) {
		return text
	}
	return r.path(text)
}

func (r root) exists(file string) bool {
	_, err := os.Stat(r.path(file))
	return err == nil
}

func (r root) write(f file) error {
	target := r.path(f.path)
	if err := os.MkdirAll(filepath.Dir(target), folderMode); err != nil {
		return err
	}
	flags := os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	if f.append {
		flags = os.O_WRONLY | os.O_CREATE | os.O_APPEND
	}
	w, err := os.OpenFile(target, flags, 0o600)
	if err != nil {
		return err
	}
	defer w.Close()
	if _, err := w.Write(f.content); err != nil {
		return err
	}
	if err := w.Chmod(f.mode); err != nil {
		return err
	}
	return w.Close()
}
