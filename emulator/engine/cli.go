package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pulumi/pulumi/sdk/v3/go/auto"
)

// CLIVersion is the version of the CLI that tools/go.mod pins.
const CLIVersion = "v3.259.0"

// CLI returns the Pulumi CLI: the one on PATH if it is recent enough for the Automation API, otherwise one that is built once, from
// the module in root/tools, and kept in the user's cache folder. A build takes minutes, and reports its progress. If another process
// builds the CLI, this one waits for it.
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
	if err := buildOnce(ctx, filepath.Join(root, "tools"), home, progress); err != nil {
		return nil, fmt.Errorf("building the Pulumi CLI: %w", err)
	}
	command, err := auto.NewPulumiCommand(&auto.PulumiCommandOptions{Root: home})
	if err != nil {
		return nil, fmt.Errorf("the Pulumi CLI in %s does not work: %w (delete the folder to build it again)", home, err)
	}
	return command, nil
}

// isBuilt reports whether the CLI is in its folder.
func isBuilt(home string) bool {
	_, err := os.Stat(filepath.Join(home, "bin", "pulumi"))
	return !errors.Is(err, fs.ErrNotExist)
}
