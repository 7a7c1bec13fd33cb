package experiments

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/elastic-service/elastic-service/emulator/load"
)

// witness remembers when questions were answered and when not, in real time.
type witness struct {
	mu                sync.Mutex
	start             time.Time
	answered          int
	last              time.Time     // answer
	gap               time.Duration // the longest without an answer since start
	lost              int           // questions without an answer since start
	firstLost, endOne time.Time     // of these, when the first and the last one failed
}

func (w *witness) watch(s *load.Service) load.Ask {
	return func(ctx context.Context) error {
		_, err := s.Ask(ctx)
		w.saw(err, time.Now())
		return err
	}
}

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
	w.lost, w.endOne = w.lost+1, now
}

func (w *witness) answers() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.answered
}

// begin forgets what was before the fault.
func (w *witness) begin() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.start, w.last, w.lost = time.Now(), time.Now(), 0
}

func (w *witness) sinceBegin() time.Duration { return time.Since(w.start) }

func (w *witness) print(out io.Writer, r load.Report) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(out, "  clients: %d sent, %d answered, %d refused, %d failed\n", r.Sent, r.Answered, r.Refused, r.Failed)
	for _, what := range slices.Sorted(maps.Keys(r.Errors)) {
		fmt.Fprintf(out, "    %d × %s\n", r.Errors[what], what)
	}
	if w.lost > 0 {
		fmt.Fprintf(out, "  questions were lost from %.2f s to %.2f s after the termination, real time\n", w.firstLost.Sub(w.start).Seconds(),
			w.endOne.Sub(w.start).Seconds())
	}
	fmt.Fprintf(out, "  longest time without any answer: %.2f s, real time\n", w.gap.Seconds())
}
