package healthcheck

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// backlog is how many connections may wait to be accepted; the kernel lowers it to net.core.somaxconn.
const backlog = 4096

// reservedPort is a TCP port that is ours from reserve to release. Connections get through only while it is open. While it is shut
// it is a bound socket that does not listen: connections to it are refused, and no other process can take the port.
type reservedPort struct {
	fd        int
	addr      netip.Addr // local; unspecified for all; an IPv4 address in IPv6 form is unmapped
	listening bool
}

// reserve binds the port of an address, of every IPv6 and IPv4 address for the zero Addr.
func reserve(addr netip.Addr, port int) (_ *reservedPort, err error) {
	fd, to, err := socket(addr, port)
	if err != nil {
		return nil, fmt.Errorf("health port %d: socket: %w", port, err)
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	if err := bind(fd, to); err != nil {
		return nil, fmt.Errorf("health port %d: bind: %w", port, err)
	}
	// The address that the socket got, not the address that was asked for: bind may have been answered by something between
	// this process and the kernel.
	own, err := localAddr(fd)
	if err != nil {
		return nil, fmt.Errorf("health port %d: %w", port, err)
	}
	return &reservedPort{fd: fd, addr: own}, nil
}

func socket(addr netip.Addr, port int) (fd int, to unix.Sockaddr, err error) {
	const kind = unix.SOCK_STREAM | unix.SOCK_NONBLOCK | unix.SOCK_CLOEXEC
	if addr.Is4() {
		fd, err = unix.Socket(unix.AF_INET, kind, 0)
		return fd, &unix.SockaddrInet4{Port: port, Addr: addr.As4()}, err
	}
	fd, err = unix.Socket(unix.AF_INET6, kind, 0)
	switch {
	case errors.Is(err, unix.EAFNOSUPPORT) && !addr.IsValid():
		return socket(netip.IPv4Unspecified(), port)
	case err != nil:
		return -1, nil, err
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0); err != nil {
		_ = unix.Close(fd)
		return -1, nil, err
	}
	to6 := &unix.SockaddrInet6{Port: port}
	if addr.IsValid() {
		to6.Addr = addr.As16()
	}
	return fd, to6, nil
}

// bind takes the port exclusively. Where connections of a former responder linger in TIME_WAIT, this needs SO_REUSEADDR. The
// option is removed afterwards: with it another socket that has it too could take the port while it is shut.
func bind(fd int, to unix.Sockaddr) error {
	err := unix.Bind(fd, to)
	if !errors.Is(err, unix.EADDRINUSE) {
		return err
	}
	if err := share(fd, 1); err != nil {
		return err
	}
	if err := unix.Bind(fd, to); err != nil {
		return err
	}
	return share(fd, 0)
}

func share(fd, on int) error {
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, on)
}

func localAddr(fd int) (netip.Addr, error) {
	name, err := unix.Getsockname(fd)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("getsockname: %w", err)
	}
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(name.Addr), nil
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(name.Addr).Unmap(), nil
	default:
		return netip.Addr{}, fmt.Errorf("getsockname: unexpected %T", name)
	}
}

// open lets connections in. listen(2) looks for conflicts again, and our own connections in TIME_WAIT conflict unless the
// socket shares. A port that is open keeps other sockets out even so.
func (d *reservedPort) open() error {
	if d.listening {
		return nil
	}
	if err := share(d.fd, 1); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if err := unix.Listen(d.fd, backlog); err != nil {
		return fmt.Errorf("open: listen: %w", err)
	}
	d.listening = true
	return nil
}

// shut refuses connections from now on, and resets those that have not been accepted.
func (d *reservedPort) shut() error {
	if !d.listening {
		return nil
	}
	// Sharing ends first: while the port is open it is ours anyway, and there is no moment in which it is neither open
	// nor reserved.
	if err := share(d.fd, 0); err != nil {
		return fmt.Errorf("shut: %w", err)
	}
	// Of a listening socket this ends the listening but keeps the binding.
	if err := unix.Shutdown(d.fd, unix.SHUT_RD); err != nil {
		return fmt.Errorf("shut: %w", err)
	}
	d.listening = false
	return nil
}

// drop accepts a connection and closes it.
func (d *reservedPort) drop() error {
	fd, _, err := unix.Accept4(d.fd, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
	if err != nil {
		return err
	}
	// What close reports of a connection that nothing was written to is of no use to anyone.
	_ = unix.Close(fd)
	return nil
}

func (d *reservedPort) release() { _ = unix.Close(d.fd) }
