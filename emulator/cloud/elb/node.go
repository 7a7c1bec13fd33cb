package elb

import (
	"slices"

	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// Nodes returns the nodes of a load balancer as ends of connections: AWS gives it a node in each of its subnets. A node
// whose subnet is cut off by a fault is taken out of the load balancer's DNS name, unless all are.
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

// nodeSubnets returns the subnets whose nodes are in the DNS name.
func (s *Store) nodeSubnets(b *LoadBalancer) []string {
	reached := slices.DeleteFunc(slices.Clone(b.Spec.Subnets), func(id string) bool { return s.vpc.IsCutOff(id) })
	if len(reached) == 0 {
		return b.Spec.Subnets
	}
	return reached
}

// reachBalancer reports what keeps clients on the internet from a port of a load balancer. All nodes must be reached,
// because clients are given the addresses of all.
func (s *Store) reachBalancer(b *LoadBalancer, port int) *vpc.Blocked {
	for _, node := range s.Nodes(b) {
		if blocked := s.vpc.Reach(vpc.Internet(), node, port); blocked != nil {
			return blocked
		}
	}
	return nil
}

// reachTarget reports what keeps a load balancer from a port of a target. All nodes that may send to the target must
// reach it. Where the client address is preserved, as in the flows of a network load balancer, the target's network ACL
// sees the client's address (ELB: "Client IP preservation"); a security group rule that names the load balancer's group
// still matches.
func (s *Store) reachTarget(b *LoadBalancer, to vpc.Peer, port int, keepsClient bool) *vpc.Blocked {
	return s.TraceToTarget(nil, b, to, port, keepsClient)
}

// TraceToTarget does the same as reachTarget and adds what the connections pass to the trail.
func (s *Store) TraceToTarget(w *vpc.Trail, b *LoadBalancer, to vpc.Peer, port int, keepsClient bool) *vpc.Blocked {
	sends := false // a node sends to the target's zone
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
