package settings

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// The types of balancer, as AWS names them.
const (
	network     = "network"
	application = "application"
)

// protocols are those of a listener, by the type of its balancer; the first one is taken where none is given.
var protocols = map[string][]string{
	network:     {"TCP", "TLS"},
	application: {"HTTP", "HTTPS"},
}

var (
	certificatePattern = regexp.MustCompile(`^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[A-Za-z0-9-]+$`)
	domainPattern      = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// encrypted reports whether a listener needs a certificate.
func (l Listener) encrypted() bool { return l.Protocol == "TLS" || l.Protocol == "HTTPS" }

func (b Balancer) validate(l *invalid.List) {
	if protocols[b.Type] == nil {
		l.Add("balancer.type", b.Type, "is not network or application")
	}
	if b.Listeners != nil && len(b.Listeners) == 0 {
		l.Missing("balancer.listeners", "needs at least one")
	}
	for i := range b.Listeners {
		b.validateListener(l, i)
	}
	redirects := func(l Listener) bool { return l.Redirect != 0 }
	if len(b.Listeners) > 0 && !slices.ContainsFunc(b.Listeners, func(l Listener) bool { return !redirects(l) }) {
		l.Missing("balancer.listeners", "only redirect: one at least must forward")
	}
	b.validateCertificate(l)
	if b.Alias != nil {
		b.Alias.validate(l)
	}
}

func (b Balancer) validateListener(l *invalid.List, i int) {
	at, listener := fmt.Sprintf("balancer.listeners[%d]", i), b.Listeners[i]
	first := slices.IndexFunc(b.Listeners, func(o Listener) bool { return o.Port == listener.Port })
	switch {
	case !isPort(listener.Port):
		l.Add(at+".port", listener.Port, "is not from 1 to 65535")
	case first < i:
		l.Add(at+".port", listener.Port, "is the port of balancer.listeners[%d]", first)
	}
	if known := protocols[b.Type]; known != nil && !slices.Contains(known, listener.Protocol) {
		l.Add(at+".protocol", listener.Protocol, "is not for a balancer of type %s: %s are", b.Type, strings.Join(known, " and "))
	}
	if listener.Redirect != 0 {
		b.validateRedirect(l, at+".redirect", listener)
	}
}

func (b Balancer) validateRedirect(l *invalid.List, at string, from Listener) {
	to := slices.IndexFunc(b.Listeners, func(o Listener) bool { return o.Port == from.Redirect })
	switch {
	case from.Protocol != "HTTP":
		l.Add(at, from.Redirect, "is for a listener of protocol HTTP, not %s", from.Protocol)
	case to < 0:
		l.Add(at, from.Redirect, "is not the port of a listener")
	case b.Listeners[to].Protocol != "HTTPS":
		l.Add(at, from.Redirect, "is the port of balancer.listeners[%d], which is not HTTPS", to)
	}
}

func (b Balancer) validateCertificate(l *invalid.List) {
	if b.Certificate != "" && !certificatePattern.MatchString(b.Certificate) {
		l.Add("balancer.certificate", b.Certificate, "is not the ARN of a certificate in ACM: arn:aws:acm:REGION:ACCOUNT:certificate/ID")
	}
	first := slices.IndexFunc(b.Listeners, Listener.encrypted)
	switch {
	case first >= 0 && b.Certificate == "" && b.Alias == nil:
		l.Add(fmt.Sprintf("balancer.listeners[%d].protocol", first), b.Listeners[first].Protocol,
			"needs balancer.alias, for whose name a certificate is made, or balancer.certificate")
	case first < 0 && b.Certificate != "" && b.Listeners != nil:
		l.Missing("balancer.certificate", "is of no use: no listener has the protocol %s", protocols[b.Type][1])
	}
}

func (a Alias) validate(l *invalid.List) {
	for _, name := range [][2]string{{"zone", a.Zone}, {"name", a.Name}} {
		if !domainPattern.MatchString(name[1]) || len(name[1]) > 253 {
			l.Add("balancer.alias."+name[0], name[1], "is not a domain name such as www.example.com, in small letters")
			return
		}
	}
	if a.Name != a.Zone && !strings.HasSuffix(a.Name, "."+a.Zone) {
		l.Add("balancer.alias.name", a.Name, "is not in balancer.alias.zone (%s)", a.Zone)
	}
}
