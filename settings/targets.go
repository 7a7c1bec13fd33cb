package settings

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/healthcheck"
	"github.com/elastic-service/elastic-service/internal/awsname"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Target is one more service of the instances, beside that of `app.port`.
type Target struct {
	// The name, which listeners give as their `target`.
	// Limits: a–z, 0–9 and `-`, beginning with a letter; each once; not `tg`, `former` or ending with `-former`; with `service` at most 23
	// characters (CreateTargetGroup).
	Name string `required:"true"`

	// The port on which the service listens. Below 1024, the services get the right to bind it.
	// Limits: 1 to 65535, not 22; no other port of the stack's services and health checks.
	Port int `required:"true" minimum:"1" maximum:"65535" unit:"TCP port"`

	// The health check of the target group.
	Health Health
}

var targetPattern = regexp.MustCompile(`^[a-z]([a-z0-9-]*[a-z0-9])?$`)

// targets returns the targets of the app.
func (s *Settings) targets() []Target {
	if s.App == nil {
		return nil
	}
	return s.App.Targets
}

// AllTargets returns what the instances serve: first the service of `app` or `containers`, whose name is empty, then the targets.
func (s *Settings) AllTargets() []Target {
	return append([]Target{{Port: s.TargetPort(), Health: s.Health}}, s.targets()...)
}

// ports lists the ports of the instance that a target takes, without those of services that an HTTP check asks.
func (t Target) ports(at, port string) []claim {
	claims := []claim{{port, t.Port}}
	if t.Health.Protocol == healthcheck.TCP {
		claims = append(claims, claim{at + "health.port", t.Health.Port})
	}
	if t.Health.FormerPort != t.Health.Port { // reported with the check
		claims = append(claims, claim{at + "health.formerPort", t.Health.FormerPort})
	}
	return claims
}

// claim is a setting with a port of the instance that one process listens on; 0 for none.
type claim struct {
	at   string
	port int
}

// validateTargets also refuses two processes on a port. What the first target claims has been compared already.
func (s *Settings) validateTargets(l *invalid.List) {
	claimed := Target{Port: s.TargetPort(), Health: s.Health}.ports("", "app.port")
	for i, t := range s.targets() {
		at := fmt.Sprintf("app.targets[%d].", i)
		s.validateTargetName(l, at+"name", i)
		validatePort(l, at+"port", t.Port)
		t.Health.validate(l, at+"health")
		for _, c := range t.ports(at, at+"port") {
			first := slices.IndexFunc(claimed, func(o claim) bool { return o.port == c.port && c.port != 0 })
			if first >= 0 {
				l.Add(c.at, c.port, "is %s: each needs a port of its own", claimed[first].at)
			}
			claimed = append(claimed, c)
		}
	}
}

func (s *Settings) validateTargetName(l *invalid.List, at string, i int) {
	name := s.targets()[i].Name
	first := slices.IndexFunc(s.targets(), func(o Target) bool { return o.Name == name })
	most := awsname.MaxTargetGroup - len(s.Service) - len("-")
	switch {
	case name == "": // the decoder reports it
	case !targetPattern.MatchString(name):
		l.Add(at, name, "is not a name of a–z, 0–9 and -, beginning with a letter and not ending with -")
	case name == "tg", name == "former", strings.HasSuffix(name, "-former"):
		l.Add(at, name, "is a name that the stack uses itself: choose another")
	case first < i:
		l.Add(at, name, "is the name of app.targets[%d]", first)
	case len(name) > most:
		l.Add(at, name, "has %d characters: %d at most beside the %d of service, because AWS allows a target group 32 and Pulumi adds 8",
			len(name), max(most, 0), len(s.Service))
	}
}

// validateForwarding refuses listeners of unknown targets, and targets without a listener: instances never get healthy in a target group
// that belongs to no balancer.
func (s *Settings) validateForwarding(l *invalid.List) {
	forwards := map[string]bool{}
	for i, listener := range s.Balancer.Listeners {
		at := fmt.Sprintf("balancer.listeners[%d].target", i)
		switch known := slices.ContainsFunc(s.targets(), func(t Target) bool { return t.Name == listener.Target }); {
		case listener.Target != "" && listener.Redirect != 0:
			l.Add(at, listener.Target, "has no effect: the listener redirects")
		case listener.Target != "" && !known:
			l.Add(at, listener.Target, "is not the name of one of app.targets")
		case listener.Redirect == 0:
			forwards[listener.Target] = true
		}
	}
	if len(forwards) == 0 {
		return // reported with the listeners
	}
	if !forwards[""] {
		l.Missing("balancer.listeners", "forward to targets only: one without target must forward to app.port")
	}
	for i, t := range s.targets() {
		if !forwards[t.Name] && s.Balancer.Listeners != nil && isPort(t.Port) && t.Name != "" {
			l.Add(fmt.Sprintf("app.targets[%d].name", i), t.Name, "is the target of none of balancer.listeners: nothing would reach it")
		}
	}
}
