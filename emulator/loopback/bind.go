package loopback

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// home has the addresses of an instance.
type home struct {
	private netip.Addr // in the cloud
	own     netip.Addr // on this machine
	ports   privileges // decide whether a port is moved
	route   Route      // nil: connections to other addresses are left alone
}

// Route decides where on this machine a connection to an address outside of the instance leads, with the port. It returns false for a
// connection that is left alone. A connection whose packets are lost leads to [BlackHole].
type Route func(to netip.AddrPort) (netip.AddrPort, bool)

func homeOf(private netip.Addr, route Route) home {
	return home{private: private, own: Address(private), ports: ownPrivileges(), route: route}
}

const resolverPort = 53

var loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// isSelf reports whether a program on the instance means the instance itself by an address.
func (h home) isSelf(addr netip.Addr) bool {
	addr = addr.Unmap()
	return addr.IsUnspecified() || addr == loopback4 || addr == netip.IPv6Loopback() || addr == h.private || addr == h.own
}

// bindAddress returns the address for a socket that asks to be bound at another, and false if the socket is left alone.
func (h home) bindAddress(to netip.AddrPort) (netip.AddrPort, bool) {
	return netip.AddrPortFrom(h.own, movePort(to.Port(), h.ports)), h.isSelf(to.Addr())
}

// connectAddress returns the address for a connection to another, and false if the connection is left alone. Any other address on 127/8
// belongs to an instance or a balancer, whose ports are moved like those of this instance. A program asks the name server of its
// network, not of the instance, by port 53 of localhost.
func (h home) connectAddress(to netip.AddrPort) (netip.AddrPort, bool) {
	to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
	moved := movePort(to.Port(), h.ports)
	switch {
	case to.Port() == resolverPort && to.Addr() != h.own:
		return h.routed(to)
	case h.isSelf(to.Addr()):
		return netip.AddrPortFrom(h.own, moved), true
	case to.Addr().IsLoopback():
		return netip.AddrPortFrom(to.Addr(), moved), moved != to.Port()
	}
	return h.routed(to)
}

func (h home) routed(to netip.AddrPort) (netip.AddrPort, bool) {
	if h.route == nil {
		return to, false
	}
	return h.route(to)
}

// address returns the address for the socket of a held call, and false if the call is left alone.
func (h home) address(n *notification, to netip.AddrPort) (netip.AddrPort, bool) {
	if n.nr == unix.SYS_CONNECT {
		return h.connectAddress(to)
	}
	return h.bindAddress(to)
}

// notification and response mirror struct seccomp_notif and struct seccomp_notif_resp of linux/seccomp.h.
type notification struct {
	id    uint64
	pid   uint32 // the thread's number
	flags uint32
	nr    int32
	arch  uint32
	ip    uint64
	args  [6]uint64
}

type response struct {
	id    uint64
	val   int64
	errno int32 // negative
	flags uint32
}

// serve answers held calls until the listener is closed or all processes are gone.
func (s *Spawner) serve() {
	raw, err := s.listener.SyscallConn()
	if err != nil {
		return
	}
	for {
		var n notification
		var errno error
		err := raw.Read(func(fd uintptr) bool {
			errno = receive(int(fd), &n)
			return !errors.Is(errno, unix.EAGAIN)
		})
		switch {
		case err != nil, errors.Is(errno, unix.EPIPE):
			return
		case errno == nil:
			go s.answer(n) // in the background, as a connect may block
		}
	}
}

// receive reads a notification. It returns EAGAIN if none waits, and EPIPE if no process with the filter is left. Any other error means
// that the process of the notification is gone.
func receive(fd int, n *notification) error {
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if _, err := unix.Poll(poll, 0); err != nil {
		return err
	}
	switch {
	case poll[0].Revents&unix.POLLIN != 0:
		*n = notification{}
		return ioctl(fd, unix.SECCOMP_IOCTL_NOTIF_RECV, unsafe.Pointer(n)) //nolint:gosec // the request's own struct
	case poll[0].Revents != 0:
		return unix.EPIPE
	}
	return unix.EAGAIN
}

// answer makes a held call for its process and tells the kernel the result.
func (s *Spawner) answer(n notification) {
	r := response{id: n.id}
	switch errno := s.act(&n); errno {
	case 0:
	case passOn:
		r.flags = unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE
	default:
		r.errno = -int32(errno)
	}
	// This fails if the process has been killed in the meantime. Then no answer is needed.
	_ = s.control(unix.SECCOMP_IOCTL_NOTIF_SEND, unsafe.Pointer(&r)) //nolint:gosec // the request's own struct
}

// passOn lets the process make its call itself. This is no security boundary: the process can change the address after the emulator has
// read it.
const passOn = unix.Errno(0xffff)

// act makes a held call on the process's own socket, or returns passOn.
func (s *Spawner) act(n *notification) unix.Errno {
	memory, err := os.OpenFile(fmt.Sprintf("/proc/%d/mem", n.pid), os.O_RDWR, 0)
	if err != nil {
		if errors.Is(err, os.ErrPermission) {
			s.warn("memory", "the memory of a program cannot be read: its sockets stay at the host's addresses", "error", err)
		}
		return passOn
	}
	defer memory.Close()
	address, ok := readAddress(memory, n.args[1], n.args[2])
	if !ok {
		return passOn
	}
	if _, held := s.home.address(n, address.addrPort()); !held {
		return passOn
	}
	if !s.borrows {
		return s.rewrite(n, memory, address)
	}
	return s.actOnSocket(n, address)
}

// rewrite changes the address in the process's memory, for machines that deny access to its socket. It cannot know whether the socket
// takes IPv6 alone. Such a socket is refused the wildcard address (EINVAL) and keeps ::1, which is the host's.
func (s *Spawner) rewrite(n *notification, memory *os.File, address sockaddr) unix.Errno {
	given := address.addrPort()
	if given.Addr() == netip.IPv6Loopback() || !s.valid(n) {
		return passOn
	}
	to, _ := s.home.address(n, given)
	changed := address.with(to)
	if _, err := memory.WriteAt(changed, int64(n.args[1])); err != nil {
		return unix.EFAULT
	}
	return passOn
}

// actOnSocket makes a held call on a duplicate of the process's socket.
func (s *Spawner) actOnSocket(n *notification, address sockaddr) unix.Errno {
	process, err := threadGroup(int(n.pid))
	if err != nil {
		return passOn
	}
	fd, err := borrow(process, int(int32(n.args[0])))
	if err != nil {
		return passOn // the kernel reports what is wrong with the descriptor
	}
	defer unix.Close(fd)
	family, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	switch {
	case !s.valid(n):
		return unix.EINTR
	case err != nil || family != address.family():
		return passOn
	case n.nr == unix.SYS_CONNECT:
		return s.connect(fd, address)
	}
	return s.bind(fd, address)
}

// valid reports whether the thread of a notification still waits. If so, its number has not been reused, and what was opened by the number
// belongs to its process.
func (s *Spawner) valid(n *notification) bool {
	return s.control(unix.SECCOMP_IOCTL_NOTIF_ID_VALID, unsafe.Pointer(&n.id)) == nil //nolint:gosec // the request's own type
}

// bind binds a socket at the instance's address.
func (s *Spawner) bind(fd int, address sockaddr) unix.Errno {
	given := address.addrPort()
	if onlyIPv6(fd, address) {
		if given.Port() != 0 { // Go's programs bind port 0 to find out whether the machine has IPv6
			s.warn("v6 "+given.String(), "an IPv6-only socket is unreachable: the emulated cloud has IPv4 only", "bind", given)
		}
		return callWith(unix.SYS_BIND, fd, address.with(netip.AddrPortFrom(netip.IPv6Loopback(), 0)))
	}
	target, _ := s.home.bindAddress(given)
	errno := callWith(unix.SYS_BIND, fd, address.with(target))
	switch {
	case errno == unix.EINVAL && !s.uninterrupted && isBoundTo(fd, target):
		return 0 // a signal interrupted the process's call after the emulator had made it, and the kernel restarted it
	case errno == unix.EACCES:
		s.warn("port "+target.String(), "bind refused: only root may use ports below the sysctl net.ipv4.ip_unprivileged_port_start",
			"bind", target, "net.ipv4.ip_unprivileged_port_start", unprivilegedPortStart())
	case errno != 0:
		s.warn(errno.Error()+target.String(), "bind refused", "bind", target, "error", errno)
	}
	return errno
}

// connect connects a socket to where the address is on this machine.
func (s *Spawner) connect(fd int, address sockaddr) unix.Errno {
	if onlyIPv6(fd, address) {
		return unix.ECONNREFUSED
	}
	target, _ := s.home.connectAddress(address.addrPort())
	errno := callWith(unix.SYS_CONNECT, fd, address.with(target))
	if errno == unix.EISCONN && !s.uninterrupted {
		return 0
	}
	return errno
}

// onlyIPv6 reports whether a socket takes an address as IPv6 and cannot take it as IPv4.
func onlyIPv6(fd int, address sockaddr) bool {
	if address.family() != unix.AF_INET6 || address.addrPort().Addr().Is4In6() {
		return false
	}
	only, err := unix.GetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY)
	return err == nil && only != 0
}

// isBoundTo reports whether a socket is bound at an address; port 0 stands for any port.
func isBoundTo(fd int, target netip.AddrPort) bool {
	bound, err := unix.Getsockname(fd)
	if err != nil {
		return false
	}
	var at netip.AddrPort
	switch a := bound.(type) {
	case *unix.SockaddrInet4:
		at = netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		at = netip.AddrPortFrom(netip.AddrFrom16(a.Addr).Unmap(), uint16(a.Port))
	}
	return at.Addr() == target.Addr() && (target.Port() == 0 || at.Port() == target.Port())
}

// sockaddr is the memory of a process's sockaddr_in or sockaddr_in6. It is long enough for its family.
type sockaddr []byte

const sizeInet6 = 24 // without sin6_scope_id, which is optional

// readAddress reads a sockaddr from a process's memory. It returns false if the family is neither IPv4 nor IPv6.
func readAddress(memory *os.File, pointer, length uint64) (sockaddr, bool) {
	if length < unix.SizeofSockaddrInet4 || length > unix.SizeofSockaddrAny {
		return nil, false
	}
	a := make(sockaddr, length)
	if _, err := memory.ReadAt(a, int64(pointer)); err != nil {
		return nil, false
	}
	return a, a.family() == unix.AF_INET || (a.family() == unix.AF_INET6 && length >= sizeInet6)
}

func (a sockaddr) family() int { return int(binary.NativeEndian.Uint16(a)) }

func (a sockaddr) addrPort() netip.AddrPort {
	port := binary.BigEndian.Uint16(a[2:])
	if a.family() == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte(a[4:8])), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16([16]byte(a[8:24])), port)
}

// with returns a sockaddr of the same family with another address and port. In an IPv6 sockaddr, an IPv4 address is mapped.
func (a sockaddr) with(to netip.AddrPort) sockaddr {
	b := bytes.Clone(a)
	binary.BigEndian.PutUint16(b[2:], to.Port())
	if a.family() == unix.AF_INET {
		copy(b[4:8], to.Addr().AsSlice())
	} else {
		mapped := to.Addr().As16()
		copy(b[8:24], mapped[:])
	}
	return b
}

// callWith makes the system call bind or connect with an address in its wire form.
func callWith(nr uintptr, fd int, address sockaddr) unix.Errno {
	_, _, errno := unix.Syscall(nr, uintptr(fd), uintptr(unsafe.Pointer(&address[0])), uintptr(len(address))) //nolint:gosec // its type
	return errno
}

// borrow duplicates a descriptor of another process into this process.
func borrow(process, fd int) (int, error) {
	pidfd, err := unix.PidfdOpen(process, 0)
	if err != nil {
		return -1, err
	}
	defer unix.Close(pidfd)
	return unix.PidfdGetfd(pidfd, fd, 0)
}

// threadGroup returns the process of a thread: pidfd_open accepts only the first thread of a process.
func threadGroup(thread int) (int, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", thread))
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(status) {
		if value, ok := bytes.CutPrefix(line, []byte("Tgid:")); ok {
			return strconv.Atoi(string(bytes.TrimSpace(value)))
		}
	}
	return 0, fmt.Errorf("thread %d: no Tgid in its status", thread)
}

// control makes a request to the seccomp listener.
func (s *Spawner) control(request uintptr, argument unsafe.Pointer) error {
	raw, err := s.listener.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = ioctl(int(fd), request, argument) }); err != nil {
		return err
	}
	return failed
}

func ioctl(fd int, request uintptr, argument unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(argument)); errno != 0 {
		return errno
	}
	return nil
}
