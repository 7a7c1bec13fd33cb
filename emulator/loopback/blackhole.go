package loopback

import (
	"fmt"
	"net/netip"
	"sync"

	"golang.org/x/sys/unix"
)

// BlackHole returns an address on this machine to which a connection is never opened and never refused, as where packets are dropped.
//
// It is a listener without a backlog that accepts nothing: its queue is full of a connection to itself, so that the kernel drops each
// further SYN (listen(2), tcp_conn_request).
var BlackHole = sync.OnceValues(func() (netip.AddrPort, error) {
	at, err := openBlackHole()
	if err != nil {
		return at, fmt.Errorf("an address that drops packets: %w", err)
	}
	return at, nil
})

func openBlackHole() (netip.AddrPort, error) {
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if err := unix.Bind(listener, &unix.SockaddrInet4{Addr: loopback4.As4()}); err != nil {
		return netip.AddrPort{}, err
	}
	if err := unix.Listen(listener, 0); err != nil {
		return netip.AddrPort{}, err
	}
	bound, err := unix.Getsockname(listener)
	if err != nil {
		return netip.AddrPort{}, err
	}
	port := bound.(*unix.SockaddrInet4).Port
	filler, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if err := unix.Connect(filler, bound); err != nil {
		return netip.AddrPort{}, err
	}
	return netip.AddrPortFrom(loopback4, uint16(port)), nil
}
