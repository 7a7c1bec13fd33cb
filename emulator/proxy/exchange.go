package proxy

import (
	"cmp"
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

	"github.com/elastic-service/elastic-service/emulator/metric"
)

// exchange is a request with its response, or the connection that a WebSocket makes of both.
type exchange struct {
	listener *HTTPListener
	target   Target
	ctx      context.Context
	cancel   context.CancelCauseFunc
	limit    time.Duration // of idle
	idle     clockwork.Timer
}

type exchangeKey struct{}

// newExchange counts a request as active and starts its idle timeout. It returns nil if the listener is closed.
func (l *HTTPListener) newExchange(r *http.Request, target Target) *exchange {
	x := &exchange{listener: l, target: target, limit: l.idle.get()}
	ctx, cancel := context.WithCancelCause(r.Context())
	x.cancel = cancel
	x.ctx = context.WithValue(ctx, exchangeKey{}, x)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		cancel(nil)
		return nil
	}
	x.idle = l.clock.AfterFunc(x.limit, func() { cancel(errIdle) })
	l.running.Add(1)
	l.exchanges[x] = struct{}{}
	s := l.targets[target.ID]
	if s == nil {
		s = &RequestStats{}
		l.targets[target.ID] = s
	}
	s.Active++
	return x
}

// end frees an exchange that is over.
func (x *exchange) end() {
	l := x.listener
	x.idle.Stop()
	x.cancel(nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.exchanges, x)
	l.targets[x.target.ID].Active--
	l.running.Done()
}

// resetIdle starts the idle timeout anew.
func (x *exchange) resetIdle() {
	if x.ctx.Err() == nil {
		x.idle.Reset(x.limit)
	}
}

// RoundTrip sends the request to the target. Each byte that is carried starts the idle timeout anew.
func (x *exchange) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = &watchedBody{ReadCloser: r.Body, exchange: x}
	}
	if x.target.Dropped {
		return nil, x.listener.countUnconnected(x.awaitTimeout())
	}
	asked := time.Now()
	response, err := x.listener.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	took := metric.One(time.Since(asked).Seconds())
	x.listener.tally.add(func(c *metric.Traffic) { c.ResponseTime = c.ResponseTime.Merge(took) })
	x.resetIdle()
	if conn, ok := response.Body.(io.ReadWriteCloser); ok && response.StatusCode == http.StatusSwitchingProtocols {
		response.Body = &watchedConn{ReadWriteCloser: conn, exchange: x}
		context.AfterFunc(x.ctx, func() { _ = conn.Close() }) // the transport no longer watches the context
		return response, nil
	}
	response.Body = &watchedBody{ReadCloser: response.Body, exchange: x}
	return response, nil
}

// awaitTimeout waits as a connection does whose packets get lost. A connection that is kept from an earlier request makes no difference.
func (x *exchange) awaitTimeout() error {
	timeout := x.listener.clock.NewTimer(connectTimeout)
	defer timeout.Stop()
	select {
	case <-timeout.Chan():
		return errNoConnection
	case <-x.ctx.Done():
		return context.Cause(x.ctx)
	}
}

// watchedBody starts the idle timeout anew with each read.
type watchedBody struct {
	io.ReadCloser
	exchange *exchange
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 {
		b.exchange.resetIdle()
	}
	return n, err
}

// watchedConn starts the idle timeout anew with each read and write.
type watchedConn struct {
	io.ReadWriteCloser
	exchange *exchange
}

func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.ReadWriteCloser.Read(p)
	if n > 0 {
		c.exchange.resetIdle()
	}
	return n, err
}

func (c *watchedConn) Write(p []byte) (int, error) {
	c.exchange.resetIdle()
	return c.ReadWriteCloser.Write(p)
}

// turns remembers when each target had its last request. The next request goes to the target that has waited longest. So no target gets a
// second request before every other target got its first, even if the list of targets changes between requests.
type turns struct {
	mu   sync.Mutex
	turn uint64
	last map[string]uint64 // the turn of each target in the last list, by ID
}

// choose returns the target of the next request, and false without targets. Of the targets with the least load, it is the one that has
// waited longest.
func (t *turns) choose(targets []Target, load func(target string) int) (Target, bool) {
	if len(targets) == 0 {
		return Target{}, false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := make(map[string]uint64, len(targets))
	loads := make(map[string]int, len(targets))
	for _, target := range targets {
		kept[target.ID], loads[target.ID] = t.last[target.ID], load(target.ID)
	}
	chosen := slices.MinFunc(targets, func(a, b Target) int {
		return cmp.Or(cmp.Compare(loads[a.ID], loads[b.ID]), cmp.Compare(kept[a.ID], kept[b.ID]))
	})
	t.turn++
	kept[chosen.ID] = t.turn
	t.last = kept
	return chosen, true
}

// idleConnections closes connections of clients that carry no request for the idle timeout.
type idleConnections struct {
	clock clockwork.Clock
	limit *period

	mu     sync.Mutex
	timers map[net.Conn]clockwork.Timer
}

// watch is told of each change of a connection's state.
func (i *idleConnections) watch(conn net.Conn, state http.ConnState) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if timer := i.timers[conn]; timer != nil {
		timer.Stop()
		delete(i.timers, conn)
	}
	if state == http.StateNew || state == http.StateIdle {
		i.timers[conn] = i.clock.AfterFunc(i.limit.get(), func() { _ = conn.Close() })
	}
}

// stop forgets all connections and leaves them open.
func (i *idleConnections) stop() {
	i.mu.Lock()
	defer i.mu.Unlock()
	for conn, timer := range i.timers {
		timer.Stop()
		delete(i.timers, conn)
	}
}

// appendEntry returns the value of a list header with another entry.
func appendEntry(before []string, entry string) string {
	return strings.Join(append(slices.Clone(before), entry), ", ")
}

// trace returns the X-Amzn-Trace-Id that a target gets, from the header that the client sent. The balancer adds Root to a header without
// it, and Self to a header with Root (Elastic Load Balancing: "Request tracing for your Application Load Balancer").
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
