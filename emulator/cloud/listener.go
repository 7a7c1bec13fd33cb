package cloud

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Listener is a port of a balancer. It forwards to a target group or sends clients elsewhere.
type Listener struct {
	ARN         string
	Balancer    string
	Port        int
	Protocol    string    // TCP or TLS; of an application balancer HTTP or HTTPS
	Certificate string    // ARN, TLS and HTTPS only
	TargetGroup string    // empty with Redirect
	Redirect    *Redirect // HTTP and HTTPS only; nil: forward
}

// Redirect is where clients are sent: host, path and query stay.
type Redirect struct {
	Protocol   string // HTTP or HTTPS
	Port       int
	StatusCode int // 301 or 302
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
	if err := s.checkListenerProtocol(listener); err != nil {
		return err
	}
	if listener.Port < 1 || listener.Port > 65535 {
		return refuse("ValidationError", "Port '%d' must be between 1 and 65535", listener.Port)
	}
	if err := s.checkAction(listener); err != nil {
		return err
	}
	beside := 0
	for _, other := range s.Listeners {
		if other.ARN == listener.ARN || other.Balancer != listener.Balancer {
			continue
		}
		beside++
		if other.Port == listener.Port {
			return refuse("DuplicateListener", "A listener already exists on this port for this load balancer '%s'",
				listener.Balancer)
		}
	}
	if beside >= maxListeners {
		return refuse("TooManyListeners", "The quota '%d' for the number of listeners has been reached on load balancer '%s'",
			maxListeners, listener.Balancer)
	}
	return nil
}

func (s *state) checkListenerProtocol(listener Listener) error {
	kind := s.Balancers[listener.Balancer].Spec.Kind
	encrypted := listener.Protocol == "TLS" || listener.Protocol == "HTTPS"
	switch {
	case kind == NetworkBalancer && listener.Protocol != "TCP" && listener.Protocol != "TLS":
		return refuse("ValidationError", "Listener protocol '%s' is not supported for a load balancer of type network here: "+
			"TCP and TLS are", listener.Protocol)
	case kind == ApplicationBalancer && listener.Protocol != "HTTP" && listener.Protocol != "HTTPS":
		return refuse("ValidationError", "Listener protocol '%s' must be one of 'HTTP, HTTPS'", listener.Protocol)
	case encrypted && listener.Certificate == "":
		return refuse("ValidationError", "A certificate must be specified for %s listeners", listener.Protocol)
	case !encrypted && listener.Certificate != "":
		return refuse("ValidationError", "A certificate cannot be specified for %s listeners", listener.Protocol)
	case encrypted:
		return s.checkIssued(listener.Certificate)
	}
	return nil
}

// checkIssued wants a certificate of ACM that has been validated; those of IAM and other regions are not known here.
func (s *state) checkIssued(certificate string) error {
	found := s.Certificates[certificate]
	switch {
	case found == nil:
		return refuse("CertificateNotFound", "Certificate '%s' not found", certificate)
	case !found.Issued:
		return refuse("UnsupportedCertificate", "The certificate '%s' must have a fully-qualified domain name, a supported "+
			"signature, and a supported key size. It is still pending validation.", certificate)
	}
	return nil
}

// checkAction wants a target group of the balancer's layer, or a redirect that leads elsewhere.
func (s *state) checkAction(listener Listener) error {
	network := s.Balancers[listener.Balancer].Spec.Kind == NetworkBalancer
	if r := listener.Redirect; r != nil {
		switch {
		case network:
			return refuse("InvalidLoadBalancerAction", "The action type 'redirect' is not valid with network load balancer")
		case r.Protocol != "HTTP" && r.Protocol != "HTTPS", r.StatusCode != 301 && r.StatusCode != 302,
			r.Port < 1 || r.Port > 65535:
			return refuse("ValidationError", "The redirect to %s:%d with HTTP_%d is not valid", r.Protocol, r.Port, r.StatusCode)
		case r.Protocol == listener.Protocol && r.Port == listener.Port:
			return refuse("InvalidLoadBalancerAction", "The redirect configuration is not valid because it creates a loop.")
		}
		return nil
	}
	target := s.Targets[listener.TargetGroup]
	if target == nil {
		return refuse("TargetGroupNotFound", "Target group '%s' not found", listener.TargetGroup)
	}
	if (target.Spec.Protocol == "TCP") != network {
		return refuse("IncompatibleProtocols", "Target group protocol '%s' doesn't fit listener protocol '%s'",
			target.Spec.Protocol, listener.Protocol)
	}
	return s.checkOneBalancer(listener)
}

// checkOneBalancer holds that a target group takes traffic from one balancer only.
func (s *state) checkOneBalancer(listener Listener) error {
	for _, b := range s.balancersOf(listener.TargetGroup) {
		if b.ARN != listener.Balancer {
			return refuse("TargetGroupAssociationLimit", "The following target groups cannot be associated with more than one "+
				"load balancer: %s", listener.TargetGroup)
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

// Forward is a listener for the data plane: where it listens and whom it may send a flow to.
type Forward struct {
	Listener    string
	Balancer    string
	Name        string
	Kind        string // of the balancer: NetworkBalancer or ApplicationBalancer
	Protocol    string // TCP, TLS, HTTP or HTTPS
	Certificate string // ARN, TLS and HTTPS only
	Address     netip.AddrPort
	TargetGroup string        // empty with Redirect
	Redirect    *Redirect     // where clients are sent; nil: to the targets
	IdleTimeout time.Duration // of an application balancer
	Blocked     *Blocked      // what keeps clients out
	CrossZone   bool
	Zones       []string
	Nodes       []string // zones whose nodes clients are sent to
	Targets     []ForwardTarget
}

// ForwardTarget is a port of an instance that may get flows or requests.
type ForwardTarget struct {
	ID       string // the instance's; with ":" and the port if that is not the target group's
	Instance string
	Zone     string
	Address  netip.AddrPort // private address and port of the target
	Blocked  *Blocked       // what keeps the balancer's flows from arriving
}

// Forwards lists the listeners, a balancer's by their ports, with the targets that are eligible now: the healthy ones, or
// all when none is healthy (ELB: "fail open").
func (c *Cloud) Forwards() []Forward {
	var forwards []Forward
	c.view(func(s *state) {
		for _, arn := range keys(s.Listeners) {
			listener := s.Listeners[arn]
			b, group := s.Balancers[listener.Balancer], s.Targets[listener.TargetGroup]
			if b == nil || group == nil && listener.Redirect == nil {
				continue
			}
			forward := Forward{
				Listener: arn, Balancer: b.ARN, Name: b.Spec.Name, Kind: b.Spec.Kind, Protocol: listener.Protocol,
				Certificate: listener.Certificate, TargetGroup: listener.TargetGroup, Redirect: listener.Redirect,
				Address:     netip.AddrPortFrom(b.Address, uint16(listener.Port)),
				IdleTimeout: b.Spec.IdleTimeout, CrossZone: b.Spec.CrossZone,
			}
			if group != nil {
				forward.Targets = s.eligible(group)
			}
			for _, subnet := range b.Spec.Subnets {
				forward.Zones = append(forward.Zones, s.Subnets[subnet].Zone)
			}
			forward.Nodes = s.nodeZones(b, forward.Targets)
			if !b.Spec.Internal {
				forward.Blocked = s.reachBalancer(b, listener.Port)
			}
			forwards = append(forwards, forward)
		}
	})
	slices.SortFunc(forwards, func(a, b Forward) int {
		return cmp.Or(strings.Compare(a.Balancer, b.Balancer), cmp.Compare(a.Address.Port(), b.Address.Port()))
	})
	return forwards
}

// nodeZones are the zones whose nodes are in the balancer's DNS name. With cross-zone off a zone without a target is out
// of it (ELB: "Network Load Balancers", DNS name).
func (s *state) nodeZones(b *LoadBalancer, targets []ForwardTarget) []string {
	var zones, served []string
	for _, subnet := range s.nodeSubnets(b) {
		zone := s.Subnets[subnet].Zone
		zones = append(zones, zone)
		if slices.ContainsFunc(targets, func(t ForwardTarget) bool { return t.Zone == zone }) {
			served = append(served, zone)
		}
	}
	if b.Spec.CrossZone || len(served) == 0 {
		return zones
	}
	return served
}

func (s *state) eligible(group *TargetGroup) []ForwardTarget {
	var healthy, rest []ForwardTarget
	for _, t := range group.Targets {
		i := s.Instances[t.Instance]
		if i == nil {
			continue
		}
		target := ForwardTarget{
			ID: group.id(t), Instance: i.ID, Zone: i.Zone,
			Address: netip.AddrPortFrom(i.Address, uint16(t.Port)),
			Blocked: s.blockedFromBalancer(group, i, t.Port, true),
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
