package compute_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/compute"
)

// entry is an entry of a tar or a zip.
type entry struct {
	name, content string
	mode          fs.FileMode
	link          string
	kind          byte // of a tar; 0: by mode
}

// site is a folder with all that a folder may have.
func site(t *testing.T) string {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	folder := filepath.Join(t.TempDir(), "site")
	write(t, folder, map[string]string{"index.html": "index", "css/a.css": "a", "bin/tool": "#!/bin/sh\n", "ü ö": "x", ".env": "A=1"})
	require.NoError(t, os.Chmod(filepath.Join(folder, "bin/tool"), 0o700))
	require.NoError(t, os.Mkdir(filepath.Join(folder, "empty"), 0o700))
	require.NoError(t, os.Symlink("../index.html", filepath.Join(folder, "css/home")))
	require.NoError(t, os.Symlink("css", filepath.Join(folder, "styles")))
	return folder
}

// content lists the entries of a tar.gz.
func content(t *testing.T, file string) []entry {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	uncompressed, err := gzip.NewReader(bytes.NewReader(text))
	require.NoError(t, err)
	var all []entry
	for in := tar.NewReader(uncompressed); ; {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		assert.Zero(t, header.Uid+header.Gid, header.Name)
		assert.Equal(t, time.Unix(0, 0), header.ModTime.Local(), header.Name)
		body, err := io.ReadAll(in)
		require.NoError(t, err)
		all = append(all, entry{name: header.Name, content: string(body), mode: fs.FileMode(header.Mode), link: header.Linkname})
	}
}

var packedSite = []entry{
	{name: ".env", content: "A=1", mode: 0o644},
	{name: "bin/", mode: 0o755},
	{name: "bin/tool", content: "#!/bin/sh\n", mode: 0o755},
	{name: "css/", mode: 0o755},
	{name: "css/a.css", content: "a", mode: 0o644},
	{name: "css/home", link: "../index.html", mode: 0o777},
	{name: "empty/", mode: 0o755},
	{name: "index.html", content: "index", mode: 0o644},
	{name: "styles", link: "css", mode: 0o777},
	{name: "ü ö", content: "x", mode: 0o644},
}

func TestAFolderIsPackedInTheSameWayEachTime(t *testing.T) {
	folder := site(t)
	first, err := compute.PackFolder(folder)
	require.NoError(t, err)
	assert.Equal(t, "site.tar.gz", filepath.Base(first))
	assert.Equal(t, packedSite, content(t, first))

	require.NoError(t, os.Chtimes(filepath.Join(folder, "index.html"), time.Now(), time.Now().Add(-time.Hour)))
	require.NoError(t, os.Chmod(filepath.Join(folder, "index.html"), 0o640))
	again, err := compute.PackFolder(folder)
	require.NoError(t, err)
	assert.Equal(t, first, again, "times, owners and modes do not count")

	write(t, folder, map[string]string{"index.html": "other"})
	changed, err := compute.PackFolder(folder)
	require.NoError(t, err)
	assert.NotEqual(t, first, changed)
	assert.FileExists(t, first, "what a deployment may still be reading")
	left, err := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(first)), "pack-*"))
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestWhatAFolderMayNotHaveIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		add  func(folder string) error
		want string
	}{
		"a link out of it":      {func(f string) error { return os.Symlink("../secret", f+"/a") }, `a is a link to "../secret"`},
		"a link further out":    {func(f string) error { return os.Symlink("../../x", f+"/css/a") }, `css/a is a link to "../../x"`},
		"an absolute link":      {func(f string) error { return os.Symlink(f+"/index.html", f+"/a") }, "links are relative and stay within"},
		"a way round":           {func(f string) error { return os.Symlink("styles/../../x", f+"/a") }, `a is a link to "styles/../../x"`},
		"the parent of a link":  {func(f string) error { return os.Symlink("styles/../x", f+"/a") }, `a is a link to "styles/../x"`},
		"a pipe":                {func(f string) error { return unix.Mkfifo(f+"/a", 0o600) }, "a is neither a file, a folder nor a link"},
		"no file in it at all":  {func(f string) error { return errors.Join(os.RemoveAll(f), os.MkdirAll(f+"/a", 0o700)) }, "it has no files"},
		"itself, for it is not": {os.RemoveAll, "no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			folder := site(t)
			require.NoError(t, c.add(folder))
			_, err := compute.PackFolder(folder)
			require.ErrorContains(t, err, "packing site: ")
			assert.ErrorContains(t, err, c.want)
		})
	}
}

// tarOf writes a tar.gz.
func tarOf(t *testing.T, name string, entries []entry) string {
	t.Helper()
	var text bytes.Buffer
	compressed := gzip.NewWriter(&text)
	out := tar.NewWriter(compressed)
	for _, e := range entries {
		header := &tar.Header{Name: e.name, Mode: int64(e.mode.Perm()), Size: int64(len(e.content)), Linkname: e.link, Typeflag: e.kind,
			ModTime: time.Now(), Uid: 1000, Uname: "me"}
		switch {
		case e.kind != 0:
		case strings.HasSuffix(e.name, "/"):
			header.Typeflag = tar.TypeDir
		case e.link != "":
			header.Typeflag = tar.TypeSymlink
		default:
			header.Typeflag = tar.TypeReg
		}
		require.NoError(t, out.WriteHeader(header))
		_, err := out.Write([]byte(e.content))
		require.NoError(t, err)
	}
	require.NoError(t, out.Close())
	require.NoError(t, compressed.Close())
	file := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(file, text.Bytes(), 0o600))
	return file
}

func zipOf(t *testing.T, entries []entry) string {
	t.Helper()
	var text bytes.Buffer
	out := zip.NewWriter(&text)
	for _, e := range entries {
		header := &zip.FileHeader{Name: e.name}
		body := e.content
		switch {
		case e.link != "":
			header.SetMode(fs.ModeSymlink | 0o777)
			body = e.link
		case strings.HasSuffix(e.name, "/"):
			header.SetMode(fs.ModeDir | 0o755)
		default:
			header.SetMode(e.mode)
		}
		w, err := out.CreateHeader(header)
		require.NoError(t, err)
		_, err = w.Write([]byte(body))
		require.NoError(t, err)
	}
	require.NoError(t, out.Close())
	file := filepath.Join(t.TempDir(), "site.zip")
	require.NoError(t, os.WriteFile(file, text.Bytes(), 0o600))
	return file
}

func TestAnArchiveGivesWhatItsFolderGives(t *testing.T) {
	folder := site(t)
	want, err := compute.PackFolder(folder)
	require.NoError(t, err)
	reversed := make([]entry, 0, len(packedSite))
	for _, e := range packedSite {
		reversed = append([]entry{e}, reversed...) // the order does not count
	}
	for _, file := range []string{
		tarOf(t, "site.tar.gz", reversed), tarOf(t, "site.tgz", packedSite), zipOf(t, reversed),
		tarOf(t, "site.tar.gz", append([]entry{{name: "./"}}, reversed...)),
	} {
		got, err := compute.PackArchive(file)
		require.NoError(t, err, file)
		assert.Equal(t, want, got)
	}
}

func TestAnArchiveThatLeadsElsewhereIsRefused(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	for name, c := range map[string]struct {
		entries []entry
		want    string
	}{
		"a path out of it":  {[]entry{{name: "../a", content: "x"}}, `"../a" leads out of the folder`},
		"an absolute path":  {[]entry{{name: "/etc/passwd", content: "x"}}, `"/etc/passwd" leads out of the folder`},
		"a path of Windows": {[]entry{{name: `a\..\..\b`, content: "x"}}, "leads out of the folder"},
		"a link out of it":  {[]entry{{name: "a", link: "../b"}}, `a is a link to "../b"`},
		"an absolute link":  {[]entry{{name: "a", link: "/etc"}}, `a is a link to "/etc"`},
		"a file below a link": {
			[]entry{{name: "d/x", content: "x"}, {name: "a", link: "d"}, {name: "a/b", content: "x"}}, `"a/b" is below a link`,
		},
		"a file twice":  {[]entry{{name: "a", content: "x"}, {name: "a", content: "y"}}, "file exists"},
		"an empty one":  {nil, "it has no files"},
		"folders alone": {[]entry{{name: "a/"}}, "it has no files"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, file := range []string{tarOf(t, "site.tar.gz", c.entries), zipOf(t, c.entries)} {
				_, err := compute.PackArchive(file)
				require.ErrorContains(t, err, "unpacking "+filepath.Base(file)+": ")
				assert.ErrorContains(t, err, c.want)
			}
		})
	}
	for name, c := range map[string]struct {
		entry entry
		want  string
	}{
		"a hard link": {entry{name: "a", link: "b", kind: tar.TypeLink}, "a is a hard link to b"},
		"a device":    {entry{name: "a", kind: tar.TypeChar}, `"a" is neither a file, a folder nor a link`},
		"a pipe":      {entry{name: "a", kind: tar.TypeFifo}, `"a" is neither a file, a folder nor a link`},
	} {
		_, err := compute.PackArchive(tarOf(t, "site.tar.gz", []entry{c.entry}))
		require.ErrorContains(t, err, c.want, name)
	}
	broken := filepath.Join(t.TempDir(), "site.tar.gz")
	require.NoError(t, os.WriteFile(broken, []byte("no archive"), 0o600))
	_, err := compute.PackArchive(broken)
	require.ErrorContains(t, err, "unpacking site.tar.gz: gzip: invalid header")
}

func FuzzAnArchiveIsPackedOrRefused(f *testing.F) {
	f.Add("a", "b", "../c", "d/e")
	f.Add("a/", "a/b", ".", "..")
	f.Add("x", "x/../../y", "/", "\x00")
	f.Fuzz(func(t *testing.T, one, two, target, three string) {
		t.Setenv("XDG_CACHE_HOME", t.TempDir())
		var text bytes.Buffer
		compressed := gzip.NewWriter(&text)
		out := tar.NewWriter(compressed)
		for _, header := range []tar.Header{
			{Name: one, Typeflag: tar.TypeReg, Size: 1, Mode: 0o644}, {Name: two, Linkname: target, Typeflag: tar.TypeSymlink},
			{Name: three, Typeflag: tar.TypeReg, Size: 1, Mode: 0o755},
		} {
			if out.WriteHeader(&header) != nil {
				return
			}
			if header.Size > 0 {
				_, _ = out.Write([]byte("x"))
			}
		}
		_ = out.Close()
		_ = compressed.Close()
		folder := t.TempDir()
		file := filepath.Join(folder, "a.tar.gz")
		require.NoError(t, os.WriteFile(file, text.Bytes(), 0o600))
		packed, err := compute.PackArchive(file)
		if err != nil {
			return
		}
		for _, e := range content(t, packed) {
			assert.True(t, filepath.IsLocal(e.name), e.name)
			if e.link != "" {
				assert.True(t, filepath.IsLocal(filepath.Join(filepath.Dir(e.name), e.link)), e.link)
			}
		}
	})
}
