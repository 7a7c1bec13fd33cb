package proxy

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/elastic-service/elastic-service/emulator/metric"
)

// tally counts the traffic of a listener until it is taken.
type tally struct {
	active atomic.Int64 // connections that are open
	bytes  atomic.Int64

	mu      sync.Mutex
	counted metric.Traffic
}

// add changes what was counted.
func (t *tally) add(change func(*metric.Traffic)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	change(&t.counted)
}

// take returns what was counted since the last call, and what is open now.
func (t *tally) take() metric.Traffic {
	t.mu.Lock()
	defer t.mu.Unlock()
	taken := t.counted
	t.counted = metric.Traffic{}
	taken.Bytes = int(t.bytes.Swap(0))
	taken.Active = metric.One(float64(t.active.Load()))
	return taken
}

// watch counts a new connection and returns it so that its end and, if bytes says so, what it carries are counted too. What passes
// through the balancer is counted once: between the client and the balancer.
func (t *tally) watch(conn net.Conn, bytes bool) net.Conn {
	t.active.Add(1)
	t.add(func(c *metric.Traffic) { c.New++ })
	counted := &countedConn{Conn: conn, tally: t, bytes: bytes}
	counted.understand()
	return counted
}

// countedConn is a connection of an HTTP listener.
type countedConn struct {
	net.Conn
	tally   *tally
	bytes   bool
	once    sync.Once
	written atomic.Int64
	begun   atomic.Int64 // what was written before the present request began; -1 once it is understood
}

// begin notes that a request begins.
func (c *countedConn) begin() { c.begun.Store(c.written.Load()) }

// understand notes that the request is one.
func (c *countedConn) understand() { c.begun.Store(-1) }

// shortestAnswer is more than the end of a TLS connection, and less than an answer of net/http.
const shortestAnswer = 64

// isMalformed reports whether net/http has answered what a client sent itself: it was no request of HTTP.
func (c *countedConn) isMalformed() bool {
	begun := c.begun.Load()
	return begun >= 0 && c.written.Load()-begun > shortestAnswer
}

func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.count(n)
	return n, err
}

func (c *countedConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.written.Add(int64(n))
	c.count(n)
	return n, err
}

func (c *countedConn) count(n int) {
	if c.bytes && n > 0 {
		c.tally.bytes.Add(int64(n))
	}
}

// CloseWrite tells the peer that nothing follows. net/http does so before it closes a connection whose client has not yet read all.
func (c *countedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

// Close closes the connection, which then is open no more.
func (c *countedConn) Close() error {
	c.once.Do(func() { c.tally.active.Add(-1) })
	return c.Conn.Close()
}

// sender is who ends a flow with a reset.
type sender int

// The senders of resets.
const (
	byBalancer sender = iota
	byClient
	byTarget
)

// reset counts a reset.
func (t *tally) reset(by sender) {
	t.add(func(c *metric.Traffic) {
		switch by {
		case byClient:
			c.ClientResets++
		case byTarget:
			c.TargetResets++
		case byBalancer:
			c.BalancerResets++
		}
	})
}

// wasReset reports whether the peer of a connection has reset it.
func wasReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, syscall.ENOTCONN) || errors.Is(err, syscall.ECONNREFUSED)
}
