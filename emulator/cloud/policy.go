package cloud

import (
	"math"
	"slices"
	"time"
)

// Policy keeps the average CPU utilization of a group near a target.
type Policy struct {
	Name           string
	Target         float64 // percent
	Warmup         time.Duration
	DisableScaleIn bool
	High, Low      Alarm
}

// Alarm is one of the two CloudWatch alarms of a target tracking policy.
type Alarm struct {
	State string // OK, ALARM or INSUFFICIENT_DATA
	Since time.Time
}

// Target tracking scales out after 3 points of a minute over the target, and in after 15 below nine tenths of it: the
// alarms that it makes on AWS, as users see them.
const (
	highPoints = 3
	lowPoints  = 15
	lowShare   = 0.9
)

// PutPolicy makes or changes a policy of a group.
func (c *Cloud) PutPolicy(group string, policy Policy) (string, error) {
	var arn string
	err := c.change(func(s *state) error {
		g := s.Scaling[group]
		switch {
		case g == nil:
			return refuse("ValidationError", "Group %s not found", group)
		case policy.Target <= 0:
			return refuse("ValidationError", "Target value %v must be greater than 0", policy.Target)
		}
		policy.High, policy.Low = Alarm{State: insufficient}, Alarm{State: insufficient}
		g.Policies[policy.Name] = &policy
		arn = c.ARN("autoscaling", "scalingPolicy:"+randomHex(16)+":autoScalingGroupName/"+group+":policyName/"+policy.Name)
		return nil
	})
	return arn, err
}

// DeletePolicy removes a policy.
func (c *Cloud) DeletePolicy(group, name string) error {
	return c.change(func(s *state) error {
		if g := s.Scaling[group]; g != nil {
			delete(g.Policies, name)
		}
		return nil
	})
}

const insufficient = "INSUFFICIENT_DATA"

// scale lets the policies look at the metrics, once a minute. While one instance refresh runs, or while instances that
// a policy launched are still warming up, nothing is scaled in, and out only by what those don't bring already.
func (s *state) scale(g *Group, now time.Time) bool {
	if len(g.Policies) == 0 || g.Deleting || now.Sub(g.LastMinute) < time.Minute {
		return false
	}
	g.LastMinute = now
	for _, name := range keys(g.Policies) {
		p := g.Policies[name]
		series := s.averages(g, p.Warmup, now)
		p.High.set(alarm(series, highPoints, func(v float64) bool { return v > p.Target }), now)
		p.Low.set(alarm(series, lowPoints, func(v float64) bool { return v < p.Target*lowShare }), now)
		switch {
		case now.Sub(g.ScaledAt) < p.Warmup || g.refreshing() != nil:
		case p.High.State == alarmed:
			s.setDesired(g, int(math.Ceil(float64(g.Desired)*last(series)/p.Target)), now)
		case p.Low.State == alarmed && !p.DisableScaleIn:
			s.setDesired(g, max(g.Desired-1, int(math.Ceil(float64(g.Desired)*last(series)/p.Target))), now)
		}
	}
	return true
}

func (s *state) setDesired(g *Group, desired int, now time.Time) {
	desired = min(max(desired, g.Spec.Min), g.Spec.Max)
	if desired != g.Desired {
		g.Desired, g.ScaledAt = desired, now
	}
}

// averages is the group's average CPU by minute, the newest last, over the members that have warmed up.
func (s *state) averages(g *Group, warmup time.Duration, now time.Time) []float64 {
	var sums, counts []float64
	for _, i := range s.active(g) {
		if i.Lifecycle != LifecycleInService || now.Sub(i.InService) < warmup {
			continue
		}
		for back := 1; back <= len(i.CPU); back++ {
			if len(sums) < back {
				sums, counts = append(sums, 0), append(counts, 0)
			}
			sums[back-1] += i.CPU[len(i.CPU)-back]
			counts[back-1]++
		}
	}
	for n := range sums {
		sums[n] /= counts[n]
	}
	slices.Reverse(sums)
	return sums
}

const (
	alarmed = "ALARM"
	okay    = "OK"
)

// alarm is the state of an alarm that wants the last so many points to be breaching.
func alarm(series []float64, points int, breaching func(float64) bool) string {
	if len(series) == 0 {
		return insufficient
	}
	if len(series) < points {
		return okay
	}
	for _, value := range series[len(series)-points:] {
		if !breaching(value) {
			return okay
		}
	}
	return alarmed
}

func (a *Alarm) set(state string, now time.Time) {
	if a.State != state {
		a.State, a.Since = state, now
	}
}

func last(series []float64) float64 { return series[len(series)-1] }

// NamedAlarm is an alarm as CloudWatch lists it.
type NamedAlarm struct {
	Name, State string
}

// Alarms lists the alarms of a group's policies by name.
func (g Group) Alarms() []NamedAlarm {
	var alarms []NamedAlarm
	for _, name := range keys(g.Policies) {
		p := g.Policies[name]
		alarms = append(alarms,
			NamedAlarm{"TargetTracking-" + g.Spec.Name + "-AlarmHigh-" + name, p.High.State},
			NamedAlarm{"TargetTracking-" + g.Spec.Name + "-AlarmLow-" + name, p.Low.State})
	}
	return alarms
}
