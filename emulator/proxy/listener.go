package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jonboulle/clockwork"
	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/loopback"
	"github.com/elastic-service/elastic-service/emulator/metric"
)

// IdleTimeout is the period after which a Network Load Balancer resets a TCP flow that carries nothing.
const IdleTimeout = 350 * time.Second

// Target receives flows or requests.
type Target struct {
	ID      string // of the instance, or of the instance and its port
	Address netip.AddrPort
	Dropped bool // packets to the target get lost: connections to it time out
}

// Picker picks the target of a new flow. If it returns false, the client is reset; with a Dropped target, because the client's packets do
// not get to the balancer, which then counts no reset. It is called for one flow after the other, in the order
// of their arrival, and must not block.
type Picker func(client netip.AddrPort) (Target, bool)

// TargetStats counts flows of a target since Listen. Bytes are counted as the target gets and sends them: decrypted.
type TargetStats struct {
	Flows    uint64 // that were connected to the target, including flows that have ended
	Active   int    // flows that are connected now
	BytesIn  uint64 // from clients to the target
	BytesOut uint64 // from the target to clients
	Refused  uint64 // flows that were reset because the target could not be reached
}

// Listener is a listener of a Network Load Balancer. It passes flows on and does not look at what they carry. A flow stays on its target;
// half-closes and resets pass through it. With a certificate, clients speak TLS to the listener, and targets get decrypted bytes. A client
// whose handshake fails never reaches a target.
type Listener struct {
	listener  *net.TCPListener
	pick      Picker
	dial      Dialer
	clock     clockwork.Clock
	idle      period // of new flows
	log       *slog.Logger
	secure    *tls.Config // nil: TCP
	handshake time.Duration
	tally     tally

	mu      sync.Mutex
	flows   map[*flow]struct{}
	targets map[string]*counters
	stalls  map[string]chan struct{} // by target; closed when the stall is over
	closing context.Context          // done when Close was called
	close   context.CancelFunc
	running sync.WaitGroup
}

type counters struct {
	flows, in, out, refused atomic.Uint64
	active                  atomic.Int64
}

// ListenerOption changes a default of [Listen] and [ListenHTTP].
type ListenerOption func(*listenerOptions)

type listenerOptions struct {
	clock       clockwork.Clock
	idle        time.Duration
	log         *slog.Logger
	certificate *tls.Certificate
	handshake   time.Duration
	dial        Dialer
}

// newListenerOptions applies options to the defaults.
func newListenerOptions(idle time.Duration, options []ListenerOption) listenerOptions {
	set := listenerOptions{
		clock: clockwork.NewRealClock(), idle: idle, handshake: handshakeTime, log: slog.Default(), dial: loopback.Dial,
	}
	for _, option := range options {
		option(&set)
	}
	return set
}

// WithClock sets the clock of timeouts. The default is real time.
func WithClock(clock clockwork.Clock) ListenerOption {
	return func(o *listenerOptions) { o.clock = clock }
}

// WithIdleTimeout sets the idle timeout. The default is [IdleTimeout] or [HTTPIdleTimeout].
func WithIdleTimeout(d time.Duration) ListenerOption {
	return func(o *listenerOptions) { o.idle = d }
}

// WithLog sets the log. The default is slog.Default().
func WithLog(log *slog.Logger) ListenerOption { return func(o *listenerOptions) { o.log = log } }

// WithDialer sets the dialer that connects to targets. The default is [loopback.Dial].
func WithDialer(dial Dialer) ListenerOption { return func(o *listenerOptions) { o.dial = dial } }

// WithCertificate makes [Listen] speak TLS and [ListenHTTP] HTTPS, of TLS 1.2 or later. The default is to speak neither.
func WithCertificate(certificate *tls.Certificate) ListenerOption {
	return func(o *listenerOptions) { o.certificate = certificate }
}

// secure returns the configuration of TLS, and nil without a certificate.
func (o listenerOptions) secure() *tls.Config {
	if o.certificate == nil {
		return nil
	}
	return &tls.Config{Certificates: []tls.Certificate{*o.certificate}, MinVersion: tls.VersionTLS12}
}

// Listen accepts flows at an address, see [loopback.Listen], and connects each to the target that pick returns.
func Listen(addr netip.AddrPort, pick Picker, options ...ListenerOption) (*Listener, error) {
	listener, err := loopback.Listen(addr)
	if err != nil {
		return nil, err
	}
	set := newListenerOptions(IdleTimeout, options)
	l := &Listener{
		listener: listener, pick: pick, dial: set.dial, clock: set.clock,
		secure: set.secure(), handshake: set.handshake,
		log:   set.log.With("listener", listener.Addr()),
		flows: map[*flow]struct{}{}, targets: map[string]*counters{},
	}
	l.idle.set(set.idle)
	l.closing, l.close = context.WithCancel(context.Background())
	l.running.Add(1)
	go l.serve()
	return l, nil
}

// SetIdleTimeout changes the idle timeout of new flows.
func (l *Listener) SetIdleTimeout(d time.Duration) { l.idle.set(d) }

// period is a duration that can change at any time.
type period struct{ nanoseconds atomic.Int64 }

func (p *period) set(d time.Duration) { p.nanoseconds.Store(int64(d)) }

func (p *period) get() time.Duration { return time.Duration(p.nanoseconds.Load()) }

// Addr returns the address at which it listens.
func (l *Listener) Addr() netip.AddrPort { return l.listener.Addr().(*net.TCPAddr).AddrPort() }

// Stats returns the counts of each target by its ID. Refused of the empty ID counts flows without a target: the Picker returned false, or
// the client's handshake failed.
func (l *Listener) Stats() map[string]TargetStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	stats := make(map[string]TargetStats, len(l.targets))
	for id, c := range l.targets {
		stats[id] = TargetStats{
			Flows: c.flows.Load(), Active: int(c.active.Load()),
			BytesIn: c.in.Load(), BytesOut: c.out.Load(), Refused: c.refused.Load(),
		}
	}
	return stats
}

// Take returns what was counted since the last call. Active has the flows that are open now, also those that are being connected.
func (l *Listener) Take() metric.Traffic { return l.tally.take() }

// Flows returns the number of flows that are connected to a target.
func (l *Listener) Flows(target string) int { return l.Stats()[target].Active }

// Reset resets all flows of a target: their clients and the target see a reset.
func (l *Listener) Reset(target string) {
	for _, f := range l.current() {
		if f.target.ID == target {
			f.reset(byBalancer)
		}
	}
}

// Stall makes the flows of these targets, and of no other targets, carry nothing, as if their packets got lost. What is sent during a stall
// arrives after it.
func (l *Listener) Stall(targets ...string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	stalls := make(map[string]chan struct{}, len(targets))
	for _, id := range targets {
		stalls[id] = l.stalls[id]
		if stalls[id] == nil {
			stalls[id] = make(chan struct{})
		}
	}
	for id, over := range l.stalls {
		if stalls[id] == nil {
			close(over)
		}
	}
	l.stalls = stalls
}

// stalled returns a channel that is closed when the stall of a target is over, and nil if the target is not stalled.
func (l *Listener) stalled(target string) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stalls[target]
}

// Close stops accepting flows, resets all flows and returns when they have ended.
func (l *Listener) Close() error {
	l.mu.Lock()
	if l.closing.Err() != nil {
		l.mu.Unlock()
		return nil
	}
	l.close()
	l.mu.Unlock()
	err := l.listener.Close()
	for _, f := range l.current() {
		f.reset(byBalancer)
	}
	l.running.Wait()
	return err
}

// current returns the flows that have not ended.
func (l *Listener) current() []*flow {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*flow, 0, len(l.flows))
	for f := range l.flows {
		all = append(all, f)
	}
	return all
}

// serve accepts clients until Close.
func (l *Listener) serve() {
	defer l.running.Done()
	var pause time.Duration
	for l.closing.Err() == nil {
		client, err := l.listener.AcceptTCP()
		switch {
		case err == nil:
			pause = 0
			l.accept(client)
		case errors.Is(err, net.ErrClosed):
			return
		case errors.Is(err, unix.ECONNABORTED):
		default:
			if pause == 0 {
				l.log.Warn("cannot accept connections, retrying", "error", err)
			}
			pause = l.backOff(pause)
		}
	}
}

// backOff waits when descriptors or memory have run out: 5 ms at first, and twice as long each time, up to 1 s.
func (l *Listener) backOff(last time.Duration) time.Duration {
	pause := min(max(2*last, 5*time.Millisecond), time.Second)
	select {
	case <-time.After(pause):
	case <-l.closing.Done():
	}
	return pause
}

// accept starts the flow of a client.
func (l *Listener) accept(client *net.TCPConn) {
	target, ok := l.pick(client.RemoteAddr().(*net.TCPAddr).AddrPort())
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.countersLocked(target.ID)
	if !ok {
		c.refused.Add(1)
		if !target.Dropped {
			l.tally.reset(byBalancer)
		}
	}
	if !ok || l.closing.Err() != nil {
		abort(client)
		return
	}
	f := newFlow(l, client, target, c)
	l.flows[f] = struct{}{}
	l.tally.active.Add(1)
	l.tally.add(func(c *metric.Traffic) { c.New++ })
	l.running.Go(func() {
		defer l.tally.active.Add(-1)
		f.run()
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.flows, f)
	})
}

// newClient prepares a client's connection before its flow gets to the target. With TLS, it does the handshake.
func (l *Listener) newClient(client *net.TCPConn) (flowConn, error) {
	if l.secure == nil {
		return newPlainConn(client)
	}
	return newTLSConn(client, l.secure, l.handshake)
}

// countFailedHandshake counts a flow whose client failed the handshake.
func (l *Listener) countFailedHandshake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.countersLocked("").refused.Add(1)
}

// countersLocked returns the counters of a target, which it creates if needed.
func (l *Listener) countersLocked(target string) *counters {
	c := l.targets[target]
	if c == nil {
		c = &counters{}
		l.targets[target] = c
	}
	return c
}
