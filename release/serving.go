package release

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	scaling "github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// serve waits until as many instances as the group's minimum are in service, and as many healthy targets are in each of its
// target groups. A launch that fails meanwhile does not end it: Auto Scaling tries again, in another zone if there is one.
func (r *rollout) serve(ctx context.Context, record Record) error {
	var since time.Time
	for {
		missing, err := r.missing(ctx, record)
		if err != nil || missing == "" {
			return err
		}
		r.tell("waiting: " + missing)
		r.observe(ctx, record, time.Time{})
		if since.IsZero() {
			since = r.now
		}
		if r.now.Sub(since) > r.how.Timeout {
			return fmt.Errorf("the service is not up after %v: %s%s", r.how.Timeout, missing, r.reasons(ctx))
		}
		if err := r.pause(ctx); err != nil {
			return fmt.Errorf("%w; the group %s goes on launching instances without it, and the next `pulumi up` waits for them: %s",
				err, record.Group, missing)
		}
	}
}

// missing returns what the service lacks, or "" when it is up.
func (r *rollout) missing(ctx context.Context, record Record) (string, error) {
	group, err := r.group(ctx, record.Group)
	if err != nil {
		return "", err
	}
	wanted, inService := int(aws.ToInt32(group.MinSize)), 0
	for _, i := range group.Instances {
		if i.LifecycleState == scaling.LifecycleStateInService {
			inService++
		}
	}
	if inService < wanted {
		return fmt.Sprintf("%d of %d instances in service", inService, wanted), nil
	}
	for _, arn := range record.TargetGroups {
		states, err := r.states(ctx, arn)
		if err != nil {
			return "", err
		}
		if healthy := states[elb.TargetHealthStateEnumHealthy]; healthy < wanted {
			return fmt.Sprintf("%d of %d targets healthy in %s", healthy, wanted, nameOf(arn)), nil
		}
	}
	return "", nil
}

// failing returns which target group of a service that was up has too few healthy targets because some are unhealthy, or "".
func (r *rollout) failing(ctx context.Context, record Record) (string, error) {
	group, err := r.group(ctx, record.Group)
	if err != nil {
		return "", err
	}
	wanted := int(aws.ToInt32(group.MinSize))
	for _, arn := range record.TargetGroups {
		states, err := r.states(ctx, arn)
		if err != nil {
			return "", err
		}
		healthy, unhealthy := states[elb.TargetHealthStateEnumHealthy], states[elb.TargetHealthStateEnumUnhealthy]
		if healthy < wanted && unhealthy > 0 {
			return fmt.Sprintf("%d of %d targets healthy and %d unhealthy in %s", healthy, wanted, unhealthy, nameOf(arn)), nil
		}
	}
	return "", nil
}

// down reports whether no target group has a healthy target, so that there is no service to keep.
func (r *rollout) down(ctx context.Context, record Record) (bool, error) {
	for _, arn := range record.TargetGroups {
		states, err := r.states(ctx, arn)
		if err != nil || states[elb.TargetHealthStateEnumHealthy] > 0 {
			return false, err
		}
	}
	return len(record.TargetGroups) > 0, nil
}

// states returns how many targets of a target group are in which state.
func (r *rollout) states(ctx context.Context, arn string) (map[elb.TargetHealthStateEnum]int, error) {
	targets, err := r.targets(ctx, arn)
	states := map[elb.TargetHealthStateEnum]int{}
	for _, t := range targets {
		states[t.TargetHealth.State]++
	}
	return states, err
}

func (r *rollout) group(ctx context.Context, name string) (*scaling.AutoScalingGroup, error) {
	in := &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: []string{name}}
	found, err := r.clients.AutoScaling.DescribeAutoScalingGroups(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("looking at the group %s: %w", name, err)
	}
	r.look(found.ResultMetadata)
	if len(found.AutoScalingGroups) == 0 {
		return nil, fmt.Errorf("the group %s does not exist", name)
	}
	return &found.AutoScalingGroups[0], nil
}

func (r *rollout) targets(ctx context.Context, arn string) ([]elb.TargetHealthDescription, error) {
	found, err := r.clients.LoadBalancing.DescribeTargetHealth(ctx, &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: &arn})
	if err != nil {
		return nil, fmt.Errorf("looking at the targets of %s: %w", nameOf(arn), err)
	}
	return found.TargetHealthDescriptions, nil
}

// nameOf returns the name in a target group's ARN.
func nameOf(arn string) string {
	if parts := strings.Split(arn, "/"); len(parts) > 1 {
		return parts[1]
	}
	return arn
}

// mostReasons is how many reasons are kept: the first failures explain the others.
const mostReasons = 5

// observe keeps what AWS says of activities that failed since a time and of targets that are unhealthy, and which targets are healthy.
// It is asked at each look: an unhealthy target soon leaves its group. What cannot be asked explains nothing, and is left out.
func (r *rollout) observe(ctx context.Context, record Record, since time.Time) {
	in := &autoscaling.DescribeScalingActivitiesInput{AutoScalingGroupName: &record.Group}
	if found, err := r.clients.AutoScaling.DescribeScalingActivities(ctx, in); err == nil {
		for _, a := range found.Activities {
			if a.StatusCode == scaling.ScalingActivityStatusCodeFailed && !aws.ToTime(a.StartTime).Before(since) {
				r.keep(aws.ToString(a.Description) + ": " + aws.ToString(a.StatusMessage))
			}
		}
	}
	healthy := map[string]int{} // in so many target groups
	for _, arn := range record.TargetGroups {
		targets, err := r.targets(ctx, arn)
		if err != nil {
			continue
		}
		for _, t := range targets {
			id := aws.ToString(t.Target.Id)
			switch t.TargetHealth.State {
			case elb.TargetHealthStateEnumUnhealthy:
				if !slices.Contains(r.unhealthy, id) {
					r.unhealthy = append(r.unhealthy, id)
				}
				r.keep(fmt.Sprintf("target %s is unhealthy: %s %s", id, t.TargetHealth.Reason, aws.ToString(t.TargetHealth.Description)))
			case elb.TargetHealthStateEnumHealthy:
				if healthy[id]++; healthy[id] == len(record.TargetGroups) && !slices.Contains(r.healthy, id) {
					r.healthy = append(r.healthy, id)
				}
			default: // it tells nothing
			}
		}
	}
}

func (r *rollout) keep(reason string) {
	if len(r.seen) < mostReasons && !slices.Contains(r.seen, reason) {
		r.seen = append(r.seen, reason)
	}
}

// reasons returns what was observed and what the instances tell, each on a line of its own, to be put behind a message.
func (r *rollout) reasons(ctx context.Context) string {
	if len(r.seen) == 0 {
		return ""
	}
	return "\n  " + strings.Join(r.seen, "\n  ") + r.diagnosis(ctx)
}
