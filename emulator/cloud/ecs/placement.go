package ecs

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// startTask places a task of a service's primary deployment. If there is no room it returns the reason as ECS words it.
func (s *Store) startTask(svc *Service, now time.Time) (*Task, string) {
	d := s.TaskDefinitions[svc.primary().TaskDefinition]
	host, port, reason := s.chooseHost(svc, d)
	if reason != "" {
		return nil, reason
	}
	var containers []Container
	for _, definition := range d.Spec.Containers {
		c, err := definition.container(), error(nil)
		if c.Address, err = s.containerAddress(containers); err != nil {
			return nil, err.Error()
		}
		containers = append(containers, c)
	}
	i := s.ec2.Instances[host.Instance]
	id := aws.RandomHex(16)
	t := &Task{
		ID: id, ARN: s.region.ARN("ecs", "task/"+host.Cluster+"/"+id), Cluster: host.Cluster, Service: svc.Spec.Name,
		ServiceARN: svc.ARN, Deployment: svc.primary().ID, Definition: d.ARN, Family: d.Family, Revision: d.Revision,
		Containers: containers, ContainerPort: d.mapping().ContainerPort, HostPort: port, Address: containers[d.served()].Address,
		Instance: i.ID, HostAddress: i.Address, State: TaskPending, DesiredStatus: desiredRunning,
		CPUUnits: d.units(), Memory: d.memory(), Created: now,
	}
	t.TaskRole, t.ExecutionRole = d.Spec.TaskRole, d.Spec.ExecutionRole
	s.Tasks[id] = t
	return t, ""
}

// chooseHost chooses a container instance with room by the service's placement strategies, and a host port on it.
func (s *Store) chooseHost(svc *Service, d *TaskDefinition) (*ContainerInstance, int, string) {
	hosts := s.hostsFor(svc)
	if len(hosts) == 0 {
		return nil, 0, s.noHosts(svc)
	}
	var fit []*ContainerInstance
	closest := ""
	for _, host := range hosts {
		if missing := s.missingResource(svc, d, host); missing != "" {
			closest = fmt.Sprintf("The closest matching (container-instance %s) %s.", host.ID, missing)
			continue
		}
		fit = append(fit, host)
	}
	if len(fit) == 0 {
		return nil, 0, closest
	}
	host := slices.MinFunc(fit, s.preference(svc))
	port := d.mapping().HostPort
	if d.mapping().ContainerPort != 0 && port == 0 {
		_, _, used := s.unreserved(host)
		var err error
		if port, err = host.dynamicPort(used); err != nil {
			return nil, 0, err.Error()
		}
	}
	return host, port, ""
}

// hostsFor returns the container instances that a service may use: those of its capacity provider, if it has one.
func (s *Store) hostsFor(svc *Service) []*ContainerInstance {
	return slices.DeleteFunc(s.hosts(svc.Spec.Cluster), func(host *ContainerInstance) bool {
		if host.Draining {
			return true
		}
		if len(svc.Spec.Providers) == 0 {
			return false
		}
		p := s.provider(s.ec2.Instances[host.Instance])
		return p == nil || p.Spec.Name != svc.Spec.Providers[0].Provider
	})
}

// noHosts words why a service without container instances places no task.
func (s *Store) noHosts(svc *Service) string {
	if len(svc.Spec.Providers) > 0 {
		return "Reason: No Container Instances were found in your capacity provider."
	}
	return "Reason: No Container Instances were found in your cluster."
}

// missingResource returns what a container instance lacks for a task, or "".
func (s *Store) missingResource(svc *Service, d *TaskDefinition, host *ContainerInstance) string {
	cpu, memory, ports := s.unreserved(host)
	switch {
	case d.memory() > memory:
		return "has insufficient memory available"
	case d.units() > cpu:
		return "has insufficient CPU units available"
	case d.mapping().HostPort != 0 && ports[d.mapping().HostPort]:
		return "is already using a port required by your task"
	case svc.Spec.Distinct && s.countOn(svc, host) > 0:
		return "encountered error \"RESOURCE:DISTINCT_INSTANCE\""
	}
	return ""
}

// countOn counts the active tasks of a service on a container instance.
func (s *Store) countOn(svc *Service, host *ContainerInstance) int {
	count := 0
	for _, t := range s.tasksOn(host.Instance) {
		if t.ServiceARN == svc.ARN && t.active() {
			count++
		}
	}
	return count
}

// countIn counts the active tasks of a service in a zone.
func (s *Store) countIn(svc *Service, zone string) int {
	count := 0
	for _, t := range s.tasksOf(svc) {
		if i := s.ec2.Instances[t.Instance]; t.active() && i != nil && i.Zone == zone {
			count++
		}
	}
	return count
}

// spreadOverZones is the default placement strategy.
var spreadOverZones = []Placement{{Type: "spread", Field: "attribute:ecs.availability-zone"}}

// preference returns an order of container instances by the placement strategies in turn, then by the number of tasks.
func (s *Store) preference(svc *Service) func(a, b *ContainerInstance) int {
	strategies := svc.Spec.Placement
	if len(strategies) == 0 {
		strategies = spreadOverZones
	}
	chance := map[string]int{}
	return func(a, b *ContainerInstance) int {
		for _, p := range strategies {
			if order := cmp.Compare(s.weight(svc, p, a, chance), s.weight(svc, p, b, chance)); order != 0 {
				return order
			}
		}
		return cmp.Compare(len(s.tasksOn(a.Instance)), len(s.tasksOn(b.Instance)))
	}
}

// weight returns the rank of a container instance under a strategy: the lowest is preferred.
func (s *Store) weight(svc *Service, p Placement, host *ContainerInstance, chance map[string]int) int {
	cpu, memory, _ := s.unreserved(host)
	switch {
	case p.Type == "random":
		if _, drawn := chance[host.ID]; !drawn {
			chance[host.ID] = rand.Int()
		}
		return chance[host.ID]
	case p.Type == "binpack" && p.Field == "cpu":
		return cpu
	case p.Type == "binpack":
		return memory
	case p.Field == "attribute:ecs.availability-zone":
		return s.countIn(svc, s.ec2.Instances[host.Instance].Zone)
	}
	return s.countOn(svc, host)
}
