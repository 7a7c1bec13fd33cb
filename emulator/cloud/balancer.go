package cloud

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// LoadBalancerSpec is what a network load balancer is made of.
type LoadBalancerSpec struct {
	Name           string
	Internal       bool
	Subnets        []string
	SecurityGroups []string
	CrossZone      bool
}

// LoadBalancer is a network load balancer. It has one address here, where AWS gives it one a zone.
type LoadBalancer struct {
	ARN     string
	Spec    LoadBalancerSpec
	Address netip.Addr // 127.255.0.N, and its DNS name, so that clients of this machine find it
	Created time.Time
}

// HealthCheck is a target group's.
type HealthCheck struct {
	Protocol           string
	Port               string // a number, or "traffic-port"
	Interval, Timeout  time.Duration
	Healthy, Unhealthy int
}

// TargetGroupSpec is what a target group is made of.
type TargetGroupSpec struct {
	Name                string
	Port                int
	Protocol            string
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

// Target is an instance registered with a target group.
type Target struct {
	Instance    string
	Incarnation string // of this registration: results of an earlier one's probes are void
	State       TargetState
	Reason      string // ELB's code, e.g. Target.FailedHealthChecks
	Description string
	Successes   int // in a row
	Failures    int // in a row
	Since       time.Time
	DrainUntil  time.Time
}

// Listener forwards a port of a balancer to a target group.
type Listener struct {
	ARN         string
	Balancer    string
	Port        int
	Protocol    string
	TargetGroup string
}

// elbName is the rule for names of balancers and target groups (API: CreateLoadBalancer, CreateTargetGroup).
var elbName = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$`)

func checkELBName(name string) error {
	if !elbName.MatchString(name) {
		return refuse("ValidationError", "The name '%s' must be 1 to 32 letters, digits and hyphens, and not begin or end "+
			"with a hyphen", name)
	}
	return nil
}

// CreateBalancer makes a network load balancer at the first of its addresses that is free.
func (c *Cloud) CreateBalancer(spec LoadBalancerSpec) (LoadBalancer, error) {
	var made LoadBalancer
	err := c.change(func(s *state) error {
		if err := s.checkBalancer(spec); err != nil {
			return err
		}
		address, err := s.balancerAddress(c.free)
		if err != nil {
			return err
		}
		made = LoadBalancer{
			ARN:     c.ARN("elasticloadbalancing", "loadbalancer/net/"+spec.Name+"/"+randomHex(8)),
			Spec:    spec,
			Address: address,
			Created: c.clock.Now(),
		}
		copied := made
		s.Balancers[made.ARN] = &copied
		return nil
	})
	return made, err
}

func (s *state) checkBalancer(spec LoadBalancerSpec) error {
	if err := checkELBName(spec.Name); err != nil {
		return err
	}
	if strings.HasPrefix(spec.Name, "internal-") {
		return refuse("ValidationError", "Load balancer name '%s' cannot begin with 'internal-'", spec.Name)
	}
	for _, other := range s.Balancers {
		if other.Spec.Name == spec.Name {
			return refuse("DuplicateLoadBalancerName", "A load balancer with the name '%s' already exists", spec.Name)
		}
	}
	if len(spec.Subnets) == 0 {
		return refuse("ValidationError", "At least one subnet must be specified")
	}
	zones := map[string]bool{}
	for _, id := range spec.Subnets {
		subnet := s.Subnets[id]
		if subnet == nil {
			return refuse("SubnetNotFound", "The subnet ID '%s' does not exist", id)
		}
		if zones[subnet.Zone] {
			return refuse("InvalidConfigurationRequest", "A load balancer cannot be attached to multiple subnets in the "+
				"same Availability Zone")
		}
		zones[subnet.Zone] = true
		if !spec.Internal && s.routeOut(id, Internet().Address) == "" && !s.hasGateway(subnet.VPC) {
			return refuse("InvalidSubnet", "VPC %s has no internet gateway", subnet.VPC)
		}
	}
	for _, id := range spec.SecurityGroups {
		if s.Groups[id] == nil {
			return refuse("InvalidSecurityGroup", "One or more security groups are invalid: %s", id)
		}
	}
	return nil
}

func (s *state) hasGateway(vpc string) bool {
	for _, gateway := range s.Gateways {
		if gateway.VPC == vpc {
			return true
		}
	}
	return false
}

func (s *state) balancerAddress(free func(netip.Addr) bool) (netip.Addr, error) {
	taken := map[netip.Addr]bool{}
	for _, b := range s.Balancers {
		taken[b.Address] = true
	}
	for n := byte(1); n < 255; n++ {
		address := netip.AddrFrom4([4]byte{127, 255, 0, n})
		if !taken[address] && free(address) {
			return address, nil
		}
	}
	return netip.Addr{}, refuse("TooManyLoadBalancers", "none of the addresses 127.255.0.1 to 127.255.0.254 is free")
}

// UpdateBalancer changes what can be changed in place: the cross-zone attribute and the members of a set of security
// groups that was there from the start.
func (c *Cloud) UpdateBalancer(arn string, spec LoadBalancerSpec) error {
	return c.change(func(s *state) error {
		b := s.Balancers[arn]
		if b == nil {
			return refuse("LoadBalancerNotFound", "Load balancer '%s' not found", arn)
		}
		for _, id := range spec.SecurityGroups {
			if s.Groups[id] == nil {
				return refuse("InvalidSecurityGroup", "One or more security groups are invalid: %s", id)
			}
		}
		b.Spec.CrossZone, b.Spec.SecurityGroups = spec.CrossZone, spec.SecurityGroups
		return nil
	})
}

// DeleteBalancer removes a balancer with its listeners.
func (c *Cloud) DeleteBalancer(arn string) error {
	return c.change(func(s *state) error {
		delete(s.Balancers, arn)
		for id, listener := range s.Listeners {
			if listener.Balancer == arn {
				delete(s.Listeners, id)
			}
		}
		return nil
	})
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
		if err := checkHealthCheck(spec.Check); err != nil {
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
func checkHealthCheck(check HealthCheck) error {
	switch {
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
	return nil
}

// UpdateTargetGroup changes the health check and the deregistration delay.
func (c *Cloud) UpdateTargetGroup(arn string, spec TargetGroupSpec) error {
	return c.change(func(s *state) error {
		group := s.Targets[arn]
		if group == nil {
			return refuse("TargetGroupNotFound", "Target group '%s' not found", arn)
		}
		if err := checkHealthCheck(spec.Check); err != nil {
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

// CreateListener forwards a port.
func (c *Cloud) CreateListener(listener Listener) (Listener, error) {
	err := c.change(func(s *state) error {
		b := s.Balancers[listener.Balancer]
		if b == nil {
			return refuse("LoadBalancerNotFound", "Load balancer '%s' not found", listener.Balancer)
		}
		listener.ARN = strings.Replace(listener.Balancer, ":loadbalancer/", ":listener/", 1) + "/" + randomHex(8)
		if err := s.checkListener(listener); err != nil {
			return err
		}
		copied := listener
		s.Listeners[listener.ARN] = &copied
		return nil
	})
	return listener, err
}

func (s *state) checkListener(listener Listener) error {
	if listener.Protocol != "TCP" {
		return refuse("ValidationError", "Listener protocol '%s' is not supported for a load balancer of type network here: TCP",
			listener.Protocol)
	}
	if listener.Port < 1 || listener.Port > 65535 {
		return refuse("ValidationError", "Port '%d' must be between 1 and 65535", listener.Port)
	}
	target := s.Targets[listener.TargetGroup]
	if target == nil {
		return refuse("TargetGroupNotFound", "Target group '%s' not found", listener.TargetGroup)
	}
	if target.Spec.Protocol != listener.Protocol {
		return refuse("IncompatibleProtocols", "Target group protocol '%s' doesn't fit listener protocol '%s'",
			target.Spec.Protocol, listener.Protocol)
	}
	for _, other := range s.Listeners {
		if other.ARN != listener.ARN && other.Balancer == listener.Balancer && other.Port == listener.Port {
			return refuse("DuplicateListener", "A listener already exists on this port for this load balancer '%s'",
				listener.Balancer)
		}
	}
	return nil
}

// UpdateListener changes port, protocol and target group.
func (c *Cloud) UpdateListener(listener Listener) error {
	return c.change(func(s *state) error {
		if s.Listeners[listener.ARN] == nil {
			return refuse("ListenerNotFound", "Listener '%s' not found", listener.ARN)
		}
		if err := s.checkListener(listener); err != nil {
			return err
		}
		s.Listeners[listener.ARN] = &listener
		return nil
	})
}

// DeleteListener removes a listener.
func (c *Cloud) DeleteListener(arn string) error {
	return c.change(func(s *state) error {
		delete(s.Listeners, arn)
		return nil
	})
}

// balancersOf lists the balancers that forward to a target group.
func (s *state) balancersOf(targetGroup string) []*LoadBalancer {
	var found []*LoadBalancer
	for _, id := range keys(s.Listeners) {
		listener := s.Listeners[id]
		if b := s.Balancers[listener.Balancer]; listener.TargetGroup == targetGroup && b != nil && !slices.Contains(found, b) {
			found = append(found, b)
		}
	}
	return found
}

// register adds an instance to a target group.
func (s *state) register(group *TargetGroup, instance string, now time.Time) {
	group.Targets = slices.DeleteFunc(group.Targets, func(t *Target) bool { return t.Instance == instance })
	target := &Target{Instance: instance, Incarnation: randomHex(4), Since: now}
	s.await(group, target)
	group.Targets = append(group.Targets, target)
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
func (s *state) deregister(group *TargetGroup, instance string, now time.Time, gone bool) {
	for _, target := range group.Targets {
		if target.Instance != instance || target.State == TargetDraining {
			continue
		}
		target.State, target.Reason = TargetDraining, "Target.DeregistrationInProgress"
		target.Description, target.Since = "Target deregistration is in progress", now
		target.DrainUntil = now.Add(group.Spec.DeregistrationDelay)
		if gone {
			target.DrainUntil = now
		}
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

// Probe reports the result of one health check of a target: nil for success. Results for a registration that is over
// change nothing.
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
	description := "Health checks failed: " + result.Error()
	if t.State != TargetUnhealthy && t.Failures >= check.Unhealthy {
		t.State, t.Reason, t.Description, t.Since = TargetUnhealthy, "Target.FailedHealthChecks", description, now
		return true
	}
	changed := t.State == TargetUnhealthy && t.Description != description
	if changed {
		t.Description = description
	}
	return changed
}

// ProbeTarget tells the data plane whom to ask for its health, and how.
type ProbeTarget struct {
	TargetGroup string
	Incarnation string
	Instance    string
	Address     netip.Addr // private address of the instance
	Port        int
	Check       HealthCheck
	Blocked     *Blocked // what keeps the probes from arriving
}

// ProbeTargets lists the targets that are being probed.
func (c *Cloud) ProbeTargets() []ProbeTarget {
	var targets []ProbeTarget
	c.view(func(s *state) {
		for _, arn := range keys(s.Targets) {
			group := s.Targets[arn]
			port := group.Spec.Port
			if group.Spec.Check.Port != "traffic-port" {
				_, _ = fmt.Sscan(group.Spec.Check.Port, &port)
			}
			for _, t := range group.Targets {
				i := s.Instances[t.Instance]
				if i == nil || t.State == TargetUnused || t.State == TargetDraining {
					continue
				}
				targets = append(targets, ProbeTarget{
					TargetGroup: arn, Incarnation: t.Incarnation, Instance: i.ID, Address: i.Address, Port: port,
					Check: group.Spec.Check, Blocked: s.blockedFromBalancer(group, i, port),
				})
			}
		}
	})
	return targets
}

// blockedFromBalancer is what stops a balancer of the target group from reaching a port of an instance.
func (s *state) blockedFromBalancer(group *TargetGroup, i *Instance, port int) *Blocked {
	var blocked *Blocked
	for _, b := range s.balancersOf(group.ARN) {
		if blocked = s.Reach(b.endpoint(), i.endpoint(), port); blocked == nil {
			return nil
		}
	}
	return blocked
}

func (b *LoadBalancer) endpoint() Endpoint {
	return Endpoint{Name: "load balancer " + b.Spec.Name, Address: b.Address, Groups: b.Spec.SecurityGroups, Subnet: b.Spec.Subnets[0]}
}

// Forward is a listener for the data plane: where it listens and whom it may send a flow to.
type Forward struct {
	Listener    string
	Balancer    string
	Name        string
	Address     netip.AddrPort
	TargetGroup string
	Blocked     *Blocked // what keeps clients out
	CrossZone   bool
	Zones       []string
	Targets     []ForwardTarget
}

// ForwardTarget is an instance that may get flows.
type ForwardTarget struct {
	Instance string
	Zone     string
	Address  netip.AddrPort // private address and port of the target group
	Blocked  *Blocked       // what keeps the balancer's flows from arriving
}

// Forwards lists the listeners with the targets that are eligible now: the healthy ones, or all when none is healthy
// (ELB: "fail open").
func (c *Cloud) Forwards() []Forward {
	var forwards []Forward
	c.view(func(s *state) {
		for _, arn := range keys(s.Listeners) {
			listener := s.Listeners[arn]
			b, group := s.Balancers[listener.Balancer], s.Targets[listener.TargetGroup]
			if b == nil || group == nil {
				continue
			}
			forward := Forward{
				Listener: arn, Balancer: b.ARN, Name: b.Spec.Name, TargetGroup: group.ARN,
				Address:   netip.AddrPortFrom(b.Address, uint16(listener.Port)),
				CrossZone: b.Spec.CrossZone,
				Targets:   s.eligible(group),
			}
			for _, subnet := range b.Spec.Subnets {
				forward.Zones = append(forward.Zones, s.Subnets[subnet].Zone)
			}
			if !b.Spec.Internal {
				forward.Blocked = s.Reach(Internet(), b.endpoint(), listener.Port)
			}
			forwards = append(forwards, forward)
		}
	})
	return forwards
}

func (s *state) eligible(group *TargetGroup) []ForwardTarget {
	var healthy, rest []ForwardTarget
	for _, t := range group.Targets {
		i := s.Instances[t.Instance]
		if i == nil {
			continue
		}
		target := ForwardTarget{
			Instance: i.ID, Zone: i.Zone,
			Address: netip.AddrPortFrom(i.Address, uint16(group.Spec.Port)),
			Blocked: s.blockedFromBalancer(group, i, group.Spec.Port),
		}
		switch t.State {
		case TargetHealthy:
			healthy = append(healthy, target)
		case TargetInitial, TargetUnhealthy:
			rest = append(rest, target)
		case TargetDraining, TargetUnused:
		}
	}
	if len(healthy) == 0 {
		return rest
	}
	return healthy
}

// TargetHealth is a registered target as people see it.
type TargetHealth struct {
	TargetGroup string
	Instance    string
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
				all = append(all, TargetHealth{arn, t.Instance, t.Incarnation, t.State, t.Reason, t.Description, t.Since})
			}
		}
	})
	return all
}
