package proxy_test

import (
	"bytes"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/internal/testprocess"
	"github.com/elastic-service/elastic-service/emulator/proxy"
	"github.com/elastic-service/elastic-service/internal/ca"
)

// secure is a certificate of a new authority for 127.0.0.1 and www.example.com, and a client's trust in it.
func secure(t testing.TB) (proxy.ListenerOption, *tls.Config) {
	t.Helper()
	authority, err := ca.New("test authority")
	require.NoError(t, err)
	certificate, err := authority.Certificate("127.0.0.1", "www.example.com")
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(authority.PEM()))
	return proxy.WithCertificate(certificate), &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
}

func listenTLS(t *testing.T, pick proxy.Picker, options ...proxy.ListenerOption) (*proxy.Listener, *tls.Config) {
	t.Helper()
	certificate, trust := secure(t)
	return listen(t, pick, append(options, certificate)...), trust
}

func dialTLS(t *testing.T, l *proxy.Listener, trust *tls.Config) *tls.Conn {
	t.Helper()
	conn := tls.Client(dial(t, l), trust)
	require.NoError(t, conn.Handshake())
	return conn
}

// untouched is a target that fails the test when it is connected to.
func untouched(t *testing.T) proxy.Target {
	return target(t, "untouched", func(*net.TCPConn) { t.Error("the target was connected to") })
}

// assertUnmet waits until so many flows have been counted that came to no target, and holds that none did to it.
func assertUnmet(t *testing.T, l *proxy.Listener, count uint64) {
	t.Helper()
	require.Eventually(t, func() bool { return l.Stats()[""].Refused == count }, 5*time.Second, time.Millisecond)
	assert.Zero(t, l.Stats()["untouched"])
}

// assertLet sees that a connection has ended, in whatever way.
func assertLet(t *testing.T, c net.Conn) {
	t.Helper()
	_, err := io.Copy(io.Discard, c)
	assert.True(t, err == nil || errors.Is(err, syscall.ECONNRESET), err)
}

func TestTLSEndsAtTheBalancer(t *testing.T) {
	for name, change := range map[string]func(*tls.Config){
		"by its address": func(*tls.Config) {},
		"by its name":    func(c *tls.Config) { c.ServerName = "www.example.com" },
		"TLS 1.2":        func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 },
		"with ALPN":      func(c *tls.Config) { c.NextProtos = []string{"h2"} },
	} {
		t.Run(name, func(t *testing.T) {
			l, trust := listenTLS(t, always(target(t, "a", echo)))
			change(trust)
			conn := dialTLS(t, l, trust)
			assert.Equal(t, "in the clear", say(t, conn, "in the clear"), "what the target got would be no text otherwise")
			want := map[string]proxy.TargetStats{"a": {Flows: 1, Active: 1, BytesIn: 12, BytesOut: 12}}
			require.Eventually(t, func() bool { return fmt.Sprint(l.Stats()) == fmt.Sprint(want) }, 5*time.Second, time.Millisecond)
			require.NoError(t, conn.Close())
			require.Eventually(t, func() bool { return l.Flows("a") == 0 }, 5*time.Second, time.Millisecond)
		})
	}
}

func TestAClientThatFailsTheHandshakeNeverReachesTheTarget(t *testing.T) {
	const short = 50 * time.Millisecond
	for name, c := range map[string]struct {
		limit time.Duration
		try   func(*net.TCPConn, *tls.Config) error
		err   string
	}{
		"another authority": {time.Minute, func(c *net.TCPConn, trust *tls.Config) error {
			trust.RootCAs = x509.NewCertPool()
			return tls.Client(c, trust).Handshake()
		}, "unknown authority"},
		"TLS 1.1": {time.Minute, func(c *net.TCPConn, trust *tls.Config) error {
			trust.MinVersion, trust.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
			return tls.Client(c, trust).Handshake()
		}, "protocol version"},
		"in the clear": {time.Minute, func(c *net.TCPConn, _ *tls.Config) error {
			_, err := io.WriteString(c, "2004\n2004\n")
			return err
		}, ""},
		"an end at once": {time.Minute, func(c *net.TCPConn, _ *tls.Config) error { return c.CloseWrite() }, ""},
		"idle":           {short, func(*net.TCPConn, *tls.Config) error { return nil }, ""},
		"idle after some bytes": {short, func(c *net.TCPConn, _ *tls.Config) error {
			_, err := c.Write([]byte{22, 3, 1})
			return err
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			l, trust := listenTLS(t, always(untouched(t)), proxy.WithHandshakeTime(c.limit))
			conn := dial(t, l)
			if err := c.try(conn, trust); c.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.err)
			}
			assertUnmet(t, l, 1)
			assertLet(t, conn)
		})
	}
}

func TestAClientThatIsKeptOutIsResetBeforeItsHandshake(t *testing.T) {
	l, _ := listenTLS(t, func(netip.AddrPort) (proxy.Target, bool) { return proxy.Target{}, false })
	assertRefused(t, l)
	assertUnmet(t, l, 1)
}

func TestAFlowThatIsResetDuringItsHandshakeFailedNone(t *testing.T) {
	l, _ := listenTLS(t, always(untouched(t)))
	conn := dial(t, l)
	require.Eventually(t, func() bool {
		l.Reset("untouched")
		_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
		_, err := conn.Read(make([]byte, 1))
		return errors.Is(err, syscall.ECONNRESET)
	}, 5*time.Second, time.Millisecond)
	require.NoError(t, l.Close())
	assert.Equal(t, map[string]proxy.TargetStats{"untouched": {}}, l.Stats())
}

func TestMuchIsCarriedUnchangedOverTLS(t *testing.T) {
	l, trust := listenTLS(t, always(target(t, "a", echo)))
	sent := make([]byte, 10<<20)
	_, _ = rand.Read(sent)
	conn := dialTLS(t, l, trust)
	go func() {
		_, _ = conn.Write(sent)
		_ = conn.CloseWrite()
	}()
	received, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(sent, received))
	assert.EqualValues(t, len(sent), l.Stats()["a"].BytesIn)
	assert.EqualValues(t, len(sent), l.Stats()["a"].BytesOut)
}

func TestCloseNotifyOfTheClientIsTheTargetsEnd(t *testing.T) {
	for name, end := range map[string]func(*tls.Conn) error{
		"close_notify":     (*tls.Conn).CloseWrite,
		"a FIN without it": func(c *tls.Conn) error { return c.NetConn().(*net.TCPConn).CloseWrite() },
	} {
		t.Run(name, func(t *testing.T) {
			l, trust := listenTLS(t, always(target(t, "a", func(c *net.TCPConn) {
				all, _ := io.ReadAll(c) // returns when the client has said all
				fmt.Fprintf(c, "got %s", all)
			})))
			conn := dialTLS(t, l, trust)
			_, err := io.WriteString(conn, "everything")
			require.NoError(t, err)
			require.NoError(t, end(conn))
			answer, err := io.ReadAll(conn)
			require.NoError(t, err)
			assert.Equal(t, "got everything", string(answer))
		})
	}
}

func TestTheTargetsEndIsACloseNotifyForTheClient(t *testing.T) {
	heard := make(chan string, 1)
	l, trust := listenTLS(t, always(target(t, "a", func(c *net.TCPConn) {
		_, _ = io.WriteString(c, "bye")
		_ = c.CloseWrite()
		all, _ := io.ReadAll(c)
		heard <- string(all)
	})))
	conn := dial(t, l)
	record := &recorder{Conn: conn}
	over := tls.Client(record, trust)
	said, err := io.ReadAll(over)
	require.NoError(t, err)
	assert.Equal(t, "bye", string(said))
	assert.False(t, record.ended, "close_notify comes before the connection's end")
	n, err := conn.Read(make([]byte, 1))
	assert.Zero(t, n)
	require.ErrorIs(t, err, io.EOF, "which comes too")
	_, err = io.WriteString(over, "still here")
	require.NoError(t, err)
	require.NoError(t, over.Close())
	assert.Equal(t, "still here", <-heard)
}

// recorder notes whether a connection's end was read.
type recorder struct {
	net.Conn
	ended bool
}

func (r *recorder) Read(p []byte) (int, error) {
	n, err := r.Conn.Read(p)
	r.ended = r.ended || errors.Is(err, io.EOF)
	return n, err
}

func TestWordsThatAreCutOffResetTheTarget(t *testing.T) {
	seen := make(chan error, 1)
	l, trust := listenTLS(t, always(target(t, "a", func(c *net.TCPConn) {
		_, err := io.ReadAll(c)
		seen <- err
	})))
	conn := dialTLS(t, l, trust)
	_, err := conn.NetConn().Write([]byte{23, 3, 3, 1, 0, 'x'}) // one of 256 bytes
	require.NoError(t, err)
	require.NoError(t, conn.NetConn().(*net.TCPConn).CloseWrite())
	require.ErrorIs(t, <-seen, syscall.ECONNRESET)
	assertReset(t, conn.NetConn())
}

func TestResetsPassThroughTLSBothWays(t *testing.T) {
	seen := make(chan error, 1)
	l, trust := listenTLS(t, always(
		target(t, "reads", func(c *net.TCPConn) {
			_, _ = io.ReadFull(c, make([]byte, 2))
			_, err := io.ReadAll(c)
			seen <- err
		}),
		target(t, "resets", func(c *net.TCPConn) {
			_, _ = io.ReadFull(c, make([]byte, 2))
			_ = c.SetLinger(0)
		}),
	))
	client := dialTLS(t, l, trust)
	_, err := io.WriteString(client, "hi")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return l.Stats()["reads"].BytesIn == 2 }, 5*time.Second, time.Millisecond)
	require.NoError(t, client.NetConn().(*net.TCPConn).SetLinger(0))
	require.NoError(t, client.NetConn().Close())
	require.ErrorIs(t, <-seen, syscall.ECONNRESET)

	client = dialTLS(t, l, trust)
	_, err = io.WriteString(client, "hi")
	require.NoError(t, err)
	assertReset(t, client)
}

func TestATargetThatRefusesResetsTheClientAfterItsHandshake(t *testing.T) {
	gone := target(t, "gone", echo)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	gone.Address = netip.MustParseAddrPort(closed.Addr().String())
	closed.Close()
	l, trust := listenTLS(t, always(gone))
	conn := tls.Client(dial(t, l), trust)
	_, err = io.ReadAll(conn)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	assert.Equal(t, map[string]proxy.TargetStats{"gone": {Refused: 1}}, l.Stats())
}

func TestAFlowOverTLSThatStallsGoesOnWhereItWas(t *testing.T) {
	l, trust := listenTLS(t, always(target(t, "a", echo)))
	conn := dialTLS(t, l, trust)
	say(t, conn, "before")
	l.Stall("a")
	_, err := io.WriteString(conn, "meanwhile")
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err = conn.Read(make([]byte, 1))
	var late net.Error
	require.ErrorAs(t, err, &late)
	assert.True(t, late.Timeout())
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
	l.Stall()
	answer := make([]byte, len("meanwhile"))
	_, err = io.ReadFull(conn, answer)
	require.NoError(t, err)
	assert.Equal(t, "meanwhile", string(answer))
}

func TestAFlowOverTLSToWhereNothingArrivesHasAHandshakeAndNoAnswer(t *testing.T) {
	lost := untouched(t)
	lost.Dropped = true
	l, trust := listenTLS(t, always(lost))
	conn := dialTLS(t, l, trust)
	_, err := io.WriteString(conn, "hello?")
	require.NoError(t, err)
	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool { return l.Stats()["untouched"].Refused == 1 }, 5*time.Second, time.Millisecond)
}

func TestIdleFlowOverTLSIsResetAfterTheTimeout(t *testing.T) {
	virtual := clockwork.NewFakeClock()
	l, trust := listenTLS(t, always(target(t, "a", echo)), proxy.WithClock(virtual))
	conn := dialTLS(t, l, trust)
	say(t, conn, "a")
	virtual.Advance(proxy.IdleTimeout - time.Second)
	say(t, conn, "b")
	require.Eventually(t, func() bool { virtual.Advance(time.Minute); return l.Flows("a") == 0 }, 5*time.Second, time.Millisecond)
	assertReset(t, conn)
}

func TestCloseResetsAllOverTLSAndLeavesNothing(t *testing.T) {
	a := target(t, "a", echo)
	certificate, trust := secure(t)
	goroutines, descriptors := runtime.NumGoroutine(), testprocess.Descriptors(t)
	l, err := proxy.Listen(netip.MustParseAddrPort("127.0.0.1:0"), always(a), certificate)
	require.NoError(t, err)
	var clients []net.Conn
	for range 50 {
		c, err := tls.Dial("tcp", l.Addr().String(), trust)
		require.NoError(t, err)
		say(t, c, "hello")
		handshaking, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		clients = append(clients, c, handshaking)
	}
	say(t, dialTLS(t, l, trust), "hello") // all before it have been accepted
	require.NoError(t, l.Close())
	for _, c := range clients {
		assertReset(t, c)
		_ = c.Close()
	}
	assert.Zero(t, l.Stats()[""].Refused)
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if runtime.NumGoroutine() <= goroutines && testprocess.Descriptors(t) <= descriptors+1 {
			break // Eventually would add a goroutine of its own
		}
	}
	assert.LessOrEqual(t, runtime.NumGoroutine(), goroutines, "goroutines leak")
	assert.LessOrEqual(t, testprocess.Descriptors(t), descriptors+1, "descriptors leak") // the last client's is open
}

func BenchmarkFlowOverTLS(b *testing.B) {
	certificate, trust := secure(b)
	l, err := proxy.Listen(netip.MustParseAddrPort("127.0.0.1:0"), always(target(b, "a", echo)), certificate)
	require.NoError(b, err)
	defer func() { _ = l.Close() }()
	for b.Loop() {
		conn, err := tls.Dial("tcp", l.Addr().String(), trust)
		require.NoError(b, err)
		_, _ = io.WriteString(conn, "hi")
		_, err = io.ReadFull(conn, make([]byte, 2))
		require.NoError(b, err)
		require.NoError(b, conn.Close())
	}
}
