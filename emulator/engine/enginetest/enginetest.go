// Package enginetest has what end-to-end tests share that run the real Pulumi engine.
package enginetest

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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

// NeedCLI builds the Pulumi CLI if it is not there yet, which takes minutes on a new machine. It skips the test on a machine that
// is too slow for the build; the compiler's cache is kept, so that the next run has less to do. With CI set it fails the test
// instead.
func NeedCLI(t *testing.T) {
	t.Helper()
	err := buildCLI()
	if errors.Is(err, context.DeadlineExceeded) && os.Getenv("CI") == "" {
		t.Skipf("the Pulumi CLI was not built within %v: run the tests again, they go on from there", buildLimit)
	}
	require.NoError(t, err)
}

// Logger is a writer that passes lines on to a test's log.
type Logger struct{ T *testing.T }

func (l *Logger) Write(p []byte) (int, error) {
	l.T.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}
