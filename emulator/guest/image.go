package guest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
)

// Capture makes an image of an instance's files, completely or not at all. The image is a folder, which must not exist. Capture leaves out
// /run, which is not on disk on a real machine, and sockets and pipes. The directory is that of the instance, see [Spec].
func Capture(directory, image string) error {
	if _, err := os.Lstat(image); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("image: %w", errors.Join(err, &fs.PathError{Op: "create", Path: image, Err: fs.ErrExist}))
	}
	if err := os.MkdirAll(filepath.Dir(image), 0o700); err != nil {
		return fmt.Errorf("image: %w", err)
	}
	unfinished, err := os.MkdirTemp(filepath.Dir(image), ".image-*")
	if err != nil {
		return fmt.Errorf("image: %w", err)
	}
	defer os.RemoveAll(unfinished)
	if err := copyTree(filepath.Join(directory, "root"), unfinished, "run"); err != nil {
		return fmt.Errorf("image: %w", err)
	}
	if err := os.Rename(unfinished, image); err != nil {
		return fmt.Errorf("image: %w", err)
	}
	return nil
}

// copyImage copies the files of an image to an instance that was never booted.
func (r root) copyImage(image string) error {
	if _, err := os.Stat(string(r)); image == "" || err == nil {
		return nil
	}
	unfinished := string(r) + ".new"
	if err := os.RemoveAll(unfinished); err != nil { // from a boot that did not finish
		return err
	}
	if err := os.MkdirAll(unfinished, folderMode); err != nil {
		return err
	}
	if err := copyTree(image, unfinished); err != nil {
		return err
	}
	return os.Rename(unfinished, string(r))
}

// copyTree copies the entries of a folder, except some, to another folder that exists. It leaves out files that are removed in the
// meantime.
func copyTree(from, to string, without ...string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if slices.Contains(without, entry.Name()) {
			continue
		}
		err := copyEntry(filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name()), entry.Type())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// copyEntry copies a folder, a file or a symbolic link, and nothing else.
func copyEntry(from, to string, kind fs.FileMode) error {
	switch {
	case kind.IsDir():
		return copyFolder(from, to)
	case kind.IsRegular():
		return copyRegular(from, to)
	case kind&fs.ModeSymlink != 0:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	}
	return nil
}

// copyFolder copies a folder with its mode.
func copyFolder(from, to string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := os.Mkdir(to, 0o700); err != nil {
		return err
	}
	if err := copyTree(from, to); err != nil {
		return err
	}
	return os.Chmod(to, info.Mode().Perm())
}

// copyRegular copies a file with its mode.
func copyRegular(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer target.Close()
	if _, err := io.Copy(target, source); err != nil {
		return err
	}
	if err := target.Chmod(info.Mode().Perm()); err != nil {
		return err
	}
	return target.Close()
}

// readUnits returns the unit files on the instance. They are sorted so that, of files with the same name, systemd uses the last.
func (r root) readUnits() ([]file, error) {
	var found []file
	for _, folder := range []string{"/usr/lib/systemd/system", "/usr/local/lib/systemd/system", "/etc/systemd/system"} {
		entries, err := os.ReadDir(r.path(folder))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, entry := range entries {
			name := path.Join(folder, entry.Name())
			if !entry.Type().IsRegular() || !isUnit(name) {
				continue
			}
			content, err := os.ReadFile(r.path(name))
			if err != nil {
				return nil, err
			}
			found = append(found, file{path: name, content: content})
		}
	}
	return found, nil
}

// enable does `systemctl enable`: it links a unit to the targets that want it at every boot.
func (in *Instance) enable(name string) error {
	s := in.services[name]
	if s == nil {
		return nil // load has listed it as skipped
	}
	for _, target := range s.unit.wantedBy {
		link := in.root.path(path.Join("/etc/systemd/system", target+".wants", name))
		if err := os.MkdirAll(filepath.Dir(link), folderMode); err != nil {
			return err
		}
		if err := os.Symlink("../"+name, link); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// enabledUnits returns the units that a boot starts without user data, sorted.
func (in *Instance) enabledUnits() []string {
	links, _ := filepath.Glob(in.root.path("/etc/systemd/system/*.wants/*.service")) // the pattern is well-formed
	var names []string
	for _, link := range links {
		if name := filepath.Base(link); in.services[name] != nil && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
