package compute

import (
	"archive/tar"
	"archive/zip"
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// anyArchitecture is the place in the cache of what does not depend on the processor.
const anyArchitecture = "any"

// mostUnpacked is how many bytes an archive may have unpacked: more than that fills the volume of an instance.
const mostUnpacked = 4 << 30

// PackFolder writes a folder into a tar.gz and returns its path, which is named for its content and never changes it. The same files
// give the same bytes: they are sorted, belong to root and have no times; their modes are 0755 for folders and programs and 0644 for
// other files. Symbolic links must stay within the folder.
func PackFolder(folder string) (string, error) {
	name := filepath.Base(folder) + ".tar.gz"
	kept, err := inCache(name, func(work string) error { return pack(folder, filepath.Join(work, name)) })
	if err != nil {
		return "", fmt.Errorf("packing %s: %w", filepath.Base(folder), err)
	}
	return kept, nil
}

// PackArchive does the same with the content of a file .tar.gz, .tgz or .zip.
func PackArchive(archive string) (string, error) {
	base := filepath.Base(archive)
	name := strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(base, ".zip"), ".tgz"), ".tar.gz") + ".tar.gz"
	kept, err := inCache(name, func(work string) error {
		folder := filepath.Join(work, "unpacked")
		if err := unpack(archive, folder); err != nil {
			return err
		}
		if err := pack(folder, filepath.Join(work, name)); err != nil {
			return err
		}
		return os.RemoveAll(folder)
	})
	if err != nil {
		return "", fmt.Errorf("unpacking %s: %w", base, err)
	}
	return kept, nil
}

// KeepContent writes content to a file and returns its path, which is named for its content and never changes it.
func KeepContent(name string, content []byte) (string, error) {
	return inCache(name, func(work string) error { return os.WriteFile(filepath.Join(work, name), content, 0o600) })
}

// inCache moves the file that a function makes in a folder of its own into the cache.
func inCache(name string, make func(work string) error) (string, error) {
	cache, err := artifactCache(anyArchitecture)
	if err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(cache, "pack-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	if err := make(work); err != nil {
		return "", err
	}
	return keep(cache, filepath.Join(work, name))
}

// pack writes the content of a folder into a new tar.gz.
func pack(folder, archive string) (err error) {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // only read
	file, err := os.Create(archive)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	compressed := gzip.NewWriter(file)
	out := tar.NewWriter(compressed)
	files := 0
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || name == "." {
			return err
		}
		if !entry.IsDir() {
			files++
		}
		return add(out, root, name)
	})
	if err == nil && files == 0 {
		err = errors.New("it has no files")
	}
	return errors.Join(err, out.Close(), compressed.Close())
}

// add writes a file, a folder or a link of a folder to an archive.
func add(out *tar.Writer, root *os.Root, name string) error {
	info, err := root.Lstat(name)
	if err != nil {
		return err
	}
	header := &tar.Header{Name: name, Mode: 0o644, ModTime: time.Unix(0, 0)}
	switch kind := info.Mode(); {
	case kind.IsDir():
		header.Typeflag, header.Name, header.Mode = tar.TypeDir, name+"/", 0o755
	case kind.IsRegular():
		header.Typeflag, header.Size = tar.TypeReg, info.Size()
		if kind&0o111 != 0 {
			header.Mode = 0o755
		}
	case kind&fs.ModeSymlink != 0:
		header.Typeflag, header.Mode = tar.TypeSymlink, 0o777
		if header.Linkname, err = root.Readlink(name); err == nil {
			err = staysWithin(name, header.Linkname)
		}
	default:
		err = fmt.Errorf("%s is neither a file, a folder nor a link", name)
	}
	if err == nil {
		err = out.WriteHeader(header)
	}
	if err != nil || header.Typeflag != tar.TypeReg {
		return err
	}
	file, err := root.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(out, file)
	return err
}

// staysWithin refuses a link that leads out of its folder: .. may only come first, because after another link it would be that link's
// parent.
func staysWithin(name, target string) error {
	if target == "" || path.IsAbs(target) || path.Clean(target) != strings.TrimSuffix(target, "/") ||
		!filepath.IsLocal(path.Join(path.Dir(name), target)) {
		return fmt.Errorf("%s is a link to %q: links are relative and stay within the folder", name, target)
	}
	return nil
}

// unpack writes the content of an archive to a new folder.
func unpack(archive, folder string) error {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close() //nolint:errcheck // its files are closed
	u := &unpacker{root: root, left: mostUnpacked}
	if strings.HasSuffix(archive, ".zip") {
		return u.zip(archive)
	}
	return u.tar(archive)
}

// unpacker writes the entries of an archive to a folder.
type unpacker struct {
	root  *os.Root
	left  int64    // bytes that may still be written
	links []string // symbolic links so far
}

func (u *unpacker) tar(archive string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	text, err := gzip.NewReader(bufio.NewReader(file))
	if err != nil {
		return err
	}
	for in := tar.NewReader(text); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch header.Typeflag {
		case tar.TypeXGlobalHeader: // `git archive` writes the commit into it
		case tar.TypeLink:
			return fmt.Errorf("%s is a hard link to %s: only files, folders and symbolic links are taken", header.Name, header.Linkname)
		default:
			if err := u.entry(header.Name, header.FileInfo().Mode(), header.Linkname, in); err != nil {
				return err
			}
		}
	}
}

func (u *unpacker) zip(archive string) error {
	in, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer in.Close() //nolint:errcheck // only read
	for _, file := range in.File {
		content, err := file.Open()
		if err != nil {
			return err
		}
		target := []byte(nil)
		if file.Mode()&fs.ModeSymlink != 0 {
			target, err = io.ReadAll(io.LimitReader(content, 4096))
		}
		if err == nil {
			err = u.entry(file.Name, file.Mode(), string(target), content)
		}
		if err = errors.Join(err, content.Close()); err != nil {
			return err
		}
	}
	return nil
}

// entry writes one entry. Its folders need no entries of their own.
func (u *unpacker) entry(name string, mode fs.FileMode, target string, content io.Reader) error {
	clean := path.Clean(name)
	switch {
	case !filepath.IsLocal(name) || strings.Contains(name, `\`):
		return fmt.Errorf("%q leads out of the folder", name)
	case slices.ContainsFunc(u.links, func(link string) bool { return clean == link || strings.HasPrefix(clean, link+"/") }):
		return fmt.Errorf("%q is below a link, or there twice", name)
	}
	if err := u.root.MkdirAll(path.Dir(clean), 0o700); err != nil {
		return err
	}
	switch {
	case mode.IsDir():
		return u.root.MkdirAll(clean, 0o700)
	case mode.IsRegular():
		return u.file(clean, mode, content)
	case mode&fs.ModeSymlink != 0:
		if err := staysWithin(clean, target); err != nil {
			return err
		}
		u.links = append(u.links, clean)
		return u.root.Symlink(target, clean)
	}
	return fmt.Errorf("%q is neither a file, a folder nor a link", name)
}

func (u *unpacker) file(name string, mode fs.FileMode, content io.Reader) error {
	file, err := u.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600|mode&0o111)
	if err != nil {
		return err
	}
	written, err := io.Copy(file, io.LimitReader(content, u.left+1))
	if u.left -= written; err == nil && u.left < 0 {
		err = fmt.Errorf("it has more than %d GiB", mostUnpacked>>30)
	}
	return errors.Join(err, file.Close())
}
