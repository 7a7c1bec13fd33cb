package emulator

import (
	"net/netip"
	"slices"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/rds"
	"github.com/elastic-service/elastic-service/emulator/loopback"
	"github.com/elastic-service/elastic-service/internal/sockets"
)

// isFree reports whether an address can be given out: no other emulator has the loopback address that stands for it, and
// nothing listens there.
func (e *Emulator) isFree(address netip.Addr) bool {
	return isUnused(address) && e.claims.Claim(loopback.Address(address))
}

// claimAddresses claims the addresses of a saved cloud. Where another emulator has taken an address meanwhile, nothing can
// listen.
func (e *Emulator) claimAddresses() {
	for _, address := range e.loopbackAddresses() {
		if !e.claims.Claim(address) {
			e.options.Log.Error("another emulator uses an address of this one: nothing can listen there", "address", address)
		}
	}
}

// loopbackAddresses lists the addresses on this machine of everything that exists in the cloud.
func (e *Emulator) loopbackAddresses() []netip.Addr {
	var addresses []netip.Addr
	for _, i := range cloud.Get(e.Cloud, func(m *cloud.Model) []ec2.Instance { return m.EC2.DescribeInstances() }) {
		if i.State != ec2.Terminated {
			addresses = append(addresses, loopback.Address(i.Address))
		}
	}
	for _, b := range cloud.Get(e.Cloud, func(m *cloud.Model) []elb.LoadBalancer { return m.ELB.DescribeLoadBalancers() }) {
		addresses = append(addresses, loopback.Address(b.Address))
	}
	for _, t := range cloud.Get(e.Cloud, func(m *cloud.Model) []ecs.Task { return m.ECS.DescribeTasks() }) {
		if t.State == ecs.TaskStopped {
			continue
		}
		for _, container := range t.Containers {
			addresses = append(addresses, loopback.Address(container.Address))
		}
	}
	for _, d := range cloud.Get(e.Cloud, func(m *cloud.Model) []rds.Server { return m.RDS.Servers() }) {
		addresses = append(addresses, loopback.Address(d.Address))
	}
	return addresses
}

// isUnused reports whether nothing on this machine listens at the loopback address that stands for an address.
func isUnused(address netip.Addr) bool {
	table, err := sockets.Open()
	if err != nil {
		return true // if the address is in use, listening there fails and says so
	}
	defer table.Close()
	listeners, err := table.Listeners(0)
	return err != nil || !slices.ContainsFunc(listeners, func(l sockets.Listener) bool {
		return l.Addr == loopback.Address(address)
	})
}
