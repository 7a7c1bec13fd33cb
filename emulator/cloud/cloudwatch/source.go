package cloudwatch

import (
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
)

// Query asks a metric for one minute.
type Query struct {
	Dimensions map[string]string
	Minute     time.Time // the minute's end
	Detailed   bool      // every minute's value, whatever the resource publishes
}

// Source answers for a metric of the resources that the dimensions name. It has no data for a resource that does not exist.
type Source func(Query) (Sample, bool)

// AddSource lets a source answer for a metric, e.g. "AWS/EC2", "CPUUtilization". Of several sources the first that has data
// counts.
func (s *Store) AddSource(namespace, metric string, source Source) {
	if s.sources == nil {
		s.sources = map[string][]Source{}
	}
	s.sources[namespace+" "+metric] = append(s.sources[namespace+" "+metric], source)
}

// sample asks the metric of an alarm. Target tracking sees each minute of the instances' CPU whatever their monitoring is: five
// times as fast as on AWS with basic monitoring.
func (s *Store) sample(a *Alarm, minute time.Time) (Sample, bool) {
	query := Query{Dimensions: a.Spec.Dimensions, Minute: minute, Detailed: a.Policy != ""}
	for _, source := range s.sources[a.Spec.Namespace+" "+a.Spec.Metric] {
		if sample, ok := source(query); ok {
			return sample, true
		}
	}
	return Sample{}, false
}

// HasOnly reports whether the dimensions are those with the names, and no others: CloudWatch aggregates over none.
func (q Query) HasOnly(names ...string) bool {
	for _, name := range names {
		if q.Dimensions[name] == "" {
			return false
		}
	}
	return len(q.Dimensions) == len(names)
}

// addSources registers the metrics of instances and target groups.
func (s *Store) addSources() {
	s.AddSource("AWS/EC2", "CPUUtilization", s.instanceCPU)
	for namespace, kind := range map[string]string{"AWS/NetworkELB": elb.Network, "AWS/ApplicationELB": elb.Application} {
		s.AddSource(namespace, "HealthyHostCount", s.hostCount(kind, elb.TargetHealthy))
		s.AddSource(namespace, "UnHealthyHostCount", s.hostCount(kind, elb.TargetUnhealthy))
	}
}

// instanceCPU is the CPU utilization of an instance.
func (s *Store) instanceCPU(q Query) (Sample, bool) {
	i := s.ec2.Instances[q.Dimensions["InstanceId"]]
	if i == nil || !q.HasOnly("InstanceId") {
		return Sample{}, false
	}
	value, ok := CPU(i, q)
	return One(value), ok
}

// CPUFresh is how old an instance's last minute of CPU use may be to be this minute's: the data plane measures in its own
// rhythm.
const CPUFresh = 90 * time.Second

// basicPeriod is how often an instance publishes its metrics without detailed monitoring (EC2: "Manage detailed
// monitoring").
const basicPeriod = 5

// CPU returns the point that an instance publishes at the end of a minute: with basic monitoring only of every fifth one, the
// average of the five.
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

// minuteCPU is what was measured in the minute before, published or not.
func minuteCPU(i *ec2.Instance, minute time.Time) (float64, bool) {
	if len(i.CPU) == 0 || minute.Sub(i.CPUAt) > CPUFresh {
		return 0, false
	}
	return i.CPU[len(i.CPU)-1], true
}

// hostCount counts the targets of a group in a state; there is no data while none is registered ("CloudWatch metrics
// for your Network Load Balancer", "… Application Load Balancer").
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

// bySuffix is the ARN of the target group that metrics name by its end: targetgroup/name/0123456789abcdef.
func (s *Store) bySuffix(suffix string) string {
	for _, arn := range aws.Keys(s.elb.TargetGroups) {
		if strings.HasSuffix(arn, ":"+suffix) {
			return arn
		}
	}
	return ""
}

func count(g *elb.TargetGroup, wanted elb.TargetState) int {
	count := 0
	for _, t := range g.Targets {
		if t.State == wanted {
			count++
		}
	}
	return count
}
