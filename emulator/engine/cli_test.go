package engine

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheCLIsVersionIsTheOneThatIsPinned(t *testing.T) {
	pins, err := os.ReadFile("../../tools/go.mod")
	require.NoError(t, err)
	assert.Contains(t, string(pins), "github.com/pulumi/pulumi/pkg/v3 "+CLIVersion)
}

func TestABuildsOutputIsCountedAndItsErrorsAreKept(t *testing.T) {
	var progress bytes.Buffer
	failure := reportBuild(strings.NewReader("go: downloading example.com/a v1.0.0\nexample.com/a\nexample.com/b\n"+
		"# example.com/b\nb.go:1:1: syntax error\n"), &progress)
	assert.Equal(t, "# example.com/b\nb.go:1:1: syntax error\n", failure)
}

// anEmptyModule has no Pulumi to be built.
func anEmptyModule(t *testing.T) string {
	t.Helper()
	module := t.TempDir()
	require.NoError(t, os.WriteFile(module+"/go.mod", []byte("module example.com/empty\n\ngo 1.26\n"), 0o600))
	return module
}

func TestABuildThatFailsSaysWhyAndLeavesNothing(t *testing.T) {
	home := filepath.Join(t.TempDir(), "pulumi")
	require.NoError(t, os.MkdirAll(home+"/bin", 0o700))
	require.NoError(t, os.WriteFile(home+"/bin/pulumi-partial", []byte("of a build that was killed"), 0o600))
	err := buildOnce(t.Context(), anEmptyModule(t), home, io.Discard)
	require.ErrorContains(t, err, "github.com/pulumi/pulumi/pkg/v3")
	left, err := os.ReadDir(home + "/bin")
	require.NoError(t, err)
	assert.Empty(t, left)
}

// waiting tells when something is written to it.
type waiting struct {
	once sync.Once
	said chan string
}

func (w *waiting) Write(p []byte) (int, error) {
	w.once.Do(func() { w.said <- string(p) })
	return len(p), nil
}

func TestTheSecondOfTwoBuildersWaitsAndTakesWhatTheFirstBuilt(t *testing.T) {
	home := filepath.Join(t.TempDir(), "pulumi")
	require.NoError(t, os.MkdirAll(home+"/bin", 0o700))
	lock, err := awaitLock(t.Context(), home+".lock", io.Discard)
	require.NoError(t, err)
	second, ended := &waiting{said: make(chan string, 1)}, make(chan error, 1)
	module := anEmptyModule(t)
	go func() { ended <- buildOnce(t.Context(), module, home, second) }()
	assert.Equal(t, "another process builds the Pulumi CLI: waiting for it, 0 s so far\n", <-second.said)
	require.NoError(t, os.WriteFile(home+"/bin/pulumi", nil, 0o600))
	require.NoError(t, lock.Close())
	require.NoError(t, <-ended)
}

func TestABuilderThatWaitsCanBeInterrupted(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	lock, err := awaitLock(t.Context(), name, io.Discard)
	require.NoError(t, err)
	defer lock.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = awaitLock(ctx, name, io.Discard)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
