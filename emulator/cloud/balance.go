package cloud

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Balance is the second half of a group's rebalancing: members were launched where zones had too few, and as many others
// are to go where they have too many.
type Balance struct {
	Count int      // members on top of the desired capacity
	Zones []string // that they were launched in
	At    time.Time
}

// surplus is how many members the group may have on top of its desired capacity while its zones are being balanced.
func (g *Group) surplus() int {
	if g.Balance == nil || g.Deleting {
		return 0
	}
	return g.Balance.Count
}

// margin is how far a group may exceed its maximum to balance its zones: by a tenth or one, whichever is more (Auto
// Scaling: "Rebalancing activities").
func margin(highest int) int { return max(1, highest/10) }

// balance keeps the zones of a group at most one member apart: it launches new ones, and terminates old ones when those
// are healthy.
func (c *Cloud) balance(s *state, g *Group, have int, now time.Time) {
	if b := g.Balance; b != nil && have <= g.Desired {
		g.Balance = nil // what was launched has been lost, or the group is to be larger
	}
	switch {
	case g.Deleting || g.Desired == 0:
	case g.Balance == nil && s.inService(g) == have:
		c.launchForBalance(s, g, have, now)
	case g.Balance != nil && s.balanced(g):
		s.settleBalance(g, have, now)
	}
}

// balanced reports whether what was launched for balance is healthy.
func (s *state) balanced(g *Group) bool {
	return !slices.ContainsFunc(s.active(g), func(i *Instance) bool {
		return !i.Launched.Before(g.Balance.At) && !s.healthy(g, i)
	})
}

// settleBalance terminates as many as were launched.
func (s *state) settleBalance(g *Group, have int, now time.Time) {
	g.Why = at(g.Balance.At, fmt.Sprintf("instances were launched to balance instances in zones %s with other zones resulting in "+
		"more than desired number of instances in the group.", strings.Join(g.Balance.Zones, " ")))
	s.shrink(g, have, have-g.Desired, now)
	g.Why, g.Balance = "", nil
}

// launchForBalance launches what evens the zones out, as far as the maximum and its margin allow.
func (c *Cloud) launchForBalance(s *state, g *Group, have int, now time.Time) {
	room := g.Spec.Max + margin(g.Spec.Max) - have
	for range min(room, s.moves(g, now)) {
		count := s.perZone(g, s.active(g))
		open := s.openSubnets(g, now, count)
		if len(open) == 0 {
			return
		}
		cause := at(now, fmt.Sprintf("availability zones %s had %s instances respectively. An instance was launched to aid in balancing "+
			"the group's zones.", strings.Join(keys(count), " "), counts(count)))
		if c.launchIn(s, g, open[0], now, cause) != nil {
			return
		}
		if g.Balance == nil {
			g.Balance = &Balance{At: now}
		}
		g.Balance.Count++
		if zone := open[0].Zone; !slices.Contains(g.Balance.Zones, zone) {
			g.Balance.Zones = append(g.Balance.Zones, zone)
		}
	}
}

// moves is how many members have to change their zone: until none of the zones that take launches has two fewer than
// another one, and none is left in a zone that isn't the group's any more.
func (s *state) moves(g *Group, now time.Time) int {
	count, own := s.perZone(g, s.active(g)), s.zonesOf(g)
	moves := 0
	for {
		var from, to string
		for _, zone := range keys(count) {
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

func counts(perZone map[string]int) string {
	var numbers []string
	for _, zone := range keys(perZone) {
		numbers = append(numbers, fmt.Sprint(perZone[zone]))
	}
	return strings.Join(numbers, " ")
}
