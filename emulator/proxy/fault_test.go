package proxy_test

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

	"github.com/elastic-service/elastic-service/emulator/proxy"
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
	l := listen(t, always(proxy.Target{ID: "a", Address: netip.MustParseAddrPort("127.0.0.1:1"), Dropped: true}))
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
	l := listenHTTP(t, func() proxy.Route {
		to := up
		to.Dropped = cut.Load()
		return proxy.Route{Targets: []proxy.Target{to}}
	}, proxy.WithClock(virtual))
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
