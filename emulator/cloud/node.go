package cloud

import "slices"

// nodes are a balancer's ends: AWS gives it one in each of its subnets. One that is cut off is taken out of the balancer's
// DNS name, unless all are.
func (s *state) nodes(b *LoadBalancer) []Peer {
	var nodes []Peer
	for _, id := range s.nodeSubnets(b) {
		for _, n := range s.InterfacesOf(b.Spec.owner()) {
			if n.Subnet == id {
				nodes = append(nodes, n.peer())
			}
		}
	}
	return nodes
}

func (s *state) nodeSubnets(b *LoadBalancer) []string {
	reached := slices.DeleteFunc(slices.Clone(b.Spec.Subnets), func(id string) bool { return s.cutOff(id) != nil })
	if len(reached) == 0 {
		return b.Spec.Subnets
	}
	return reached
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
func (s *state) reachTarget(b *LoadBalancer, to Peer, port int, keepsClient bool) *Blocked {
	return s.followTarget(nil, b, to, port, keepsClient)
}

func (s *state) followTarget(w *walk, b *LoadBalancer, to Peer, port int, keepsClient bool) *Blocked {
	sends := false
	for _, node := range s.nodes(b) {
		if zone := s.Subnets[node.Subnet]; zone == nil || !b.Spec.CrossZone && !s.sameZone(node.Subnet, to.Subnet) {
			continue
		}
		if keepsClient && !b.Spec.Internal {
			node.Client = Internet().Address
		}
		if blocked := s.follow(w, node, to, port); blocked != nil {
			return blocked
		}
		sends = true
	}
	if !sends {
		return blocked("ELB_INSTALLED_AZ_RESTRICTION", "load balancer %s has no node that sends to the zone of %s (%s): cross-zone is off",
			b.Spec.Name, to.Name, to.Subnet)
	}
	return nil
}
