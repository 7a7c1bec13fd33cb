package cloud

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// GroupSpec is what an Auto Scaling group is made of.
type GroupSpec struct {
	Name           string
	Min, Max       int
	Subnets        []string
	Template       string
	Version        string
	TargetGroups   []string
	HealthType     string // EC2 or ELB
	Grace          time.Duration
	InstanceTags   map[string]string
	Refresh        *RefreshSpec
	Maintenance    *Bounds // instance maintenance policy; nil: what is unhealthy is terminated before its replacement serves
	EnabledMetrics []string
	Desired        *int   // nil: as many as the policies want, at first Min
	Hooks          []Hook // that are there before the first instance; read at creation only
}

// Bounds are how many healthy members a group keeps while others are replaced, in percent of its desired capacity.
type Bounds struct{ MinHealthy, MaxHealthy int }

// RefreshSpec is how instances are replaced when the template changes.
type RefreshSpec struct {
	Bounds
	Warmup time.Duration
}

// Group is an Auto Scaling group.
type Group struct {
	ARN        string
	Spec       GroupSpec
	Desired    int
	Deleting   bool
	Activities []Activity // the oldest first
	Refreshes  []Refresh  // the oldest first
	Policies   map[string]*Policy
	CheckedAt  time.Time            // when ELB's health was last looked at
	RetryAt    time.Time            // no launch before this, after one failed
	ZoneRetry  map[string]time.Time // no launch in a zone before this, after one failed there
	Balance    *Balance             // nil when the zones are not being balanced
	ScaledAt   time.Time            // when target tracking last changed the desired capacity
	Why        string               // what changed the desired capacity and when, until it is reached
	Hooks      map[string]Hook
	Schedules  map[string]*Schedule

	alarms []NamedAlarm // of a copy
}

// Activity is one entry of a group's history, in AWS's wording.
type Activity struct {
	Description string
	Cause       string
	Status      string // InProgress, Successful or Failed
	Message     string
	Instance    string
	Start, End  time.Time
}

// elbCheckPeriod is how often a group looks at ELB's opinion of its members. AWS gives no number; about a minute is
// what its users see.
const elbCheckPeriod = time.Minute

// launchRetry is how long a group waits after a launch that failed.
const launchRetry = time.Minute

// CreateGroup makes a group; its instances come with the next calls of Reconcile.
func (c *Cloud) CreateGroup(spec GroupSpec) (Group, error) {
	group := Group{
		ARN:     c.ARN("autoscaling", "autoScalingGroup:"+randomHex(16)+":autoScalingGroupName/"+spec.Name),
		Spec:    spec,
		Desired: spec.Min, Policies: map[string]*Policy{},
	}
	if spec.Desired != nil {
		group.Desired = *spec.Desired
	}
	for _, hook := range spec.Hooks {
		group.setHook(hook)
	}
	group.why(c.clock.Now(), fmt.Sprintf("a user request created an AutoScalingGroup changing the desired capacity from 0 to %d.",
		group.Desired))
	err := c.change(func(s *state) error {
		if s.Scaling[spec.Name] != nil {
			return refuse("AlreadyExists", "AutoScalingGroup by this name already exists - A group with the name %s "+
				"already exists", spec.Name)
		}
		if err := s.checkGroup(spec); err != nil {
			return err
		}
		copied := group
		s.Scaling[spec.Name] = &copied
		return nil
	})
	return group, err
}

func (s *state) checkGroup(spec GroupSpec) error {
	switch {
	case spec.Name == "" || len(spec.Name) > 255:
		return refuse("ValidationError", "Group name '%s' must have 1 to 255 characters", spec.Name)
	case spec.Min < 0 || spec.Max < spec.Min:
		return refuse("ValidationError", "Max bound, %d, must be greater than or equal to min bound, %d", spec.Max, spec.Min)
	case spec.Desired != nil && (*spec.Desired < spec.Min || *spec.Desired > spec.Max):
		return refuse("ValidationError", "Desired capacity:%d must be between the specified min size:%d and max size:%d",
			*spec.Desired, spec.Min, spec.Max)
	case len(spec.Subnets) == 0:
		return refuse("ValidationError", "At least one Availability Zone or VPC Subnet is required.")
	case spec.HealthType != "EC2" && spec.HealthType != "ELB":
		return refuse("ValidationError", "Valid requirement for health check type: EC2 or ELB, not '%s'", spec.HealthType)
	}
	for _, id := range spec.Subnets {
		if s.Subnets[id] == nil {
			return refuse("ValidationError", "The subnet ID '%s' does not exist", id)
		}
	}
	for _, arn := range spec.TargetGroups {
		if s.Targets[arn] == nil {
			return refuse("ValidationError", "Provided Target Groups may not be valid. Please ensure they exist and try again: %s", arn)
		}
	}
	for _, hook := range spec.Hooks {
		if err := s.checkHook(hook); err != nil {
			return err
		}
	}
	if r := spec.Refresh; r != nil {
		if err := r.check(); err != nil {
			return err
		}
	}
	if m := spec.Maintenance; m != nil {
		if err := m.check(); err != nil {
			return err
		}
	}
	if spec.Grace < 0 {
		return refuse("ValidationError", "The health check grace period '%v' must not be negative", spec.Grace)
	}
	if len(spec.Hooks) > maxHooks {
		return tooMany("lifecycle hooks", maxHooks)
	}
	_, _, err := s.launchData(spec.Template, spec.Version)
	return err
}

func (b Bounds) check() error {
	switch {
	case b.MinHealthy < 0 || b.MinHealthy > 100 || b.MaxHealthy < 100 || b.MaxHealthy > 200:
		return refuse("ValidationError", "MinHealthyPercentage must be 0 to 100 and MaxHealthyPercentage 100 to 200")
	case b.MaxHealthy-b.MinHealthy > 100:
		return refuse("ValidationError", "The difference between MinHealthyPercentage and MaxHealthyPercentage must not be above 100")
	}
	return nil
}

// UpdateGroup changes a group. Desired capacity follows the bounds. With roll, members of an older template version are
// replaced by an instance refresh, which cancels one that is running.
func (c *Cloud) UpdateGroup(spec GroupSpec, roll bool) error {
	return c.change(func(s *state) error {
		g := s.Scaling[spec.Name]
		if g == nil {
			return refuse("ValidationError", "AutoScalingGroup name not found - %s", spec.Name)
		}
		if err := s.checkGroup(spec); err != nil {
			return err
		}
		before := g.Desired
		if spec.Desired != nil && (g.Spec.Desired == nil || *g.Spec.Desired != *spec.Desired) {
			g.Desired = *spec.Desired
		}
		s.attach(g, spec.TargetGroups, c.clock.Now())
		g.Spec = spec
		g.Desired = min(max(g.Desired, spec.Min), spec.Max)
		if g.Desired != before {
			g.why(c.clock.Now(), constraints("a user request", g, before))
		}
		if roll && spec.Refresh != nil {
			s.startRefresh(g, c.clock.Now())
		}
		return nil
	})
}

// attach registers the members in service with the target groups that are new to the group, and takes them out of those that
// it leaves (API: AttachLoadBalancerTargetGroups, DetachLoadBalancerTargetGroups).
func (s *state) attach(g *Group, targetGroups []string, now time.Time) {
	added, removed := without(targetGroups, g.Spec.TargetGroups), without(g.Spec.TargetGroups, targetGroups)
	for _, i := range s.members(g) {
		if i.Lifecycle == LifecycleInService {
			s.join(i, added, now)
		}
		s.leave(i, removed, now, false)
	}
}

// without is all minus some.
func without(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(one string) bool { return slices.Contains(some, one) })
}

// join registers a member with target groups.
func (s *state) join(i *Instance, targetGroups []string, now time.Time) {
	for _, arn := range targetGroups {
		if group := s.Targets[arn]; group != nil {
			s.register(group, i.ID, group.Spec.Port, now)
		}
	}
}

// leave takes a member out of target groups: drained, unless it is gone.
func (s *state) leave(i *Instance, targetGroups []string, now time.Time, gone bool) {
	for _, arn := range targetGroups {
		if group := s.Targets[arn]; group != nil {
			s.deregister(group, i.ID, group.Spec.Port, now, gone)
		}
	}
}

// constraints words a change of a group's sizes, which may have moved the desired capacity.
func constraints(who string, g *Group, before int) string {
	return fmt.Sprintf("%s update of AutoScalingGroup constraints to min: %d, max: %d, desired: %d changing the desired capacity "+
		"from %d to %d.", who, g.Spec.Min, g.Spec.Max, g.Desired, before, g.Desired)
}

// DeleteGroup begins to end a group as the provider does, by sizes of 0; with the last member the group is gone.
func (c *Cloud) DeleteGroup(name string) error {
	return c.change(func(s *state) error {
		if g := s.Scaling[name]; g != nil && !g.Deleting {
			before := g.Desired
			g.Deleting, g.Desired, g.Spec.Min, g.Spec.Max = true, 0, 0, 0
			g.why(c.clock.Now(), constraints("a user request", g, before))
			s.cancelRefresh(g, c.clock.Now(), "The group is being deleted.")
		}
		return nil
	})
}

// Group returns a copy of a group with its members, or false.
func (c *Cloud) Group(name string) (Group, []Instance, bool) {
	var group Group
	var members []Instance
	var found bool
	c.view(func(s *state) {
		if g := s.Scaling[name]; g != nil {
			group, found = *g, true
			group.Activities, group.Refreshes = slices.Clone(g.Activities), slices.Clone(g.Refreshes)
			group.Policies = map[string]*Policy{}
			for name, policy := range g.Policies {
				copied := *policy
				group.Policies[name] = &copied
			}
			group.Hooks = maps.Clone(g.Hooks)
			group.Schedules = map[string]*Schedule{}
			for name, schedule := range g.Schedules {
				copied := *schedule
				group.Schedules[name] = &copied
			}
			group.alarms = s.alarmsOf(g)
			for _, i := range s.members(g) {
				members = append(members, *i)
			}
		}
	})
	return group, members, found
}

// GroupNames lists the groups by name.
func (c *Cloud) GroupNames() []string {
	var names []string
	c.view(func(s *state) { names = keys(s.Scaling) })
	return names
}

// Capacity counts a group's members that are in service and healthy in all of its target groups.
func (c *Cloud) Capacity(name string) int {
	count := 0
	c.view(func(s *state) {
		if g := s.Scaling[name]; g != nil {
			for _, i := range s.members(g) {
				if s.healthy(g, i) {
					count++
				}
			}
		}
	})
	return count
}

// members lists a group's instances, the oldest first.
func (s *state) members(g *Group) []*Instance {
	var members []*Instance
	for _, i := range s.instances() {
		if i.Group == g.Spec.Name {
			members = append(members, i)
		}
	}
	return members
}

// active lists the members that are not on their way out, and not to be replaced as unhealthy.
func (s *state) active(g *Group) []*Instance {
	return slices.DeleteFunc(s.members(g), func(i *Instance) bool { return i.Lifecycle.leaving() || i.Unhealthy })
}

// healthy reports whether a member is in service and all target groups find it healthy.
func (s *state) healthy(g *Group, i *Instance) bool {
	if i.Lifecycle != LifecycleInService || i.State != Running {
		return false
	}
	for _, arn := range g.Spec.TargetGroups {
		if s.targetState(arn, i.ID) != TargetHealthy {
			return false
		}
	}
	return true
}

func (s *state) targetState(targetGroup, instance string) TargetState {
	if group := s.Targets[targetGroup]; group != nil {
		if t := group.target(instance, group.Spec.Port); t != nil {
			return t.State
		}
	}
	return ""
}

// Reconcile moves everything on that depends on time or on what the data plane reported. It reports whether anything
// changed; nothing else does between two calls.
func (c *Cloud) Reconcile() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.clock.Now()
	changed := c.state.endFaults(now)
	changed = c.reconcileAlarms(&c.state, now) || changed
	for _, name := range keys(c.state.Scaling) {
		changed = c.reconcileGroup(&c.state, c.state.Scaling[name], now) || changed
	}
	changed = c.state.reconcileTargets(now) || changed
	changed = c.reconcileECS(&c.state, now) || changed
	changed = c.state.prune(now) || changed
	if changed {
		c.touch()
	}
	return changed
}

func (c *Cloud) reconcileGroup(s *state, g *Group, now time.Time) bool {
	changed := s.runSchedules(g, now)
	changed = s.enterService(g, now) || changed
	changed = s.replaceUnhealthy(g, now) || changed
	changed = s.advanceTerminations(g, now) || changed
	if g.refreshing() != nil {
		changed = c.refresh(s, g, now) || changed
	} else {
		changed = c.fillOrShrink(s, g, now) || changed
	}
	if g.Deleting && len(s.members(g)) == 0 {
		for _, p := range g.Policies {
			s.dropAlarmsOf(p)
		}
		delete(s.Scaling, g.Spec.Name)
		changed = true
	}
	return changed
}

// enterService takes booted members into service, once the hooks let them.
func (s *state) enterService(g *Group, now time.Time) bool {
	changed := false
	for _, i := range s.members(g) {
		switch {
		case i.State != Running || !i.Lifecycle.pending():
			continue
		case i.Lifecycle == LifecyclePending && s.hold(g, i, Launching, now):
			i.Lifecycle = LifecyclePendingWait
		case i.Lifecycle == LifecyclePendingWait && i.held(g, now):
			continue
		case i.Abandoned:
			s.finish(g, i, now, "Failed", "Instance failed to complete user's Lifecycle Action: it was abandoned.")
			s.retire(g, i, now, at(now, "an instance was taken out of service in response to a lifecycle action that was abandoned."))
		default:
			s.serve(g, i, now)
		}
		changed = true
	}
	return changed
}

// serve takes a member into service and registers it with the target groups.
func (s *state) serve(g *Group, i *Instance, now time.Time) {
	i.Lifecycle, i.InService = LifecycleInService, now
	s.finish(g, i, now, "Successful", "")
	s.join(i, g.Spec.TargetGroups, now)
}

// replaceUnhealthy takes members out that don't run any more, at once and even in their grace period, and those that
// the balancer finds unhealthy, after it.
func (s *state) replaceUnhealthy(g *Group, now time.Time) bool {
	changed := false
	for _, i := range s.members(g) {
		if (i.State == ShuttingDown || i.State == Terminated) && !i.Lifecycle.leaving() {
			s.retire(g, i, now, at(now, "an instance was taken out of service in response to an EC2 health check indicating it has "+
				"been terminated or stopped."))
			i.Unhealthy, changed = true, true
		}
	}
	if g.Spec.HealthType == "ELB" && now.Sub(g.CheckedAt) >= elbCheckPeriod {
		g.CheckedAt = now
		changed = s.lookAtTargets(g, now) || changed
	}
	return s.retireUnhealthy(g, now) || changed
}

// lookAtTargets marks members that the balancer finds unhealthy. That is for good: they are replaced, though they recover.
func (s *state) lookAtTargets(g *Group, now time.Time) bool {
	changed := false
	for _, i := range s.active(g) {
		if i.Lifecycle != LifecycleInService || now.Sub(i.InService) < g.Spec.Grace {
			continue
		}
		for _, arn := range g.Spec.TargetGroups {
			if s.targetState(arn, i.ID) == TargetUnhealthy {
				i.Unhealthy, changed = true, true
			}
		}
	}
	return changed
}

// retireUnhealthy takes out what is marked as unhealthy: at once, or with an instance maintenance policy when as many others
// as it wants are healthy (Auto Scaling: "Instance maintenance policies").
func (s *state) retireUnhealthy(g *Group, now time.Time) bool {
	if m := g.Spec.Maintenance; m != nil && s.ready(g, 0, now) < floor(g.Desired, m.MinHealthy) {
		return false
	}
	changed := false
	for _, i := range s.members(g) {
		if i.Unhealthy && !i.Lifecycle.leaving() {
			s.retire(g, i, now, at(now, "an instance was taken out of service in response to an ELB system health check failure."))
			changed = true
		}
	}
	return changed
}

// retire begins to terminate a member: it is drained first, unless there is nothing left to drain.
func (s *state) retire(g *Group, i *Instance, now time.Time, cause string) {
	if i.Lifecycle.pending() {
		s.finish(g, i, now, "Cancelled", "The instance is terminated before it was in service.")
	}
	i.Lifecycle = LifecycleTerminating
	s.leave(i, g.Spec.TargetGroups, now, i.State == ShuttingDown || i.State == Terminated)
	g.begin(now, "Terminating EC2 instance: "+i.ID, cause, i.ID)
}

// advanceTerminations shuts down what has been drained and lets go of what is gone.
func (s *state) advanceTerminations(g *Group, now time.Time) bool {
	changed := false
	for _, i := range s.members(g) {
		switch {
		case i.State == Terminated && !i.Lifecycle.leaving():
			// replaceUnhealthy sees it next time.
		case i.State == Terminated:
			s.finish(g, i, now, "Successful", "")
			i.Group, changed = "", true
		case i.State == ShuttingDown:
		case i.Lifecycle == LifecycleTerminating && s.drained(g, i, now) && i.State == Running && s.hold(g, i, Terminating, now):
			i.Lifecycle, changed = LifecycleTerminatingWait, true
		case i.Lifecycle == LifecycleTerminating && s.drained(g, i, now),
			i.Lifecycle == LifecycleTerminatingWait && !i.held(g, now):
			i.State, i.Reason, changed = ShuttingDown, "Client.UserInitiatedShutdown: terminated by Auto Scaling", true
		}
	}
	return changed
}

func (s *state) drained(g *Group, i *Instance, now time.Time) bool {
	if !s.tasksDrained(i) {
		return false
	}
	for _, arn := range g.Spec.TargetGroups {
		group := s.Targets[arn]
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

// fillOrShrink brings the number of active members to the desired capacity, and then the zones into balance.
func (c *Cloud) fillOrShrink(s *state, g *Group, now time.Time) bool {
	logged := len(g.Activities)
	if have := len(s.active(g)); have < g.Desired {
		c.fill(s, g, have, now)
	} else if extra := have - g.Desired - g.surplus(); extra > 0 {
		s.shrink(g, have, extra, now)
	}
	if have := len(s.active(g)); have >= g.Desired {
		g.Why = ""
		c.balance(s, g, have, now)
	}
	return len(g.Activities) != logged
}

// fill launches what is missing, as far as that goes.
func (c *Cloud) fill(s *state, g *Group, have int, now time.Time) {
	capacity := g.because(now, fmt.Sprintf("an instance was started in response to a difference between desired and actual capacity, "+
		"increasing the capacity from %d to %d.", have, g.Desired))
	for range g.Desired - have {
		cause := capacity
		if g.replaces(s) {
			cause = at(now, "an instance was launched in response to an unhealthy instance needing to be replaced.")
		}
		if !c.launchMember(s, g, now, cause) {
			return // and tries again
		}
	}
}

// shrink takes members out that are too many. As on AWS each activity names all of them.
func (s *state) shrink(g *Group, have, count int, now time.Time) {
	cause := g.because(now, fmt.Sprintf("an instance was taken out of service in response to a difference between desired and "+
		"actual capacity, shrinking the capacity from %d to %d.", have, have-count))
	victims := s.victims(g, count)
	for _, i := range victims {
		cause += "  " + at(now, "instance "+i.ID+" was selected for termination.")
	}
	for _, i := range victims {
		s.retire(g, i, now, cause)
	}
}

// replaces reports whether there are more unhealthy members than replacements that were launched since.
func (g *Group) replaces(s *state) bool {
	out := 0
	for _, i := range s.members(g) {
		if i.Unhealthy {
			out++
		}
	}
	pending := 0
	for _, i := range s.active(g) {
		if i.Lifecycle.pending() {
			pending++
		}
	}
	return out > pending
}

// launchMember launches one instance in the zone with the fewest, or where that fails for the zone in another one (Auto
// Scaling: "Availability Zone distribution", balanced best effort). It reports whether it could.
func (c *Cloud) launchMember(s *state, g *Group, now time.Time, cause string) bool {
	return c.launchWhere(s, g, now, cause, s.perZone(g, s.active(g)))
}

// launchWhere launches in the first zone that takes it, by ascending counts.
func (c *Cloud) launchWhere(s *state, g *Group, now time.Time, cause string, count map[string]int) bool {
	if now.Before(g.RetryAt) {
		return false
	}
	for _, subnet := range s.openSubnets(g, now, count) {
		if err := c.launchIn(s, g, subnet, now, cause); err == nil {
			return true
		} else if !isZonal(err) {
			g.RetryAt = now.Add(launchRetry)
			return false
		}
	}
	return false
}

// launchIn launches an instance in a subnet and keeps what came of it.
func (c *Cloud) launchIn(s *state, g *Group, subnet *Subnet, now time.Time, cause string) error {
	i, err := c.launch(s, g, subnet, now)
	if err == nil {
		g.begin(now, "Launching a new EC2 instance: "+i.ID, cause, i.ID)
		return nil
	}
	if isZonal(err) {
		if g.ZoneRetry == nil {
			g.ZoneRetry = map[string]time.Time{}
		}
		g.ZoneRetry[subnet.Zone] = now.Add(launchRetry)
	}
	n := g.begin(now, "Launching a new EC2 instance.", cause, "")
	a := &g.Activities[n]
	a.Status, a.Message, a.End = "Failed", words(err)+" Launching EC2 instance failed.", now
	s.tell(g, EventLaunchError, *a)
	return err
}

// isZonal reports whether a launch failed for a reason that another zone may not have.
func isZonal(err error) bool {
	var refusal *Error
	return errors.As(err, &refusal) &&
		(refusal.Code == insufficientCapacity || refusal.Code == "InsufficientFreeAddressesInSubnet")
}

// words are a refusal's without its code, as activities have them.
func words(err error) string {
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal.Message
	}
	return err.Error()
}

// openSubnets lists the group's subnets in zones where launches didn't just fail, those in zones with the lowest counts
// first; of equal ones in the group's order.
func (s *state) openSubnets(g *Group, now time.Time, count map[string]int) []*Subnet {
	var open []*Subnet
	for _, id := range g.Spec.Subnets {
		if subnet := s.Subnets[id]; subnet != nil && !now.Before(g.ZoneRetry[subnet.Zone]) {
			open = append(open, subnet)
		}
	}
	slices.SortStableFunc(open, func(a, b *Subnet) int { return count[a.Zone] - count[b.Zone] })
	return open
}

// perZone counts members in each of the group's zones and in those that it has left.
func (s *state) perZone(g *Group, members []*Instance) map[string]int {
	count := map[string]int{}
	for _, id := range g.Spec.Subnets {
		if subnet := s.Subnets[id]; subnet != nil {
			count[subnet.Zone] = 0
		}
	}
	for _, i := range members {
		count[i.Zone]++
	}
	return count
}

// victims follow the default termination policy, one after the other: the zone with the most members, there the oldest
// template version, then the oldest instance ("Default termination policy for Amazon EC2 Auto Scaling"). Zones that the
// group has left come first.
func (s *state) victims(g *Group, wanted int) []*Instance {
	own, left := s.zonesOf(g), s.active(g)
	count := s.perZone(g, left)
	var chosen []*Instance
	for range min(wanted, len(left)) {
		victim := slices.MinFunc(left, func(a, b *Instance) int {
			if order := cmp.Or(rank(own[a.Zone])-rank(own[b.Zone]), count[b.Zone]-count[a.Zone], a.Version-b.Version); order != 0 {
				return order
			}
			return a.Launched.Compare(b.Launched)
		})
		chosen = append(chosen, victim)
		count[victim.Zone]--
		left = slices.DeleteFunc(left, func(i *Instance) bool { return i == victim })
	}
	return chosen
}

func rank(own bool) int {
	if own {
		return 1
	}
	return 0
}

func (s *state) zonesOf(g *Group) map[string]bool {
	zones := map[string]bool{}
	for _, id := range g.Spec.Subnets {
		if subnet := s.Subnets[id]; subnet != nil {
			zones[subnet.Zone] = true
		}
	}
	return zones
}

// at begins a cause with its time.
func at(now time.Time, cause string) string {
	return fmt.Sprintf("At %s %s", now.UTC().Format(time.RFC3339), cause)
}

// begin adds an activity to the history and returns its index.
func (g *Group) begin(now time.Time, description, cause, instance string) int {
	g.Activities = append(g.Activities, Activity{
		Description: description, Cause: cause, Status: "InProgress", Instance: instance, Start: now,
	})
	return len(g.Activities) - 1
}

// why keeps what changed the desired capacity, for the activities that follow.
func (g *Group) why(now time.Time, reason string) { g.Why = at(now, reason) }

// because is the cause of an activity, with what changed the desired capacity before it.
func (g *Group) because(now time.Time, cause string) string {
	if g.Why == "" {
		return at(now, cause)
	}
	return g.Why + "  " + at(now, cause)
}

// finish ends the latest activity of an instance, and tells of it.
func (s *state) finish(g *Group, i *Instance, now time.Time, status, message string) {
	for at := len(g.Activities) - 1; at >= 0; at-- {
		if a := &g.Activities[at]; a.Instance == i.ID && a.Status == "InProgress" {
			a.Status, a.Message, a.End = status, message, now
			s.tell(g, eventOf(*a), *a)
			return
		}
	}
}

// Diagnose says in a sentence why a group has not the capacity that it should have: the state of each member and the
// group's last failure.
func (c *Cloud) Diagnose(name string) string {
	var parts []string
	c.view(func(s *state) {
		g := s.Scaling[name]
		if g == nil {
			return
		}
		for _, i := range s.members(g) {
			parts = append(parts, fmt.Sprintf("%s is %s", i.ID, s.describe(g, i)))
		}
		for at := len(g.Activities) - 1; at >= 0; at-- {
			if g.Activities[at].Status == "Failed" {
				parts = append(parts, g.Activities[at].Message)
				break
			}
		}
	})
	if len(parts) == 0 {
		return "the group has no instances"
	}
	return strings.Join(parts, "; ")
}

func (s *state) describe(g *Group, i *Instance) string {
	if i.State != Running {
		return strings.TrimSpace(string(i.State) + " " + i.Reason)
	}
	for _, arn := range g.Spec.TargetGroups {
		group := s.Targets[arn]
		if group == nil {
			continue
		}
		t := group.target(i.ID, group.Spec.Port)
		switch {
		case t == nil:
			return "not registered with " + group.Spec.Name
		case t.State != TargetHealthy:
			return strings.TrimSpace(string(t.State) + ": " + t.Description)
		}
	}
	return "healthy"
}
