package guest_test

import (
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/clock"
	"github.com/elastic-service/elastic-service/emulator/guest"
	"github.com/elastic-service/elastic-service/emulator/internal/testprocess"
)

// newContainer has the test binary as its program.
func newContainer(t *testing.T, address string, environment map[string]string) guest.ContainerSpec {
	t.Helper()
	virtual, err := clock.Scaled(speed, time.Now())
	require.NoError(t, err)
	return guest.ContainerSpec{
		ID: "task-" + address, Address: netip.MustParseAddr(address), Directory: t.TempDir(),
		Command: []string{testprocess.Program(), "-argument", "/tmp"}, Environment: environment,
		Clock: virtual, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
}

// contained is a container under test; what asks an instance asks it too.
type contained struct {
	*guest.Container
	rig
}

func runContainer(t *testing.T, c guest.ContainerSpec) contained {
	t.Helper()
	running, err := guest.RunContainer(t.Context(), c)
	require.NoError(t, err)
	r := contained{running, rig{t: t, machine: guest.Spec{Address: c.Address, Directory: c.Directory}}}
	t.Cleanup(func() {
		running.Kill()
		assert.Empty(t, r.processes(), "processes left")
		if t.Failed() {
			r.printLogs()
		}
	})
	return r
}

func TestContainersListenAtTheirOwnAddresses(t *testing.T) {
	environment := map[string]string{"SERVE": ":5000", "NAME": "one"}
	one := runContainer(t, newContainer(t, "127.254.0.10", environment))
	other := maps.Clone(environment)
	other["NAME"] = "two"
	two := runContainer(t, newContainer(t, "127.254.0.11", other))
	assert.Equal(t, "one 127.254.0.10:5000", one.ask(5000, "who"))
	assert.Equal(t, "two 127.254.0.11:5000", two.ask(5000, "who"))
	assert.Equal(t, "one 127.254.0.10:5000", one.ask(5000, "localhost:5000"))
}

func TestContainerHasTheMachinesProgramsAndAnEnvironmentOfItsOwn(t *testing.T) {
	t.Setenv("SECRET_OF_THE_EMULATOR", "1")
	c := newContainer(t, "127.254.0.12", map[string]string{"SERVE": ":5000", "DATA": "/tmp"})
	r := runContainer(t, c)
	answer := r.ask(5000, "environment")
	for _, want := range []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + c.Directory + "/root/root", "TMPDIR=" + c.Directory + "/root/tmp",
		"DATA=/tmp", "HOSTNAME=task-127.254",
		"CWD=" + c.Directory + "/root", "ARGS=" + testprocess.Program() + "|-argument|/tmp",
	} {
		assert.Contains(t, answer, want)
	}
	assert.NotContains(t, answer, "SECRET_OF_THE_EMULATOR")
}

func TestContainersEndIsKnown(t *testing.T) {
	t.Run("by itself", func(t *testing.T) {
		r := runContainer(t, newContainer(t, "127.254.0.13", map[string]string{"SERVE": ":5000"}))
		r.ask(5000, "exit 3")
		<-r.Done()
		assert.Equal(t, guest.Exit{Code: 3, Reason: "exit status 3"}, r.Exit())
	})
	t.Run("by Stop", func(t *testing.T) {
		r := runContainer(t, newContainer(t, "127.254.0.14", map[string]string{"SERVE": ":5000"}))
		r.ask(5000, "who")
		require.NoError(t, r.Stop(t.Context()))
		assert.Equal(t, guest.Exit{Code: 0, Reason: "exit status 0"}, r.Exit())
	})
	t.Run("by a signal, after 30 s without an answer to Stop", func(t *testing.T) {
		c := newContainer(t, "127.254.0.15", map[string]string{"SERVE": ":5000", "STUBBORN": "1"})
		r := runContainer(t, c)
		r.ask(5000, "who")
		began := c.Clock.Now()
		require.NoError(t, r.Stop(t.Context()))
		assert.GreaterOrEqual(t, c.Clock.Since(began), 30*time.Second)
		assert.Equal(t, guest.Exit{Code: 137, Reason: "signal: killed"}, r.Exit())
	})
	t.Run("with all that it started", func(t *testing.T) {
		r := runContainer(t, newContainer(t, "127.254.0.16", map[string]string{"SERVE": ":5000"}))
		r.ask(5000, "fork")
		r.ask(5000, "exit 0")
		<-r.Done()
		assert.Empty(t, r.processes())
	})
}

func TestAContainersUseOfCPUAndMemoryIsMeasured(t *testing.T) {
	r := runContainer(t, newContainer(t, "127.254.0.17", map[string]string{"SERVE": ":5000"}))
	r.ask(5000, "burn 300ms")
	assert.GreaterOrEqual(t, r.CPUTime(), 290*time.Millisecond)
	assert.Greater(t, r.Memory(), 1<<20, "a program in Go has some MiB")
}

func TestContainerThatCannotStartSaysWhy(t *testing.T) {
	for want, command := range map[string][]string{
		"no command is given":                      nil,
		`exec: "no-such-program": executable file`: {"no-such-program"},
		"neither a name nor an absolute path":      {"./web"},
		"stat /no/such/program":                    {"/no/such/program"},
		"203/EXEC":                                 {notAProgram(t)},
	} {
		c := newContainer(t, "127.254.0.18", nil)
		c.Command = command
		_, err := guest.RunContainer(t.Context(), c)
		require.ErrorContains(t, err, "CannotStartContainerError: ")
		assert.ErrorContains(t, err, want)
	}
}

// notAProgram is a file that may be executed and can't.
func notAProgram(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(name, []byte("\x7fELF, but no more"), 0o700))
	return name
}

func TestHostPortLeadsToTheContainer(t *testing.T) {
	r := runContainer(t, newContainer(t, "127.254.0.19", map[string]string{"SERVE": ":5000", "NAME": "one"}))
	r.ask(5000, "who")
	to := netip.MustParseAddrPort(r.at(5000))
	l, err := guest.Forward(netip.MustParseAddrPort("127.2.0.40:32768"), to)
	require.NoError(t, err)
	defer func() { assert.NoError(t, l.Close()) }()
	instance := rig{t: t, machine: guest.Spec{Address: netip.MustParseAddr("10.2.0.40")}}
	assert.Equal(t, "one 127.254.0.19:5000", instance.ask(32768, "who"))
	require.NoError(t, l.Close())
	_, err = net.Dial("tcp", "127.2.0.40:32768")
	require.Error(t, err)
}
