package proxy_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/metric"
	"github.com/elastic-service/elastic-service/emulator/proxy"
)

// taker is a listener of either kind.
type taker interface{ Take() metric.Traffic }

// takes adds up what a listener counts until f holds.
func takes(t *testing.T, l taker, f func(metric.Traffic) bool) metric.Traffic {
	t.Helper()
	var sum metric.Traffic
	require.Eventually(t, func() bool {
		sum.Add(l.Take())
		return f(sum)
	}, 10*time.Second, 5*time.Millisecond)
	return sum
}

func reset(c net.Conn) {
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

func TestAResetCountsAsThatOfItsSender(t *testing.T) {
	clock := clockwork.NewFakeClock()
	type resets struct{ client, target, balancer int }
	resetting := target(t, "resets", func(c *net.TCPConn) { reset(c) })
	for name, c := range map[string]struct {
		pick proxy.Picker
		do   func(l *proxy.Listener, c net.Conn)
		want resets
	}{
		"a client resets": {always(target(t, "a", echo)), func(_ *proxy.Listener, c net.Conn) {
			say(t, c, "hello")
			reset(c)
		}, resets{client: 1}},
		"a target resets":          {always(resetting), func(*proxy.Listener, net.Conn) {}, resets{target: 1}},
		"a target does not listen": {always(proxy.Target{Address: unused(t)}), func(*proxy.Listener, net.Conn) {}, resets{target: 1}},
		"there is no target": {
			func(netip.AddrPort) (proxy.Target, bool) { return proxy.Target{}, false },
			func(*proxy.Listener, net.Conn) {}, resets{balancer: 1},
		},
		"a target becomes unhealthy": {always(target(t, "a", echo)), func(l *proxy.Listener, c net.Conn) {
			say(t, c, "hello")
			l.Reset("a")
		}, resets{balancer: 1}},
		"a flow is idle": {always(target(t, "a", echo)), func(_ *proxy.Listener, c net.Conn) {
			say(t, c, "hello")
			clock.Advance(proxy.IdleTimeout)
		}, resets{balancer: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			l := listen(t, c.pick, proxy.WithClock(clock))
			conn, err := net.Dial("tcp", l.Addr().String())
			if err == nil { // it may be reset before it is up for the client
				defer conn.Close()
				c.do(l, conn)
			}
			got := takes(t, l, func(sum metric.Traffic) bool { return sum.ClientResets+sum.TargetResets+sum.BalancerResets > 0 })
			assert.Equal(t, c.want, resets{got.ClientResets, got.TargetResets, got.BalancerResets})
		})
	}
}

func TestAFlowThatEndsWellCountsNoReset(t *testing.T) {
	l := listen(t, always(target(t, "a", echo)))
	c := dial(t, l)
	say(t, c, "hello")
	open := l.Take()
	assert.Equal(t, metric.Traffic{New: 1, Bytes: 10, Active: metric.One(1)}, open)
	require.NoError(t, c.Close())
	takes(t, l, func(sum metric.Traffic) bool { return sum.Active.Min == 0 })
	assert.Equal(t, metric.Traffic{Active: metric.One(0)}, l.Take(), "it was taken before")
}

// unused is an address at which nothing listens.
func unused(t *testing.T) netip.AddrPort {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return netip.MustParseAddrPort(l.Addr().String())
}

func TestAnswersOfTargetsAndOfTheBalancerAreCounted(t *testing.T) {
	broken := target(t, "broken", func(c *net.TCPConn) { _, _ = c.Read(make([]byte, 1)) })
	for name, c := range map[string]struct {
		route proxy.Route
		want  metric.Traffic
	}{
		"200": {proxy.Route{Targets: []proxy.Target{named(t, "a")}}, metric.Traffic{Requests: 1, TargetAnswers: [6]int{2: 1}}},
		"500": {
			proxy.Route{Targets: []proxy.Target{web(t, "a", func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusInternalServerError)
			})}},
			metric.Traffic{Requests: 1, TargetAnswers: [6]int{5: 1}},
		},
		"502, no answer": {
			proxy.Route{Targets: []proxy.Target{broken}}, metric.Traffic{Requests: 1, BalancerAnswers: map[int]int{502: 1}},
		},
		"502, no listener": {
			proxy.Route{Targets: []proxy.Target{{ID: "a", Address: unused(t)}}},
			metric.Traffic{Requests: 1, ConnectionErrors: 1, BalancerAnswers: map[int]int{502: 1}},
		},
		"503": {proxy.Route{}, metric.Traffic{BalancerAnswers: map[int]int{503: 1}}},
		"301": {proxy.Route{Redirect: &proxy.Redirect{StatusCode: 301}}, metric.Traffic{BalancerAnswers: map[int]int{301: 1}}},
	} {
		t.Run(name, func(t *testing.T) {
			l := listenHTTP(t, func() proxy.Route { return c.route })
			get(t, client(t), l, "/")
			got := l.Take()
			assert.Equal(t, c.want.TargetAnswers != [6]int{}, got.ResponseTime.Count == 1, "the time of answers of targets is measured")
			assert.Positive(t, got.New)
			assert.Greater(t, got.Bytes, len("GET / HTTP/1.1\r\n"))
			got.ResponseTime, got.New, got.Bytes, got.Active = metric.Sample{}, 0, 0, metric.Sample{}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestConnectionsOfClientsAndToTargetsAreCounted(t *testing.T) {
	l := listenHTTP(t, sends(web(t, "a", func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	})))
	c := client(t)
	get(t, c, l, "/")
	get(t, c, l, "/")
	got := l.Take()
	assert.Equal(t, 2, got.New, "one of the client and one to the target, for both requests")
	assert.Equal(t, metric.One(2), got.Active)
	c.CloseIdleConnections()
	takes(t, l, func(sum metric.Traffic) bool { return sum.Active.Min == 1 })
}

func TestAClientThatGivesUpCountsAs460(t *testing.T) {
	began, over := make(chan bool), make(chan bool)
	l := listenHTTP(t, sends(web(t, "a", func(http.ResponseWriter, *http.Request) { began <- true; <-over })))
	defer close(over)
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+l.Addr().String(), nil)
	require.NoError(t, err)
	ended := make(chan error)
	go func() {
		response, err := client(t).Do(request)
		if err == nil {
			response.Body.Close()
		}
		ended <- err
	}()
	<-began
	cancel()
	require.Error(t, <-ended)
	got := takes(t, l, func(sum metric.Traffic) bool { return len(sum.BalancerAnswers) > 0 })
	assert.Equal(t, map[int]int{460: 1}, got.BalancerAnswers)
}

func TestMalformedAndIncompleteRequestsCountAs400(t *testing.T) {
	for name, c := range map[string]struct {
		sent string
		ends bool // the client sends nothing more
		want map[int]int
	}{
		"no HTTP":                             {"hello\r\n\r\n", false, map[int]int{400: 1}},
		"a malformed header":                  {"GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n", false, map[int]int{400: 1}},
		"a malformed request after a request": {"GET / HTTP/1.1\r\nHost: a\r\n\r\nhello\r\n\r\n", false, map[int]int{400: 1}},
		"half a request":                      {"GET / HT", true, map[int]int{400: 1}},
		"a request":                           {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false, nil},
		"nothing":                             {"", true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l := listenHTTP(t, sends(named(t, "a")))
			conn, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			defer conn.Close()
			_, err = io.WriteString(conn, c.sent)
			require.NoError(t, err)
			if c.ends {
				require.NoError(t, conn.(*net.TCPConn).CloseWrite())
			}
			_, err = io.ReadAll(conn)
			require.NoError(t, err)
			require.NoError(t, conn.Close())
			got := takes(t, l, func(sum metric.Traffic) bool { // net/http waits for half a second before it ends a connection with 400
				return len(sum.BalancerAnswers) == len(c.want)
			})
			assert.Equal(t, c.want, got.BalancerAnswers)
		})
	}
}
