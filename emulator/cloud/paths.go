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
func Internet() Endpoint {
	return Endpoint{Name: "internet", Address: netip.MustParseAddr("203.0.113.1")}
}

// Blocked says why a packet doesn't arrive. Codes are those of VPC Reachability Analyzer ("Explanation codes").
type Blocked struct {
	Code   string
	Reason string
}

func (b *Blocked) Error() string { return b.Code + ": " + b.Reason }

func blocked(code, format string, args ...any) *Blocked {
	return &Blocked{code, fmt.Sprintf(format, args...)}
}

// Reach answers whether a TCP connection from one end can be opened to a port of the other: nil if it can, and
// otherwise what stops it. Security groups are stateful, so the way back needs no rule of theirs; it does need a route,
// and the network ACLs must let it pass.
func (s *state) Reach(from, to Endpoint, port int) *Blocked {
	for _, step := range []func(Endpoint, Endpoint, int) *Blocked{s.leaves, s.crosses, s.enters} {
		if blocked := step(from, to, port); blocked != nil {
			return blocked
		}
	}
	return nil
}

// reachService answers whether an end inside a VPC can open a connection to a service of AWS, by whatever way there is.
func (s *state) reachService(from Endpoint, service string) *Blocked {
	to := publicService(service)
	if inside := s.interfaceFor(service, from.Subnet); inside != nil {
		to = *inside
	}
	return s.Reach(from, to, 443)
}

func (s *state) leaves(from, to Endpoint, port int) *Blocked {
	if from.Subnet == "" || from.Open || s.groupsLet(from.Groups, true, port, to) {
		return nil
	}
	return blocked("ENI_SG_RULES_MISMATCH",
		"no egress rule of %s (security groups %v) lets TCP %d out to %s", from.Name, from.Groups, port, to.Name)
}

func (s *state) enters(from, to Endpoint, port int) *Blocked {
	if to.Subnet == "" || to.Open || s.groupsLet(to.Groups, false, port, from.seen()) {
		return nil
	}
	return blocked("ENI_SG_RULES_MISMATCH",
		"no ingress rule of %s (security groups %v) lets TCP %d in from %s", to.Name, to.Groups, port, from.Name)
}

// seen is an end as the other one sees it.
func (e Endpoint) seen() Endpoint {
	if e.Client.IsValid() {
		e.Name, e.Address, e.Back = "the clients of "+e.Name, e.Client, anyPorts
	}
	return e
}

func (s *state) groupsLet(groups []string, egress bool, port int, other Endpoint) bool {
	for _, rule := range s.Rules {
		if rule.Egress == egress && contains(groups, rule.Group) && rule.lets(port, other.Address, other.Groups) {
			return true
		}
	}
	return false
}

// crosses checks the routes and the network ACLs, there and back. Ends of one VPC always have their local route.
func (s *state) crosses(from, to Endpoint, port int) *Blocked {
	switch {
	case from.Subnet == "" && to.Subnet == "":
		return nil
	case from.Subnet == "":
		return s.comesIn(from, to, port)
	case to.Subnet == "":
		return s.goesOut(from, to, port)
	case s.vpcOf(from.Subnet) != s.vpcOf(to.Subnet):
		return blocked("NO_PATH", "%s and %s are in different networks", from.Name, to.Name)
	}
	return s.filtered(from, to, port)
}

// comesIn is a connection from the internet: to a public address alone, and answered through the gateway.
func (s *state) comesIn(from, to Endpoint, port int) *Blocked {
	if s.Gateways[s.routeOut(to.Subnet, from.Address)] == nil {
		return blocked("NO_ROUTE_TO_DESTINATION",
			"the route table of %s (%s) has no route to %s through an internet gateway", to.Name, to.Subnet, from.Name)
	}
	if !to.Public {
		return blocked("IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", "%s has no public address that %s could name", to.Name, from.Name)
	}
	return s.filtered(from, to, port)
}

// goesOut is a connection to the internet or to a service: by an endpoint's route, by a public address and an internet
// gateway, or by a NAT gateway that has them.
func (s *state) goesOut(from, to Endpoint, port int) *Blocked {
	target := s.routeOut(from.Subnet, to.Address)
	switch nat := s.NATs[target]; {
	case target == "":
		return blocked("NO_ROUTE_TO_DESTINATION",
			"the route table of %s (%s) has no route to %s", from.Name, from.Subnet, to.Name)
	case s.Endpoints[target] != nil:
	case nat != nil:
		return s.throughNAT(from, nat.endpoint(), to, port)
	case !from.Public:
		return blocked("IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS",
			"%s has no public address, without which the internet gateway lets nothing out to %s", from.Name, to.Name)
	}
	return s.filtered(from, to, port)
}

func (s *state) throughNAT(from, nat, to Endpoint, port int) *Blocked {
	if s.Gateways[s.routeOut(nat.Subnet, to.Address)] == nil {
		return blocked("NO_ROUTE_TO_DESTINATION",
			"the route table of %s (%s) has no route to %s through an internet gateway", nat.Name, nat.Subnet, to.Name)
	}
	if from.Subnet != nat.Subnet {
		if blocked := s.aclsLet(from, to, port); blocked != nil { // its packets name the far end, not the NAT gateway
			return blocked
		}
		inner := Endpoint{Name: to.Name, Address: to.Address, Subnet: nat.Subnet}
		if blocked := s.aclsLet(Endpoint{Name: from.Name, Address: from.Address, Back: from.Back}, inner, port); blocked != nil {
			return blocked
		}
	}
	return s.aclsLet(nat, to, port)
}

// filtered checks the network ACLs. They stand at the border of subnets: within one they see nothing.
func (s *state) filtered(from, to Endpoint, port int) *Blocked {
	if from.Subnet == to.Subnet {
		return nil
	}
	return s.aclsLet(from, to, port)
}

func (s *state) aclsLet(from, to Endpoint, port int) *Blocked {
	source := from.seen()
	there, back := ports{port, port}, source.Back
	if back == (ports{}) {
		back = anyPorts
	}
	for _, step := range []struct {
		subnet string
		egress bool
		other  Endpoint
		ports  ports
	}{
		{from.Subnet, true, to, there}, {to.Subnet, false, source, there}, {to.Subnet, true, source, back}, {from.Subnet, false, to, back},
	} {
		if step.subnet == "" {
			continue
		}
		if acl := s.aclOf(step.subnet); !acl.lets(step.egress, step.other.Address, step.ports) {
			return restricted(acl.ID, step.subnet, step.egress, step.other, step.ports)
		}
	}
	return nil
}

func restricted(acl, subnet string, egress bool, other Endpoint, span ports) *Blocked {
	direction := map[bool]string{true: "out to", false: "in from"}[egress]
	named := fmt.Sprintf("TCP %d", span.from)
	if span.from != span.to {
		named = fmt.Sprintf("the answers on TCP %d–%d", span.from, span.to)
	}
	return blocked("SUBNET_ACL_RESTRICTION", "network ACL %s of %s doesn't let %s %s %s", acl, subnet, named, direction, other.Name)
}

// routeOut is the target of the most specific route of a subnet to an address, or nothing: a route whose target is gone
// is a black hole.
func (s *state) routeOut(subnet string, to netip.Addr) string {
	table := s.tableOf(subnet)
	if table == nil {
		return ""
	}
	best, target := -1, ""
	for destination, candidate := range table.Routes {
		if bits, ok := within(destination, to); ok && bits > best {
			best, target = bits, candidate
		}
	}
	if s.Gateways[target] == nil && s.NATs[target] == nil && s.Endpoints[target] == nil {
		return ""
	}
	return target
}

// nodes are a balancer's ends: AWS gives it one in each of its subnets.
func (s *state) nodes(b *LoadBalancer) []Endpoint {
	var nodes []Endpoint
	for _, id := range b.Spec.Subnets {
		node := Endpoint{
			Name: "load balancer " + b.Spec.Name, Groups: b.Spec.SecurityGroups, Open: len(b.Spec.SecurityGroups) == 0,
			Subnet: id, Public: !b.Spec.Internal,
		}
		if subnet := s.Subnets[id]; subnet != nil {
			node.Address = firstAddress(subnet)
		}
		nodes = append(nodes, node)
	}
	return nodes
}

// firstAddress stands for a balancer's node: any address of the subnet passes the same rules.
func firstAddress(subnet *Subnet) netip.Addr {
	address := subnet.CIDR.Addr()
	for range keptFirst {
		address = address.Next()
	}
	return address
}

// reachBalancer answers whether clients on the internet reach a listener, at every node of its balancer: they are given
// the addresses of all.
func (s *state) reachBalancer(b *LoadBalancer, port int) *Blocked {
	for _, node := range s.nodes(b) {
		if blocked := s.Reach(Internet(), node, port); blocked != nil {
			return blocked
		}
	}
	return nil
}

// reachTarget answers whether a balancer reaches a port of a target from every node that may send to it. With client
// addresses kept, as a network balancer's flows have them, the target's network ACL sees the client (ELB: "Client IP
// preservation"); a security group's rule that names the balancer's group lets them in all the same.
func (s *state) reachTarget(b *LoadBalancer, to Endpoint, port int, keepsClient bool) *Blocked {
	for _, node := range s.nodes(b) {
		if zone := s.Subnets[node.Subnet]; zone == nil || !b.Spec.CrossZone && !s.sameZone(node.Subnet, to.Subnet) {
			continue
		}
		if keepsClient && !b.Spec.Internal {
			node.Client = Internet().Address
		}
		if blocked := s.Reach(node, to, port); blocked != nil {
			return blocked
		}
	}
	return nil
}

func (s *state) sameZone(a, b string) bool {
	return s.Subnets[a] != nil && s.Subnets[b] != nil && s.Subnets[a].Zone == s.Subnets[b].Zone
}

// Analyze answers whether a TCP connection from one end can be opened to a port of another, as VPC Reachability Analyzer
// does: nil if it can. An end is the ID of an instance or a database, "internet", or a service as endpoints name it: s3,
// ecr.api.
func (c *Cloud) Analyze(from, to string, port int) *Blocked {
	var found *Blocked
	c.view(func(s *state) {
		source, target := s.end(from), s.end(to)
		if inside := s.interfaceFor(to, source.Subnet); inside != nil {
			target = *inside
		}
		found = s.Reach(source, target, port)
	})
	return found
}

func (s *state) end(name string) Endpoint {
	if name == "internet" {
		return Internet()
	}
	if i := s.Instances[name]; i != nil {
		return i.endpoint()
	}
	if d := s.Databases[name]; d != nil {
		return s.databaseEnd(d)
	}
	return publicService(name)
}

// databaseEnd is a database in the first of its subnets.
func (s *state) databaseEnd(d *Database) Endpoint {
	end := Endpoint{Name: "database " + d.Spec.Identifier, Groups: d.Spec.Groups, Subnet: s.SubnetGroups[d.Spec.SubnetGroup].Subnets[0]}
	end.Address = firstAddress(s.Subnets[end.Subnet])
	return end
}
