package guest

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// folderMode is the mode of folders without another mode: only the emulator's user needs them.
const folderMode = 0o750

// root is the folder of an instance's files: its / on this machine.
type root string

// path returns the path on this machine of a file of the instance.
func (r root) path(file string) string { return filepath.Join(string(r), path.Join("/", file)) }

// hostPath matches absolute paths within a text: at its begin, and after the characters that separate a path from an option, a scheme, a
// variable or another path.
var hostPath = regexp.MustCompile(`(^|[=:,;@\s])(/[^=:,;@\s]*)`)

// translate replaces the paths of the instance's files by their paths on this machine: in /opt/a, --config=/opt/a, file:/opt/a and
// /opt/a:/opt/b. It leaves a lone slash, which is more often the path of a URL than the whole file system.
func (r root) translate(text string) string {
	if path.IsAbs(text) && r.isFile(text) { // its name may have characters that separate paths
		return r.path(text)
	}
	return hostPath.ReplaceAllStringFunc(text, func(found string) string {
		at := strings.IndexByte(found, '/')
		if !r.isFile(found[at:]) {
			return found
		}
		return found[:at] + r.path(found[at:])
	})
}

// isFile reports whether an absolute path is that of a file or a folder of the instance, other than /, or of one to be made in a folder of
// the instance: it exists on this machine neither.
func (r root) isFile(file string) bool {
	file = path.Clean(file)
	if file == "/" || r.exists(file) {
		return file != "/"
	}
	_, err := os.Lstat(file)
	return path.Dir(file) != "/" && r.exists(path.Dir(file)) && errors.Is(err, fs.ErrNotExist)
}

// exists reports whether a file exists on the instance.
func (r root) exists(file string) bool {
	_, err := os.Stat(r.path(file))
	return err == nil
}

// write writes a file and creates its folder.
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
