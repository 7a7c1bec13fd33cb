package vpc

import (
	"fmt"
	"net/netip"
	"slices"
)

// Peer is an end of a connection: a network interface, or without a subnet an address on the internet.
type Peer struct {
	Name    string // for people: "load balancer musicguru-lb", "internet"
	Address netip.Addr
	Groups  []string
	Open    bool // no security group filters its packets: a network load balancer without security groups
	Subnet  string
	Public  bool       // has a public address, which an internet gateway maps
	Client  netip.Addr // address that its packets carry, if not its own
	Back    ports      // ports on which answers arrive; the zero value stands for 1024–65535
}

// Ports from which connections are opened, on which answers arrive (VPC User Guide: "Ephemeral ports"). Linux uses a
// range of its own; clients, load balancers and NAT gateways may use any of them.
var (
	linuxPorts = ports{32768, 60999}
	anyPorts   = ports{1024, 65535}
)

// Internet returns a client on the internet. Its address is from a range that RFC 5737 reserves for documentation.
func Internet() Peer {
	return Peer{Name: "internet", Address: netip.MustParseAddr("203.0.113.1")}
}

// Blocked tells why a packet does not arrive. Codes are those of VPC Reachability Analyzer ("Explanation codes").
type Blocked struct {
	Code   string
	Reason string
}

func (b *Blocked) Error() string { return b.Code + ": " + b.Reason }

// BlockedBy returns a [Blocked].
func BlockedBy(code, format string, args ...any) *Blocked {
	return &Blocked{code, fmt.Sprintf(format, args...)}
}

// Reach reports whether a TCP connection can be opened from one peer to a port of another: nil if it can, otherwise
// what blocks it. Security groups are stateful, so answers need no rule in them; but answers do need a route, and the
// network ACLs must allow them.
func (s *Store) Reach(from, to Peer, port int) *Blocked { return s.Trace(nil, from, to, port) }

// Trace does the same as [Store.Reach] and adds what the connection passes to the trail.
func (s *Store) Trace(w *Trail, from, to Peer, port int) *Blocked {
	w.add(from.Name, from.location())
	for _, step := range []func(*Trail, Peer, Peer, int) *Blocked{s.egressAllows, s.routesAllow, s.ingressAllows} {
		if blocked := step(w, from, to, port); blocked != nil {
			return blocked
		}
	}
	w.add(to.Name, to.location())
	return nil
}

// Trail collects the hops of a connection, for people. A nil trail collects nothing.
type Trail struct{ Hops []Hop }

// Hop is a component that a connection passes.
type Hop struct {
	Component string // a security group, a route table, a gateway, …, or a peer
	By        string // e.g. the rule or route that applies
}

func (w *Trail) add(component, by string) {
	if w != nil {
		w.Hops = append(w.Hops, Hop{component, by})
	}
}

// location returns the address and subnet, for people.
func (p Peer) location() string {
	if p.Subnet == "" {
		return p.Address.String()
	}
	return p.Address.String() + " in " + p.Subnet
}

// ReachService reports whether a peer in a VPC can open a connection to a service of AWS, through an endpoint or the
// internet.
func (s *Store) ReachService(from Peer, service string) *Blocked {
	to := PublicService(service)
	if inside := s.ServicePeer(service, from.Subnet); inside != nil {
		to = *inside
	}
	return s.Reach(from, to, 443)
}

// egressAllows checks the egress rules of the sender's security groups.
func (s *Store) egressAllows(w *Trail, from, to Peer, port int) *Blocked {
	if from.Subnet == "" || from.Open {
		return nil
	}
	if rule := s.allowingRule(from.Groups, true, port, to); rule != nil {
		w.add("security group "+rule.Group, "egress rule "+rule.ID+", "+rule.describe())
		return nil
	}
	return BlockedBy("ENI_SG_RULES_MISMATCH",
		"no egress rule of %s (security groups %v) lets TCP %d out to %s", from.Name, from.Groups, port, to.Name)
}

// ingressAllows checks the ingress rules of the receiver's security groups.
func (s *Store) ingressAllows(w *Trail, from, to Peer, port int) *Blocked {
	if to.Subnet == "" || to.Open {
		return nil
	}
	if rule := s.allowingRule(to.Groups, false, port, from.asSeenByPeer()); rule != nil {
		w.add("security group "+rule.Group, "ingress rule "+rule.ID+", "+rule.describe())
		return nil
	}
	return BlockedBy("ENI_SG_RULES_MISMATCH",
		"no ingress rule of %s (security groups %v) lets TCP %d in from %s", to.Name, to.Groups, port, from.Name)
}

// asSeenByPeer returns the peer with the address that its packets carry: that of its client where the client address is
// preserved.
func (p Peer) asSeenByPeer() Peer {
	if p.Client.IsValid() {
		p.Name, p.Address, p.Back = "the clients of "+p.Name, p.Client, anyPorts
	}
	return p
}

// allowingRule returns the rule of the groups that allows a connection; of several the first by ID.
func (s *Store) allowingRule(groups []string, egress bool, port int, other Peer) *Rule {
	var first *Rule
	for _, rule := range s.Rules {
		if rule.Egress == egress && slices.Contains(groups, rule.Group) && rule.allows(port, other.Address, other.Groups) &&
			(first == nil || rule.ID < first.ID) {
			first = rule
		}
	}
	return first
}

// routesAllow checks the routes and the network ACLs in both directions. Peers of one VPC always have the local route.
func (s *Store) routesAllow(w *Trail, from, to Peer, port int) *Blocked {
	switch {
	case from.Subnet == "" && to.Subnet == "":
		return nil
	case from.Subnet == "":
		return s.routeFromInternet(w, from, to, port)
	case to.Subnet == "":
		return s.routeToInternet(w, from, to, port)
	case s.VPCOf(from.Subnet) != s.VPCOf(to.Subnet):
		return BlockedBy("NO_PATH", "%s and %s are in different networks", from.Name, to.Name)
	}
	w.add("network "+s.VPCOf(from.Subnet), "local route")
	return s.aclsAllowBetweenSubnets(w, from, to, port)
}

// routeFromInternet checks a connection from the internet: the receiver needs a public address and a route back through
// an internet gateway.
func (s *Store) routeFromInternet(w *Trail, from, to Peer, port int) *Blocked {
	if blocked := s.throughGateway(w, to, from); blocked != nil {
		return blocked
	}
	if !to.Public {
		return BlockedBy("IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", "%s has no public address that %s could name", to.Name, from.Name)
	}
	return s.aclsAllowBetweenSubnets(w, from, to, port)
}

// throughGateway checks that the route from a peer in the VPC to a peer outside leads through an internet gateway.
func (s *Store) throughGateway(w *Trail, inside, outside Peer) *Blocked {
	route := s.RouteTo(inside.Subnet, outside.Address)
	switch {
	case route.dead:
		return route.blackHole(inside, outside)
	case s.InternetGateways[route.Target] == nil:
		return BlockedBy("NO_ROUTE_TO_DESTINATION", "the route table of %s (%s) has no route to %s through an internet gateway",
			inside.Name, inside.Subnet, outside.Name)
	}
	w.add("route table "+route.table, "route "+route.destination+" to "+route.Target)
	w.add("internet gateway "+route.Target, "")
	return nil
}

// routeToInternet checks a connection to the internet or to a service: the route leads to an endpoint, to an internet
// gateway, for which the sender needs a public address, or to a NAT gateway.
func (s *Store) routeToInternet(w *Trail, from, to Peer, port int) *Blocked {
	route := s.RouteTo(from.Subnet, to.Address)
	nat := s.NATGateways[route.Target]
	switch {
	case route.dead:
		return route.blackHole(from, to)
	case route.Target == "":
		return BlockedBy("NO_ROUTE_TO_DESTINATION", "the route table of %s (%s) has no route to %s", from.Name, from.Subnet, to.Name)
	case s.Endpoints[route.Target] == nil && nat == nil:
		if blocked := s.throughGateway(w, from, to); blocked != nil {
			return blocked
		}
		if !from.Public {
			return BlockedBy("IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS",
				"%s has no public address, without which the internet gateway lets nothing out to %s", from.Name, to.Name)
		}
		return s.aclsAllowBetweenSubnets(w, from, to, port)
	}
	w.add("route table "+route.table, "route "+route.destination+" to "+route.Target)
	if nat != nil {
		return s.throughNAT(w, from, s.natPeer(nat), to, port)
	}
	w.add("endpoint "+route.Target, "")
	return s.aclsAllowBetweenSubnets(w, from, to, port)
}

// natPeer returns the network interface of a NAT gateway as a peer.
func (s *Store) natPeer(nat *NATGateway) Peer { return s.InterfacesOf(nat.owner())[0].Peer() }

// throughNAT checks the two halves of a connection through a NAT gateway.
func (s *Store) throughNAT(w *Trail, from, nat, to Peer, port int) *Blocked {
	w.add(nat.Name, nat.location())
	if blocked := s.throughGateway(w, nat, to); blocked != nil {
		return blocked
	}
	if from.Subnet != nat.Subnet {
		if blocked := s.aclsAllow(w, from, to, port); blocked != nil { // the packets are addressed to the receiver, not to the NAT gateway
			return blocked
		}
		inner := Peer{Name: to.Name, Address: to.Address, Subnet: nat.Subnet}
		outer := Peer{Name: from.Name, Address: from.Address, Back: from.Back}
		if blocked := s.aclsAllow(w, outer, inner, port); blocked != nil {
			return blocked
		}
	}
	return s.aclsAllow(w, nat, to, port)
}

// aclsAllowBetweenSubnets checks the network ACLs, which filter at the border of subnets and not within a subnet.
func (s *Store) aclsAllowBetweenSubnets(w *Trail, from, to Peer, port int) *Blocked {
	if from.Subnet == to.Subnet {
		return nil
	}
	return s.aclsAllow(w, from, to, port)
}

// aclsAllow checks the network ACLs of both subnets for the connection's packets and for the answers.
func (s *Store) aclsAllow(w *Trail, from, to Peer, port int) *Blocked {
	source := from.asSeenByPeer()
	forth, back := ports{port, port}, source.Back
	if back == (ports{}) {
		back = anyPorts
	}
	for _, step := range []struct {
		subnet string
		egress bool
		other  Peer
		ports  ports
	}{
		{from.Subnet, true, to, forth}, {to.Subnet, false, source, forth}, {to.Subnet, true, source, back}, {from.Subnet, false, to, back},
	} {
		if step.subnet == "" {
			continue
		}
		if cause := s.disruption(step.subnet); cause != "" {
			return BlockedBy("SUBNET_ACL_RESTRICTION", "the network ACL that fault %s gives %s lets nothing %s %s", cause, step.subnet,
				directions[step.egress], step.other.Name)
		}
		acl := s.aclOf(step.subnet)
		if by, allows := acl.admits(step.egress, step.other.Address, step.ports); !allows {
			return aclRestriction(acl.ID, by, step.subnet, step.egress, step.other, step.ports)
		}
		if acl != nil {
			w.add("network ACL "+acl.ID, directions[step.egress]+" "+step.other.Name)
		}
	}
	return nil
}

// directions words a direction of traffic. The key is true for egress.
var directions = map[bool]string{true: "out to", false: "in from"}

// aclRestriction words what a network ACL denies.
func aclRestriction(acl, by, subnet string, egress bool, other Peer, span ports) *Blocked {
	named := fmt.Sprintf("TCP %d", span.from)
	if span.from != span.to {
		named = fmt.Sprintf("the answers on TCP %d–%d", span.from, span.to)
	}
	return BlockedBy("SUBNET_ACL_RESTRICTION", "network ACL %s of %s does not let %s %s %s: %s", acl, subnet, named, directions[egress],
		other.Name, by)
}

// Route is the route that decides where a subnet's packets to an address go.
type Route struct {
	Target             string // gateway, NAT gateway or endpoint; "" if there is no route
	table, destination string
	dead               bool // the target no longer exists: a black hole
}

// blackHole words a route whose target no longer exists.
func (r Route) blackHole(from, to Peer) *Blocked {
	return BlockedBy("BAD_STATE_ROUTE", "route %s of %s, by which %s would reach %s, leads to %s, which is gone", r.destination, r.table,
		from.Name, to.Name, r.Target)
}

// RouteTo returns the most specific route of a subnet to an address.
func (s *Store) RouteTo(subnet string, to netip.Addr) Route {
	table := s.tableOf(subnet)
	if table == nil {
		return Route{}
	}
	best := -1
	found := Route{table: table.ID}
	for destination, target := range table.Routes {
		if bits, ok := contains(destination, to); ok && bits > best {
			best, found.destination, found.Target = bits, destination, target
		}
	}
	found.dead = found.Target != "" && s.InternetGateways[found.Target] == nil && s.NATGateways[found.Target] == nil &&
		s.Endpoints[found.Target] == nil
	return found
}

// disruption names the fault that keeps all packets from entering and leaving a subnet, or returns "".
func (s *Store) disruption(subnet string) string {
	found := s.Subnets[subnet]
	if found == nil || s.Disruption == nil {
		return ""
	}
	return s.Disruption(*found)
}

// IsCutOff reports whether a fault keeps all packets from entering and leaving a subnet.
func (s *Store) IsCutOff(subnet string) bool { return s.disruption(subnet) != "" }
