package loopback

import (
	"bytes"
	"net/netip"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Where only root may use a port and the emulator is not root, the port is moved up: 80 to 8080, and 443 to 8443.
const (
	movedBy    = 8000
	privileged = 1024 // ports from 1024 on are never moved, even if the machine reserves them for root
)

// Port returns the port of this machine that stands for a port of the cloud. It is the same port if this process may use it. A port below
// 1024 that only root may use (net.ipv4.ip_unprivileged_port_start) is moved up by 8000. The result does not change while the process
// runs.
func Port(port uint16) uint16 { return movePort(port, ownPrivileges()) }

// movedPort returns an address with the port of this machine that stands for its port.
func movedPort(address netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(address.Addr(), Port(address.Port()))
}

// privileges decide which ports a process may use.
type privileges struct {
	start  int  // the first port that every user may use
	always bool // the process may use all ports, by CAP_NET_BIND_SERVICE
}

// movePort returns the port that a process with these privileges uses for a port of the cloud.
func movePort(port uint16, p privileges) uint16 {
	if port == 0 || p.always || int(port) >= min(p.start, privileged) {
		return port
	}
	return port + movedBy
}

// ownPrivileges reads the privileges of this process once.
var ownPrivileges = sync.OnceValue(func() privileges {
	p := privileges{start: privileged, always: mayHaveAnyPort()}
	if start, err := strconv.Atoi(unprivilegedPortStart()); err == nil {
		p.start = start
	}
	return p
})

// mayHaveAnyPort reports whether this process has CAP_NET_BIND_SERVICE.
func mayHaveAnyPort() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	return unix.Capget(&header, &sets[0]) == nil && sets[0].Effective&(1<<unix.CAP_NET_BIND_SERVICE) != 0
}

// unprivilegedPortStart returns the value of the sysctl net.ipv4.ip_unprivileged_port_start, or the error of reading it as text.
func unprivilegedPortStart() string {
	value, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(value))
}
