package cloudwatch

import (
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/metric"
)

// The namespaces of load balancers.
const (
	NamespaceNetworkELB     = "AWS/NetworkELB"
	NamespaceApplicationELB = "AWS/ApplicationELB"
)

// balancerNamespaces has the namespace of each kind of load balancer.
var balancerNamespaces = map[string]string{elb.Network: NamespaceNetworkELB, elb.Application: NamespaceApplicationELB}

// The dimensions of load balancers.
const (
	dimensionBalancer    = "LoadBalancer" // net/name/0123456789abcdef
	dimensionTargetGroup = "TargetGroup"  // targetgroup/name/0123456789abcdef
	dimensionZone        = "AvailabilityZone"
)

// collectBalancers collects the metrics of load balancers and their target groups (ELB: "CloudWatch metrics for your Network
// Load Balancer", "… Application Load Balancer").
func (s *Store) collectBalancers(_ time.Time, put func(Metric, metric.Sample)) {
	traffic := s.elb.TakeTraffic()
	for _, arn := range aws.Keys(s.elb.LoadBalancers) {
		b := s.elb.LoadBalancers[arn]
		of := putting{balancerNamespaces[b.Spec.Kind], map[string]string{dimensionBalancer: balancerDimension(arn)}, put}
		if b.Spec.Kind == elb.Network {
			of.flows(traffic.Balancers[arn])
		} else {
			of.requests(traffic.Balancers[arn])
		}
	}
	for _, arn := range aws.Keys(s.elb.TargetGroups) {
		group := s.elb.TargetGroups[arn]
		for _, b := range s.elb.BalancersOf(arn) {
			of := putting{balancerNamespaces[b.Spec.Kind], map[string]string{
				dimensionBalancer: balancerDimension(b.ARN), dimensionTargetGroup: groupDimension(arn),
			}, put}
			s.hosts(of, group)
			if b.Spec.Kind == elb.Application {
				of.answers(traffic.Groups[elb.Served{Balancer: b.ARN, TargetGroup: arn}], s.countTargets(group, "", elb.TargetHealthy))
			}
		}
	}
}

// balancerDimension returns the end of a load balancer's ARN that names it in metrics.
func balancerDimension(arn string) string {
	_, name, _ := strings.Cut(arn, ":loadbalancer/")
	return name
}

// groupDimension returns the end of a target group's ARN that names it in metrics.
func groupDimension(arn string) string { return arn[strings.LastIndex(arn, ":")+1:] }

// putting puts metrics of a namespace with the same dimensions.
type putting struct {
	namespace  string
	dimensions map[string]string
	put        func(Metric, metric.Sample)
}

func (p putting) sample(name string, sample metric.Sample) {
	p.put(Metric{Namespace: p.namespace, Name: name, Dimensions: p.dimensions}, sample)
}

// count puts a number that is reported at every minute.
func (p putting) count(name string, n int) { p.sample(name, metric.One(float64(n))) }

// events puts so many events, each of which is a value of 1. There is no data without an event.
func (p putting) events(name string, n int) { p.sample(name, metric.Times(1, n)) }

// flows puts the metrics of a network load balancer. They are always reported.
func (p putting) flows(t metric.Traffic) {
	if t.Active.Count == 0 {
		t.Active = metric.One(0)
	}
	p.sample("ActiveFlowCount", t.Active)
	p.count("NewFlowCount", t.New)
	p.count("ProcessedBytes", t.Bytes)
	p.count("TCP_Client_Reset_Count", t.ClientResets)
	p.count("TCP_Target_Reset_Count", t.TargetResets)
	p.count("TCP_ELB_Reset_Count", t.BalancerResets)
	p.count("RejectedFlowCount", 0) // the emulator's balancers are never full
}

// requests puts the metrics of an application load balancer. They are reported if they are not zero.
func (p putting) requests(t metric.Traffic) {
	if most := t.Active.Max; most > 0 { // only the sum is meaningful: a single value
		p.sample("ActiveConnectionCount", metric.One(most))
	}
	p.events("NewConnectionCount", t.New)
	if t.Bytes > 0 {
		p.count("ProcessedBytes", t.Bytes)
	}
	p.events("RequestCount", t.Requests)
	p.targetAnswers(t)
	digits := [6]int{}
	for status, n := range t.BalancerAnswers {
		digits[min(status/100, 5)] += n
	}
	p.events("HTTPCode_ELB_3XX_Count", digits[3])
	p.events("HTTPCode_ELB_4XX_Count", digits[4])
	p.events("HTTPCode_ELB_5XX_Count", digits[5])
	p.events("HTTPCode_ELB_502_Count", t.BalancerAnswers[http.StatusBadGateway])
	p.events("HTTPCode_ELB_503_Count", t.BalancerAnswers[http.StatusServiceUnavailable])
	p.events("HTTPCode_ELB_504_Count", t.BalancerAnswers[http.StatusGatewayTimeout])
	p.events("HTTP_Redirect_Count", digits[3])
}

// answers puts the metrics of a target group of an application load balancer.
func (p putting) answers(t metric.Traffic, healthy int) {
	p.events("RequestCount", t.Requests)
	p.targetAnswers(t)
	if t.Requests > 0 {
		each := metric.One(float64(t.Requests) / float64(max(1, healthy)))
		p.sample("RequestCountPerTarget", each)
		p.put(Metric{
			Namespace: p.namespace, Name: "RequestCountPerTarget",
			Dimensions: map[string]string{dimensionTargetGroup: p.dimensions[dimensionTargetGroup]},
		}, each)
	}
}

// targetAnswers puts what targets have answered, which is reported for the balancer and for each target group.
func (p putting) targetAnswers(t metric.Traffic) {
	p.events("HTTPCode_Target_2XX_Count", t.TargetAnswers[2])
	p.events("HTTPCode_Target_3XX_Count", t.TargetAnswers[3])
	p.events("HTTPCode_Target_4XX_Count", t.TargetAnswers[4])
	p.events("HTTPCode_Target_5XX_Count", t.TargetAnswers[5])
	p.events("TargetConnectionErrorCount", t.ConnectionErrors)
	p.sample("TargetResponseTime", t.ResponseTime)
}

// hosts puts the numbers of healthy and of unhealthy targets, also for each zone. There is no data while no target is
// registered.
func (s *Store) hosts(p putting, group *elb.TargetGroup) {
	zones := map[string]bool{}
	for _, t := range group.Targets {
		zones[s.zoneOf(t)] = true
	}
	if len(zones) > 0 {
		zones[""] = true
	}
	for _, zone := range aws.Keys(zones) {
		of := p
		if zone != "" {
			of.dimensions = maps.Clone(p.dimensions)
			of.dimensions[dimensionZone] = zone
		}
		of.count("HealthyHostCount", s.countTargets(group, zone, elb.TargetHealthy))
		of.count("UnHealthyHostCount", s.countTargets(group, zone, elb.TargetUnhealthy))
	}
}

// zoneOf returns the zone of a target's instance.
func (s *Store) zoneOf(t *elb.Target) string {
	if i := s.ec2.Instances[t.Instance]; i != nil {
		return i.Zone
	}
	return ""
}

// countTargets counts the targets in a state, in a zone or in all if it is "".
func (s *Store) countTargets(g *elb.TargetGroup, zone string, wanted elb.TargetState) int {
	count := 0
	for _, t := range g.Targets {
		if t.State == wanted && (zone == "" || s.zoneOf(t) == zone) {
			count++
		}
	}
	return count
}
