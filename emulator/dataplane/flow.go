package dataplane

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jonboulle/clockwork"
	"golang.org/x/sys/unix"
)

// flow is a client's connection and the one made to its target.
type flow struct {
	listener *Listener
	target   Target
	counters *counters
	client   *net.TCPConn
	dialing  context.Context // done when the flow is reset
	undial   context.CancelFunc
	last     atomic.Int64 // when something was carried, on the listener's clock

	mu       sync.Mutex
	server   *net.TCPConn // nil until connected
	deadline clockwork.Timer
	ended    bool
}

func newFlow(l *Listener, client *net.TCPConn, target Target, c *counters) *flow {
	f := &flow{listener: l, target: target, counters: c, client: client}
	f.dialing, f.undial = context.WithCancel(context.Background())
	return f
}

func (f *flow) run() {
	defer f.undial()
	f.watchIdle()
	defer f.close()
	if err := f.connect(); err != nil {
		f.counters.refused.Add(1)
		f.listener.log.Debug("flow refused", "target", f.target.ID, "error", err)
		f.reset()
		return
	}
	f.counters.flows.Add(1)
	f.counters.active.Add(1)
	defer f.counters.active.Add(-1)
	out := make(chan struct{})
	go func() {
		defer close(out)
		f.carry(f.client, f.server, &f.counters.out)
	}()
	f.carry(f.server, f.client, &f.counters.in)
	<-out
}

func (f *flow) connect() error {
	if f.target.Dropped {
		_, _ = io.Copy(io.Discard, f.client) // until the client gives up, or the flow is reset
		return errLost
	}
	conn, err := f.listener.dial(f.dialing, f.target.Address)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.server = conn.(*net.TCPConn)
	if f.ended {
		abort(f.server)
		return net.ErrClosed
	}
	return nil
}

// errLost is why a flow ends whose packets never arrived.
var errLost = errors.New("nothing gets through to the target")

// carry moves bytes until from has no more, and passes that on.
func (f *flow) carry(to, from *net.TCPConn, count *atomic.Uint64) {
	raw, err := from.SyscallConn()
	for err == nil {
		var n int
		n, err = f.pass(to, raw)
		count.Add(uint64(n))
	}
	if errors.Is(err, io.EOF) {
		f.hold()
		err = to.CloseWrite()
	}
	if err != nil {
		f.reset()
	}
}

// buffers are held while there are bytes to carry, not while a flow waits for some.
var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// pass carries what from has as soon as it has something.
func (f *flow) pass(to *net.TCPConn, from syscall.RawConn) (int, error) {
	var buffer *[32 << 10]byte
	var n int
	var failed error
	err := from.Read(func(fd uintptr) bool {
		buffer = buffers.Get().(*[32 << 10]byte)
		for {
			n, failed = unix.Read(int(fd), buffer[:])
			if !errors.Is(failed, unix.EINTR) {
				break
			}
		}
		if errors.Is(failed, unix.EAGAIN) {
			buffers.Put(buffer)
			buffer = nil
			return false
		}
		return true
	})
	if buffer != nil {
		defer buffers.Put(buffer)
	}
	if err = errors.Join(err, failed); err != nil {
		return 0, err
	}
	if n == 0 {
		return 0, io.EOF
	}
	if f.hold() {
		return 0, net.ErrClosed
	}
	f.last.Store(f.listener.clock.Now().UnixNano())
	return to.Write(buffer[:n])
}

// hold waits while nothing gets through to the flow's target and back, and reports whether the flow ended meanwhile.
func (f *flow) hold() bool {
	for {
		stalled := f.listener.stalled(f.target.ID)
		if stalled == nil {
			return false
		}
		select {
		case <-stalled:
		case <-f.dialing.Done():
			return true
		}
	}
}

// watchIdle resets the flow when it has carried nothing for the idle timeout.
func (f *flow) watchIdle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.last.Store(f.listener.clock.Now().UnixNano())
	f.deadline = f.listener.clock.AfterFunc(f.listener.idle, f.expire)
}

func (f *flow) expire() {
	l := f.listener
	left := l.idle - l.clock.Since(time.Unix(0, f.last.Load()))
	f.mu.Lock()
	if left > 0 && !f.ended {
		f.deadline.Reset(left)
	}
	f.mu.Unlock()
	if left <= 0 {
		f.reset()
	}
}

// reset ends the flow at once; both sides see a reset.
func (f *flow) reset() { f.finish(abort) }

// close ends a flow of which both sides have said all.
func (f *flow) close() { f.finish(func(c *net.TCPConn) { _ = c.Close() }) }

func (f *flow) finish(end func(*net.TCPConn)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return
	}
	f.ended = true
	f.deadline.Stop()
	f.undial()
	end(f.client)
	if f.server != nil {
		end(f.server)
	}
}

// abort closes a connection with a reset.
func abort(c *net.TCPConn) {
	_ = c.SetLinger(0) // fails on a connection that is reset already
	_ = c.Close()
}
