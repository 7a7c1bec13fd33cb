// Package clock runs time faster (or slower) than the wall does, so that what takes ten minutes on AWS can be rehearsed
// in one.
//
//	real time     0 s ─────── 1 s ─────── 2 s
//	               │           │           │      speed 10
//	virtual time  start ── start+10 s ─ start+20 s
//
// Whoever takes a [clockwork.Clock] states durations as they are configured and needs to know nothing of the speed.
package clock

import (
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/jonboulle/clockwork"
)

// Limits of the speed. Above the fastest an interval of seconds becomes shorter than a process takes to answer.
const (
	Slowest = 0.01
	Fastest = 10_000
)

// Scaled is a clock that reads start now and goes speed times as fast as real time. It never goes backwards, whatever
// happens to the wall clock: a start that is kept over a restart is the only thing needed for time to go on.
func Scaled(speed float64, start time.Time) (clockwork.Clock, error) {
	if !(speed >= Slowest && speed <= Fastest) { // also refuses NaN
		return nil, fmt.Errorf("speed: %v is not within %v and %v", speed, Slowest, Fastest)
	}
	return &scaled{speed: speed, start: start.Round(0), origin: time.Now()}, nil
}

type scaled struct {
	speed  float64
	start  time.Time // without a monotonic reading: arithmetic is on virtual time alone
	origin time.Time // with one
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

// real is the time to wait for d of virtual time, rounded up: nothing fires early.
func (c *scaled) real(d time.Duration) time.Duration { return scale(d, 1/c.speed) }

func scale(d time.Duration, by float64) time.Duration {
	scaled := math.Ceil(float64(d) * by)
	if scaled >= math.MaxInt64 {
		return math.MaxInt64
	}
	return time.Duration(scaled)
}

// timer delivers virtual time. As with package time's, no value of before a Stop or Reset is received after it.
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

// halt reports whether a value was still to come or to be received.
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

// after is the first time past now that is a multiple of period from due: a slow receiver misses ticks.
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
