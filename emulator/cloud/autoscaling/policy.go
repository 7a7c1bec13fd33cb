package autoscaling

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/metric"
)

// The types of a scaling policy.
const (
	TargetTracking = "TargetTrackingScaling"
	StepScaling    = "StepScaling"
)

// Policy is a scaling policy: it changes the desired capacity of a group when an alarm runs it.
type Policy struct {
	ARN      string
	Name     string
	Type     string         // TargetTracking or StepScaling; "" stands for TargetTracking
	Warmup   *time.Duration // estimated instance warmup; nil: the group's
	Disabled bool

	// Target tracking keeps the average CPU utilization of the group near a target. It creates its own alarms.
	Target         float64 // percent
	DisableScaleIn bool

	// Step scaling adjusts by how far the metric is past the alarm's threshold.
	Adjustment   string // ChangeInCapacity, PercentChangeInCapacity or ExactCapacity
	MinMagnitude int    // least change of PercentChangeInCapacity
	Steps        []Step
}

// Step is an adjustment for a range of the difference between metric and threshold. Above the threshold the lower bound
// belongs to the range, below it the upper bound.
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

// Target tracking scales out after three data points of a minute above the target, and in after 15 below nine tenths of
// it: the alarms that it creates on AWS, as users see them.
const (
	HighPoints = 3
	LowPoints  = 15
	LowShare   = 0.9
)

// PutPolicy creates or changes a policy of a group and returns its ARN.
func (s *Store) PutPolicy(group string, policy Policy, now time.Time) (string, error) {
	if policy.Type == "" {
		policy.Type = TargetTracking
	}
	g := s.Groups[group]
	if g == nil {
		return "", aws.Refuse("ValidationError", "Group %s not found", group)
	}
	if err := policy.check(); err != nil {
		return "", err
	}
	if g.Policies[policy.Name] == nil && len(g.Policies) >= maxPolicies {
		return "", tooMany("scaling policies", maxPolicies)
	}
	policy.ARN = s.region.ARN("autoscaling", "scalingPolicy:"+aws.RandomHex(16)+":autoScalingGroupName/"+group+":policyName/"+policy.Name)
	if old := g.Policies[policy.Name]; old != nil {
		policy.ARN = old.ARN
		s.cloudwatch.DeleteAlarmsOf(old.ARN)
	}
	g.Policies[policy.Name] = &policy
	if policy.Type == TargetTracking {
		s.addTrackingAlarms(group, &policy, now)
	}
	return policy.ARN, nil
}

// addTrackingAlarms creates the alarms of a target tracking policy. They are named as on AWS, but end with the policy's
// name instead of a random string.
func (s *Store) addTrackingAlarms(group string, p *Policy, now time.Time) {
	spec := cloudwatch.AlarmSpec{
		Name: "TargetTracking-" + group + "-AlarmHigh-" + p.Name, Namespace: "AWS/EC2", Metric: "CPUUtilization",
		Dimensions: map[string]string{"AutoScalingGroupName": group}, Statistic: metric.Average, Period: time.Minute,
		EvaluationPeriods: HighPoints, DatapointsToAlarm: HighPoints, Threshold: p.Target, Comparison: cloudwatch.Greater,
		TreatMissing: cloudwatch.MissingIsMissing, Actions: []string{p.ARN},
		Description: "DO NOT EDIT OR DELETE. For TargetTrackingScaling policy " + p.ARN + ".",
	}
	s.cloudwatch.AddAlarm(spec, now).Policy = p.ARN
	if p.DisableScaleIn {
		return
	}
	spec.Name, spec.Comparison = "TargetTracking-"+group+"-AlarmLow-"+p.Name, cloudwatch.Less
	spec.EvaluationPeriods, spec.DatapointsToAlarm, spec.Threshold = LowPoints, LowPoints, p.Target*LowShare
	s.cloudwatch.AddAlarm(spec, now).Policy = p.ARN
}

// check refuses a policy that Auto Scaling refuses (API: PutScalingPolicy).
func (p Policy) check() error {
	switch {
	case p.Type != TargetTracking && p.Type != StepScaling:
		return aws.Refuse("ValidationError", "Policy type '%s' is not %s or %s", p.Type, TargetTracking, StepScaling)
	case p.Warmup != nil && *p.Warmup < 0:
		return aws.Refuse("ValidationError", "The estimated instance warmup %v is negative", *p.Warmup)
	case p.Type == TargetTracking && p.Target <= 0:
		return aws.Refuse("ValidationError", "Target value %v must be greater than 0", p.Target)
	case p.Type == TargetTracking:
		return nil
	case !slices.Contains([]string{ChangeInCapacity, PercentChangeInCapacity, ExactCapacity}, p.Adjustment):
		return aws.Refuse("ValidationError", "Adjustment type '%s' is not one of ChangeInCapacity, PercentChangeInCapacity, "+
			"ExactCapacity", p.Adjustment)
	case p.MinMagnitude != 0 && p.Adjustment != PercentChangeInCapacity:
		return aws.Refuse("ValidationError", "MinAdjustmentMagnitude is for PercentChangeInCapacity only")
	case len(p.Steps) == 0:
		return aws.Refuse("ValidationError", "StepAdjustments are required for policy type StepScaling")
	case len(p.Steps) > maxSteps:
		return aws.Refuse("ValidationError", "%d StepAdjustments are more than %d", len(p.Steps), maxSteps)
	}
	return p.checkSteps()
}

// checkSteps checks the ranges of the steps ("Step adjustments"): no gap, no overlap, and no bound away from the
// threshold.
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
			return aws.Refuse("ValidationError", "StepAdjustment lower bound %v must be below its upper bound %v", step.lower(), step.upper())
		case n > 0 && step.lower() < steps[n-1].upper():
			return aws.Refuse("ValidationError", "StepAdjustment intervals can't overlap: %v to %v begins before %v", step.lower(),
				step.upper(), steps[n-1].upper())
		case n > 0 && step.lower() > steps[n-1].upper():
			return aws.Refuse("ValidationError", "StepAdjustment intervals can't have gaps between them: nothing is for %v to %v",
				steps[n-1].upper(), step.lower())
		case p.Adjustment == ExactCapacity && step.Adjustment < 0:
			return aws.Refuse("ValidationError", "An exact capacity of %d is negative", step.Adjustment)
		}
	}
	if first := steps[0]; first.Lower != nil && *first.Lower < 0 {
		return aws.Refuse("ValidationError", "There must be a step adjustment with an unspecified lower bound when one has a negative "+
			"lower bound")
	}
	if last := steps[len(steps)-1]; last.Upper != nil && *last.Upper > 0 {
		return aws.Refuse("ValidationError", "There must be a step adjustment with an unspecified upper bound when one has a positive "+
			"upper bound")
	}
	return nil
}

// lower returns the lower bound.
func (t Step) lower() float64 {
	if t.Lower == nil {
		return math.Inf(-1)
	}
	return *t.Lower
}

// upper returns the upper bound.
func (t Step) upper() float64 {
	if t.Upper == nil {
		return math.Inf(1)
	}
	return *t.Upper
}

// contains reports whether a difference from the threshold is in the range.
func (t Step) contains(past float64) bool {
	if past >= 0 {
		return t.lower() <= past && past < t.upper()
	}
	return t.lower() < past && past <= t.upper()
}

// DeletePolicy deletes a policy and the alarms that it created.
func (s *Store) DeletePolicy(group, name string) error {
	if g := s.Groups[group]; g != nil && g.Policies[name] != nil {
		s.cloudwatch.DeleteAlarmsOf(g.Policies[name].ARN)
		delete(g.Policies, name)
	}
	return nil
}

// runPolicy runs the policy of a group that an alarm names.
func (s *Store) runPolicy(arn string, a *cloudwatch.Alarm, now time.Time) (result string, known bool) {
	g, p := s.policyByARN(arn)
	if p == nil {
		return "", false
	}
	return s.execute(g, p, a, now), true
}

// execute runs a policy and returns the entry for the alarm's history, or "" if nothing changed. Nothing is scaled
// during an instance refresh.
func (s *Store) execute(g *Group, p *Policy, a *cloudwatch.Alarm, now time.Time) string {
	if p.Disabled || g.Deleting || g.refreshing() != nil {
		return ""
	}
	before := g.Desired
	if p.Type == StepScaling {
		if failure := s.step(g, p, a, now); failure != "" {
			return "Failed to execute action " + p.ARN + ": " + failure
		}
	} else {
		s.track(g, p, a, now)
	}
	if g.Desired == before {
		return ""
	}
	g.SetReason(now, fmt.Sprintf("a monitor alarm %s in state %s triggered policy %s changing the desired capacity from %d to %d.",
		a.Spec.Name, a.State, p.Name, before, g.Desired))
	return "Successfully executed action " + p.ARN
}

// policyByARN returns a policy by its ARN, with its group, or nil.
func (s *Store) policyByARN(arn string) (*Group, *Policy) {
	for _, g := range s.Groups {
		for _, p := range g.Policies {
			if p.ARN == arn {
				return g, p
			}
		}
	}
	return nil, nil
}

// track scales a group so that the metric approaches the target. It does nothing while instances that a policy launched
// are warming up.
func (s *Store) track(g *Group, p *Policy, a *cloudwatch.Alarm, now time.Time) {
	if now.Sub(g.ScaledAt) < g.WarmupOf(p) {
		return
	}
	desired := int(math.Ceil(float64(g.Desired) * a.Value / p.Target))
	if a.Spec.Comparison == cloudwatch.Less {
		desired = max(g.Desired-1, desired)
	}
	s.SetDesired(g, desired, now)
}

// step applies the step for the value of the metric. It adjusts the capacity as it would be if nothing were under way:
// to scale out, instances that are warming up do not count; to scale in, instances that are being terminated still
// count. So an alarm that lasts does not scale twice for the same cause ("Step and simple scaling policies", instance
// warmup). While instances warm up, nothing is scaled in.
func (s *Store) step(g *Group, p *Policy, a *cloudwatch.Alarm, now time.Time) (failure string) {
	past := a.Value - a.Spec.Threshold
	n := slices.IndexFunc(p.Steps, func(t Step) bool { return t.contains(past) })
	if n < 0 {
		return fmt.Sprintf("No step adjustment found for metric value %v and alarm threshold %v", a.Value, a.Spec.Threshold)
	}
	out := p.adjusted(g.Desired-s.warming(g, g.WarmupOf(p), now), p.Steps[n].Adjustment)
	in := p.adjusted(g.Desired+s.terminating(g), p.Steps[n].Adjustment)
	switch {
	case out > g.Desired:
		s.SetDesired(g, out, now)
	case in < g.Desired && s.warming(g, g.warmup(), now) == 0:
		s.SetDesired(g, in, now)
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

// percent returns a percentage of a capacity, rounded towards zero but not to zero.
func percent(capacity, adjustment int) int {
	exact := float64(capacity*adjustment) / 100
	if math.Abs(exact) > 0 && math.Abs(exact) < 1 {
		return int(math.Copysign(1, exact))
	}
	return int(exact)
}

// warming counts the instances of the desired capacity that have not warmed up.
func (s *Store) warming(g *Group, warmup time.Duration, now time.Time) int {
	ready := 0
	for _, i := range s.Active(g) {
		if i.Lifecycle == ec2.LifecycleInService && now.Sub(i.InService) >= warmup {
			ready++
		}
	}
	return max(0, g.Desired-ready)
}

// terminating counts the members that are being terminated, or will be, because the desired capacity fell.
func (s *Store) terminating(g *Group) int {
	active := s.Active(g)
	count := max(0, len(active)-g.Desired)
	for _, i := range s.members(g) {
		if i.Lifecycle.IsTerminating() && !i.Outgoing() {
			count++
		}
	}
	return count
}

// SetDesired sets the desired capacity within the bounds of the group.
func (s *Store) SetDesired(g *Group, desired int, now time.Time) {
	desired = min(max(desired, g.Spec.Min), g.Spec.Max)
	if desired != g.Desired {
		g.Desired, g.ScaledAt = desired, now
	}
}

// defaultCooldown is that of every group. A policy without a warmup in a group without one takes it as its warmup.
const defaultCooldown = 5 * time.Minute

// longestWarmup is the longest default instance warmup (Auto Scaling: "Enable the default instance warmup for a group").
const longestWarmup = time.Hour

// WarmupOf returns how long a new member does not count for a policy: none for a policy that only removes members.
func (g *Group) WarmupOf(p *Policy) time.Duration {
	adds := p.Type == TargetTracking || slices.ContainsFunc(p.Steps, func(t Step) bool { return t.Adjustment > 0 })
	switch {
	case p.Warmup != nil:
		return *p.Warmup
	case !adds:
		return 0
	case g.Spec.Warmup != nil:
		return *g.Spec.Warmup
	}
	return defaultCooldown
}

// warmup returns how long a new member does not count in the metrics of the group: the longest warmup of the policies, or the
// group's without policies (Auto Scaling: "Set the default instance warmup for an Auto Scaling group").
func (g *Group) warmup() time.Duration {
	if len(g.Policies) == 0 {
		return g.spareWarmup()
	}
	var longest time.Duration
	for _, p := range g.Policies {
		longest = max(longest, g.WarmupOf(p))
	}
	return longest
}

// spareWarmup returns how long the replacement of an unhealthy member does not count.
func (g *Group) spareWarmup() time.Duration {
	if g.Spec.Warmup == nil {
		return 0
	}
	return *g.Spec.Warmup
}

// RefreshWarmup returns how long a replacement does not count in an instance refresh that names no warmup (Auto Scaling: "Understand
// the default values for an instance refresh").
func (spec GroupSpec) RefreshWarmup() time.Duration {
	if spec.Warmup != nil {
		return *spec.Warmup
	}
	return spec.Grace
}

// NamedAlarm is an alarm with its state.
type NamedAlarm struct {
	Name, State string
}

// Alarms returns the alarms that run policies of the group, sorted by name.
func (g Group) Alarms() []NamedAlarm { return g.alarms }

// alarmsOf returns the alarms that run policies of a group, sorted by name.
func (s *Store) alarmsOf(g *Group) []NamedAlarm {
	var alarms []NamedAlarm
	for _, name := range aws.Keys(s.cloudwatch.Alarms) {
		a := s.cloudwatch.Alarms[name]
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
