package session

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/internal/project"
)

// EnterProject finds the project, makes it the working directory, as Pulumi does, and checks that the stack exists.
func EnterProject(stack string) (root string, err error) {
	if root, err = project.Root(); err != nil {
		return "", err
	}
	if err := os.Chdir(root); err != nil {
		return "", err
	}
	names, err := project.Stacks(root)
	if err != nil {
		return "", err
	}
	if !slices.Contains(names, stack) {
		return "", fmt.Errorf("%w: --stack %q has no file Pulumi.%s.yaml; there is %v", ErrUsage, stack, stack, names)
	}
	return root, nil
}

// StateFolder returns where `up` keeps a stack between its runs.
func StateFolder(root, stack string) string { return filepath.Join(root, ".emulator", stack) }

// NewFolder creates a folder beside those that `up` keeps.
func NewFolder(root, name string) (string, error) {
	base := filepath.Join(root, ".emulator")
	if err := os.MkdirAll(base, 0o700); err != nil {
		return "", err
	}
	return os.MkdirTemp(base, name+"-")
}

// RemoveFolder deletes a session's folder, and the folder above it if that is empty then.
func RemoveFolder(folder string) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	_ = os.Remove(filepath.Dir(folder)) // fails while another stack has its state there
	return nil
}

// IsDeployed reports whether Pulumi has a state in a session's folder.
func IsDeployed(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "pulumi", "backend"))
	return !errors.Is(err, fs.ErrNotExist)
}

// AwaitUnlocked waits until no process works with a folder any more.
func AwaitUnlocked(ctx context.Context, folder string) error {
	const patience = 30 * time.Second
	return Poll(ctx, patience, func() bool {
		file, err := lock(folder)
		if err == nil {
			_ = file.Close()
		}
		return err == nil
	})
}

// Poll calls f every 50 ms until it returns true, ctx ends, or limit is over.
func Poll(ctx context.Context, limit time.Duration, f func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for !f() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("gave up after %v: %w", limit, ctx.Err())
		case <-ticker.C:
		}
	}
	return nil
}
