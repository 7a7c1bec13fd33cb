package rehearsal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/load"
	"github.com/elastic-service/elastic-service/emulator/session"
	"github.com/elastic-service/elastic-service/settings"
)

// loadInterval is the time between two requests that cost a target CPU. At 20 ms each they take 0.2 cores, which is all that the
// emulator gives a t3.micro.
const loadInterval = 100 * time.Millisecond

// answersLoad reports whether the service answers the request that costs it CPU. Otherwise its scaling is not rehearsed.
func (r *Rehearsal) answersLoad(ctx context.Context) bool {
	if !r.deployment.Service.ServesPages() {
		r.say("load", "scaling is not rehearsed: a TCP service has no request that costs CPU")
		return false
	}
	if _, err := r.deployment.Service.Get(ctx, r.loadPath); err != nil {
		r.say("load", "scaling is not rehearsed: GET %s, which should cost CPU, fails: %v (--load PATH names another page)", r.loadPath, err)
		return false
	}
	return true
}

// startLoad asks the service for the page that costs it CPU.
func (r *Rehearsal) startLoad(ctx context.Context) *load.Clients {
	return load.StartClients(ctx, loadInterval/time.Duration(max(1, len(r.deployment.targetNames()))), func(ctx context.Context) error {
		_, err := r.deployment.Service.Get(ctx, r.loadPath)
		return err
	})
}

// scaleBySteps loads the service until an alarm adds instances, and then waits until another alarm has removed them.
func (r *Rehearsal) scaleBySteps(ctx context.Context) error {
	byStep := func(p settings.Policy) bool { return p.Step != nil }
	if !slices.ContainsFunc(r.deployment.Settings.Scaling.Policies, byStep) || !r.answersLoad(ctx) {
		return nil
	}
	before := len(r.deployment.Healthy())
	clients := r.startLoad(ctx)
	defer clients.Stop()
	if err := r.awaitSize(ctx, "load", func() bool { return len(r.deployment.Healthy()) > before }); err != nil {
		return err
	}
	counts := clients.Stop()
	r.report.add(Entry{Text: fmt.Sprintf("now %d instances; load: %v", len(r.deployment.Healthy()), counts), Clients: &counts})
	if err := r.awaitSize(ctx, "idle", func() bool { return len(r.deployment.Healthy()) <= before }); err != nil {
		return err
	}
	r.say("", "now %d instances", len(r.deployment.Healthy()))
	return nil
}

// awaitSize waits until a group or service has reached a size, and reports the alarms that go off meanwhile.
func (r *Rehearsal) awaitSize(ctx context.Context, what string, reached func() bool) error {
	start, from := time.Now(), r.deployment.Cloud().Now()
	shown := map[string]int{}
	for _, a := range cloud.Get(r.deployment.Cloud(), func(m *cloud.Model) []cloudwatch.Alarm { return m.CloudWatch.DescribeAlarms() }) {
		shown[a.Spec.Name] = len(a.History)
	}
	r.say(what, "begun")
	err := session.Poll(ctx, r.deployment.Real(40*time.Minute), func() bool {
		for _, a := range cloud.Get(r.deployment.Cloud(), func(m *cloud.Model) []cloudwatch.Alarm { return m.CloudWatch.DescribeAlarms() }) {
			for _, t := range a.History[min(shown[a.Spec.Name], len(a.History)):] {
				if t.From != t.To && t.To == cloudwatch.AlarmAlarm {
					r.say("alarm", "%s after emulated %.0f s: %s", a.Spec.Name, t.Time.Sub(from).Seconds(), withoutPoints(t.Reason))
				}
			}
			shown[a.Spec.Name] = len(a.History)
		}
		return reached()
	})
	if err != nil {
		return fmt.Errorf("waiting for the alarms to scale (%s): %w", what, err)
	}
	took := r.took(start)
	r.report.add(Entry{Step: "scaled", Text: "after " + took.String(), Took: took})
	return nil
}

// withoutPoints returns an alarm's reason without its data points.
func withoutPoints(reason string) string {
	before, rest, ok := strings.Cut(reason, " [")
	_, after, closed := strings.Cut(rest, "]")
	if !ok || !closed {
		return reason
	}
	return before + after
}
