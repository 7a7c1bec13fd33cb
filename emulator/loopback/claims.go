package loopback

import (
	"net"
	"net/netip"
	"slices"
	"sync"
)

// Claims are the loopback addresses that an emulator has given out. A claim keeps the other emulators on this machine, of any user,
// from giving out the same address, also while nothing listens there yet.
//
// A claim is a socket with a name in the abstract namespace, which the kernel removes when its process ends, however it ends
// (unix(7)). The zero value holds no claim.
type Claims struct {
	mu   sync.Mutex
	held map[netip.Addr]*claim
}

type claim struct {
	socket net.Listener
	unused bool // in the last call of Release
}

// Claim reserves an address. It returns false if another emulator has the address.
func (c *Claims) Claim(address netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if held := c.held[address]; held != nil {
		held.unused = false
		return true
	}
	socket, err := net.Listen("unix", "@elastic-service/"+address.String())
	if err != nil {
		return false
	}
	if c.held == nil {
		c.held = map[netip.Addr]*claim{}
	}
	c.held[address] = &claim{socket: socket}
	return true
}

// Release gives up the claims of addresses that are not in use, and were not at the call before either: an address is claimed before
// its use begins.
func (c *Claims) Release(inUse []netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for address, held := range c.held {
		switch {
		case slices.Contains(inUse, address):
			held.unused = false
		case held.unused:
			held.socket.Close()
			delete(c.held, address)
		default:
			held.unused = true
		}
	}
}

// Close gives all claims up.
func (c *Claims) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for address, held := range c.held {
		held.socket.Close()
		delete(c.held, address)
	}
}
