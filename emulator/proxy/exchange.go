package proxy

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// exchange is a request with its answer, or with the connection that a WebSocket makes of both.
type exchange struct {
	listener *HTTPListener
	target   Target
	ctx      context.Context
	cancel   context.CancelCauseFunc
	silence  clockwork.Timer
}

type exchangeKey struct{}

// begin is nil when the listener is closed.
func (l *HTTPListener) begin(r *http.Request, target Target) *exchange {
	x := &exchange{listener: l, target: target}
	ctx, cancel := context.WithCancelCause(r.Context())
	x.cancel = cancel
	x.ctx = context.WithValue(ctx, exchangeKey{}, x)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		cancel(nil)
		return nil
	}
	x.silence = l.clock.AfterFunc(l.idle, func() { cancel(errIdle) })
	l.running.Add(1)
	l.exchange[x] = struct{}{}
	s := l.targets[target.ID]
	if s == nil {
		s = &RequestStats{}
		l.targets[target.ID] = s
	}
	s.Active++
	return x
}

func (x *exchange) done() {
	l := x.listener
	x.silence.Stop()
	x.cancel(nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.exchange, x)
	l.targets[x.target.ID].Active--
	l.running.Done()
}

// heard puts the idle timeout off.
func (x *exchange) heard() {
	if x.ctx.Err() == nil {
		x.silence.Reset(x.listener.idle)
	}
}

// RoundTrip has the idle timeout run from the last byte that was carried.
func (x *exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &heardBody{ReadCloser: r.Body, exchange: x}
	}
	if x.target.Dropped {
		return nil, x.lost()
	}
	response, err := x.listener.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	x.heard()
	if conn, ok := response.Body.(io.ReadWriteCloser); ok && response.StatusCode == http.StatusSwitchingProtocols {
		response.Body = &heardConn{ReadWriteCloser: conn, exchange: x}
		context.AfterFunc(x.ctx, func() { _ = conn.Close() }) // it is no longer a request that its context ends
		return response, nil
	}
	response.Body = &heardBody{ReadCloser: response.Body, exchange: x}
	return response, nil
}

// lost waits in vain for a connection whose packets get lost. One that is kept from an earlier request is as dead.
func (x *exchange) lost() error {
	timeout := x.listener.clock.NewTimer(connectTimeout)
	defer timeout.Stop()
	select {
	case <-timeout.Chan():
		return errNoConnection
	case <-x.ctx.Done():
		return context.Cause(x.ctx)
	}
}

type heardBody struct {
	io.ReadCloser
	exchange *exchange
}

func (b *heardBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.exchange.heard()
	}
	return n, err
}

type heardConn struct {
	io.ReadWriteCloser
	exchange *exchange
}

func (c *heardConn) Read(p []byte) (int, error) {
	n, err := c.ReadWriteCloser.Read(p)
	if n > 0 {
		c.exchange.heard()
	}
	return n, err
}

func (c *heardConn) Write(p []byte) (int, error) {
	c.exchange.heard()
	return c.ReadWriteCloser.Write(p)
}

// turns remembers when each target had its last request. The next one is for the target that has waited longest, so
// that no target gets a second before every other one got its first, however the list changes between them.
type turns struct {
	mu   sync.Mutex
	turn uint64
	last map[string]uint64 // by ID, of the targets in the last list
}

func (t *turns) next(targets []Target) (Target, bool) {
	if len(targets) == 0 {
		return Target{}, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := make(map[string]uint64, len(targets))
	for _, target := range targets {
		kept[target.ID] = t.last[target.ID]
	}
	chosen := slices.MinFunc(targets, func(a, b Target) int { return compareTurns(kept[a.ID], kept[b.ID]) })
	t.turn++
	kept[chosen.ID] = t.turn
	t.last = kept
	return chosen, true
}

func compareTurns(a, b uint64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// idleConnections closes clients' connections that carry no request for too long.
type idleConnections struct {
	clock clockwork.Clock
	limit time.Duration

	mu     sync.Mutex
	timers map[net.Conn]clockwork.Timer
}

func (i *idleConnections) follow(conn net.Conn, state http.ConnState) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if timer := i.timers[conn]; timer != nil {
		timer.Stop()
		delete(i.timers, conn)
	}
	if state == http.StateNew || state == http.StateIdle {
		i.timers[conn] = i.clock.AfterFunc(i.limit, func() { _ = conn.Close() })
	}
}

func (i *idleConnections) stop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for conn, timer := range i.timers {
		timer.Stop()
		delete(i.timers, conn)
	}
}

// appended is a list in a header with one more entry.
func appended(before []string, entry string) string {
	return strings.Join(append(slices.Clone(before), entry), ", ")
}

// trace is the X-Amzn-Trace-Id of a request that came with another one or none: a request without a root becomes one,
// and below a root the balancer names itself.
func trace(given string, now time.Time) string {
	id := make([]byte, 12)
	_, _ = rand.Read(id) // never fails since Go 1.24
	own := fmt.Sprintf("1-%08x-%s", now.Unix(), hex.EncodeToString(id))
	var fields []string
	rooted := false
	for field := range strings.SplitSeq(given, ";") {
		field = strings.TrimSpace(field)
		if field == "" || strings.HasPrefix(field, "Self=") {
			continue
		}
		rooted = rooted || strings.HasPrefix(field, "Root=")
		fields = append(fields, field)
	}
	name := "Root="
	if rooted {
		name = "Self="
	}
	return strings.Join(append([]string{name + own}, fields...), ";")
}
