package guest_test

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/guest"
	"github.com/elastic-service/elastic-service/emulator/loopback"
	"github.com/elastic-service/elastic-service/emulator/proxy"
)

func TestEveryAddressThatMeansTheInstanceIsBoundAtItsOwn(t *testing.T) {
	addresses := []string{":5000", "0.0.0.0:5000", "[::]:5000", "127.0.0.1:5000", "[::1]:5000", "10.2.0.13:5000", "127.2.0.13:5000"}
	for i, address := range addresses {
		t.Run(address, func(t *testing.T) {
			private := "10.2.0." + strconv.Itoa(20+i)
			if i >= 5 {
				private = "10.2.0.13"
			}
			if address == "[::1]:5000" {
				needIPv6(t)
			}
			r := boot(t, newMachine(t, private, document(service("web", "", "Environment=SERVE="+address))))
			own := loopback.Address(r.machine.Address).String()
			assert.Equal(t, "web "+own+":5000", r.ask(5000, "who"))
		})
	}
}

// needIPv6 skips a test where IPv6 sockets cannot be told apart.
func needIPv6(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		t.Skipf("no IPv6 on this machine: %v", err)
	}
	l.Close()
	if !canBorrow() {
		t.Skip("pidfd_getfd is denied on this machine")
	}
}

// canBorrow tries whether pidfd_getfd is allowed, as the emulator does.
func canBorrow() bool {
	pidfd, err := unix.PidfdOpen(os.Getpid(), 0)
	if err != nil {
		return false
	}
	defer unix.Close(pidfd)
	fd, err := unix.PidfdGetfd(pidfd, 0, 0)
	if err != nil {
		return errors.Is(err, unix.EBADF)
	}
	return unix.Close(fd) == nil
}

func TestLocalhostOfAnInstanceIsTheInstance(t *testing.T) {
	userData := document(service("web", "", "Environment=SERVE=:5000"))
	a := boot(t, newMachine(t, "10.2.0.14", userData))
	b := boot(t, newMachine(t, "10.2.0.15", userData))
	b.ask(5000, "who")
	for _, peer := range []string{"localhost:5000", "127.0.0.1:5000", "0.0.0.0:5000", "10.2.0.14:5000", "127.2.0.14:5000"} {
		assert.Equal(t, "web 127.2.0.14:5000", a.ask(5000, peer), peer)
	}
	assert.Equal(t, "web 127.2.0.15:5000", a.ask(5000, b.at(5000)), "the other one is where it was")

	host, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer host.Close()
	assert.Contains(t, a.ask(5000, host.Addr().String()), "connection refused", "the host's localhost is not the instance's")
}

// unchanged runs a Python program, which was not made for this, as a service.
func unchanged(t *testing.T, address, program string) *rig {
	t.Helper()
	python, err := exec.Command("python3", "-c", "import sys; print(sys.executable)").Output()
	if err != nil {
		t.Skip("no python3 on this machine")
	}
	return boot(t, newMachine(t, address, fmt.Sprintf("#cloud-config\nwrite_files:\n- {path: /bin/run, permissions: '0755', content: %q}\n"+
		"- {path: /www/hello, content: hi}\n- {path: /etc/systemd/system/web.service, content: %q}\nruncmd: [[systemctl, enable, --now, web]]\n",
		"#!/bin/sh\nexec "+strings.TrimSpace(string(python))+" -u "+program+"\n", "[Service]\nExecStart=/bin/run\nWorkingDirectory=/www\n")))
}

func TestAThirdPartysWebServerRunsUnchanged(t *testing.T) {
	for _, address := range []string{"10.2.0.16", "10.2.0.17"} {
		r := unchanged(t, address, "-m http.server 8080")
		require.Eventually(t, func() bool {
			response, err := http.Get("http://" + r.at(8080) + "/hello")
			if err != nil {
				return false
			}
			response.Body.Close()
			return response.StatusCode == http.StatusOK
		}, 10*time.Second, 10*time.Millisecond)
	}
}

func TestDatagramAndIPv6OnlySocketsDoNotCollide(t *testing.T) {
	const program = `-c '
import socket, time
u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(("", 5000)); print("udp", u.getsockname())
if socket.has_ipv6:
    d = socket.socket(socket.AF_INET6); d.bind(("::", 5001)); print("dual", d.getsockname()[:2])
    s = socket.socket(socket.AF_INET6); s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    s.bind(("::", 5000)); print("only", s.getsockname()[0])
x = socket.socket(socket.AF_UNIX); x.bind("socket"); print("unix", x.getsockname())
try: socket.socket().bind(("10.2.0.99", 5000))
except OSError as e: print("other", e)
print("done"); time.sleep(600)'`
	needIPv6(t)
	for _, address := range []string{"10.2.0.18", "10.2.0.19"} {
		r := unchanged(t, address, program)
		own := loopback.Address(r.machine.Address).String()
		log := filepath.Join(r.machine.Directory, "log/web.log")
		require.Eventually(t, func() bool {
			text, _ := os.ReadFile(log)
			return strings.HasSuffix(string(text), "done\n")
		}, 10*time.Second, 10*time.Millisecond)
		text, _ := os.ReadFile(log)
		assert.Equal(t, "udp ('"+own+"', 5000)\ndual ('::ffff:"+own+"', 5001)\nonly ::1\nunix socket\n"+
			"other [Errno 99] Cannot assign requested address\ndone\n", string(text))
	}
}

func TestPortOfAnotherServiceIsRefusedAsOnAMachine(t *testing.T) {
	r := boot(t, newMachine(t, "10.2.0.30", document(
		service("first", "", "Environment=SERVE=:5000"),
		service("second", "After=first.service", "Environment=SERVE=127.0.0.1:5000\nRestart=on-failure\nRestartSec=1"),
	)))
	r.ask(5000, "who")
	var refused, served bool // whichever came second
	require.Eventually(t, func() bool {
		for _, s := range r.Services() {
			refused = refused || s.LastExit == "exit status 1"
			served = served || s.State == guest.Running
		}
		return refused && served
	}, 10*time.Second, time.Millisecond)
}

// As root port 81 is 81, and for others it is found at 8081: the test is worth running as both.
func TestPrivilegedPortIsFoundWhereTheEmulatorMayHaveIt(t *testing.T) {
	r := boot(t, newMachine(t, "10.2.0.31", document(service("web", "", "Environment=SERVE=:81"))))
	own := netip.AddrPortFrom(netip.MustParseAddr("127.2.0.31"), loopback.Port(81))
	assert.Equal(t, "web "+own.String(), r.ask(int(loopback.Port(81)), "who"))
	assert.Equal(t, "web "+own.String(), r.ask(int(loopback.Port(81)), "localhost:81"))

	asked := netip.MustParseAddrPort("127.2.0.31:81")
	require.NoError(t, proxy.Probe(t.Context(), loopback.Dial, asked, 10*time.Second))
	l, err := proxy.Listen(netip.MustParseAddrPort("127.2.0.131:82"), func(netip.AddrPort) (proxy.Target, bool) {
		return proxy.Target{ID: "web", Address: asked}, true
	})
	require.NoError(t, err)
	defer func() { assert.NoError(t, l.Close()) }()
	assert.Equal(t, loopback.Port(82), l.Addr().Port())
	client, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	defer client.Close()
	fmt.Fprintln(client, "who")
	require.Eventually(t, func() bool { return l.Stats()["web"].BytesOut > 0 }, 5*time.Second, time.Millisecond)
}

func TestInstanceWithinAnInstanceIsRefusedClearly(t *testing.T) {
	r := boot(t, newMachine(t, "10.2.0.32", document(service("inner", "", "Environment=EMULATOR=/tmp"))))
	r.eventually("inner", guest.Failed)
	text, err := os.ReadFile(filepath.Join(r.machine.Directory, "log/inner.log"))
	require.NoError(t, err)
	assert.Equal(t, "boot i-emulated: seccomp user notification: device or resource busy "+
		"(what runs this process already listens to its system calls, and the kernel allows one listener)\n", string(text))
}
