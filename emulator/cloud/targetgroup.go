package cloud

import (
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/internal/matcher"
)

// HealthCheck is a target group's.
type HealthCheck struct {
	Protocol           string // TCP or HTTP
	Port               string // a number, or "traffic-port": the one on which the target serves
	Path               string // HTTP only: where to ask
	Matcher            string // HTTP only: the status codes of a healthy target: "200", "200,204", "200-299"
	Interval, Timeout  time.Duration
	Healthy, Unhealthy int
}

// TargetGroupSpec is what a target group is made of.
type TargetGroupSpec struct {
	Name                string
	Port                int    // on which targets serve that are registered without their own
	Protocol            string // TCP or HTTP
	VPC                 string
	DeregistrationDelay time.Duration
	Check               HealthCheck
}

// TargetGroup is a set of targets with their health.
type TargetGroup struct {
	ARN     string
	Spec    TargetGroupSpec
	Targets []*Target
}

// TargetState is one of ELB's (API: TargetHealth).
type TargetState string

// The states of a target.
const (
	TargetInitial   TargetState = "initial"
	TargetHealthy   TargetState = "healthy"
	TargetUnhealthy TargetState = "unhealthy"
	TargetDraining  TargetState = "draining"
	TargetUnused    TargetState = "unused"
)

// Target is a port of an instance, registered with a target group.
type Target struct {
	Instance    string
	Port        int    // never 0
	Incarnation string // of this registration: results of an earlier one's probes are void
	State       TargetState
	Reason      string // ELB's code, e.g. Target.FailedHealthChecks
	Description string
	Successes   int // in a row
	Failures    int // in a row
	Since       time.Time
	DrainUntil  time.Time
}

// CreateTargetGroup makes an empty target group.
func (c *Cloud) CreateTargetGroup(spec TargetGroupSpec) (TargetGroup, error) {
	group := TargetGroup{ARN: c.ARN("elasticloadbalancing", "targetgroup/"+spec.Name+"/"+randomHex(8)), Spec: spec}
	err := c.change(func(s *state) error {
		if err := checkELBName(spec.Name); err != nil {
			return err
		}
		if s.VPCs[spec.VPC] == nil {
			return refuse("ValidationError", "The VPC ID '%s' is not found", spec.VPC)
		}
		if spec.Port < 1 || spec.Port > 65535 {
			return refuse("ValidationError", "Port '%d' must be between 1 and 65535", spec.Port)
		}
		if spec.Protocol != "TCP" && spec.Protocol != "HTTP" {
			return refuse("ValidationError", "Target group protocol '%s' is not supported here: TCP or HTTP", spec.Protocol)
		}
		if err := checkHealthCheck(spec); err != nil {
			return err
		}
		for _, other := range s.Targets {
			if other.Spec.Name == spec.Name {
				return refuse("DuplicateTargetGroupName", "A target group with the name '%s' already exists", spec.Name)
			}
		}
		copied := group
		s.Targets[group.ARN] = &copied
		return nil
	})
	return group, err
}

// checkHealthCheck holds the limits of the API (CreateTargetGroup).
func checkHealthCheck(spec TargetGroupSpec) error {
	check := spec.Check
	switch {
	case spec.DeregistrationDelay < 0 || spec.DeregistrationDelay > time.Hour:
		return refuse("ValidationError", "'%d' must be between 0 and 3600 inclusive: deregistration_delay.timeout_seconds",
			int(spec.DeregistrationDelay.Seconds()))
	case check.Interval < 5*time.Second || check.Interval > 300*time.Second:
		return refuse("ValidationError", "Health check interval '%v' must be between 5 and 300 seconds", check.Interval)
	case check.Timeout < 2*time.Second || check.Timeout > 120*time.Second:
		return refuse("ValidationError", "Health check timeout '%v' must be between 2 and 120 seconds", check.Timeout)
	case check.Timeout >= check.Interval:
		return refuse("ValidationError", "Health check timeout '%v' must be smaller than the interval '%v'",
			check.Timeout, check.Interval)
	case check.Healthy < 2 || check.Healthy > 10 || check.Unhealthy < 2 || check.Unhealthy > 10:
		return refuse("ValidationError", "Health check thresholds '%d' and '%d' must be between 2 and 10",
			check.Healthy, check.Unhealthy)
	}
	return checkHealthProtocol(spec)
}

func checkHealthProtocol(spec TargetGroupSpec) error {
	check := spec.Check
	if check.Port != "traffic-port" {
		if port, err := strconv.Atoi(check.Port); err != nil || port < 1 || port > 65535 {
			return refuse("ValidationError", "Health check port '%s' must be 'traffic-port' or between 1 and 65535", check.Port)
		}
	}
	switch check.Protocol {
	case "TCP":
		switch {
		case spec.Protocol == "HTTP":
			return refuse("ValidationError", "Health check protocol 'TCP' is not supported for target groups with protocol 'HTTP'")
		case check.Path != "":
			return refuse("ValidationError", "Health check path '%s' is not supported for health checks with protocol 'TCP'", check.Path)
		case check.Matcher != "":
			return refuse("ValidationError", "Health check matcher '%s' is not supported for health checks with protocol 'TCP'", check.Matcher)
		}
		return nil
	case "HTTP":
		if !strings.HasPrefix(check.Path, "/") || len(check.Path) > 1024 {
			return refuse("ValidationError", "Health check path '%s' must begin with '/' and have at most 1024 characters", check.Path)
		}
		return checkMatcher(check.Matcher, highestCode(spec.Protocol))
	}
	return refuse("ValidationError", "Health check protocol '%s' is not supported here: TCP or HTTP", check.Protocol)
}

// highestCode is the last status code that a matcher may name: a network balancer takes server errors as well (API: Matcher).
func highestCode(protocol string) int {
	if protocol == "TCP" {
		return 599
	}
	return 499
}

// checkMatcher takes a list of status codes and of ranges of them.
func checkMatcher(text string, highest int) error {
	codes, err := matcher.Parse(text)
	if _, outside := codes.Outside(200, highest); err != nil || outside {
		return refuse("ValidationError", "Health check matcher HTTP code '%s' must be within '200-%d'", text, highest)
	}
	return nil
}

// UpdateTargetGroup changes the health check and the deregistration delay.
func (c *Cloud) UpdateTargetGroup(arn string, spec TargetGroupSpec) error {
	return c.change(func(s *state) error {
		group := s.Targets[arn]
		if group == nil {
			return refuse("TargetGroupNotFound", "Target group '%s' not found", arn)
		}
		spec.Protocol = group.Spec.Protocol
		if err := checkHealthCheck(spec); err != nil {
			return err
		}
		group.Spec.Check, group.Spec.DeregistrationDelay = spec.Check, spec.DeregistrationDelay
		return nil
	})
}

// DeleteTargetGroup removes a group that no listener forwards to.
func (c *Cloud) DeleteTargetGroup(arn string) error {
	return c.change(func(s *state) error {
		for _, listener := range s.Listeners {
			if listener.TargetGroup == arn {
				return refuse("ResourceInUse", "Target group '%s' is currently in use by a listener or a rule", arn)
			}
		}
		delete(s.Targets, arn)
		return nil
	})
}

// register adds a port of an instance to a target group.
func (s *state) register(group *TargetGroup, instance string, port int, now time.Time) {
	group.Targets = slices.DeleteFunc(group.Targets, func(t *Target) bool { return t.is(instance, port) })
	target := &Target{Instance: instance, Port: port, Incarnation: randomHex(4), Since: now}
	s.await(group, target)
	group.Targets = append(group.Targets, target)
}

func (t *Target) is(instance string, port int) bool { return t.Instance == instance && t.Port == port }

// target finds a registration, or returns nil.
func (g *TargetGroup) target(instance string, port int) *Target {
	for _, t := range g.Targets {
		if t.is(instance, port) {
			return t
		}
	}
	return nil
}

// id names a target: by its instance, and by its port too unless that is the group's.
func (g *TargetGroup) id(t *Target) string {
	if t.Port == g.Spec.Port {
		return t.Instance
	}
	return t.Instance + ":" + strconv.Itoa(t.Port)
}

// await gives a target the state that it has before its first probe.
func (s *state) await(group *TargetGroup, target *Target) {
	switch {
	case len(s.balancersOf(group.ARN)) == 0:
		target.State, target.Reason = TargetUnused, "Target.NotInUse"
		target.Description = "Target group is not configured to receive traffic from the load balancer"
	case !s.zoneEnabled(group, target.Instance):
		target.State, target.Reason = TargetUnused, "Target.NotInUse"
		target.Description = "Target is in an Availability Zone that is not enabled for the load balancer"
	default:
		target.State, target.Reason = TargetInitial, "Elb.InitialHealthChecking"
		target.Description = "Initial health checks in progress"
	}
}

func (s *state) zoneEnabled(group *TargetGroup, instance string) bool {
	i := s.Instances[instance]
	for _, b := range s.balancersOf(group.ARN) {
		for _, subnet := range b.Spec.Subnets {
			if found := s.Subnets[subnet]; i != nil && found != nil && found.Zone == i.Zone {
				return true
			}
		}
	}
	return false
}

// deregister begins to drain a target, or drops it at once if its instance is gone.
func (s *state) deregister(group *TargetGroup, instance string, port int, now time.Time, gone bool) {
	target := group.target(instance, port)
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

// reconcileTargets ends draining that has lasted long enough, and follows listeners that came or went.
func (s *state) reconcileTargets(now time.Time) bool {
	changed := false
	for _, arn := range keys(s.Targets) {
		group := s.Targets[arn]
		before := len(group.Targets)
		group.Targets = slices.DeleteFunc(group.Targets, func(t *Target) bool {
			return t.State == TargetDraining && !now.Before(t.DrainUntil)
		})
		changed = changed || len(group.Targets) != before
		used := len(s.balancersOf(arn)) > 0
		for _, target := range group.Targets {
			if target.State != TargetDraining && used == (target.State == TargetUnused) && (!used || s.zoneEnabled(group, target.Instance)) {
				s.await(group, target)
				target.Since, changed = now, true
			}
		}
	}
	return changed
}

// The reasons of an unhealthy target (API: TargetHealth).
const (
	ReasonFailed   = "Target.FailedHealthChecks"
	ReasonMismatch = "Target.ResponseCodeMismatch"
	ReasonTimeout  = "Target.Timeout"
)

// ProbeFault is a failed health check in ELB's words. Network balancers have but one reason for all.
type ProbeFault struct {
	Reason      string
	Description string
}

func (f *ProbeFault) Error() string { return f.Description }

// faultOf words any error of a probe.
func faultOf(check HealthCheck, err error) *ProbeFault {
	var fault *ProbeFault
	var dropped *Blocked
	switch {
	case errors.As(err, &fault):
		return fault
	case errors.As(err, &dropped) && check.Protocol == "HTTP":
		return &ProbeFault{ReasonTimeout, "Request timed out: " + err.Error()}
	}
	return &ProbeFault{ReasonFailed, "Health checks failed: " + err.Error()}
}

// Probe reports the result of one health check of a target: nil for success, a [ProbeFault], or another error that it is
// made from. Results for a registration that is over change nothing.
//
// A new target is healthy after its first success; one that was unhealthy after as many in a row as the check's healthy
// threshold (ELB: "Health checks for Network Load Balancer target groups").
func (c *Cloud) Probe(targetGroup, incarnation string, result error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	group := c.state.Targets[targetGroup]
	if group == nil {
		return
	}
	at := slices.IndexFunc(group.Targets, func(t *Target) bool { return t.Incarnation == incarnation })
	if at < 0 {
		return
	}
	if group.Targets[at].probed(group.Spec.Check, result, c.clock.Now()) {
		c.touch()
	}
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

// ProbeTarget tells the data plane whom to ask for its health, and how.
type ProbeTarget struct {
	TargetGroup string
	Incarnation string
	Instance    string
	Address     netip.Addr // private address of the instance
	Port        int        // to be asked
	Check       HealthCheck
	Blocked     *Blocked // what keeps the probes from arriving
}

// ProbeTargets lists the targets that are being probed.
func (c *Cloud) ProbeTargets() []ProbeTarget {
	var targets []ProbeTarget
	c.view(func(s *state) {
		for _, arn := range keys(s.Targets) {
			group := s.Targets[arn]
			for _, t := range group.Targets {
				i := s.Instances[t.Instance]
				if i == nil || t.State == TargetUnused || t.State == TargetDraining {
					continue
				}
				port := group.Spec.Check.port(t)
				targets = append(targets, ProbeTarget{
					TargetGroup: arn, Incarnation: t.Incarnation, Instance: i.ID, Address: i.Address, Port: port,
					Check: group.Spec.Check, Blocked: s.blockedFromBalancer(group, i, port, false),
				})
			}
		}
	})
	return targets
}

// port is the one on which a target is asked for its health.
func (h HealthCheck) port(t *Target) int {
	if port, err := strconv.Atoi(h.Port); err == nil {
		return port
	}
	return t.Port
}

// blockedFromBalancer is what stops a balancer of the target group from reaching a port of an instance: clients' flows,
// which a network balancer passes on with their addresses, or its own probes.
func (s *state) blockedFromBalancer(group *TargetGroup, i *Instance, port int, flows bool) *Blocked {
	var blocked *Blocked
	for _, b := range s.balancersOf(group.ARN) {
		if blocked = s.reachTarget(b, s.instancePeer(i), port, flows && b.Spec.Kind == NetworkBalancer); blocked == nil {
			return nil
		}
	}
	return blocked
}

// TargetHealth is a registered target as people see it.
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

// TargetHealth lists the targets of all groups with their states (API: DescribeTargetHealth).
func (c *Cloud) TargetHealth() []TargetHealth {
	var all []TargetHealth
	c.view(func(s *state) {
		for _, arn := range keys(s.Targets) {
			for _, t := range s.Targets[arn].Targets {
				all = append(all, TargetHealth{arn, s.Targets[arn].id(t), t.Instance, t.Port, t.Incarnation, t.State, t.Reason, t.Description, t.Since})
			}
		}
	})
	return all
}
