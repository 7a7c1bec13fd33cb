package clock_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/clock"
)

var start = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

func TestAbsurdSpeedIsRefused(t *testing.T) {
	for _, speed := range []float64{0, -1, 0.001, 10_001, math.NaN(), math.Inf(1), math.Inf(-1)} {
		_, err := clock.Scaled(speed, start)
		assert.ErrorContains(t, err, "is not within 0.01 and 10000", "speed %v", speed)
	}
}

func TestNowBeginsAtStartAndGoesSpeedTimesAsFast(t *testing.T) {
	c, err := clock.Scaled(1000, start)
	require.NoError(t, err)
	before := time.Now()
	assert.False(t, c.Now().Before(start))
	time.Sleep(20 * time.Millisecond)
	virtual := c.Now().Sub(start)
	assert.GreaterOrEqual(t, virtual, 20*time.Second)
	assert.LessOrEqual(t, virtual, 1000*time.Since(before)+time.Second)
	assert.Equal(t, time.UTC, c.Now().Location())
}

func TestNowNeverGoesBackwardsOverARestart(t *testing.T) {
	c, err := clock.Scaled(500, start)
	require.NoError(t, err)
	last := c.Now()
	for range 100 {
		now := c.Now()
		require.False(t, now.Before(last))
		last = now
	}
	again, err := clock.Scaled(2, last)
	require.NoError(t, err)
	assert.False(t, again.Now().Before(last))
	assert.Less(t, again.Since(last), time.Minute)
}

func TestDurationsAreVirtual(t *testing.T) {
	c, err := clock.Scaled(1000, start)
	require.NoError(t, err)
	waits := map[string]func(){
		"After":     func() { <-c.After(30 * time.Second) },
		"Sleep":     func() { c.Sleep(30 * time.Second) },
		"NewTimer":  func() { <-c.NewTimer(30 * time.Second).Chan() },
		"NewTicker": func() { <-c.NewTicker(30 * time.Second).Chan() },
		"AfterFunc": func() {
			done := make(chan struct{})
			c.AfterFunc(30*time.Second, func() { close(done) })
			<-done
		},
	}
	for name, wait := range waits {
		t.Run(name, func(t *testing.T) {
			began, virtual := time.Now(), c.Now()
			wait()
			assert.GreaterOrEqual(t, c.Since(virtual), 30*time.Second, "never early")
			assert.Less(t, time.Since(began), 5*time.Second, "not in real time")
		})
	}
}

func TestSlowMotionStretchesDurations(t *testing.T) {
	c, err := clock.Scaled(0.1, start)
	require.NoError(t, err)
	began := time.Now()
	c.Sleep(2 * time.Millisecond)
	assert.GreaterOrEqual(t, time.Since(began), 20*time.Millisecond)
	// More real nanoseconds than fit: it must wait for ever, not fire at once.
	select {
	case <-c.After(math.MaxInt64):
		t.Fatal("fired")
	case <-time.After(20 * time.Millisecond):
	}
}

func TestTimerStopsAndResets(t *testing.T) {
	c, err := clock.Scaled(1000, start)
	require.NoError(t, err)
	timer := c.NewTimer(time.Hour)
	assert.True(t, timer.Stop())
	assert.False(t, timer.Stop())
	assert.False(t, timer.Reset(10*time.Second))
	at := <-timer.Chan()
	assert.False(t, at.Before(start.Add(10*time.Second)), "the time received is virtual")
	assert.Less(t, at.Sub(start), time.Hour)

	fired := make(chan struct{}, 1)
	call := c.AfterFunc(time.Hour, func() { fired <- struct{}{} })
	assert.True(t, call.Reset(time.Second))
	<-fired
	assert.False(t, call.Stop())
}

func TestNoValueOfBeforeAResetIsReceivedAfterIt(t *testing.T) {
	c, err := clock.Scaled(1000, start)
	require.NoError(t, err)
	timer := c.NewTimer(time.Second)
	time.Sleep(10 * time.Millisecond) // it has fired, unreceived
	due := c.Now().Add(20 * time.Second)
	assert.True(t, timer.Reset(20*time.Second))
	assert.False(t, (<-timer.Chan()).Before(due))
}

func TestTickerKeepsItsPaceAndStops(t *testing.T) {
	c, err := clock.Scaled(1000, start)
	require.NoError(t, err)
	ticker := c.NewTicker(10 * time.Second)
	first := <-ticker.Chan()
	for i := range 5 {
		at := <-ticker.Chan()
		assert.GreaterOrEqual(t, at.Sub(first), time.Duration(i)*10*time.Second)
	}
	time.Sleep(50 * time.Millisecond) // five ticks nobody receives: one is kept
	<-ticker.Chan()
	ticker.Stop()
	select {
	case <-ticker.Chan():
		t.Fatal("ticked after Stop")
	case <-time.After(40 * time.Millisecond):
	}
	ticker.Reset(5 * time.Second)
	<-ticker.Chan()
	assert.Panics(t, func() { ticker.Reset(0) })
}
