// Package clock makes emulated time pass faster or slower than real time, so that what takes ten minutes on AWS can be rehearsed in one.
//
//	real time     0 s ─────── 1 s ─────── 2 s
//	               │           │           │      speed 10
//	emulated time start ── start+10 s ─ start+20 s
//
// A caller that uses a [clockwork.Clock] states durations as they are configured, and does not depend on the speed.
package clock

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// Limits of the speed. Above fastest, an interval of seconds is shorter than a process takes to answer.
const (
	slowest = 0.01
	fastest = 10_000
)

// Scaled returns a clock that shows start now and goes speed times as fast as real time. It never goes backwards, also if the system's
// clock is set. A caller that saves the time and passes it as start after a restart lets time go on.
func Scaled(speed float64, start time.Time) (clockwork.Clock, error) {
	if !(speed >= slowest && speed <= fastest) { // also refuses NaN
		return nil, fmt.Errorf("speed: %v is not within %v and %v", speed, slowest, fastest)
	}
	return &scaled{speed: speed, start: start.Round(0), origin: time.Now()}, nil
}

type scaled struct {
	speed  float64
	start  time.Time // emulated, without a monotonic reading
	origin time.Time // real, with a monotonic reading
}

func (c *scaled) Now() time.Time {
	return c.start.Add(scale(time.Since(c.origin), c.speed))
}

func (c *scaled) Since(t time.Time) time.Duration        { return c.Now().Sub(t) }
func (c *scaled) Until(t time.Time) time.Duration        { return t.Sub(c.Now()) }
func (c *scaled) Sleep(d time.Duration)                  { time.Sleep(c.real(d)) }
func (c *scaled) After(d time.Duration) <-chan time.Time { return c.NewTimer(d).Chan() }

func (c *scaled) NewTimer(d time.Duration) clockwork.Timer {
	t := &timer{clock: c, tick: make(chan time.Time, 1)}
	t.schedule(d, 0)
	return t
}

func (c *scaled) NewTicker(d time.Duration) clockwork.Ticker {
	t := &ticker{timer{clock: c, tick: make(chan time.Time, 1)}}
	t.Reset(d)
	return t
}

func (c *scaled) AfterFunc(d time.Duration, f func()) clockwork.Timer {
	return funcTimer{clock: c, timer: time.AfterFunc(c.real(d), f)}
}

// real returns the real time that d of emulated time takes, rounded up: nothing fires early.
func (c *scaled) real(d time.Duration) time.Duration { return scale(d, 1/c.speed) }

func scale(d time.Duration, by float64) time.Duration {
	scaled := math.Ceil(float64(d) * by)
	if scaled >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(scaled)
}

// timer delivers emulated time. As with package time's timers, no value from before a Stop or Reset is received after it.
type timer struct {
	clock *scaled
	tick  chan time.Time

	mu      sync.Mutex
	pending *time.Timer // nil when stopped or fired
}

func (t *timer) Chan() <-chan time.Time { return t.tick }

func (t *timer) Stop() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.halt()
}

func (t *timer) Reset(d time.Duration) bool { return t.schedule(d, 0) }

// schedule fires after d and, with a period, at every multiple of it from then on.
func (t *timer) schedule(d, period time.Duration) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	active := t.halt()
	t.arm(t.clock.Now().Add(d), period)
	return active
}

func (t *timer) arm(due time.Time, period time.Duration) {
	var own *time.Timer
	own = time.AfterFunc(t.clock.real(t.clock.Until(due)), func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.pending != own {
			return
		}
		t.pending = nil
		select {
		case t.tick <- t.clock.Now():
		default:
		}
		if period > 0 {
			t.arm(after(due, period, t.clock.Now()), period)
		}
	})
	t.pending = own
}

// halt stops the timer, and reports whether a value was still to be sent or received.
func (t *timer) halt() bool {
	active := t.pending != nil
	if active {
		t.pending.Stop()
		t.pending = nil
	}
	select {
	case <-t.tick:
		active = true
	default:
	}
	return active
}

// after returns the first time after now that is a multiple of period from due: a slow receiver misses ticks.
func after(due time.Time, period time.Duration, now time.Time) time.Time {
	missed := max(0, now.Sub(due)/period)
	return due.Add((missed + 1) * period)
}

type ticker struct{ timer }

func (t *ticker) Stop() { t.timer.Stop() }

func (t *ticker) Reset(d time.Duration) {
	if d <= 0 {
		panic("clock: non-positive interval of a ticker")
	}
	t.schedule(d, d)
}

type funcTimer struct {
	clock *scaled
	timer *time.Timer
}

func (t funcTimer) Chan() <-chan time.Time     { return nil }
func (t funcTimer) Stop() bool                 { return t.timer.Stop() }
func (t funcTimer) Reset(d time.Duration) bool { return t.timer.Reset(t.clock.real(d)) }
