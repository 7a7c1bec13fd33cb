package settings

import (
	"github.com/elastic-service/elastic-service/healthcheck"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

// validateTogether checks the rules between sections.
func (s *Settings) validateTogether(l *invalid.List) {
	s.validatePlace(l)
	s.validateBalanced(l)
	if s.Containers != nil {
		s.validateContainers(l)
	}
	if s.Database != nil && !s.Network.Private {
		l.Missing("database", "needs network.private: its subnets are next to private subnets")
	}
	if s.Database != nil && s.Containers != nil {
		l.Missing("database", "is for app: containers cannot get its password")
	}
}

// validatePlace checks where the instances are and how they are reached.
func (s *Settings) validatePlace(l *invalid.List) {
	private, c := s.Network.Private, s.Compute
	if private && c.PublicAddress != nil && *c.PublicAddress {
		l.Add("compute.publicAddress", true, "has no effect with network.private: leave it out")
	}
	if private && len(c.SSHFrom) > 0 {
		l.Missing("compute.sshFrom", "reaches no instance with network.private: compute.bastion and compute.sessionManager do")
	}
	if c.Bastion != nil && !private {
		l.Missing("compute.bastion", "needs network.private: public instances are reached with compute.sshFrom")
	}
}

// validateBalanced checks what each type of balancer can do.
func (s *Settings) validateBalanced(l *invalid.List) {
	if s.Balancer.Type == application && s.Health.Protocol == healthcheck.TCP {
		l.Add("health.protocol", string(s.Health.Protocol), "is not for a balancer of type application: HTTP is")
	}
	if n := s.Network; s.Balancer.Type == application && n.CIDR.IsValid() && n.share() > smallestALB {
		l.Add("network.cidr", n.CIDR, "gives subnets of /%d: a balancer of type application needs /%d", n.share(), smallestALB)
	}
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
	if r := s.Scaling.Release; len(r.Checkpoints) > 0 || r.Bake > 0 {
		l.Missing("scaling.release", "has no checkpoints and no bake time for containers: ECS releases them, see containers.wait")
	}
	if s.Network.Private && s.Network.NAT == noNAT && !s.Containers.private() {
		l.Add("containers.image", s.Containers.Image, "cannot be fetched without network.nat: "+
			"only images of ECR (ACCOUNT.dkr.ecr.REGION.amazonaws.com) can")
	}
	if s.Compute.MemoryMetric {
		l.Add("compute.memoryMetric", true, "is not for containers: ECS reports their memory")
	}
}
