package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/settings"
)

// burst is how often each target is asked for the request that costs it CPU: at 20 ms a time, 0.2 cores, which is all
// that a t3.micro has here.
const burst = 100 * time.Millisecond

// loads reports whether the service answers the request that costs it CPU; without one its scaling is not rehearsed.
func (r *rehearsal) loads(ctx context.Context) bool {
	if r.service.client == nil {
		r.say("load", "scaling is not rehearsed: over TCP there is no request for it")
		return false
	}
	if _, err := r.service.get(ctx, r.load); err != nil {
		r.say("load", "scaling is not rehearsed: GET %s, which should cost CPU, gives %v (-load PATH names another)", r.load, err)
		return false
	}
	return true
}

func (r *rehearsal) startLoad(ctx context.Context) *clients {
	return startClients(ctx, burst/time.Duration(max(1, len(r.targets()))), func(ctx context.Context) error {
		_, err := r.service.get(ctx, r.load)
		return err
	})
}

// scaleBySteps loads the service until an alarm adds instances, and waits until another one has removed them.
func (r *rehearsal) scaleBySteps(ctx context.Context) error {
	if !slices.ContainsFunc(r.settings.Scaling.Policies, func(p settings.Policy) bool { return p.Step != nil }) || !r.loads(ctx) {
		return nil
	}
	before := len(r.healthy())
	load := r.startLoad(ctx)
	defer load.stop()
	if err := r.awaitSize(ctx, "load", func() bool { return len(r.healthy()) > before }); err != nil {
		return err
	}
	r.say("", "now %d instances; load: %s", len(r.healthy()), load.stop())
	if err := r.awaitSize(ctx, "idle", func() bool { return len(r.healthy()) <= before }); err != nil {
		return err
	}
	r.say("", "now %d instances", len(r.healthy()))
	return nil
}

// awaitSize waits until a group or service has a size, and shows the alarms that go off meanwhile.
func (r *rehearsal) awaitSize(ctx context.Context, what string, reached func() bool) error {
	start, from := time.Now(), r.cloud.Cloud.Now()
	shown := map[string]int{}
	for _, a := range r.cloud.Cloud.Alarms() {
		shown[a.Spec.Name] = len(a.History)
	}
	r.say(what, "begun")
	err := poll(ctx, r.real(40*time.Minute), func() bool {
		for _, a := range r.cloud.Cloud.Alarms() {
			for _, t := range a.History[min(shown[a.Spec.Name], len(a.History)):] {
				if t.From != t.To && t.To == cloud.AlarmAlarm {
					r.say("alarm", "%s after %.0f s there: %s", a.Spec.Name, t.Time.Sub(from).Seconds(), withoutPoints(t.Reason))
				}
			}
			shown[a.Spec.Name] = len(a.History)
		}
		return reached()
	})
	if err != nil {
		return fmt.Errorf("waiting for the alarms to scale (%s): %w", what, err)
	}
	r.say("scaled", "after %.1f s here, %.0f s there", time.Since(start).Seconds(), r.cloud.Cloud.Now().Sub(from).Seconds())
	return nil
}

// withoutPoints leaves an alarm's data points out of its reason.
func withoutPoints(reason string) string {
	before, rest, ok := strings.Cut(reason, " [")
	_, after, closed := strings.Cut(rest, "]")
	if !ok || !closed {
		return reason
	}
	return before + after
}
