package autoscaling

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
)

// Rebalance is the second half of evening out the zones of a group: members were launched in zones that had too few,
// and as many members are to be terminated in zones that have too many.
type Rebalance struct {
	Count int      // members on top of the desired capacity
	Zones []string // in which they were launched
	At    time.Time
}

// surplus returns how many members the group may have on top of its desired capacity while its zones are being evened
// out.
func (g *Group) surplus() int {
	if g.Rebalance == nil || g.Deleting {
		return 0
	}
	return g.Rebalance.Count
}

// margin returns by how much a group may exceed its maximum to even out its zones: by a tenth, at least by one (Auto
// Scaling: "Rebalancing activities").
func margin(highest int) int { return max(1, highest/10) }

// rebalance keeps the zones of a group at most one member apart. It launches members, and terminates others once the
// launched ones are healthy.
func (s *Store) rebalance(g *Group, have int, now time.Time) {
	if b := g.Rebalance; b != nil && have <= g.Desired {
		g.Rebalance = nil // the launched members have been lost, or the desired capacity has risen
	}
	switch {
	case g.Deleting || g.Desired == 0:
	case g.Rebalance == nil && s.inService(g) == have:
		s.launchForRebalance(g, have, now)
	case g.Rebalance != nil && s.launchedAreHealthy(g):
		s.finishRebalance(g, have, now)
	}
}

// launchedAreHealthy reports whether the members that were launched to even out the zones are healthy.
func (s *Store) launchedAreHealthy(g *Group) bool {
	return !slices.ContainsFunc(s.Active(g), func(i *ec2.Instance) bool {
		return !i.Launched.Before(g.Rebalance.At) && !s.healthy(g, i)
	})
}

// finishRebalance terminates as many members as were launched.
func (s *Store) finishRebalance(g *Group, have int, now time.Time) {
	g.DesiredReason = causeAt(g.Rebalance.At, fmt.Sprintf("instances were launched to balance instances in zones %s with other zones "+
		"resulting in more than desired number of instances in the group.", strings.Join(g.Rebalance.Zones, " ")))
	s.shrink(g, have, have-g.Desired, now)
	g.DesiredReason, g.Rebalance = "", nil
}

// launchForRebalance launches members to even out the zones, as far as the maximum and the margin allow.
func (s *Store) launchForRebalance(g *Group, have int, now time.Time) {
	room := g.Spec.Max + margin(g.Spec.Max) - have
	for range min(room, s.zoneMoves(g, now)) {
		count := s.perZone(g, s.Active(g))
		open := s.openSubnets(g, now, count)
		if len(open) == 0 {
			return
		}
		cause := causeAt(now, fmt.Sprintf("availability zones %s had %s instances respectively. An instance was launched to aid in balancing "+
			"the group's zones.", strings.Join(aws.Keys(count), " "), counts(count)))
		if s.launchIn(g, g.own(), open[0], now, cause) != nil {
			return
		}
		if g.Rebalance == nil {
			g.Rebalance = &Rebalance{At: now}
		}
		g.Rebalance.Count++
		if zone := open[0].Zone; !slices.Contains(g.Rebalance.Zones, zone) {
			g.Rebalance.Zones = append(g.Rebalance.Zones, zone)
		}
	}
}

// zoneMoves returns how many members have to change their zone until no zone that accepts launches has two fewer than
// another, and none is in a zone that is no longer the group's.
func (s *Store) zoneMoves(g *Group, now time.Time) int {
	count, own := s.perZone(g, s.Active(g)), s.zonesOf(g)
	moves := 0
	for {
		var from, to string
		for _, zone := range aws.Keys(count) {
			open := own[zone] && !now.Before(g.ZoneRetry[zone])
			if open && (to == "" || count[zone] < count[to]) {
				to = zone
			}
			if count[zone] > 0 && (from == "" || own[from] && (!own[zone] || count[zone] > count[from])) {
				from = zone
			}
		}
		if to == "" || from == "" || own[from] && count[from]-count[to] < 2 {
			return moves
		}
		count[from]--
		count[to]++
		moves++
	}
}

// counts returns the numbers of members in the order of the zones.
func counts(perZone map[string]int) string {
	var numbers []string
	for _, zone := range aws.Keys(perZone) {
		numbers = append(numbers, fmt.Sprint(perZone[zone]))
	}
	return strings.Join(numbers, " ")
}
