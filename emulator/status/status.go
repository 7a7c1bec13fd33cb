// Package status describes a running emulator in the words of its control API, from the model and from what the controller sees on
// this machine.
package status

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/controller"
	"github.com/elastic-service/elastic-service/emulator/loopback"
)

// Describe returns a status. The caller adds what only it knows: speed, folder and authority.
func Describe(c *cloud.Cloud, run *controller.Controller) api.Status {
	seen := run.Observe()
	var s api.Status
	c.View(func(m *cloud.Model) { s = describe(m, seen, run.HostAddress) })
	s.Region, s.Time = string(c.Region()), c.Now()
	return s
}

func describe(m *cloud.Model, seen controller.Observation, hostAddress func(netip.Addr) netip.Addr) api.Status {
	health := m.ELB.DescribeTargetHealth()
	forwards := m.ELB.Forwards()
	s := api.Status{
		Balancers: []api.Balancer{}, Groups: groups(m), Instances: []api.Instance{}, Tasks: []api.Task{},
		Services: services(m), Alarms: alarms(m), Faults: Faults(m.Fault.List()), Notifications: notifications(m),
		Skipped: seen.Skipped, Moved: moved(forwards, m.ELB.ProbeTargets()),
	}
	for _, forward := range forwards {
		s.Balancers = append(s.Balancers, balancer(forward, seen.Listeners[forward.Listener]))
	}
	for _, i := range m.EC2.DescribeInstances() {
		one := instance(i, health)
		one.Loopback = hostAddress(i.Address)
		one.Services = machineServices(seen.Services[i.ID])
		s.Instances = append(s.Instances, one)
	}
	for _, t := range m.ECS.DescribeTasks() {
		s.Tasks = append(s.Tasks, task(t, health))
	}
	return s
}

func balancer(forward elb.Forward, seen controller.Listener) api.Balancer {
	at := netip.AddrPortFrom(forward.Address.Addr(), loopback.Port(forward.Address.Port()))
	b := api.Balancer{
		Name: forward.Name, Kind: forward.Kind, Protocol: forward.Protocol, Address: at.String(), Flows: map[string]api.Flow{},
	}
	if r := forward.Redirect; r != nil {
		b.Redirect = fmt.Sprintf("%s:%d", r.Protocol, r.Port)
	}
	if forward.Blocked != nil {
		b.Failure = forward.Blocked.Error()
	}
	if seen.Failure != "" {
		b.Failure = seen.Failure
	}
	for id, f := range seen.Flows {
		b.Flows[id] = api.Flow(f)
	}
	return b
}

// moved lists the ports in use that only root may open, and where they are instead.
func moved(forwards []elb.Forward, probed []elb.ProbeTarget) []string {
	ports := map[uint16]bool{}
	for _, forward := range forwards {
		ports[forward.Address.Port()] = true
		for _, t := range forward.Targets {
			ports[t.Address.Port()] = true
		}
	}
	for _, target := range probed {
		ports[uint16(target.Port)] = true
	}
	lines := []string{}
	for _, port := range slices.Sorted(maps.Keys(ports)) {
		if at := loopback.Port(port); at != port {
			lines = append(lines, fmt.Sprintf("only root may open port %d: it is at %d", port, at))
		}
	}
	return lines
}
