package analyzer

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/rds"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// Path is the answer whether a TCP connection can be opened.
type Path struct {
	From, To string // for people, e.g. "load balancer musicguru-lb"
	Port     int
	Hops     []vpc.Hop    // what the connection passes, as far as it comes
	Blocked  *vpc.Blocked // what stops it; nil for nothing
}

// Trace follows a TCP connection from an end to a port of another. An end is one of these:
//
//   - "internet", or an address outside of the VPCs
//   - "bastion": the only instance outside of Auto Scaling groups, or the only one of them with a public address
//   - "database" or "balancer", if there is only one
//   - the ID of an instance, the name or ARN of a load balancer, the identifier or ID of a database
//   - a service as endpoints name it: s3, ecr.api
//
// A load balancer stands for all of its nodes: all must be reached, and all that may send must reach.
func (s *Store) Trace(from, to string, port int) (Path, error) {
	if port < 1 || port > 65535 {
		return Path{}, aws.Refuse("InvalidParameterValue", "port %d is not between 1 and 65535", port)
	}
	path, w := Path{Port: port}, &vpc.Trail{}
	var err error
	var source, target []vpc.Peer
	if source, path.From, err = s.ends(from); err != nil {
		return path, err
	}
	if target, path.To, err = s.ends(to); err != nil {
		return path, err
	}
	path.Blocked = s.trace(w, source, target, s.balancer(from), s.balancer(to), port)
	path.Hops = w.Hops
	return path, nil
}

// Analyze does the same as [Store.Trace] without the hops. An end that does not exist is reported as NO_PATH.
func (s *Store) Analyze(from, to string, port int) *vpc.Blocked {
	path, err := s.Trace(from, to, port)
	if err != nil {
		return vpc.BlockedBy("NO_PATH", "%v", err)
	}
	return path.Blocked
}

// trace follows the connections between all peers of two ends.
func (s *Store) trace(w *vpc.Trail, source, target []vpc.Peer, sender, receiver *elb.LoadBalancer, port int) *vpc.Blocked {
	if sender != nil && len(target) == 1 && target[0].Subnet != "" {
		return s.elb.TraceToTarget(w, sender, target[0], port, false)
	}
	for _, from := range source {
		for _, to := range target {
			if service, found := strings.CutPrefix(to.Name, vpc.ServicePrefix); found {
				if inside := s.vpc.ServicePeer(service, from.Subnet); inside != nil {
					to = *inside
				}
			}
			if blocked := s.vpc.Trace(w, from, to, port); blocked != nil {
				return blocked
			}
		}
	}
	if receiver != nil && !s.listens(receiver, port) {
		return vpc.BlockedBy("ELBV2_LISTENERS_MISMATCH", "load balancer %s has no listener on port %d", receiver.Spec.Name, port)
	}
	return nil
}

// listens reports whether a load balancer has a listener on a port.
func (s *Store) listens(b *elb.LoadBalancer, port int) bool {
	for _, listener := range s.elb.Listeners {
		if listener.Balancer == b.ARN && listener.Port == port {
			return true
		}
	}
	return false
}

// ends returns the peers that a name stands for, and how to call them.
func (s *Store) ends(name string) ([]vpc.Peer, string, error) {
	if b := s.balancer(name); b != nil {
		return s.elb.Nodes(b), "load balancer " + b.Spec.Name, nil
	}
	end, err := s.end(name)
	return []vpc.Peer{end}, end.Name, err
}

// end returns the peer that a name stands for.
func (s *Store) end(name string) (vpc.Peer, error) {
	if name == "internet" {
		return vpc.Internet(), nil
	}
	if i := s.instanceNamed(name); i != nil {
		if i.State == ec2.Terminated {
			return vpc.Peer{}, aws.Refuse("IncorrectInstanceState", "instance %s is terminated", name)
		}
		return s.ec2.PeerOf(i), nil
	}
	if d := s.databaseNamed(name); d != nil {
		return s.databaseEnd(d), nil
	}
	if slices.Contains(services, name) {
		return vpc.PublicService(name), nil
	}
	if address, err := netip.ParseAddr(name); err == nil && !s.owned(address) {
		return vpc.Peer{Name: "address " + name, Address: address}, nil
	}
	return vpc.Peer{}, aws.Refuse("InvalidParameterValue", "%q is neither internet, bastion, database or balancer, nor an instance's ID, the "+
		"name of a balancer or a database, nor an address outside, nor one of the services %s", name, strings.Join(services, ", "))
}

// owned reports whether an address is in a VPC, where ends are named by their resource.
func (s *Store) owned(address netip.Addr) bool {
	for _, vpc := range s.vpc.VPCs {
		if vpc.CIDR.Contains(address) {
			return true
		}
	}
	return false
}

// services are the services of AWS that instances of the stacks use.
var services = []string{
	"dynamodb", "ec2messages", "ecr.api", "ecr.dkr", "ecs", "ecs-agent", "ecs-telemetry", "logs", "monitoring", "s3",
	"secretsmanager", "ssm", "ssmmessages", "sts",
}

// instanceNamed returns the instance that a name stands for, or nil.
func (s *Store) instanceNamed(name string) *ec2.Instance {
	if name != "bastion" {
		return s.ec2.Instances[name]
	}
	alone := func(i *ec2.Instance) bool { return i.Group == "" && i.State != ec2.Terminated && i.Lifecycle == "" }
	if public := single(s.ec2.OldestFirst(), func(i *ec2.Instance) bool { return alone(i) && i.Public }); public != nil {
		return public
	}
	return single(s.ec2.OldestFirst(), alone)
}

// databaseNamed returns the database that a name stands for, or nil.
func (s *Store) databaseNamed(name string) *rds.Database {
	var all []*rds.Database
	for _, id := range aws.Keys(s.rds.Databases) {
		all = append(all, s.rds.Databases[id])
	}
	return single(all, func(d *rds.Database) bool { return name == "database" || d.ID == name || d.Spec.Identifier == name })
}

// balancer returns the load balancer that a name stands for, or nil.
func (s *Store) balancer(name string) *elb.LoadBalancer {
	var all []*elb.LoadBalancer
	for _, arn := range aws.Keys(s.elb.LoadBalancers) {
		all = append(all, s.elb.LoadBalancers[arn])
	}
	return single(all, func(b *elb.LoadBalancer) bool { return name == "balancer" || b.ARN == name || b.Spec.Name == name })
}

// single returns the only item that matches, or nil if none or several do.
func single[T any](all []*T, meant func(*T) bool) *T {
	found := slices.DeleteFunc(all, func(item *T) bool { return !meant(item) })
	if len(found) != 1 {
		return nil
	}
	return found[0]
}

// databaseEnd returns the network interface at which a database answers.
func (s *Store) databaseEnd(d *rds.Database) vpc.Peer {
	primary := s.rds.Primary(*d)
	return primary.Peer()
}
