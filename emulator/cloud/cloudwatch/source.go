package cloudwatch

import (
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
)

// Query asks for a minute of a metric.
type Query struct {
	Dimensions map[string]string
	Minute     time.Time // the minute's end
	Detailed   bool      // the value of every minute, also if the resource publishes less often
}

// Source returns a minute of a metric of the resource that the dimensions name, or false if there is no data.
type Source func(Query) (Sample, bool)

// AddSource adds a source of a metric, e.g. "AWS/EC2", "CPUUtilization". If a metric has several sources, the first
// with data counts.
func (s *Store) AddSource(namespace, metric string, source Source) {
	if s.sources == nil {
		s.sources = map[string][]Source{}
	}
	s.sources[namespace+" "+metric] = append(s.sources[namespace+" "+metric], source)
}

// sample returns a minute of the metric of an alarm. Target tracking sees every minute of the CPU use of instances,
// also with basic monitoring: five times as often as on AWS.
func (s *Store) sample(a *Alarm, minute time.Time) (Sample, bool) {
	query := Query{Dimensions: a.Spec.Dimensions, Minute: minute, Detailed: a.Policy != ""}
	for _, source := range s.sources[a.Spec.Namespace+" "+a.Spec.Metric] {
		if sample, ok := source(query); ok {
			return sample, true
		}
	}
	return Sample{}, false
}

// HasOnly reports whether the query has exactly the dimensions. CloudWatch does not aggregate over missing dimensions.
func (q Query) HasOnly(names ...string) bool {
	for _, name := range names {
		if q.Dimensions[name] == "" {
			return false
		}
	}
	return len(q.Dimensions) == len(names)
}

// addSources adds the metrics of instances and target groups.
func (s *Store) addSources() {
	s.AddSource("AWS/EC2", "CPUUtilization", s.instanceCPU)
	for namespace, kind := range map[string]string{"AWS/NetworkELB": elb.Network, "AWS/ApplicationELB": elb.Application} {
		s.AddSource(namespace, "HealthyHostCount", s.hostCount(kind, elb.TargetHealthy))
		s.AddSource(namespace, "UnHealthyHostCount", s.hostCount(kind, elb.TargetUnhealthy))
	}
}

// instanceCPU is the source of the CPU utilization of an instance.
func (s *Store) instanceCPU(q Query) (Sample, bool) {
	i := s.ec2.Instances[q.Dimensions["InstanceId"]]
	if i == nil || !q.HasOnly("InstanceId") {
		return Sample{}, false
	}
	value, ok := CPU(i, q)
	return One(value), ok
}

// CPUFresh is how old the last measured CPU use may be to count for a minute: the data plane does not measure on the
// minute.
const CPUFresh = 90 * time.Second

// basicPeriod is the number of minutes between the metrics of an instance without detailed monitoring (EC2: "Manage
// detailed monitoring").
const basicPeriod = 5

// CPU returns the CPU utilization that an instance publishes at the end of a minute, or false. With basic monitoring it
// publishes every fifth minute the average of five.
func CPU(i *ec2.Instance, q Query) (float64, bool) {
	latest, ok := minuteCPU(i, q.Minute)
	if q.Detailed || i.Detailed {
		return latest, ok
	}
	if !ok || q.Minute.Unix()/60%basicPeriod != 0 {
		return 0, false
	}
	var sample Sample
	for _, value := range i.CPU[max(0, len(i.CPU)-basicPeriod):] {
		sample = sample.Merge(One(value))
	}
	return sample.statistic(Average), true
}

// minuteCPU returns the CPU utilization of the last minute, published or not.
func minuteCPU(i *ec2.Instance, minute time.Time) (float64, bool) {
	if len(i.CPU) == 0 || minute.Sub(i.CPUAt) > CPUFresh {
		return 0, false
	}
	return i.CPU[len(i.CPU)-1], true
}

// hostCount returns the source of the number of targets in a state. There is no data while no target is registered
// ("CloudWatch metrics for your Network Load Balancer", "… Application Load Balancer").
func (s *Store) hostCount(kind string, wanted elb.TargetState) Source {
	return func(q Query) (Sample, bool) {
		if !q.HasOnly("LoadBalancer", "TargetGroup") {
			return Sample{}, false
		}
		group := s.elb.TargetGroups[s.bySuffix(q.Dimensions["TargetGroup"])]
		if group == nil || len(group.Targets) == 0 {
			return Sample{}, false
		}
		for _, b := range s.elb.BalancersOf(group.ARN) {
			if b.Spec.Kind == kind && strings.HasSuffix(b.ARN, ":loadbalancer/"+q.Dimensions["LoadBalancer"]) {
				return One(float64(count(group, wanted))), true
			}
		}
		return Sample{}, false
	}
}

// bySuffix returns the ARN of the target group that a dimension names by the end of its ARN:
// targetgroup/name/0123456789abcdef.
func (s *Store) bySuffix(suffix string) string {
	for _, arn := range aws.Keys(s.elb.TargetGroups) {
		if strings.HasSuffix(arn, ":"+suffix) {
			return arn
		}
	}
	return ""
}

// count counts the targets in a state.
func count(g *elb.TargetGroup, wanted elb.TargetState) int {
	count := 0
	for _, t := range g.Targets {
		if t.State == wanted {
			count++
		}
	}
	return count
}
