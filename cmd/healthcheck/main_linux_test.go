package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

const patience = 10 * time.Second

// binary is the command as it goes to an instance.
var binary string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "healthcheck")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		binary = filepath.Join(dir, "healthcheck")
		build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

func TestBinaryIsSmall(t *testing.T) {
	info, err := os.Stat(binary)
	require.NoError(t, err)
	t.Logf("%d bytes", info.Size())
	assert.Less(t, info.Size(), int64(4<<20))
}

func TestWrongArgumentsEndWithStatus2(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"unknown flag":       {[]string{"-x"}, "flag provided but not defined: -x"},
		"not a port":         {[]string{"-port", "http"}, `invalid value "http" for flag -port`},
		"port out of range":  {[]string{"-port", "65536"}, "port: 65536 is outside 1–65535"},
		"the service's port": {[]string{"-port", "5000"}, "service-port: 5000 is the health check's port too"},
		"poll too short":     {[]string{"-poll", "1us"}, "poll: 1µs is below 1ms"},
		"argument":           {[]string{"5001"}, `unexpected argument "5001"`},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			assert.Equal(t, 2, run(test.args, &stderr))
			assert.Contains(t, stderr.String(), test.want)
		})
	}
}

func TestTakenPortEndsWithStatus1(t *testing.T) {
	l := listen(t, ":0")
	var stderr bytes.Buffer
	assert.Equal(t, 1, run([]string{"-port", strconv.Itoa(port(l))}, &stderr))
	assert.Contains(t, stderr.String(), fmt.Sprintf("health port %d: bind: address already in use", port(l)))
}

func TestTerminationRefusesConnectionsBeforeTheProcessEnds(t *testing.T) {
	for _, signal := range []os.Signal{unix.SIGTERM, unix.SIGINT} {
		t.Run(signal.String(), func(t *testing.T) {
			p := startProcess(t, "-poll", "20ms")
			require.True(t, answers(p.address))
			// With its standard error full, the process cannot log that it has closed the port, and so not end.
			p.fillLog()
			require.NoError(t, p.cmd.Process.Signal(signal))
			require.Eventually(t, func() bool { return refuses(p.address) }, patience, time.Millisecond)
			require.NoError(t, p.cmd.Process.Signal(unix.Signal(0)), "the process has ended")
			p.readLog()
			p.eventuallyLogs("reason=stopping")
			require.NoError(t, p.cmd.Wait())
		})
	}
}

func TestWithoutDescriptorsItSlowsDownAndRecovers(t *testing.T) {
	p := startProcess(t, "-poll", "1h")
	p.readLog()
	require.True(t, answers(p.address))
	limit := p.limitDescriptors(inUse)
	var waiting []net.Conn
	for range 20 {
		c, err := net.DialTimeout("tcp", p.address, patience)
		require.NoError(t, err, "the kernel still completes connections")
		defer c.Close()
		waiting = append(waiting, c)
	}
	p.eventuallyLogs("accepting slowed down")
	used := p.cpu()
	time.Sleep(500 * time.Millisecond)
	assert.Less(t, p.cpu()-used, 50*time.Millisecond, "it spins")
	p.limitDescriptors(limit)
	for _, c := range waiting {
		require.True(t, closed(c))
	}
	p.eventuallyLogs("accepting recovered")
	assert.Equal(t, 1, strings.Count(p.log.String(), "accepting slowed down"))
	assert.Equal(t, 1, strings.Count(p.log.String(), "accepting recovered"))
}

func TestWithoutDescriptorsItSeesTheServiceGo(t *testing.T) {
	p := startProcess(t, "-poll", "20ms")
	p.readLog()
	p.limitDescriptors(inUse)
	c, err := net.DialTimeout("tcp", p.address, patience)
	require.NoError(t, err)
	defer c.Close()
	p.eventuallyLogs("accepting slowed down")
	p.service.Close()
	require.Eventually(t, func() bool { return refuses(p.address) }, patience, time.Millisecond)
}

func TestIdleCostsNextToNothing(t *testing.T) {
	p := startProcess(t)
	before := p.cpu()
	time.Sleep(2 * time.Second)
	used := p.cpu() - before
	t.Logf("%v of CPU in 2 s", used)
	assert.Less(t, used, 20*time.Millisecond, "1% of one processor")
}

func TestMemoryStaysSmallInAFlood(t *testing.T) {
	p := startProcess(t, "-poll", "20ms")
	var flood sync.WaitGroup
	for range 16 {
		flood.Go(func() {
			for range 1500 {
				if !answers(p.address) {
					t.Error("no answer")
					return
				}
			}
		})
	}
	flood.Wait()
	peak := p.peakMemory()
	t.Logf("%d KiB at most", peak)
	assert.Less(t, peak, 12<<10)
}

// process is the command at work beside a service that listens.
type process struct {
	t       *testing.T
	cmd     *exec.Cmd
	service net.Listener
	address string // of the health port

	read, write *os.File // of its standard error
	log         *buffer
}

// startProcess returns when the health port is open, with the log read up to there.
func startProcess(t *testing.T, args ...string) *process {
	t.Helper()
	service := listen(t, ":0")
	healthPort := strconv.Itoa(freePort(t))
	p := &process{t: t, service: service, address: "127.0.0.1:" + healthPort, log: &buffer{}}
	var err error
	p.read, p.write, err = os.Pipe()
	require.NoError(t, err)
	p.cmd = exec.Command(binary, append(args, "-port", healthPort, "-service-port", strconv.Itoa(port(service)))...)
	p.cmd.Stderr = p.write
	require.NoError(t, p.cmd.Start())
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
		p.write.Close()
		p.read.Close()
	})
	line, err := bufio.NewReaderSize(p.read, 4096).ReadString('\n')
	require.NoError(t, err)
	require.Contains(t, line, "health port open")
	return p
}

// fillLog makes the next write to the process's standard error wait until somebody reads.
func (p *process) fillLog() {
	size, err := unix.FcntlInt(p.write.Fd(), unix.F_SETPIPE_SZ, os.Getpagesize())
	require.NoError(p.t, err)
	_, err = p.write.Write(bytes.Repeat([]byte{'.'}, size))
	require.NoError(p.t, err)
}

func (p *process) readLog() { go func() { _, _ = io.Copy(p.log, p.read) }() }

func (p *process) eventuallyLogs(text string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return strings.Contains(p.log.String(), text) }, patience, time.Millisecond,
		"%q is not logged", text)
}

// inUse is a limit of descriptors below what the process has open. poll(2) fails if it waits for more than the limit.
const inUse = 3

// limitDescriptors sets the process's soft limit and returns the former.
func (p *process) limitDescriptors(n uint64) uint64 {
	p.t.Helper()
	var former unix.Rlimit
	require.NoError(p.t, unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_NOFILE, nil, &former))
	limit := unix.Rlimit{Cur: n, Max: former.Max}
	require.NoError(p.t, unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_NOFILE, &limit, nil))
	return former.Cur
}

// cpu is the time that all threads of the process have run.
func (p *process) cpu() time.Duration {
	p.t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	require.NoError(p.t, err)
	require.NotEmpty(p.t, files)
	var sum time.Duration
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(p.t, err)
		ns, err := strconv.ParseInt(strings.Fields(string(content))[0], 10, 64)
		require.NoError(p.t, err)
		sum += time.Duration(ns)
	}
	return sum
}

// peakMemory is the most that was resident, in KiB.
func (p *process) peakMemory() int {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	require.NoError(p.t, err)
	_, rest, found := strings.Cut(string(status), "VmHWM:")
	require.True(p.t, found)
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	require.NoError(p.t, err)
	return kib
}

func answers(address string) bool {
	c, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return false
	}
	defer c.Close()
	return closed(c)
}

// closed reports whether the other side ends the connection.
func closed(c net.Conn) bool {
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return false
	}
	_, err := c.Read(make([]byte, 1))
	return errors.Is(err, io.EOF)
}

func refuses(address string) bool {
	c, err := net.DialTimeout("tcp", address, patience)
	if err == nil {
		c.Close()
	}
	return errors.Is(err, unix.ECONNREFUSED)
}

func listen(t *testing.T, address string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", address)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

// freePort is below the range from which the kernel takes ports of outgoing connections.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(10000)
		if l, err := net.Listen("tcp", ":"+strconv.Itoa(port)); err == nil {
			l.Close()
			return port
		}
	}
	require.FailNow(t, "no free port")
	return 0
}

func port(l net.Listener) int { return l.Addr().(*net.TCPAddr).Port }

// buffer is a bytes.Buffer for a writer and a reader at once.
type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
