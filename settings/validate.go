package settings

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/healthcheck"
	"github.com/elastic-service/elastic-service/internal/awsname"
	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/userdata"
)

// Bounds that nothing else gives.
const (
	minZones  = 2
	maxZones  = 6 // the largest region, us-east-1
	maxVolume = 16384
	sshPort   = 22
)

var (
	regionPattern    = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[1-9][0-9]?$`)
	servicePattern   = regexp.MustCompile(`^[a-z]([a-z0-9-]*[a-z0-9])?$`)
	imagePattern     = regexp.MustCompile(`^ami-([0-9a-f]{8}|[0-9a-f]{17})$`)
	parameterPattern = regexp.MustCompile(`^(/[A-Za-z0-9._-]+)+(:[A-Za-z0-9._-]+)?$`)
	instancePattern  = regexp.MustCompile(`^[a-z]+[0-9]*[a-z]*(-[a-z0-9]+)*` +
		`\.(nano|micro|small|medium|large|([1-9][0-9]*)?xlarge|metal(-[1-9][0-9]*xl)?)$`)
	sourcePattern  = regexp.MustCompile(`^i-([0-9a-f]{8}|[0-9a-f]{17})$`)
	keyPattern     = regexp.MustCompile(`^[!-~]([ -~]{0,253}[!-~])?$`)
	packagePattern = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.~/-]*$`)
)

// Validate returns every problem of the settings. What the region and the local files must show (its zones, a package that
// builds) is not looked at.
func (s *Settings) Validate() error {
	var l invalid.List
	s.validateRegion(&l)
	s.validateService(&l)
	s.Network.validate(&l)
	s.Image.validate(&l)
	s.Compute.validate(&l)
	s.validateSoftware(&l)
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
	}
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
	for _, r := range awsname.ReservedFor(name) {
		l.Add("service", name, "begins with %s, which AWS refuses in the name of %s", r.Prefix, r.Of)
	}
}

func (i Image) validate(l *invalid.List) {
	var given []string
	for _, source := range [][2]string{{"id", i.ID}, {"parameter", i.Parameter}, {"fromInstance", i.FromInstance}} {
		if source[1] != "" {
			given = append(given, source[0])
		}
	}
	switch {
	case len(given) == 0:
		l.Missing("image", "must have id, parameter or fromInstance")
	case len(given) > 1:
		l.Missing("image", "has both %s: one of them names the image", strings.Join(given, " and "))
	}
	if i.ID != "" && !imagePattern.MatchString(i.ID) {
		l.Add("image.id", i.ID, "is not an image: ami- and 8 or 17 of 0–9, a–f")
	}
	if i.Parameter != "" && !parameterPattern.MatchString(i.Parameter) {
		l.Add("image.parameter", i.Parameter, "is not the path of a parameter: it begins with /, such as /aws/service/…")
	}
	if i.FromInstance != "" && !sourcePattern.MatchString(i.FromInstance) {
		l.Add("image.fromInstance", i.FromInstance, "is not an instance: i- and 8 or 17 of 0–9, a–f")
	}
	if i.Reboot && i.FromInstance == "" {
		l.Add("image.reboot", i.Reboot, "is for image.fromInstance: another image is not made here")
	}
}

func (c Compute) validate(l *invalid.List) {
	validateInstanceType(l, "compute.instanceType", c.InstanceType)
	if c.KeyName != "" && !keyPattern.MatchString(c.KeyName) {
		l.Add("compute.keyName", c.KeyName, "is not the name of a key pair: at most 255 of ASCII, without spaces around it")
	}
	if c.RootVolumeGiB < 0 || c.RootVolumeGiB > maxVolume {
		l.Add("compute.rootVolumeGiB", c.RootVolumeGiB, "is not from 1 to %d; leave it out to have the image's own size", maxVolume)
	}
	for i, from := range c.SSHFrom {
		at := fmt.Sprintf("compute.sshFrom[%d]", i)
		if validateClients(l, at, c.SSHFrom, i) && from.Bits() == 0 && !c.SSHFromAnywhere {
			l.Add(at, from, "is the whole world: set compute.sshFromAnywhere to true if that is meant")
		}
	}
	if len(c.SSHFrom) > 0 && c.KeyName == "" {
		l.Missing("compute.keyName", "must be set where sshFrom is: without a key pair nobody can log in")
	}
	if c.Bastion != nil {
		c.Bastion.validate(l)
	}
}

func (b Bastion) validate(l *invalid.List) {
	validateInstanceType(l, "compute.bastion.instanceType", b.InstanceType)
	if len(b.From) == 0 {
		l.Missing("compute.bastion.from", "needs at least one range: a bastion that nobody reaches is of no use")
	}
	for i, from := range b.From {
		at := fmt.Sprintf("compute.bastion.from[%d]", i)
		if validateClients(l, at, b.From, i) && from.Bits() == 0 {
			l.Add(at, from, "is the whole world: a bastion is for known ranges")
		}
	}
}

func validateInstanceType(l *invalid.List, at, name string) {
	if !instancePattern.MatchString(name) {
		l.Add(at, name, "is not an instance type such as t3.micro")
	}
}

// validateClients reports whether a range of clients is one, and listed once.
func validateClients(l *invalid.List, at string, ranges []netip.Prefix, i int) bool {
	switch from := ranges[i]; {
	case !from.IsValid():
		l.Missing(at, "must be set")
	case from.Addr().Is4In6():
		l.Add(at, from, "is IPv4 written as IPv6")
	case from != from.Masked():
		l.Add(at, from, "has bits set beyond /%d: write %s", from.Bits(), from.Masked())
	case slices.Contains(ranges[:i], from):
		l.Add(at, from, "is listed twice")
	default:
		return true
	}
	return false
}

// validateSoftware wants the service to be one thing: processes of the instances, or containers on them.
func (s *Settings) validateSoftware(l *invalid.List) {
	switch {
	case s.App == nil && s.Containers == nil:
		l.Missing("app", "must be set, or containers")
	case s.App != nil && s.Containers != nil:
		l.Missing("containers", "is set beside app: a service is one of them")
	}
	if s.App != nil {
		s.App.validate(l)
	}
	if s.Containers != nil {
		s.Containers.validate(l)
	}
}

// validate leaves what is put on a machine to package userdata, which puts it there.
func (a App) validate(l *invalid.List) {
	validatePort(l, "app.port", a.Port)
	machine := userdata.Bootstrap{Packages: a.Packages}
	for i, artifact := range a.Artifacts {
		artifact.validate(l, fmt.Sprintf("app.artifacts[%d]", i))
		machine.Artifacts = append(machine.Artifacts, userdata.Artifact{Path: artifact.Path})
	}
	for i, s := range a.Services {
		if s.Name == healthcheck.ServiceName {
			l.Add(fmt.Sprintf("app.services[%d].name", i), s.Name, "is the name of the health responder's service")
		}
		machine.Services = append(machine.Services, userdata.Service{
			Name: s.Name, Command: s.Command, User: s.User, Directory: s.Directory, Environment: s.Environment,
		})
	}
	l.Include("app", machine.ValidateMachine())
}

func (a Artifact) validate(l *invalid.List, at string) {
	switch {
	case a.Build == "" && a.File == "":
		l.Missing(at, "must have build or file")
	case a.Build != "" && a.File != "":
		l.Missing(at, "has both build and file: one of them is the source")
	case a.Build != "" && (!packagePattern.MatchString(a.Build) || strings.Contains(a.Build, "...")):
		l.Add(at+".build", a.Build, "is not one Go package such as ./cmd/musicguru")
	}
	if strings.HasSuffix(a.Path, "/"+healthcheck.ServiceName) {
		l.Add(at+".path", a.Path, "has the file name of the health responder, %s", healthcheck.Path)
	}
}

func (s *Settings) validateHealth(l *invalid.List) {
	l.Include("health", s.Health.Validate())
	switch port := s.Health.Port; {
	case port == sshPort:
		l.Add("health.port", port, "is taken on every instance, by SSH")
	case s.Health.Protocol == healthcheck.TCP && port == s.TargetPort() && isPort(port):
		l.Add("health.port", port, "is app.port: the service listens there, the responder needs a port of its own")
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
