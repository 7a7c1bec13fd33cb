package proxy

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// side is one of a flow's two connections.
type side interface {
	// read waits for bytes. The buffer goes back to buffers, unless it is nil.
	read() (*buffer, int, error)
	Write(p []byte) (int, error)
	// CloseWrite says that nothing follows; what comes from there still does.
	CloseWrite() error
}

// buffer has room for two records of TLS.
type buffer [32 << 10]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// plain is a connection whose bytes are carried as they are.
type plain struct {
	*net.TCPConn
	raw syscall.RawConn
}

func newPlain(conn *net.TCPConn) (side, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	return plain{conn, raw}, nil
}

// read takes a buffer when there are bytes, not while it waits for some.
func (p plain) read() (*buffer, int, error) {
	var taken *buffer
	var n int
	var failed error
	err := p.raw.Read(func(fd uintptr) bool {
		taken = buffers.Get().(*buffer)
		for {
			n, failed = unix.Read(int(fd), taken[:])
			if !errors.Is(failed, unix.EINTR) {
				break
			}
		}
		if errors.Is(failed, unix.EAGAIN) {
			buffers.Put(taken)
			taken = nil
			return false
		}
		return true
	})
	if err = errors.Join(err, failed); err == nil && n == 0 {
		err = io.EOF
	}
	return taken, n, err
}

// encrypted is a client's connection whose TLS ends here.
type encrypted struct {
	*tls.Conn
	tcp *net.TCPConn
}

// handshakeTime is how long a client's handshake may take, real time: what takes it is the client.
const handshakeTime = 10 * time.Second

func newEncrypted(conn *net.TCPConn, config *tls.Config, limit time.Duration) (side, error) {
	e := encrypted{tls.Server(patient{conn}, config), conn}
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	if err := e.Handshake(); err != nil {
		return nil, err
	}
	return e, conn.SetDeadline(time.Time{})
}

// read keeps its buffer while it waits. A client that closes its connection between two records has said all, with
// close_notify or without; in the middle of a record its words are cut off, which is an error.
func (e encrypted) read() (*buffer, int, error) {
	taken := buffers.Get().(*buffer)
	n, err := e.Read(taken[:])
	if n > 0 {
		err = nil // it comes again
	}
	return taken, n, err
}

// CloseWrite tells by TLS and by TCP: not every client looks at both.
func (e encrypted) CloseWrite() error {
	return errors.Join(e.Conn.CloseWrite(), e.tcp.CloseWrite())
}

// patient lets a client take its time: crypto/tls gives up on close_notify after five seconds, and with it would be lost
// what a slow client hasn't read. A flow ends when it is idle for too long.
type patient struct{ net.Conn }

// SetWriteDeadline is for crypto/tls; the deadline of the handshake is set on the connection itself.
func (patient) SetWriteDeadline(time.Time) error { return nil }
