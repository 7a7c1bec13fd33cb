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

// Capture makes an image of an instance's files, in a folder that must not exist yet: whole, or not at all. What is not
// on disk on a real machine (/run) is left out, as are sockets and pipes. directory is the machine's own, see [Spec].
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

// begin gives a machine that was never booted the files of its image.
func (r root) begin(image string) error {
	if _, err := os.Stat(string(r)); image == "" || err == nil {
		return nil
	}
	unfinished := string(r) + ".new"
	if err := os.RemoveAll(unfinished); err != nil { // of a boot that was cut short
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

// copyTree copies what is in a folder to another that exists, apart from some of its entries. A file that goes away
// meanwhile is left out.
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

// units are the unit files that are on the machine. A later folder's hides an earlier one's of its name, as systemd's.
func (r root) units() ([]file, error) {
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

// enable is `systemctl enable`: it links a unit to the targets that are to want it at every boot.
func (in *Instance) enable(name string) error {
	s := in.services[name]
	if s == nil {
		return nil // said to be skipped where it is to be started
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

// enabled are the units that a boot starts by itself, sorted.
func (in *Instance) enabled() []string {
	links, _ := filepath.Glob(in.root.path("/etc/systemd/system/*.wants/*.service")) // the pattern is well-formed
	var names []string
	for _, link := range links {
		if name := filepath.Base(link); in.services[name] != nil && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}
