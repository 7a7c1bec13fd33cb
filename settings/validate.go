package settings

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/internal/fault"
	"github.com/elastic-service/elastic-service/userdata"
)

// Bounds that nothing else gives.
const (
	maxServiceName = 21 // 32 for a balancer or target group, less 8 of auto-naming, less "-lb"
	minZones       = 2
	maxZones       = 6 // the largest region, us-east-1
	maxVolume      = 16384
	maxGrace       = 2 * time.Hour
	maxWarmup      = time.Hour
	sshPort        = 22
)

// The stack adds the health responder to the services of every instance.
const (
	responderName = "healthcheck"
	responderPath = "/usr/local/bin/healthcheck"
)

var (
	regionPattern    = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[1-9][0-9]?$`)
	servicePattern   = regexp.MustCompile(`^[a-z][a-z0-9-]*[a-z0-9]$`)
	imagePattern     = regexp.MustCompile(`^ami-([0-9a-f]{8}|[0-9a-f]{17})$`)
	parameterPattern = regexp.MustCompile(`^(/[A-Za-z0-9._-]+)+(:[A-Za-z0-9._-]+)?$`)
	instancePattern  = regexp.MustCompile(`^[a-z]+[0-9]*[a-z]*(-[a-z0-9]+)*\.(nano|micro|small|medium|large|([1-9][0-9]*)?xlarge|metal(-[1-9][0-9]*xl)?)$`)
	keyPattern       = regexp.MustCompile(`^[!-~]([ -~]{0,253}[!-~])?$`)
	packagePattern   = regexp.MustCompile(`^[A-Za-z0-9_.][A-Za-z0-9_.~/-]*$`)
)

// Beginnings of names that AWS keeps for itself, and the resource whose name would get one.
var reservedPrefixes = [][2]string{
	{"internal-", "a load balancer"},
	{"sg-", "a security group"},
	{"xn--", "a bucket"},
	{"sthree-", "a bucket"},
	{"amzn-s3-demo-", "a bucket"},
}

// Validate returns every fault of the settings. What the region and the local files must show (its zones, a package that
// builds) is not looked at.
func (s *Settings) Validate() error {
	var l fault.List
	s.validateRegion(&l)
	s.validateService(&l)
	s.Network.validate(&l)
	s.Image.validate(&l)
	s.Compute.validate(&l)
	s.App.validate(&l)
	s.validateHealth(&l)
	s.Balancer.validate(&l)
	s.Scaling.validate(&l)
	return l.Err()
}

func (s *Settings) validateRegion(l *fault.List) {
	switch {
	case s.Region == "":
		l.Missing(regionKey, "must be set, for example: pulumi config set aws:region us-east-1")
	case !regionPattern.MatchString(s.Region):
		l.Add(regionKey, s.Region, "is not a region such as us-east-1")
	}
}

func (s *Settings) validateService(l *fault.List) {
	name := s.Service
	switch {
	case name == "aws":
		l.Add("service", name, "is reserved by AWS")
	case !servicePattern.MatchString(name):
		l.Add("service", name, "is not a name of a–z, 0–9 and -, beginning with a letter and not ending with -")
	case len(name) > maxServiceName:
		l.Add("service", name, "has %d characters: %d at most, because AWS allows a load balancer 32 and Pulumi adds 8",
			len(name), maxServiceName)
	}
	for _, reserved := range reservedPrefixes {
		if strings.HasPrefix(name, reserved[0]) {
			l.Add("service", name, "begins with %s, which AWS refuses in the name of %s", reserved[0], reserved[1])
		}
	}
}

func (i Image) validate(l *fault.List) {
	switch {
	case i.ID == "" && i.Parameter == "":
		l.Missing("image", "must have id or parameter")
	case i.ID != "" && i.Parameter != "":
		l.Missing("image", "has both id and parameter: one of them names the image")
	}
	if i.ID != "" && !imagePattern.MatchString(i.ID) {
		l.Add("image.id", i.ID, "is not an image: ami- and 8 or 17 of 0–9, a–f")
	}
	if i.Parameter != "" && !parameterPattern.MatchString(i.Parameter) {
		l.Add("image.parameter", i.Parameter, "is not the path of a parameter: it begins with /, such as /aws/service/…")
	}
}

func (c Compute) validate(l *fault.List) {
	if !instancePattern.MatchString(c.InstanceType) {
		l.Add("compute.instanceType", c.InstanceType, "is not an instance type such as t3.micro")
	}
	if c.KeyName != "" && !keyPattern.MatchString(c.KeyName) {
		l.Add("compute.keyName", c.KeyName, "is not the name of a key pair: at most 255 of ASCII, without spaces around it")
	}
	if c.RootVolumeGiB < 0 || c.RootVolumeGiB > maxVolume {
		l.Add("compute.rootVolumeGiB", c.RootVolumeGiB, "is not from 1 to %d; leave it out to have the image's own size", maxVolume)
	}
	c.validateSSH(l)
}

func (c Compute) validateSSH(l *fault.List) {
	for i, from := range c.SSHFrom {
		at := fmt.Sprintf("compute.sshFrom[%d]", i)
		switch {
		case !from.IsValid():
			l.Missing(at, "must be set")
		case from.Addr().Is4In6():
			l.Add(at, from, "is IPv4 written as IPv6")
		case from != from.Masked():
			l.Add(at, from, "has bits set beyond /%d: write %s", from.Bits(), from.Masked())
		case from.Bits() == 0 && !c.SSHFromAnywhere:
			l.Add(at, from, "is the whole world: set compute.sshFromAnywhere to true if that is meant")
		case slices.Contains(c.SSHFrom[:i], from):
			l.Add(at, from, "is listed twice")
		}
	}
	if len(c.SSHFrom) > 0 && c.KeyName == "" {
		l.Missing("compute.keyName", "must be set where sshFrom is: without a key pair nobody can log in")
	}
}

// validate leaves what is put on a machine to package userdata, which puts it there.
func (a App) validate(l *fault.List) {
	validatePort(l, "app.port", a.Port)
	machine := userdata.Bootstrap{Packages: a.Packages}
	for i, artifact := range a.Artifacts {
		artifact.validate(l, fmt.Sprintf("app.artifacts[%d]", i))
		machine.Artifacts = append(machine.Artifacts, userdata.Artifact{Path: artifact.Path})
	}
	for i, s := range a.Services {
		if s.Name == responderName {
			l.Add(fmt.Sprintf("app.services[%d].name", i), s.Name, "is the name of the health responder's service")
		}
		machine.Services = append(machine.Services, userdata.Service{
			Name: s.Name, Command: s.Command, User: s.User, Directory: s.Directory, Environment: s.Environment,
		})
	}
	l.Include("app", machine.ValidateMachine())
}

func (a Artifact) validate(l *fault.List, at string) {
	switch {
	case a.Build == "" && a.File == "":
		l.Missing(at, "must have build or file")
	case a.Build != "" && a.File != "":
		l.Missing(at, "has both build and file: one of them is the source")
	case a.Build != "" && (!packagePattern.MatchString(a.Build) || strings.Contains(a.Build, "...")):
		l.Add(at+".build", a.Build, "is not one Go package such as ./cmd/musicguru")
	}
	if strings.HasSuffix(a.Path, "/"+responderName) {
		l.Add(at+".path", a.Path, "has the file name of the health responder, %s", responderPath)
	}
}

func (s *Settings) validateHealth(l *fault.List) {
	l.Include("health", s.Health.Validate())
	switch {
	case s.Health.Port == s.App.Port && isPort(s.App.Port):
		l.Add("health.port", s.Health.Port, "is app.port: the service listens there, the responder needs a port of its own")
	case s.Health.Port == sshPort:
		l.Add("health.port", s.Health.Port, "is taken on every instance, by SSH")
	}
}

func (b Balancer) validate(l *fault.List) {
	if b.Type != "network" {
		l.Add("balancer.type", b.Type, "is not supported: network is")
	}
	if b.Listeners != nil && len(b.Listeners) == 0 {
		l.Missing("balancer.listeners", "needs at least one")
	}
	for i, listener := range b.Listeners {
		at := fmt.Sprintf("balancer.listeners[%d]", i)
		first := slices.IndexFunc(b.Listeners, func(o Listener) bool { return o.Port == listener.Port })
		switch {
		case !isPort(listener.Port):
			l.Add(at+".port", listener.Port, "is not from 1 to 65535")
		case first < i:
			l.Add(at+".port", listener.Port, "is the port of balancer.listeners[%d]", first)
		}
		if listener.Protocol != "TCP" {
			l.Add(at+".protocol", listener.Protocol, "is not supported: TCP is")
		}
	}
}

func (s Scaling) validate(l *fault.List) {
	if s.Min < 1 {
		l.Add("scaling.min", s.Min, "is below 1: the service would have no instance")
	}
	if s.Max < 1 {
		l.Add("scaling.max", s.Max, "is below 1: the group could never have an instance")
	} else if s.Max < s.Min {
		l.Add("scaling.max", s.Max, "is below scaling.min (%d)", s.Min)
	}
	validateSeconds(l, "scaling.grace", s.Grace, maxGrace)
	tracked := map[string]int{}
	for i, policy := range s.Policies {
		at := fmt.Sprintf("scaling.policies[%d]", i)
		if policy.TargetTracking == nil {
			l.Missing(at, "must have targetTracking")
			continue
		}
		t := policy.TargetTracking
		t.validate(l, at+".targetTracking")
		if first, again := tracked[t.Metric]; again {
			l.Add(at+".targetTracking.metric", t.Metric, "is tracked by scaling.policies[%d] already", first)
		} else {
			tracked[t.Metric] = i
		}
	}
}

func (t TargetTracking) validate(l *fault.List, at string) {
	if t.Metric != "cpu" {
		l.Add(at+".metric", t.Metric, "is not supported: cpu is")
	}
	if t.Target <= 0 || t.Target > 100 {
		l.Add(at+".target", t.Target, "is not above 0 and at most 100 percent")
	}
	validateSeconds(l, at+".warmup", t.Warmup, maxWarmup)
}

func isPort(port int) bool { return port >= 1 && port <= 65535 }

func validatePort(l *fault.List, at string, port int) {
	switch {
	case !isPort(port):
		l.Add(at, port, "is not from 1 to 65535")
	case port == sshPort:
		l.Add(at, port, "is taken on every instance, by SSH")
	}
}

func validateSeconds(l *fault.List, at string, d, limit time.Duration) {
	if d < 0 || d > limit || d%time.Second != 0 {
		l.Add(at, d.Seconds(), "is not from 0 to %d whole seconds", int(limit/time.Second))
	}
}
