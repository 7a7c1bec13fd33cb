package guest_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/clock"
	"github.com/elastic-service/elastic-service/emulator/guest"
	"github.com/elastic-service/elastic-service/emulator/internal/testprocess"
	"github.com/elastic-service/elastic-service/emulator/loopback"
)

// The test binary is also the service of its instances, see [testprocess.Serve], and an emulator that runs on an instance.
func TestMain(m *testing.M) {
	if folder := os.Getenv("EMULATOR"); folder != "" {
		emulate(folder)
	} else if !testprocess.Serve() {
		os.Exit(m.Run())
	}
}

// rig is an instance under test.
type rig struct {
	*guest.Instance
	t       *testing.T
	machine guest.Spec
}

const speed = 20

// newMachine has a Fetch for an object whose content is the test binary.
func newMachine(t *testing.T, address, userData string) guest.Spec {
	t.Helper()
	virtual, err := clock.Scaled(speed, time.Now())
	require.NoError(t, err)
	return guest.Spec{
		ID: "i-" + strings.ReplaceAll(address, ".", "x"), Address: netip.MustParseAddr(address), Directory: t.TempDir(),
		UserData: []byte(userData), Clock: virtual, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Fetch: func(context.Context, string, string) (io.ReadCloser, error) { return os.Open(testprocess.Program()) },
	}
}

func boot(t *testing.T, m guest.Spec) *rig {
	t.Helper()
	in, err := guest.Boot(t.Context(), m)
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

func (r *rig) status(name string) guest.ServiceStatus {
	for _, s := range r.Services() {
		if s.Name == name {
			return s
		}
	}
	r.t.Fatalf("no service %s", name)
	return guest.ServiceStatus{}
}

func (r *rig) eventually(name string, state guest.State) guest.ServiceStatus {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return r.status(name).State == state }, 10*time.Second, 2*time.Millisecond,
		"%s is to be %s", name, state)
	return r.status(name)
}

// at is a port where the instance lives.
func (r *rig) at(port int) string {
	return netip.AddrPortFrom(loopback.Address(r.machine.Address), uint16(port)).String()
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
		"    #!/bin/sh\n    exec %s\n", testprocess.Program())
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
	fixed := "\n[Service]\nType=exec\nExecStart=/bin/service\nEnvironment=NAME=" + name + "\n"
	return [2]string{name, "[Unit]\n" + unitLines + fixed + serviceLines}
}

// newEmulatorMachine is the machine of an emulator that is a process of its own.
func newEmulatorMachine(folder string) guest.Spec {
	return guest.Spec{
		ID: "i-emulated", Address: netip.MustParseAddr("10.1.0.29"), Directory: folder,
		UserData: []byte(document(service("web", "", "Environment=SERVE=:5000"))),
		Log:      slog.New(slog.DiscardHandler),
	}
}
