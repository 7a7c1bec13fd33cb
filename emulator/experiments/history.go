package experiments

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

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

func startHistory(ctx context.Context, c *cloud.Cloud) *history {
	ctx, end := context.WithCancel(ctx)
	h := &history{cloud: c, end: end, states: statesOf(c)}
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
