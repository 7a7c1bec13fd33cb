package controller

import (
	"fmt"
	"net/netip"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/cloud/rds"
	"github.com/elastic-service/elastic-service/emulator/guest"
)

// Observation is what the controller sees on this machine, which the model does not know.
type Observation struct {
	Listeners map[string]Listener              // by ARN
	Services  map[string][]guest.ServiceStatus // of instances that have booted
	Skipped   []string                         // what user data and images ask for and the runtime does not do, each thing once
}

// Listener is a balancer's port.
type Listener struct {
	Failure string // why it takes no connections
	Flows   map[string]Flow
}

// Flow counts a target's flows, or its requests, through a listener.
type Flow struct {
	Total    uint64
	Active   int
	Refused  uint64
	Statuses [6]uint64 // of requests, by the first digit of their status
}

// Observe returns what runs.
func (c *Controller) Observe() Observation {
	tasks := cloud.Get(c.cloud, func(m *cloud.Model) []ecs.Task { return m.ECS.DescribeTasks() })
	databases := cloud.Get(c.cloud, func(m *cloud.Model) []rds.Database { return m.RDS.List() })
	c.mu.Lock()
	defer c.mu.Unlock()
	seen := Observation{Listeners: map[string]Listener{}, Services: map[string][]guest.ServiceStatus{}, Skipped: []string{}}
	for arn, l := range c.listeners {
		seen.Listeners[arn] = l.observe()
	}
	for id, p := range c.instances {
		if p.running != nil {
			seen.Services[id] = p.running.Services()
			seen.Skipped = append(seen.Skipped, p.running.Skipped()...)
		}
	}
	for _, t := range tasks {
		if c.tasks[t.ID] == nil {
			continue
		}
		for _, container := range t.Containers {
			seen.Skipped = append(seen.Skipped,
				fmt.Sprintf("image %s is not pulled: its command runs with this machine's programs", container.Image))
		}
	}
	seen.Skipped = guest.SortSkipped(append(seen.Skipped, describeDatabases(databases)...))
	return seen
}

func (l *listener) observe() Listener {
	seen := Listener{Flows: map[string]Flow{}}
	switch {
	case l.flows != nil:
		for id, s := range l.flows.Stats() {
			seen.Flows[id] = Flow{Total: s.Flows, Active: s.Active, Refused: s.Refused}
		}
	case l.requests != nil:
		for id, s := range l.requests.Stats() {
			seen.Flows[id] = Flow{Total: s.Requests, Active: s.Active, Refused: s.Errors, Statuses: s.Statuses}
		}
	default:
		seen.Failure = l.failure
	}
	return seen
}

// HostAddress returns where a private address of an instance is found on this machine.
func (c *Controller) HostAddress(address netip.Addr) netip.Addr {
	return c.runtime.HostAddress(address)
}
