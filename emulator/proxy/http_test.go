package proxy_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/internal/testprocess"
	"github.com/elastic-service/elastic-service/emulator/loopback"
	"github.com/elastic-service/elastic-service/emulator/proxy"
	"github.com/elastic-service/elastic-service/internal/ca"
)

// web is a target that serves HTTP.
func web(t *testing.T, id string, handle http.HandlerFunc) proxy.Target {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return proxy.Target{ID: id, Address: netip.MustParseAddrPort(server.Listener.Addr().String())}
}

// named is a target that says who it is.
func named(t *testing.T, id string) proxy.Target {
	return web(t, id, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, id) })
}

// sends gives all requests to targets.
func sends(targets ...proxy.Target) proxy.Router {
	return func() proxy.Route { return proxy.Route{Targets: targets} }
}

func listenHTTP(t *testing.T, route proxy.Router, options ...proxy.ListenerOption) *proxy.HTTPListener {
	t.Helper()
	l, err := proxy.ListenHTTP(netip.MustParseAddrPort("127.0.0.1:0"), route, options...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	return l
}

// client follows no redirect.
func client(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport: transport, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

func get(t *testing.T, c *http.Client, l *proxy.HTTPListener, path string) (*http.Response, string) {
	t.Helper()
	response, body, err := fetch(c, l, path)
	require.NoError(t, err)
	return response, body
}

func fetch(c *http.Client, l *proxy.HTTPListener, path string) (*http.Response, string, error) {
	response, err := c.Get("http://" + l.Addr().String() + path)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

func TestRequestsOfOneConnectionGoToTheTargetsInTurn(t *testing.T) {
	l := listenHTTP(t, sends(named(t, "a"), named(t, "b"), named(t, "c")))
	c, answers := client(t), ""
	for range 7 {
		_, body := get(t, c, l, "/")
		answers += body
	}
	assert.Equal(t, "abcabca", answers)
	assert.Equal(t, proxy.RequestStats{Requests: 3, Statuses: [6]uint64{2: 3}}, l.Stats()["a"])
}

func TestTurnsAreFairWhileTheListChanges(t *testing.T) {
	targets := map[string]proxy.Target{}
	for _, id := range []string{"a", "b", "c", "d"} {
		targets[id] = named(t, id)
	}
	var now atomic.Value
	l := listenHTTP(t, func() proxy.Route {
		var list []proxy.Target
		for id := range strings.SplitSeq(now.Load().(string), "") {
			list = append(list, targets[id])
		}
		return proxy.Route{Targets: list}
	})
	c := client(t)
	for _, step := range []struct{ list, want string }{
		{"abc", "abca"},
		{"abcd", "d"}, // a new one has waited longest
		{"abcd", "bcad"},
		{"bcd", "bcdb"},   // without a the others go on
		{"dcb", "cdbc"},   // whatever the order of the list
		{"abcd", "adbca"}, // a is back
	} {
		now.Store(step.list)
		var got strings.Builder
		for range len(step.want) {
			_, body := get(t, c, l, "/")
			got.WriteString(body)
		}
		assert.Equal(t, step.want, got.String(), step.list)
	}
}

func TestTargetsLearnWhoAsksAndHow(t *testing.T) {
	var got http.Header
	var host, uri string
	l := listenHTTP(t, sends(web(t, "a", func(_ http.ResponseWriter, r *http.Request) { got, host, uri = r.Header, r.Host, r.RequestURI })))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+"/a%2Fb?q=1;2&%zz", nil)
	require.NoError(t, err)
	request.Host = "www.example.com"
	for name, value := range map[string]string{
		"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "gopher", "X-Forwarded-Host": "kept", "Forwarded": "for=kept",
		"Connection": "X-Hop", "X-Hop": "1", "Keep-Alive": "1", "Te": "deflate", "X-End": "kept", "User-Agent": "",
	} {
		request.Header.Set(name, value)
	}
	response, err := client(t).Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	_, port, _ := net.SplitHostPort(l.Addr().String())
	assert.Equal(t, "www.example.com", host)
	assert.Equal(t, "/a%2Fb?q=1;2&%zz", uri)
	assert.Regexp(t, `^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$`, got.Get("X-Amzn-Trace-Id"))
	got.Del("X-Amzn-Trace-Id")
	got.Del("Accept-Encoding") // the client's own
	assert.Equal(t, http.Header{
		"X-Forwarded-For": {"203.0.113.9, 127.0.0.1"}, "X-Forwarded-Proto": {"http"}, "X-Forwarded-Port": {port},
		"X-Forwarded-Host": {"kept"}, "Forwarded": {"for=kept"}, "X-End": {"kept"},
	}, got)
}

func TestBalancersTraceTheRequestsThatTheyPassOn(t *testing.T) {
	var got string
	l := listenHTTP(t, sends(web(t, "a", func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Get("X-Amzn-Trace-Id") })))
	const id = `1-[0-9a-f]{8}-[0-9a-f]{24}`
	for given, want := range map[string]string{
		"Root=1-2-3":                 `^Self=` + id + `;Root=1-2-3$`,
		"Self=1-0-0;Root=1-2-3;By=A": `^Self=` + id + `;Root=1-2-3;By=A$`,
		"By=A":                       `^Root=` + id + `;By=A$`,
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String(), nil)
		require.NoError(t, err)
		request.Header.Set("X-Amzn-Trace-Id", given)
		response, err := client(t).Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		assert.Regexp(t, want, got, given)
	}
}

func TestFailuresOfTargetsHaveTheBalancersCodes(t *testing.T) {
	closed := named(t, "closed")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	closed.Address = netip.MustParseAddrPort(listener.Addr().String())
	listener.Close()
	for name, test := range map[string]struct {
		targets []proxy.Target
		want    string
	}{
		"none":              {nil, "503 Service Temporarily Unavailable"},
		"one that refuses":  {[]proxy.Target{closed}, "502 Bad Gateway"},
		"one that hangs up": {[]proxy.Target{target(t, "rude", func(*net.TCPConn) {})}, "502 Bad Gateway"},
		"one that isn't a web ": {
			[]proxy.Target{target(t, "echo", func(c *net.TCPConn) { _, _ = io.WriteString(c, "hi\n") })}, "502 Bad Gateway",
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := listenHTTP(t, sends(test.targets...))
			response, body := get(t, client(t), l, "/")
			assert.Equal(t, test.want[:3], response.Status[:3])
			assert.Equal(t, "awselb/2.0", response.Header.Get("Server"))
			assert.Contains(t, body, "<center><h1>"+test.want+"</h1></center>")
			id := ""
			if test.targets != nil {
				id = test.targets[0].ID
			}
			assert.Equal(t, map[string]proxy.RequestStats{id: {Requests: 1, Errors: 1}}, l.Stats())
		})
	}
}

// advanced gives a fake clock's timers time until done.
func advanced(t *testing.T, virtual *clockwork.FakeClock, by time.Duration, done <-chan struct{}) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); {
		select {
		case <-done:
			return
		case <-time.After(5 * time.Millisecond):
			virtual.Advance(by)
		}
	}
	t.Error("nothing ended")
}

func TestTargetThatTakesTooLongIs504(t *testing.T) {
	for name, test := range map[string]struct {
		target proxy.Target
		limit  time.Duration
	}{
		"silent":      {web(t, "a", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }), proxy.HTTPIdleTimeout},
		"unreachable": {proxy.Target{ID: "a", Address: netip.MustParseAddrPort("127.0.0.1:1"), Dropped: true}, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			virtual := clockwork.NewFakeClock()
			l := listenHTTP(t, sends(test.target), proxy.WithClock(virtual))
			began, done := virtual.Now(), make(chan struct{})
			go func() {
				defer close(done)
				response, err := client(t).Get("http://" + l.Addr().String())
				if assert.NoError(t, err) {
					assert.Equal(t, http.StatusGatewayTimeout, response.StatusCode)
					response.Body.Close()
				}
			}()
			require.Eventually(t, func() bool { return l.Stats()["a"].Active == 1 }, 5*time.Second, time.Millisecond)
			advanced(t, virtual, time.Second/2, done)
			assert.GreaterOrEqual(t, virtual.Since(began), test.limit)
		})
	}
}

func TestAnotherIdleTimeoutIsForNewRequests(t *testing.T) {
	virtual := clockwork.NewFakeClock()
	hang := make(chan struct{})
	defer close(hang)
	l := listenHTTP(t, sends(web(t, "a", func(http.ResponseWriter, *http.Request) { <-hang })), proxy.WithClock(virtual))
	ask := func() <-chan int {
		status := make(chan int, 1)
		go func() {
			response, err := client(t).Get("http://" + l.Addr().String())
			if assert.NoError(t, err) {
				response.Body.Close()
				status <- response.StatusCode
			}
		}()
		return status
	}
	active := func(n int) func() bool { return func() bool { return l.Stats()["a"].Active == n } }
	before := ask()
	require.Eventually(t, active(1), time.Minute, time.Millisecond)
	l.SetIdleTimeout(time.Hour)
	after := ask()
	require.Eventually(t, active(2), time.Minute, time.Millisecond)
	virtual.Advance(proxy.HTTPIdleTimeout)
	assert.Equal(t, http.StatusGatewayTimeout, <-before)
	require.Eventually(t, active(1), time.Minute, time.Millisecond)
	virtual.Advance(time.Hour)
	assert.Equal(t, http.StatusGatewayTimeout, <-after)
}

// Two requests hang at one target: by turns, every third request would go there.
func TestRequestsGoToTheTargetsWithTheFewestOutstanding(t *testing.T) {
	hang := make(chan struct{})
	defer close(hang)
	busy := web(t, "busy", func(http.ResponseWriter, *http.Request) { <-hang })
	var route atomic.Pointer[proxy.Route]
	route.Store(&proxy.Route{Targets: []proxy.Target{busy}})
	l := listenHTTP(t, func() proxy.Route { return *route.Load() })
	for range 2 {
		go func() {
			if response, err := client(t).Get("http://" + l.Addr().String()); err == nil {
				response.Body.Close()
			}
		}()
	}
	require.Eventually(t, func() bool { return l.Stats()["busy"].Active == 2 }, 10*time.Second, time.Millisecond)
	route.Store(&proxy.Route{Targets: []proxy.Target{busy, named(t, "a"), named(t, "b")}, Choice: proxy.Fewest})
	got := map[string]int{}
	c := client(t)
	for range 6 {
		_, body := get(t, c, l, "/")
		got[body]++
	}
	assert.Equal(t, map[string]int{"a": 3, "b": 3}, got)
}

func TestRequestsGoToTargetsAtRandom(t *testing.T) {
	targets := []proxy.Target{named(t, "a"), named(t, "b")}
	l := listenHTTP(t, func() proxy.Route { return proxy.Route{Targets: targets, Choice: proxy.AtRandom} })
	c := client(t)
	var answers strings.Builder
	for range 100 {
		_, body := get(t, c, l, "/")
		answers.WriteString(body)
	}
	order := answers.String()
	assert.Contains(t, order, "aa", "by turns, no target gets two requests in a row")
	assert.Contains(t, order, "bb")
	_, body := get(t, c, listenHTTP(t, func() proxy.Route { return proxy.Route{Choice: proxy.AtRandom} }), "/")
	assert.Contains(t, body, "503")
}

func TestWhatGoesOnIsNotIdle(t *testing.T) {
	virtual := clockwork.NewFakeClock()
	step := make(chan struct{})
	l := listenHTTP(t, sends(web(t, "a", func(w http.ResponseWriter, _ *http.Request) {
		for range step {
			fmt.Fprintln(w, "line")
			w.(http.Flusher).Flush()
		}
	})), proxy.WithClock(virtual))
	go func() { step <- struct{}{} }()
	response, err := client(t).Get("http://" + l.Addr().String())
	require.NoError(t, err)
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	for range 4 {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, "line\n", line)
		virtual.Advance(proxy.HTTPIdleTimeout - time.Second)
		step <- struct{}{}
	}
	close(step)
	_, err = io.ReadAll(lines)
	require.NoError(t, err)
}

func TestIdleConnectionOfAClientIsClosed(t *testing.T) {
	virtual := clockwork.NewFakeClock()
	l := listenHTTP(t, sends(named(t, "a")), proxy.WithClock(virtual))
	for name, first := range map[string]string{"new": "", "after a request": "GET / HTTP/1.1\r\nHost: x\r\n\r\n"} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
			reader := bufio.NewReader(conn)
			if first != "" {
				_, err := io.WriteString(conn, first)
				require.NoError(t, err)
				response, err := http.ReadResponse(reader, nil)
				require.NoError(t, err)
				_, err = io.ReadAll(response.Body)
				require.NoError(t, err)
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				_, err := reader.ReadByte()
				assert.ErrorIs(t, err, io.EOF)
			}()
			advanced(t, virtual, proxy.HTTPIdleTimeout/4, done)
		})
	}
}

func TestRequestUnderWayIsAnsweredAfterItsTargetLeft(t *testing.T) {
	began, finish := make(chan struct{}), make(chan struct{})
	slow := web(t, "slow", func(w http.ResponseWriter, _ *http.Request) {
		close(began)
		<-finish
		fmt.Fprint(w, "slow")
	})
	var route atomic.Pointer[proxy.Route]
	route.Store(&proxy.Route{Targets: []proxy.Target{slow}})
	l := listenHTTP(t, func() proxy.Route { return *route.Load() })
	answer := make(chan string, 1)
	c := client(t)
	go func() {
		_, body, err := fetch(c, l, "/")
		assert.NoError(t, err)
		answer <- body
	}()
	<-began
	route.Store(&proxy.Route{Targets: []proxy.Target{named(t, "other")}})
	_, body := get(t, client(t), l, "/")
	assert.Equal(t, "other", body)
	assert.Equal(t, 1, l.Stats()["slow"].Active)
	close(finish)
	assert.Equal(t, "slow", <-answer)
}

func TestResetEndsWhatATargetIsAt(t *testing.T) {
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	l := listenHTTP(t, sends(web(t, "a", hang)))
	status := make(chan int, 1)
	c := client(t)
	go func() {
		response, _, err := fetch(c, l, "/")
		if assert.NoError(t, err) {
			status <- response.StatusCode
		}
		close(status)
	}()
	require.Eventually(t, func() bool { return l.Stats()["a"].Active == 1 }, 5*time.Second, time.Millisecond)
	l.Reset("b")
	l.Reset("a")
	assert.Equal(t, http.StatusBadGateway, <-status)
}

func TestRedirectsKeepWhatWasAskedFor(t *testing.T) {
	var redirect proxy.Redirect
	l := listenHTTP(t, func() proxy.Route { return proxy.Route{Redirect: &redirect} })
	port := l.Addr().Port()
	for name, test := range map[string]struct {
		redirect proxy.Redirect
		want     string
	}{
		"to HTTPS":        {proxy.Redirect{Protocol: "HTTPS", Port: 8443, StatusCode: 301}, "https://www.example.com:8443/a%2Fb?q=1"},
		"for a while":     {proxy.Redirect{Protocol: "HTTPS", Port: 8443, StatusCode: 302}, "https://www.example.com:8443/a%2Fb?q=1"},
		"to another port": {proxy.Redirect{Port: 9000, StatusCode: 301}, "http://www.example.com:9000/a%2Fb?q=1"},
		"of a protocol":   {proxy.Redirect{Protocol: "HTTPS", StatusCode: 301}, fmt.Sprintf("https://www.example.com:%d/a%%2Fb?q=1", port)},
		"to a moved port": {
			proxy.Redirect{Protocol: "HTTPS", Port: 443, StatusCode: 301},
			fmt.Sprintf("https://www.example.com:%d/a%%2Fb?q=1", loopback.Port(443)),
		},
	} {
		t.Run(name, func(t *testing.T) {
			redirect = test.redirect
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+"/a%2Fb?q=1", nil)
			require.NoError(t, err)
			request.Host = "www.example.com:80"
			response, err := client(t).Do(request)
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			assert.Equal(t, test.redirect.StatusCode, response.StatusCode)
			assert.Equal(t, test.want, response.Header.Get("Location"))
		})
	}
}

// upgraded serves a connection that was HTTP before.
func upgraded(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Connection", "Upgrade")
	w.Header().Set("Upgrade", "echo")
	w.WriteHeader(http.StatusSwitchingProtocols)
	conn, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	_, _ = io.Copy(conn, buffered)
}

// upgrade turns an HTTP connection into a connection that echoes.
func upgrade(t *testing.T, l *proxy.HTTPListener) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	_, err = io.WriteString(conn, "GET /socket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	require.NoError(t, err)
	reader := bufio.NewReader(conn)
	response, err := http.ReadResponse(reader, nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusSwitchingProtocols, response.StatusCode)
	return conn, reader
}

func TestWebSocketsPassThrough(t *testing.T) {
	virtual := clockwork.NewFakeClock()
	l := listenHTTP(t, sends(web(t, "a", upgraded)), proxy.WithClock(virtual))
	conn, reader := upgrade(t, l)
	for _, text := range []string{"hello\n", "again\n", "still\n"} {
		_, err := io.WriteString(conn, text)
		require.NoError(t, err)
		echoed, err := reader.ReadString('\n')
		require.NoError(t, err)
		assert.Equal(t, text, echoed)
		virtual.Advance(proxy.HTTPIdleTimeout - time.Second)
	}
	assert.Equal(t, proxy.RequestStats{Requests: 1, Active: 1, Statuses: [6]uint64{1: 1}}, l.Stats()["a"])
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := reader.ReadByte()
		assert.Error(t, err)
	}()
	advanced(t, virtual, time.Second/2, done)
}

func TestClientsThatTheNetworkKeepsOutAreReset(t *testing.T) {
	l := listenHTTP(t, func() proxy.Route { return proxy.Route{Blocked: true} })
	_, err := client(t).Get("http://" + l.Addr().String())
	require.Error(t, err)
	assert.True(t, errors.Is(err, syscall.ECONNRESET) || errors.Is(err, io.EOF), err)
	assert.Empty(t, l.Stats())
}

func TestHTTPSWithACertificateOfTheAuthority(t *testing.T) {
	authority, err := ca.New("test authority")
	require.NoError(t, err)
	certificate, err := authority.Certificate("127.0.0.1", "www.example.com")
	require.NoError(t, err)
	var forwarded string
	l := listenHTTP(t, sends(web(t, "a", func(_ http.ResponseWriter, r *http.Request) {
		forwarded = r.Proto + " " + r.Header.Get("X-Forwarded-Proto")
	})), proxy.WithCertificate(certificate))

	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(authority.PEM()))
	for name, trust := range map[string]*tls.Config{
		"by its address": {RootCAs: pool, MinVersion: tls.VersionTLS12},
		"by its name":    {RootCAs: pool, MinVersion: tls.VersionTLS12, ServerName: "www.example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			transport := &http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true}
			defer transport.CloseIdleConnections()
			response, err := (&http.Client{Transport: transport}).Get("https://" + l.Addr().String())
			require.NoError(t, err)
			require.NoError(t, response.Body.Close())
			assert.Equal(t, 2, response.ProtoMajor, "clients may speak HTTP/2")
			assert.Equal(t, "HTTP/1.1 https", forwarded, "targets are spoken to in HTTP/1.1")
		})
	}
	_, err = client(t).Get("https://" + l.Addr().String())
	require.ErrorContains(t, err, "certificate signed by unknown authority")
}

func TestCloseOfAnHTTPListenerEndsAllAndLeavesNothing(t *testing.T) {
	hang := web(t, "a", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/socket" {
			upgraded(w, r)
			return
		}
		<-r.Context().Done()
	})
	goroutines, descriptors := runtime.NumGoroutine(), testprocess.Descriptors(t)
	l, err := proxy.ListenHTTP(netip.MustParseAddrPort("127.0.0.1:0"), sends(hang))
	require.NoError(t, err)
	failed := make(chan error)
	transport := &http.Transport{}
	go func() {
		_, err := (&http.Client{Transport: transport}).Get("http://" + l.Addr().String())
		failed <- err
	}()
	socket, reader := upgrade(t, l)
	require.Eventually(t, func() bool { return l.Stats()["a"].Active == 2 }, 5*time.Second, time.Millisecond)
	require.NoError(t, l.Close())
	require.Error(t, <-failed)
	_, err = reader.ReadByte()
	require.Error(t, err)
	socket.Close()
	transport.CloseIdleConnections()
	_, err = net.Dial("tcp", l.Addr().String())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if runtime.NumGoroutine() <= goroutines && testprocess.Descriptors(t) <= descriptors {
			break
		}
	}
	assert.LessOrEqual(t, runtime.NumGoroutine(), goroutines, "goroutines leak")
	assert.LessOrEqual(t, testprocess.Descriptors(t), descriptors, "descriptors leak")
	require.NoError(t, l.Close(), "closing twice is fine")
}

func TestHTTPProbeWantsACodeOfItsMatcher(t *testing.T) {
	var code int
	up := web(t, "a", func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, "ELB-HealthChecker/2.0", r.UserAgent())
		assert.Equal(t, "/ping?deep=1", r.RequestURI)
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(code)
	})
	for _, test := range []struct {
		code    int
		matcher string
		want    bool
	}{
		{200, "", true}, {204, "", false}, {302, "", false}, {503, "200", false},
		{204, "200,204", true}, {204, "200, 204", false}, {201, "200,204", false},
		{200, "200-299", true}, {299, "200-299", true}, {300, "200-299", false}, {302, "200-299,302", true}, {200, "no code", false},
	} {
		code = test.code
		err := proxy.ProbeHTTP(t.Context(), loopback.Dial, up.Address, "/ping?deep=1", test.matcher, 10*time.Second)
		if test.want {
			require.NoError(t, err, test)
		} else {
			require.EqualError(t, err, fmt.Sprintf("Health checks failed with these codes: [%d]", test.code), test)
		}
	}
}

func TestHTTPProbeSaysBrieflyWhatIsWrong(t *testing.T) {
	probe := func(ctx context.Context, to proxy.Target, timeout time.Duration) error {
		return proxy.ProbeHTTP(ctx, loopback.Dial, to.Address, "/", "", timeout)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	down := proxy.Target{Address: netip.MustParseAddrPort(closed.Addr().String())}
	closed.Close()
	require.EqualError(t, probe(t.Context(), down, 10*time.Second), "connection refused")

	rude := target(t, "rude", func(c *net.TCPConn) { _, _ = bufio.NewReader(c).ReadString('\n') })
	require.Error(t, probe(t.Context(), rude, 10*time.Second))

	released := make(chan struct{})
	defer close(released)
	slow := web(t, "slow", func(http.ResponseWriter, *http.Request) { <-released })
	err = probe(t.Context(), slow, 50*time.Millisecond)
	require.EqualError(t, err, "timed out after 50ms")
	require.ErrorIs(t, err, context.DeadlineExceeded)

	endless := web(t, "endless", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		<-released
	})
	require.EqualError(t, probe(t.Context(), endless, 50*time.Millisecond), "timed out after 50ms")

	ended, end := context.WithCancel(t.Context())
	end()
	require.ErrorIs(t, probe(ended, slow, time.Second), context.Canceled)
}
