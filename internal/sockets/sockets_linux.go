// Package sockets reads which TCP sockets listen in this network namespace, from the kernel's own table.
package sockets

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// These are from linux/inet_diag.h and net/tcp_states.h, which x/sys does not have.
const (
	stateListen    = 10
	attrV6Only     = 11 // INET_DIAG_SKV6ONLY: one byte, for listening IPv6 sockets
	sizeNlMsghdr   = 16
	sizeDiagReq    = 56 // struct inet_diag_req_v2
	sizeDiagMsg    = 72 // struct inet_diag_msg
	diagSourcePort = 4  // offset of id.idiag_sport in inet_diag_msg
	diagSourceAddr = 8  // offset of id.idiag_src in inet_diag_msg
)

// Listener is a listening TCP socket.
type Listener struct {
	Addr   netip.Addr // an IPv4 address in IPv6 form is unmapped
	Port   uint16
	V6Only bool
}

// Table reads the kernel's table of sockets of this network namespace. It needs AF_NETLINK and no privilege. Its cost grows with the number
// of listening sockets, not of connections. It keeps its descriptor, and so works even when the process has run out of descriptors.
type Table struct {
	fd       int
	sequence uint32
	buffer   []byte
}

// Open opens the table. Close frees its descriptor.
func Open() (*Table, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("socket table: %w", err)
	}
	t := &Table{fd: fd, buffer: make([]byte, 32<<10)}
	// The kernel answers within the call that asks. The time limit is for a fault of the kernel, which must not block the caller.
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}); err != nil {
		t.Close()
		return nil, fmt.Errorf("socket table: %w", err)
	}
	return t, nil
}

// Close frees the table's descriptor.
func (t *Table) Close() { _ = unix.Close(t.fd) }

// Listeners returns the sockets that listen on a TCP port, or on any port if it is 0.
func (t *Table) Listeners(port int) ([]Listener, error) {
	var found []Listener
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		if err := t.ask(family, port); err != nil {
			return nil, fmt.Errorf("socket table: ask: %w", err)
		}
		var err error
		if found, err = t.answer(found); err != nil {
			return nil, fmt.Errorf("socket table: answer: %w", err)
		}
	}
	return found, nil
}

// ask requests the listening sockets of an address family.
func (t *Table) ask(family uint8, port int) error {
	t.sequence++
	question := make([]byte, sizeNlMsghdr+sizeDiagReq)
	binary.NativeEndian.PutUint32(question[0:], uint32(len(question)))
	binary.NativeEndian.PutUint16(question[4:], unix.SOCK_DIAG_BY_FAMILY)
	binary.NativeEndian.PutUint16(question[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	binary.NativeEndian.PutUint32(question[8:], t.sequence)
	// The kernel leaves out sockets of another family, protocol, state or port.
	request := question[sizeNlMsghdr:]
	request[0], request[1] = family, unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(request[4:], 1<<stateListen)
	binary.BigEndian.PutUint16(request[8:], uint16(port))
	return uninterrupted(func() error {
		return unix.Sendto(t.fd, question, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	})
}

// answer reads the answer to the last request and appends its listeners to found.
func (t *Table) answer(found []Listener) ([]Listener, error) {
	for {
		var n int
		err := uninterrupted(func() (err error) { n, _, err = unix.Recvfrom(t.fd, t.buffer, 0); return err })
		if err != nil {
			return nil, err
		}
		messages, err := syscall.ParseNetlinkMessage(t.buffer[:n])
		if err != nil {
			return nil, err
		}
		for _, m := range messages {
			switch {
			case m.Header.Seq != t.sequence:
			case m.Header.Type == unix.NLMSG_DONE:
				return found, nil
			case m.Header.Type == unix.NLMSG_ERROR:
				return nil, netlinkError(m.Data)
			default:
				l, err := parseListener(m.Data)
				if err != nil {
					return nil, err
				}
				found = append(found, l)
			}
		}
	}
}

var errShort = errors.New("truncated message")

// netlinkError returns the error in a message of type NLMSG_ERROR.
func netlinkError(data []byte) error {
	if len(data) < 4 {
		return errShort
	}
	return fmt.Errorf("sock_diag: %w", unix.Errno(-int32(binary.NativeEndian.Uint32(data))))
}

// parseListener reads a struct inet_diag_msg and the attributes that follow it.
func parseListener(data []byte) (Listener, error) {
	if len(data) < sizeDiagMsg {
		return Listener{}, errShort
	}
	l := Listener{Port: binary.BigEndian.Uint16(data[diagSourcePort:])}
	if data[0] == unix.AF_INET {
		l.Addr = netip.AddrFrom4([4]byte(data[diagSourceAddr:]))
	} else {
		l.Addr = netip.AddrFrom16([16]byte(data[diagSourceAddr:])).Unmap()
	}
	for rest := data[sizeDiagMsg:]; len(rest) >= unix.SizeofNlAttr; {
		length := int(binary.NativeEndian.Uint16(rest))
		if length < unix.SizeofNlAttr || length > len(rest) {
			return Listener{}, errShort
		}
		if binary.NativeEndian.Uint16(rest[2:]) == attrV6Only && length > unix.SizeofNlAttr {
			l.V6Only = rest[unix.SizeofNlAttr] != 0
		}
		rest = rest[min(len(rest), (length+unix.NLA_ALIGNTO-1)&^(unix.NLA_ALIGNTO-1)):]
	}
	return l, nil
}

// uninterrupted repeats a call that a signal has interrupted: with a time limit on the socket, SA_RESTART has no effect.
func uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
