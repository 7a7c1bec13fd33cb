package elb

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
	"github.com/elastic-service/elastic-service/internal/matcher"
)

// HealthCheck is the health check of a target group.
type HealthCheck struct {
	Protocol           string // TCP or HTTP
	Port               string // a number, or "traffic-port": the port of the target
	Path               string // HTTP only
	Matcher            string // HTTP only: status codes of a healthy target: "200", "200,204", "200-299"
	Interval, Timeout  time.Duration
	Healthy, Unhealthy int
}

// checkHealthCheck checks the limits of the API (CreateTargetGroup).
func checkHealthCheck(spec TargetGroupSpec) error {
	check := spec.Check
	switch {
	case spec.DeregistrationDelay < 0 || spec.DeregistrationDelay > time.Hour:
		return aws.Refuse("ValidationError", "'%d' must be between 0 and 3600 inclusive: deregistration_delay.timeout_seconds",
			int(spec.DeregistrationDelay.Seconds()))
	case check.Interval < 5*time.Second || check.Interval > 300*time.Second:
		return aws.Refuse("ValidationError", "Health check interval '%v' must be between 5 and 300 seconds", check.Interval)
	case check.Timeout < 2*time.Second || check.Timeout > 120*time.Second:
		return aws.Refuse("ValidationError", "Health check timeout '%v' must be between 2 and 120 seconds", check.Timeout)
	case check.Timeout >= check.Interval:
		return aws.Refuse("ValidationError", "Health check timeout '%v' must be smaller than the interval '%v'",
			check.Timeout, check.Interval)
	case check.Healthy < 2 || check.Healthy > 10 || check.Unhealthy < 2 || check.Unhealthy > 10:
		return aws.Refuse("ValidationError", "Health check thresholds '%d' and '%d' must be between 2 and 10",
			check.Healthy, check.Unhealthy)
	}
	return checkHealthProtocol(spec)
}

// checkHealthProtocol checks port, protocol, path and matcher.
func checkHealthProtocol(spec TargetGroupSpec) error {
	check := spec.Check
	if check.Port != "traffic-port" {
		if port, err := strconv.Atoi(check.Port); err != nil || port < 1 || port > 65535 {
			return aws.Refuse("ValidationError", "Health check port '%s' must be 'traffic-port' or between 1 and 65535", check.Port)
		}
	}
	switch check.Protocol {
	case "TCP":
		switch {
		case spec.Protocol == "HTTP":
			return aws.Refuse("ValidationError", "Health check protocol 'TCP' is not supported for target groups with protocol 'HTTP'")
		case check.Path != "":
			return aws.Refuse("ValidationError", "Health check path '%s' is not supported for health checks with protocol 'TCP'", check.Path)
		case check.Matcher != "":
			return aws.Refuse("ValidationError", "Health check matcher '%s' is not supported for health checks with protocol 'TCP'", check.Matcher)
		}
		return nil
	case "HTTP":
		if !strings.HasPrefix(check.Path, "/") || len(check.Path) > 1024 {
			return aws.Refuse("ValidationError", "Health check path '%s' must begin with '/' and have at most 1024 characters", check.Path)
		}
		return checkMatcher(check.Matcher, highestCode(spec.Protocol))
	}
	return aws.Refuse("ValidationError", "Health check protocol '%s' is not supported here: TCP or HTTP", check.Protocol)
}

// highestCode returns the highest status code that a matcher may name. For a network load balancer it may name server
// errors as well (API: Matcher).
func highestCode(protocol string) int {
	if protocol == "TCP" {
		return 599
	}
	return 499
}

// checkMatcher checks a list of status codes and ranges of status codes.
func checkMatcher(text string, highest int) error {
	codes, err := matcher.Parse(text)
	if _, outside := codes.Outside(200, highest); err != nil || outside {
		return aws.Refuse("ValidationError", "Health check matcher HTTP code '%s' must be within '200-%d'", text, highest)
	}
	return nil
}

// The reasons of an unhealthy target (API: TargetHealth).
const (
	ReasonFailed   = "Target.FailedHealthChecks"
	ReasonMismatch = "Target.ResponseCodeMismatch"
	ReasonTimeout  = "Target.Timeout"
)

// ProbeFault is a failed health check in the words of ELB. Network load balancers have a single reason for all
// failures.
type ProbeFault struct {
	Reason      string
	Description string
}

func (f *ProbeFault) Error() string { return f.Description }

// faultOf words any error of a probe.
func faultOf(check HealthCheck, err error) *ProbeFault {
	var fault *ProbeFault
	var dropped *vpc.Blocked
	switch {
	case errors.As(err, &fault):
		return fault
	case errors.As(err, &dropped) && check.Protocol == "HTTP":
		return &ProbeFault{ReasonTimeout, "Request timed out: " + err.Error()}
	}
	return &ProbeFault{ReasonFailed, "Health checks failed: " + err.Error()}
}

// Probe reports the result of a health check of a target: nil for success, a [ProbeFault], or another error from which
// a ProbeFault is made. The result for a registration that has ended is ignored.
//
// A new target is healthy after its first success. A target that was unhealthy is healthy after as many successes in a
// row as the healthy threshold of the health check (ELB: "Health checks for Network Load Balancer target groups").
func (s *Store) Probe(targetGroup, incarnation string, result error, now time.Time) (changed bool) {
	group := s.TargetGroups[targetGroup]
	if group == nil {
		return false
	}
	at := slices.IndexFunc(group.Targets, func(t *Target) bool { return t.Incarnation == incarnation })
	return at >= 0 && group.Targets[at].probed(group.Spec.Check, result, now)
}

// probed counts a result and reports whether the target's state changed.
func (t *Target) probed(check HealthCheck, result error, now time.Time) bool {
	if t.State != TargetInitial && t.State != TargetHealthy && t.State != TargetUnhealthy {
		return false
	}
	if result == nil {
		t.Successes, t.Failures = t.Successes+1, 0
		if t.State == TargetInitial || t.State == TargetUnhealthy && t.Successes >= check.Healthy {
			t.State, t.Reason, t.Description, t.Since = TargetHealthy, "", "", now
			return true
		}
		return false
	}
	t.Successes, t.Failures = 0, t.Failures+1
	fault := faultOf(check, result)
	if t.State != TargetUnhealthy {
		if t.Failures < check.Unhealthy {
			return false
		}
		t.State, t.Since = TargetUnhealthy, now
	} else if t.Description == fault.Description {
		return false
	}
	t.Reason, t.Description = fault.Reason, fault.Description
	return true
}

// ProbeTarget tells the data plane which target to probe, and how.
type ProbeTarget struct {
	TargetGroup string
	Incarnation string
	Instance    string
	Address     netip.Addr // private address of the instance
	Port        int        // to probe
	Check       HealthCheck
	Blocked     *vpc.Blocked // what keeps probes from arriving
}

// ProbeTargets returns the targets that are to be probed.
func (s *Store) ProbeTargets() []ProbeTarget {
	var targets []ProbeTarget
	for _, arn := range aws.Keys(s.TargetGroups) {
		group := s.TargetGroups[arn]
		for _, t := range group.Targets {
			i := s.ec2.Instances[t.Instance]
			if i == nil || t.State == TargetUnused || t.State == TargetDraining {
				continue
			}
			port := group.Spec.Check.PortOf(t)
			targets = append(targets, ProbeTarget{
				TargetGroup: arn, Incarnation: t.Incarnation, Instance: i.ID, Address: i.Address, Port: port,
				Check: group.Spec.Check, Blocked: s.blockedFromBalancer(group, i, port, false),
			})
		}
	}
	return targets
}

// PortOf returns the port on which a target is probed.
func (h HealthCheck) PortOf(t *Target) int {
	if port, err := strconv.Atoi(h.Port); err == nil {
		return port
	}
	return t.Port
}

// TargetHealth is the health of a registered target.
type TargetHealth struct {
	TargetGroup string
	ID          string // as in [ForwardTarget]
	Instance    string
	Port        int
	Incarnation string
	State       TargetState
	Reason      string
	Description string
	Since       time.Time
}

// DescribeTargetHealth returns the health of the targets of all groups (API: DescribeTargetHealth).
func (s *Store) DescribeTargetHealth() []TargetHealth {
	var all []TargetHealth
	for _, arn := range aws.Keys(s.TargetGroups) {
		for _, t := range s.TargetGroups[arn].Targets {
			all = append(all, TargetHealth{
				TargetGroup: arn, ID: s.TargetGroups[arn].targetID(t), Instance: t.Instance, Port: t.Port, Incarnation: t.Incarnation,
				State: t.State, Reason: t.Reason, Description: t.Description, Since: t.Since,
			})
		}
	}
	return all
}
