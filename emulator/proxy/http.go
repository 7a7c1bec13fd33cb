package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
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
)

// Timeouts of an Application Load Balancer.
const (
	HTTPIdleTimeout = 60 * time.Second // its default: a connection may carry nothing for so long
	connectTimeout  = 10 * time.Second // for a connection to a target
)

// Limits of an Application Load Balancer (Elastic Load Balancing: "Quotas").
const maxHeaderBytes = 64 << 10

// Route is what an application balancer does with requests now.
type Route struct {
	Blocked  bool      // no client gets through: connections are reset
	Redirect *Redirect // nil: requests go to the targets
	Targets  []Target  // that may get requests, and get them in turn
}

// Redirect answers with another place for what was asked for; its host, path and query stay.
type Redirect struct {
	Protocol   string // HTTP, HTTPS; "": that of the request
	Port       int    // 0: that of the listener
	StatusCode int    // 301 or 302
}

// Router says what to do with a request. It is called for each one, from many goroutines, and must not block.
type Router func() Route

// RequestStats counts since ListenHTTP.
type RequestStats struct {
	Requests uint64    // answered, by the target or for it
	Active   int       // being answered now
	Statuses [6]uint64 // of the target's answers by their first digit: Statuses[2] are 200 to 299
	Errors   uint64    // of the requests those that the balancer answered itself with 502, 503 or 504
}

// HTTPListener is a listener of an Application Load Balancer: an HTTP proxy that sends request after request to its
// targets in turn, whatever connection they come by.
//
//	client ── keep-alive ──▶ HTTPListener ── keep-alive ──▶ target
//	                         503 without a target, 502 for a broken one, 504 for one that takes too long
type HTTPListener struct {
	listener  net.Listener
	server    *http.Server
	transport *http.Transport
	route     Router
	clock     clockwork.Clock
	idle      time.Duration
	log       *slog.Logger
	port      uint16 // of the cloud
	secure    bool
	reach     Dialer
	end       context.CancelFunc
	waiting   idleConnections
	turns     turns

	mu       sync.Mutex
	closed   bool
	exchange map[*exchange]struct{}
	targets  map[string]*RequestStats
	running  sync.WaitGroup // requests, and connections that have become something else
}

// ListenHTTP answers requests at addr (its port moved as [loopback.Port] does) as route says. [WithCertificate] makes it HTTPS.
func ListenHTTP(addr netip.AddrPort, route Router, options ...ListenerOption) (*HTTPListener, error) {
	set := newListenerOptions(HTTPIdleTimeout, options)
	listener, err := loopback.Listen(addr)
	if err != nil {
		return nil, err
	}
	ctx, end := context.WithCancel(context.Background())
	l := &HTTPListener{
		listener: listener, route: route, clock: set.clock, idle: set.idle, log: set.log.With("listener", listener.Addr()),
		port: addr.Port(), secure: set.certificate != nil, end: end, reach: set.dial,
		exchange: map[*exchange]struct{}{}, targets: map[string]*RequestStats{},
	}
	if l.port == 0 {
		l.port = l.Addr().Port()
	}
	l.waiting = idleConnections{clock: l.clock, limit: l.idle, timers: map[net.Conn]clockwork.Timer{}}
	l.transport = &http.Transport{
		DialContext: Dialer(l.dial).text, DisableCompression: true, MaxIdleConnsPerHost: 64, IdleConnTimeout: HTTPIdleTimeout,
	}
	l.server = &http.Server{
		Handler: http.HandlerFunc(l.serve), BaseContext: func(net.Listener) context.Context { return ctx },
		ConnState: l.waiting.follow, MaxHeaderBytes: maxHeaderBytes, ReadHeaderTimeout: HTTPIdleTimeout,
		ErrorLog: log.New(io.Discard, "", 0), // of clients' faults, which are none of the emulator's
	}
	l.running.Add(1)
	go l.accept(set.secure())
	return l, nil
}

func (l *HTTPListener) accept(secure *tls.Config) {
	defer l.running.Done()
	gate := gatekeeper{Listener: l.listener, route: l.route}
	if secure == nil {
		_ = l.server.Serve(gate) // ends with Close
		return
	}
	l.server.TLSConfig = secure
	_ = l.server.ServeTLS(gate, "", "")
}

// gatekeeper resets the clients that the network keeps out.
type gatekeeper struct {
	net.Listener
	route Router
}

func (g gatekeeper) Accept() (net.Conn, error) {
	for {
		conn, err := g.Listener.Accept()
		if err != nil || !g.route().Blocked {
			return conn, err
		}
		abort(conn.(*net.TCPConn))
	}
}

// Addr is where it listens.
func (l *HTTPListener) Addr() netip.AddrPort { return l.listener.Addr().(*net.TCPAddr).AddrPort() }

// Stats counts by target ID. Those of the empty ID are the requests that got no target: the balancer redirected them or
// had none.
func (l *HTTPListener) Stats() map[string]RequestStats {
	l.mu.Lock()
	defer l.mu.Unlock()
	stats := make(map[string]RequestStats, len(l.targets))
	for id, s := range l.targets {
		stats[id] = *s
	}
	return stats
}

// Reset ends the requests that a target is at, as the end of its draining does.
func (l *HTTPListener) Reset(target string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for x := range l.exchange {
		if x.target.ID == target {
			x.cancel(errTargetGone)
		}
	}
}

// Close stops accepting, ends all connections and returns when they are gone.
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

func (l *HTTPListener) serve(w http.ResponseWriter, r *http.Request) {
	route := l.route()
	if route.Redirect != nil {
		w.Header().Set("Location", l.elsewhere(r, *route.Redirect))
		l.answer(w, route.Redirect.StatusCode)
		l.count("", func(s *RequestStats) { s.Requests++ })
		return
	}
	target, ok := l.turns.next(route.Targets)
	if !ok {
		l.answer(w, http.StatusServiceUnavailable)
		l.count("", func(s *RequestStats) { s.Requests++; s.Errors++ })
		return
	}
	x := l.begin(r, target)
	if x == nil { // closed meanwhile
		panic(http.ErrAbortHandler)
	}
	defer x.done()
	x.forward(w, r)
}

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

// answer is one of the balancer's own.
func (l *HTTPListener) answer(w http.ResponseWriter, status int) {
	text := strconv.Itoa(status) + " " + http.StatusText(status)
	switch status { // in ELB's words
	case http.StatusServiceUnavailable:
		text = "503 Service Temporarily Unavailable"
	case http.StatusGatewayTimeout:
		text = "504 Gateway Time-out"
	}
	w.Header().Set("Server", "awselb/2.0")
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	page := "<html>\n<head><title>%[1]s</title></head>\n<body>\n<center><h1>%[1]s</h1></center>\n</body>\n</html>\n"
	fmt.Fprintf(w, page, text) //nolint:gosec // a status's own words
}

// elsewhere is where a redirect leads. The port is always named, as ELB does, and is where this machine has it.
func (l *HTTPListener) elsewhere(r *http.Request, to Redirect) string {
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

func (l *HTTPListener) scheme() string {
	if l.secure {
		return "https"
	}
	return "http"
}

// dial connects to a target.
func (l *HTTPListener) dial(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer l.clock.AfterFunc(connectTimeout, func() { cancel(errNoConnection) }).Stop()
	conn, err := l.reach(ctx, address)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return conn, err
}

// Why a request is ended before its target has answered.
var (
	errNoConnection = errors.New("no connection to the target in time")
	errIdle         = errors.New("the target was silent for too long")
	errTargetGone   = errors.New("the target's draining is over")
)

// forward has the target answer the request.
func (x *exchange) forward(w http.ResponseWriter, r *http.Request) {
	l := x.listener
	proxy := &httputil.ReverseProxy{
		Rewrite: l.rewrite, Transport: x, FlushInterval: -1,
		ErrorLog: log.New(io.Discard, "", 0), // the stats and the clients see it
		ModifyResponse: func(response *http.Response) error {
			l.count(x.target.ID, func(s *RequestStats) { s.Requests++; s.Statuses[min(response.StatusCode/100, 5)]++ })
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			l.log.Debug("request failed", "target", x.target.ID, "error", err)
			l.count(x.target.ID, func(s *RequestStats) { s.Requests++; s.Errors++ })
			l.answer(w, x.statusOf(err))
		},
	}
	proxy.ServeHTTP(w, r.WithContext(x.ctx))
}

// statusOf is what the client is told about a failure.
func (x *exchange) statusOf(err error) int {
	if cause := context.Cause(x.ctx); errors.Is(err, errNoConnection) || errors.Is(cause, errIdle) {
		return http.StatusGatewayTimeout
	}
	return http.StatusBadGateway
}

// rewrite makes the request to a target of a client's: httputil has taken hop-by-hop headers away.
func (l *HTTPListener) rewrite(r *httputil.ProxyRequest) {
	x := r.In.Context().Value(exchangeKey{}).(*exchange)
	r.Out.URL.Scheme, r.Out.URL.Host = "http", x.target.Address.String()
	r.Out.URL.RawQuery = r.In.URL.RawQuery // as it came, well-formed or not
	r.Out.Host = r.In.Host
	for _, name := range []string{"Forwarded", "X-Forwarded-Host"} { // ELB leaves these alone, httputil doesn't
		if values, ok := r.In.Header[name]; ok {
			r.Out.Header[name] = values
		}
	}
	client, _, err := net.SplitHostPort(r.In.RemoteAddr)
	if err != nil {
		client = r.In.RemoteAddr
	}
	header := r.Out.Header
	header.Set("X-Forwarded-For", appended(r.In.Header.Values("X-Forwarded-For"), client))
	header.Set("X-Forwarded-Proto", l.scheme())
	header.Set("X-Forwarded-Port", strconv.Itoa(int(l.port)))
	header.Set("X-Amzn-Trace-Id", trace(r.In.Header.Get("X-Amzn-Trace-Id"), l.clock.Now()))
}
