package proxy

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jonboulle/clockwork"
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
	f.watchIdle()
	return f
}

func (f *flow) run() {
	defer f.undial()
	defer f.close()
	client, err := f.listener.greet(f.client)
	if err != nil {
		f.drop(err)
		return
	}
	f.touch()
	server, err := f.connect()
	if err != nil {
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
		f.carry(client, server, &f.counters.out)
	}()
	f.carry(server, client, &f.counters.in)
	<-out
}

// drop ends a flow whose client failed the handshake: it never gets to its target. A flow that was reset meanwhile failed
// nothing.
func (f *flow) drop(err error) {
	if f.dialing.Err() != nil {
		return
	}
	f.listener.countUnmet()
	f.listener.log.Debug("handshake failed", "client", f.client.RemoteAddr(), "error", err)
}

func (f *flow) connect() (side, error) {
	if f.target.Dropped {
		_, _ = io.Copy(io.Discard, f.client) // until the client gives up, or the flow is reset
		return nil, errLost
	}
	conn, err := f.listener.dial(f.dialing, f.target.Address)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.server = conn.(*net.TCPConn)
	if f.ended {
		abort(f.server)
		return nil, net.ErrClosed
	}
	return newPlain(f.server)
}

// errLost is why a flow ends whose packets never arrived.
var errLost = errors.New("nothing gets through to the target")

// carry moves bytes until from has no more, and passes that on.
func (f *flow) carry(to, from side, count *atomic.Uint64) {
	var err error
	for err == nil {
		var n int
		n, err = f.pass(to, from)
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

// pass carries what from has as soon as it has something.
func (f *flow) pass(to, from side) (int, error) {
	taken, n, err := from.read()
	if taken != nil {
		defer buffers.Put(taken)
	}
	if err != nil {
		return 0, err
	}
	if f.hold() {
		return 0, net.ErrClosed
	}
	f.touch()
	return to.Write(taken[:n])
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
	f.touch()
	f.deadline = f.listener.clock.AfterFunc(f.listener.idle, f.expire)
}

func (f *flow) touch() { f.last.Store(f.listener.clock.Now().UnixNano()) }

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
