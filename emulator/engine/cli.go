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
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
)

// CLIVersion is the version of the CLI that tools/go.mod pins.
const CLIVersion = "v3.259.0"

// CLI returns the Pulumi CLI: the one on PATH if it is recent enough for the Automation API, otherwise one that is built
// from the module in root/tools, once, and kept in the user's cache folder. A build takes minutes and says how far it is.
func CLI(ctx context.Context, root string, progress io.Writer) (auto.PulumiCommand, error) {
	onPath, err := auto.NewPulumiCommand(nil)
	if err == nil {
		return onPath, nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, fmt.Errorf("no folder to keep the Pulumi CLI in: %w", err)
	}
	home := filepath.Join(cache, "elastic-service", "pulumi-"+CLIVersion)
	if _, err := os.Stat(filepath.Join(home, "bin", "pulumi")); errors.Is(err, os.ErrNotExist) {
		if err := build(ctx, filepath.Join(root, "tools"), home, progress); err != nil {
			return nil, fmt.Errorf("building the Pulumi CLI: %w", err)
		}
	}
	command, err := auto.NewPulumiCommand(&auto.PulumiCommandOptions{Root: home})
	if err != nil {
		return nil, fmt.Errorf("the Pulumi CLI in %s is no use (delete the folder to have it built again): %w", home, err)
	}
	return command, nil
}

// build compiles the CLI into home/bin. It appears there only when it is complete.
func build(ctx context.Context, module, home string, progress io.Writer) error {
	fmt.Fprintf(progress, "no pulumi on PATH: building the Pulumi CLI %s, once, into %s\n", CLIVersion, home)
	bin := filepath.Join(home, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil { //nolint:gosec // a cache of public programs
		return err
	}
	partial, err := os.CreateTemp(bin, "pulumi-*")
	if err != nil {
		return err
	}
	defer os.Remove(partial.Name())
	_ = partial.Close()

	// Without its version in it, the Automation API refuses the CLI.
	command := exec.CommandContext(ctx, "go", //nolint:gosec // constants and our own file's name
		"build", "-v", "-trimpath", "-o", partial.Name(),
		"-ldflags", "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version="+CLIVersion,
		"github.com/pulumi/pulumi/pkg/v3/cmd/pulumi")
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) } // it removes its temporary files
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
	failure := follow(output, progress)
	if err := command.Wait(); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w\n%s", err, failure)
	}
	if err := os.Chmod(partial.Name(), 0o755); err != nil { //nolint:gosec // a program
		return err
	}
	return os.Rename(partial.Name(), filepath.Join(bin, "pulumi"))
}

// follow counts the packages that `go build -v` names, says so every few seconds, and returns the lines that name none:
// what went wrong.
func follow(output io.Reader, progress io.Writer) string {
	const every = 5 * time.Second
	var failure bytes.Buffer
	start, said, packages, modules := time.Now(), time.Now(), 0, 0
	for lines := bufio.NewScanner(output); lines.Scan(); {
		switch line := lines.Text(); {
		case strings.HasPrefix(line, "go: downloading"):
			modules++
		case strings.ContainsAny(line, " :"):
			fmt.Fprintln(&failure, line)
		default:
			packages++
		}
		if time.Since(said) > every {
			said = time.Now()
			fmt.Fprintf(progress, "  %3.0f s: %d modules downloaded, %d packages compiled\n",
				time.Since(start).Seconds(), modules, packages)
		}
	}
	return failure.String()
}
