package elb

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// Listener is a port of a load balancer. It forwards to a target group or redirects clients.
type Listener struct {
	ARN         string
	Balancer    string // ARN
	Port        int
	Protocol    string        // TCP or TLS; of an application load balancer HTTP or HTTPS
	Certificate string        // ARN, TLS and HTTPS only
	IdleTimeout time.Duration // TCP only: 60–6000 s; 0 stands for 350 s
	TargetGroup string        // ARN; "" with Redirect
	Redirect    *Redirect     // HTTP and HTTPS only; nil: forward
}

// Redirect is where clients are redirected to. Host, path and query stay the same.
type Redirect struct {
	Protocol   string // HTTP or HTTPS
	Port       int
	StatusCode int // 301 or 302
}

// CreateListener creates a listener.
func (s *Store) CreateListener(listener Listener) (Listener, error) {
	b := s.LoadBalancers[listener.Balancer]
	if b == nil {
		return Listener{}, aws.Refuse("LoadBalancerNotFound", "Load balancer '%s' not found", listener.Balancer)
	}
	listener.ARN = strings.Replace(listener.Balancer, ":loadbalancer/", ":listener/", 1) + "/" + aws.RandomHex(8)
	if err := s.checkListener(listener); err != nil {
		return Listener{}, err
	}
	copied := listener
	s.Listeners[listener.ARN] = &copied
	return listener, nil
}

// checkListener refuses a listener that ELB refuses (API: CreateListener).
func (s *Store) checkListener(listener Listener) error {
	if err := s.checkListenerProtocol(listener); err != nil {
		return err
	}
	if err := listener.checkIdleTimeout(); err != nil {
		return err
	}
	if listener.Port < 1 || listener.Port > 65535 {
		return aws.Refuse("ValidationError", "Port '%d' must be between 1 and 65535", listener.Port)
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
			return aws.Refuse("DuplicateListener", "A listener already exists on this port for this load balancer '%s'",
				listener.Balancer)
		}
	}
	if beside >= maxListeners {
		return aws.Refuse("TooManyListeners", "The quota '%d' for the number of listeners has been reached on load balancer '%s'",
			maxListeners, listener.Balancer)
	}
	return nil
}

// checkListenerProtocol checks protocol and certificate.
func (s *Store) checkListenerProtocol(listener Listener) error {
	kind := s.LoadBalancers[listener.Balancer].Spec.Kind
	encrypted := listener.Protocol == "TLS" || listener.Protocol == "HTTPS"
	switch {
	case kind == Network && listener.Protocol != "TCP" && listener.Protocol != "TLS":
		return aws.Refuse("ValidationError", "Listener protocol '%s' is not supported for a load balancer of type network here: "+
			"TCP and TLS are", listener.Protocol)
	case kind == Application && listener.Protocol != "HTTP" && listener.Protocol != "HTTPS":
		return aws.Refuse("ValidationError", "Listener protocol '%s' must be one of 'HTTP, HTTPS'", listener.Protocol)
	case encrypted && listener.Certificate == "":
		return aws.Refuse("ValidationError", "A certificate must be specified for %s listeners", listener.Protocol)
	case !encrypted && listener.Certificate != "":
		return aws.Refuse("ValidationError", "A certificate cannot be specified for %s listeners", listener.Protocol)
	case encrypted:
		return s.checkIssued(listener.Certificate)
	}
	return nil
}

// idleTCP is the idle timeout of flows (ELB: "Update the TCP idle timeout for your Network Load Balancer listener").
const idleTCP = 350 * time.Second

// checkIdleTimeout checks the attribute tcp.idle_timeout.seconds (API: ListenerAttribute).
func (l *Listener) checkIdleTimeout() error {
	switch idle := l.IdleTimeout; {
	case idle == 0:
	case l.Protocol != "TCP":
		return aws.Refuse("InvalidConfigurationRequest", "Listener attribute 'tcp.idle_timeout.seconds' is not supported for %s listeners",
			l.Protocol)
	case idle < time.Minute || idle > 6000*time.Second:
		return aws.Refuse("ValidationError", "'%d' must be between 60 and 6000 inclusive: tcp.idle_timeout.seconds", int(idle.Seconds()))
	}
	return nil
}

// idleTimeout returns how long a connection to a listener of a load balancer may carry nothing.
func (b *LoadBalancer) idleTimeout(l *Listener) time.Duration {
	if b.Spec.Kind == Application {
		return b.Spec.IdleTimeout
	}
	return cmp.Or(l.IdleTimeout, idleTCP)
}

// checkIssued refuses a certificate that has not been issued. The emulator does not know certificates of IAM and other
// regions.
func (s *Store) checkIssued(certificate string) error {
	found := s.acm.Certificates[certificate]
	switch {
	case found == nil:
		return aws.Refuse("CertificateNotFound", "Certificate '%s' not found", certificate)
	case !found.Issued:
		return aws.Refuse("UnsupportedCertificate", "The certificate '%s' must have a fully-qualified domain name, a supported "+
			"signature, and a supported key size. It is still pending validation.", certificate)
	}
	return nil
}

// checkAction checks that the target group fits the kind of load balancer, or that the redirect does not lead back to
// the listener.
func (s *Store) checkAction(listener Listener) error {
	network := s.LoadBalancers[listener.Balancer].Spec.Kind == Network
	if r := listener.Redirect; r != nil {
		switch {
		case network:
			return aws.Refuse("InvalidLoadBalancerAction", "The action type 'redirect' is not valid with network load balancer")
		case r.Protocol != "HTTP" && r.Protocol != "HTTPS", r.StatusCode != 301 && r.StatusCode != 302,
			r.Port < 1 || r.Port > 65535:
			return aws.Refuse("ValidationError", "The redirect to %s:%d with HTTP_%d is not valid", r.Protocol, r.Port, r.StatusCode)
		case r.Protocol == listener.Protocol && r.Port == listener.Port:
			return aws.Refuse("InvalidLoadBalancerAction", "The redirect configuration is not valid because it creates a loop.")
		}
		return nil
	}
	target := s.TargetGroups[listener.TargetGroup]
	if target == nil {
		return aws.Refuse("TargetGroupNotFound", "Target group '%s' not found", listener.TargetGroup)
	}
	if (target.Spec.Protocol == "TCP") != network {
		return aws.Refuse("IncompatibleProtocols", "Target group protocol '%s' doesn't fit listener protocol '%s'",
			target.Spec.Protocol, listener.Protocol)
	}
	return s.checkOneBalancer(listener)
}

// checkOneBalancer refuses to forward to a target group of another load balancer.
func (s *Store) checkOneBalancer(listener Listener) error {
	for _, b := range s.BalancersOf(listener.TargetGroup) {
		if b.ARN != listener.Balancer {
			return aws.Refuse("TargetGroupAssociationLimit", "The following target groups cannot be associated with more than one "+
				"load balancer: %s", listener.TargetGroup)
		}
	}
	return nil
}

// UpdateListener changes port, protocol, certificate and action.
func (s *Store) UpdateListener(listener Listener) error {
	if s.Listeners[listener.ARN] == nil {
		return aws.Refuse("ListenerNotFound", "Listener '%s' not found", listener.ARN)
	}
	if err := s.checkListener(listener); err != nil {
		return err
	}
	s.Listeners[listener.ARN] = &listener
	return nil
}

// DeleteListener deletes a listener.
func (s *Store) DeleteListener(arn string) error {
	delete(s.Listeners, arn)
	return nil
}

// BalancersOf returns the load balancers that forward to a target group.
func (s *Store) BalancersOf(targetGroup string) []*LoadBalancer {
	var found []*LoadBalancer
	for _, id := range aws.Keys(s.Listeners) {
		listener := s.Listeners[id]
		if b := s.LoadBalancers[listener.Balancer]; listener.TargetGroup == targetGroup && b != nil && !slices.Contains(found, b) {
			found = append(found, b)
		}
	}
	return found
}

// certificateUser returns the ARN of a listener that uses a certificate, or "".
func (s *Store) certificateUser(certificate string) string {
	for _, arn := range aws.Keys(s.Listeners) {
		if s.Listeners[arn].Certificate == certificate {
			return arn
		}
	}
	return ""
}
