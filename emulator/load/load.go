// Package load puts a service under a steady load and reports how it fared.
//
//	schedule ──▶ one goroutine a request ──▶ answered, refused or failed
//	 rate/s        (a slow answer delays             │
//	                no other request)                ▼
//	                                     Report: counts, percentiles of the latency
//
// The load is open: requests are sent when they are due, whether or not earlier requests have been answered, as independent clients
// do. Latency counts from when a request was due.
//
// A [Service] is what is asked: a balancer's listener, over TCP, TLS, HTTP or HTTPS. [Clients] ask in the background while something
// else happens.
package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/elastic-service/elastic-service/emulator/clock"
)

// Options of a load.
type Options struct {
	Rate     float64       // requests a second, above 0
	For      time.Duration // 0: until the context ends
	Patience time.Duration // for an answer, from when the request was due; above 0
	Progress func(Report)  // called every second; may be nil
}

// Ask sends a request and returns nil when it is answered. It must give up when ctx ends.
type Ask func(ctx context.Context) error

// Report is how the requests fared so far. Its JSON is lower camel case, with durations in seconds.
type Report struct {
	Took     time.Duration
	Sent     int
	Answered int
	Refused  int            // requests whose connection was refused or reset
	Failed   int            // other requests without an answer: it did not come in time, or is an error
	Errors   map[string]int // of the refused and the failed requests
	Latency  Latency        // of the answered requests
}

// MarshalJSON returns the report as it is documented for `emulator load`.
func (r Report) MarshalJSON() ([]byte, error) {
	type latency struct {
		Median  float64 `json:"median"`
		P90     float64 `json:"p90"`
		P99     float64 `json:"p99"`
		Longest float64 `json:"longest"`
	}
	return json.Marshal(struct {
		Took     float64        `json:"took"`
		Sent     int            `json:"sent"`
		Answered int            `json:"answered"`
		Refused  int            `json:"refused"`
		Failed   int            `json:"failed"`
		Errors   map[string]int `json:"errors"`
		Latency  latency        `json:"latency"`
	}{
		clock.Seconds(r.Took), r.Sent, r.Answered, r.Refused, r.Failed, r.Errors,
		latency{r.Latency.Median.Seconds(), r.Latency.P90.Seconds(), r.Latency.P99.Seconds(), r.Latency.Longest.Seconds()},
	})
}

// Unanswered counts the requests that got no answer.
func (r Report) Unanswered() int { return r.Refused + r.Failed }

// Latency has percentiles of the latency.
type Latency struct{ Median, P90, P99, Longest time.Duration }

// Run sends requests until the time is over or ctx ends, waits for the answers to those that are under way, and reports.
func Run(ctx context.Context, o Options, ask Ask) Report {
	r := &run{options: o, ask: ask, began: time.Now(), errors: map[string]int{}}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var progress sync.WaitGroup
	progress.Go(func() { r.progress(ctx) })
	r.send(ctx)
	cancel()
	progress.Wait()
	r.asked.Wait()
	return r.report()
}

type run struct {
	options Options
	ask     Ask
	began   time.Time
	asked   sync.WaitGroup

	mu              sync.Mutex
	sent            int
	refused, failed int
	errors          map[string]int
	latencies       histogram
}

// send sends the requests that are due. After a pause of the machine several are due, and none is left out.
func (r *run) send(ctx context.Context) {
	interval := float64(time.Second) / r.options.Rate
	for n := 0; ; n++ {
		at := time.Duration(float64(n) * interval)
		over := r.options.For > 0 && at >= r.options.For
		if over {
			at = r.options.For
		}
		due := r.began.Add(at)
		if wait := time.Until(due); wait > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
		}
		if over || ctx.Err() != nil {
			return
		}
		r.mu.Lock()
		r.sent++
		r.mu.Unlock()
		r.asked.Go(func() { r.one(context.WithoutCancel(ctx), due) })
	}
}

// one sends a request and counts how it fared.
func (r *run) one(ctx context.Context, due time.Time) {
	ctx, cancel := context.WithDeadline(ctx, due.Add(r.options.Patience))
	defer cancel()
	err := r.ask(ctx)
	took := time.Since(due)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case err == nil:
		r.latencies.add(took)
		return
	case IsRefused(err):
		r.refused++
	default:
		r.failed++
	}
	r.errors[brief(err)]++
}

// IsRefused reports whether a connection was refused or reset.
func IsRefused(err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// brief returns an error without its addresses, so that errors of the same kind are counted together.
func brief(err error) string {
	var errno syscall.Errno
	switch {
	case errors.As(err, &errno):
		return errno.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, io.EOF):
		return "closed without an answer"
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

func (r *run) progress(ctx context.Context) {
	if r.options.Progress == nil {
		return
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-second.C:
			r.options.Progress(r.report())
		case <-ctx.Done():
			return
		}
	}
}

func (r *run) report() Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Report{
		Took: time.Since(r.began), Sent: r.sent, Answered: r.latencies.count, Refused: r.refused, Failed: r.failed,
		Errors: maps.Clone(r.errors), Latency: r.latencies.latency(),
	}
}

// histogram counts latencies in steps of 5 %, so that it takes as much memory for an hour of requests as for a second.
type histogram struct {
	count   int
	longest time.Duration
	steps   map[int]int
}

const step = 1.05

func (h *histogram) add(d time.Duration) {
	if h.steps == nil {
		h.steps = map[int]int{}
	}
	h.count++
	h.longest = max(h.longest, d)
	h.steps[int(math.Ceil(math.Log(max(1, float64(d)))/math.Log(step)))]++
}

// percentile returns the latency that a percentage of the requests did not exceed, rounded up to a step.
func (h *histogram) percentile(percent float64) time.Duration {
	wanted, seen := int(math.Ceil(float64(h.count)*percent/100)), 0
	for _, n := range slices.Sorted(maps.Keys(h.steps)) {
		if seen += h.steps[n]; seen >= wanted {
			return min(h.longest, time.Duration(math.Pow(step, float64(n))))
		}
	}
	return 0
}

func (h *histogram) latency() Latency {
	return Latency{Median: h.percentile(50), P90: h.percentile(90), P99: h.percentile(99), Longest: h.longest}
}

func (l Latency) String() string {
	milliseconds := func(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond)) }
	return fmt.Sprintf("median %s, 90 %% %s, 99 %% %s, longest %s", milliseconds(l.Median), milliseconds(l.P90), milliseconds(l.P99),
		milliseconds(l.Longest))
}
