package nspawn

import (
	"encoding/binary"
	"net"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// Offsets and values of RFC 2131 and 2132.
const (
	dhcpOptions = 240 // after the fixed fields and the cookie
	dhcpCookie  = 0x63825363

	optionMask, optionRouter, optionDNS, optionDomain = 1, 3, 6, 15
	optionLease, optionType, optionServer, optionEnd  = 51, 53, 54, 255

	dhcpDiscover, dhcpOffer, dhcpRequest, dhcpAck = 1, 2, 3, 5

	leaseSeconds = 3600 // as in a VPC
)

// lease is the network configuration of a machine.
type lease struct {
	address, router, dns netip.Addr
	mask                 net.IPMask
	domain               string
}

// serveDHCP answers on a subnet's bridge until the connection is closed.
func serveDHCP(conn net.PacketConn, leaseOf func(mac net.HardwareAddr) (lease, bool)) {
	buffer := make([]byte, 1500)
	for {
		n, _, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		if reply := dhcpReply(buffer[:n], leaseOf); reply != nil {
			// As a broadcast, because the machine has no address yet.
			_, _ = conn.WriteTo(reply, &net.UDPAddr{IP: net.IPv4bcast, Port: 68})
		}
	}
}

// dhcpReply returns the reply to a request, or nil if it is not a request of a known machine.
func dhcpReply(request []byte, leaseOf func(net.HardwareAddr) (lease, bool)) []byte {
	if len(request) < dhcpOptions || request[0] != 1 || binary.BigEndian.Uint32(request[236:]) != dhcpCookie {
		return nil
	}
	answer := map[byte]byte{dhcpDiscover: dhcpOffer, dhcpRequest: dhcpAck}[messageType(request[dhcpOptions:])]
	l, known := leaseOf(net.HardwareAddr(request[28:34]))
	if answer == 0 || !known {
		return nil
	}
	reply := make([]byte, dhcpOptions)
	copy(reply, request[:44]) // transaction, flags and hardware address are the request's
	reply[0], reply[3] = 2, 0
	copy(reply[8:12], []byte{0, 0})
	copy(reply[12:16], make([]byte, 4))
	copy(reply[16:20], l.address.AsSlice())
	copy(reply[20:24], l.router.AsSlice())
	binary.BigEndian.PutUint32(reply[236:], dhcpCookie)
	for _, option := range []struct {
		code  byte
		value []byte
	}{
		{optionType, []byte{answer}},
		{optionServer, l.router.AsSlice()},
		{optionLease, binary.BigEndian.AppendUint32(nil, leaseSeconds)},
		{optionMask, l.mask},
		{optionRouter, l.router.AsSlice()},
		{optionDNS, l.dns.AsSlice()},
		{optionDomain, []byte(l.domain)},
	} {
		reply = append(reply, option.code, byte(len(option.value)))
		reply = append(reply, option.value...)
	}
	return append(reply, optionEnd)
}

// messageType returns the DHCP message type, or 0 without that option.
func messageType(options []byte) byte {
	for len(options) > 2 && options[0] != optionEnd {
		if options[0] == 0 { // padding
			options = options[1:]
			continue
		}
		size := int(options[1])
		if len(options) < 2+size {
			return 0
		}
		if options[0] == optionType && size == 1 {
			return options[2]
		}
		options = options[2+size:]
	}
	return 0
}

// onDevice returns a configuration that binds a socket to one interface and lets it broadcast.
func onDevice(name string) net.ListenConfig {
	return net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		var err error
		if failed := c.Control(func(fd uintptr) {
			if err = unix.BindToDevice(int(fd), name); err == nil {
				err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_BROADCAST, 1)
			}
		}); failed != nil {
			return failed
		}
		return err
	}}
}
