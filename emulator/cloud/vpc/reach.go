package vpc

import (
	"fmt"
	"net/netip"
	"slices"
)

// Peer is one end of a path: something with an address, the security groups of its network interface, and its
// subnet. Without a subnet it is out on the internet.
type Peer struct {
	Name    string // for people: "load balancer musicguru-lb", "internet"
	Address netip.Addr
	Groups  []string
	Open    bool // no security group filters its packets, as a network balancer's that was made without
	Subnet  string
	Public  bool       // has a public address, which an internet gateway translates
	Client  netip.Addr // whose address its packets carry, where that is not its own
	Back    ports      // where answers to it arrive; the zero value stands for 1024–65535
}

// Ports that connections are opened from (VPC User Guide: "Ephemeral ports"): Linux has a range of its own, of clients,
// balancers and NAT gateways all of them must be expected.
var (
	linuxPorts = ports{32768, 60999}
	anyPorts   = ports{1024, 65535}
)

// Internet is a client somewhere in the world (an address of RFC 5737's documentation range).
func Internet() Peer {
	return Peer{Name: "internet", Address: netip.MustParseAddr("203.0.113.1")}
}

// Blocked says why a packet doesn't arrive. Codes are those of VPC Reachability Analyzer ("Explanation codes").
type Blocked struct {
	Code   string
	Reason string
}

func (b *Blocked) Error() string { return b.Code + ": " + b.Reason }

func BlockedBy(code, format string, args ...any) *Blocked {
	return &Blocked{code, fmt.Sprintf(format, args...)}
}

// Reach answers whether a TCP connection from one end can be opened to a port of the other: nil if it can, and
// otherwise what stops it. Security groups are stateful, so the way back needs no rule of theirs; it does need a route,
// and the network ACLs must let it pass.
func (s *Store) Reach(from, to Peer, port int) *Blocked { return s.Trace(nil, from, to, port) }

// Trace is [state.Reach] with a note of what the connection passes.
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

// Trail notes the hops of a connection, for people; nil notes nothing.
type Trail struct{ Hops []Hop }

// Hop is a component that a connection passes, and by what.
type Hop struct {
	Component string // a security group, a route table, a gateway, …; or an end
	By        string // e.g. a rule, or a route
}

func (w *Trail) add(component, by string) {
	if w != nil {
		w.Hops = append(w.Hops, Hop{component, by})
	}
}

// location is where an end is.
func (e Peer) location() string {
	if e.Subnet == "" {
		return e.Address.String()
	}
	return e.Address.String() + " in " + e.Subnet
}

// ReachService answers whether an end inside a VPC can open a connection to a service of AWS, by whatever way there is.
func (s *Store) ReachService(from Peer, service string) *Blocked {
	to := PublicService(service)
	if inside := s.ServicePeer(service, from.Subnet); inside != nil {
		to = *inside
	}
	return s.Reach(from, to, 443)
}

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

// asSeenByPeer is an end as the other one sees it.
func (e Peer) asSeenByPeer() Peer {
	if e.Client.IsValid() {
		e.Name, e.Address, e.Back = "the clients of "+e.Name, e.Client, anyPorts
	}
	return e
}

// allowingRule is a rule of the groups that lets a connection pass; the first by its ID, of several.
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

// routesAllow checks the routes and the network ACLs, there and back. Ends of one VPC always have their local route.
func (s *Store) routesAllow(w *Trail, from, to Peer, port int) *Blocked {
	switch {
	case from.Subnet == "" && to.Subnet == "":
		return nil
	case from.Subnet == "":
		return s.routeFromInternet(w, from, to, port)
	case to.Subnet == "":
		return s.routeToInternet(w, from, to, port)
	case s.VpcOf(from.Subnet) != s.VpcOf(to.Subnet):
		return BlockedBy("NO_PATH", "%s and %s are in different networks", from.Name, to.Name)
	}
	w.add("network "+s.VpcOf(from.Subnet), "local route")
	return s.aclsAllowBetweenSubnets(w, from, to, port)
}

// routeFromInternet is a connection from the internet: to a public address alone, and answered through the gateway.
func (s *Store) routeFromInternet(w *Trail, from, to Peer, port int) *Blocked {
	if blocked := s.throughGateway(w, to, from); blocked != nil {
		return blocked
	}
	if !to.Public {
		return BlockedBy("IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", "%s has no public address that %s could name", to.Name, from.Name)
	}
	return s.aclsAllowBetweenSubnets(w, from, to, port)
}

// throughGateway wants the route of an end of the VPC to one outside to lead through an internet gateway.
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

// routeToInternet is a connection to the internet or to a service: by an endpoint's route, by a public address and an internet
// gateway, or by a NAT gateway that has them.
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

// natPeer returns the network interface of a NAT gateway as an end.
func (s *Store) natPeer(nat *NATGateway) Peer { return s.InterfacesOf(nat.owner())[0].Peer() }

func (s *Store) throughNAT(w *Trail, from, nat, to Peer, port int) *Blocked {
	w.add(nat.Name, nat.location())
	if blocked := s.throughGateway(w, nat, to); blocked != nil {
		return blocked
	}
	if from.Subnet != nat.Subnet {
		if blocked := s.aclsAllow(w, from, to, port); blocked != nil { // its packets name the far end, not the NAT gateway
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

// aclsAllowBetweenSubnets checks the network ACLs. They stand at the border of subnets: within one they see nothing.
func (s *Store) aclsAllowBetweenSubnets(w *Trail, from, to Peer, port int) *Blocked {
	if from.Subnet == to.Subnet {
		return nil
	}
	return s.aclsAllow(w, from, to, port)
}

func (s *Store) aclsAllow(w *Trail, from, to Peer, port int) *Blocked {
	source := from.asSeenByPeer()
	there, back := ports{port, port}, source.Back
	if back == (ports{}) {
		back = anyPorts
	}
	for _, step := range []struct {
		subnet string
		egress bool
		other  Peer
		ports  ports
	}{
		{from.Subnet, true, to, there}, {to.Subnet, false, source, there}, {to.Subnet, true, source, back}, {from.Subnet, false, to, back},
	} {
		if step.subnet == "" {
			continue
		}
		if cause := s.disruption(step.subnet); cause != "" {
			return BlockedBy("SUBNET_ACL_RESTRICTION", "the network ACL that fault %s gives %s lets nothing %s %s", cause, step.subnet,
				directions[step.egress], step.other.Name)
		}
		acl := s.aclOf(step.subnet)
		if by, lets := acl.admits(step.egress, step.other.Address, step.ports); !lets {
			return aclRestriction(acl.ID, by, step.subnet, step.egress, step.other, step.ports)
		}
		if acl != nil {
			w.add("network ACL "+acl.ID, directions[step.egress]+" "+step.other.Name)
		}
	}
	return nil
}

var directions = map[bool]string{true: "out to", false: "in from"}

func aclRestriction(acl, by, subnet string, egress bool, other Peer, span ports) *Blocked {
	named := fmt.Sprintf("TCP %d", span.from)
	if span.from != span.to {
		named = fmt.Sprintf("the answers on TCP %d–%d", span.from, span.to)
	}
	return BlockedBy("SUBNET_ACL_RESTRICTION", "network ACL %s of %s doesn't let %s %s %s: %s", acl, subnet, named, directions[egress],
		other.Name, by)
}

// route is the one that decides where a subnet's packets to an address go.
type route struct {
	table, destination, Target string // no target: there is none
	dead                       bool   // its target is gone: a black hole
}

func (r route) blackHole(from, to Peer) *Blocked {
	return BlockedBy("BAD_STATE_ROUTE", "route %s of %s, by which %s would reach %s, leads to %s, which is gone", r.destination, r.table,
		from.Name, to.Name, r.Target)
}

// RouteTo is the most specific route of a subnet to an address.
func (s *Store) RouteTo(subnet string, to netip.Addr) route {
	table := s.tableOf(subnet)
	if table == nil {
		return route{}
	}
	best := -1
	found := route{table: table.ID}
	for destination, target := range table.Routes {
		if bits, ok := contains(destination, to); ok && bits > best {
			best, found.destination, found.Target = bits, destination, target
		}
	}
	found.dead = found.Target != "" && s.InternetGateways[found.Target] == nil && s.NATGateways[found.Target] == nil &&
		s.Endpoints[found.Target] == nil
	return found
}

// disruption names what keeps all packets from entering and leaving a subnet, or returns "".
func (s *Store) disruption(subnet string) string {
	found := s.Subnets[subnet]
	if found == nil || s.Disruption == nil {
		return ""
	}
	return s.Disruption(*found)
}

// IsCutOff reports whether something keeps all packets from entering and leaving a subnet.
func (s *Store) IsCutOff(subnet string) bool { return s.disruption(subnet) != "" }
