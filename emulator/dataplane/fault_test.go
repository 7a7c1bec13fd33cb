package dataplane_test

import (
	"io"
	"net/http"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/dataplane"
)

func TestAStalledFlowCarriesNothingUntilItsPacketsGetThroughAgain(t *testing.T) {
	l := listen(t, always(target(t, "a", echo), target(t, "b", echo)))
	a, b := dial(t, l), dial(t, l)
	assert.Equal(t, "one", say(t, a, "one"))
	assert.Equal(t, "one", say(t, b, "one"))
	l.Stall("a")
	_, err := io.WriteString(a, "two")
	require.NoError(t, err)
	require.NoError(t, a.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
	_, err = a.Read(make([]byte, 3))
	require.ErrorContains(t, err, "timeout")
	assert.Equal(t, "two", say(t, b, "two"), "another target's flows go on")
	l.Stall("a", "b")
	l.Stall("b")
	require.NoError(t, a.SetReadDeadline(time.Now().Add(10*time.Second)))
	answer := make([]byte, 3)
	_, err = io.ReadFull(a, answer)
	require.NoError(t, err)
	assert.Equal(t, "two", string(answer), "what was sent arrives")
}

func TestAStalledFlowIsResetLikeAnyOther(t *testing.T) {
	l := listen(t, always(target(t, "a", echo)))
	conn := dial(t, l)
	say(t, conn, "one")
	l.Stall("a")
	_, err := io.WriteString(conn, "two")
	require.NoError(t, err)
	l.Reset("a")
	assertReset(t, conn)
	require.Eventually(t, func() bool { return l.Flows("a") == 0 }, 5*time.Second, time.Millisecond)
}

func TestAFlowToATargetThatIsCutOffHearsNothing(t *testing.T) {
	l := listen(t, always(dataplane.Target{ID: "a", Address: netip.MustParseAddrPort("127.0.0.1:1"), Dropped: true}))
	conn := dial(t, l)
	_, err := io.WriteString(conn, "hello")
	require.NoError(t, err)
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(100*time.Millisecond)))
	_, err = conn.Read(make([]byte, 1))
	require.ErrorContains(t, err, "timeout", "neither an answer nor a reset")
	require.NoError(t, conn.Close())
	require.Eventually(t, func() bool { return l.Stats()["a"].Refused == 1 }, 5*time.Second, time.Millisecond,
		"a client that gives up leaves nothing behind")
}

func TestAKeptConnectionToATargetThatIsCutOffIsAsDead(t *testing.T) {
	virtual := clockwork.NewFakeClock()
	up := named(t, "a")
	var cut atomic.Bool
	l := listenHTTP(t, func() dataplane.Route {
		to := up
		to.Dropped = cut.Load()
		return dataplane.Route{Targets: []dataplane.Target{to}}
	}, dataplane.WithClock(virtual))
	c := client(t)
	response, _ := get(t, c, l, "/")
	require.Equal(t, http.StatusOK, response.StatusCode)
	cut.Store(true)
	began, done := virtual.Now(), make(chan struct{})
	go func() {
		defer close(done)
		response, _, err := fetch(c, l, "/")
		if assert.NoError(t, err) {
			assert.Equal(t, http.StatusGatewayTimeout, response.StatusCode)
		}
	}()
	require.Eventually(t, func() bool { return l.Stats()["a"].Active == 1 }, 5*time.Second, time.Millisecond)
	advanced(t, virtual, time.Second/2, done)
	assert.GreaterOrEqual(t, virtual.Since(began), 10*time.Second)
}

func TestAStressUsesItsShareAndNoMore(t *testing.T) {
	r := boot(t, newMachine(t, "10.2.0.4", document(service("web", "", "Environment=WAIT=1"))))
	r.eventually("web", dataplane.Running)
	before := len(r.Services())
	stress, err := r.Stress(0.2)
	require.NoError(t, err)
	began, used := time.Now(), r.CPUTime()
	time.Sleep(3 * time.Second)
	share := float64(r.CPUTime()-used) / float64(time.Since(began))
	assert.LessOrEqual(t, share, 0.26, "a fifth of a core")
	assert.GreaterOrEqual(t, share, 0.05, "as far as a busy machine has one")
	assert.Len(t, r.Services(), before, "it is no service")
	stress.Stop()
	after := r.CPUTime()
	assert.GreaterOrEqual(t, after, used+time.Duration(share*float64(time.Second)), "what it used stays used")
	time.Sleep(200 * time.Millisecond)
	assert.InDelta(t, after.Seconds(), r.CPUTime().Seconds(), 0.03)

	stress, err = r.Stress(0.1)
	require.NoError(t, err)
	require.NoError(t, r.Shutdown(t.Context()))
	stress.Stop() // which has nothing left to do
	_, err = r.Stress(0.1)
	require.ErrorContains(t, err, "shutting down")
}

func TestAKilledProcessComesBackAsItsUnitSays(t *testing.T) {
	r := boot(t, newMachine(t, "10.2.0.5", document(
		service("web", "", "Environment=SERVE=:5000\nRestart=always\nRestartSec=100ms"), service("once", "", "Environment=WAIT=1"),
	)))
	first := r.eventually("web", dataplane.Running).PID
	r.eventually("once", dataplane.Running)
	require.NoError(t, r.SignalProcess("web", unix.SIGKILL))
	require.Eventually(t, func() bool {
		s := r.status("web")
		return s.State == dataplane.Running && s.PID != first && s.Restarts == 1
	}, 10*time.Second, 2*time.Millisecond)
	require.NoError(t, r.SignalProcess("once", unix.SIGTERM))
	r.eventually("once", dataplane.Stopped)
	require.ErrorContains(t, r.SignalProcess("once", unix.SIGTERM), `no process "once" runs on i-10x2x0x5, which has web.service, once.service`)

	second := r.eventually("web", dataplane.Running).PID
	require.NoError(t, r.SignalProcess("dataplane.test", unix.SIGKILL), "by the name of the process")
	require.Eventually(t, func() bool { return r.status("web").PID != second }, 10*time.Second, 2*time.Millisecond)
}
