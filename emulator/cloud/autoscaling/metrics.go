package autoscaling

import (
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
)

// addSources adds the metrics of groups.
func (s *Store) addSources() {
	s.cloudwatch.AddSource("AWS/EC2", "CPUUtilization", s.groupCPU)
	s.cloudwatch.AddSource("AWS/AutoScaling", "GroupDesiredCapacity", s.groupMetric(func(g *Group) int { return g.Desired }))
	s.cloudwatch.AddSource("AWS/AutoScaling", "GroupInServiceInstances", s.groupMetric(s.inService))
}

// groupCPU is the source of the CPU utilization of a group's members. A member that is warming up does not count (Auto
// Scaling: "Step and simple scaling policies", instance warmup).
func (s *Store) groupCPU(q cloudwatch.Query) (cloudwatch.Sample, bool) {
	var sample cloudwatch.Sample
	g := s.Groups[q.Dimensions["AutoScalingGroupName"]]
	if g == nil || !q.HasOnly("AutoScalingGroupName") {
		return sample, false
	}
	for _, i := range s.Active(g) {
		if i.Lifecycle != ec2.LifecycleInService || q.Minute.Sub(i.InService) < g.warmup() {
			continue
		}
		if value, ok := cloudwatch.CPU(i, q); ok {
			sample = sample.Merge(cloudwatch.One(value))
		}
	}
	return sample, sample.Count > 0
}

// groupMetric returns the source of a metric of a group, if the collection of group metrics is enabled.
func (s *Store) groupMetric(value func(*Group) int) cloudwatch.Source {
	return func(q cloudwatch.Query) (cloudwatch.Sample, bool) {
		g := s.Groups[q.Dimensions["AutoScalingGroupName"]]
		if g == nil || !q.HasOnly("AutoScalingGroupName") || len(g.Spec.EnabledMetrics) == 0 {
			return cloudwatch.Sample{}, false
		}
		return cloudwatch.One(float64(value(g))), true
	}
}

// inService counts the members that are in service.
func (s *Store) inService(g *Group) int {
	count := 0
	for _, i := range s.members(g) {
		if i.Lifecycle == ec2.LifecycleInService {
			count++
		}
	}
	return count
}
