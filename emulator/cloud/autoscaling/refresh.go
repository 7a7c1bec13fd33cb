package autoscaling

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
)

// The statuses of an instance refresh (API: InstanceRefresh).
const (
	RefreshPending            = "Pending"
	RefreshInProgress         = "InProgress"
	RefreshBaking             = "Baking"
	RefreshSuccessful         = "Successful"
	RefreshFailed             = "Failed"
	RefreshCancelling         = "Cancelling"
	RefreshCancelled          = "Cancelled"
	RefreshRollbackInProgress = "RollbackInProgress"
	RefreshRollbackSuccessful = "RollbackSuccessful"
	RefreshRollbackFailed     = "RollbackFailed"
)

// RefreshSpec describes how an instance refresh replaces members (API: RefreshPreferences).
type RefreshSpec struct {
	Bounds
	Warmup          time.Duration // how long a replacement is in service before it counts
	SkipMatching    bool          // members that already have the wanted version stay
	AutoRollback    bool          // a refresh that fails is rolled back; only with a desired configuration
	Alarms          []string      // names of CloudWatch alarms that fail the refresh
	Checkpoints     []int         // rising percentages: the refresh pauses at each and ends at the last
	CheckpointDelay time.Duration
	Bake            time.Duration // after the last replacement, while the alarms are watched
}

// TemplateVersion names a version of a launch template: a number, or $Latest or $Default.
type TemplateVersion struct{ Template, Version string }

// Refresh is the replacement of a group's members, a few at a time.
type Refresh struct {
	ID         string
	Status     string
	Reason     string
	Percent    int
	ToUpdate   int // members still to be replaced
	Start, End time.Time
	Spec       RefreshSpec
	Desired    *TemplateVersion // what the group gets when the refresh succeeds; nil: the group has it already
	Rollback   *Rollback        // nil unless the refresh was rolled back

	ProgressAt  time.Time // when the percentage last rose
	Checkpoint  int       // index of the next checkpoint
	PausedUntil time.Time // at a checkpoint
	BakedAt     time.Time // end of the bake time
}

// Rollback is the way back of an instance refresh (API: RollbackDetails).
type Rollback struct {
	Reason            string
	Start             time.Time
	Percent, ToUpdate int // at its start
}

// refreshTimeout is how long an instance refresh waits for a replacement to become healthy before it fails (Auto
// Scaling: "How an instance refresh works": an hour without success).
const refreshTimeout = time.Hour

// refreshing returns the refresh that is under way, or nil.
func (g *Group) refreshing() *Refresh {
	if n := len(g.Refreshes); n > 0 && g.Refreshes[n-1].End.IsZero() {
		return &g.Refreshes[n-1]
	}
	return nil
}

// StartRefresh starts to replace the members of a group and returns the ID of the instance refresh (API:
// StartInstanceRefresh). The group keeps its launch template until the refresh has succeeded, and then gets the desired
// one.
func (s *Store) StartRefresh(group string, desired *TemplateVersion, spec RefreshSpec, now time.Time) (string, error) {
	g := s.Groups[group]
	if g == nil {
		return "", NoGroup(group)
	}
	if g.refreshing() != nil {
		return "", aws.Refuse("InstanceRefreshInProgress", "An Instance Refresh is already in progress and blocks the execution of this "+
			"Instance Refresh.")
	}
	if err := s.checkRefresh(g, desired, spec); err != nil {
		return "", err
	}
	return s.startRefresh(g, desired, spec, now), nil
}

// NoGroup refuses a request for a group that does not exist.
func NoGroup(name string) error {
	return aws.Refuse("ValidationError", "AutoScalingGroup name not found - %s", name)
}

// checkRefresh checks the limits of the API (RefreshPreferences; Auto Scaling: "Undo changes with a manual or auto
// rollback").
func (s *Store) checkRefresh(g *Group, desired *TemplateVersion, spec RefreshSpec) error {
	if desired != nil {
		if _, _, err := s.ec2.LaunchData(desired.Template, desired.Version); err != nil {
			return err
		}
	}
	if spec.AutoRollback {
		if desired == nil {
			return aws.Refuse("ValidationError", "Auto rollback requires a desired configuration.")
		}
		for _, version := range []string{desired.Version, g.Spec.Version} {
			if _, err := strconv.Atoi(version); err != nil {
				return aws.Refuse("ValidationError", "Auto rollback requires a numbered version of the launch template, not '%s'.", version)
			}
		}
	}
	for _, name := range spec.Alarms {
		if s.cloudwatch.Alarms[name] == nil {
			return aws.Refuse("ValidationError", "The CloudWatch alarm '%s' does not exist.", name)
		}
	}
	return spec.check()
}

func (spec RefreshSpec) check() error {
	if err := spec.Bounds.check(); err != nil {
		return err
	}
	before := 0
	for _, percentage := range spec.Checkpoints {
		if percentage <= before || percentage > 100 {
			return aws.Refuse("ValidationError", "Checkpoint percentages %v must rise and be from 1 to 100.", spec.Checkpoints)
		}
		before = percentage
	}
	for name, d := range map[string]time.Duration{
		"CheckpointDelay": spec.CheckpointDelay, "BakeTime": spec.Bake, "InstanceWarmup": spec.Warmup,
	} {
		if d < 0 || d > longestPause {
			return aws.Refuse("ValidationError", "%s %v must be from 0 to %v.", name, d, longestPause)
		}
	}
	return nil
}

// longestPause is the longest bake time and delay of a checkpoint.
const longestPause = 48 * time.Hour

// startRefresh adds an instance refresh to the group and returns its ID.
func (s *Store) startRefresh(g *Group, desired *TemplateVersion, spec RefreshSpec, now time.Time) string {
	g.Rebalance = nil
	g.Refreshes = append(g.Refreshes, Refresh{
		ID: aws.UUID(), Status: RefreshPending, Start: now, ProgressAt: now, Spec: spec, Desired: desired,
	})
	return g.refreshing().ID
}

// CancelRefresh cancels the instance refresh that is under way and returns its ID. Members that were replaced stay
// (API: CancelInstanceRefresh).
func (s *Store) CancelRefresh(group string) (string, error) {
	g := s.Groups[group]
	if g == nil {
		return "", NoGroup(group)
	}
	r := g.refreshing()
	if r == nil || r.Status == RefreshCancelling || r.Status == RefreshRollbackInProgress {
		return "", noRefresh(group)
	}
	r.Status, r.Reason = RefreshCancelling, "Cancelled by a user."
	return r.ID, nil
}

// noRefresh refuses a request for the instance refresh of a group that has none under way.
func noRefresh(group string) error {
	return aws.Refuse("ActiveInstanceRefreshNotFound", "No in progress or pending Instance Refresh found for Auto Scaling group %s", group)
}

// RollbackRefresh starts to replace the new members by instances of the group's own template and returns the ID of the
// instance refresh (API: RollbackInstanceRefresh).
func (s *Store) RollbackRefresh(group string, now time.Time) (string, error) {
	g := s.Groups[group]
	if g == nil {
		return "", NoGroup(group)
	}
	r := g.refreshing()
	switch {
	case r == nil || r.Status == RefreshCancelling || r.Status == RefreshRollbackInProgress:
		return "", noRefresh(group)
	case r.Desired == nil:
		return "", aws.Refuse("IrreversibleInstanceRefresh", "The Instance Refresh %s has no desired configuration and cannot be "+
			"rolled back.", r.ID)
	}
	s.startRollback(g, r, "Rolled back by a user.", now)
	return r.ID, nil
}

// startRollback turns an instance refresh into its rollback.
func (s *Store) startRollback(g *Group, r *Refresh, reason string, now time.Time) {
	r.Rollback = &Rollback{Reason: reason, Start: now, Percent: r.Percent, ToUpdate: r.ToUpdate}
	r.Status, r.Reason, r.ProgressAt, r.PausedUntil = RefreshRollbackInProgress, reason, now, time.Time{}
	s.sendRefresh(g, r, now)
}

// stopRefresh cancels the instance refresh of a group that is changed or deleted.
func (s *Store) stopRefresh(g *Group, now time.Time, reason string) {
	if r := g.refreshing(); r != nil {
		s.endRefresh(g, r, RefreshCancelled, reason, now)
	}
}

// endRefresh ends an instance refresh with a status.
func (s *Store) endRefresh(g *Group, r *Refresh, status, reason string, now time.Time) {
	r.Status, r.Reason, r.End = status, reason, now
	s.sendRefresh(g, r, now)
}

// failRefresh fails an instance refresh, or starts its rollback if auto rollback is on.
func (s *Store) failRefresh(g *Group, r *Refresh, reason string, now time.Time) {
	if r.Spec.AutoRollback {
		s.startRollback(g, r, reason, now)
		return
	}
	s.endRefresh(g, r, RefreshFailed, reason, now)
}

// refresh moves the refresh of a group on.
func (s *Store) refresh(g *Group, now time.Time) bool {
	r := g.refreshing()
	switch r.Status {
	case RefreshPending:
		r.Status, r.ToUpdate = RefreshInProgress, len(s.outdated(g))
		s.sendRefresh(g, r, now)
		return true
	case RefreshCancelling:
		s.endRefresh(g, r, RefreshCancelled, r.Reason, now)
		return true
	case RefreshRollbackInProgress:
		if now.Sub(r.ProgressAt) > refreshTimeout+r.Spec.Warmup {
			s.endRefresh(g, r, RefreshRollbackFailed, noneHealthy, now)
			return true
		}
		return s.replaceOutdated(g, r, now)
	}
	if reason := s.failure(r, now); reason != "" {
		s.failRefresh(g, r, reason, now)
		return true
	}
	if r.Status == RefreshBaking && now.Before(r.BakedAt) {
		return s.fillOrShrink(g, now)
	}
	return s.replaceOutdated(g, r, now)
}

// noneHealthy is the reason of an instance refresh that fails for lack of healthy replacements.
const noneHealthy = "There are unhealthy instances in your Auto Scaling group, and they were not replaced by healthy ones within an hour."

// failure returns why an instance refresh fails, or "".
func (s *Store) failure(r *Refresh, now time.Time) string {
	var ringing []string
	for _, name := range r.Spec.Alarms {
		if a := s.cloudwatch.Alarms[name]; a != nil && a.State == cloudwatch.AlarmAlarm {
			ringing = append(ringing, name)
		}
	}
	switch {
	case len(ringing) > 0:
		return fmt.Sprintf("CloudWatch alarm(s) in ALARM state: %s.", strings.Join(ringing, ", "))
	case r.Status == RefreshInProgress && now.Before(r.PausedUntil):
		return ""
	case r.Status == RefreshInProgress && now.Sub(r.ProgressAt) > refreshTimeout+r.Spec.Warmup:
		return noneHealthy
	}
	return ""
}

// replaceOutdated takes the next step that the bounds allow: it launches a replacement on top, up to the maximum, or
// terminates an outdated member, down to the minimum of healthy members. A replacement counts as healthy once ELB finds
// it healthy and its warmup is over.
func (s *Store) replaceOutdated(g *Group, r *Refresh, now time.Time) bool {
	old, active := s.outdated(g), s.Active(g)
	changed := r.measure(len(old), g.Desired, now)
	fresh := len(active) - len(old)
	switch {
	case now.Before(r.PausedUntil), r.Spec.MaxHealthy > 100 && len(active) < g.Desired:
		return s.fillOrShrink(g, now) || changed // members that are lost meanwhile are launched from the group's own version
	case len(old) <= r.spared(g.Desired) && len(active) > g.Desired:
		return s.fillOrShrink(g, now) || changed
	case len(old) <= r.spared(g.Desired) && len(active) == g.Desired && s.ready(g, r.Spec.Warmup, now) == len(active):
		s.completeRefresh(g, r, now)
		return true
	case r.pauses(fresh, g.Desired) && len(active) == g.Desired && s.ready(g, r.Spec.Warmup, now) == len(active):
		r.Checkpoint++
		r.PausedUntil = now.Add(r.Spec.CheckpointDelay)
		s.sendCheckpoint(g, r, now)
		r.Reason = fmt.Sprintf("Waiting for %v at the checkpoint of %d %%.", r.Spec.CheckpointDelay, r.Spec.Checkpoints[r.Checkpoint-1])
		return true
	case len(active) < surge(g.Desired, r.Spec.MaxHealthy) && fresh < r.pace(g.Desired):
		// Only replacements are counted per zone, so that the zones are even once the outdated members are gone.
		replacements := slices.DeleteFunc(active, func(i *ec2.Instance) bool { return slices.Contains(old, i) })
		cause := causeAt(now, "an instance was launched in response to an instance refresh.")
		return s.launchWhere(g, g.wanted(), now, cause, s.perZone(g, replacements)) || changed
	case len(old) > r.spared(g.Desired) && (r.Spec.MinHealthy == 0 || s.ready(g, r.Spec.Warmup, now) > r.Spec.lowest(g.Desired)):
		cause := causeAt(now, "an instance was taken out of service in response to an instance refresh.")
		s.startTermination(g, s.chooseOutdated(g, old), now, cause)
		return true
	}
	return changed
}

// completeRefresh starts the bake time after the last replacement, or ends the instance refresh.
func (s *Store) completeRefresh(g *Group, r *Refresh, now time.Time) {
	switch {
	case r.Status == RefreshRollbackInProgress:
		s.endRefresh(g, r, RefreshRollbackSuccessful, r.Reason, now)
		return
	case r.Status == RefreshInProgress && r.Spec.Bake > 0:
		r.Status, r.Percent, r.Reason, r.BakedAt = RefreshBaking, 100, "", now.Add(r.Spec.Bake)
		return
	}
	if r.Desired != nil {
		g.Spec.Template, g.Spec.Version = r.Desired.Template, r.Desired.Version
	}
	r.Percent = 100
	s.endRefresh(g, r, RefreshSuccessful, "", now)
}

// pauses reports whether a checkpoint other than the last has been reached.
func (r *Refresh) pauses(fresh, desired int) bool {
	return r.Status == RefreshInProgress && r.Checkpoint < len(r.Spec.Checkpoints)-1 && fresh >= r.pace(desired)
}

// pace returns how many members may be new before the next checkpoint.
func (r *Refresh) pace(desired int) int {
	if r.Status != RefreshInProgress || r.Checkpoint >= len(r.Spec.Checkpoints) {
		return desired
	}
	return Floor(desired, r.Spec.Checkpoints[r.Checkpoint])
}

// spared returns how many members stay outdated because the last checkpoint is below 100 %.
func (r *Refresh) spared(desired int) int {
	if n := len(r.Spec.Checkpoints); n > 0 && r.Status != RefreshRollbackInProgress {
		return desired - Floor(desired, r.Spec.Checkpoints[n-1])
	}
	return 0
}

// measure updates the number of members to be replaced and reports whether it changed. During a rollback the percentage
// falls, because the members that were not replaced count again (API: InstanceRefresh).
func (r *Refresh) measure(outdated, desired int, now time.Time) bool {
	left, closer := outdated, outdated < r.ToUpdate
	if r.Status == RefreshRollbackInProgress {
		left = max(0, desired-outdated)
		closer = left > r.ToUpdate
	}
	if left == r.ToUpdate || desired == 0 {
		return false
	}
	if closer {
		r.ProgressAt = now
	}
	r.ToUpdate, r.Percent = left, max(0, 100*(desired-left)/desired)
	return true
}

// surge returns the highest number of members during a replacement. Above 100 % it is at least one more than desired.
func surge(desired, percent int) int {
	if percent <= 100 {
		return desired
	}
	return max(desired+1, desired*percent/100)
}

// Floor returns the lowest number of healthy members, rounded up.
func Floor(desired, percent int) int { return (desired*percent + 99) / 100 }

// lowest returns the lowest number of healthy members during an instance refresh. If the bounds leave no room for a
// replacement on top, members are still replaced one at a time (Auto Scaling: "Set instance refresh preferences").
func (spec RefreshSpec) lowest(desired int) int {
	lowest := Floor(desired, spec.MinHealthy)
	if surge(desired, spec.MaxHealthy) == desired {
		lowest = min(lowest, desired-1)
	}
	return lowest
}

// wanted returns the template that the members are to have: during an instance refresh its desired template.
func (g *Group) wanted() TemplateVersion {
	if r := g.refreshing(); r != nil && r.Desired != nil && r.Status != RefreshRollbackInProgress && r.Status != RefreshCancelling {
		return *r.Desired
	}
	return g.own()
}

// own returns the template from which the group launches for every reason other than an instance refresh.
func (g *Group) own() TemplateVersion { return TemplateVersion{g.Spec.Template, g.Spec.Version} }

// outdated lists the active members that are to be replaced: those of another template or version than is wanted and,
// unless matching ones are skipped, all that are older than the refresh.
func (s *Store) outdated(g *Group) []*ec2.Instance {
	r := g.refreshing()
	all := r != nil && !r.Spec.SkipMatching && r.Status != RefreshRollbackInProgress
	var old []*ec2.Instance
	for _, i := range s.Active(g) {
		if !s.matches(i, g.wanted()) || all && i.Launched.Before(r.Start) {
			old = append(old, i)
		}
	}
	return old
}

// matches reports whether an instance was launched from a version of a template. Where there is no such version any more,
// every instance matches: none could be replaced.
func (s *Store) matches(i *ec2.Instance, t TemplateVersion) bool {
	_, version, err := s.ec2.LaunchData(t.Template, t.Version)
	return err != nil || i.Template == t.Template && i.Version == version
}

// ready counts the members that are healthy; replacements must have warmed up as well.
func (s *Store) ready(g *Group, warmup time.Duration, now time.Time) int {
	count := 0
	for _, i := range s.Active(g) {
		if s.healthy(g, i) && (!s.matches(i, g.wanted()) || now.Sub(i.InService) >= warmup) {
			count++
		}
	}
	return count
}

// chooseOutdated returns the member to go next: in the zone with the most members, the oldest.
func (s *Store) chooseOutdated(g *Group, old []*ec2.Instance) *ec2.Instance {
	count := s.perZone(g, s.Active(g))
	return slices.MinFunc(old, func(a, b *ec2.Instance) int { return count[b.Zone] - count[a.Zone] })
}
