package cloud

import (
	"net/netip"
	"slices"
	"strings"
)

// Path answers whether a TCP connection can be opened, as VPC Reachability Analyzer does.
type Path struct {
	From, To string // as they were found, e.g. "load balancer musicguru-lb"
	Port     int
	Hops     []Hop    // what it passes, as far as it comes
	Blocked  *Blocked // what stops it; nil if nothing does
}

// Trace follows a connection from one end to a port of another. An end is "internet" or an address out there, "bastion"
// (the only instance outside of groups, or the only one of them with a public address), "database" and "balancer" (the only
// ones of their kind), the ID of an instance, the name or the ARN of a balancer, the identifier or the ID of a database, or
// a service as endpoints name it: s3, ecr.api.
//
// A balancer as an end stands for all of its nodes: they all must be reached, and all that may send must reach.
func (c *Cloud) Trace(from, to string, port int) (Path, error) {
	if port < 1 || port > 65535 {
		return Path{}, refuse("InvalidParameterValue", "port %d is not between 1 and 65535", port)
	}
	path, w := Path{Port: port}, &walk{}
	var err error
	c.view(func(s *state) {
		var source, target []Peer
		if source, path.From, err = s.ends(from); err != nil {
			return
		}
		if target, path.To, err = s.ends(to); err != nil {
			return
		}
		path.Blocked = s.trace(w, source, target, s.balancer(from), s.balancer(to), port)
	})
	path.Hops = w.hops
	return path, err
}

// Analyze is [Cloud.Trace] without its hops. What it doesn't know reaches nothing.
func (c *Cloud) Analyze(from, to string, port int) *Blocked {
	path, err := c.Trace(from, to, port)
	if err != nil {
		return blocked("NO_PATH", "%v", err)
	}
	return path.Blocked
}

func (s *state) trace(w *walk, source, target []Peer, sender, receiver *LoadBalancer, port int) *Blocked {
	if sender != nil && len(target) == 1 && target[0].Subnet != "" {
		return s.followTarget(w, sender, target[0], port, false)
	}
	for _, from := range source {
		for _, to := range target {
			if service, found := strings.CutPrefix(to.Name, servicePrefix); found {
				if inside := s.interfaceFor(service, from.Subnet); inside != nil {
					to = *inside
				}
			}
			if blocked := s.follow(w, from, to, port); blocked != nil {
				return blocked
			}
		}
	}
	if receiver != nil && !s.listens(receiver, port) {
		return blocked("ELBV2_LISTENERS_MISMATCH", "load balancer %s has no listener on port %d", receiver.Spec.Name, port)
	}
	return nil
}

func (s *state) listens(b *LoadBalancer, port int) bool {
	for _, listener := range s.Listeners {
		if listener.Balancer == b.ARN && listener.Port == port {
			return true
		}
	}
	return false
}

// ends are what a name stands for, with words for it.
func (s *state) ends(name string) ([]Peer, string, error) {
	if b := s.balancer(name); b != nil {
		return s.nodes(b), "load balancer " + b.Spec.Name, nil
	}
	end, err := s.end(name)
	return []Peer{end}, end.Name, err
}

func (s *state) end(name string) (Peer, error) {
	if name == "internet" {
		return Internet(), nil
	}
	if i := s.instanceNamed(name); i != nil {
		if i.State == Terminated {
			return Peer{}, refuse("IncorrectInstanceState", "instance %s is terminated", name)
		}
		return s.instancePeer(i), nil
	}
	if d := s.databaseNamed(name); d != nil {
		return s.databaseEnd(d), nil
	}
	if slices.Contains(services, name) {
		return publicService(name), nil
	}
	if address, err := netip.ParseAddr(name); err == nil && !s.owned(address) {
		return Peer{Name: "address " + name, Address: address}, nil
	}
	return Peer{}, refuse("InvalidParameterValue", "%q is neither internet, bastion, database or balancer, nor an instance's ID, the "+
		"name of a balancer or a database, nor an address outside, nor one of the services %s", name, strings.Join(services, ", "))
}

// owned tells whether an address is of one of the VPCs: what is there has a name.
func (s *state) owned(address netip.Addr) bool {
	for _, vpc := range s.VPCs {
		if vpc.CIDR.Contains(address) {
			return true
		}
	}
	return false
}

// services are those of AWS that instances of the stacks talk to.
var services = []string{
	"dynamodb", "ec2messages", "ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry", "logs", "monitoring", "s3",
	"secretsmanager", "ssm", "ssmmessages", "sts",
}

func (s *state) instanceNamed(name string) *Instance {
	if name != "bastion" {
		return s.Instances[name]
	}
	alone := func(i *Instance) bool { return i.Group == "" && i.State != Terminated && i.Lifecycle == "" }
	if public := single(s.instances(), func(i *Instance) bool { return alone(i) && i.Public }); public != nil {
		return public
	}
	return single(s.instances(), alone)
}

func (s *state) databaseNamed(name string) *Database {
	var all []*Database
	for _, id := range keys(s.Databases) {
		all = append(all, s.Databases[id])
	}
	return single(all, func(d *Database) bool { return name == "database" || d.ID == name || d.Spec.Identifier == name })
}

func (s *state) balancer(name string) *LoadBalancer {
	var all []*LoadBalancer
	for _, arn := range keys(s.Balancers) {
		all = append(all, s.Balancers[arn])
	}
	return single(all, func(b *LoadBalancer) bool { return name == "balancer" || b.ARN == name || b.Spec.Name == name })
}

// single is the one of a list that is meant, or nil: several are none.
func single[T any](all []*T, meant func(*T) bool) *T {
	found := slices.DeleteFunc(all, func(one *T) bool { return !meant(one) })
	if len(found) != 1 {
		return nil
	}
	return found[0]
}

// databaseEnd returns a database in the first of its subnets.
func (s *state) databaseEnd(d *Database) Peer {
	first := s.SubnetGroups[d.Spec.SubnetGroup].Subnets[0]
	for _, n := range s.InterfacesOf(d.Spec.owner()) {
		if n.Subnet == first {
			return n.peer()
		}
	}
	return Peer{}
}
