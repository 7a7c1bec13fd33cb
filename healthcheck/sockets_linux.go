package healthcheck

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"
)

// Of linux/inet_diag.h and net/tcp_states.h, which x/sys does not carry.
const (
	stateListen    = 10
	attrV6Only     = 11 // INET_DIAG_SKV6ONLY: one byte, of listening IPv6 sockets
	sizeNlMsghdr   = 16
	sizeDiagReq    = 56 // struct inet_diag_req_v2
	sizeDiagMsg    = 72 // struct inet_diag_msg
	diagSourceAddr = 8  // offset of id.idiag_src in inet_diag_msg
)

// listener is a listening TCP socket.
type listener struct {
	addr   netip.Addr // an IPv4 address in IPv6 form is unmapped
	v6only bool
}

// takes reports whether a connection from outside that arrives at own, or for the unspecified address at any of the
// machine's addresses, reaches the listener.
func (l listener) takes(own netip.Addr) bool {
	switch {
	case own.IsUnspecified():
		return !l.addr.IsLoopback()
	case !l.addr.IsUnspecified():
		return l.addr == own
	case own.Is4():
		return !l.v6only
	default:
		return l.addr.Is6()
	}
}

// socketTable reads the kernel's table of sockets of this network namespace. It needs no privilege, only AF_NETLINK,
// and costs by the number of listening sockets, not of connections. It keeps its descriptor, and so works when there is
// no other to be had.
type socketTable struct {
	fd       int
	sequence uint32
	buffer   []byte
}

func openSocketTable() (*socketTable, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_SOCK_DIAG)
	if err != nil {
		return nil, fmt.Errorf("socket table: %w", err)
	}
	t := &socketTable{fd: fd, buffer: make([]byte, 32<<10)}
	// The kernel answers while it is asked; the limit only keeps a kernel's fault from hanging the responder.
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}); err != nil {
		t.close()
		return nil, fmt.Errorf("socket table: %w", err)
	}
	return t, nil
}

func (t *socketTable) close() { _ = unix.Close(t.fd) }

// listeners returns the sockets that listen on a TCP port.
func (t *socketTable) listeners(port int) ([]listener, error) {
	var found []listener
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

func (t *socketTable) ask(family uint8, port int) error {
	t.sequence++
	question := make([]byte, sizeNlMsghdr+sizeDiagReq)
	binary.NativeEndian.PutUint32(question[0:], uint32(len(question)))
	binary.NativeEndian.PutUint16(question[4:], unix.SOCK_DIAG_BY_FAMILY)
	binary.NativeEndian.PutUint16(question[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	binary.NativeEndian.PutUint32(question[8:], t.sequence)
	// The kernel passes over sockets of another family, protocol, state or port.
	request := question[sizeNlMsghdr:]
	request[0], request[1] = family, unix.IPPROTO_TCP
	binary.NativeEndian.PutUint32(request[4:], 1<<stateListen)
	binary.BigEndian.PutUint16(request[8:], uint16(port))
	return uninterrupted(func() error {
		return unix.Sendto(t.fd, question, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
	})
}

// answer appends the listeners of the answer to the last question to found.
func (t *socketTable) answer(found []listener) ([]listener, error) {
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

func netlinkError(data []byte) error {
	if len(data) < 4 {
		return errShort
	}
	return fmt.Errorf("sock_diag: %w", unix.Errno(-int32(binary.NativeEndian.Uint32(data))))
}

// parseListener reads a struct inet_diag_msg and the attributes behind it.
func parseListener(data []byte) (listener, error) {
	if len(data) < sizeDiagMsg {
		return listener{}, errShort
	}
	var l listener
	if data[0] == unix.AF_INET {
		l.addr = netip.AddrFrom4([4]byte(data[diagSourceAddr:]))
	} else {
		l.addr = netip.AddrFrom16([16]byte(data[diagSourceAddr:])).Unmap()
	}
	for rest := data[sizeDiagMsg:]; len(rest) >= unix.SizeofNlAttr; {
		length := int(binary.NativeEndian.Uint16(rest))
		if length < unix.SizeofNlAttr || length > len(rest) {
			return listener{}, errShort
		}
		if binary.NativeEndian.Uint16(rest[2:]) == attrV6Only && length > unix.SizeofNlAttr {
			l.v6only = rest[unix.SizeofNlAttr] != 0
		}
		rest = rest[min(len(rest), (length+unix.NLA_ALIGNTO-1)&^(unix.NLA_ALIGNTO-1)):]
	}
	return l, nil
}

// uninterrupted repeats a call that a signal cut short: with a time limit on the socket, SA_RESTART does not apply.
func uninterrupted(call func() error) error {
	for {
		if err := call(); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
