package experiments

import (
	"fmt"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/emulator/cloud"
)

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
func (r *replacement) look(l *laboratory, before []emulator.InstanceStatus) {
	health := l.cloud().TargetHealth()
	for _, t := range health {
		if t.Instance == r.victim && t.State == cloud.TargetUnhealthy {
			r.unhealthy = t.Since
		}
		r.delay = l.cloud().TargetGroups()[0].Spec.DeregistrationDelay
	}
	for _, name := range l.cloud().GroupNames() {
		g, _, _ := l.cloud().Group(name)
		for _, p := range g.Policies {
			r.warmup = max(r.warmup, p.Warmup)
		}
		for _, a := range g.Activities {
			if a.Instance == r.victim && a.Start.After(r.lost) {
				r.retired = a.Start
			}
		}
	}
	for _, i := range l.cloud().Instances() {
		known := slices.ContainsFunc(before, func(b emulator.InstanceStatus) bool { return b.ID == i.ID })
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
