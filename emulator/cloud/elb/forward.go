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
	Blocked     *vpc.Blocked  // what keeps clients out
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
	Blocked  *vpc.Blocked   // what keeps the balancer's flows from arriving
}

// Forwards lists the listeners, a balancer's by their ports, with the targets that are eligible now: the healthy ones, or
// all when none is healthy (ELB: "fail open").
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
			IdleTimeout: b.Spec.IdleTimeout, CrossZone: b.Spec.CrossZone,
		}
		if group != nil {
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

// nodeZones are the zones whose nodes are in the balancer's DNS name. With cross-zone off a zone without a target is out
// of it (ELB: "Network Load Balancers", DNS name).
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

// blockedFromBalancer is what stops a balancer of the target group from reaching a port of an instance: clients' flows,
// which a network balancer passes on with their addresses, or its own probes.
func (s *Store) blockedFromBalancer(group *TargetGroup, i *ec2.Instance, port int, flows bool) *vpc.Blocked {
	var blocked *vpc.Blocked
	for _, b := range s.BalancersOf(group.ARN) {
		if blocked = s.reachTarget(b, s.ec2.PeerOf(i), port, flows && b.Spec.Kind == Network); blocked == nil {
			return nil
		}
	}
	return blocked
}
