package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/procfs"
	"github.com/pulumi/pulumi/sdk/v3/go/common/apitype"

	"github.com/elastic-service/elastic-service/emulator/provider"
)

// connectionLost is what an operation fails with that was cut off from the emulator's providers.
const connectionLost = "the connection to the emulator was lost: it has ended, see emulator.log; `up` goes on from where it was"

// isCutOff tells gRPC's words for a provider that is gone.
func isCutOff(message string) bool {
	return slices.ContainsFunc([]string{
		"code = Unavailable", "error reading from server", "transport is closing", "the client connection is closing",
	}, func(words string) bool { return strings.Contains(message, words) })
}

// distinct leaves out what was said before, and what only follows from another failure: that it failed, and that the
// program's own connection to the engine is lost then.
func distinct(messages []string) []string {
	var said []string
	for _, m := range messages {
		if !slices.Contains(said, m) {
			said = append(said, m)
		}
	}
	for _, consequence := range []string{"update failed", connectionLost} {
		if len(said) > 1 {
			said = slices.DeleteFunc(said, func(m string) bool { return m == consequence })
		}
	}
	return said
}

// An operation leaves a file while it is under way, and after a failure: what it did may be more than Pulumi remembers.
func (e *Engine) unfinished() string { return filepath.Join(e.folder, "unfinished") }

func (e *Engine) begin() error { return os.WriteFile(e.unfinished(), nil, 0o600) }

func (e *Engine) end(err error) error {
	if err != nil {
		return err
	}
	if err := os.Remove(e.unfinished()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil // an operation beside this one has removed it
}

// DeleteOrphans has the emulator delete the resources that were created and are not known, and returns them.
type DeleteOrphans func(ctx context.Context, known []provider.Resource) ([]provider.Resource, error)

// Repair makes up for an operation that did not come to its end, because the emulator or Pulumi was killed: it takes the
// lock away that Pulumi left, has the cloud delete what Pulumi didn't get to remember, and forgets what Pulumi began. It
// returns what was deleted. After an operation that was finished there is nothing to do.
func (e *Engine) Repair(ctx context.Context, deleteOrphans DeleteOrphans) ([]provider.Resource, error) {
	if _, err := os.Stat(e.unfinished()); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err := e.takeLock(ctx); err != nil {
		return nil, err
	}
	state, err := e.stack.Export(ctx)
	if err != nil {
		return nil, fmt.Errorf("state of Pulumi: %w", err)
	}
	var deployment apitype.DeploymentV3
	if len(state.Deployment) > 0 {
		if err := json.Unmarshal(state.Deployment, &deployment); err != nil {
			return nil, fmt.Errorf("state of Pulumi: %w", err)
		}
	}
	var known []provider.Resource
	for _, r := range deployment.Resources {
		known = append(known, provider.Resource{Type: string(r.Type), ID: string(r.ID)})
	}
	gone, err := deleteOrphans(ctx, known)
	if err != nil || len(deployment.PendingOperations) == 0 {
		return gone, err
	}
	return gone, e.forgetPending(ctx, state)
}

// forgetPending takes the operations out of a state that Pulumi had begun. It would go on to warn of those that create.
func (e *Engine) forgetPending(ctx context.Context, state apitype.UntypedDeployment) error {
	var deployment map[string]json.RawMessage
	if err := json.Unmarshal(state.Deployment, &deployment); err != nil {
		return err
	}
	delete(deployment, "pending_operations")
	var err error
	if state.Deployment, err = json.Marshal(deployment); err != nil {
		return err
	}
	if err := e.stack.Import(ctx, state); err != nil {
		return fmt.Errorf("state of Pulumi: %w", err)
	}
	return nil
}

// mend deletes what a Pulumi was writing to its backend when it was killed: files that had not got their names yet, and
// attributes of files, which are not written in one step as files are. Without attributes a file is read all the same, with
// half of them it is not.
func (e *Engine) mend(ctx context.Context) error {
	if _, err := os.Stat(e.unfinished()); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if _, err := e.awaitHolders(ctx); err != nil {
		return err
	}
	backend, err := os.OpenRoot(filepath.Join(e.folder, "backend"))
	if err != nil {
		return err
	}
	defer backend.Close() //nolint:errcheck // only read
	return fs.WalkDir(backend.FS(), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		switch filepath.Ext(path) {
		case ".tmp":
			return backend.Remove(path)
		case ".attrs":
			if text, err := backend.ReadFile(path); err != nil || json.Valid(text) {
				return err
			}
			return backend.Remove(path)
		}
		return nil
	})
}

// lastWords is how long a Pulumi may need to find out that its emulator is gone.
const lastWords = 30 * time.Second

// takeLock takes the lock away that a killed Pulumi left.
func (e *Engine) takeLock(ctx context.Context) error {
	left, err := e.awaitHolders(ctx)
	if err != nil || !left {
		return err
	}
	return e.Unlock(ctx)
}

// awaitHolders waits for a Pulumi that still works on the stack, and tells whether a lock is left that is nobody's.
func (e *Engine) awaitHolders(ctx context.Context) (left bool, err error) {
	waited, cancel := context.WithTimeout(ctx, lastWords)
	defer cancel()
	for {
		holders, left, err := e.locks()
		if err != nil || len(holders) == 0 {
			return left, err
		}
		select {
		case <-waited.Done():
			return false, fmt.Errorf("process %d, a Pulumi, still works on stack %s: wait for it, or end it", holders[0], e.name)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// locks lists the processes that hold the stack's lock, and tells whether there is one at all. Its file names the process
// that made it.
func (e *Engine) locks() (holders []int, left bool, err error) {
	files, err := filepath.Glob(filepath.Join(e.folder, "backend", ".pulumi", "locks", "*", "*", e.name, "*.json"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it is over
		}
		if err != nil {
			return nil, false, err
		}
		left = true
		var lock struct{ PID int }
		if json.Unmarshal(text, &lock) == nil && isPulumi(lock.PID) {
			holders = append(holders, lock.PID)
		}
	}
	return holders, left, err
}

func isPulumi(pid int) bool {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return false
	}
	stat, err := p.Stat()
	return err == nil && strings.HasPrefix(stat.Comm, "pulumi") && stat.State != "Z"
}
