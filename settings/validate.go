package settings

import (
	"regexp"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/healthcheck"
	"github.com/elastic-service/elastic-service/internal/awsname"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

// sshPort is taken on every instance.
const sshPort = 22

var (
	regionPattern  = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[1-9][0-9]?$`)
	servicePattern = regexp.MustCompile(`^[a-z]([a-z0-9-]*[a-z0-9])?$`)
)

// Validate returns every problem of the settings. It does not check what only the region and the local files can show, such as
// the region's zones and whether a package builds.
func (s *Settings) Validate() error {
	var l invalid.List
	s.validateRegion(&l)
	s.validateService(&l)
	s.validateTags(&l)
	s.Network.validate(&l)
	s.Image.validate(&l)
	s.Compute.validate(&l)
	s.validateSoftware(&l)
	s.validateSecrets(&l)
	s.validatePermissions(&l)
	s.validateEgress(&l)
	s.validateHealth(&l)
	s.Balancer.validate(&l)
	s.Scaling.validate(&l)
	if s.Database != nil {
		s.Database.validate(&l)
	}
	s.validateTogether(&l)
	return l.Err()
}

func (s *Settings) validateRegion(l *invalid.List) {
	switch {
	case s.Region == "":
		l.Missing(regionKey, "must be set, for example: pulumi config set aws:region us-east-1")
	case !regionPattern.MatchString(s.Region):
		l.Add(regionKey, s.Region, "is not a region such as us-east-1")
	case partition(s.Region) != "aws":
		l.Add(regionKey, s.Region, "is in the partition %s, whose ARNs, endpoints and service names differ: the stacks are for regions of the "+
			"partition aws", partition(s.Region))
	}
}

// partition returns the partition of a region (AWS General Reference, partitions).
func partition(region string) string {
	for _, p := range [][2]string{
		{"cn-", "aws-cn"}, {"us-gov-", "aws-us-gov"}, {"eusc-", "aws-eusc"},
		{"us-iso-", "aws-iso"}, {"us-isob-", "aws-iso-b"}, {"us-isof-", "aws-iso-f"}, {"eu-isoe-", "aws-iso-e"},
	} {
		if strings.HasPrefix(region, p[0]) {
			return p[1]
		}
	}
	return "aws"
}

func (s *Settings) validateService(l *invalid.List) {
	name := s.Service
	switch {
	case name == "aws":
		l.Add("service", name, "is reserved by AWS")
	case !servicePattern.MatchString(name):
		l.Add("service", name, "is not a name of a–z, 0–9 and -, beginning with a letter and not ending with -")
	case len(name) > awsname.MaxBalancer:
		l.Add("service", name, "has %d characters: %d at most, because AWS allows a load balancer 32 and Pulumi adds 8",
			len(name), awsname.MaxBalancer)
	}
	kinds := []awsname.Kind{awsname.LoadBalancer, awsname.SecurityGroup, awsname.Bucket}
	if s.Containers != nil {
		kinds = append(kinds, awsname.CapacityProvider)
	}
	for _, r := range awsname.ReservedFor(name, kinds...) {
		l.Add("service", name, "begins with %s, which AWS refuses in the name of %s", r.Prefix, r.Of)
	}
	if s.Database != nil && strings.Contains(name, "--") {
		l.Add("service", name, "has two - in a row, which AWS refuses in the name of a database")
	}
}

// validateSoftware accepts either processes of the instances or containers on them.
func (s *Settings) validateSoftware(l *invalid.List) {
	switch {
	case s.App == nil && s.Containers == nil:
		l.Missing("app", "must be set, or containers")
	case s.App != nil && s.Containers != nil:
		l.Missing("containers", "is set as well as app: a service is one of them")
	}
	if s.App != nil {
		s.App.validate(l)
	}
	if s.Containers != nil {
		s.Containers.validate(l, s.Service)
	}
}

func (s *Settings) validateHealth(l *invalid.List) {
	s.Health.validate(l, "health")
	s.validateFormerPort(l)
	switch port := s.Health.Port; {
	case s.Health.Protocol == healthcheck.TCP && port == s.TargetPort() && isPort(port):
		l.Add("health.port", port, "is app.port: the service listens there, the responder needs a port of its own")
	}
}

// validate leaves the relations between ports to the caller.
func (h Health) validate(l *invalid.List, at string) {
	l.Include(at, h.Check().Validate())
	if h.Port == sshPort {
		l.Add(at+".port", h.Port, "is taken on every instance, by SSH")
	}
	if h.Protocol == healthcheck.TCP && h.Port == 0 {
		l.Missing(at+".port", "must be set: the health responder needs a port of its own for each service")
	}
	if h.FormerPort != 0 && h.FormerPort == h.Port {
		l.Add(at+".formerPort", h.FormerPort, "is answered already: it is %s.port", at)
	} else if h.FormerPort != 0 {
		validatePort(l, at+".formerPort", h.FormerPort)
	}
}

func (s *Settings) validateFormerPort(l *invalid.List) {
	const at = "health.formerPort"
	switch port := s.Health.FormerPort; {
	case port == 0:
	case s.Containers != nil:
		l.Add(at, port, "is not for containers: ECS chooses their ports, leave it out")
	case s.App != nil && port == s.App.Port:
		l.Add(at, port, "is answered already: it is app.port")
	}
}

func isPort(port int) bool { return port >= 1 && port <= 65535 }

func validatePort(l *invalid.List, at string, port int) {
	switch {
	case !isPort(port):
		l.Add(at, port, "is not from 1 to 65535")
	case port == sshPort:
		l.Add(at, port, "is taken on every instance, by SSH")
	}
}

func validateSeconds(l *invalid.List, at string, d, low, high time.Duration) {
	if d < low || d > high || d%time.Second != 0 {
		l.Add(at, d.Seconds(), "is not from %d to %d whole seconds", int(low/time.Second), int(high/time.Second))
	}
}
