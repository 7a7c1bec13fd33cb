package compute

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/userdata"
)

// File is a file or a folder that each instance gets.
type File struct {
	Path    string // on the instance, absolute
	Source  string // the local file
	SHA256  string // of its content, hex
	Archive bool   // Source is a tar.gz whose content becomes the folder Path, see [PackFolder]
}

// Config is a file with a mode and an owner that each instance gets. Its content is in the user data, unless it has a Source.
type Config struct {
	userdata.File

	Source string // the local file with the content that goes through the bucket; SHA256 is its hash
}

// graviton matches the types of instances with ARM processors: a1, a g among the letters after the generation, and the
// Grace processors that come with GB200 graphics.
var graviton = regexp.MustCompile(`^(a1|[a-z]+[0-9]+[a-z]*g[a-z]*|[a-z0-9]+-gb[0-9]+)[.-]`)

// Architecture returns the GOARCH of an instance type: "arm64" or "amd64".
func Architecture(instanceType string) string {
	if graviton.MatchString(instanceType) {
		return "arm64"
	}
	return "amd64"
}

// Build compiles the Go package pkg of the module at root for Linux on arch and returns the executable's path, which is
// named for its content and never changes it. The same source and compiler give the same bytes, wherever root is and
// whatever the user's environment sets, so that only a change of the source shows as a change of the stack.
//
// Executables are kept below [os.UserCacheDir]; it is safe to delete them whenever no deployment runs.
func Build(ctx context.Context, root, pkg, arch string) (string, error) {
	failed := func(err error) (string, error) {
		return "", fmt.Errorf("building %s for linux/%s: %w", pkg, arch, err)
	}
	cache, err := artifactCache(arch)
	if err != nil {
		return failed(err)
	}
	// In the cache, so that a rename can put the executable into place.
	work, err := os.MkdirTemp(cache, "build-")
	if err != nil {
		return failed(err)
	}
	defer os.RemoveAll(work)
	if err := compile(ctx, root, pkg, arch, work); err != nil {
		return failed(err)
	}
	executable, err := onlyFile(work)
	if err != nil {
		return failed(err)
	}
	kept, err := keep(cache, executable)
	if err != nil {
		return failed(err)
	}
	return kept, nil
}

// Hash returns the SHA-256 of a file's content in hex.
func Hash(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", fmt.Errorf("hashing %s: %w", file, err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func artifactCache(arch string) (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache := filepath.Join(base, "elastic-service", "artifacts", arch)
	return cache, os.MkdirAll(cache, 0o750)
}

// compile writes the executable into a folder. If -o names a folder, the compiler refuses a package that is not main; if it
// names a file, the compiler writes the object code of a library there.
func compile(ctx context.Context, root, pkg, arch, folder string) error {
	build := exec.CommandContext(ctx, "go", "build", //nolint:gosec // to build what the settings name is the purpose
		"-trimpath", "-buildvcs=false", "-ldflags", "-s -w -buildid=", "-o", folder+string(filepath.Separator), "--", pkg)
	build.Dir = root
	build.Env = buildEnvironment(os.Environ(), arch)
	build.WaitDelay = 5 * time.Second
	output, err := build.CombinedOutput()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case len(bytes.TrimSpace(output)) == 0:
		return err
	default:
		return errors.New(firstLines(string(output), 20))
	}
}

// buildEnvironment returns the user's environment with everything fixed that would change the executable's bytes. GOFLAGS
// gets a flag that is set anyway: an empty value would leave the value of `go env -w` in place.
func buildEnvironment(user []string, arch string) []string {
	env := slices.DeleteFunc(slices.Clone(user), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return name == "GOEXPERIMENT" || name == "GOROOT" || name == "PWD"
	})
	return append(env, "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0",
		"GOFIPS140=off", "GO111MODULE=on", "GOWORK=off", "GOFLAGS=-trimpath")
}

// onlyFile returns the path of the only file in a folder.
func onlyFile(folder string) (string, error) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return "", err
	}
	if len(entries) != 1 {
		return "", fmt.Errorf("names %d executables, not one", len(entries))
	}
	return filepath.Join(folder, entries[0].Name()), nil
}

// keep moves an executable to a folder named for its content. Two builds at the same time move the same bytes there.
func keep(cache, executable string) (string, error) {
	sum, err := Hash(executable)
	if err != nil {
		return "", err
	}
	folder := filepath.Join(cache, sum)
	kept := filepath.Join(folder, filepath.Base(executable))
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return "", err
	}
	return kept, os.Rename(executable, kept)
}

// firstLines returns the first n lines of a text, without space around it.
func firstLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > n {
		lines = append(lines[:n], fmt.Sprintf("… and %d lines more", len(lines)-n))
	}
	return strings.Join(lines, "\n")
}
