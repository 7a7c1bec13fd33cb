package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Case states one behaviour of AWS.
type Case struct {
	Name     string
	States   string // what AWS does
	Document string // where it says so
	Shape    Shape
	Run      func(*Run)
}

// Suite runs each case against its own cloud. The cloud destroys what it made when the test ends.
func Suite(t *testing.T, cloud func(t *testing.T) Cloud) {
	for _, c := range Cases() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			r := &Run{T: t, cloud: cloud(t), shape: c.Shape, ctx: t.Context()}
			r.must(r.cloud.Create(r.ctx, c.Shape))
			c.Run(r)
		})
	}
}

// Run is a case under way. An error of the cloud ends it.
type Run struct {
	*testing.T

	cloud Cloud
	shape Shape
	ctx   context.Context
}

func (r *Run) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// expect fails the case unless something holds.
func (r *Run) expect(holds bool, format string, args ...any) {
	r.Helper()
	if !holds {
		r.Fatalf("%s\n%s", fmt.Sprintf(format, args...), r.picture())
	}
}

// picture describes the service for the message of a failure.
func (r *Run) picture() string {
	activities, _ := r.cloud.Activities(r.ctx)
	return fmt.Sprintf("group %+v\ntargets %+v\nalarms %+v\nactivities %+v", r.group(), r.targets(), r.alarms(), activities)
}

// step is the time between two checks of a case, in the cloud's time.
const step = time.Second

// within waits until something holds, and returns how long that took. The cloud's slack is added to the limit.
func (r *Run) within(limit time.Duration, what string, holds func() bool) time.Duration {
	r.Helper()
	began := r.cloud.Now()
	for !holds() {
		if r.cloud.Now().Sub(began) > limit+r.cloud.Slack() {
			r.Fatalf("within %v and %v of slack it did not happen: %s\n%s", limit, r.cloud.Slack(), what, r.picture())
		}
		r.must(r.cloud.Pause(r.ctx, step))
	}
	return r.cloud.Now().Sub(began)
}

// throughout checks that something holds for a while.
func (r *Run) throughout(d time.Duration, what string, holds func() bool) {
	r.Helper()
	for end := r.cloud.Now().Add(d); r.cloud.Now().Before(end); r.must(r.cloud.Pause(r.ctx, step)) {
		r.expect(holds(), "it did not hold: %s", what)
	}
}

func (r *Run) group() Group {
	group, err := r.cloud.Group(r.ctx)
	r.must(err)
	return group
}

func (r *Run) targets() []Target {
	targets, err := r.cloud.Targets(r.ctx)
	r.must(err)
	return targets
}

func (r *Run) alarms() []Alarm {
	alarms, err := r.cloud.Alarms(r.ctx)
	r.must(err)
	return alarms
}

// metric returns a statistic of a metric of the balancer for each minute since a time.
func (r *Run) metric(name, statistic string, since time.Time) []float64 {
	values, err := r.cloud.Metric(r.ctx, name, statistic, since)
	r.must(err)
	return values
}

func (r *Run) refresh() string {
	refreshes, err := r.cloud.Refreshes(r.ctx)
	r.must(err)
	if len(refreshes) == 0 {
		return ""
	}
	return refreshes[len(refreshes)-1].Status
}

// caused reports whether an activity of the group has such a description and such a cause.
func (r *Run) caused(description, cause string) bool {
	activities, err := r.cloud.Activities(r.ctx)
	r.must(err)
	return slices.ContainsFunc(activities, func(a Activity) bool {
		return strings.HasPrefix(a.Description, description) && strings.Contains(a.Cause, cause)
	})
}

// in lists the members in a lifecycle state.
func (r *Run) in(lifecycle string) []Member {
	return slices.DeleteFunc(r.group().Members, func(m Member) bool { return m.Lifecycle != lifecycle })
}

// with lists the targets in a state.
func (r *Run) with(state string) []Target {
	return slices.DeleteFunc(r.targets(), func(t Target) bool { return t.State != state })
}

// target returns the target of an instance, or the zero value if the instance is not registered.
func (r *Run) target(instance string) Target {
	for _, t := range r.targets() {
		if t.ID == instance {
			return t
		}
	}
	return Target{}
}

func (r *Run) alarm(ending string) string {
	for _, a := range r.alarms() {
		if strings.Contains(a.Name, ending) {
			return a.State
		}
	}
	return ""
}

// ask sends one request on a connection of its own.
func (r *Run) ask() (string, error) {
	flow, err := r.cloud.Open(r.ctx)
	if err != nil {
		return "", err
	}
	defer flow.Close()
	return flow.Ask()
}

// load sends requests until it is stopped, and keeps the errors.
type load struct {
	stop   chan struct{}
	done   chan struct{}
	sent   int
	failed []error
}

func (r *Run) load() *load {
	l := &load{stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(l.done)
		for {
			select {
			case <-l.stop:
				return
			case <-r.ctx.Done():
				return
			default:
			}
			l.sent++
			if _, err := r.ask(); err != nil {
				l.failed = append(l.failed, err)
			}
		}
	}()
	return l
}

// lossless ends a load and fails the case if anything was lost.
func (r *Run) lossless(l *load) {
	r.Helper()
	close(l.stop)
	<-l.done
	r.expect(l.sent > 0, "nothing was asked")
	r.expect(len(l.failed) == 0, "%d of %d requests failed, the first: %v", len(l.failed), l.sent, first(l.failed))
	r.Logf("%d requests, none failed", l.sent)
}

func first(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	return errs[0]
}
