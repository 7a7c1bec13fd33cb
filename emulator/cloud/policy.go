package cloud

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// The types of a scaling policy.
const (
	TargetTracking = "TargetTrackingScaling"
	StepScaling    = "StepScaling"
)

// Policy changes the desired capacity of a group when an alarm invokes it.
type Policy struct {
	ARN      string
	Name     string
	Type     string // TargetTracking or StepScaling; "" is the former
	Warmup   time.Duration
	Disabled bool

	// Target tracking keeps the average CPU utilization of the group near a target. It makes its own alarms.
	Target         float64 // percent
	DisableScaleIn bool

	// Step scaling adjusts by how far the metric is past the alarm's threshold.
	Adjustment   string // ChangeInCapacity, PercentChangeInCapacity or ExactCapacity
	MinMagnitude int    // least change of PercentChangeInCapacity
	Steps        []Step
}

// Step is an adjustment for a range of metric minus threshold. Above the threshold the lower bound belongs to it, below it
// the upper one.
type Step struct {
	Lower, Upper *float64 // nil: no bound
	Adjustment   int
}

// The types of a step policy's adjustment.
const (
	ChangeInCapacity        = "ChangeInCapacity"
	PercentChangeInCapacity = "PercentChangeInCapacity"
	ExactCapacity           = "ExactCapacity"
)

// Target tracking scales out after 3 points of a minute over the target, and in after 15 below nine tenths of it: the
// alarms that it makes on AWS, as users see them.
const (
	highPoints = 3
	lowPoints  = 15
	lowShare   = 0.9
)

// PutPolicy makes or changes a policy of a group and returns its ARN.
func (c *Cloud) PutPolicy(group string, policy Policy) (string, error) {
	if policy.Type == "" {
		policy.Type = TargetTracking
	}
	err := c.change(func(s *state) error {
		g := s.Scaling[group]
		if g == nil {
			return refuse("ValidationError", "Group %s not found", group)
		}
		if err := policy.check(); err != nil {
			return err
		}
		if g.Policies[policy.Name] == nil && len(g.Policies) >= maxPolicies {
			return tooMany("scaling policies", maxPolicies)
		}
		policy.ARN = c.ARN("autoscaling", "scalingPolicy:"+randomHex(16)+":autoScalingGroupName/"+group+":policyName/"+policy.Name)
		if old := g.Policies[policy.Name]; old != nil {
			policy.ARN = old.ARN
			s.dropAlarmsOf(old)
		}
		g.Policies[policy.Name] = &policy
		if policy.Type == TargetTracking {
			s.addTrackingAlarms(c, group, &policy)
		}
		return nil
	})
	return policy.ARN, err
}

// addTrackingAlarms makes the alarms of a target tracking policy, named as AWS names them but for the policy's name in
// place of a random end.
func (s *state) addTrackingAlarms(c *Cloud, group string, p *Policy) {
	spec := AlarmSpec{
		Name: "TargetTracking-" + group + "-AlarmHigh-" + p.Name, Namespace: "AWS/EC2", Metric: "CPUUtilization",
		Dimensions: map[string]string{"AutoScalingGroupName": group}, Statistic: Average, Period: time.Minute,
		EvaluationPeriods: highPoints, DatapointsToAlarm: highPoints, Threshold: p.Target, Comparison: Greater,
		TreatMissing: MissingIsMissing, Actions: []string{p.ARN},
		Description: "DO NOT EDIT OR DELETE. For TargetTrackingScaling policy " + p.ARN + ".",
	}
	s.addAlarm(c, spec, c.clock.Now()).Policy = p.ARN
	if p.DisableScaleIn {
		return
	}
	spec.Name, spec.Comparison = "TargetTracking-"+group+"-AlarmLow-"+p.Name, Less
	spec.EvaluationPeriods, spec.DatapointsToAlarm, spec.Threshold = lowPoints, lowPoints, p.Target*lowShare
	s.addAlarm(c, spec, c.clock.Now()).Policy = p.ARN
}

func (s *state) dropAlarmsOf(p *Policy) {
	for _, name := range keys(s.Alarms) {
		if s.Alarms[name].Policy == p.ARN {
			delete(s.Alarms, name)
		}
	}
}

func (p Policy) check() error {
	switch {
	case p.Type != TargetTracking && p.Type != StepScaling:
		return refuse("ValidationError", "Policy type '%s' is not %s or %s", p.Type, TargetTracking, StepScaling)
	case p.Warmup < 0:
		return refuse("ValidationError", "The estimated instance warmup %v is negative", p.Warmup)
	case p.Type == TargetTracking && p.Target <= 0:
		return refuse("ValidationError", "Target value %v must be greater than 0", p.Target)
	case p.Type == TargetTracking:
		return nil
	case !slices.Contains([]string{ChangeInCapacity, PercentChangeInCapacity, ExactCapacity}, p.Adjustment):
		return refuse("ValidationError", "Adjustment type '%s' is not one of ChangeInCapacity, PercentChangeInCapacity, "+
			"ExactCapacity", p.Adjustment)
	case p.MinMagnitude != 0 && p.Adjustment != PercentChangeInCapacity:
		return refuse("ValidationError", "MinAdjustmentMagnitude is for PercentChangeInCapacity only")
	case len(p.Steps) == 0:
		return refuse("ValidationError", "StepAdjustments are required for policy type StepScaling")
	case len(p.Steps) > maxSteps:
		return refuse("ValidationError", "%d StepAdjustments are more than %d", len(p.Steps), maxSteps)
	}
	return p.checkSteps()
}

// checkSteps holds the rules for the ranges ("Step adjustments"): no gap, no overlap, and open ends where they go past
// the threshold.
func (p Policy) checkSteps() error {
	steps := slices.SortedFunc(slices.Values(p.Steps), func(a, b Step) int {
		if a.lower() < b.lower() {
			return -1
		}
		return 1
	})
	for n, step := range steps {
		switch {
		case step.lower() >= step.upper():
			return refuse("ValidationError", "StepAdjustment lower bound %v must be below its upper bound %v", step.lower(), step.upper())
		case n > 0 && step.lower() < steps[n-1].upper():
			return refuse("ValidationError", "StepAdjustment intervals can't overlap: %v to %v begins before %v", step.lower(),
				step.upper(), steps[n-1].upper())
		case n > 0 && step.lower() > steps[n-1].upper():
			return refuse("ValidationError", "StepAdjustment intervals can't have gaps between them: nothing is for %v to %v",
				steps[n-1].upper(), step.lower())
		case p.Adjustment == ExactCapacity && step.Adjustment < 0:
			return refuse("ValidationError", "An exact capacity of %d is negative", step.Adjustment)
		}
	}
	if first := steps[0]; first.Lower != nil && *first.Lower < 0 {
		return refuse("ValidationError", "There must be a step adjustment with an unspecified lower bound when one has a negative "+
			"lower bound")
	}
	if last := steps[len(steps)-1]; last.Upper != nil && *last.Upper > 0 {
		return refuse("ValidationError", "There must be a step adjustment with an unspecified upper bound when one has a positive "+
			"upper bound")
	}
	return nil
}

func (t Step) lower() float64 {
	if t.Lower == nil {
		return math.Inf(-1)
	}
	return *t.Lower
}

func (t Step) upper() float64 {
	if t.Upper == nil {
		return math.Inf(1)
	}
	return *t.Upper
}

func (t Step) contains(past float64) bool {
	if past >= 0 {
		return t.lower() <= past && past < t.upper()
	}
	return t.lower() < past && past <= t.upper()
}

// DeletePolicy removes a policy, and the alarms that it made.
func (c *Cloud) DeletePolicy(group, name string) error {
	return c.change(func(s *state) error {
		if g := s.Scaling[group]; g != nil && g.Policies[name] != nil {
			s.dropAlarmsOf(g.Policies[name])
			delete(g.Policies, name)
		}
		return nil
	})
}

// execute runs the policy that an alarm names and says what came of it; nothing when it changed nothing. While an instance
// refresh runs, nothing is scaled.
func (s *state) execute(arn string, a *Alarm, now time.Time) string {
	if target, policy := s.servicePolicy(arn); policy != nil {
		return s.trackService(target, policy, a, now)
	}
	g, p := s.policyByARN(arn)
	switch {
	case p == nil:
		return "Failed to execute action " + arn + ": PolicyNotFound"
	case p.Disabled || g.Deleting || g.refreshing() != nil:
		return ""
	}
	before := g.Desired
	if p.Type == StepScaling {
		if failure := s.step(g, p, a, now); failure != "" {
			return "Failed to execute action " + arn + ": " + failure
		}
	} else {
		s.track(g, p, a, now)
	}
	if g.Desired == before {
		return ""
	}
	g.why(now, fmt.Sprintf("a monitor alarm %s in state %s triggered policy %s changing the desired capacity from %d to %d.",
		a.Spec.Name, a.State, p.Name, before, g.Desired))
	return "Successfully executed action " + arn
}

func (s *state) policyByARN(arn string) (*Group, *Policy) {
	for _, g := range s.Scaling {
		for _, p := range g.Policies {
			if p.ARN == arn {
				return g, p
			}
		}
	}
	return nil, nil
}

// track brings the metric back to the target. While instances that a policy launched are still warming up, nothing
// happens.
func (s *state) track(g *Group, p *Policy, a *Alarm, now time.Time) {
	if now.Sub(g.ScaledAt) < p.Warmup {
		return
	}
	desired := int(math.Ceil(float64(g.Desired) * a.Value / p.Target))
	if a.Spec.Comparison == Less {
		desired = max(g.Desired-1, desired)
	}
	s.setDesired(g, desired, now)
}

// step adjusts the capacity that there would be if nothing were under way: instances that warm up are not there yet, and
// ones that terminate are still, so that an alarm that goes on doesn't scale for the same cause twice ("Step and simple
// scaling policies", instance warmup). While instances warm up, nothing is scaled in.
func (s *state) step(g *Group, p *Policy, a *Alarm, now time.Time) (failure string) {
	past := a.Value - a.Spec.Threshold
	at := slices.IndexFunc(p.Steps, func(t Step) bool { return t.contains(past) })
	if at < 0 {
		return fmt.Sprintf("No step adjustment found for metric value %v and alarm threshold %v", a.Value, a.Spec.Threshold)
	}
	out := p.adjusted(g.Desired-s.warming(g, p.Warmup, now), p.Steps[at].Adjustment)
	in := p.adjusted(g.Desired+s.terminating(g), p.Steps[at].Adjustment)
	switch {
	case out > g.Desired:
		s.setDesired(g, out, now)
	case in < g.Desired && s.warming(g, g.warmup(), now) == 0:
		s.setDesired(g, in, now)
	}
	return ""
}

// adjusted applies an adjustment to a capacity.
func (p *Policy) adjusted(capacity, adjustment int) int {
	switch p.Adjustment {
	case ExactCapacity:
		return adjustment
	case PercentChangeInCapacity:
		change := percent(capacity, adjustment)
		if change > 0 {
			change = max(change, p.MinMagnitude)
		} else if change < 0 {
			change = min(change, -p.MinMagnitude)
		}
		return capacity + change
	}
	return capacity + adjustment
}

// percent rounds towards zero, but never to nothing.
func percent(capacity, adjustment int) int {
	exact := float64(capacity*adjustment) / 100
	if math.Abs(exact) > 0 && math.Abs(exact) < 1 {
		return int(math.Copysign(1, exact))
	}
	return int(exact)
}

// warming counts the instances that the desired capacity includes and that have not warmed up.
func (s *state) warming(g *Group, warmup time.Duration, now time.Time) int {
	ready := 0
	for _, i := range s.active(g) {
		if i.Lifecycle == LifecycleInService && now.Sub(i.InService) >= warmup {
			ready++
		}
	}
	return max(0, g.Desired-ready)
}

// terminating counts the members that are leaving because the group shrank, and those that are going to.
func (s *state) terminating(g *Group) int {
	active := s.active(g)
	count := max(0, len(active)-g.Desired)
	for _, i := range s.members(g) {
		if i.Lifecycle.leaving() && !i.Unhealthy {
			count++
		}
	}
	return count
}

func (s *state) setDesired(g *Group, desired int, now time.Time) {
	desired = min(max(desired, g.Spec.Min), g.Spec.Max)
	if desired != g.Desired {
		g.Desired, g.ScaledAt = desired, now
	}
}

// warmup is how long a new member of the group doesn't count: as long as the slowest of its policies wants.
func (g *Group) warmup() time.Duration {
	var longest time.Duration
	for _, p := range g.Policies {
		longest = max(longest, p.Warmup)
	}
	return longest
}

// NamedAlarm is an alarm as CloudWatch lists it.
type NamedAlarm struct {
	Name, State string
}

// Alarms lists the alarms that invoke a group's policies by name.
func (g Group) Alarms() []NamedAlarm { return g.alarms }

func (s *state) alarmsOf(g *Group) []NamedAlarm {
	var alarms []NamedAlarm
	for _, name := range keys(s.Alarms) {
		a := s.Alarms[name]
		invokes := func(arn string) bool {
			found, _ := s.policyByARN(arn)
			return found == g
		}
		if slices.ContainsFunc(slices.Concat(a.Spec.Actions, a.Spec.OKActions, a.Spec.InsufficientActions), invokes) {
			alarms = append(alarms, NamedAlarm{name, a.State})
		}
	}
	return alarms
}
