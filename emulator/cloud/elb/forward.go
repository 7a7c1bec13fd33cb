package elb

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// Forward tells the data plane where a listener listens and where it may send a flow or request.
type Forward struct {
	Listener    string // ARN
	Balancer    string // ARN
	Name        string // of the load balancer
	Kind        string // of the load balancer: Network or Application
	Protocol    string // TCP, TLS, HTTP or HTTPS
	Certificate string // ARN, TLS and HTTPS only
	Address     netip.AddrPort
	TargetGroup string        // ARN; "" with Redirect
	Redirect    *Redirect     // where clients are redirected; nil: forward to the targets
	IdleTimeout time.Duration // of connections
	Algorithm   string        // of an application load balancer's target group: one of the Algorithm constants
	Blocked     *vpc.Blocked  // what keeps clients from the listener
	CrossZone   bool
	Zones       []string
	Nodes       []string // zones whose nodes are in the DNS name
	Targets     []ForwardTarget
}

// ForwardTarget is a port of an instance that may get flows or requests.
type ForwardTarget struct {
	ID       string // ID of the instance; with ":" and the port if it is not the target group's
	Instance string
	Zone     string
	Address  netip.AddrPort // private address and port of the target
	Blocked  *vpc.Blocked   // what keeps flows from arriving
}

// Forwards returns the listeners, sorted by load balancer and port, with the targets that are eligible now: the healthy
// targets, or all if none is healthy (ELB: "fail open").
func (s *Store) Forwards() []Forward {
	var forwards []Forward
	for _, arn := range aws.Keys(s.Listeners) {
		listener := s.Listeners[arn]
		b, group := s.LoadBalancers[listener.Balancer], s.TargetGroups[listener.TargetGroup]
		if b == nil || group == nil && listener.Redirect == nil {
			continue
		}
		forward := Forward{
			Listener: arn, Balancer: b.ARN, Name: b.Spec.Name, Kind: b.Spec.Kind, Protocol: listener.Protocol,
			Certificate: listener.Certificate, TargetGroup: listener.TargetGroup, Redirect: listener.Redirect,
			Address:     netip.AddrPortFrom(b.Address, uint16(listener.Port)),
			IdleTimeout: b.idleTimeout(listener), CrossZone: b.Spec.CrossZone,
		}
		if group != nil {
			forward.Algorithm = group.Spec.Algorithm
			forward.Targets = s.eligible(group)
		}
		for _, subnet := range b.Spec.Subnets {
			forward.Zones = append(forward.Zones, s.vpc.Subnets[subnet].Zone)
		}
		forward.Nodes = s.nodeZones(b, forward.Targets)
		if !b.Spec.Internal {
			forward.Blocked = s.reachBalancer(b, listener.Port)
		}
		forwards = append(forwards, forward)
	}
	slices.SortFunc(forwards, func(a, b Forward) int {
		return cmp.Or(strings.Compare(a.Balancer, b.Balancer), cmp.Compare(a.Address.Port(), b.Address.Port()))
	})
	return forwards
}

// nodeZones returns the zones whose nodes are in the load balancer's DNS name. Without cross-zone load balancing a zone
// without targets is not in it (ELB: "Network Load Balancers", DNS name).
func (s *Store) nodeZones(b *LoadBalancer, targets []ForwardTarget) []string {
	var zones, served []string
	for _, subnet := range s.nodeSubnets(b) {
		zone := s.vpc.Subnets[subnet].Zone
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

// eligible returns the targets that may get flows or requests.
func (s *Store) eligible(group *TargetGroup) []ForwardTarget {
	var healthy, rest []ForwardTarget
	for _, t := range group.Targets {
		i := s.ec2.Instances[t.Instance]
		if i == nil {
			continue
		}
		target := ForwardTarget{
			ID: group.targetID(t), Instance: i.ID, Zone: i.Zone,
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

// blockedFromBalancer returns what keeps the load balancers of a target group from a port of an instance. Flows are
// those of clients, whose addresses a network load balancer preserves; otherwise it is the load balancer's own probe.
func (s *Store) blockedFromBalancer(group *TargetGroup, i *ec2.Instance, port int, flows bool) *vpc.Blocked {
	var blocked *vpc.Blocked
	for _, b := range s.BalancersOf(group.ARN) {
		if blocked = s.reachTarget(b, s.ec2.PeerOf(i), port, flows && b.Spec.Kind == Network); blocked == nil {
			return nil
		}
	}
	return blocked
}
