package controller

import (
	"net/netip"
	"slices"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
	"github.com/elastic-service/elastic-service/emulator/loopback"
)

const resolverPort = 53

// Route decides where a connection from a private address leads on this machine: to the network's name server, to a database if the path
// to it is open, nowhere if it is not. It leaves other connections alone.
func (c *Controller) Route(from netip.Addr, to netip.AddrPort) (netip.AddrPort, bool) {
	if to.Port() == resolverPort {
		return c.resolver.Address(), true
	}
	known, blocked := cloud.Find(c.cloud, func(m *cloud.Model) (bool, *vpc.Blocked) { return routeToDatabase(m, from, to) })
	switch {
	case !known:
		return to, false
	case blocked == nil:
		return netip.AddrPortFrom(loopback.Address(to.Addr()), to.Port()), true
	}
	if _, again := c.dropped.LoadOrStore(from.String()+to.String()+blocked.Error(), true); !again {
		c.log.Warn("packets to a database are dropped", "from", from, "to", to, "reason", blocked)
	}
	hole, err := loopback.BlackHole()
	if err != nil {
		c.log.Error("packets to a database cannot be dropped", "error", err)
		return to, false
	}
	return hole, true
}

// routeToDatabase reports whether an address is a database's in the network of the sender, and what blocks the way there.
func routeToDatabase(m *cloud.Model, from netip.Addr, to netip.AddrPort) (known bool, blocked *vpc.Blocked) {
	sender, found := peerAt(m, from)
	if !found {
		return false, nil
	}
	d, isPrimary, found := m.RDS.AtAddress(m.VPC.VPCOf(sender.Subnet), to.Addr())
	switch {
	case !found:
		return false, nil
	case !isPrimary:
		return true, vpc.BlockedBy("NO_PATH", "the standby of database %s does not answer", d.Spec.Identifier)
	case !servesDatabases(d.Spec.Engine):
		return true, vpc.BlockedBy("NO_PATH", "database %s is only recorded", d.Spec.Identifier)
	}
	receiver := m.RDS.Primary(d)
	return true, m.VPC.Reach(sender, receiver.Peer(), int(to.Port()))
}

// peerAt returns the instance at a private address. Packets of a container are those of its instance.
func peerAt(m *cloud.Model, address netip.Addr) (vpc.Peer, bool) {
	instance := ""
	for _, t := range m.ECS.DescribeTasks() {
		at := func(c ecs.Container) bool { return c.Address == address }
		if t.State != ecs.TaskStopped && slices.ContainsFunc(t.Containers, at) {
			instance = t.Instance
		}
	}
	for _, i := range m.EC2.OldestFirst() {
		if i.State != ec2.Terminated && (i.ID == instance || i.Address == address) {
			return m.EC2.PeerOf(i), true
		}
	}
	return vpc.Peer{}, false
}

// databaseAddress resolves the name of a database's endpoint.
func (c *Controller) databaseAddress(name string) (netip.Addr, bool) {
	return cloud.Find(c.cloud, func(m *cloud.Model) (netip.Addr, bool) {
		for _, d := range m.RDS.List() {
			if m.RDS.DatabaseAddress(d.Spec) == name {
				primary := m.RDS.Primary(d)
				return primary.Address, primary.Address.IsValid()
			}
		}
		return netip.Addr{}, false
	})
}
