package experiments

import (
	"context"
	"sync"
	"time"

	"github.com/elastic-service/elastic-service/emulator/clock"
	"github.com/elastic-service/elastic-service/emulator/load"
)

// witness remembers when questions were answered and when not, in real time.
type witness struct {
	mu        sync.Mutex
	start     time.Time // of the fault
	answered  int
	last      time.Time     // answer
	gap       time.Duration // the longest time without an answer since start
	lost      int           // questions without an answer since start
	firstLost time.Time     // when the first of them failed
	lastLost  time.Time
}

// watch returns a way to ask a service that the witness sees.
func (w *witness) watch(s *load.Service) load.Ask {
	return func(ctx context.Context) error {
		_, err := s.Ask(ctx)
		w.saw(err, time.Now())
		return err
	}
}

// saw notes the outcome of a question.
func (w *witness) saw(err error, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil {
		w.answered++
		if !w.start.IsZero() {
			w.gap = max(w.gap, now.Sub(w.last))
		}
		w.last = now
		return
	}
	if w.lost == 0 {
		w.firstLost = now
	}
	w.lost, w.lastLost = w.lost+1, now
}

func (w *witness) answers() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.answered
}

// begin starts to measure at the fault, and forgets what was before.
func (w *witness) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.start, w.last, w.lost = time.Now(), time.Now(), 0
}

func (w *witness) sinceBegin() time.Duration { return time.Since(w.start) }

// outage returns what was noticed since the fault.
func (w *witness) outage() Outage {
	w.mu.Lock()
	defer w.mu.Unlock()
	o := Outage{Lost: w.lost, Longest: clock.Seconds(w.gap)}
	if w.lost > 0 {
		o.FirstLost, o.LastLost = clock.Seconds(w.firstLost.Sub(w.start)), clock.Seconds(w.lastLost.Sub(w.start))
	}
	return o
}
