package settings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/healthcheck"
	"github.com/elastic-service/elastic-service/internal/burstable"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

// validateTogether checks the rules between sections.
func (s *Settings) validateTogether(l *invalid.List) {
	s.validatePlace(l)
	s.validateTargets(l)
	s.validateForwarding(l)
	s.validateBalanced(l)
	s.validateLatency(l)
	s.validateCapacity(l)
	s.validateReach(l)
	if s.Containers != nil {
		s.validateContainers(l)
	}
	s.validateTiers(l)
	if s.Database != nil && !s.Network.InPrivate() {
		l.Missing("database", "needs network.private: its subnets are next to private subnets")
	}
}

// validateLatency refuses an alarm that would never go off.
func (s *Settings) validateLatency(l *invalid.List) {
	switch latency := s.Monitoring.Latency; {
	case latency < 0:
		l.Add("monitoring.latency", latency, "is not above 0 seconds")
	case latency > 0 && (!s.Monitoring.Alarms || s.Balancer.Type != application):
		l.Add("monitoring.latency", latency, "needs monitoring.alarms and balancer.type application: a network balancer sees no answers")
	}
}

// validateReach refuses a policy that would never add an instance: without credits an instance in standard mode reports its baseline
// at most.
func (s *Settings) validateReach(l *invalid.List) {
	baseline, earns := burstable.Baseline(s.Compute.InstanceType)
	if !earns || s.Compute.CPUCredits != burstable.Standard {
		return
	}
	for i, policy := range s.Scaling.Policies {
		at, value := fmt.Sprintf("scaling.policies[%d]", i), 0.0
		switch {
		case policy.TargetTracking != nil:
			at, value = at+".targetTracking.target", policy.TargetTracking.Target
		case policy.Step != nil:
			at, value = at+".step.above", policy.Step.Above
		}
		if value >= baseline {
			l.Add(at, value, "is not below %v, at which compute.cpuCredits: standard holds a %s that has used up its credits: no instance "+
				"would be added when they are all too busy", baseline, s.Compute.InstanceType)
		}
	}
}

// validatePlace checks where the instances are and how they are reached.
func (s *Settings) validatePlace(l *invalid.List) {
	private, c := s.Network.InPrivate(), s.Compute
	if private && c.PublicAddress != nil && *c.PublicAddress {
		l.Add("compute.publicAddress", true, "has no effect with network.private: leave it out")
	}
	if private && len(c.SSHFrom) > 0 {
		l.Missing("compute.sshFrom", "reaches no instance with network.private: compute.bastion and compute.sessionManager do")
	}
	for i, from := range c.SSHFrom {
		if s.Network.ACL && from.IsValid() && from.Addr().Is6() {
			l.Add(fmt.Sprintf("compute.sshFrom[%d]", i), from, "cannot be let in by network.acl: the VPC has addresses of IPv4 only")
		}
	}
	s.validateGroups(l)
	if c.Bastion != nil && !private {
		l.Missing("compute.bastion", "needs network.private: public instances are reached with compute.sshFrom")
	}
}

// mostGroups is how many security groups a network interface takes beside the stack's own, unless AWS has raised the quota (VPC User Guide,
// Amazon VPC quotas).
const mostGroups = 4

// validateGroups checks the security groups of others that the instances join.
func (s *Settings) validateGroups(l *invalid.List) {
	groups := s.Compute.SecurityGroups
	if len(groups) > 0 && s.Network.Existing == nil {
		l.Missing("compute.securityGroups", "needs network.existing: a new VPC has no security groups of others")
	}
	if len(groups) > mostGroups {
		l.Add("compute.securityGroups", len(groups), "are too many: an instance takes %d beside its own", mostGroups)
	}
	for i, id := range groups {
		switch at := fmt.Sprintf("compute.securityGroups[%d]", i); {
		case !awsIDPattern.MatchString(id) || !strings.HasPrefix(id, "sg-"):
			l.Add(at, id, "is not the ID of a security group such as sg-0a1b2c3d")
		case slices.Contains(groups[:i], id):
			l.Add(at, id, "is listed twice")
		}
	}
}

// validateBalanced checks what each type of balancer can do.
func (s *Settings) validateBalanced(l *invalid.List) {
	for i, t := range s.AllTargets() {
		if s.Balancer.Type == application && t.Health.Protocol == healthcheck.TCP {
			l.Add(healthAt(i)+".protocol", string(t.Health.Protocol), "is not for a balancer of type application: HTTP is")
		}
	}
	for i, from := range s.Balancer.From {
		switch at := fmt.Sprintf("balancer.from[%d]", i); {
		case strings.HasPrefix(from, "pl-") && s.Network.ACL:
			l.Add(at, from, "cannot be let in by network.acl, which knows ranges only: list the ranges")
		case strings.HasPrefix(from, "sg-") && s.Network.Existing == nil:
			l.Add(at, from, "needs network.existing: a new VPC has no security groups of others")
		}
	}
	if n := s.Network; s.Balancer.Type == application && n.Existing == nil && n.CIDR.IsValid() && n.share() > smallestALB {
		l.Add("network.cidr", n.CIDR, "gives subnets of /%d: a balancer of type application needs /%d", n.share(), smallestALB)
	}
}

// healthAt returns the path of the health check of the target with an index in AllTargets.
func healthAt(i int) string {
	if i == 0 {
		return "health"
	}
	return fmt.Sprintf("app.targets[%d].health", i-1)
}

// validateContainers checks the settings that containers leave to ECS: their number and their ports.
func (s *Settings) validateContainers(l *invalid.List) {
	if s.Balancer.Type != application {
		l.Missing("containers", "needs balancer.type application: ECS gives each container its own port")
	}
	switch {
	case s.Health.Protocol == healthcheck.TCP:
		l.Add("health.protocol", string(s.Health.Protocol), "is not for containers: HTTP is, because the responder does not know their ports")
	case s.Health.Port != 0:
		l.Add("health.port", s.Health.Port, "is not for containers: ECS chooses their ports, leave it out")
	}
	if len(s.Scaling.Policies) > 0 {
		l.Missing("scaling.policies", "is not for containers: the group follows them, see containers.targetCPU")
	}
	if r := s.Scaling.Release; len(r.Checkpoints) > 0 || r.Bake != nil {
		l.Missing("scaling.release", "has no checkpoints and no bake time for containers: ECS releases them, see containers.wait")
	}
	s.validateImage(l, "containers.image", s.Containers.Image)
	for i, sidecar := range s.Containers.Sidecars {
		s.validateImage(l, fmt.Sprintf("containers.sidecars[%d].image", i), sidecar.Image)
	}
	if s.Compute.MemoryMetric {
		l.Add("compute.memoryMetric", true, "is not for containers: ECS reports their memory")
	}
}

// validateImage refuses an image that the instances cannot reach.
func (s *Settings) validateImage(l *invalid.List, at, image string) {
	if s.Network.Private && s.Network.NAT == noNAT && !fromECR(image, s.Region) {
		l.Add(at, image, "cannot be fetched without network.nat: "+
			"only images of ECR in the stack's region (ACCOUNT.dkr.ecr.%s.amazonaws.com) can", s.Region)
	}
}

// AWS keeps 5 addresses of each subnet. A network balancer has one in each of its subnets, and an application balancer up to 8 (VPC User
// Guide, subnet CIDR blocks; ELB User Guide, subnets for your load balancer).
const (
	keptByAWS = 5
	keptByNLB = 1
	keptByALB = 8
)

// validateCapacity refuses bounds above the number of addresses that the subnets of the instances have.
func (s *Settings) validateCapacity(l *invalid.List) {
	subnets, kept := s.Network.ofInstances(), keptByAWS
	switch {
	case s.Network.Private: // the balancer is in the public subnets
	case s.Balancer.Type == application:
		kept += keptByALB
	default:
		kept += keptByNLB
	}
	places := 0
	for _, bits := range subnets {
		places += 1<<(32-bits) - kept
	}
	check := func(at string, bound *int) {
		if len(subnets) > 0 && bound != nil && *bound > places {
			l.Add(at, *bound, "is more than the %d addresses that the %d subnets of the instances have, after %d of each for AWS and the balancer",
				places, len(subnets), kept)
		}
	}
	check("scaling.min", &s.Scaling.Min)
	check("scaling.max", &s.Scaling.Max)
	for i, schedule := range s.Scaling.Schedules {
		at := fmt.Sprintf("scaling.schedules[%d]", i)
		check(at+".min", schedule.Min)
		check(at+".max", schedule.Max)
		check(at+".desired", schedule.Desired)
	}
}
