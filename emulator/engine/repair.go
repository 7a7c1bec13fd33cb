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

	"github.com/elastic-service/elastic-service/emulator/api"
)

// connectionLost is the error of an operation that has lost the emulator's providers.
const connectionLost = "the connection to the emulator was lost: it has ended (see emulator.log); run `up` to go on"

// isCutOff reports whether a message has the words of gRPC for a lost connection, or those of Pulumi for an emulator that ended before it
// was connected.
func isCutOff(message string) bool {
	return slices.ContainsFunc([]string{
		"code = Unavailable", "connection error: desc", "error reading from server", "transport is closing", "the client connection is closing",
		"did not begin responding to RPC connections",
	}, func(words string) bool { return strings.Contains(message, words) })
}

// distinct removes repeated messages, and messages that only follow from another failure: that the update failed, and that the program
// has lost its connection to the engine.
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

// unfinished is a file that exists while an operation is under way, and after a failure. The operation may have done more than Pulumi's
// state says.
func (e *Engine) unfinished() string { return filepath.Join(e.folder, "unfinished-"+e.name) }

func (e *Engine) begin() error { return os.WriteFile(e.unfinished(), nil, 0o600) }

func (e *Engine) end(err error) error {
	if err != nil {
		return err
	}
	if err := os.Remove(e.unfinished()); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil // another operation has removed it
}

// DeleteOrphans has the emulator delete the resources of a stack that were created and are not known, and returns them.
type DeleteOrphans func(ctx context.Context, stack string, known []api.Resource) ([]api.Resource, error)

// Repair brings Pulumi's state and the emulated cloud together after an operation that was cut short, because the emulator or Pulumi was
// killed. It removes the lock that Pulumi left, has the emulator delete the resources that are not in Pulumi's state, and removes pending
// operations from the state. It returns what was deleted. After an operation that was finished it does nothing.
func (e *Engine) Repair(ctx context.Context, deleteOrphans DeleteOrphans) ([]api.Resource, error) {
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
	var known []api.Resource
	for _, r := range deployment.Resources {
		known = append(known, api.Resource{Type: string(r.Type), ID: string(r.ID)})
	}
	gone, err := deleteOrphans(ctx, e.name, known)
	if err != nil || len(deployment.PendingOperations) == 0 {
		return gone, err
	}
	return gone, e.forgetPending(ctx, state)
}

// forgetPending removes the pending operations from a state. Pulumi would warn of creations among them from then on.
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

// mend deletes the files that Pulumi was writing to its backend when it was killed: temporary files, and incomplete attributes of files.
// Pulumi reads a file without attributes, but not a file with incomplete ones.
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

// holderPatience is how long Pulumi may need to notice that its emulator is gone.
const holderPatience = 30 * time.Second

// takeLock removes the lock that Pulumi left when it was killed.
func (e *Engine) takeLock(ctx context.Context) error {
	left, err := e.awaitHolders(ctx)
	if err != nil || !left {
		return err
	}
	return e.unlock(ctx)
}

// awaitHolders waits while Pulumi still works on the stack, and reports whether a lock is left without a process.
func (e *Engine) awaitHolders(ctx context.Context) (left bool, err error) {
	waited, cancel := context.WithTimeout(ctx, holderPatience)
	defer cancel()
	for {
		holders, left, err := e.locks()
		if err != nil || len(holders) == 0 {
			return left, err
		}
		select {
		case <-waited.Done():
			return false, fmt.Errorf("process %d (pulumi) still works on stack %s: wait for it, or end it", holders[0], e.name)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// locks lists the processes that hold the stack's lock, and reports whether there is a lock. A lock is a file that names its process.
func (e *Engine) locks() (holders []int, left bool, err error) {
	files, err := filepath.Glob(filepath.Join(e.folder, "backend", ".pulumi", "locks", "*", "*", e.name, "*.json"))
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has been removed meanwhile
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

// isPulumi reports whether a process is Pulumi's CLI, and runs.
func isPulumi(pid int) bool {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return false
	}
	stat, err := p.Stat()
	return err == nil && strings.HasPrefix(stat.Comm, "pulumi") && stat.State != "Z"
}
