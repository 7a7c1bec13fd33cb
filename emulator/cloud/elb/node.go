package elb

import (
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

import "slices"

// Nodes are a balancer's ends: AWS gives it one in each of its subnets. One that is cut off is taken out of the balancer's
// DNS name, unless all are.
func (s *Store) Nodes(b *LoadBalancer) []vpc.Peer {
	var nodes []vpc.Peer
	for _, id := range s.nodeSubnets(b) {
		for _, n := range s.vpc.InterfacesOf(b.Spec.owner()) {
			if n.Subnet == id {
				nodes = append(nodes, n.Peer())
			}
		}
	}
	return nodes
}

func (s *Store) nodeSubnets(b *LoadBalancer) []string {
	reached := slices.DeleteFunc(slices.Clone(b.Spec.Subnets), func(id string) bool { return s.vpc.IsCutOff(id) })
	if len(reached) == 0 {
		return b.Spec.Subnets
	}
	return reached
}

// reachBalancer answers whether clients on the internet reach a listener, at every node of its balancer: they are given
// the addresses of all.
func (s *Store) reachBalancer(b *LoadBalancer, port int) *vpc.Blocked {
	for _, node := range s.Nodes(b) {
		if blocked := s.vpc.Reach(vpc.Internet(), node, port); blocked != nil {
			return blocked
		}
	}
	return nil
}

// reachTarget answers whether a balancer reaches a port of a target from every node that may send to it. With client
// addresses kept, as a network balancer's flows have them, the target's network ACL sees the client (ELB: "Client IP
// preservation"); a security group's rule that names the balancer's group lets them in all the same.
func (s *Store) reachTarget(b *LoadBalancer, to vpc.Peer, port int, keepsClient bool) *vpc.Blocked {
	return s.TraceToTarget(nil, b, to, port, keepsClient)
}

func (s *Store) TraceToTarget(w *vpc.Trail, b *LoadBalancer, to vpc.Peer, port int, keepsClient bool) *vpc.Blocked {
	sends := false
	for _, node := range s.Nodes(b) {
		if zone := s.vpc.Subnets[node.Subnet]; zone == nil || !b.Spec.CrossZone && !s.vpc.SameZone(node.Subnet, to.Subnet) {
			continue
		}
		if keepsClient && !b.Spec.Internal {
			node.Client = vpc.Internet().Address
		}
		if blocked := s.vpc.Trace(w, node, to, port); blocked != nil {
			return blocked
		}
		sends = true
	}
	if !sends {
		return vpc.BlockedBy("ELB_INSTALLED_AZ_RESTRICTION", "load balancer %s has no node that sends to the zone of %s (%s): cross-zone is off",
			b.Spec.Name, to.Name, to.Subnet)
	}
	return nil
}
