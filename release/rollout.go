package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cloudwatchtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
)

// rollout brings one version of a launch template to a group, and follows what AWS makes of it.
type rollout struct {
	clients Clients
	poll    time.Duration // between two looks at AWS
	tell    func(progress string)
	how     Strategy
	now     time.Time // by AWS's clock, at the latest look
	seen    []string  // reasons for a failure
	healthy []string  // targets that were, in every target group, as observed

	instances *Instances
	unhealthy []string // targets that were, as observed
}

// launch waits until a group that has just been created serves. It looks for no refresh: a new group has none.
func (r *rollout) launch(ctx context.Context, record Record) error {
	group, err := r.group(ctx, record.Group)
	if err != nil {
		return err
	}
	if !launches(group, record) { // the group is older than its record
		return r.deploy(ctx, record)
	}
	return r.serve(ctx, record)
}

// deploy replaces the group's instances by those of the record's version, unless they are of it, and then changes the health
// checks of its target groups, unless they have the record's. It returns when the new version serves, or an error with AWS's
// reasons when the group has gone back to its former version.
//
// The new version has to answer the former health check too: a check that changed first would fail every instance that serves.
// A target group without a healthy target has nothing to lose, and its check changes first.
//
// A target group that is new beside others is attached last, for the same reason: the former version does not serve there, and Auto
// Scaling would replace its instances. One that goes is detached first: the new version does not serve there.
func (r *rollout) deploy(ctx context.Context, record Record) error {
	m, err := r.membershipOf(ctx, record)
	if err != nil {
		return err
	}
	if m.replacing { // the listeners forward to the new target groups already
		if err := r.attach(ctx, record.Group, m.gained); err != nil {
			return err
		}
		m.present, m.gained = record.TargetGroups, nil
	}
	if err := r.detach(ctx, record.Group, m.left); err != nil {
		return err
	}
	if err := r.replace(ctx, record.within(m.present)); err != nil {
		return r.formerMembership(record, nil, m.left, err)
	}
	if len(m.gained) == 0 {
		return nil
	}
	if err := r.attach(ctx, record.Group, m.gained); err != nil {
		return err
	}
	if err := r.join(ctx, record); err != nil {
		return r.formerMembership(record, m.gained, nil, fmt.Errorf("the instances do not serve in a target group that is new: %w", err))
	}
	return nil
}

// replace deploys to the target groups that the group belongs to.
func (r *rollout) replace(ctx context.Context, record Record) error {
	others, err := r.otherChecks(ctx, record)
	if err != nil {
		return err
	}
	var serving []checkedGroup
	for _, g := range others {
		if g.serves {
			serving = append(serving, g)
		} else if err := r.changeCheck(ctx, g.arn, g.wanted); err != nil {
			return err
		}
	}
	if err := r.bring(ctx, record, serving); err != nil {
		return err
	}
	if err := r.serve(ctx, record); err != nil || len(serving) == 0 {
		return err
	}
	return r.changeChecks(ctx, record, serving)
}

// bring replaces the group's instances, or goes on with the refresh of an interrupted deployment, and returns when they are of the
// record's version.
func (r *rollout) bring(ctx context.Context, record Record, former []checkedGroup) error {
	refresh, err := r.underWay(ctx, record)
	if err != nil {
		return err
	}
	if refresh == "" {
		has, err := r.hasVersion(ctx, record)
		if has || err != nil {
			return err
		}
		for _, g := range former {
			if !record.answers(g.former) {
				return fmt.Errorf("the health check changes from %s to %s together with the instances, and the new ones do not answer the "+
					"former: set %s to %d for this release, and leave it out of the next",
					g.former, g.wanted, g.setting, g.former.Port)
			}
		}
		if refresh, err = r.start(ctx, record); err != nil {
			return err
		}
	}
	return r.follow(ctx, record, refresh)
}

// start begins the refresh. Its desired configuration moves the group only when the refresh has succeeded: an instance that
// is launched meanwhile for another reason, or after a rollback, is of the version that works.
func (r *rollout) start(ctx context.Context, record Record) (string, error) {
	preferences := &types.RefreshPreferences{
		MinHealthyPercentage: aws.Int32(int32(r.how.MinHealthy)),
		MaxHealthyPercentage: aws.Int32(int32(r.how.MaxHealthy)),
		AutoRollback:         aws.Bool(true),
		SkipMatching:         aws.Bool(true),
	}
	down, err := r.down(ctx, record)
	if err != nil {
		return "", err
	}
	if down {
		r.tell("no target is healthy: all instances are replaced at once")
		preferences.MinHealthyPercentage, preferences.MaxHealthyPercentage = aws.Int32(0), aws.Int32(100)
		preferences.AutoRollback = aws.Bool(false)
	}
	if len(r.how.Checkpoints) > 0 {
		for _, percentage := range r.how.Checkpoints {
			preferences.CheckpointPercentages = append(preferences.CheckpointPercentages, int32(percentage))
		}
		if last := len(preferences.CheckpointPercentages) - 1; preferences.CheckpointPercentages[last] < 100 {
			preferences.CheckpointPercentages = append(preferences.CheckpointPercentages, 100) // or the refresh would end there
		}
		preferences.CheckpointDelay = aws.Int32(int32(r.how.CheckpointDelay.Seconds()))
	}
	if r.how.Bake > 0 {
		preferences.BakeTime = aws.Int32(int32(r.how.Bake.Seconds()))
	}
	alarms, err := r.quietAlarms(ctx, record)
	if err != nil {
		return "", err
	}
	if len(alarms) > 0 {
		preferences.AlarmSpecification = &types.AlarmSpecification{Alarms: alarms}
	}
	started, err := r.clients.AutoScaling.StartInstanceRefresh(ctx, &autoscaling.StartInstanceRefreshInput{
		AutoScalingGroupName: &record.Group,
		DesiredConfiguration: &types.DesiredConfiguration{LaunchTemplate: &types.LaunchTemplateSpecification{
			LaunchTemplateId: &record.Template, Version: &record.Version,
		}},
		Preferences: preferences,
	})
	if err != nil {
		return "", fmt.Errorf("starting the instance refresh of %s: %w", record.Group, err)
	}
	return *started.InstanceRefreshId, nil
}

// quietAlarms returns the alarms that are not in ALARM. An alarm that is would end the refresh at once, and the release may be
// what mends its cause.
func (r *rollout) quietAlarms(ctx context.Context, record Record) ([]string, error) {
	if len(record.Alarms) == 0 {
		return nil, nil
	}
	found, err := r.clients.CloudWatch.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{AlarmNames: record.Alarms})
	if err != nil {
		return nil, fmt.Errorf("looking at the alarms of %s: %w", record.Group, err)
	}
	var quiet []string
	for _, alarm := range found.MetricAlarms {
		if alarm.StateValue == cloudwatchtypes.StateValueAlarm {
			r.tell("alarm " + aws.ToString(alarm.AlarmName) + " has gone off before the release, which goes on without it")
			continue
		}
		quiet = append(quiet, aws.ToString(alarm.AlarmName))
	}
	return quiet, nil
}

// underWay returns the refresh that a former, interrupted deployment of the same version started, or "". A refresh to
// another version is cancelled: AWS takes one at a time.
func (r *rollout) underWay(ctx context.Context, record Record) (string, error) {
	cancelled := false
	for {
		latest, err := r.latest(ctx, record.Group, "")
		if err != nil || latest == nil || ended(latest.Status) {
			return "", err
		}
		switch desired := latest.DesiredConfiguration; {
		case latest.Status == types.InstanceRefreshStatusRollbackInProgress, latest.Status == types.InstanceRefreshStatusCancelling:
			r.tell(fmt.Sprintf("waiting for the end of a former instance refresh: %s", latest.Status))
		case desired != nil && desired.LaunchTemplate != nil && aws.ToString(desired.LaunchTemplate.Version) == record.Version:
			return *latest.InstanceRefreshId, nil
		case !cancelled:
			r.tell("cancelling a former instance refresh")
			if err := r.cancel(ctx, record); err != nil {
				return "", err
			}
			cancelled = true
		}
		if err := r.pause(ctx); err != nil {
			return "", err
		}
	}
}

// latest returns a refresh by its ID, or the latest; nil if there is none.
func (r *rollout) latest(ctx context.Context, group, id string) (*types.InstanceRefresh, error) {
	in := &autoscaling.DescribeInstanceRefreshesInput{AutoScalingGroupName: &group, MaxRecords: aws.Int32(1)}
	if id != "" {
		in.InstanceRefreshIds = []string{id}
	}
	found, err := r.clients.AutoScaling.DescribeInstanceRefreshes(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("looking at the instance refresh of %s: %w", group, err)
	}
	r.look(found.ResultMetadata)
	if len(found.InstanceRefreshes) == 0 {
		return nil, nil
	}
	return &found.InstanceRefreshes[0], nil
}

func ended(status types.InstanceRefreshStatus) bool {
	switch status {
	case types.InstanceRefreshStatusSuccessful, types.InstanceRefreshStatusFailed, types.InstanceRefreshStatusCancelled,
		types.InstanceRefreshStatusRollbackSuccessful, types.InstanceRefreshStatusRollbackFailed:
		return true
	default:
		return false
	}
}

// follow waits for the end of a refresh. One that makes no progress for the strategy's timeout is rolled back: AWS itself
// would go on trying for an hour.
func (r *rollout) follow(ctx context.Context, record Record, id string) error {
	progress, since, why := int32(-1), time.Time{}, ""
	for {
		refresh, err := r.latest(ctx, record.Group, id)
		if err != nil {
			return err
		}
		if refresh == nil {
			return fmt.Errorf("the instance refresh %s of %s does not exist", id, record.Group)
		}
		if ended(refresh.Status) {
			return r.outcome(ctx, record, refresh, why)
		}
		r.tell(described(refresh))
		r.observe(ctx, record, aws.ToTime(refresh.StartTime))
		if done := aws.ToInt32(refresh.PercentageComplete); done != progress || refresh.Status != types.InstanceRefreshStatusInProgress {
			progress, since = done, r.now
		}
		if why == "" {
			if why, err = r.failure(ctx, record, refresh, r.now.Sub(since)); err != nil {
				return err
			}
			if why != "" {
				if err := r.giveUp(ctx, record, refresh); err != nil {
					return fmt.Errorf("version %s does not serve: %s; %w", record.Version, why, err)
				}
			}
		}
		if err := r.pause(ctx); err != nil {
			return fmt.Errorf("%w; the instance refresh %s of %s goes on without it, and the next `pulumi up` follows it",
				err, id, record.Group)
		}
	}
}

// failure returns why a refresh that AWS would go on with has failed, or "": no instance got healthy for too long, or one that was
// healthy is not any more.
func (r *rollout) failure(ctx context.Context, record Record, refresh *types.InstanceRefresh, still time.Duration) (string, error) {
	if refresh.Status != types.InstanceRefreshStatusInProgress && refresh.Status != types.InstanceRefreshStatusBaking {
		return "", nil
	}
	relapse, err := r.relapse(ctx, record)
	switch {
	case err != nil:
		return "", err
	case relapse != "":
		return relapse + r.reasons(ctx), nil
	case refresh.Status == types.InstanceRefreshStatusInProgress && still > r.how.Timeout+r.how.CheckpointDelay:
		return fmt.Sprintf("no further instance got healthy within %v%s", still.Round(time.Second), r.reasons(ctx)), nil
	}
	return "", nil
}

// relapse returns which instance of the record's version was healthy and has become unhealthy, or "".
func (r *rollout) relapse(ctx context.Context, record Record) (string, error) {
	group, err := r.group(ctx, record.Group)
	if err != nil {
		return "", err
	}
	for _, i := range group.Instances {
		id := aws.ToString(i.InstanceId)
		if isOf(i, record) && aws.ToString(i.HealthStatus) == "Unhealthy" && slices.Contains(r.healthy, id) {
			return fmt.Sprintf("instance %s of version %s was healthy and is unhealthy", id, record.Version), nil
		}
	}
	return "", nil
}

func isOf(i types.Instance, record Record) bool {
	return i.LaunchTemplate != nil && aws.ToString(i.LaunchTemplate.Version) == record.Version
}

// giveUp takes the refresh that is under way back, or cancels it if the former version did not serve either. One that has just ended
// has an outcome of its own.
func (r *rollout) giveUp(ctx context.Context, record Record, refresh *types.InstanceRefresh) error {
	if p := refresh.Preferences; p != nil && !aws.ToBool(p.AutoRollback) {
		return r.cancel(ctx, record)
	}
	back := &autoscaling.RollbackInstanceRefreshInput{AutoScalingGroupName: &record.Group}
	_, err := r.clients.AutoScaling.RollbackInstanceRefresh(ctx, back)
	if err != nil && !isOver(err) {
		return fmt.Errorf("rolling %s back: %w", record.Group, err)
	}
	return nil
}

func (r *rollout) cancel(ctx context.Context, record Record) error {
	_, err := r.clients.AutoScaling.CancelInstanceRefresh(ctx, &autoscaling.CancelInstanceRefreshInput{AutoScalingGroupName: &record.Group})
	if err != nil && !isOver(err) {
		return fmt.Errorf("cancelling the instance refresh of %s: %w", record.Group, err)
	}
	return nil
}

// isCode reports whether an error is a refusal of AWS with a code.
func isCode(err error, code string) bool {
	refused, ok := errors.AsType[smithy.APIError](err)
	return ok && refused.ErrorCode() == code
}

// isOver reports whether a refresh could not be changed because it has ended.
func isOver(err error) bool {
	var over *types.ActiveInstanceRefreshNotFoundFault
	return errors.As(err, &over)
}

// described returns a line of progress.
func described(refresh *types.InstanceRefresh) string {
	switch refresh.Status {
	case types.InstanceRefreshStatusPending:
		return "instance refresh: about to begin"
	case types.InstanceRefreshStatusBaking:
		return "instance refresh: all instances replaced, watching them for the bake time"
	case types.InstanceRefreshStatusRollbackInProgress:
		return fmt.Sprintf("instance refresh: going back to the former version, %d %% of the new one left",
			aws.ToInt32(refresh.PercentageComplete))
	default:
		line := fmt.Sprintf("instance refresh: %d %% complete, %d instances to replace",
			aws.ToInt32(refresh.PercentageComplete), aws.ToInt32(refresh.InstancesToUpdate))
		if reason := aws.ToString(refresh.StatusReason); reason != "" {
			line += ": " + reason
		}
		return line
	}
}

// outcome is nil for a refresh that succeeded, and says for every other what became of the group.
func (r *rollout) outcome(ctx context.Context, record Record, refresh *types.InstanceRefresh, why string) error {
	if refresh.Status == types.InstanceRefreshStatusSuccessful {
		return nil
	}
	if why == "" {
		why = aws.ToString(refresh.StatusReason) + r.reasons(ctx)
	}
	var now string
	switch refresh.Status {
	case types.InstanceRefreshStatusRollbackSuccessful:
		now = "the group is back at its former version"
	case types.InstanceRefreshStatusRollbackFailed:
		now = "the way back failed too: " + aws.ToString(refresh.StatusReason)
	default:
		now = "the group launches its former version, and instances of both may run"
	}
	return fmt.Errorf("version %s of launch template %s was not released (instance refresh %s: %s): %s; %s",
		record.Version, record.Template, *refresh.InstanceRefreshId, refresh.Status, why, now)
}

// hasVersion reports whether the group launches a version already, and all of its instances are of it.
func (r *rollout) hasVersion(ctx context.Context, record Record) (bool, error) {
	group, err := r.group(ctx, record.Group)
	if err != nil {
		return false, err
	}
	if !launches(group, record) {
		return false, nil
	}
	for _, i := range group.Instances {
		if !isOf(i, record) {
			return false, nil
		}
	}
	return true, nil
}

// launches reports whether a group launches the record's version.
func launches(group *types.AutoScalingGroup, record Record) bool {
	return group.LaunchTemplate != nil && aws.ToString(group.LaunchTemplate.Version) == record.Version
}

// errInterrupted says that the waiting was ended, not what is waited for.
var errInterrupted = errors.New("interrupted")

// pause waits until the next look.
func (r *rollout) pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return errInterrupted
	case <-time.After(r.poll):
		return nil
	}
}

// look takes the time from an answer of AWS. Durations are measured by AWS's clock: this machine's may be wrong, and the
// emulator's runs faster.
func (r *rollout) look(answer middleware.Metadata) {
	if now, ok := awsmiddleware.GetServerTime(answer); ok {
		r.now = now
	}
}
