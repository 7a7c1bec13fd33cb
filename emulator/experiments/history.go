package experiments

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/elastic-service/elastic-service/emulator/clock"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
)

// history logs how instances and targets change in the model.
type history struct {
	cloud *cloud.Cloud
	end   context.CancelFunc
	done  sync.WaitGroup

	mu     sync.Mutex
	start  time.Time
	states map[string]string
	events []Event
}

// startHistory logs until stop is called.
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

// begin empties the log and counts its times from now.
func (h *history) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.start, h.events = h.cloud.Now(), []Event{}
}

// stop ends the log and returns it.
func (h *history) stop() []Event {
	h.end()
	h.done.Wait()
	return h.events
}

// look logs what has changed since the last look.
func (h *history) look() {
	now, states := h.cloud.Now(), statesOf(h.cloud)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, what := range slices.Sorted(maps.Keys(states)) {
		if states[what] != h.states[what] {
			h.events = append(h.events, Event{At: clock.Seconds(now.Sub(h.start)), What: what, State: states[what]})
		}
	}
	h.states = states
}

// statesOf describes instances with their targets, and counts the healthy targets.
func statesOf(c *cloud.Cloud) map[string]string {
	states := map[string]string{}
	targets, healthy := map[string]string{}, 0
	for _, t := range cloud.Get(c, func(m *cloud.Model) []elb.TargetHealth { return m.ELB.DescribeTargetHealth() }) {
		targets[t.Instance] = ", target " + string(t.State)
		if t.State == elb.TargetHealthy {
			healthy++
		}
	}
	for _, i := range cloud.Get(c, func(m *cloud.Model) []ec2.Instance { return m.EC2.DescribeInstances() }) {
		states[i.ID+" in "+i.Zone] = string(i.State) + targets[i.ID]
	}
	states["targets"] = fmt.Sprintf("%d healthy", healthy)
	return states
}
