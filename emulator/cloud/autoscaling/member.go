package autoscaling

import (
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
)

// reconcileGroup moves a group on and reports whether anything changed.
func (s *Store) reconcileGroup(g *Group, now time.Time) bool {
	changed := s.runSchedules(g, now)
	changed = s.enterService(g, now) || changed
	changed = s.replaceUnhealthy(g, now) || changed
	changed = s.advanceTerminations(g, now) || changed
	if g.refreshing() != nil {
		changed = s.refresh(g, now) || changed
	} else {
		changed = s.fillOrShrink(g, now) || changed
	}
	if g.Deleting && len(s.members(g)) == 0 {
		for _, p := range g.Policies {
			s.cloudwatch.DeleteAlarmsOf(p.ARN)
		}
		delete(s.Groups, g.Spec.Name)
		changed = true
	}
	return changed
}

// enterService puts booted members into service, once the lifecycle hooks have completed.
func (s *Store) enterService(g *Group, now time.Time) bool {
	changed := false
	for _, i := range s.members(g) {
		switch {
		case i.State != ec2.Running || !i.Lifecycle.IsPending():
			continue
		case i.Lifecycle == ec2.LifecyclePending && s.startHooks(g, i, Launching, now):
			i.Lifecycle = ec2.LifecyclePendingWait
		case i.Lifecycle == ec2.LifecyclePendingWait && isHeld(i, g, now):
			continue
		case i.Abandoned:
			s.endActivity(g, i, now, "Failed", "Instance failed to complete user's Lifecycle Action: it was abandoned.")
			s.startTermination(g, i, now, causeAt(now, "an instance was taken out of service in response to a lifecycle action that was abandoned."))
		default:
			s.putInService(g, i, now)
		}
		changed = true
	}
	return changed
}

// putInService puts a member into service and registers it with the target groups.
func (s *Store) putInService(g *Group, i *ec2.Instance, now time.Time) {
	i.Lifecycle, i.InService = ec2.LifecycleInService, now
	s.endActivity(g, i, now, "Successful", "")
	s.registerWith(i, g.Spec.TargetGroups, now)
}

// replaceUnhealthy terminates members that no longer run, at once and even within their grace period, and members that
// ELB finds unhealthy, after the grace period.
func (s *Store) replaceUnhealthy(g *Group, now time.Time) bool {
	changed := false
	for _, i := range s.members(g) {
		if !i.IsOn() && !i.Lifecycle.IsTerminating() {
			s.startTermination(g, i, now, causeAt(now, "an instance was taken out of service in response to an EC2 health check indicating it has "+
				"been terminated or stopped."))
			i.Unhealthy, changed = true, true
			if i.BootFailed {
				g.RetryAt = i.Ended.Add(launchRetry)
			}
		}
	}
	if g.Spec.HealthType == "ELB" && now.Sub(g.CheckedAt) >= elbCheckPeriod {
		g.CheckedAt = now
		changed = s.markUnhealthy(g, now) || changed
	}
	changed = s.expire(g, now) || changed
	return s.retire(g, now) || changed
}

// expire marks the members that have reached the group's longest life (Auto Scaling User Guide: "Replace Auto Scaling instances based on
// maximum instance lifetime").
func (s *Store) expire(g *Group, now time.Time) bool {
	changed := false
	for _, i := range s.Active(g) {
		if life := g.Spec.MaxLifetime; life > 0 && i.Lifecycle == ec2.LifecycleInService && now.Sub(i.Launched) >= life {
			i.Expired, changed = true, true
		}
	}
	return changed
}

// markUnhealthy marks members that ELB finds unhealthy. The mark stays: the member is replaced even if it recovers.
func (s *Store) markUnhealthy(g *Group, now time.Time) bool {
	changed := false
	for _, i := range s.Active(g) {
		if i.Lifecycle != ec2.LifecycleInService || now.Sub(i.InService) < g.Spec.Grace {
			continue
		}
		for _, arn := range g.Spec.TargetGroups {
			if s.targetState(arn, i.ID) == elb.TargetUnhealthy {
				i.Unhealthy, changed = true, true
			}
		}
	}
	return changed
}

// retire terminates members that are marked as unhealthy or expired: at once, or with an instance maintenance policy when enough others
// are healthy (Auto Scaling: "Instance maintenance policies").
func (s *Store) retire(g *Group, now time.Time) bool {
	outgoing := slices.DeleteFunc(s.standing(g), func(i *ec2.Instance) bool { return !i.Outgoing() })
	if m := g.Spec.Maintenance; m != nil && s.ready(g, g.spareWarmup(), now) < Floor(g.Desired, m.MinHealthy) {
		outgoing = s.makingRoom(g, outgoing, m, now)
	}
	for _, i := range outgoing {
		why := "an ELB system health check failure."
		if !i.Unhealthy {
			why = "its reaching the maximum instance lifetime of the group."
		}
		s.startTermination(g, i, now, causeAt(now, "an instance was taken out of service in response to "+why))
	}
	return len(outgoing) > 0
}

// makingRoom returns the outgoing member that has to go before the group can launch another replacement, or none. It
// is for a group at its maximum with too few healthy members, which goes on one by one: it waits for the replacement
// that it has launched. If the replacement became healthy, the oldest outgoing member is next, otherwise the
// replacement itself.
func (s *Store) makingRoom(g *Group, outgoing []*ec2.Instance, m *Bounds, now time.Time) []*ec2.Instance {
	active, ready := len(s.Active(g)), s.ready(g, g.spareWarmup(), now)
	switch {
	case len(outgoing) == 0, active+len(outgoing) < surge(g.Desired, m.MaxHealthy), ready < active:
		return nil
	case ready > 0:
		return outgoing[:1]
	default:
		return outgoing[len(outgoing)-1:]
	}
}

// startTermination starts to terminate a member. The member is drained first, unless it no longer runs.
func (s *Store) startTermination(g *Group, i *ec2.Instance, now time.Time, cause string) {
	if i.Lifecycle.IsPending() {
		s.endActivity(g, i, now, "Cancelled", "The instance is terminated before it was in service.")
	}
	i.Lifecycle = ec2.LifecycleTerminating
	s.deregisterFrom(i, g.Spec.TargetGroups, now, !i.IsOn())
	g.startActivity(now, "Terminating EC2 instance: "+i.ID, cause, i.ID)
}

// advanceTerminations shuts down members that have been drained and releases members that are terminated.
func (s *Store) advanceTerminations(g *Group, now time.Time) bool {
	changed := false
	for _, i := range s.members(g) {
		switch {
		case i.State == ec2.Terminated && !i.Lifecycle.IsTerminating():
			// replaceUnhealthy sees it next time.
		case i.State == ec2.Terminated:
			s.endActivity(g, i, now, "Successful", "")
			i.Group, changed = "", true
		case i.State == ec2.ShuttingDown:
		case i.Lifecycle == ec2.LifecycleTerminating && s.drained(g, i, now) && i.State == ec2.Running && s.startHooks(g, i, Terminating, now):
			i.Lifecycle, changed = ec2.LifecycleTerminatingWait, true
		case i.Lifecycle == ec2.LifecycleTerminating && s.drained(g, i, now),
			i.Lifecycle == ec2.LifecycleTerminatingWait && !isHeld(i, g, now):
			i.State, i.Reason, changed = ec2.ShuttingDown, "Client.UserInitiatedShutdown: terminated by Auto Scaling", true
		}
	}
	return changed
}

// drained reports whether a member's targets and tasks have been drained.
func (s *Store) drained(g *Group, i *ec2.Instance, now time.Time) bool {
	if s.Holds != nil && s.Holds(i) {
		return false
	}
	for _, arn := range g.Spec.TargetGroups {
		group := s.elb.TargetGroups[arn]
		if group == nil {
			continue
		}
		for _, t := range group.Targets {
			if t.Instance == i.ID && now.Before(t.DrainUntil) {
				return false
			}
		}
	}
	return true
}

// members returns the instances of a group, the oldest first.
func (s *Store) members(g *Group) []*ec2.Instance {
	var members []*ec2.Instance
	for _, i := range s.ec2.OldestFirst() {
		if i.Group == g.Spec.Name {
			members = append(members, i)
		}
	}
	return members
}

// inService counts the members that are in service.
func (s *Store) inService(g *Group) int {
	count := 0
	for _, i := range s.members(g) {
		if i.Lifecycle == ec2.LifecycleInService {
			count++
		}
	}
	return count
}

// standing returns the members that are not being terminated, including outgoing ones.
func (s *Store) standing(g *Group) []*ec2.Instance {
	return slices.DeleteFunc(s.members(g), func(i *ec2.Instance) bool { return i.Lifecycle.IsTerminating() })
}

// Active returns the members that are not being terminated and not marked as unhealthy or expired.
func (s *Store) Active(g *Group) []*ec2.Instance {
	return slices.DeleteFunc(s.standing(g), (*ec2.Instance).Outgoing)
}

// healthy reports whether a member is in service and healthy in all target groups.
func (s *Store) healthy(g *Group, i *ec2.Instance) bool {
	if i.Lifecycle != ec2.LifecycleInService || i.State != ec2.Running {
		return false
	}
	for _, arn := range g.Spec.TargetGroups {
		if s.targetState(arn, i.ID) != elb.TargetHealthy {
			return false
		}
	}
	return true
}

// targetState returns the state of a member in a target group, or "".
func (s *Store) targetState(targetGroup, instance string) elb.TargetState {
	if group := s.elb.TargetGroups[targetGroup]; group != nil {
		if t := group.Target(instance, group.Spec.Port); t != nil {
			return t.State
		}
	}
	return ""
}

// changeTargetGroups registers the members in service with the target groups that the group gains, and deregisters
// members from those that it loses (API: AttachLoadBalancerTargetGroups, DetachLoadBalancerTargetGroups).
func (s *Store) changeTargetGroups(g *Group, targetGroups []string, now time.Time) {
	added, removed := difference(targetGroups, g.Spec.TargetGroups), difference(g.Spec.TargetGroups, targetGroups)
	for _, i := range s.members(g) {
		if i.Lifecycle == ec2.LifecycleInService {
			s.registerWith(i, added, now)
		}
		s.deregisterFrom(i, removed, now, false)
	}
}

// difference returns the strings of all that are not in some.
func difference(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(one string) bool { return slices.Contains(some, one) })
}

// registerWith registers a member with target groups.
func (s *Store) registerWith(i *ec2.Instance, targetGroups []string, now time.Time) {
	for _, arn := range targetGroups {
		if group := s.elb.TargetGroups[arn]; group != nil {
			s.elb.Register(group, i.ID, group.Spec.Port, now)
		}
	}
}

// deregisterFrom deregisters a member from target groups. It is drained unless its instance is gone.
func (s *Store) deregisterFrom(i *ec2.Instance, targetGroups []string, now time.Time, gone bool) {
	for _, arn := range targetGroups {
		if group := s.elb.TargetGroups[arn]; group != nil {
			s.elb.Deregister(group, i.ID, group.Spec.Port, now, gone)
		}
	}
}
