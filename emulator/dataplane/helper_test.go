package dataplane_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/clock"
	"github.com/elastic-service/elastic-service/emulator/dataplane"
)

// The test binary is also the service of its instances: with SERVE set it listens there, else with WAIT it only waits.
// NAME is what it calls itself.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv("EMULATOR") != "":
		emulate(os.Getenv("EMULATOR"))
	case os.Getenv("BALANCE") != "":
		balance(os.Getenv("BALANCE"))
	case os.Getenv("SERVE") != "":
		serve(os.Getenv("SERVE"))
	case os.Getenv("WAIT") != "":
		note("started")
		wait()
	default:
		os.Exit(m.Run())
	}
}

// serve obeys a line a connection: who, environment, exit N, burn DURATION, fork, or a peer to connect to.
func serve(address string) {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	note("started")
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				line, _ := bufio.NewReader(conn).ReadString('\n')
				obey(conn, strings.Fields(line))
			}()
		}
	}()
	wait()
}

func obey(conn net.Conn, words []string) {
	if len(words) == 0 { // a probe
		return
	}
	switch words[0] {
	case "who":
		fmt.Fprintf(conn, "%s %s\n", os.Getenv("NAME"), conn.LocalAddr())
	case "environment":
		directory, _ := os.Getwd()
		fmt.Fprintln(conn, strings.Join(append(os.Environ(), "CWD="+directory, "ARGS="+strings.Join(os.Args, "|")), "\n"))
	case "exit":
		code, _ := strconv.Atoi(words[1])
		os.Exit(code)
	case "burn":
		d, _ := time.ParseDuration(words[1])
		for end := ownCPUTime() + d; ownCPUTime() < end; {
		}
	case "fork": // a daemon: its own session, no longer a child
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), "SERVE=", "WAIT=1")
		child.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		fmt.Fprintln(conn, child.Start(), child.Process.Pid)
	default:
		peer, err := net.Dial("tcp", words[0])
		if err != nil {
			fmt.Fprintln(conn, err)
			return
		}
		fmt.Fprintln(peer, "who")
		_, _ = io.Copy(conn, peer)
	}
}

func ownCPUTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// wait ends with status 0 at SIGTERM, or never when STUBBORN.
func wait() {
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	for range terminated {
		note("stopped")
		if os.Getenv("STUBBORN") == "" {
			os.Exit(0)
		}
	}
}

// note appends to the instance's journal, from which tests read the order of events.
func note(event string) {
	journal, err := os.OpenFile(os.Getenv("HOME")+"/journal", os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		fmt.Fprintln(journal, os.Getenv("NAME"), event)
		journal.Close()
	}
}

// rig is an instance under test.
type rig struct {
	*dataplane.Instance
	t       *testing.T
	machine dataplane.Machine
}

const speed = 20

// newMachine has a Fetch for an object whose content is the test binary.
func newMachine(t *testing.T, address, userData string) dataplane.Machine {
	t.Helper()
	virtual, err := clock.Scaled(speed, time.Now())
	require.NoError(t, err)
	return dataplane.Machine{
		ID: "i-" + strings.ReplaceAll(address, ".", "x"), Address: netip.MustParseAddr(address), Directory: t.TempDir(),
		UserData: []byte(userData), Clock: virtual, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Fetch: func(context.Context, string, string) (io.ReadCloser, error) { return os.Open(binary()) },
	}
}

func boot(t *testing.T, m dataplane.Machine) *rig {
	t.Helper()
	in, err := dataplane.Boot(t.Context(), m)
	require.NoError(t, err)
	r := &rig{Instance: in, t: t, machine: m}
	t.Cleanup(func() {
		in.Kill()
		assert.Empty(t, r.processes(), "processes left")
		if t.Failed() {
			r.printLogs()
		}
	})
	return r
}

func (r *rig) printLogs() {
	logs, _ := filepath.Glob(r.machine.Directory + "/log/*")
	for _, l := range logs {
		text, _ := os.ReadFile(l)
		text = text[:min(len(text), 2000)]
		r.t.Logf("%s:\n%s", filepath.Base(l), text)
	}
}

func (r *rig) status(name string) dataplane.ServiceStatus {
	for _, s := range r.Services() {
		if s.Name == name {
			return s
		}
	}
	r.t.Fatalf("no service %s", name)
	return dataplane.ServiceStatus{}
}

func (r *rig) eventually(name string, state dataplane.State) dataplane.ServiceStatus {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return r.status(name).State == state }, 10*time.Second, 2*time.Millisecond,
		"%s is to be %s", name, state)
	return r.status(name)
}

// at is a port where the instance lives.
func (r *rig) at(port int) string {
	return netip.AddrPortFrom(dataplane.Loopback(r.machine.Address), uint16(port)).String()
}

// ask waits for the service at address to listen.
func (r *rig) ask(port int, line string) string {
	r.t.Helper()
	var answer string
	require.Eventually(r.t, func() bool {
		conn, err := net.Dial("tcp", r.at(port))
		if err != nil {
			return false
		}
		defer conn.Close()
		fmt.Fprintln(conn, line)
		text, _ := io.ReadAll(conn)
		answer = strings.TrimSpace(string(text))
		return true
	}, 10*time.Second, 5*time.Millisecond, "nothing listens at %s", r.at(port))
	return answer
}

func (r *rig) journal() []string {
	text, _ := os.ReadFile(r.machine.Directory + "/root/root/journal")
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

func (r *rig) awaitJournal(entry string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return slices.Contains(r.journal(), entry) }, 5*time.Second, time.Millisecond, entry)
}

// processes are those on this machine that name the instance's folder in their environment.
func (r *rig) processes() []int { return processesOf(r.machine.Directory) }

func processesOf(folder string) []int {
	var found []int
	all, _ := procfs.AllProcs()
	for _, p := range all {
		environment, _ := p.Environ()
		for _, entry := range environment {
			if strings.HasPrefix(entry, "HOME="+folder+"/") {
				found = append(found, p.PID)
			}
		}
	}
	return found
}

func binary() string {
	path, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return path
}

func hashOf(t *testing.T, file string) string {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	sum := sha256.New()
	_, err = io.Copy(sum, f)
	require.NoError(t, err)
	return hex.EncodeToString(sum.Sum(nil))
}

// document is user data that has the test binary as /bin/service and starts units, given as name and body.
func document(units ...[2]string) string {
	var b, names strings.Builder
	fmt.Fprintf(&b, "#cloud-config\nwrite_files:\n- path: /bin/service\n  permissions: '0755'\n  content: |\n"+
		"    #!/bin/sh\n    exec %s\n", binary())
	for _, u := range units {
		fmt.Fprintf(&b, "- path: /etc/systemd/system/%s.service\n  content: |\n", u[0])
		for line := range strings.Lines(u[1] + "\n") {
			b.WriteString("    " + line)
		}
		names.WriteString(", " + u[0] + ".service")
	}
	fmt.Fprintf(&b, "runcmd:\n- [systemctl, daemon-reload]\n- [systemctl, enable, --now%s]\n", names.String())
	return b.String()
}

func service(name, unitLines, serviceLines string) [2]string {
	return [2]string{name, "[Unit]\n" + unitLines + "\n[Service]\nType=exec\nExecStart=/bin/service\nEnvironment=NAME=" + name + "\n" + serviceLines}
}

// newEmulatorMachine is the machine of an emulator that is a process of its own.
func newEmulatorMachine(folder string) dataplane.Machine {
	return dataplane.Machine{
		ID: "i-emulated", Address: netip.MustParseAddr("10.1.0.29"), Directory: folder,
		UserData: []byte(document(service("web", "", "Environment=SERVE=:5000"))),
		Log:      slog.New(slog.DiscardHandler),
	}
}
