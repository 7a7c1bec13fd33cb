package loopback

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/internal/testprocess"
)

// The test binary is also the service that the tests start.
func TestMain(m *testing.M) {
	if !testprocess.Serve() {
		os.Exit(m.Run())
	}
}

func TestBindThatASignalInterruptedIsFoundDone(t *testing.T) {
	h := home{private: netip.MustParseAddr("10.2.1.10"), own: netip.MustParseAddr("127.2.1.10")}
	for _, port := range []byte{0, 200} {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		require.NoError(t, err)
		defer unix.Close(fd)
		wildcard := sockaddr{unix.AF_INET, 0, port, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
		warn := onceEach(slog.New(slog.DiscardHandler))
		old, current := &Spawner{home: h, warn: warn}, &Spawner{home: h, uninterrupted: true, warn: warn}
		require.Zero(t, old.bind(fd, wildcard))
		assert.Zero(t, old.bind(fd, wildcard), "a kernel before 5.19 restarts the call")
		assert.Equal(t, unix.EINVAL, current.bind(fd, wildcard), "a later one does not: the program binds twice")
		other := wildcard.with(netip.MustParseAddrPort("0.0.0.0:4242"))
		assert.Equal(t, unix.EINVAL, old.bind(fd, other))
	}
}

func TestWhereSocketsCannotBeBorrowedAddressesAreRewrittenInMemory(t *testing.T) {
	h := home{private: netip.MustParseAddr("10.2.1.11"), own: netip.MustParseAddr("127.2.1.11")}
	s, err := newSpawner(h, false, slog.New(slog.NewTextHandler(t.Output(), nil)))
	require.NoError(t, err)
	defer s.Close()
	program, err := os.Executable()
	require.NoError(t, err)
	for i, address := range []string{":5000", "0.0.0.0:5001", "127.0.0.1:5002", "10.2.1.11:5003"} {
		cmd := exec.Command(program)
		cmd.Env = []string{"SERVE=" + address, "NAME=web", "HOME=" + t.TempDir()}
		require.NoError(t, s.Start(cmd))
		defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
		own := fmt.Sprintf("127.2.1.11:%d", 5000+i)
		answer := ""
		require.Eventually(t, func() bool {
			conn, err := net.Dial("tcp", own)
			if err != nil {
				return false
			}
			defer conn.Close()
			fmt.Fprintf(conn, "127.0.0.1:%d\n", 5000+i) // to be asked through its own localhost
			text, _ := io.ReadAll(conn)
			answer = string(text)
			return true
		}, 5*time.Second, 5*time.Millisecond, address)
		assert.Equal(t, "web "+own+"\n", answer)
	}
}

func TestPrivilegedPortsOfInstancesAreMovedForBindAndConnect(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	for name, borrows := range map[string]bool{"on the socket": true, "in memory": false} {
		t.Run(name, func(t *testing.T) {
			if borrows && !canBorrow() {
				t.Skip("pidfd_getfd is denied on this machine")
			}
			h := home{private: netip.MustParseAddr("10.2.1.12"), own: netip.MustParseAddr("127.2.1.12"), ports: privileges{start: 1024}}
			s, err := newSpawner(h, borrows, slog.New(slog.NewTextHandler(t.Output(), nil)))
			require.NoError(t, err)
			defer s.Close()
			cmd := exec.Command(program)
			cmd.Env = []string{"SERVE=:80", "NAME=web", "HOME=" + t.TempDir()}
			require.NoError(t, s.Start(cmd))
			defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
			for _, peer := range []string{"127.0.0.1:80", "10.2.1.12:80", "127.2.1.12:80", "127.0.0.1:8080"} {
				assert.Equal(t, "web 127.2.1.12:8080\n", ask(t, "127.2.1.12:8080", peer), peer)
			}
		})
	}
}

// ask sends a line to a service as soon as it listens, and returns the answer.
func ask(t *testing.T, address, line string) string {
	t.Helper()
	answer := ""
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		defer conn.Close()
		fmt.Fprintln(conn, line)
		text, _ := io.ReadAll(conn)
		answer = string(text)
		return true
	}, 5*time.Second, 5*time.Millisecond, address)
	return answer
}

func TestWhereConnectionsOfAnInstanceGo(t *testing.T) {
	h := home{private: netip.MustParseAddr("10.2.1.13"), own: netip.MustParseAddr("127.2.1.13"), ports: privileges{start: 1024}}
	for from, want := range map[string]string{
		"127.0.0.1:5000": "127.2.1.13:5000", "[::1]:80": "127.2.1.13:8080", "10.2.1.13:443": "127.2.1.13:8443",
		"127.0.0.1:53": "", "127.0.0.53:53": "", // the host's resolver
		"127.255.0.1:80": "127.255.0.1:8080", "[::ffff:127.255.0.1]:80": "127.255.0.1:8080", "127.255.0.1:5000": "",
		"198.51.100.7:80": "", "10.2.1.14:80": "", // not on this machine
	} {
		got, held := h.connectAddress(netip.MustParseAddrPort(from))
		assert.Equal(t, want != "", held, from)
		if held {
			assert.Equal(t, want, got.String(), from)
		}
	}
}

func TestMissingKernelFeaturesAreNamed(t *testing.T) {
	for errno, want := range map[unix.Errno]string{
		unix.ENOSYS: "Linux 5.9 or later", unix.EPERM: "seccomp profile", unix.EBUSY: "already listens",
	} {
		err := unsupported("seccomp user notification", errno)
		require.ErrorContains(t, err, "seccomp user notification: ")
		require.ErrorContains(t, err, want)
		require.ErrorIs(t, err, errno)
	}
	_, err := filterProgram("riscv64")
	assert.ErrorContains(t, err, "amd64 and arm64, not on riscv64")
}
