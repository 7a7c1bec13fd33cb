package experiments

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/clock"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
)

// replacement notes when each step of a replacement was taken, in emulated time.
type replacement struct {
	speed     float64
	victim    string // ID of the lost instance
	lost      time.Time
	unhealthy time.Time // when the balancer found the lost instance unhealthy; zero if the instance ended before that
	retired   time.Time // when the group began to terminate the lost instance
	launched  time.Time // the new instance
	inService time.Time // booted and registered
	healthy   time.Time
	ended     time.Time     // the lost instance
	delay     time.Duration // for deregistration
	warmup    time.Duration
}

// complete reports whether the new instance is healthy and the lost instance has ended.
func (r *replacement) complete() bool { return !r.healthy.IsZero() && !r.ended.IsZero() }

// look notes what the model says has happened.
func (r *replacement) look(l *laboratory, before []api.Instance) {
	health := cloud.Get(l.cloud(), func(m *cloud.Model) []elb.TargetHealth { return m.ELB.DescribeTargetHealth() })
	for _, t := range health {
		if t.Instance == r.victim && t.State == elb.TargetUnhealthy {
			r.unhealthy = t.Since
		}
		r.delay = cloud.Get(l.cloud(), func(m *cloud.Model) []elb.TargetGroup {
			return m.ELB.DescribeTargetGroups()
		})[0].Spec.DeregistrationDelay
	}
	for _, name := range cloud.Get(l.cloud(), func(m *cloud.Model) []string { return m.AutoScaling.GroupNames() }) {
		g, _ := cloud.Find(l.cloud(), func(m *cloud.Model) (autoscaling.Group, bool) { return m.AutoScaling.Group(name) })
		for _, p := range g.Policies {
			r.warmup = max(r.warmup, g.WarmupOf(p))
		}
		for _, a := range g.Activities {
			if a.Instance == r.victim && a.Start.After(r.lost) {
				r.retired = a.Start
			}
		}
	}
	for _, i := range cloud.Get(l.cloud(), func(m *cloud.Model) []ec2.Instance { return m.EC2.DescribeInstances() }) {
		known := slices.ContainsFunc(before, func(b api.Instance) bool { return b.ID == i.ID })
		switch {
		case i.ID == r.victim:
			r.ended = i.Ended
		case !known && i.Launched.After(r.lost):
			r.launched, r.inService = i.Launched, i.InService
			for _, t := range health {
				if t.Instance == i.ID && t.State == elb.TargetHealthy {
					r.healthy = t.Since
				}
			}
		}
	}
}

// Replacement says where the time went until a lost instance was replaced. Times are emulated seconds, except the boot, which takes
// the processes' real time.
type Replacement struct {
	Stack       string  `json:"stack"`
	Settings    string  `json:"settings"`
	Loss        string  `json:"loss"`
	NotReplaced string  `json:"notReplaced,omitempty"` // why; the fields below are empty then
	Phases      []Phase `json:"phases,omitempty"`      // from the loss to the first request to the new instance
	// Gone is when the lost instance was gone, and Scaling when the new one counted for scaling.
	Gone    float64       `json:"gone,omitempty"`
	Scaling float64       `json:"scaling,omitempty"`
	Delay   time.Duration `json:"-"` // for deregistration
}

// Phase is a part of the time, and what AWS adds to it and the emulator does not.
type Phase struct {
	What        string  `json:"what"`
	Took        float64 `json:"took"`
	AWSAddsLow  float64 `json:"awsAddsLow"`
	AWSAddsHigh float64 `json:"awsAddsHigh"`
}

// What AWS adds, in seconds, from public measurements: see docs/experiments.md.
const (
	bootLow, bootHigh         = 16, 26
	registerLow, registerHigh = 70, 180
)

// decided returns when the group began to replace: with an instance maintenance policy it launches before it retires.
func (r *replacement) decided() time.Time {
	if r.launched.Before(r.retired) {
		return r.launched
	}
	return r.retired
}

// phases returns what follows from the loss to the first request to the new instance.
func (r *replacement) phases() []Phase {
	decided := r.decided()
	detected := decided
	if !r.unhealthy.IsZero() {
		detected = r.unhealthy
	}
	// A boot takes the processes' own time, which the speed does not shorten.
	boot := time.Duration(float64(r.inService.Sub(r.launched)) / r.speed)
	return []Phase{
		{What: "detection: the instance is gone, or fails its health checks", Took: clock.Seconds(detected.Sub(r.lost))},
		{What: "the group looks at the balancer's health checks", Took: clock.Seconds(decided.Sub(detected))},
		{What: "launch: from the decision to the request", Took: clock.Seconds(r.launched.Sub(decided))},
		{What: "boot: pending to running, user data, services up", Took: clock.Seconds(boot), AWSAddsLow: bootLow, AWSAddsHigh: bootHigh},
		{
			What: "registration and the first health check", Took: clock.Seconds(r.healthy.Sub(r.inService)),
			AWSAddsLow: registerLow, AWSAddsHigh: registerHigh,
		},
	}
}

func (r *replacement) finding() Replacement {
	return Replacement{
		Phases: r.phases(), Gone: clock.Seconds(r.ended.Sub(r.lost)), Scaling: clock.Seconds(r.inService.Add(r.warmup).Sub(r.lost)),
		Delay: r.delay,
	}
}

// Print prints a table of the phases.
func (r Replacement) Print(out io.Writer) {
	fmt.Fprintf(out, "\nstack %s, %s; %s\n", r.Stack, r.Settings, r.Loss)
	if r.NotReplaced != "" {
		fmt.Fprintf(out, "  %s\n", r.NotReplaced)
		return
	}
	printTable(out, r.rows())
}

func (r Replacement) rows() [][]string {
	rows := [][]string{{"phase", "s", "share", "AWS adds, s", "share on AWS"}}
	var sum Phase
	for _, p := range r.Phases {
		sum.Took, sum.AWSAddsLow, sum.AWSAddsHigh = sum.Took+p.Took, sum.AWSAddsLow+p.AWSAddsLow, sum.AWSAddsHigh+p.AWSAddsHigh
	}
	for _, p := range r.Phases {
		rows = append(rows, []string{p.What, tenths(p.Took), percent(p.Took / sum.Took), p.added(), percent(p.onAWS() / sum.onAWS())})
	}
	between := fmt.Sprintf("%s to %s s", tenths(sum.Took+sum.AWSAddsLow), tenths(sum.Took+sum.AWSAddsHigh))
	return append(rows,
		[]string{"until the new instance answers", tenths(sum.Took), "", sum.added(), between},
		[]string{"meanwhile: the lost instance is gone, drained for " + r.Delay.String(), tenths(r.Gone), "", "", ""},
		[]string{"meanwhile: the new instance counts for scaling", tenths(r.Scaling), "", "", ""})
}

// onAWS is how long the phase takes on AWS, in the middle of what is added.
func (p Phase) onAWS() float64 { return p.Took + (p.AWSAddsLow+p.AWSAddsHigh)/2 }

func (p Phase) added() string {
	if p.AWSAddsHigh == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f–%.0f", p.AWSAddsLow, p.AWSAddsHigh)
}

func tenths(seconds float64) string { return fmt.Sprintf("%.1f", seconds) }
