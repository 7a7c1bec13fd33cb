package cloud

import (
	"fmt"
	"net/netip"
)

// Endpoint is one end of a path: something with an address, the security groups of its network interface, and its
// subnet. Without a subnet it is out on the internet.
type Endpoint struct {
	Name    string // for people: "load balancer musicguru-lb", "internet"
	Address netip.Addr
	Groups  []string
	Subnet  string
}

// Internet is a client somewhere in the world (an address of RFC 5737's documentation range).
func Internet() Endpoint {
	return Endpoint{Name: "internet", Address: netip.MustParseAddr("203.0.113.1")}
}

// Blocked says why a packet doesn't arrive. Codes are those of VPC Reachability Analyzer ("Explanation codes").
type Blocked struct {
	Code   string
	Reason string
}

func (b *Blocked) Error() string { return b.Code + ": " + b.Reason }

// Reach answers whether a TCP connection from one end can be opened to a port of the other: nil if it can, and
// otherwise what stops it. Security groups are stateful, so the way back needs no rule; it does need a route.
func (s *state) Reach(from, to Endpoint, port int) *Blocked {
	for _, step := range []func(Endpoint, Endpoint, int) *Blocked{s.leaves, s.routes, s.enters} {
		if blocked := step(from, to, port); blocked != nil {
			return blocked
		}
	}
	return nil
}

func (s *state) leaves(from, to Endpoint, port int) *Blocked {
	if from.Subnet == "" || s.groupsLet(from.Groups, true, port, to) {
		return nil
	}
	return &Blocked{"ENI_SG_RULES_MISMATCH", fmt.Sprintf(
		"no egress rule of %s (security groups %v) lets TCP %d out to %s", from.Name, from.Groups, port, to.Name)}
}

func (s *state) enters(from, to Endpoint, port int) *Blocked {
	if to.Subnet == "" || s.groupsLet(to.Groups, false, port, from) {
		return nil
	}
	return &Blocked{"ENI_SG_RULES_MISMATCH", fmt.Sprintf(
		"no ingress rule of %s (security groups %v) lets TCP %d in from %s", to.Name, to.Groups, port, from.Name)}
}

func (s *state) groupsLet(groups []string, egress bool, port int, other Endpoint) bool {
	for _, rule := range s.Rules {
		if rule.Egress == egress && contains(groups, rule.Group) && rule.lets(port, other.Address, other.Groups) {
			return true
		}
	}
	return false
}

// routes checks the way there and back. Ends of one VPC always have their local route.
func (s *state) routes(from, to Endpoint, _ int) *Blocked {
	if from.Subnet != "" && to.Subnet != "" {
		if s.vpcOf(from.Subnet) == s.vpcOf(to.Subnet) {
			return nil
		}
		return &Blocked{"NO_PATH", fmt.Sprintf("%s and %s are in different networks", from.Name, to.Name)}
	}
	inside, outside := from, to
	if inside.Subnet == "" {
		inside, outside = to, from
	}
	if s.routeOut(inside.Subnet, outside.Address) == "" {
		return &Blocked{"NO_ROUTE_TO_DESTINATION", fmt.Sprintf(
			"the route table of %s (%s) has no route to %s through an internet gateway", inside.Name, inside.Subnet, outside.Name)}
	}
	return nil
}

// routeOut is the gateway of the most specific route of a subnet to an address, or nothing.
func (s *state) routeOut(subnet string, to netip.Addr) string {
	table := s.tableOf(subnet)
	if table == nil {
		return ""
	}
	best, gateway := -1, ""
	for destination, target := range table.Routes {
		prefix, err := netip.ParsePrefix(destination)
		if err == nil && prefix.Contains(to) && prefix.Bits() > best && s.Gateways[target] != nil {
			best, gateway = prefix.Bits(), target
		}
	}
	return gateway
}
