package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/load"
)

// clientRate is how many questions a second, real time, clients ask while instances are terminated.
const clientRate = 100

// afterwards is how long they go on asking once the group is whole again, real time.
const afterwards = 2 * time.Second

// experimentTerminate terminates some of the instances at once and shows what clients see of it.
func experimentTerminate(ctx context.Context, o *options) error {
	count := o.sizes.count
	return o.inLaboratory(ctx, sized(max(2, count)), func(l *laboratory) error {
		before := l.healthy()
		fmt.Fprintf(l.report, "stack %s, %d instances, %d terminated at once, speed %g; %d questions a second, real time\n\n", o.stack,
			len(before), count, o.speed, clientRate)
		log := l.startLog(ctx)
		asked := &witness{}
		loaded, end := context.WithCancel(ctx)
		defer end()
		result := make(chan load.Report, 1)
		go func() {
			result <- load.Run(loaded, load.Options{Rate: clientRate, Patience: patience}, asked.watch(l.service))
		}()
		if err := poll(ctx, l.real(0), func() bool { return asked.answers() > clientRate }); err != nil {
			return fmt.Errorf("nobody answers: %w", err)
		}
		asked.begin()
		log.begin()
		for _, i := range before[:count] {
			if err := l.cloud.Cloud.TerminateInstance(i.ID); err != nil {
				return err
			}
		}
		err := poll(ctx, l.real(15*time.Minute), func() bool { return len(l.newOnes(before)) >= count })
		if err != nil {
			return fmt.Errorf("waiting for %d replacements: %w", count, err)
		}
		whole := asked.sinceBegin()
		time.Sleep(afterwards)
		end()
		report := <-result
		table(l.report, append([][]string{{"s there", "what", "now"}}, log.stop()...))
		fmt.Fprintf(l.report, "\n  whole again after %.1f s here, %.0f s there\n", whole.Seconds(), whole.Seconds()*o.speed)
		asked.print(l, report)
		return nil
	})
}

// newOnes are the healthy instances that weren't there before.
func (l *laboratory) newOnes(before []instanceStatus) []instanceStatus {
	return slices.DeleteFunc(l.healthy(), func(i instanceStatus) bool {
		return slices.ContainsFunc(before, func(b instanceStatus) bool { return b.ID == i.ID })
	})
}

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

func (w *witness) watch(s *service) load.Ask {
	return func(ctx context.Context) error {
		_, err := s.ask(ctx)
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

func (w *witness) print(l *laboratory, r load.Report) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fmt.Fprintf(l.report, "  clients: %d sent, %d answered, %d refused, %d failed\n", r.Sent, r.Answered, r.Refused, r.Failed)
	for _, what := range slices.Sorted(maps.Keys(r.Errors)) {
		fmt.Fprintf(l.report, "    %d × %s\n", r.Errors[what], what)
	}
	if w.lost > 0 {
		fmt.Fprintf(l.report, "  questions were lost from %.2f s to %.2f s after the termination, real time\n", w.firstLost.Sub(w.start).Seconds(),
			w.endOne.Sub(w.start).Seconds())
	}
	fmt.Fprintf(l.report, "  longest time without any answer: %.2f s, real time\n", w.gap.Seconds())
}

// history logs how instances and targets change, as the model does.
type history struct {
	cloud *cloud.Cloud
	end   context.CancelFunc
	done  sync.WaitGroup

	mu     sync.Mutex
	start  time.Time
	states map[string]string
	rows   [][]string
}

func (l *laboratory) startLog(ctx context.Context) *history {
	ctx, end := context.WithCancel(ctx)
	h := &history{cloud: l.cloud.Cloud, end: end, states: statesOf(l.cloud.Cloud)}
	h.done.Go(func() {
		for ctx.Err() == nil {
			changed := h.cloud.Changed()
			h.look()
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
	})
	return h
}

// begin is when the times that the log shows begin.
func (h *history) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.start, h.rows = h.cloud.Now(), nil
}

func (h *history) stop() [][]string {
	h.end()
	h.done.Wait()
	return h.rows
}

func (h *history) look() {
	now, states := h.cloud.Now(), statesOf(h.cloud)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, what := range slices.Sorted(maps.Keys(states)) {
		if states[what] != h.states[what] {
			h.rows = append(h.rows, []string{fmt.Sprintf("%.1f", now.Sub(h.start).Seconds()), what, states[what]})
		}
	}
	h.states = states
}

// statesOf are the states of instances and of their targets, and how many targets are healthy.
func statesOf(c *cloud.Cloud) map[string]string {
	states := map[string]string{}
	targets, healthy := map[string]string{}, 0
	for _, t := range c.TargetHealth() {
		targets[t.Instance] = ", target " + string(t.State)
		if t.State == cloud.TargetHealthy {
			healthy++
		}
	}
	for _, i := range c.Instances() {
		states[i.ID+" in "+i.Zone] = string(i.State) + targets[i.ID]
	}
	states["targets"] = fmt.Sprintf("%d healthy", healthy)
	return states
}

var errNotReplaced = errors.New("not replaced")
