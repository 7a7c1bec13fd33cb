package healthcheck

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/internal/sockets"
)

const (
	testPoll = 20 * time.Millisecond
	patience = 5 * time.Second
	instant  = 2 * time.Millisecond
)

func TestHealthPortFollowsTheServiceManyTimes(t *testing.T) {
	r := start(t, Responder{Address: hostAddr(t), Poll: testPoll})
	for range 20 {
		r.eventuallyRefuses()
		service := listen(t, "tcp", r.serviceAddr())
		r.eventuallyAnswers()
		service.Close()
	}
	r.eventuallyRefuses()
}

func TestHealthPortClosesWithinTwoPolls(t *testing.T) {
	r := start(t, Responder{Address: hostAddr(t), Poll: 200 * time.Millisecond})
	service := listen(t, "tcp", r.serviceAddr())
	r.eventuallyAnswers()
	gone := time.Now()
	service.Close()
	r.eventuallyRefuses()
	assert.Less(t, time.Since(gone), 2*r.Poll)
}

func TestServiceIsNeverConnectedTo(t *testing.T) {
	r := start(t, Responder{Address: hostAddr(t), Poll: time.Millisecond})
	service := listen(t, "tcp", r.serviceAddr())
	var connected atomic.Int32
	go func() {
		for {
			c, err := service.Accept()
			if err != nil {
				return
			}
			connected.Add(1)
			c.Close()
		}
	}()
	for range 50 {
		r.eventuallyAnswers()
		time.Sleep(instant)
	}
	assert.Zero(t, connected.Load())
}

func TestZeroValueWithPortsAnswersOnEveryAddress(t *testing.T) {
	r := start(t, Responder{})
	listen(t, "tcp", ":"+strconv.Itoa(r.ServicePort))
	r.eventuallyAnswers()
	assert.True(t, r.answersAt(hostAddr(t)))
	if hasIPv6() {
		assert.True(t, r.answersAt(netip.IPv6Loopback()))
	}
}

func TestServiceOnLoopbackOnlyIsOutOfTheBalancersReach(t *testing.T) {
	r := start(t, Responder{Poll: testPoll})
	listen(t, "tcp", "127.0.0.1:"+strconv.Itoa(r.ServicePort))
	const reason = "the service listens only on 127.0.0.1, where the balancer cannot reach it"
	r.eventuallyLogs(reason)
	time.Sleep(5 * testPoll)
	r.eventuallyRefuses()
	assert.Equal(t, 1, strings.Count(r.logged(), reason), "the reason is logged once")
}

func TestServiceAtAnotherAddressIsNotThisOne(t *testing.T) {
	r := start(t, Responder{Address: hostAddr(t), Poll: testPoll})
	other := hostAddr(t)
	listen(t, "tcp", netip.AddrPortFrom(other, uint16(r.ServicePort)).String())
	r.eventuallyLogs("the service listens only on " + other.String())
	r.eventuallyRefuses()
	listen(t, "tcp", r.serviceAddr())
	r.eventuallyAnswers()
}

func TestServiceOnEveryAddressServesThisOneToo(t *testing.T) {
	r := start(t, Responder{Address: hostAddr(t), Poll: testPoll})
	listen(t, "tcp", ":"+strconv.Itoa(r.ServicePort))
	r.eventuallyAnswers()
}

func TestServiceOnIPv6OnlyDoesNotTakeIPv4(t *testing.T) {
	needIPv6(t)
	r := start(t, Responder{Address: hostAddr(t), Poll: testPoll})
	listen(t, "tcp6", "[::]:"+strconv.Itoa(r.ServicePort)) // Go sets IPV6_V6ONLY for tcp6
	r.eventuallyLogs("the service listens only on ::")
	r.eventuallyRefuses()
}

func TestServiceOnIPv6OnlyTakesIPv6(t *testing.T) {
	needIPv6(t)
	r := start(t, Responder{Address: netip.IPv6Loopback(), Poll: testPoll})
	listen(t, "tcp6", "[::]:"+strconv.Itoa(r.ServicePort))
	r.eventuallyAnswers()
}

func TestIPv4AddressInIPv6FormIsThatIPv4Address(t *testing.T) {
	needIPv6(t)
	host := hostAddr(t)
	r := start(t, Responder{Address: netip.AddrFrom16(host.As16()), Poll: testPoll})
	assert.Contains(t, r.logged(), "address="+host.String()+":")
	listen(t, "tcp4", netip.AddrPortFrom(host, uint16(r.ServicePort)).String())
	r.eventuallyAnswers()
}

// A service written for IPv6 whose bind was turned into one of a mapped address.
func TestServiceAtAMappedAddressCountsAsIPv4(t *testing.T) {
	needIPv6(t)
	host := hostAddr(t)
	r := start(t, Responder{Address: host, Poll: testPoll})
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	defer unix.Close(fd)
	require.NoError(t, unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 0))
	require.NoError(t, unix.Bind(fd, &unix.SockaddrInet6{Port: r.ServicePort, Addr: host.As16()}))
	require.NoError(t, unix.Listen(fd, 1))
	r.eventuallyAnswers()
}

func TestBoundButSilentServiceDoesNotListen(t *testing.T) {
	r := start(t, Responder{Address: hostAddr(t), Poll: testPoll})
	d, err := reserve(r.Address, r.ServicePort)
	require.NoError(t, err)
	defer d.release()
	time.Sleep(3 * testPoll)
	r.eventuallyRefuses()
	require.NoError(t, d.open())
	r.eventuallyAnswers()
}

func TestClosedHealthPortIsNobodyElses(t *testing.T) {
	for name, addr := range map[string]netip.Addr{"one address": hostAddr(t), "every address": {}} {
		t.Run(name, func(t *testing.T) {
			r := start(t, Responder{Address: addr, Poll: testPoll})
			taken := func() {
				_, err := net.Listen("tcp", r.healthAddr())
				require.ErrorIs(t, err, unix.EADDRINUSE)
				again := Responder{Port: r.Port, ServicePort: r.ServicePort, Address: r.Address, Log: quiet()}
				err = again.Run(t.Context())
				require.ErrorIs(t, err, unix.EADDRINUSE)
				require.ErrorContains(t, err, "health port "+strconv.Itoa(r.Port))
			}
			taken()
			service := listen(t, "tcp", ":"+strconv.Itoa(r.ServicePort))
			r.eventuallyAnswers()
			taken()
			service.Close()
			r.eventuallyRefuses()
			taken()
		})
	}
}

func TestTakenHealthPortFailsAtOnce(t *testing.T) {
	host := hostAddr(t)
	l := listen(t, "tcp", host.String()+":0")
	r := Responder{Port: l.Addr().(*net.TCPAddr).Port, ServicePort: 1, Address: host, Log: quiet()}
	require.ErrorIs(t, r.Run(t.Context()), unix.EADDRINUSE)
}

func TestRestartsWhileFormerConnectionsLinger(t *testing.T) {
	r := start(t, Responder{Address: hostAddr(t), Poll: testPoll})
	service := listen(t, "tcp", r.serviceAddr())
	r.eventuallyAnswers() // the side that closes first is left in TIME_WAIT
	require.NoError(t, r.stop())
	service.Close()
	again := start(t, Responder{Address: r.Address, Port: r.Port, ServicePort: r.ServicePort, Poll: testPoll})
	_, err := net.Listen("tcp", r.healthAddr())
	require.ErrorIs(t, err, unix.EADDRINUSE, "the port is reserved again")
	listen(t, "tcp", r.serviceAddr())
	again.eventuallyAnswers()
}

func TestEndRefusesAtOnceWhateverThePoll(t *testing.T) {
	host := hostAddr(t)
	service := listen(t, "tcp", host.String()+":0")
	r := start(t, Responder{Address: host, ServicePort: service.Addr().(*net.TCPAddr).Port, Poll: time.Hour})
	r.eventuallyAnswers()
	asked := time.Now()
	require.NoError(t, r.stop())
	assert.Less(t, time.Since(asked), time.Second)
	r.eventuallyRefuses()
	assert.Contains(t, r.logged(), "reason=stopping")
}

func TestSlowPeersHoldNothing(t *testing.T) {
	r := start(t, Responder{Address: hostAddr(t), Poll: testPoll})
	listen(t, "tcp", r.serviceAddr())
	r.eventuallyAnswers()
	goroutines := runtime.NumGoroutine()
	for range 500 {
		c, err := net.Dial("tcp", r.healthAddr())
		require.NoError(t, err)
		t.Cleanup(func() { c.Close() }) // never reads, never closes
	}
	r.eventuallyAnswers()
	assert.LessOrEqual(t, runtime.NumGoroutine(), goroutines+1)
}

func TestHalfOpenConnectionsDoNotKeepTheBalancerOut(t *testing.T) {
	r := start(t, Responder{Address: hostAddr(t), Poll: testPoll})
	listen(t, "tcp", r.serviceAddr())
	r.eventuallyAnswers()
	const flood = 3000
	for range flood {
		halfOpen(t, r.Address, r.Port)
	}
	require.Eventually(t, func() bool { return inState(t, "03", r.Port) >= 100 }, patience, testPoll, "nothing is half open")
	for range 20 {
		began := time.Now()
		r.eventuallyAnswers()
		assert.Less(t, time.Since(began), time.Second)
	}
}

func TestFloodDoesNotHideTheServicesEnd(t *testing.T) {
	r := start(t, Responder{Address: hostAddr(t), Poll: testPoll})
	service := listen(t, "tcp", r.serviceAddr())
	r.eventuallyAnswers()
	ctx, stop := context.WithCancel(t.Context())
	var answered atomic.Int64
	var flood sync.WaitGroup
	for range 16 {
		flood.Go(func() {
			for ctx.Err() == nil {
				if r.answers() {
					answered.Add(1)
				}
			}
		})
	}
	defer flood.Wait()
	defer stop()
	require.Eventually(t, func() bool { return answered.Load() > 5000 }, 20*time.Second, testPoll)
	service.Close()
	r.eventuallyLogs("the service does not listen")
	listen(t, "tcp", r.serviceAddr())
	before := answered.Load()
	require.Eventually(t, func() bool { return answered.Load() > before+1000 }, 20*time.Second, testPoll)
}

func TestResponderReportsAllFaultsAtOnce(t *testing.T) {
	r := Responder{Port: 70000, ServicePort: 70000, Poll: -time.Second}
	assert.EqualError(t, r.Run(t.Context()), `port: 70000 is outside 1–65535
service-port: 70000 is outside 1–65535
service-port: 70000 is the health check's port too
poll: -1s is below 1ms`)
}

func TestListenerTakes(t *testing.T) {
	dual, only6 := sockets.Listener{Addr: netip.IPv6Unspecified()}, sockets.Listener{Addr: netip.IPv6Unspecified(), V6Only: true}
	at := func(s string) sockets.Listener { return sockets.Listener{Addr: netip.MustParseAddr(s)} }
	for _, test := range []struct {
		name string
		l    sockets.Listener
		own  string
		want bool
	}{
		{"all IPv4, at an IPv4 address", at("0.0.0.0"), "10.0.0.1", true},
		{"all IPv4, at an IPv6 address", at("0.0.0.0"), "2001:db8::1", false},
		{"all IPv4, anywhere", at("0.0.0.0"), "::", true},
		{"all, at an IPv4 address", dual, "10.0.0.1", true},
		{"all, at an IPv6 address", dual, "2001:db8::1", true},
		{"all, anywhere", dual, "0.0.0.0", true},
		{"all IPv6, at an IPv4 address", only6, "10.0.0.1", false},
		{"all IPv6, at an IPv6 address", only6, "2001:db8::1", true},
		{"all IPv6, anywhere", only6, "::", true},
		{"one, at the same", at("10.0.0.1"), "10.0.0.1", true},
		{"one, at another", at("10.0.0.2"), "10.0.0.1", false},
		{"one, anywhere", at("10.0.0.2"), "::", true},
		{"loopback, anywhere", at("127.0.0.1"), "::", false},
		{"IPv6 loopback, anywhere", at("::1"), "::", false},
		{"loopback, at the same", at("127.168.0.57"), "127.168.0.57", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			assert.Equal(t, test.want, takes(test.l, netip.MustParseAddr(test.own)))
		})
	}
}

// running is a responder under test.
type running struct {
	Responder
	t    *testing.T
	log  *logBuffer
	stop func() error
}

// start runs a responder, on free ports where none are given, and returns when it has looked at the socket table.
func start(t *testing.T, r Responder) *running {
	t.Helper()
	if r.Port == 0 {
		r.Port = freePort(t)
	}
	if r.ServicePort == 0 {
		r.ServicePort = freePort(t)
	}
	log := &logBuffer{}
	r.Log = slog.New(slog.NewTextHandler(log, nil))
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	stop := sync.OnceValue(func() error { cancel(); return <-ended })
	t.Cleanup(func() { assert.NoError(t, stop()) })
	run := &running{Responder: r, t: t, log: log, stop: stop}
	run.eventuallyLogs("health port")
	return run
}

func (r *running) target() netip.Addr {
	if !r.Address.IsValid() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1})
	}
	return r.Address.Unmap()
}

func (r *running) healthAddr() string { return netip.AddrPortFrom(r.target(), uint16(r.Port)).String() }

func (r *running) serviceAddr() string {
	return netip.AddrPortFrom(r.target(), uint16(r.ServicePort)).String()
}

func (r *running) logged() string { return r.log.String() }

func (r *running) answers() bool { return r.answersAt(r.target()) }

// answersAt reports whether a connection is accepted and closed.
func (r *running) answersAt(addr netip.Addr) bool {
	c, err := net.DialTimeout("tcp", netip.AddrPortFrom(addr, uint16(r.Port)).String(), patience)
	if err != nil {
		return false
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return false
	}
	_, err = c.Read(make([]byte, 1))
	return errors.Is(err, io.EOF)
}

func (r *running) refuses() bool {
	c, err := net.DialTimeout("tcp", r.healthAddr(), patience)
	if err == nil {
		c.Close()
	}
	return errors.Is(err, unix.ECONNREFUSED)
}

func (r *running) eventuallyAnswers() {
	r.t.Helper()
	eventually(r.t, r.answers, "the health port does not answer:\n%s", r.log)
}

func (r *running) eventuallyRefuses() {
	r.t.Helper()
	eventually(r.t, r.refuses, "the health port does not refuse:\n%s", r.log)
}

func (r *running) eventuallyLogs(text string) {
	r.t.Helper()
	eventually(r.t, func() bool { return strings.Contains(r.logged(), text) }, "%q is not in the log:\n%s", text, r.log)
}

func eventually(t *testing.T, holds func() bool, message string, args ...any) {
	t.Helper()
	for began := time.Now(); !holds(); time.Sleep(instant) {
		if time.Since(began) > patience {
			require.FailNowf(t, "too late", message, args...)
		}
	}
}

// logBuffer is a bytes.Buffer for a writer and a reader at once.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

var hosts atomic.Uint32

// hostAddr is a loopback address of this test's own.
func hostAddr(testing.TB) netip.Addr {
	return netip.AddrFrom4([4]byte{127, 77, byte(os.Getpid()), byte(1 + hosts.Add(1)%250)})
}

// freePort is below the range from which the kernel takes ports of outgoing connections.
func freePort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 20000 + rand.IntN(10000)
		if l, err := net.Listen("tcp", ":"+strconv.Itoa(port)); err == nil {
			l.Close()
			return port
		}
	}
	require.FailNow(t, "no free port")
	return 0
}

func listen(t testing.TB, network, address string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, address)
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	return l
}

func hasIPv6() bool {
	l, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	l.Close()
	return true
}

func needIPv6(t *testing.T) {
	t.Helper()
	if !hasIPv6() {
		t.Skip("no IPv6 on this machine")
	}
}

// halfOpen sends a SYN from a socket that is deaf for what comes back.
func halfOpen(t *testing.T, addr netip.Addr, port int) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	// Packets that have fewer hops left than this are dropped, and the kernel sends with 64.
	require.NoError(t, unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_MINTTL, 255))
	err = unix.Connect(fd, &unix.SockaddrInet4{Port: port, Addr: addr.As4()})
	require.ErrorIs(t, err, unix.EINPROGRESS)
}

// inState counts the IPv4 sockets of a local port in a state of /proc/net/tcp.
func inState(t *testing.T, state string, port int) int {
	t.Helper()
	table, err := os.ReadFile("/proc/net/tcp")
	require.NoError(t, err)
	suffix := ":" + strings.ToUpper(strconv.FormatInt(int64(port), 16))
	count := 0
	for line := range strings.Lines(string(table)) {
		if f := strings.Fields(line); len(f) > 3 && strings.HasSuffix(f[1], suffix) && f[3] == state {
			count++
		}
	}
	return count
}
