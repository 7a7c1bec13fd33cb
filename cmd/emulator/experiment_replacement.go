package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/emulator/cloud"
)

type instanceStatus = emulator.InstanceStatus

// practice is how somebody sets a group and its health check up.
type practice struct {
	name       string
	changes    []change
	console    bool // the settings that the console proposes, which no stack file can ask for, are put in as a person would
	healthType string
}

// The source's settings are the console's: target group every 30 s with 10 s to answer, 5 answers or 2 misses, drained for
// 300 s; a group that looks at EC2's health checks with 300 s of grace.
func practices() []practice {
	source := []change{
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

// experimentReplacement shows where the time goes until a lost instance is replaced: one that was terminated, and one
// whose service is dead.
func experimentReplacement(ctx context.Context, o *options) error {
	for _, p := range practices() {
		err := o.inLaboratory(ctx, p.changes, func(l *laboratory) error {
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
				fmt.Fprintf(l.report, "\nstack %s, %s; %s\n", o.stack, p.name, loss.what)
				if err != nil {
					fmt.Fprintf(l.report, "  %v\n", err)
					continue
				}
				table(l.report, phases.rows())
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
	c := l.cloud.Cloud
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
	lose func(*laboratory, instanceStatus) error
}

func (l *laboratory) terminateOne(i instanceStatus) error {
	return l.cloud.Cloud.TerminateInstance(i.ID)
}

// stopServices stops what the settings name; what tells the balancer of it is left to itself.
func (l *laboratory) stopServices(i instanceStatus) error {
	for _, service := range l.settings.App.Services {
		if err := l.cloud.StopService(i.ID, service.Name); err != nil {
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
	before := l.healthy()
	r := &replacement{speed: l.speed, victim: before[0].ID, lost: l.cloud.Cloud.Now()}
	if err := loss.lose(l, before[0]); err != nil {
		return nil, err
	}
	const patience = 20 * time.Minute // of the cloud
	err := poll(ctx, l.real(patience), func() bool { r.look(l, before); return r.complete() })
	switch {
	case err == nil:
		return r, nil
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case !r.unhealthy.IsZero():
		return nil, fmt.Errorf("%w: the balancer found the target unhealthy after %.0f s, the group kept the instance for %.0f min", errNotReplaced,
			r.unhealthy.Sub(r.lost).Seconds(), l.cloud.Cloud.Now().Sub(r.lost).Minutes())
	}
	return nil, fmt.Errorf("%w within %v", errNotReplaced, patience)
}

// awaitGrace waits until the health of every member counts.
func (l *laboratory) awaitGrace(ctx context.Context) error {
	return poll(ctx, l.real(20*time.Minute), func() bool {
		for _, name := range l.cloud.Cloud.GroupNames() {
			g, members, _ := l.cloud.Cloud.Group(name)
			for _, i := range members {
				if i.InService.IsZero() || l.cloud.Cloud.Now().Sub(i.InService) < g.Spec.Grace {
					return false
				}
			}
		}
		return len(l.healthy()) >= 2
	})
}

// replacement is when each step of one was taken, in the cloud's time.
type replacement struct {
	speed     float64
	victim    string
	lost      time.Time
	unhealthy time.Time // in the balancer's eyes; zero where the instance ended before
	retired   time.Time // by its group
	launched  time.Time
	inService time.Time // booted and registered
	healthy   time.Time
	ended     time.Time // the old one; zero where its end was the beginning
	delay     time.Duration
	warmup    time.Duration
}

func (r *replacement) complete() bool { return !r.healthy.IsZero() && !r.ended.IsZero() }

// look notes what the model says has happened.
func (r *replacement) look(l *laboratory, before []instanceStatus) {
	health := l.cloud.Cloud.TargetHealth()
	for _, t := range health {
		if t.Instance == r.victim && t.State == cloud.TargetUnhealthy {
			r.unhealthy = t.Since
		}
		r.delay = l.cloud.Cloud.TargetGroups()[0].Spec.DeregistrationDelay
	}
	for _, name := range l.cloud.Cloud.GroupNames() {
		g, _, _ := l.cloud.Cloud.Group(name)
		for _, p := range g.Policies {
			r.warmup = max(r.warmup, p.Warmup)
		}
		for _, a := range g.Activities {
			if a.Instance == r.victim && a.Start.After(r.lost) {
				r.retired = a.Start
			}
		}
	}
	for _, i := range l.cloud.Cloud.Instances() {
		known := slices.ContainsFunc(before, func(b instanceStatus) bool { return b.ID == i.ID })
		switch {
		case i.ID == r.victim:
			r.ended = i.Ended
		case !known && i.Launched.After(r.lost):
			r.launched, r.inService = i.Launched, i.InService
			for _, t := range health {
				if t.Instance == i.ID && t.State == cloud.TargetHealthy {
					r.healthy = t.Since
				}
			}
		}
	}
}

// phase is a part of the time, with what AWS adds to it that nothing here takes.
type phase struct {
	what     string
	took     time.Duration
	low, top time.Duration // that AWS adds
}

// What AWS adds, from public measurements: see docs/experiments.md.
const (
	bootLow, bootTop         = 16 * time.Second, 26 * time.Second
	registerLow, registerTop = 70 * time.Second, 180 * time.Second
)

// decided is when the group began to replace: with an instance maintenance policy it launches before it retires.
func (r *replacement) decided() time.Time {
	if r.launched.Before(r.retired) {
		return r.launched
	}
	return r.retired
}

// phases follow each other from the loss to the replacement's first request.
func (r *replacement) phases() []phase {
	decided := r.decided()
	detected := decided
	var phases []phase
	if !r.unhealthy.IsZero() {
		detected = r.unhealthy
	}
	phases = append(phases, phase{what: "detection: the instance is gone, or misses its health checks", took: detected.Sub(r.lost)})
	phases = append(phases, phase{what: "the group looks at the balancer's opinion", took: decided.Sub(detected)})
	phases = append(phases, phase{what: "launch: from the decision to the request", took: r.launched.Sub(decided)})
	// A boot takes the processes' own time, which the cloud's speed doesn't shorten.
	boot := time.Duration(float64(r.inService.Sub(r.launched)) / r.speed)
	phases = append(phases, phase{what: "boot: pending to running, user data, services up", took: boot, low: bootLow, top: bootTop})
	phases = append(phases, phase{
		what: "registration and the first health check", took: r.healthy.Sub(r.inService), low: registerLow, top: registerTop,
	})
	return phases
}

func (r *replacement) rows() [][]string {
	rows := [][]string{{"phase", "s", "share", "AWS adds, s", "share there"}}
	var took, low, top time.Duration
	for _, p := range r.phases() {
		took, low, top = took+p.took, low+p.low, top+p.top
	}
	middle := took + (low+top)/2
	for _, p := range r.phases() {
		rows = append(rows, []string{
			p.what, seconds(p.took), percent(float64(p.took) / float64(took)), added(p.low, p.top),
			percent(float64(p.took+(p.low+p.top)/2) / float64(middle)),
		})
	}
	return append(rows,
		[]string{"until it answers", seconds(took), "", added(low, top), fmt.Sprintf("%s to %s s", seconds(took+low), seconds(took+top))},
		[]string{"beside it: the old one is gone, drained for " + fmt.Sprint(r.delay), seconds(r.ended.Sub(r.lost)), "", "", ""},
		[]string{"beside it: the new one counts for scaling", seconds(r.inService.Add(r.warmup).Sub(r.lost)), "", "", ""})
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()) }

func added(low, top time.Duration) string {
	if top == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f–%.0f", low.Seconds(), top.Seconds())
}
