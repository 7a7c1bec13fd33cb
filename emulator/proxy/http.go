package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"

	"github.com/elastic-service/elastic-service/emulator/loopback"
	"github.com/elastic-service/elastic-service/emulator/metric"
)

// Timeouts of an Application Load Balancer.
const (
	HTTPIdleTimeout = 60 * time.Second // the default period for which a connection may carry nothing
	connectTimeout  = 10 * time.Second // of a connection to a target
)

// maxHeaderBytes limits the headers of a request, as an Application Load Balancer does (Elastic Load Balancing: "Quotas").
const maxHeaderBytes = 64 << 10

// Route tells an [HTTPListener] what to do with a request.
type Route struct {
	Blocked  bool      // no client gets through: new connections are reset
	Redirect *Redirect // the answer to all requests; nil: requests go to the targets
	Targets  []Target  // they get requests
	Choice   Choice    // which of them gets a request
}

// Choice is how a target is chosen.
type Choice string

// The choices.
const (
	InTurn   Choice = ""       // each gets a request before any gets a second
	Fewest   Choice = "fewest" // of the targets with the fewest requests that wait for their answer, each in turn
	AtRandom Choice = "random" // all with the same probability
)

// Redirect sends clients to another protocol or port. Host, path and query stay as the client asked for them.
type Redirect struct {
	Protocol   string // HTTP or HTTPS; "": the listener's protocol
	Port       int    // 0: the listener's port
	StatusCode int    // 301 or 302
}

// Router returns the present [Route]. It is called for each connection and each request, from many goroutines, and must not block.
type Router func() Route

// RequestStats counts requests of a target since ListenHTTP.
type RequestStats struct {
	Requests uint64    // answered by the target or by the balancer for it
	Active   int       // requests that wait for their answer, and open WebSockets
	Statuses [6]uint64 // the target's answers by the first digit of their status: Statuses[2] counts 200 to 299
	Errors   uint64    // requests that the balancer answered itself with 502, 503 or 504
}

// HTTPListener is a listener of an Application Load Balancer: an HTTP proxy. It sends requests to its targets in turn, also the requests of
// one connection.
//
//	client ── keep-alive ──▶ HTTPListener ── keep-alive ──▶ target
//	                         503 without a target, 502 if the target fails, 504 if it takes too long
type HTTPListener struct {
	listener  net.Listener
	server    *http.Server
	transport *http.Transport
	route     Router
	clock     clockwork.Clock
	idle      period // of new requests, and of connections that carry none
	log       *slog.Logger
	port      uint16 // of the cloud
	secure    bool
	reach     Dialer
	end       context.CancelFunc
	waiting   idleConnections
	turns     turns
	tally     tally

	mu        sync.Mutex
	closed    bool
	exchanges map[*exchange]struct{}
	targets   map[string]*RequestStats
	running   sync.WaitGroup // requests, and connections that became WebSockets
}

// ListenHTTP answers requests at an address, see [loopback.Listen]. It asks route what to do with each request.
func ListenHTTP(addr netip.AddrPort, route Router, options ...ListenerOption) (*HTTPListener, error) {
	set := newListenerOptions(HTTPIdleTimeout, options)
	listener, err := loopback.Listen(addr)
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	l := &HTTPListener{
		listener: listener, route: route, clock: set.clock, log: set.log.With("listener", listener.Addr()),
		port: addr.Port(), secure: set.certificate != nil, end: end, reach: set.dial,
		exchanges: map[*exchange]struct{}{}, targets: map[string]*RequestStats{},
	}
	l.idle.set(set.idle)
	if l.port == 0 {
		l.port = l.Addr().Port()
	}
	l.waiting = idleConnections{clock: l.clock, limit: &l.idle, timers: map[net.Conn]clockwork.Timer{}}
	l.transport = &http.Transport{
		DialContext: Dialer(l.dial).dialText, DisableCompression: true, MaxIdleConnsPerHost: 64, IdleConnTimeout: HTTPIdleTimeout,
	}
	l.server = &http.Server{
		Handler: http.HandlerFunc(l.serve), BaseContext: func(net.Listener) context.Context { return ctx },
		ConnContext: withClient, ConnState: l.watch, MaxHeaderBytes: maxHeaderBytes, ReadHeaderTimeout: HTTPIdleTimeout,
		ErrorLog: log.New(io.Discard, "", 0), // it would report the faults of clients
	}
	l.running.Add(1)
	go l.accept(set.secure())
	return l, nil
}

// accept serves clients until Close.
func (l *HTTPListener) accept(secure *tls.Config) {
	defer l.running.Done()
	gate := gatekeeper{Listener: l.listener, route: l.route, tally: &l.tally}
	if secure == nil {
		_ = l.server.Serve(gate) // ends with Close
		return
	}
	l.server.TLSConfig = secure
	_ = l.server.ServeTLS(gate, "", "")
}

// clientKey is the key of a client's connection in the context of its requests.
type clientKey struct{}

// withClient adds a client's connection to the context of its requests.
func withClient(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, clientKey{}, clientOf(conn))
}

// clientOf returns a client's connection, below TLS.
func clientOf(conn net.Conn) *countedConn {
	if secure, ok := conn.(*tls.Conn); ok {
		conn = secure.NetConn()
	}
	return conn.(*countedConn)
}

// watch is told of each change of a client connection's state. It counts the malformed requests, which net/http answers with 400 and the
// end of the connection.
func (l *HTTPListener) watch(conn net.Conn, state http.ConnState) {
	l.waiting.watch(conn, state)
	client := clientOf(conn)
	switch {
	case state == http.StateActive, state == http.StateIdle: // the next request may have come already
		client.begin()
	case state == http.StateClosed && client.isMalformed():
		l.tally.add(func(c *metric.Traffic) { c.Answer(http.StatusBadRequest) })
	}
}

// gatekeeper resets new connections while the route is blocked, and counts the others.
type gatekeeper struct {
	net.Listener
	route Router
	tally *tally
}

// Accept returns the next connection that is not reset.
func (g gatekeeper) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if !g.route().Blocked {
			return g.tally.watch(conn, true), nil
		}
		abort(conn.(*net.TCPConn))
	}
}

// SetIdleTimeout changes the idle timeout of new requests, and of connections when their next request is over.
func (l *HTTPListener) SetIdleTimeout(d time.Duration) { l.idle.set(d) }

// Addr returns the address at which it listens.
func (l *HTTPListener) Addr() netip.AddrPort { return l.listener.Addr().(*net.TCPAddr).AddrPort() }

// Stats returns the counts of each target by its ID. The empty ID counts requests without a target: redirected requests, and requests that
// came while there was no target.
func (l *HTTPListener) Stats() map[string]RequestStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	stats := make(map[string]RequestStats, len(l.targets))
	for id, s := range l.targets {
		stats[id] = *s
	}
	return stats
}

// Take returns what was counted since the last call. Active has the connections of clients and those to targets that are open now.
func (l *HTTPListener) Take() metric.Traffic { return l.tally.take() }

// Reset ends the requests that a target is answering, as the end of the deregistration delay does.
func (l *HTTPListener) Reset(target string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for x := range l.exchanges {
		if x.target.ID == target {
			x.cancel(errTargetGone)
		}
	}
}

// Close stops accepting connections, ends all connections and returns when they have ended.
func (l *HTTPListener) Close() error {
	l.mu.Lock()
	closed := l.closed
	l.closed = true
	l.mu.Unlock()
	if closed {
		return nil
	}
	err := l.server.Close()
	l.end()
	l.running.Wait()
	l.waiting.stop()
	l.transport.CloseIdleConnections()
	return err
}

// serve answers a request as the route says.
func (l *HTTPListener) serve(w http.ResponseWriter, r *http.Request) {
	r.Context().Value(clientKey{}).(*countedConn).understand()
	route := l.route()
	if route.Redirect != nil {
		w.Header().Set("Location", l.location(r, *route.Redirect))
		l.answer(w, route.Redirect.StatusCode)
		l.count("", func(s *RequestStats) { s.Requests++ })
		return
	}
	target, ok := l.choose(route)
	if !ok {
		l.answer(w, http.StatusServiceUnavailable)
		l.count("", func(s *RequestStats) { s.Requests++; s.Errors++ })
		return
	}
	x := l.newExchange(r, target)
	if x == nil { // the listener has been closed
		panic(http.ErrAbortHandler)
	}
	l.tally.add(func(c *metric.Traffic) { c.Requests++ })
	defer x.end()
	x.forward(w, r)
}

// choose returns the target of a request, and false without targets.
func (l *HTTPListener) choose(route Route) (Target, bool) {
	switch targets := route.Targets; {
	case route.Choice == AtRandom && len(targets) > 0:
		return targets[rand.IntN(len(targets))], true
	case route.Choice == Fewest:
		return l.turns.choose(targets, l.waitingFor)
	default:
		return l.turns.choose(targets, func(string) int { return 0 })
	}
}

// waitingFor returns the number of requests that wait for a target's answer.
func (l *HTTPListener) waitingFor(target string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.targets[target]; s != nil {
		return s.Active
	}
	return 0
}

// count changes the counts of a target.
func (l *HTTPListener) count(target string, change func(*RequestStats)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.targets[target]
	if s == nil {
		s = &RequestStats{}
		l.targets[target] = s
	}
	change(s)
}

// answer writes an answer of the balancer itself.
func (l *HTTPListener) answer(w http.ResponseWriter, status int) {
	l.tally.add(func(c *metric.Traffic) { c.Answer(status) })
	text := strconv.Itoa(status) + " " + http.StatusText(status)
	switch status { // these differ in ELB's answers
	case http.StatusServiceUnavailable:
		text = "503 Service Temporarily Unavailable"
	case http.StatusGatewayTimeout:
		text = "504 Gateway Time-out"
	}
	w.Header().Set("Server", "awselb/2.0")
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	page := "<html>\n<head><title>%[1]s</title></head>\n<body>\n<center><h1>%[1]s</h1></center>\n</body>\n</html>\n"
	fmt.Fprintf(w, page, text) //nolint:gosec // the text of a status
}

// location returns the URL of a redirect. It always has a port, as ELB's do: the port of this machine, see [loopback.Port].
func (l *HTTPListener) location(r *http.Request, to Redirect) string {
	scheme, port := l.scheme(), l.port
	switch to.Protocol {
	case "HTTP":
		scheme = "http"
	case "HTTPS":
		scheme = "https"
	}
	if to.Port != 0 {
		port = uint16(to.Port)
	}
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	place := url.URL{
		Scheme: scheme, Host: net.JoinHostPort(host, strconv.Itoa(int(loopback.Port(port)))),
		Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery,
	}
	return place.String()
}

// scheme returns the scheme of the listener's URLs.
func (l *HTTPListener) scheme() string {
	if l.secure {
		return "https"
	}
	return "http"
}

// dial connects to a target within connectTimeout.
func (l *HTTPListener) dial(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer l.clock.AfterFunc(connectTimeout, func() { cancel(errNoConnection) }).Stop()
	conn, err := l.reach(ctx, address)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		return nil, l.countUnconnected(err)
	}
	return l.tally.watch(conn, false), nil
}

// countUnconnected counts a connection to a target that failed, unless its client gave up before.
func (l *HTTPListener) countUnconnected(err error) error {
	if !errors.Is(err, context.Canceled) {
		l.tally.add(func(c *metric.Traffic) { c.ConnectionErrors++ })
	}
	return err
}

// The reasons for the end of a request without an answer of its target.
var (
	errNoConnection = errors.New("the target did not accept the connection in time")
	errIdle         = errors.New("the connection carried nothing for the idle timeout")
	errTargetGone   = errors.New("the target's deregistration delay is over")
)

// forward sends the request to the target and its answer to the client.
func (x *exchange) forward(w http.ResponseWriter, r *http.Request) {
	l := x.listener
	proxy := &httputil.ReverseProxy{
		Rewrite: l.rewrite, Transport: x, FlushInterval: -1,
		ErrorLog: log.New(io.Discard, "", 0), // ErrorHandler reports errors
		ModifyResponse: func(response *http.Response) error {
			digit := min(response.StatusCode/100, 5)
			l.count(x.target.ID, func(s *RequestStats) { s.Requests++; s.Statuses[digit]++ })
			l.tally.add(func(c *metric.Traffic) { c.TargetAnswers[digit]++ })
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			l.log.Debug("request failed", "target", x.target.ID, "error", err)
			l.count(x.target.ID, func(s *RequestStats) { s.Requests++; s.Errors++ })
			l.answer(w, x.statusFor(err))
		},
	}
	proxy.ServeHTTP(w, r.WithContext(x.ctx))
}

// statusClientGone is the status that ELB logs and counts for a client that closed its connection before it had its answer (Elastic
// Load Balancing: "Troubleshoot your Application Load Balancers", HTTP 460).
const statusClientGone = 460

// statusFor returns the status with which the balancer answers if the target fails or the client gives up.
func (x *exchange) statusFor(err error) int {
	switch cause := context.Cause(x.ctx); {
	case errors.Is(err, errNoConnection), errors.Is(cause, errIdle):
		return http.StatusGatewayTimeout
	case errors.Is(cause, context.Canceled):
		return statusClientGone
	}
	return http.StatusBadGateway
}

// rewrite makes the target's request from the client's. httputil has removed hop-by-hop headers.
func (l *HTTPListener) rewrite(r *httputil.ProxyRequest) {
	x := r.In.Context().Value(exchangeKey{}).(*exchange)
	r.Out.URL.Scheme, r.Out.URL.Host = "http", x.target.Address.String()
	r.Out.URL.RawQuery = r.In.URL.RawQuery // httputil would clean it
	r.Out.Host = r.In.Host
	for _, name := range []string{"Forwarded", "X-Forwarded-Host"} { // ELB passes them on; httputil removes them
		if values, ok := r.In.Header[name]; ok {
			r.Out.Header[name] = values
		}
	}
	client, _, err := net.SplitHostPort(r.In.RemoteAddr)
	if err != nil {
		client = r.In.RemoteAddr
	}
	header := r.Out.Header
	header.Set("X-Forwarded-For", appendEntry(r.In.Header.Values("X-Forwarded-For"), client))
	header.Set("X-Forwarded-Proto", l.scheme())
	header.Set("X-Forwarded-Port", strconv.Itoa(int(l.port)))
	header.Set("X-Amzn-Trace-Id", trace(r.In.Header.Get("X-Amzn-Trace-Id"), l.clock.Now()))
}
