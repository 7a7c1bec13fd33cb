package loopback

import (
	"bytes"
	"net/netip"
	"os"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"
)

// Ports that are root's on this machine are moved up, where the emulator is not root: 80 is found at 8080 then, and 443
// at 8443. Whatever is given to this package (an address to listen at, of a target or of a probe) names the port of the
// cloud, and the sockets are at [Port] of it.
const (
	movedBy    = 8000
	privileged = 1024 // ports from here on stay where they are, whatever the machine keeps for root
)

// Port is where a port of the cloud is found on this machine: the port itself for a process that may have it, and the
// one 8000 above for a port below 1024 that only root may have (net.ipv4.ip_unprivileged_port_start). The answer is the
// same for the whole life of the process.
func Port(port uint16) uint16 { return movePort(port, ownPrivileges()) }

// at is where an address of the cloud, on 127/8 already, is found on this machine.
func at(address netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(address.Addr(), Port(address.Port()))
}

// privileges decide what ports a process may have.
type privileges struct {
	start  int  // the first port that anybody may have
	always bool // it may have any, by CAP_NET_BIND_SERVICE
}

func movePort(port uint16, p privileges) uint16 {
	if port == 0 || p.always || int(port) >= min(p.start, privileged) {
		return port
	}
	return port + movedBy
}

var ownPrivileges = sync.OnceValue(func() privileges {
	p := privileges{start: privileged, always: mayHaveAnyPort()}
	if start, err := strconv.Atoi(unprivilegedPortStart()); err == nil {
		p.start = start
	}
	return p
})

func mayHaveAnyPort() bool {
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	return unix.Capget(&header, &sets[0]) == nil && sets[0].Effective&(1<<unix.CAP_NET_BIND_SERVICE) != 0
}

func unprivilegedPortStart() string {
	value, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if err != nil {
		return err.Error()
	}
	return string(bytes.TrimSpace(value))
}
