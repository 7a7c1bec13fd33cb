package release

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
)

// membership are the changes of the target groups that the Auto Scaling group belongs to.
type membership struct {
	present   []string // it belongs to, and goes on
	gained    []string
	left      []string
	replacing bool // none is left of the former
}

// membershipOf compares the target groups of a group with the record's.
func (r *rollout) membershipOf(ctx context.Context, record Record) (membership, error) {
	group, err := r.group(ctx, record.Group)
	if err != nil {
		return membership{}, err
	}
	var m membership
	for _, arn := range record.TargetGroups {
		if slices.Contains(group.TargetGroupARNs, arn) {
			m.present = append(m.present, arn)
		} else {
			m.gained = append(m.gained, arn)
		}
	}
	for _, arn := range group.TargetGroupARNs {
		if !slices.Contains(record.TargetGroups, arn) {
			m.left = append(m.left, arn)
		}
	}
	m.replacing = len(m.present) == 0
	return m, nil
}

// within returns the record with only those of its target groups that are among others.
func (record Record) within(others []string) Record {
	all := record
	record.TargetGroups, record.Check, record.Checks = nil, Check{}, nil
	for _, arn := range all.TargetGroups {
		if !slices.Contains(others, arn) {
			continue
		}
		if len(record.TargetGroups) == 0 {
			record.Check = all.checkOf(arn)
		} else {
			record.Checks = append(record.Checks, all.checkOf(arn))
		}
		record.TargetGroups = append(record.TargetGroups, arn)
	}
	return record
}

// attach makes the members of a group targets of target groups.
func (r *rollout) attach(ctx context.Context, group string, arns []string) error {
	if len(arns) == 0 {
		return nil
	}
	_, err := r.clients.AutoScaling.AttachLoadBalancerTargetGroups(ctx, &autoscaling.AttachLoadBalancerTargetGroupsInput{
		AutoScalingGroupName: &group, TargetGroupARNs: arns,
	})
	if err != nil {
		return fmt.Errorf("attaching %s to its target groups: %w", group, err)
	}
	return nil
}

// detach takes the members of a group out of target groups.
func (r *rollout) detach(ctx context.Context, group string, arns []string) error {
	if len(arns) == 0 {
		return nil
	}
	_, err := r.clients.AutoScaling.DetachLoadBalancerTargetGroups(ctx, &autoscaling.DetachLoadBalancerTargetGroupsInput{
		AutoScalingGroupName: &group, TargetGroupARNs: arns,
	})
	if err != nil {
		return fmt.Errorf("detaching %s from its target groups: %w", group, err)
	}
	return nil
}

// join waits until the instances serve in target groups that they have been attached to. The first that gets unhealthy there ends it:
// Auto Scaling would replace it soon.
func (r *rollout) join(ctx context.Context, record Record) error {
	var since time.Time
	for {
		missing, err := r.missing(ctx, record)
		if err != nil || missing == "" {
			return err
		}
		failing, err := r.failing(ctx, record)
		if err != nil {
			return err
		}
		if since.IsZero() {
			since = r.now
		}
		r.tell("waiting: " + missing)
		if failing != "" || r.now.Sub(since) > r.how.Timeout {
			r.observe(ctx, record, since)
			return fmt.Errorf("%s%s", cmp.Or(failing, missing), r.reasons(ctx))
		}
		if err := r.pause(ctx); err != nil {
			return err
		}
	}
}

// formerMembership takes changes back, also after an interruption, and returns why.
func (r *rollout) formerMembership(record Record, attached, detached []string, why error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := r.detach(ctx, record.Group, attached); err != nil {
		return fmt.Errorf("%w; and %w", why, err)
	}
	if err := r.attach(ctx, record.Group, detached); err != nil {
		return fmt.Errorf("%w; and %w", why, err)
	}
	return why
}
