package autoscaling

import (
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
)

// The statuses of an instance refresh (API: InstanceRefresh).
const (
	RefreshPending    = "Pending"
	RefreshInProgress = "InProgress"
	RefreshSuccessful = "Successful"
	RefreshFailed     = "Failed"
	RefreshCancelled  = "Cancelled"
)

// Refresh is the replacement of a group's members, a few at a time, after its template changed.
type Refresh struct {
	ID         string
	Status     string
	Reason     string
	Percent    int
	ToUpdate   int // members still to be replaced
	Start, End time.Time
}

// refreshTimeout is how long a refresh waits for replacements to become healthy (Auto Scaling: "How an instance refresh
// works": it fails after an hour without success).
const refreshTimeout = time.Hour

// refreshing is the refresh that is under way, or nil.
func (g *Group) refreshing() *Refresh {
	if n := len(g.Refreshes); n > 0 && g.Refreshes[n-1].End.IsZero() {
		return &g.Refreshes[n-1]
	}
	return nil
}

func (s *Store) startRefresh(g *Group, now time.Time) {
	s.cancelRefresh(g, now, "Cancelled by a newer instance refresh.")
	g.Rebalance = nil
	g.Refreshes = append(g.Refreshes, Refresh{ID: aws.RandomHex(16), Status: RefreshPending, Start: now})
}

func (s *Store) cancelRefresh(g *Group, now time.Time, reason string) {
	if r := g.refreshing(); r != nil {
		s.endRefresh(g, r, RefreshCancelled, reason, now)
	}
}

func (s *Store) endRefresh(g *Group, r *Refresh, status, reason string, now time.Time) {
	r.Status, r.Reason, r.End = status, reason, now
	s.sendRefresh(g, r, now)
}

// refresh takes the steps that the bounds allow: first a replacement on top, up to the maximum, then an old member out,
// down to the minimum of healthy ones. A replacement counts once the balancer finds it healthy and its warm-up is over.
func (s *Store) refresh(g *Group, now time.Time) bool {
	r, spec := g.refreshing(), g.Spec.Refresh
	if r.Status == RefreshPending {
		r.Status = RefreshInProgress
		r.ToUpdate = len(s.outdated(g))
		s.sendRefresh(g, r, now)
		return true
	}
	if now.Sub(r.Start) > refreshTimeout+spec.Warmup {
		s.endRefresh(g, r, RefreshFailed, "There are unhealthy instances in your Auto Scaling group, and they were not replaced "+
			"by healthy ones within an hour.", now)
		return true
	}
	old, active := s.outdated(g), s.Active(g)
	changed := r.progress(len(old), g.Desired)
	switch {
	case len(old) == 0 && len(active) > g.Desired, len(old) == 0 && len(active) < g.Desired:
		return s.fillOrShrink(g, now) || changed
	case len(old) == 0 && s.ready(g, spec.Warmup, now) == len(active):
		r.Percent = 100
		s.endRefresh(g, r, RefreshSuccessful, "", now)
		return true
	case len(active) < surge(g.Desired, spec.MaxHealthy) && len(active)-len(old) < g.Desired:
		// Replacements are spread by themselves, so that the zones are even once the old ones are gone.
		fresh := slices.DeleteFunc(active, func(i *ec2.Instance) bool { return slices.Contains(old, i) })
		return s.launchWhere(g, now, causeAt(now, "an instance was launched in response to an instance refresh."), s.perZone(g, fresh)) || changed
	case len(old) > 0 && s.ready(g, spec.Warmup, now) > spec.lowest(g.Desired):
		s.startTermination(g, s.chooseOutdated(g, old), now, causeAt(now, "an instance was taken out of service in response to an instance refresh."))
		return true
	}
	return changed
}

// chooseOutdated is the one to go next: in the zone with the most members, the oldest.
func (s *Store) chooseOutdated(g *Group, old []*ec2.Instance) *ec2.Instance {
	count := s.perZone(g, s.Active(g))
	return slices.MinFunc(old, func(a, b *ec2.Instance) int { return count[b.Zone] - count[a.Zone] })
}

// progress follows the number of members to be replaced and reports whether it changed.
func (r *Refresh) progress(old, desired int) bool {
	if r.ToUpdate == old || desired == 0 {
		return false
	}
	r.ToUpdate = old
	r.Percent = max(0, 100*(desired-old)/desired)
	return true
}

// surge is the highest number of members at once. Over 100 % it is at least one more than desired.
func surge(desired, percent int) int {
	if percent <= 100 {
		return desired
	}
	return max(desired+1, desired*percent/100)
}

// Floor is the lowest number of healthy members, rounded up.
func Floor(desired, percent int) int { return (desired*percent + 99) / 100 }

// lowest is the lowest number of healthy members during a refresh: where the bounds leave no room for a replacement on
// top, members are replaced one at a time all the same (Auto Scaling: "Set instance refresh preferences").
func (spec RefreshSpec) lowest(desired int) int {
	lowest := Floor(desired, spec.MinHealthy)
	if surge(desired, spec.MaxHealthy) == desired {
		lowest = min(lowest, desired-1)
	}
	return lowest
}

// outdated lists the active members that were launched from another template or version than the group's.
func (s *Store) outdated(g *Group) []*ec2.Instance {
	_, version, err := s.ec2.LaunchData(g.Spec.Template, g.Spec.Version)
	var old []*ec2.Instance
	for _, i := range s.Active(g) {
		if err == nil && (i.Template != g.Spec.Template || i.Version != version) {
			old = append(old, i)
		}
	}
	return old
}

// ready counts the members that are healthy; replacements must have warmed up as well.
func (s *Store) ready(g *Group, warmup time.Duration, now time.Time) int {
	_, version, _ := s.ec2.LaunchData(g.Spec.Template, g.Spec.Version)
	count := 0
	for _, i := range s.Active(g) {
		replacement := i.Template == g.Spec.Template && i.Version == version
		if s.healthy(g, i) && (!replacement || now.Sub(i.InService) >= warmup) {
			count++
		}
	}
	return count
}
