package loopback

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Address returns the address on this machine of the instance or container with a private address: the same, with 127 as first octet.
func Address(private netip.Addr) netip.Addr {
	a := private.As4()
	a[0] = 127
	return netip.AddrFrom4(a)
}

// Listen listens at an address on 127/8 whose port is the cloud's: [Port] decides which port of this machine it is.
func Listen(address netip.AddrPort) (*net.TCPListener, error) {
	config := net.ListenConfig{KeepAlive: -1}
	listener, err := config.Listen(context.Background(), "tcp", movedPort(address).String())
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", movedPort(address), listenFault(err))
	}
	return listener.(*net.TCPListener), nil
}

// listenFault shortens an error of net.Listen to its cause, and says who may have a port below 1024.
func listenFault(err error) error {
	var errno unix.Errno
	switch {
	case !errors.As(err, &errno):
		return err
	case errno == unix.EACCES:
		return fmt.Errorf("%w (only root may use ports below net.ipv4.ip_unprivileged_port_start, which is %s)",
			errno, unprivilegedPortStart())
	}
	return errno
}

// Dial connects to an address on 127/8 whose port is the cloud's: [Port] decides which port of this machine it is.
func Dial(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
	return (&net.Dialer{KeepAlive: -1}).DialContext(ctx, "tcp", movedPort(address).String())
}
