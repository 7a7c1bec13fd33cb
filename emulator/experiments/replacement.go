package experiments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/rehearsal"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
)

// practice is a way to set up a group and its health check.
type practice struct {
	name       string
	changes    []rehearsal.Setting
	console    bool // also make the settings of AWS's console that no stack file can ask for
	healthType string
}

// practices returns the settings that AWS's console proposes, with and without the balancer's health checks, and the stack's own. The
// console proposes health checks every 30 s with a timeout of 10 s, 5 successes and 2 failures as thresholds, a deregistration delay
// of 300 s, and a group that looks at EC2's health checks alone, with 300 s of grace.
func practices() []practice {
	console := []rehearsal.Setting{
		setting(30, "health", "interval"), setting(10, "health", "timeout"), setting(5, "health", "healthy"),
		setting(2, "health", "unhealthy"), setting(300, "scaling", "grace"),
	}
	return []practice{
		{name: "the console's defaults, EC2 health checks", changes: console, console: true, healthType: "EC2"},
		{name: "the console's defaults, ELB health checks turned on", changes: console, console: true, healthType: "ELB"},
		{name: "the stack's own settings"},
	}
}

// consoleDrain is the console's deregistration delay.
const consoleDrain = 300 * time.Second

// runReplacement finds out where the time goes until a lost instance is replaced: an instance that is terminated, and an instance
// whose service is dead.
func runReplacement(ctx context.Context, o Options) error {
	for _, p := range practices() {
		err := inLaboratory(ctx, o, p.changes, func(l *laboratory) error {
			if p.console {
				if err := l.asInConsole(p.healthType); err != nil {
					return err
				}
			}
			for _, loss := range losses {
				found, err := l.measureLoss(ctx, loss)
				if err != nil {
					return err
				}
				found.Stack, found.Settings, found.Loss = o.Session.Stack, p.name, loss.what
				l.found(found)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// asInConsole makes the settings that a stack file cannot make.
func (l *laboratory) asInConsole(healthType string) error {
	c := l.cloud()
	for _, name := range cloud.Get(c, func(m *cloud.Model) []string { return m.AutoScaling.GroupNames() }) {
		g, _ := cloud.Find(c, func(m *cloud.Model) (autoscaling.Group, bool) { return m.AutoScaling.Group(name) })
		g.Spec.HealthType = healthType
		if err := c.Change(func(m *cloud.Model) error { return m.AutoScaling.UpdateGroup(g.Spec, false, m.Clock.Now()) }); err != nil {
			return err
		}
	}
	for _, t := range cloud.Get(c, func(m *cloud.Model) []elb.TargetGroup { return m.ELB.DescribeTargetGroups() }) {
		t.Spec.DeregistrationDelay = consoleDrain
		if err := c.Change(func(m *cloud.Model) error { return m.ELB.UpdateTargetGroup(t.ARN, t.Spec) }); err != nil {
			return err
		}
	}
	return nil
}

// loss is a way to lose an instance.
type loss struct {
	what string
	lose func(*laboratory, api.Instance) error
}

var losses = []loss{{"an instance is terminated", (*laboratory).terminateOne}, {"a service is dead", (*laboratory).stopServices}}

// terminateOne terminates an instance.
func (l *laboratory) terminateOne(i api.Instance) error {
	return l.cloud().Change(func(m *cloud.Model) error { return m.EC2.TerminateInstance(i.ID) })
}

// stopServices stops the services in the settings. The responder goes on, and closes the health port.
func (l *laboratory) stopServices(i api.Instance) error {
	for _, service := range l.stack.Settings.App.Services {
		if err := l.stack.Session.Emulator.StopService(i.ID, service.Name); err != nil {
			return err
		}
	}
	return nil
}

// measureLoss loses an instance and returns the phases of its replacement, or that it was not replaced.
func (l *laboratory) measureLoss(ctx context.Context, loss loss) (Replacement, error) {
	r, err := l.lose(ctx, loss)
	switch {
	case errors.Is(err, errNotReplaced):
		return Replacement{NotReplaced: err.Error()}, nil
	case err != nil:
		return Replacement{}, err
	}
	return r.finding(), nil
}

// lose waits until the grace period of all instances is over, loses an instance, and follows its replacement.
func (l *laboratory) lose(ctx context.Context, loss loss) (*replacement, error) {
	if err := l.awaitGrace(ctx); err != nil {
		return nil, err
	}
	before := l.stack.Healthy()
	r := &replacement{speed: l.stack.Speed(), victim: before[0].ID, lost: l.cloud().Now()}
	if err := loss.lose(l, before[0]); err != nil {
		return nil, err
	}
	const patience = 20 * time.Minute // emulated time
	err := l.await(ctx, patience, func() bool { r.look(l, before); return r.complete() })
	switch {
	case err == nil:
		return r, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !r.unhealthy.IsZero():
		return nil, fmt.Errorf("%w: the balancer found the target unhealthy after %.0f s, and the group has kept the instance for %.0f min",
			errNotReplaced, r.unhealthy.Sub(r.lost).Seconds(), l.cloud().Now().Sub(r.lost).Minutes())
	}
	return nil, fmt.Errorf("%w within %v", errNotReplaced, patience)
}

// awaitGrace waits until the grace period of every member is over.
func (l *laboratory) awaitGrace(ctx context.Context) error {
	return l.await(ctx, 20*time.Minute, func() bool {
		for _, name := range cloud.Get(l.cloud(), func(m *cloud.Model) []string { return m.AutoScaling.GroupNames() }) {
			g, _ := cloud.Find(l.cloud(), func(m *cloud.Model) (autoscaling.Group, bool) { return m.AutoScaling.Group(name) })
			members := g.Members
			for _, i := range members {
				if i.InService.IsZero() || l.cloud().Now().Sub(i.InService) < g.Spec.Grace {
					return false
				}
			}
		}
		return len(l.stack.Healthy()) >= 2
	})
}

var errNotReplaced = errors.New("not replaced")
