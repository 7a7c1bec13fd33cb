package proxy_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/internal/testprocess"
	"github.com/elastic-service/elastic-service/emulator/loopback"
	"github.com/elastic-service/elastic-service/emulator/proxy"
)

// target serves each connection with handle.
func target(t testing.TB, id string, handle func(*net.TCPConn)) proxy.Target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				handle(conn.(*net.TCPConn))
			}()
		}
	}()
	return proxy.Target{ID: id, Address: netip.MustParseAddrPort(l.Addr().String())}
}

// echo does without splice(2), whose pipe would be two more descriptors a flow.
func echo(c *net.TCPConn) { _, _ = io.Copy(struct{ io.Writer }{c}, struct{ io.Reader }{c}) }

// always picks the targets in turn.
func always(targets ...proxy.Target) proxy.Picker {
	next := 0
	return func(netip.AddrPort) (proxy.Target, bool) {
		next++
		return targets[(next-1)%len(targets)], true
	}
}

func listen(t *testing.T, pick proxy.Picker, options ...proxy.ListenerOption) *proxy.Listener {
	t.Helper()
	l, err := proxy.Listen(netip.MustParseAddrPort("127.0.0.1:0"), pick, options...)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, l.Close()) })
	return l
}

func dial(t testing.TB, l *proxy.Listener) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn.(*net.TCPConn)
}

func say(t *testing.T, c net.Conn, text string) string {
	t.Helper()
	_, err := io.WriteString(c, text)
	require.NoError(t, err)
	answer := make([]byte, len(text))
	_, err = io.ReadFull(c, answer)
	require.NoError(t, err)
	return string(answer)
}

// assertRefused dials and sees a reset, which may come before the connection is up for the client.
func assertRefused(t *testing.T, l *proxy.Listener) {
	t.Helper()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err == nil {
		defer conn.Close()
		_, err = io.ReadAll(conn)
	}
	assert.ErrorIs(t, err, syscall.ECONNRESET)
}

func assertReset(t *testing.T, c net.Conn) {
	t.Helper()
	_, err := io.ReadAll(c)
	assert.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestFlowStaysOnItsTarget(t *testing.T) {
	named := func(name string) func(*net.TCPConn) {
		return func(c *net.TCPConn) {
			for lines := bufio.NewScanner(c); lines.Scan(); {
				fmt.Fprintln(c, name)
			}
		}
	}
	l := listen(t, always(target(t, "a", named("a")), target(t, "b", named("b"))))
	one, two := dial(t, l), dial(t, l)
	for range 5 {
		fmt.Fprintln(one, "?")
		fmt.Fprintln(two, "?")
		for conn, want := range map[net.Conn]string{one: "a\n", two: "b\n"} {
			answer := make([]byte, 2)
			_, err := io.ReadFull(conn, answer)
			require.NoError(t, err)
			assert.Equal(t, want, string(answer))
		}
	}
	want := proxy.TargetStats{Flows: 1, Active: 1, BytesIn: 10, BytesOut: 10}
	require.Eventually(t, func() bool { // bytes are counted when they have been passed on
		return maps.Equal(l.Stats(), map[string]proxy.TargetStats{"a": want, "b": want})
	}, 5*time.Second, time.Millisecond)
	_ = one.Close()
	require.Eventually(t, func() bool { return l.Flows("a") == 0 }, 5*time.Second, time.Millisecond)
	assert.Equal(t, 1, l.Flows("b"))
	assert.EqualValues(t, 1, l.Stats()["a"].Flows)
}

func TestMuchIsCarriedUnchanged(t *testing.T) {
	l := listen(t, always(target(t, "a", echo)))
	sent := make([]byte, 16<<20)
	_, _ = rand.Read(sent)
	conn := dial(t, l)
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

func TestHalfCloseOfTheClientPassesThrough(t *testing.T) {
	l := listen(t, always(target(t, "a", func(c *net.TCPConn) {
		all, _ := io.ReadAll(c) // returns when the client has said all
		fmt.Fprintf(c, "got %s", all)
	})))
	conn := dial(t, l)
	_, err := io.WriteString(conn, "everything")
	require.NoError(t, err)
	require.NoError(t, conn.CloseWrite())
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.Equal(t, "got everything", string(answer))
}

func TestHalfCloseOfTheTargetPassesThrough(t *testing.T) {
	heard := make(chan string, 1)
	l := listen(t, always(target(t, "a", func(c *net.TCPConn) {
		_, _ = io.WriteString(c, "bye")
		_ = c.CloseWrite()
		all, _ := io.ReadAll(c)
		heard <- string(all)
	})))
	conn := dial(t, l)
	said, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.Equal(t, "bye", string(said))
	_, err = io.WriteString(conn, "still here")
	require.NoError(t, err)
	_ = conn.Close()
	assert.Equal(t, "still here", <-heard)
}

func TestResetsPassThroughBothWays(t *testing.T) {
	seen := make(chan error, 1)
	l := listen(t, always(
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
	client := dial(t, l)
	_, err := io.WriteString(client, "hi")
	require.NoError(t, err)
	require.Eventually(t, func() bool { return l.Stats()["reads"].BytesIn == 2 }, 5*time.Second, time.Millisecond)
	require.NoError(t, client.SetLinger(0))
	require.NoError(t, client.Close())
	require.ErrorIs(t, <-seen, syscall.ECONNRESET)

	client = dial(t, l)
	_, err = io.WriteString(client, "hi")
	require.NoError(t, err)
	assertReset(t, client)
}

func TestUnreachableTargetResetsTheClient(t *testing.T) {
	gone := target(t, "gone", echo)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	gone.Address = netip.MustParseAddrPort(closed.Addr().String())
	closed.Close()
	l := listen(t, always(gone))
	assertRefused(t, l)
	assert.Equal(t, map[string]proxy.TargetStats{"gone": {Refused: 1}}, l.Stats())
}

func TestClientIsResetWhenThereIsNoTarget(t *testing.T) {
	l := listen(t, func(netip.AddrPort) (proxy.Target, bool) { return proxy.Target{}, false })
	assertRefused(t, l)
	assert.EqualValues(t, 1, l.Stats()[""].Refused)
}

func TestPickerIsToldTheClient(t *testing.T) {
	told := make(chan netip.AddrPort, 1)
	a := target(t, "a", echo)
	l := listen(t, func(client netip.AddrPort) (proxy.Target, bool) { told <- client; return a, true })
	conn := dial(t, l)
	assert.Equal(t, conn.LocalAddr().String(), (<-told).String())
}

func TestIdleFlowIsResetAfterTheTimeout(t *testing.T) {
	virtual := clockwork.NewFakeClock()
	seen := make(chan error, 1)
	l := listen(t, always(target(t, "a", func(c *net.TCPConn) {
		_, err := io.Copy(c, c)
		seen <- err
	})), proxy.WithClock(virtual))
	conn := dial(t, l)
	say(t, conn, "a")
	virtual.Advance(proxy.IdleTimeout - time.Second)
	say(t, conn, "b")
	virtual.Advance(2 * time.Second) // the timer, which was set before "b", expires and is set anew
	time.Sleep(20 * time.Millisecond)
	say(t, conn, "c")
	require.NoError(t, virtual.BlockUntilContext(t.Context(), 1))
	virtual.Advance(proxy.IdleTimeout)
	require.Eventually(t, func() bool { virtual.Advance(time.Second); return l.Flows("a") == 0 }, 5*time.Second, time.Millisecond)
	assertReset(t, conn)
	assert.ErrorIs(t, <-seen, syscall.ECONNRESET)
}

func TestAnotherIdleTimeoutIsForNewFlows(t *testing.T) {
	virtual := clockwork.NewFakeClock()
	l := listen(t, always(target(t, "a", echo)), proxy.WithClock(virtual))
	before := dial(t, l)
	say(t, before, "a")
	l.SetIdleTimeout(time.Hour)
	after := dial(t, l)
	say(t, after, "a")
	require.NoError(t, virtual.BlockUntilContext(t.Context(), 2))
	virtual.Advance(proxy.IdleTimeout)
	require.Eventually(t, func() bool { return l.Flows("a") == 1 }, 10*time.Second, time.Millisecond)
	assertReset(t, before)
	say(t, after, "b")
}

func TestResetEndsTheFlowsOfOneTarget(t *testing.T) {
	l := listen(t, always(target(t, "a", echo), target(t, "b", echo)))
	a, b := dial(t, l), dial(t, l)
	say(t, a, "hello")
	say(t, b, "hello")
	l.Reset("a")
	assertReset(t, a)
	assert.Equal(t, "again", say(t, b, "again"))
}

func TestCloseResetsAllAndLeavesNothing(t *testing.T) {
	a := target(t, "a", echo)
	goroutines, descriptors := runtime.NumGoroutine(), testprocess.Descriptors(t)
	l, err := proxy.Listen(netip.MustParseAddrPort("127.0.0.1:0"), always(a))
	require.NoError(t, err)
	var clients []*net.TCPConn
	for range 100 {
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		clients = append(clients, c.(*net.TCPConn))
		say(t, c, "hello")
	}
	require.NoError(t, l.Close())
	for _, c := range clients {
		assertReset(t, c)
		_ = c.Close()
	}
	_, err = net.Dial("tcp", l.Addr().String())
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if runtime.NumGoroutine() <= goroutines && testprocess.Descriptors(t) <= descriptors {
			break // Eventually would add a goroutine of its own
		}
	}
	assert.LessOrEqual(t, runtime.NumGoroutine(), goroutines, "goroutines leak")
	assert.LessOrEqual(t, testprocess.Descriptors(t), descriptors, "descriptors leak")
	require.NoError(t, l.Close(), "closing twice is fine")
}

// Four descriptors a flow, as clients and target are in this process too: 10,000 flows where the limit lets them.
func TestThousandsOfFlowsAtOnce(t *testing.T) {
	var limit unix.Rlimit
	require.NoError(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &limit))
	flows := int(min(10_000, (limit.Cur-uint64(testprocess.Descriptors(t))-100)/4))
	l := listen(t, always(target(t, "a", echo)))
	clients := make([]*net.TCPConn, flows)
	var dialing sync.WaitGroup
	gate := make(chan struct{}, 64)
	for i := range clients {
		dialing.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			clients[i] = dial(t, l)
			assert.Equal(t, "hello", say(t, clients[i], "hello"))
		})
	}
	dialing.Wait()
	assert.Equal(t, flows, l.Flows("a"))
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	t.Logf("%d flows at once, %d goroutines, %d KiB in use a flow (its clients and target included)",
		flows, runtime.NumGoroutine(), (memory.HeapInuse+memory.StackInuse)/1024/uint64(flows))
	for _, c := range clients {
		assert.Equal(t, "again", say(t, c, "again"))
		_ = c.Close()
	}
	require.Eventually(t, func() bool { return l.Flows("a") == 0 }, 10*time.Second, 5*time.Millisecond)
}

// The test binary is also a balancer.
func TestMain(m *testing.M) {
	if address := os.Getenv("BALANCE"); address != "" {
		balance(address)
	}
	os.Exit(m.Run())
}

// balance is a balancer with few descriptors.
func balance(address string) {
	limit := unix.Rlimit{Cur: 32, Max: 32}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		panic(err)
	}
	l, err := proxy.Listen(netip.MustParseAddrPort("127.0.0.1:0"), always(proxy.Target{ID: "a", Address: netip.MustParseAddrPort(address)}))
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	select {}
}

func TestListenerRecoversFromTheEndOfDescriptors(t *testing.T) {
	a := target(t, "a", echo)
	balancer := exec.Command(testprocess.Program())
	balancer.Env = append(os.Environ(), "BALANCE="+a.Address.String())
	output, err := balancer.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, balancer.Start())
	defer func() { _ = balancer.Process.Kill(); _ = balancer.Wait() }()
	address, err := bufio.NewReader(output).ReadString('\n')
	require.NoError(t, err)
	address = address[:len(address)-1]

	var first []net.Conn
	for range 60 { // more than fit: some are reset, some are not accepted yet
		if c, err := net.Dial("tcp", address); err == nil {
			first = append(first, c)
		}
	}
	time.Sleep(50 * time.Millisecond)
	for _, c := range first {
		c.Close()
	}
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", address)
		if err != nil {
			return false
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(2 * time.Second))
		answer := make([]byte, 2)
		_, _ = io.WriteString(c, "hi")
		_, err = io.ReadFull(c, answer)
		return err == nil
	}, 10*time.Second, 10*time.Millisecond)
}

func TestListenNamesTheAddressItCannotHave(t *testing.T) {
	l := listen(t, always())
	_, err := proxy.Listen(l.Addr(), always())
	require.EqualError(t, err, "listen at "+l.Addr().String()+": address already in use")
	_, err = proxy.Listen(netip.MustParseAddrPort("203.0.113.7:5000"), always())
	assert.EqualError(t, err, "listen at 203.0.113.7:5000: cannot assign requested address")
}

func TestProbeSaysBrieflyWhatIsWrong(t *testing.T) {
	up := target(t, "up", echo)
	require.NoError(t, proxy.Probe(t.Context(), loopback.Dial, up.Address, time.Second))

	closed, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	down := netip.MustParseAddrPort(closed.Addr().String())
	closed.Close()
	require.EqualError(t, proxy.Probe(t.Context(), loopback.Dial, down, time.Second), "connection refused")

	err = proxy.Probe(t.Context(), loopback.Dial, silent(t), 50*time.Millisecond)
	require.EqualError(t, err, "timed out after 50ms")
	require.ErrorIs(t, err, context.DeadlineExceeded)

	ended, end := context.WithCancel(t.Context())
	end()
	assert.ErrorIs(t, proxy.Probe(ended, loopback.Dial, up.Address, time.Second), context.Canceled)
}

// silent is a listener whose queue is full: it lets a connect hang.
func silent(t *testing.T) netip.AddrPort {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	require.NoError(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	require.NoError(t, unix.Listen(fd, 0))
	bound, err := unix.Getsockname(fd)
	require.NoError(t, err)
	address := "127.0.0.1:" + strconv.Itoa(bound.(*unix.SockaddrInet4).Port)
	for range 3 {
		conn, err := net.DialTimeout("tcp", address, 50*time.Millisecond)
		if err != nil {
			break
		}
		t.Cleanup(func() { conn.Close() })
	}
	return netip.MustParseAddrPort(address)
}

func BenchmarkFlow(b *testing.B) {
	a := target(b, "a", echo)
	l, err := proxy.Listen(netip.MustParseAddrPort("127.0.0.1:0"), always(a))
	require.NoError(b, err)
	defer func() { _ = l.Close() }()
	for b.Loop() {
		conn, err := net.Dial("tcp", l.Addr().String())
		require.NoError(b, err)
		_, _ = io.WriteString(conn, "hi")
		_, err = io.ReadFull(conn, make([]byte, 2))
		require.NoError(b, err)
		conn.Close()
	}
}
