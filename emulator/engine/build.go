package engine

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// packages is about how many packages the CLI is compiled from, the standard library included.
const packages = 1700

// reportEvery is the time between two lines about a build.
const reportEvery = 5 * time.Second

// buildOnce builds the CLI into home/bin unless it is there. One process at a time builds; the others wait for it. A lock that a
// process held when it was killed is free.
func buildOnce(ctx context.Context, module, home string, progress io.Writer) error {
	if isBuilt(home) {
		return nil
	}
	bin := filepath.Join(home, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil { //nolint:gosec // a cache of public programs
		return err
	}
	lock, err := awaitLock(ctx, home+".lock", progress)
	if err != nil {
		return err
	}
	defer lock.Close()
	if isBuilt(home) { // by the process that held the lock
		return nil
	}
	return build(ctx, module, bin, progress)
}

// awaitLock takes a lock, and says what it waits for.
func awaitLock(ctx context.Context, name string, progress io.Writer) (*os.File, error) {
	lock, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	start, said := time.Now(), time.Time{}
	for {
		err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return lock, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			lock.Close()
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if time.Since(said) > 6*reportEvery {
			said = time.Now()
			fmt.Fprintf(progress, "another process builds the Pulumi CLI: waiting for it, %.0f s so far\n", time.Since(start).Seconds())
		}
		select {
		case <-ctx.Done():
			lock.Close()
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// build compiles the CLI into a folder. The CLI appears in the folder only when it is complete; what a build that was killed left
// there is removed. The caller holds the lock.
func build(ctx context.Context, module, bin string, progress io.Writer) error {
	fmt.Fprintf(progress, "no recent pulumi is on PATH: building the Pulumi CLI %s once, 3 to 8 minutes on two cores, into %s\n", CLIVersion,
		bin)
	leftovers, err := filepath.Glob(filepath.Join(bin, "pulumi-*"))
	if err != nil {
		return err
	}
	for _, file := range leftovers {
		os.Remove(file)
	}
	partial := filepath.Join(bin, fmt.Sprintf("pulumi-%d", os.Getpid())) // the compiler of a killed build may still write to another
	defer os.Remove(partial)
	start := time.Now()
	if err := compile(ctx, module, partial, progress); err != nil {
		return err
	}
	if err := os.Rename(partial, filepath.Join(bin, "pulumi")); err != nil {
		return err
	}
	fmt.Fprintf(progress, "built the Pulumi CLI in %.0f s\n", time.Since(start).Seconds())
	return nil
}

// compile has go build the CLI.
func compile(ctx context.Context, module, to string, progress io.Writer) error {
	// The Automation API refuses a CLI that does not know its version.
	command := exec.CommandContext(ctx, "go", //nolint:gosec // constants and the name of a file in the cache
		"build", "-v", "-trimpath", "-o", to,
		"-ldflags", "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version="+CLIVersion,
		"github.com/pulumi/pulumi/pkg/v3/cmd/pulumi")
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) } // go removes its temporary files then
	command.WaitDelay = 10 * time.Second
	command.Dir = module
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off", "GOOS=", "GOARCH=")
	output, err := command.StderrPipe()
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return fmt.Errorf("go: %w", err)
	}
	failure := reportBuild(output, progress)
	if err := command.Wait(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w\n%s", err, failure)
	}
	return nil
}

// reportBuild counts the modules and packages that `go build -v` names, reports them every few seconds, and returns the other lines,
// which say what went wrong.
func reportBuild(output io.Reader, progress io.Writer) string {
	var failure bytes.Buffer
	start, said, compiled, downloaded := time.Now(), time.Now(), 0, 0
	for lines := bufio.NewScanner(output); lines.Scan(); {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "go: downloading"):
			downloaded++
		case strings.ContainsAny(line, " :"):
			fmt.Fprintln(&failure, line)
		default:
			compiled++
		}
		if time.Since(said) > reportEvery {
			said = time.Now()
			fmt.Fprintf(progress, "  %3.0f s: %d modules downloaded, %d of about %d packages compiled\n", time.Since(start).Seconds(),
				downloaded, compiled, packages)
		}
	}
	return failure.String()
}
