package cloud

import (
	"strings"
	"time"
)

// Sample is what CloudWatch knows of one minute of a metric: enough for each of its statistics.
type Sample struct {
	At       time.Time // the minute's end
	Sum      float64
	Min, Max float64
	Count    int
}

// one is a sample of a single value.
func one(value float64) Sample { return Sample{Sum: value, Min: value, Max: value, Count: 1} }

func (m Sample) merge(other Sample) Sample {
	if m.Count == 0 {
		return other
	}
	return Sample{
		At: other.At, Sum: m.Sum + other.Sum, Min: min(m.Min, other.Min), Max: max(m.Max, other.Max), Count: m.Count + other.Count,
	}
}

// The statistics of CloudWatch that need no percentile.
const (
	Average     = "Average"
	Minimum     = "Minimum"
	Maximum     = "Maximum"
	Sum         = "Sum"
	SampleCount = "SampleCount"
)

func (m Sample) statistic(name string) float64 {
	switch name {
	case Minimum:
		return m.Min
	case Maximum:
		return m.Max
	case Sum:
		return m.Sum
	case SampleCount:
		return float64(m.Count)
	}
	return m.Sum / float64(m.Count)
}

// metrics are those that have data here, by namespace and name. Each answers for its dimensions, all of them and no
// other, what the last minute was; it has no data for what doesn't exist.
var metrics = map[string]func(s *state, dimensions map[string]string, minute time.Time) (Sample, bool){
	"AWS/EC2 CPUUtilization":                  (*state).cpu,
	"AWS/ECS CPUUtilization":                  (*state).serviceCPU,
	"AWS/AutoScaling GroupDesiredCapacity":    groupMetric(func(_ *state, g *Group) int { return g.Desired }),
	"AWS/AutoScaling GroupInServiceInstances": groupMetric((*state).inService),
	"AWS/NetworkELB HealthyHostCount":         hostCount(NetworkBalancer, TargetHealthy),
	"AWS/NetworkELB UnHealthyHostCount":       hostCount(NetworkBalancer, TargetUnhealthy),
	"AWS/ApplicationELB HealthyHostCount":     hostCount(ApplicationBalancer, TargetHealthy),
	"AWS/ApplicationELB UnHealthyHostCount":   hostCount(ApplicationBalancer, TargetUnhealthy),
}

// only reports whether the dimensions are those with the names, and no others: CloudWatch aggregates over none.
func only(dimensions map[string]string, names ...string) bool {
	for _, name := range names {
		if dimensions[name] == "" {
			return false
		}
	}
	return len(dimensions) == len(names)
}

// cpuFresh is how old an instance's last minute of CPU use may be to be this minute's: the data plane measures in its own
// rhythm.
const cpuFresh = 90 * time.Second

// basicPeriod is how often an instance publishes its metrics without detailed monitoring (EC2: "Manage detailed
// monitoring").
const basicPeriod = 5

// cpu is the CPU utilization of an instance, or of a group's members. A member that is warming up doesn't count (Auto
// Scaling: "Step and simple scaling policies", instance warmup).
func (s *state) cpu(dimensions map[string]string, minute time.Time) (Sample, bool) {
	var sample Sample
	switch {
	case only(dimensions, "InstanceId"):
		i := s.Instances[dimensions["InstanceId"]]
		if i == nil {
			return sample, false
		}
		value, ok := i.cpu(minute)
		return one(value), ok
	case only(dimensions, "AutoScalingGroupName"):
		return s.groupCPU(dimensions["AutoScalingGroupName"], minute, (*Instance).cpu)
	}
	return sample, false
}

func (s *state) groupCPU(name string, minute time.Time, cpu func(*Instance, time.Time) (float64, bool)) (Sample, bool) {
	var sample Sample
	g := s.Scaling[name]
	if g == nil {
		return sample, false
	}
	for _, i := range s.active(g) {
		if i.Lifecycle != LifecycleInService || minute.Sub(i.InService) < g.warmup() {
			continue
		}
		if value, ok := cpu(i, minute); ok {
			sample = sample.merge(one(value))
		}
	}
	return sample, sample.Count > 0
}

// cpu is the point that an instance publishes at the end of a minute: with basic monitoring only of every fifth one, the
// average of the five.
func (i *Instance) cpu(minute time.Time) (float64, bool) {
	if i.Detailed {
		return i.minuteCPU(minute)
	}
	if _, ok := i.minuteCPU(minute); !ok || minute.Unix()/60%basicPeriod != 0 {
		return 0, false
	}
	var sample Sample
	for _, value := range i.CPU[max(0, len(i.CPU)-basicPeriod):] {
		sample = sample.merge(one(value))
	}
	return sample.statistic(Average), true
}

// minuteCPU is what was measured in the minute before, published or not.
func (i *Instance) minuteCPU(minute time.Time) (float64, bool) {
	if len(i.CPU) == 0 || minute.Sub(i.CPUAt) > cpuFresh {
		return 0, false
	}
	return i.CPU[len(i.CPU)-1], true
}

// groupMetric is a metric of a group, as far as its collection is enabled.
func groupMetric(value func(*state, *Group) int) func(*state, map[string]string, time.Time) (Sample, bool) {
	return func(s *state, dimensions map[string]string, _ time.Time) (Sample, bool) {
		g := s.Scaling[dimensions["AutoScalingGroupName"]]
		if g == nil || !only(dimensions, "AutoScalingGroupName") || len(g.Spec.EnabledMetrics) == 0 {
			return Sample{}, false
		}
		return one(float64(value(s, g))), true
	}
}

func (s *state) inService(g *Group) int {
	count := 0
	for _, i := range s.members(g) {
		if i.Lifecycle == LifecycleInService {
			count++
		}
	}
	return count
}

// hostCount counts the targets of a group in a state; there is no data while none is registered ("CloudWatch metrics
// for your Network Load Balancer", "… Application Load Balancer").
func hostCount(kind string, wanted TargetState) func(*state, map[string]string, time.Time) (Sample, bool) {
	return func(s *state, dimensions map[string]string, _ time.Time) (Sample, bool) {
		if !only(dimensions, "LoadBalancer", "TargetGroup") {
			return Sample{}, false
		}
		group := s.Targets[s.bySuffix(dimensions["TargetGroup"])]
		if group == nil || len(group.Targets) == 0 {
			return Sample{}, false
		}
		for _, b := range s.balancersOf(group.ARN) {
			if b.Spec.Kind == kind && strings.HasSuffix(b.ARN, ":loadbalancer/"+dimensions["LoadBalancer"]) {
				return one(float64(group.count(wanted))), true
			}
		}
		return Sample{}, false
	}
}

// bySuffix is the ARN of the target group that metrics name by its end: targetgroup/name/0123456789abcdef.
func (s *state) bySuffix(suffix string) string {
	for _, arn := range keys(s.Targets) {
		if strings.HasSuffix(arn, ":"+suffix) {
			return arn
		}
	}
	return ""
}

func (g *TargetGroup) count(wanted TargetState) int {
	count := 0
	for _, t := range g.Targets {
		if t.State == wanted {
			count++
		}
	}
	return count
}
