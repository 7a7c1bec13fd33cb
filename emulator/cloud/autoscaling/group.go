package autoscaling

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
)

// GroupSpec describes an Auto Scaling group.
type GroupSpec struct {
	Name           string
	Min, Max       int
	Subnets        []string
	Template       string
	Version        string
	TargetGroups   []string
	HealthType     string // EC2 or ELB
	Grace          time.Duration
	MaxLifetime    time.Duration  // after which a member is replaced; 0: never
	Warmup         *time.Duration // default instance warmup: how long after it is in service a member does not count; nil: none
	InstanceTags   map[string]string
	Refresh        *RefreshSpec
	Maintenance    *Bounds // instance maintenance policy; nil: an unhealthy member is terminated before its replacement is in service
	EnabledMetrics []string
	Desired        *int   // nil: set by scaling policies, initially Min
	Hooks          []Hook // lifecycle hooks that exist before the first launch; read at creation only
}

// Bounds are the healthy members that a group keeps while others are replaced, in percent of the desired capacity.
type Bounds struct{ MinHealthy, MaxHealthy int }

// Group is an Auto Scaling group.
type Group struct {
	ARN           string
	Created       time.Time
	Spec          GroupSpec
	Desired       int
	Deleting      bool
	Activities    []Activity // the oldest first
	Refreshes     []Refresh  // the oldest first
	Policies      map[string]*Policy
	CheckedAt     time.Time            // last check of the health that ELB reports
	RetryAt       time.Time            // no launch before, after a failed launch
	ZoneRetry     map[string]time.Time // zone → no launch before, after a failed launch
	Rebalance     *Rebalance           // nil while the zones are even
	ScaledAt      time.Time            // last change of the desired capacity by a scaling policy
	DesiredReason string               // when and why the desired capacity changed, until it is reached
	Hooks         map[string]Hook
	Schedules     map[string]*Schedule

	Members []ec2.Instance `json:"-"` // of a copy, the oldest first
	alarms  []NamedAlarm   // of a copy
}

// Bounds of the longest life of an instance (Auto Scaling API: CreateAutoScalingGroup).
const shortestLife, longestLife = 24 * time.Hour, 365 * 24 * time.Hour

func checkLifetime(life time.Duration) error {
	if life != 0 && (life < shortestLife || life > longestLife) {
		return aws.Refuse("ValidationError", "Maximum instance lifetime must be equal to 0 or between %d and %d seconds (inclusive): %d",
			int(shortestLife.Seconds()), int(longestLife.Seconds()), int(life.Seconds()))
	}
	return nil
}

// elbCheckPeriod is how often a group checks the health that ELB reports for its members. AWS gives no number; users
// see about a minute.
const elbCheckPeriod = time.Minute

// launchRetry is how long a group waits after a failed launch.
const launchRetry = time.Minute

// CreateGroup creates a group. Its instances are launched by [Store.Reconcile].
func (s *Store) CreateGroup(spec GroupSpec, now time.Time) (Group, error) {
	group := Group{
		Created: now, ARN: s.region.ARN("autoscaling", "autoScalingGroup:"+aws.RandomHex(16)+":autoScalingGroupName/"+spec.Name),
		Spec:    spec,
		Desired: spec.Min, Policies: map[string]*Policy{},
	}
	if spec.Desired != nil {
		group.Desired = *spec.Desired
	}
	for _, hook := range spec.Hooks {
		group.setHook(hook)
	}
	group.SetReason(now, fmt.Sprintf("a user request created an AutoScalingGroup changing the desired capacity from 0 to %d.",
		group.Desired))
	if s.Groups[spec.Name] != nil {
		return Group{}, aws.Refuse("AlreadyExists", "AutoScalingGroup by this name already exists - A group with the name %s "+
			"already exists", spec.Name)
	}
	if err := s.checkGroup(spec); err != nil {
		return Group{}, err
	}
	copied := group
	s.Groups[spec.Name] = &copied
	return group, nil
}

// checkGroup refuses a group that Auto Scaling refuses (API: CreateAutoScalingGroup).
func (s *Store) checkGroup(spec GroupSpec) error {
	switch {
	case spec.Name == "" || len(spec.Name) > 255:
		return aws.Refuse("ValidationError", "Group name '%s' must have 1 to 255 characters", spec.Name)
	case spec.Min < 0 || spec.Max < spec.Min:
		return aws.Refuse("ValidationError", "Max bound, %d, must be greater than or equal to min bound, %d", spec.Max, spec.Min)
	case spec.Desired != nil && (*spec.Desired < spec.Min || *spec.Desired > spec.Max):
		return aws.Refuse("ValidationError", "Desired capacity:%d must be between the specified min size:%d and max size:%d",
			*spec.Desired, spec.Min, spec.Max)
	case len(spec.Subnets) == 0:
		return aws.Refuse("ValidationError", "At least one Availability Zone or VPC Subnet is required.")
	case spec.HealthType != "EC2" && spec.HealthType != "ELB":
		return aws.Refuse("ValidationError", "Valid requirement for health check type: EC2 or ELB, not '%s'", spec.HealthType)
	}
	if err := checkLifetime(spec.MaxLifetime); err != nil {
		return err
	}
	for _, id := range spec.Subnets {
		if s.vpc.Subnets[id] == nil {
			return aws.Refuse("ValidationError", "The subnet ID '%s' does not exist", id)
		}
	}
	for _, arn := range spec.TargetGroups {
		if s.elb.TargetGroups[arn] == nil {
			return aws.Refuse("ValidationError", "Provided Target Groups may not be valid. Please ensure they exist and try again: %s", arn)
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
	if w := spec.Warmup; w != nil && (*w < 0 || *w > longestWarmup) {
		return aws.Refuse("ValidationError", "The default instance warmup %v must be from 0 to %v", *w, longestWarmup)
	}
	if spec.Grace < 0 {
		return aws.Refuse("ValidationError", "The health check grace period '%v' must not be negative", spec.Grace)
	}
	if len(spec.Hooks) > maxHooks {
		return tooMany("lifecycle hooks", maxHooks)
	}
	_, _, err := s.ec2.LaunchData(spec.Template, spec.Version)
	return err
}

// check checks the limits of the percentages.
func (b Bounds) check() error {
	switch {
	case b.MinHealthy < 0 || b.MinHealthy > 100 || b.MaxHealthy < 100 || b.MaxHealthy > 200:
		return aws.Refuse("ValidationError", "MinHealthyPercentage must be 0 to 100 and MaxHealthyPercentage 100 to 200")
	case b.MaxHealthy-b.MinHealthy > 100:
		return aws.Refuse("ValidationError", "The difference between MinHealthyPercentage and MaxHealthyPercentage must not be above 100")
	}
	return nil
}

// AttachTargetGroups puts a group into target groups as well. Those that it is in already are left alone (API:
// AttachLoadBalancerTargetGroups).
func (s *Store) AttachTargetGroups(name string, arns []string, now time.Time) error {
	g := s.Groups[name]
	switch {
	case g == nil:
		return NoGroup(name)
	case len(arns) == 0 || len(arns) > mostTargetGroups:
		return aws.Refuse("ValidationError", "TargetGroupARNs must have 1 to %d members", mostTargetGroups)
	}
	spec := g.Spec
	spec.TargetGroups = slices.Concat(spec.TargetGroups, difference(arns, spec.TargetGroups))
	return s.UpdateGroup(spec, false, now)
}

// DetachTargetGroups takes a group out of target groups (API: DetachLoadBalancerTargetGroups).
func (s *Store) DetachTargetGroups(name string, arns []string, now time.Time) error {
	g := s.Groups[name]
	switch {
	case g == nil:
		return NoGroup(name)
	case len(arns) == 0 || len(arns) > mostTargetGroups:
		return aws.Refuse("ValidationError", "TargetGroupARNs must have 1 to %d members", mostTargetGroups)
	case len(difference(arns, g.Spec.TargetGroups)) > 0:
		return aws.Refuse("ValidationError", "Trying to remove Target Groups that are not part of the group")
	}
	spec := g.Spec
	spec.TargetGroups = difference(spec.TargetGroups, arns)
	return s.UpdateGroup(spec, false, now)
}

// mostTargetGroups is the most that one call takes.
const mostTargetGroups = 10

// UpdateGroup changes a group. The desired capacity is kept within the new bounds. With roll, an instance refresh
// replaces the members of older template versions; it cancels a refresh that is under way.
func (s *Store) UpdateGroup(spec GroupSpec, roll bool, now time.Time) error {
	g := s.Groups[spec.Name]
	if g == nil {
		return NoGroup(spec.Name)
	}
	if err := s.checkGroup(spec); err != nil {
		return err
	}
	before := g.Desired
	if spec.Desired != nil && (g.Spec.Desired == nil || *g.Spec.Desired != *spec.Desired) {
		g.Desired = *spec.Desired
	}
	s.changeTargetGroups(g, spec.TargetGroups, now)
	g.Spec = spec
	g.Desired = min(max(g.Desired, spec.Min), spec.Max)
	if g.Desired != before {
		g.SetReason(now, constraints("a user request", g, before))
	}
	if roll && spec.Refresh != nil {
		s.stopRefresh(g, now, "Cancelled by a newer instance refresh.")
		s.startRefresh(g, nil, *spec.Refresh, now)
	}
	return nil
}

// DeleteGroup starts to delete a group as the Pulumi provider does, by setting its sizes to 0. The group is gone with
// its last member.
func (s *Store) DeleteGroup(name string, now time.Time) error {
	if g := s.Groups[name]; g != nil && !g.Deleting {
		before := g.Desired
		g.Deleting, g.Desired, g.Spec.Min, g.Spec.Max = true, 0, 0, 0
		g.SetReason(now, constraints("a user request", g, before))
		s.stopRefresh(g, now, "The group is being deleted.")
	}
	return nil
}

// Group returns a copy of a group with its members, or false.
func (s *Store) Group(name string) (Group, bool) {
	g := s.Groups[name]
	if g == nil {
		return Group{}, false
	}
	group := *g
	group.Activities, group.Refreshes = slices.Clone(g.Activities), slices.Clone(g.Refreshes)
	group.Policies, group.Schedules = copyValues(g.Policies), copyValues(g.Schedules)
	group.Hooks, group.ZoneRetry = maps.Clone(g.Hooks), maps.Clone(g.ZoneRetry)
	group.alarms = s.alarmsOf(g)
	for _, i := range s.members(g) {
		group.Members = append(group.Members, *i)
	}
	return group, true
}

// copyValues copies a map and what its values point to.
func copyValues[V any](m map[string]*V) map[string]*V {
	copied := map[string]*V{}
	for key, value := range m {
		v := *value
		copied[key] = &v
	}
	return copied
}

// GroupNames returns the names of the groups, sorted.
func (s *Store) GroupNames() []string {
	return aws.Keys(s.Groups)
}

// SetDesiredCapacity sets the desired capacity of a group (API: SetDesiredCapacity).
func (s *Store) SetDesiredCapacity(name string, desired int, now time.Time) error {
	g := s.Groups[name]
	switch {
	case g == nil:
		return NoGroup(name)
	case desired < g.Spec.Min:
		return aws.Refuse("ValidationError", "New SetDesiredCapacity value %d is below min value %d for the AutoScalingGroup.",
			desired, g.Spec.Min)
	case desired > g.Spec.Max:
		return aws.Refuse("ValidationError", "New SetDesiredCapacity value %d is above max value %d for the AutoScalingGroup.",
			desired, g.Spec.Max)
	}
	if desired != g.Desired {
		g.SetReason(now, fmt.Sprintf("a user request explicitly set group desired capacity changing the desired capacity from %d to %d.",
			g.Desired, desired))
		g.Desired = desired
	}
	return nil
}

// TerminateMember terminates a member of a group and returns the activity. The group replaces the member unless the
// desired capacity is decremented (API: TerminateInstanceInAutoScalingGroup).
func (s *Store) TerminateMember(instance string, decrement bool, now time.Time) (Group, Activity, error) {
	i := s.ec2.Instances[instance]
	if i == nil || i.Group == "" || s.Groups[i.Group] == nil {
		return Group{}, Activity{}, aws.Refuse("ValidationError", "Instance Id not found - No managed instance found for instance "+
			"ID: %s", instance)
	}
	g := s.Groups[i.Group]
	if i.Lifecycle.IsTerminating() {
		return Group{}, Activity{}, aws.Refuse("ValidationError", "The instance %s is not in InService, but in %s", instance, i.Lifecycle)
	}
	cause := "instance " + i.ID + " was taken out of service in response to a user request."
	if decrement {
		if g.Desired <= g.Spec.Min {
			return Group{}, Activity{}, aws.Refuse("ValidationError", "Currently, desiredSize equals minSize (%d). Terminating instance without "+
				"replacement will violate group's min size constraint.", g.Spec.Min)
		}
		g.Desired--
		cause = fmt.Sprintf("instance %s was taken out of service in response to a user request, shrinking the capacity from %d to %d.",
			i.ID, g.Desired+1, g.Desired)
	}
	s.startTermination(g, i, now, causeAt(now, cause))
	return *g, g.Activities[len(g.Activities)-1], nil
}

// Capacity counts the members of a group that are in service and healthy in all of its target groups.
func (s *Store) Capacity(name string) int {
	count := 0
	if g := s.Groups[name]; g != nil {
		for _, i := range s.members(g) {
			if s.healthy(g, i) {
				count++
			}
		}
	}
	return count
}
