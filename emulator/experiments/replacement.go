package experiments

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/emulator/rehearsal"
)

// practice is how somebody sets a group and its health check up.
type practice struct {
	name       string
	changes    []rehearsal.Setting
	console    bool // the settings that the console proposes, which no stack file can ask for, are put in as a person would
	healthType string
}

// The source's settings are the console's: target group every 30 s with 10 s to answer, 5 answers or 2 misses, drained for
// 300 s; a group that looks at EC2's health checks with 300 s of grace.
func practices() []practice {
	source := []rehearsal.Setting{
		setting(30, "health", "interval"), setting(10, "health", "timeout"), setting(5, "health", "healthy"),
		setting(2, "health", "unhealthy"), setting(300, "scaling", "grace"),
	}
	return []practice{
		{name: "source: console's defaults, EC2 health checks", changes: source, console: true, healthType: "EC2"},
		{name: "source, with ELB health checks turned on", changes: source, console: true, healthType: "ELB"},
		{name: "ours"},
	}
}

// consoleDrain is the console's deregistration delay.
const consoleDrain = 300 * time.Second

// runReplacement shows where the time goes until a lost instance is replaced: one that was terminated, and one
// whose service is dead.
func runReplacement(ctx context.Context, o Options) error {
	for _, p := range practices() {
		err := inLaboratory(ctx, o, p.changes, func(l *laboratory) error {
			if p.console {
				if err := l.asInConsole(p.healthType); err != nil {
					return err
				}
			}
			for _, loss := range []loss{{"an instance is terminated", (*laboratory).terminateOne}, {"a service is dead", (*laboratory).stopServices}} {
				phases, err := l.lose(ctx, loss)
				if err != nil && !errors.Is(err, errNotReplaced) {
					return err
				}
				fmt.Fprintf(l.out, "\nstack %s, %s; %s\n", o.Session.Stack, p.name, loss.what)
				if err != nil {
					fmt.Fprintf(l.out, "  %v\n", err)
					continue
				}
				printTable(l.out, phases.rows())
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// asInConsole sets what a stack file cannot.
func (l *laboratory) asInConsole(healthType string) error {
	c := l.cloud()
	for _, name := range c.GroupNames() {
		g, _, _ := c.Group(name)
		g.Spec.HealthType = healthType
		if err := c.UpdateGroup(g.Spec, false); err != nil {
			return err
		}
	}
	for _, t := range c.TargetGroups() {
		t.Spec.DeregistrationDelay = consoleDrain
		if err := c.UpdateTargetGroup(t.ARN, t.Spec); err != nil {
			return err
		}
	}
	return nil
}

// loss is a way to lose an instance.
type loss struct {
	what string
	lose func(*laboratory, emulator.InstanceStatus) error
}

func (l *laboratory) terminateOne(i emulator.InstanceStatus) error {
	return l.cloud().TerminateInstance(i.ID)
}

// stopServices stops what the settings name; what tells the balancer of it is left to itself.
func (l *laboratory) stopServices(i emulator.InstanceStatus) error {
	for _, service := range l.stack.Settings.App.Services {
		if err := l.stack.Session.Emulator.StopService(i.ID, service.Name); err != nil {
			return err
		}
	}
	return nil
}

// lose loses an instance, once the grace of all is over, and follows its replacement.
func (l *laboratory) lose(ctx context.Context, loss loss) (*replacement, error) {
	if err := l.awaitGrace(ctx); err != nil {
		return nil, err
	}
	before := l.stack.Healthy()
	r := &replacement{speed: l.stack.Speed(), victim: before[0].ID, lost: l.cloud().Now()}
	if err := loss.lose(l, before[0]); err != nil {
		return nil, err
	}
	const patience = 20 * time.Minute // of the cloud
	err := l.await(ctx, patience, func() bool { r.look(l, before); return r.complete() })
	switch {
	case err == nil:
		return r, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !r.unhealthy.IsZero():
		return nil, fmt.Errorf("%w: the balancer found the target unhealthy after %.0f s, the group kept the instance for %.0f min", errNotReplaced,
			r.unhealthy.Sub(r.lost).Seconds(), l.cloud().Now().Sub(r.lost).Minutes())
	}
	return nil, fmt.Errorf("%w within %v", errNotReplaced, patience)
}

// awaitGrace waits until the health of every member counts.
func (l *laboratory) awaitGrace(ctx context.Context) error {
	return l.await(ctx, 20*time.Minute, func() bool {
		for _, name := range l.cloud().GroupNames() {
			g, members, _ := l.cloud().Group(name)
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
