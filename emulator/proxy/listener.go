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
)

// IdleTimeout is how long a TCP flow through a Network Load Balancer may carry nothing.
const IdleTimeout = 350 * time.Second

// Target is where a flow goes.
type Target struct {
	ID      string // of the instance, or of its port
	Address netip.AddrPort
	Dropped bool // packets to it get lost on their way: connections to it time out
}

// Picker chooses the target of a new flow; false resets the client. It is called for one flow at a time, in the order of
// their arrival, and must not block.
type Picker func(client netip.AddrPort) (Target, bool)

// TargetStats counts since Listen. Bytes are those that the target gets and sends: decrypted ones.
type TargetStats struct {
	Flows    uint64 // connected to the target, ended ones included
	Active   int    // now
	BytesIn  uint64 // from clients to the target
	BytesOut uint64 // from the target to clients
	Refused  uint64 // reset because the target could not be reached
}

// Listener is a listener of a Network Load Balancer: it passes flows on without a look at what they carry. A flow stays
// on its target for its life; half-closes and resets pass through it. With a certificate its clients speak TLS, which ends
// here: targets get plain bytes, and nothing of a client whose handshake fails.
type Listener struct {
	listener  *net.TCPListener
	pick      Picker
	dial      Dialer
	clock     clockwork.Clock
	idle      time.Duration
	log       *slog.Logger
	secure    *tls.Config // nil: TCP
	handshake time.Duration

	mu      sync.Mutex
	flows   map[*flow]struct{}
	targets map[string]*counters
	stalls  map[string]chan struct{} // by target; closed when its packets get through again
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

func newListenerOptions(idle time.Duration, options []ListenerOption) listenerOptions {
	set := listenerOptions{clock: clockwork.NewRealClock(), idle: idle, handshake: handshakeTime, log: slog.Default(), dial: loopback.Dial}
	for _, option := range options {
		option(&set)
	}
	return set
}

// WithClock has timeouts run on a clock other than real time.
func WithClock(clock clockwork.Clock) ListenerOption {
	return func(o *listenerOptions) { o.clock = clock }
}

// WithIdleTimeout replaces [IdleTimeout] and [HTTPIdleTimeout].
func WithIdleTimeout(d time.Duration) ListenerOption {
	return func(o *listenerOptions) { o.idle = d }
}

// WithLog replaces slog.Default().
func WithLog(log *slog.Logger) ListenerOption { return func(o *listenerOptions) { o.log = log } }

// WithDialer has targets reached by it, and not by [loopback.Dial].
func WithDialer(dial Dialer) ListenerOption { return func(o *listenerOptions) { o.dial = dial } }

// WithCertificate has [Listen] speak TLS and [ListenHTTP] HTTPS, 1.2 or later.
func WithCertificate(certificate *tls.Certificate) ListenerOption {
	return func(o *listenerOptions) { o.certificate = certificate }
}

// secure is nil without a certificate.
func (o listenerOptions) secure() *tls.Config {
	if o.certificate == nil {
		return nil
	}
	return &tls.Config{Certificates: []tls.Certificate{*o.certificate}, MinVersion: tls.VersionTLS12}
}

// Listen accepts flows at addr (its port moved as [loopback.Port] does) and connects each to the target that pick gives.
// [WithCertificate] makes it TLS.
func Listen(addr netip.AddrPort, pick Picker, options ...ListenerOption) (*Listener, error) {
	listener, err := loopback.Listen(addr)
	if err != nil {
		return nil, err
	}
	set := newListenerOptions(IdleTimeout, options)
	l := &Listener{
		listener: listener, pick: pick, dial: set.dial, idle: set.idle, clock: set.clock,
		secure: set.secure(), handshake: set.handshake,
		log:   set.log.With("listener", listener.Addr()),
		flows: map[*flow]struct{}{}, targets: map[string]*counters{},
	}
	l.closing, l.close = context.WithCancel(context.Background())
	l.running.Add(1)
	go l.serve()
	return l, nil
}

// Addr is where it listens.
func (l *Listener) Addr() netip.AddrPort { return l.listener.Addr().(*net.TCPAddr).AddrPort() }

// Stats counts by target ID. The empty ID's Refused are flows that came to no target: the picker had none, or the
// client's handshake failed.
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

// Flows is the number of a target's flows now.
func (l *Listener) Flows(target string) int { return l.Stats()[target].Active }

// Reset ends all flows of a target with a reset to both sides.
func (l *Listener) Reset(target string) {
	for _, f := range l.current() {
		if f.target.ID == target {
			f.reset()
		}
	}
}

// Stall has the flows of these targets, and of no others, carry nothing: their packets get lost, and what is sent arrives
// when they get through again.
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

// stalled is nil for a target whose packets get through.
func (l *Listener) stalled(target string) <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stalls[target]
}

// Close stops accepting, resets all flows and returns when they are gone.
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
		f.reset()
	}
	l.running.Wait()
	return err
}

func (l *Listener) current() []*flow {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := make([]*flow, 0, len(l.flows))
	for f := range l.flows {
		all = append(all, f)
	}
	return all
}

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
				l.log.Warn("accept fails, backing off", "error", err)
			}
			pause = l.backOff(pause)
		}
	}
}

// backOff waits, when descriptors or memory have run out, 5 ms doubling to 1 s.
func (l *Listener) backOff(last time.Duration) time.Duration {
	pause := min(max(2*last, 5*time.Millisecond), time.Second)
	select {
	case <-time.After(pause):
	case <-l.closing.Done():
	}
	return pause
}

func (l *Listener) accept(client *net.TCPConn) {
	target, ok := l.pick(client.RemoteAddr().(*net.TCPAddr).AddrPort())
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.countersOf(target.ID)
	if !ok {
		c.refused.Add(1)
	}
	if !ok || l.closing.Err() != nil {
		abort(client)
		return
	}
	f := newFlow(l, client, target, c)
	l.flows[f] = struct{}{}
	l.running.Add(1)
	go func() {
		defer l.running.Done()
		f.run()
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.flows, f)
	}()
}

// greet does what is done with a client before its flow gets to the target: with TLS the handshake.
func (l *Listener) greet(client *net.TCPConn) (side, error) {
	if l.secure == nil {
		return newPlain(client)
	}
	return newEncrypted(client, l.secure, l.handshake)
}

// countUnmet counts a flow that doesn't get to its target.
func (l *Listener) countUnmet() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.countersOf("").refused.Add(1)
}

func (l *Listener) countersOf(target string) *counters {
	c := l.targets[target]
	if c == nil {
		c = &counters{}
		l.targets[target] = c
	}
	return c
}
