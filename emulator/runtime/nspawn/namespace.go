package nspawn

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/internal/thread"
)

// namespace is a network namespace that lives as long as the file, a process or a socket in it.
type namespace struct{ file *os.File }

func newNamespace() (*namespace, error) {
	n := &namespace{}
	err := thread.Run(func() error {
		if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
			return fmt.Errorf("new network namespace: %w", err)
		}
		file, err := os.Open("/proc/thread-self/ns/net")
		n.file = file
		return err
	})
	return n, err
}

func (n *namespace) close() { _ = n.file.Close() }

// do runs f in the namespace. Sockets that f opens and processes that it starts stay there.
func (n *namespace) do(f func() error) error {
	return thread.Run(func() error {
		if err := n.enter(); err != nil {
			return err
		}
		return f()
	})
}

// enter puts the calling thread into the namespace.
func (n *namespace) enter() error {
	if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering a network namespace: %w", err)
	}
	return nil
}

// ip runs commands of ip(8) in the namespace, one per line. The commands reach other namespaces as the files /proc/self/fd/3,
// 4 and so on.
func (n *namespace) ip(ctx context.Context, commands []string, others ...*namespace) error {
	return n.do(func() error {
		cmd := exec.CommandContext(ctx, "ip", "-batch", "-")
		cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
		for _, other := range others {
			cmd.ExtraFiles = append(cmd.ExtraFiles, other.file)
		}
		return run(cmd)
	})
}

// run runs a command. Its error has what the command printed.
func run(cmd *exec.Cmd) error {
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// dial connects from the namespace to a numeric address. Names are refused because they would be looked up on other threads,
// outside of the namespace.
func (n *namespace) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if _, err := net.ResolveTCPAddr(network, address); err != nil {
		return nil, err
	}
	var conn net.Conn
	err := n.do(func() (err error) {
		conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

func (n *namespace) listen(network, address string) (net.Listener, error) {
	var l net.Listener
	err := n.do(func() (err error) {
		l, err = (&net.ListenConfig{}).Listen(context.Background(), network, address)
		return err
	})
	return l, err
}

func (n *namespace) listenPacket(config net.ListenConfig, address string) (net.PacketConn, error) {
	var c net.PacketConn
	err := n.do(func() (err error) {
		c, err = config.ListenPacket(context.Background(), "udp4", address)
		return err
	})
	return c, err
}

// route makes the namespace forward packets between its interfaces.
func (n *namespace) route() error {
	return n.do(func() error { return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0) })
}
