package compute_test

import (
	"context"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/compute"
)

func TestArchitectureFollowsTheInstanceFamily(t *testing.T) {
	for instanceType, want := range map[string]string{
		"t2.micro": "amd64", "t3.micro": "amd64", "t3a.small": "amd64", "m5.large": "amd64", "m7i-flex.large": "amd64",
		"g4dn.xlarge": "amd64", "g4ad.xlarge": "amd64", "g5.xlarge": "amd64", "g6.xlarge": "amd64", "g6e.xlarge": "amd64",
		"gr6.4xlarge": "amd64", "u-6tb1.metal": "amd64", "u7in-16tb.224xlarge": "amd64", "c5.metal": "amd64",
		"a1.medium": "arm64", "t4g.micro": "arm64", "m6g.large": "arm64", "m6gd.metal": "arm64", "c7gn.16xlarge": "arm64",
		"r8gd.metal-24xl": "arm64", "im4gn.large": "arm64", "is4gen.medium": "arm64", "g5g.xlarge": "arm64",
		"x2gd.medium": "arm64", "hpc7g.4xlarge": "arm64", "i8ge.large": "arm64", "p6e-gb200.36xlarge": "arm64",
	} {
		assert.Equal(t, want, compute.Architecture(instanceType), instanceType)
	}
}

// module writes files of a Go module and returns its folder. Artifacts are kept apart from the user's; the compiler's
// own cache is not, or each test would compile the standard library.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	goCache, err := exec.Command("go", "env", "GOCACHE").Output()
	require.NoError(t, err)
	t.Setenv("GOCACHE", strings.TrimSpace(string(goCache)))
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	root := t.TempDir()
	write(t, root, files)
	return root
}

func write(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		file := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	}
}

func hello() map[string]string {
	return map[string]string{
		"go.mod":            "module example.org/hello\n\ngo 1.26\n",
		"cmd/hello/main.go": "package main\n\nfunc main() { println(`hello`) }\n",
		"library/lib.go":    "package library\n",
		"broken/main.go":    "package main\n\nfunc main() { undefined() }\n",
	}
}

func build(t *testing.T, root, arch string) string {
	t.Helper()
	path, err := compute.Build(t.Context(), root, "./cmd/hello", arch)
	require.NoError(t, err)
	return path
}

func TestBuildGivesTheSameFileForTheSameSource(t *testing.T) {
	root := module(t, hello())
	elsewhere := filepath.Join(t.TempDir(), "a", "deeper", "place")
	write(t, elsewhere, hello())

	first := build(t, root, "amd64")
	assert.Equal(t, first, build(t, root, "amd64"), "a second build")
	assert.Equal(t, first, build(t, elsewhere, "amd64"), "the same source at another path")

	t.Setenv("GOFLAGS", "-tags=other")
	t.Setenv("GOWORK", "/nowhere/go.work")
	t.Setenv("GO111MODULE", "off")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("CGO_ENABLED", "1")
	assert.Equal(t, first, build(t, root, "amd64"), "another environment")

	write(t, root, map[string]string{"cmd/hello/main.go": "package main\n\nfunc main() { println(`bye`) }\n"})
	changed := build(t, root, "amd64")
	assert.NotEqual(t, first, changed, "another source")
	assert.FileExists(t, first, "what a deployment may still be reading")
}

func TestBuildIsAStaticExecutableOfTheArchitecture(t *testing.T) {
	root := module(t, hello())
	for arch, machine := range map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64} {
		path := build(t, root, arch)
		assert.Equal(t, "hello", filepath.Base(path))
		executable, err := elf.Open(path)
		require.NoError(t, err)
		assert.Equal(t, machine, executable.Machine)
		assert.Nil(t, executable.Section(".interp"), "a static executable asks for no dynamic linker")
		require.NoError(t, executable.Close())
	}
}

func TestBuildDoesNotDependOnTheWorkingDirectory(t *testing.T) {
	root := module(t, hello())
	first := build(t, root, "amd64")
	t.Chdir(t.TempDir())
	assert.Equal(t, first, build(t, root, "amd64"))
}

func TestBuildsAtTheSameTimeDoNotDisturbEachOther(t *testing.T) {
	root := module(t, hello())
	paths := make([]string, 4)
	errs := make([]error, len(paths))
	var group sync.WaitGroup
	for i := range paths {
		group.Go(func() { paths[i], errs[i] = compute.Build(t.Context(), root, "./cmd/hello", "amd64") })
	}
	group.Wait()
	for i := range paths {
		require.NoError(t, errs[i])
		assert.Equal(t, paths[0], paths[i])
	}
	hash, err := compute.Hash(paths[0])
	require.NoError(t, err)
	assert.Equal(t, filepath.Base(filepath.Dir(paths[0])), hash)
	leftovers, err := filepath.Glob(filepath.Join(filepath.Dir(filepath.Dir(paths[0])), "build-*"))
	require.NoError(t, err)
	assert.Empty(t, leftovers)
}

func TestBuildNamesThePackageAndWhatIsWrongWithIt(t *testing.T) {
	root := module(t, hello())
	for name, c := range map[string]struct{ pkg, message string }{
		"it does not compile":  {"./broken", "undefined: undefined"},
		"it does not exist":    {"./missing", "missing: directory not found"},
		"it is a library":      {"./library", "no main packages to build"},
		"it looks like a flag": {"-x", "leading dash"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := compute.Build(t.Context(), root, c.pkg, "amd64")
			require.ErrorContains(t, err, "building "+c.pkg+" for linux/amd64: ")
			assert.ErrorContains(t, err, c.message)
		})
	}
}

func TestBuildOutsideOfAModuleSaysSo(t *testing.T) {
	module(t, nil)
	_, err := compute.Build(t.Context(), t.TempDir(), "./cmd/hello", "amd64")
	require.ErrorContains(t, err, "go.mod")
}

func TestBuildEndsWithItsContext(t *testing.T) {
	root := module(t, hello())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := compute.Build(ctx, root, "./cmd/hello", "amd64")
	require.ErrorIs(t, err, context.Canceled)
}

func TestHashIsTheSHA256OfTheContent(t *testing.T) {
	file := filepath.Join(t.TempDir(), "abc")
	require.NoError(t, os.WriteFile(file, []byte("abc"), 0o600))
	hash, err := compute.Hash(file)
	require.NoError(t, err)
	assert.Equal(t, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", hash)

	_, err = compute.Hash(file + ".missing")
	assert.ErrorIs(t, err, os.ErrNotExist)
}
