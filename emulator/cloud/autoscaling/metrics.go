package autoscaling

import (
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/metric"
)

// namespace is that of the metrics of groups.
const namespace = "AWS/AutoScaling"

// collect collects the metrics of groups.
func (s *Store) collect(minute time.Time, put func(cloudwatch.Metric, metric.Sample)) {
	for _, name := range aws.Keys(s.Groups) {
		g, of := s.Groups[name], map[string]string{"AutoScalingGroupName": name}
		published, measured := s.groupCPU(g, minute)
		m := cloudwatch.Metric{Namespace: cloudwatch.NamespaceEC2, Name: cloudwatch.CPUUtilization, Dimensions: of}
		put(m, published)
		m.Unpublished = true
		put(m, measured)
		for name, value := range s.groupMetrics(g) {
			if slices.Contains(g.Spec.EnabledMetrics, name) {
				put(cloudwatch.Metric{Namespace: namespace, Name: name, Dimensions: of}, metric.One(float64(value)))
			}
		}
	}
}

// groupCPU returns the CPU utilization of a group's members, as they publish it and as they measure it. A member that is
// warming up does not count (Auto Scaling: "Step and simple scaling policies", instance warmup).
func (s *Store) groupCPU(g *Group, minute time.Time) (published, measured metric.Sample) {
	for _, i := range s.Active(g) {
		if i.Lifecycle != ec2.LifecycleInService || minute.Sub(i.InService) < g.warmup() {
			continue
		}
		if value, ok := cloudwatch.CPU(i, minute); ok {
			published = published.Merge(metric.One(value))
		}
		if value, ok := cloudwatch.MinuteCPU(i, minute); ok {
			measured = measured.Merge(metric.One(value))
		}
	}
	return published, measured
}

// groupMetrics returns the metrics of a group that can be enabled (Auto Scaling: "Amazon CloudWatch metrics for Amazon EC2 Auto
// Scaling").
func (s *Store) groupMetrics(g *Group) map[string]int {
	metrics := map[string]int{
		"GroupMinSize": g.Spec.Min, "GroupMaxSize": g.Spec.Max, "GroupDesiredCapacity": g.Desired,
		"GroupInServiceInstances": 0, "GroupPendingInstances": 0, "GroupTerminatingInstances": 0, "GroupStandbyInstances": 0,
	}
	all := s.members(g)
	for _, i := range all {
		switch {
		case i.Lifecycle == ec2.LifecycleInService:
			metrics["GroupInServiceInstances"]++
		case i.Lifecycle.IsTerminating():
			metrics["GroupTerminatingInstances"]++
		default:
			metrics["GroupPendingInstances"]++
		}
	}
	metrics["GroupTotalInstances"] = len(all)
	return metrics
}
