// Package enginetest has what end-to-end tests share that run the real Pulumi engine.
package enginetest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/engine"
	"github.com/elastic-service/elastic-service/internal/project"
)

// buildLimit leaves the tests themselves some of the ten minutes that `go test` gives a package.
const buildLimit = 4 * time.Minute

var buildCLI = sync.OnceValue(func() error {
	root, err := project.Root()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), buildLimit)
	defer cancel()
	_, err = engine.CLI(ctx, root, os.Stderr)
	return err
})

// NeedCLI builds the Pulumi CLI if it is missing, which takes minutes on a new machine, and waits for the end-to-end tests of other
// packages: their timing needs the machine's cores. It skips the test on a machine that is too slow for the build; the compiler's cache
// is kept, so that the next run has less to do. With CI set it fails the test instead.
func NeedCLI(t *testing.T) {
	t.Helper()
	err := buildCLI()
	if errors.Is(err, context.DeadlineExceeded) && os.Getenv("CI") == "" {
		t.Skipf("the Pulumi CLI was not built within %v: run the tests again to go on with the build", buildLimit)
	}
	require.NoError(t, err)
	reserveMachine(t)
}

// reserveMachine holds a lock until the test has ended.
func reserveMachine(t *testing.T) {
	t.Helper()
	name := filepath.Join(os.TempDir(), fmt.Sprintf("elastic-service-tests-%d.lock", os.Getuid()))
	lock, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	require.NoError(t, err)
	require.NoError(t, unix.Flock(int(lock.Fd()), unix.LOCK_EX))
	t.Cleanup(func() { lock.Close() })
}

// Logger is a writer that passes lines on to a test's log.
type Logger struct{ T *testing.T }

func (l *Logger) Write(p []byte) (int, error) {
	l.T.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}
