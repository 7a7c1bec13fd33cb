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

// flow is a client's connection and the connection to its target.
type flow struct {
	listener *Listener
	target   Target
	counters *counters
	client   *net.TCPConn
	idle     time.Duration
	dialing  context.Context // done when the flow is reset
	undial   context.CancelFunc
	last     atomic.Int64 // the time on the listener's clock when bytes were last carried

	mu       sync.Mutex
	server   *net.TCPConn // nil until connected
	deadline clockwork.Timer
	ended    bool
}

// newFlow creates the flow of a client and starts its idle timeout.
func newFlow(l *Listener, client *net.TCPConn, target Target, c *counters) *flow {
	f := &flow{listener: l, target: target, counters: c, client: client, idle: l.idle.get()}
	f.dialing, f.undial = context.WithCancel(context.Background())
	f.watchIdle()
	return f
}

// run carries bytes in both directions until the flow has ended.
func (f *flow) run() {
	defer f.undial()
	defer f.close()
	toClient, err := f.listener.newClient(f.client)
	if err != nil {
		f.drop(err)
		return
	}
	f.touch()
	toTarget, err := f.connect()
	if err != nil {
		f.counters.refused.Add(1)
		f.listener.log.Debug("flow refused", "target", f.target.ID, "error", err)
		f.reset(end{of: byTarget}.blame(err)) // a target without a listener answers with a reset
		return
	}
	f.counters.flows.Add(1)
	f.counters.active.Add(1)
	defer f.counters.active.Add(-1)
	client, server := end{toClient, byClient}, end{toTarget, byTarget}
	out := make(chan struct{})
	go func() {
		defer close(out)
		f.carry(client, server, &f.counters.out)
	}()
	f.carry(server, client, &f.counters.in)
	<-out
}

// drop counts a flow whose client failed the handshake. A flow that was reset during its handshake is not counted.
func (f *flow) drop(err error) {
	if f.dialing.Err() != nil {
		return
	}
	f.listener.countFailedHandshake()
	f.listener.log.Debug("handshake failed", "client", f.client.RemoteAddr(), "error", err)
}

// connect connects to the target. To a target whose packets get lost, it waits until the client gives up or the flow is reset.
func (f *flow) connect() (flowConn, error) {
	if f.target.Dropped {
		_, _ = io.Copy(io.Discard, f.client)
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
	return newPlainConn(f.server)
}

// errLost is the error of a connection to a target whose packets get lost.
var errLost = errors.New("no packet gets through to the target")

// end is either end of a flow.
type end struct {
	flowConn
	of sender
}

// blame returns who resets a flow after an error of one of its ends.
func (e end) blame(err error) sender {
	if wasReset(err) {
		return e.of
	}
	return byBalancer
}

// carry moves bytes until one end closes or breaks, and ends the other in the same way.
func (f *flow) carry(to, from end, count *atomic.Uint64) {
	for f.carryOnce(to, from, count) {
	}
}

// carryOnce waits for bytes and moves them. It returns false if nothing will follow.
func (f *flow) carryOnce(to, from end, count *atomic.Uint64) bool {
	taken, n, err := from.read()
	if taken != nil {
		defer buffers.Put(taken)
	}
	switch {
	case errors.Is(err, io.EOF):
		f.awaitPackets()
		if err := to.CloseWrite(); err != nil {
			f.reset(to.blame(err))
		}
		return false
	case err != nil:
		f.reset(from.blame(err))
		return false
	case f.awaitPackets():
		return false
	}
	f.touch()
	n, err = to.Write(taken[:n])
	count.Add(uint64(n))
	f.listener.tally.bytes.Add(int64(n))
	if err != nil {
		f.reset(to.blame(err))
	}
	return err == nil
}

// awaitPackets waits while the target is stalled. It returns true if the flow has ended in the meantime.
func (f *flow) awaitPackets() bool {
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

// watchIdle starts the idle timeout.
func (f *flow) watchIdle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.touch()
	f.deadline = f.listener.clock.AfterFunc(f.idle, f.expire)
}

// touch notes that bytes were carried.
func (f *flow) touch() { f.last.Store(f.listener.clock.Now().UnixNano()) }

// expire resets the flow if it has carried nothing for the idle timeout, and otherwise waits for the rest of the timeout.
func (f *flow) expire() {
	left := f.idle - f.listener.clock.Since(time.Unix(0, f.last.Load()))
	f.mu.Lock()
	if left > 0 && !f.ended {
		f.deadline.Reset(left)
	}
	f.mu.Unlock()
	if left <= 0 {
		f.reset(byBalancer)
	}
}

// reset ends the flow at once: client and target see a reset, which counts as that of its sender.
func (f *flow) reset(by sender) {
	f.finish(func() { f.listener.tally.reset(by) }, abort)
}

// close ends a flow that client and target have closed.
func (f *flow) close() {
	f.finish(func() {}, func(c *net.TCPConn) { _ = c.Close() })
}

// finish counts the end of a flow and closes both connections with a function, the first time that it is called. It counts first: a client
// that sees the end is counted.
func (f *flow) finish(count func(), end func(*net.TCPConn)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return
	}
	f.ended = true
	count()
	f.deadline.Stop()
	f.undial()
	end(f.client)
	if f.server != nil {
		end(f.server)
	}
}

// abort closes a connection with a reset.
func abort(c *net.TCPConn) {
	_ = c.SetLinger(0) // fails if the peer has reset the connection
	_ = c.Close()
}
