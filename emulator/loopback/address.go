package loopback

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"
)

// Address returns where the instance with a private address lives on this machine: the same address with 127 as first octet.
func Address(private netip.Addr) netip.Addr {
	a := private.As4()
	a[0] = 127
	return netip.AddrFrom4(a)
}

// Listen listens at an address of the cloud, on 127/8 already; its port is moved as [Port] does.
func Listen(address netip.AddrPort) (*net.TCPListener, error) {
	config := net.ListenConfig{KeepAlive: -1}
	listener, err := config.Listen(context.Background(), "tcp", at(address).String())
	if err != nil {
		return nil, fmt.Errorf("listen at %s: %w", at(address), listenFault(err))
	}
	return listener.(*net.TCPListener), nil
}

func listenFault(err error) error {
	var errno unix.Errno
	switch {
	case !errors.As(err, &errno):
		return err
	case errno == unix.EACCES:
		return fmt.Errorf("%w (ports below net.ipv4.ip_unprivileged_port_start, %s here, are root's)", errno, unprivilegedPortStart())
	}
	return errno
}

// Dial connects to an address of the cloud, on 127/8 already; its port is moved as [Port] does.
func Dial(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
	return (&net.Dialer{KeepAlive: -1}).DialContext(ctx, "tcp", at(address).String())
}
