// Package enginetest has what end-to-end tests share that run the real Pulumi engine.
package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/engine"
	"github.com/elastic-service/elastic-service/internal/project"
	"github.com/elastic-service/elastic-service/internal/thread"
)

// buildLimit leaves the tests themselves some of the ten minutes that `go test` gives a package.
const buildLimit = 4 * time.Minute

var prepare = sync.OnceValue(func() error {
	root, err := project.Root()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), buildLimit)
	defer cancel()
	if _, err := engine.CLI(ctx, root, os.Stderr); err != nil {
		return err
	}
	// A test that runs apart has no network, and builds the programs that its instances run.
	modules := exec.CommandContext(ctx, "go", "list", "-deps", "./cmd/...")
	modules.Dir, modules.Stderr = root, os.Stderr
	return modules.Run()
})

// Apart prepares an end-to-end test, which begins with
//
//	if enginetest.Apart(t) {
//		return
//	}
//
// It builds the Pulumi CLI and downloads modules if they are missing. As root it then runs the test in a process and a network namespace
// of its own, beside other tests, and returns true: the addresses, the folder and the environment of two tests are never the same. As
// another user it returns false, and the test runs in this process when no other end-to-end test runs on the machine.
//
// The build takes minutes on a new machine. Apart skips the test on a machine that is too slow for it; the compiler's cache is kept, so
// that the next run has less to do. With CI set it fails the test instead.
func Apart(t *testing.T) bool {
	t.Helper()
	if os.Getenv(apartVariable) == t.Name() {
		require.NoError(t, loopbackUp())
		return false
	}
	err := prepare()
	if errors.Is(err, context.DeadlineExceeded) && os.Getenv("CI") == "" {
		t.Skipf("the Pulumi CLI was not built within %v: run the tests again to go on with the build", buildLimit)
	}
	require.NoError(t, err)
	if os.Getuid() != 0 {
		reserve(t, 1)
		return false
	}
	t.Parallel()
	reserve(t, atOnce)
	runApart(t)
	return true
}

// apartVariable names the test that a process has been started for.
const apartVariable = "ELASTIC_SERVICE_TEST_APART"

// atOnce is how many end-to-end tests run at the same time, of all packages. They wait more than they compute.
var atOnce = runtime.NumCPU() + 1

// reserve waits until fewer than limit tests hold a place on this machine, and holds one until the test has ended.
func reserve(t *testing.T, limit int) {
	t.Helper()
	var places []*os.File
	for i := range limit {
		name := filepath.Join(os.TempDir(), fmt.Sprintf("elastic-service-tests-%d-%d.lock", os.Getuid(), i))
		place, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
		require.NoError(t, err)
		t.Cleanup(func() { place.Close() })
		places = append(places, place)
	}
	for {
		for _, place := range places {
			err := unix.Flock(int(place.Fd()), unix.LOCK_EX|unix.LOCK_NB)
			if err == nil {
				return
			}
			require.ErrorIs(t, err, unix.EWOULDBLOCK)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// runApart runs the test in a process of its own, with this process's flags.
func runApart(t *testing.T) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	name := "^" + strings.ReplaceAll(regexp.QuoteMeta(t.Name()), "/", "$/^") + "$"
	args := []string{"-test.run=" + name, "-test.v", "-test.count=1"}
	if deadline, ok := t.Deadline(); ok {
		// Earlier than this process's own, so that the goroutines of the test are shown.
		args = append(args, "-test.timeout="+max(time.Second, time.Until(deadline)-5*time.Second).String())
	}
	test := exec.CommandContext(t.Context(), self, args...) //nolint:gosec // the test itself
	test.Env = append(os.Environ(), apartVariable+"="+t.Name())
	test.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	var out bytes.Buffer
	test.Stdout, test.Stderr = &out, &out
	err = thread.Run(test.Run) // Pdeathsig follows the thread
	t.Log(out.String())
	require.NoError(t, err)
}

// loopbackUp makes the addresses 127/8 usable, which they are not in a new network namespace.
func loopbackUp() error {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(socket)
	request, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	request.SetUint16(unix.IFF_UP)
	return unix.IoctlIfreq(socket, unix.SIOCSIFFLAGS, request)
}

// Logger is a writer that passes lines on to a test's log.
type Logger struct{ T *testing.T }

func (l *Logger) Write(p []byte) (int, error) {
	l.T.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}
