package settings

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Balancer is the load balancer in front of the group.
type Balancer struct {
	// A network balancer passes TCP on, an application balancer HTTP. A change replaces the balancer and its address.
	// Limits: `network`, `application`.
	Type string `default:"\"network\"" enum:"network,application"`

	// The balancer is reachable from within the VPC only. A change replaces the balancer and its address.
	Internal bool

	// Who may connect to the ports of the balancer.
	// Default: everybody; the ranges of the VPC if the balancer is internal.
	// Limits: IPv4 ranges without host bits, such as `203.0.113.0/24`; prefix lists, `pl-…`, without `network.acl`; with
	// `network.existing` security groups of the VPC, `sg-…`. Each once; with each port at most 60 rules of a security group, of which a
	// prefix list takes as many as its largest number of entries (VPC User Guide, quotas).
	From []string

	// The ports of the balancer. They forward to the port of the service, or to one of `app.targets`.
	// Default: one, TCP on `app.port` or HTTP on 80, and one on the port of each of `app.targets`.
	// Limits: at least one that forwards to the service, and to each of `app.targets`; at most 50 (ELB User Guide, quotas).
	Listeners []Listener

	// The certificate of TLS and HTTPS listeners.
	// Default: a new one for `alias.name`.
	// Limits: ARN of a certificate in ACM, of the stack's region; needs a TLS or HTTPS listener.
	Certificate string

	// A DNS name for the balancer.
	Alias *Alias

	// How long a connection may carry nothing before the balancer closes it. A change applies to new connections. Programs behind an
	// application balancer must keep idle connections for longer: otherwise a request can meet the end of its connection, and the client
	// gets a 502. TLS listeners of a network balancer always wait 350 s.
	// Default: network: 350; application: 60.
	// Limits: network: 60 to 6000, needs a TCP listener (ELB User Guide, update idle timeout); application: 1 to 4000 (ELB API Reference,
	// LoadBalancerAttribute).
	IdleTimeout time.Duration `minimum:"1" maximum:"6000"`

	// The deregistration delay: how long an instance that is taken out may go on with the connections and requests that it has, before it
	// is terminated. A network balancer takes about two minutes even if this is less.
	// Default: network: 120; application: `idleTimeout`, at least 60 and at most 3600, because no client waits longer for an answer.
	// Limits: 0 to 3600 (ELB API Reference, TargetGroupAttribute).
	Drain *time.Duration `minimum:"0" maximum:"3600"`

	// Which target gets a request: each in turn, the one with the fewest requests that it has not answered, or any at random.
	// Default: round_robin.
	// Limits: `round_robin`, `least_outstanding_requests`, `weighted_random`; application only.
	Algorithm string `enum:"round_robin,least_outstanding_requests,weighted_random"`

	// A network balancer spreads connections over the targets of all zones. If false, each of its addresses serves the targets of its own
	// zone alone: no traffic between zones is paid for, and zones with fewer instances have more to do on each.
	// Limits: an application balancer always does.
	CrossZone bool `default:"true"`

	// Access logs in a bucket of their own, for 90 days. A network balancer writes them for TLS listeners only (ELB User Guide,
	// access logs).
	AccessLogs bool
}

// Listener is a port of the balancer.
type Listener struct {
	// The port that clients use.
	// Limits: 1 to 65535, each once.
	Port int `required:"true" minimum:"1" maximum:"65535" unit:"TCP port"`

	// The protocol of the port. The balancer ends TLS and HTTPS: the instances get TCP and HTTP.
	// Default: TCP or HTTP.
	// Limits: network: `TCP`, `TLS`; application: `HTTP`, `HTTPS`. TLS and HTTPS need `alias` or `certificate`.
	Protocol string `enum:"TCP,TLS,HTTP,HTTPS"`

	// The name of one of `app.targets`, to which the port forwards.
	// Default: the service on `app.port`.
	// Limits: not with `redirect`.
	Target string

	// Requests are answered with a redirect (301) to this port, instead of being forwarded.
	// Limits: HTTP only; the port of an HTTPS listener.
	Redirect int `minimum:"1" maximum:"65535" unit:"TCP port"`
}

// Alias is a name in a hosted zone of Route 53.
type Alias struct {
	// The hosted zone of Route 53.
	// Limits: a domain name; a public hosted zone of the account, unless `createZone` is set.
	Zone string `required:"true"`

	// The name.
	// Limits: `zone`, or a name below it.
	Name string `required:"true"`

	// Creates the zone. Its name servers are the output `nameServers`: no certificate is issued until the domain is delegated to
	// them.
	CreateZone bool
}

// The types of balancer, as AWS names them.
const (
	network     = "network"
	application = "application"
)

// maxListeners is AWS's quota for a balancer, unless it was raised.
const maxListeners = 50

// protocols are the protocols of a listener by the type of its balancer. The first is the default.
var protocols = map[string][]string{
	network:     {"TCP", "TLS"},
	application: {"HTTP", "HTTPS"},
}

// algorithms are the ways in which an application balancer chooses targets. The first is the default.
var algorithms = []string{"round_robin", "least_outstanding_requests", "weighted_random"}

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
	if len(b.Listeners) > maxListeners {
		l.Add("balancer.listeners", len(b.Listeners), "are too many: a balancer takes %d", maxListeners)
	}
	for i := range b.Listeners {
		b.validateListener(l, i)
	}
	redirects := func(l Listener) bool { return l.Redirect != 0 }
	if len(b.Listeners) > 0 && !slices.ContainsFunc(b.Listeners, func(l Listener) bool { return !redirects(l) }) {
		l.Missing("balancer.listeners", "only redirect: at least one must forward")
	}
	b.validateClients(l)
	b.validateAttributes(l)
	b.validateCertificate(l)
	if b.Alias != nil {
		b.Alias.validate(l)
	}
}

// The longest times that AWS takes.
const (
	maxDrain    = time.Hour
	maxIdleTCP  = 6000 * time.Second
	minIdleTCP  = time.Minute
	maxIdleHTTP = 4000 * time.Second
)

func (b Balancer) validateAttributes(l *invalid.List) {
	if d := b.Drain; d != nil && (*d < 0 || *d > maxDrain) {
		l.Add("balancer.drain", *d, "is not from 0 to 3600 s")
	}
	if !slices.Contains(algorithms, b.Algorithm) && b.Algorithm != "" {
		l.Add("balancer.algorithm", b.Algorithm, "is not %s or %s", strings.Join(algorithms[:2], ", "), algorithms[2])
	}
	switch b.Type {
	case network:
		b.validateNetworkAttributes(l)
	case application:
		if idle := b.IdleTimeout; idle != 0 && (idle < time.Second || idle > maxIdleHTTP) {
			l.Add("balancer.idleTimeout", idle, "is not from 1 to 4000 s")
		}
		if !b.CrossZone {
			l.Add("balancer.crossZone", b.CrossZone, "is for a balancer of type network: an application balancer serves all zones")
		}
	}
}

func (b Balancer) validateNetworkAttributes(l *invalid.List) {
	if b.Algorithm != "" {
		l.Add("balancer.algorithm", b.Algorithm, "is for a balancer of type application: a network balancer chooses by a hash of the addresses")
	}
	idle := b.IdleTimeout
	switch isTCP := func(l Listener) bool { return l.Protocol == "TCP" }; {
	case idle == 0:
	case idle < minIdleTCP || idle > maxIdleTCP:
		l.Add("balancer.idleTimeout", idle, "is not from 60 to 6000 s")
	case len(b.Listeners) > 0 && !slices.ContainsFunc(b.Listeners, isTCP):
		l.Add("balancer.idleTimeout", idle, "has no effect: TLS listeners always wait 350 s, and none is TCP")
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

// Clients returns the ranges, the prefix lists and the security groups of From.
func (b Balancer) Clients() (ranges []netip.Prefix, lists, groups []string) {
	for _, from := range b.From {
		prefix, err := netip.ParsePrefix(from)
		switch {
		case err == nil:
			ranges = append(ranges, prefix)
		case strings.HasPrefix(from, "pl-"):
			lists = append(lists, from)
		default:
			groups = append(groups, from)
		}
	}
	return ranges, lists, groups
}

func (b Balancer) validateClients(l *invalid.List) {
	if b.From != nil && len(b.From) == 0 {
		l.Missing("balancer.from", "needs at least one, or is left out")
	}
	for i, from := range b.From {
		at := fmt.Sprintf("balancer.from[%d]", i)
		prefix, err := netip.ParsePrefix(from)
		switch {
		case slices.Contains(b.From[:i], from):
			l.Add(at, from, "is listed twice")
		case awsIDPattern.MatchString(from):
		case err != nil:
			l.Add(at, from, "is neither a range such as 203.0.113.0/24 nor the ID of a prefix list or a security group")
		case !prefix.Addr().Is4():
			l.Add(at, from, "is a range of IPv6: the balancer has addresses of IPv4 only")
		case prefix != prefix.Masked():
			l.Add(at, from, "has host bits set, it should be %s", prefix.Masked())
		}
	}
	if rules := len(b.From) * len(b.Listeners); rules > mostRules {
		l.Add("balancer.from", len(b.From), "with %d listeners are %d rules: a security group takes %d", len(b.Listeners), rules, mostRules)
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
		l.Missing("balancer.certificate", "has no effect: no listener has the protocol %s", protocols[b.Type][1])
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
