package elb

import (
	"cmp"
	"slices"
	"strconv"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
)

// TargetState is the state of a target (API: TargetHealth).
type TargetState string

// The states of a target.
const (
	TargetInitial   TargetState = "initial"
	TargetHealthy   TargetState = "healthy"
	TargetUnhealthy TargetState = "unhealthy"
	TargetDraining  TargetState = "draining"
	TargetUnused    TargetState = "unused"
)

// Target is a port of an instance that is registered with a target group.
type Target struct {
	Instance    string
	Port        int    // never 0
	Incarnation string // of this registration: results of probes of an earlier registration are ignored
	State       TargetState
	Reason      string // code of ELB, e.g. Target.FailedHealthChecks
	Description string
	Successes   int // in a row
	Failures    int // in a row
	Since       time.Time
	DrainUntil  time.Time // end of draining
}

// Register adds a port of an instance to a target group.
func (s *Store) Register(group *TargetGroup, instance string, port int, now time.Time) {
	group.Targets = slices.DeleteFunc(group.Targets, func(t *Target) bool { return t.matches(instance, port) })
	target := &Target{Instance: instance, Port: port, Incarnation: aws.RandomHex(4), Since: now}
	s.AwaitFirstProbe(group, target)
	group.Targets = append(group.Targets, target)
}

func (t *Target) matches(instance string, port int) bool {
	return t.Instance == instance && t.Port == port
}

// RegisterTarget registers a port of an instance with a target group. Port 0 stands for the port of the group (API:
// RegisterTargets).
func (s *Store) RegisterTarget(arn, instance string, port int, now time.Time) error {
	group := s.TargetGroups[arn]
	if group == nil {
		return NoTargetGroup(arn)
	}
	i := s.ec2.Instances[instance]
	switch {
	case i == nil:
		return aws.Refuse("InvalidTarget", "The following targets are not in a running state: '%s' does not exist", instance)
	case !i.IsOn():
		return aws.Refuse("InvalidTarget", "The following targets are not in a running state and cannot be registered: '%s'", instance)
	case s.vpc.Subnets[i.Subnet] == nil || s.vpc.Subnets[i.Subnet].VPC != group.Spec.VPC:
		return aws.Refuse("InvalidTarget", "The following targets are not in the target group VPC '%s': '%s'", group.Spec.VPC, instance)
	}
	s.Register(group, instance, cmp.Or(port, group.Spec.Port), now)
	return nil
}

// DeregisterTarget starts the draining of a target. It ignores a target that is not registered (API:
// DeregisterTargets).
func (s *Store) DeregisterTarget(arn, instance string, port int, now time.Time) error {
	group := s.TargetGroups[arn]
	if group == nil {
		return NoTargetGroup(arn)
	}
	for _, t := range slices.Clone(group.Targets) {
		if t.Instance == instance && (port == 0 || port == t.Port) {
			s.Deregister(group, instance, t.Port, now, false)
		}
	}
	return nil
}

// NoTargetGroup refuses a request for a target group that does not exist.
func NoTargetGroup(arn string) error {
	return aws.Refuse("TargetGroupNotFound", "Target group '%s' not found", arn)
}

// Target returns a registration, or nil.
func (g *TargetGroup) Target(instance string, port int) *Target {
	for _, t := range g.Targets {
		if t.matches(instance, port) {
			return t
		}
	}
	return nil
}

// targetID names a target by its instance, and by its port too unless that is the group's port.
func (g *TargetGroup) targetID(t *Target) string {
	if t.Port == g.Spec.Port {
		return t.Instance
	}
	return t.Instance + ":" + strconv.Itoa(t.Port)
}

// AwaitFirstProbe gives a target the state that it has before its first probe.
func (s *Store) AwaitFirstProbe(group *TargetGroup, target *Target) {
	switch {
	case len(s.BalancersOf(group.ARN)) == 0:
		target.State, target.Reason = TargetUnused, "Target.NotInUse"
		target.Description = "Target group is not configured to receive traffic from the load balancer"
	case s.isStopped(target.Instance):
		target.State, target.Reason, target.Description = TargetUnused, "Target.InvalidState", "Target is in the stopped state"
	case !s.zoneEnabled(group, target.Instance):
		target.State, target.Reason = TargetUnused, "Target.NotInUse"
		target.Description = "Target is in an Availability Zone that is not enabled for the load balancer"
	default:
		target.State, target.Reason = TargetInitial, "Elb.InitialHealthChecking"
		target.Description = "Initial health checks in progress"
	}
}

// zoneEnabled reports whether a load balancer of the group has a node in the instance's zone.
func (s *Store) zoneEnabled(group *TargetGroup, instance string) bool {
	i := s.ec2.Instances[instance]
	for _, b := range s.BalancersOf(group.ARN) {
		for _, subnet := range b.Spec.Subnets {
			if found := s.vpc.Subnets[subnet]; i != nil && found != nil && found.Zone == i.Zone {
				return true
			}
		}
	}
	return false
}

// Deregister starts the draining of a target: until the deregistration delay has passed, its flows go on and it gets no
// new flows. A target whose instance is gone, or that was unused, does not drain.
func (s *Store) Deregister(group *TargetGroup, instance string, port int, now time.Time, gone bool) {
	target := group.Target(instance, port)
	if target == nil || target.State == TargetDraining {
		return
	}
	unused := target.State == TargetUnused
	target.State, target.Reason = TargetDraining, "Target.DeregistrationInProgress"
	target.Description, target.Since = "Target deregistration is in progress", now
	target.DrainUntil = now.Add(group.Spec.DeregistrationDelay)
	if gone || unused {
		target.DrainUntil = now
	}
}

// isStopped reports whether a target's instance is stopped, or about to be.
func (s *Store) isStopped(instance string) bool {
	i := s.ec2.Instances[instance]
	return i != nil && (i.State == ec2.Stopping || i.State == ec2.Stopped)
}

// Reconcile removes targets whose draining has ended, and gives targets a new state when their group gets its first listener or
// loses its last, and when their instance is stopped or started. It reports whether anything changed.
func (s *Store) Reconcile(now time.Time) bool {
	changed := false
	for _, arn := range aws.Keys(s.TargetGroups) {
		group := s.TargetGroups[arn]
		before := len(group.Targets)
		group.Targets = slices.DeleteFunc(group.Targets, func(t *Target) bool {
			return t.State == TargetDraining && !now.Before(t.DrainUntil)
		})
		changed = changed || len(group.Targets) != before
		used := len(s.BalancersOf(arn)) > 0
		for _, target := range group.Targets {
			usable := used && s.zoneEnabled(group, target.Instance) && !s.isStopped(target.Instance)
			if target.State != TargetDraining && usable == (target.State == TargetUnused) {
				s.AwaitFirstProbe(group, target)
				target.Since, changed = now, true
			}
		}
	}
	return changed
}

// AwaitProbes resets the targets that have been probed to the state before their first probe, as after a restart.
func (s *Store) AwaitProbes(now time.Time) {
	for _, group := range s.TargetGroups {
		for _, target := range group.Targets {
			if target.State == TargetHealthy || target.State == TargetUnhealthy {
				target.Successes, target.Failures, target.Since = 0, 0, now
				s.AwaitFirstProbe(group, target)
			}
		}
	}
}
