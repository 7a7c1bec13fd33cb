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

// flowConn is either connection of a flow.
type flowConn interface {
	// read waits for bytes. The caller returns the buffer to buffers, unless it is nil.
	read() (*buffer, int, error)
	Write(p []byte) (int, error)
	// CloseWrite tells the peer that nothing follows. Bytes from the peer can still be read.
	CloseWrite() error
}

// buffer has room for two records of TLS.
type buffer [32 << 10]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// plainConn is a connection whose bytes are carried as they are.
type plainConn struct {
	*net.TCPConn
	raw syscall.RawConn
}

func newPlainConn(conn *net.TCPConn) (flowConn, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	return plainConn{conn, raw}, nil
}

// read takes a buffer when bytes have arrived. A connection that waits needs none.
func (p plainConn) read() (*buffer, int, error) {
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

// tlsConn is a client's connection whose TLS the listener ends.
type tlsConn struct {
	*tls.Conn
	tcp *net.TCPConn
}

// handshakeTime limits a client's handshake. It is real time, as the client is a real program.
const handshakeTime = 10 * time.Second

func newTLSConn(conn *net.TCPConn, config *tls.Config, limit time.Duration) (flowConn, error) {
	e := tlsConn{tls.Server(patient{conn}, config), conn}
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	if err := e.Handshake(); err != nil {
		return nil, err
	}
	return e, conn.SetDeadline(time.Time{})
}

// read keeps its buffer while it waits. A client may close its connection between two records, with close_notify or without. In the middle
// of a record, this is an error.
func (e tlsConn) read() (*buffer, int, error) {
	taken := buffers.Get().(*buffer)
	n, err := e.Read(taken[:])
	if n > 0 {
		err = nil // the next read returns it again
	}
	return taken, n, err
}

// CloseWrite sends close_notify and a FIN: not every client looks at both.
func (e tlsConn) CloseWrite() error {
	return errors.Join(e.Conn.CloseWrite(), e.tcp.CloseWrite())
}

// patient ignores write deadlines. crypto/tls gives a close_notify five seconds, and a slow client would lose what it has not read by then.
// The idle timeout ends such a flow instead.
type patient struct{ net.Conn }

// SetWriteDeadline does nothing. The deadline of the handshake is set on the connection itself.
func (patient) SetWriteDeadline(time.Time) error { return nil }
