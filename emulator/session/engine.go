package session

import (
	"context"
	"io"
	"path/filepath"

	"github.com/elastic-service/elastic-service/emulator/engine"
	"github.com/elastic-service/elastic-service/internal/project"
	"github.com/elastic-service/elastic-service/stack"
)

// OpenEngine prepares Pulumi for a stack, with the providers that environment attaches. The emulator behind them may run in
// another process.
func OpenEngine(ctx context.Context, o Options, environment map[string]string) (*engine.Engine, error) {
	if err := validateTypes(o.Root, o.Stack); err != nil {
		return nil, err
	}
	// o.Root may be a copy of the settings alone; the CLI is built from the project itself.
	source, err := project.Root()
	if err != nil {
		return nil, err
	}
	cli, err := engine.CLI(ctx, source, o.Err)
	if err != nil {
		return nil, err
	}
	var progress io.Writer
	if o.Verbose {
		progress = o.Err
	}
	return engine.Open(ctx, engine.Options{
		CLI: cli, Root: o.Root, Stack: o.Stack, Folder: filepath.Join(o.Folder, "pulumi"), Program: stack.Deploy,
		Environment: environment, Progress: progress,
	})
}
