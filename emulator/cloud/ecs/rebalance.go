package ecs

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// rebalance moves a task from the zone with the most tasks to the zone with the fewest while they differ by more than one: it starts a
// task first, and when that is healthy, one of the full zone is surplus (Developer Guide: "Balancing an Amazon ECS service across
// Availability Zones", which gives no time after which ECS looks). It does so in a steady service only, within its maximum.
func (s *Store) rebalance(svc *Service, now time.Time) bool {
	if !svc.Spec.Rebalance {
		return false
	}
	current, outgoing := s.splitTasks(svc)
	zones := s.tasksPerZone(svc, current)
	fewest, most := extremes(zones)
	even := len(zones) == 0 || zones[most]-zones[fewest] <= 1
	switch {
	case even && svc.Rebalancing && svc.Steady:
		svc.Rebalancing = false
		svc.event(now, "is AZ balanced with %s.", describeZones(zones))
		return true
	case even, !svc.Steady, len(outgoing) > 0, now.Before(svc.RetryAt), svc.Desired*svc.Spec.MaxHealthy/100 <= len(current):
		return false
	}
	host, _, reason := s.chooseHost(svc, s.TaskDefinitions[svc.primary().TaskDefinition])
	if reason != "" || s.ec2.Instances[host.Instance].Zone != fewest {
		return false // the zone has no room
	}
	if !svc.Rebalancing {
		svc.event(now, "is not AZ balanced with %s. AZ Rebalancing in progress.", describeZones(zones))
	}
	t, reason := s.startTask(svc, now)
	if reason != "" {
		return false
	}
	svc.Rebalancing, svc.Steady = true, false
	svc.event(now, "has started 1 tasks: (task %s).", t.ID)
	return true
}

// movesTask reports whether the service has more tasks than it wants because one is being moved to another zone and is not healthy yet.
func (s *Store) movesTask(svc *Service, current []*Task) bool {
	return svc.Rebalancing && len(current) > svc.Desired && s.countHealthy(svc, current) <= svc.Desired
}

// tasksPerZone counts tasks by zone, of all zones in which the service has container instances.
func (s *Store) tasksPerZone(svc *Service, tasks []*Task) map[string]int {
	zones := map[string]int{}
	for _, host := range s.hostsFor(svc) {
		zones[s.ec2.Instances[host.Instance].Zone] = 0
	}
	for _, t := range tasks {
		if i := s.ec2.Instances[t.Instance]; i != nil {
			zones[i.Zone]++
		}
	}
	return zones
}

// extremes returns the zones with the fewest and with the most tasks, "" if there are no zones.
func extremes(zones map[string]int) (fewest, most string) {
	names := aws.Keys(zones)
	if len(names) == 0 {
		return "", ""
	}
	by := func(a, b string) int { return zones[a] - zones[b] }
	return slices.MinFunc(names, by), slices.MaxFunc(names, by)
}

func describeZones(zones map[string]int) string {
	var parts []string
	for _, zone := range aws.Keys(zones) {
		parts = append(parts, fmt.Sprintf("%d tasks in %s", zones[zone], zone))
	}
	return strings.Join(parts, ", ")
}
