package elb

import (
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// How an application load balancer chooses the target of a request (API: TargetGroupAttribute, load_balancing.algorithm.type).
const (
	RoundRobin               = "round_robin"
	LeastOutstandingRequests = "least_outstanding_requests"
	WeightedRandom           = "weighted_random" // without anomaly mitigation, which is off by default, all weights are equal
)

// checkAlgorithm refuses an algorithm that ELB refuses.
func (spec *TargetGroupSpec) checkAlgorithm() error {
	switch spec.Algorithm {
	case "":
		return nil
	case RoundRobin, LeastOutstandingRequests, WeightedRandom:
	default:
		return aws.Refuse("ValidationError", "Load balancing algorithm type '%s' must be one of '%s, %s, %s'", spec.Algorithm,
			RoundRobin, LeastOutstandingRequests, WeightedRandom)
	}
	if spec.Protocol != "HTTP" {
		return aws.Refuse("InvalidConfigurationRequest", "Target group attribute key 'load_balancing.algorithm.type' is not supported on "+
			"target groups with protocol '%s'", spec.Protocol)
	}
	return nil
}

// TargetGroupSpec describes a target group.
type TargetGroupSpec struct {
	Name                string
	Port                int    // of targets that are registered without a port
	Protocol            string // TCP or HTTP
	VPC                 string
	DeregistrationDelay time.Duration
	Algorithm           string // HTTP only: one of the Algorithm constants; "" stands for RoundRobin
	Check               HealthCheck
}

// TargetGroup is a set of targets with their health.
type TargetGroup struct {
	ARN     string
	Spec    TargetGroupSpec
	Targets []*Target
}

// CreateTargetGroup creates an empty target group.
func (s *Store) CreateTargetGroup(spec TargetGroupSpec) (TargetGroup, error) {
	group := TargetGroup{ARN: s.region.ARN("elasticloadbalancing", "targetgroup/"+spec.Name+"/"+aws.RandomHex(8)), Spec: spec}
	if err := checkELBName(spec.Name); err != nil {
		return TargetGroup{}, err
	}
	if s.vpc.VPCs[spec.VPC] == nil {
		return TargetGroup{}, aws.Refuse("ValidationError", "The VPC ID '%s' is not found", spec.VPC)
	}
	if spec.Port < 1 || spec.Port > 65535 {
		return TargetGroup{}, aws.Refuse("ValidationError", "Port '%d' must be between 1 and 65535", spec.Port)
	}
	if spec.Protocol != "TCP" && spec.Protocol != "HTTP" {
		return TargetGroup{}, aws.Refuse("ValidationError", "Target group protocol '%s' is not supported here: TCP or HTTP", spec.Protocol)
	}
	if err := checkHealthCheck(spec); err != nil {
		return TargetGroup{}, err
	}
	if err := spec.checkAlgorithm(); err != nil {
		return TargetGroup{}, err
	}
	for _, other := range s.TargetGroups {
		if other.Spec.Name == spec.Name {
			return TargetGroup{}, aws.Refuse("DuplicateTargetGroupName", "A target group with the name '%s' already exists", spec.Name)
		}
	}
	copied := group
	s.TargetGroups[group.ARN] = &copied
	return group, nil
}

// UpdateTargetGroup changes the health check and the attributes.
func (s *Store) UpdateTargetGroup(arn string, spec TargetGroupSpec) error {
	group := s.TargetGroups[arn]
	if group == nil {
		return NoTargetGroup(arn)
	}
	spec.Protocol = group.Spec.Protocol
	if err := checkHealthCheck(spec); err != nil {
		return err
	}
	if err := spec.checkAlgorithm(); err != nil {
		return err
	}
	group.Spec.Check, group.Spec.DeregistrationDelay, group.Spec.Algorithm = spec.Check, spec.DeregistrationDelay, spec.Algorithm
	return nil
}

// DeleteTargetGroup deletes a target group to which no listener forwards.
func (s *Store) DeleteTargetGroup(arn string) error {
	for _, listener := range s.Listeners {
		if listener.TargetGroup == arn {
			return aws.Refuse("ResourceInUse", "Target group '%s' is currently in use by a listener or a rule", arn)
		}
	}
	delete(s.TargetGroups, arn)
	return nil
}

// DescribeTargetGroups returns the target groups without their targets, sorted by ARN (API: DescribeTargetGroups). See
// [Store.DescribeTargetHealth] for the targets.
func (s *Store) DescribeTargetGroups() []TargetGroup {
	var all []TargetGroup
	for _, arn := range aws.Keys(s.TargetGroups) {
		all = append(all, TargetGroup{ARN: arn, Spec: s.TargetGroups[arn].Spec})
	}
	return all
}
