package cloud_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
)

// noData stands for a document where AWS takes an alarm that can never have data.
const noData = "none: AWS takes it, and it stays in INSUFFICIENT_DATA"

func scalingRefusals(*testing.T) refusals[*world] {
	alarm := func(change func(*cloudwatch.AlarmSpec)) func(*world) error {
		return func(w *world) error {
			spec := w.cpuAlarm("high", cloudwatch.Greater, 80)
			change(&spec)
			_, err := w.CloudWatch.PutAlarm(spec, w.Now())
			return err
		}
	}
	policy := func(steps ...autoscaling.Step) func(*world) error {
		return func(w *world) error {
			_, err := w.AutoScaling.PutPolicy(group, autoscaling.Policy{
				Name: "p", Type: autoscaling.StepScaling, Adjustment: autoscaling.ChangeInCapacity, Steps: steps,
			}, w.Now())
			return err
		}
	}
	put := func(group string, p autoscaling.Policy) func(*world) error {
		return func(w *world) error { _, err := w.AutoScaling.PutPolicy(group, p, w.Now()); return err }
	}
	hook := func(change func(*autoscaling.Hook)) func(*world) error {
		return func(w *world) error {
			h := autoscaling.Hook{Name: "h", Transition: autoscaling.Launching, Timeout: time.Minute, Result: autoscaling.Continue}
			change(&h)
			return w.AutoScaling.PutHook(group, h)
		}
	}
	schedule := func(change func(*autoscaling.Schedule)) func(*world) error {
		return func(w *world) error {
			s := autoscaling.Schedule{Name: "s", Recurrence: "0 8 * * *", Min: new(1)}
			change(&s)
			_, err := w.AutoScaling.PutSchedule(group, s, w.Now())
			return err
		}
	}
	at := func(from, to float64, by int) autoscaling.Step {
		return autoscaling.Step{Lower: &from, Upper: &to, Adjustment: by}
	}
	return refusals[*world]{
		"attaching a group to a target group that is not there": {"ValidationError", "Auto Scaling API: AttachLoadBalancerTargetGroups",
			func(w *world) error { return w.AutoScaling.AttachTargetGroups(group, []string{"arn:none"}, w.Now()) }},
		"attaching a group to no target group": {"ValidationError", "Auto Scaling API: AttachLoadBalancerTargetGroups",
			func(w *world) error { return w.AutoScaling.AttachTargetGroups(group, nil, w.Now()) }},
		"attaching a group that is not there": {"ValidationError", "Auto Scaling API: AttachLoadBalancerTargetGroups",
			func(w *world) error { return w.AutoScaling.AttachTargetGroups("none", []string{w.targets}, w.Now()) }},
		"detaching a group from a target group that it is not in": {"ValidationError", "Auto Scaling API: DetachLoadBalancerTargetGroups",
			func(w *world) error { return w.AutoScaling.DetachTargetGroups(group, []string{"arn:none"}, w.Now()) }},
		"detaching a group from no target group": {"ValidationError", "Auto Scaling API: DetachLoadBalancerTargetGroups",
			func(w *world) error { return w.AutoScaling.DetachTargetGroups(group, nil, w.Now()) }},
		"detaching a group that is not there": {"ValidationError", "Auto Scaling API: DetachLoadBalancerTargetGroups",
			func(w *world) error { return w.AutoScaling.DetachTargetGroups("none", []string{w.targets}, w.Now()) }},
		"an alarm without a name": {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) {
			s.Name = ""
		})},
		"an alarm without a metric": {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) {
			s.Metric = ""
		})},
		"an alarm on a metric of AWS that has no data in the emulator": {"ValidationError", emulatorsOwn, alarm(func(s *cloudwatch.AlarmSpec) {
			s.Metric = "DiskReadOps"
		})},
		"an alarm on dimensions by which AWS does not publish its metric": {"ValidationError", noData, alarm(func(s *cloudwatch.AlarmSpec) {
			s.Dimensions["InstanceId"] = "i-1"
		})},
		"an alarm on a metric of AWS without its dimensions": {"ValidationError", noData, alarm(func(s *cloudwatch.AlarmSpec) {
			s.Dimensions = nil
		})},
		"a statistic that CloudWatch does not have": {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) {
			s.Statistic = "Median"
		})},
		"a comparison that CloudWatch does not have": {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) {
			s.Comparison = "Above"
		})},
		"an alarm's period of 90 s": {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) {
			s.Period = 90 * time.Second
		})},
		"an alarm's period of 10 s": {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) {
			s.Period = 10 * time.Second
		})},
		"an alarm without an evaluation period": {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) {
			s.EvaluationPeriods = 0
		})},
		"an alarm with more datapoints than periods": {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) {
			s.DatapointsToAlarm = 6
		})},
		"an alarm that evaluates more than a day": {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) {
			s.EvaluationPeriods = 1441
		})},
		"a treatment of missing data that CloudWatch does not have": {"ValidationError", "CloudWatch API: PutMetricAlarm",
			alarm(func(s *cloudwatch.AlarmSpec) {
				s.TreatMissing = "guess"
			})},
		"an alarm's action that the emulator cannot carry out": {"ValidationError", "CloudWatch API: PutMetricAlarm",
			alarm(func(s *cloudwatch.AlarmSpec) {
				s.Actions = []string{"arn:aws:automate:us-east-1:ec2:stop"}
			})},
		"an alarm with six actions": {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) {
			s.OKActions = make([]string, 6)
		})},
		"a policy of a group that does not exist": {"ValidationError", "Auto Scaling API: PutScalingPolicy",
			put("other", autoscaling.Policy{Name: "p", Target: 50})},
		"a target tracking policy with the target 0": {"ValidationError", "Auto Scaling API: PutScalingPolicy",
			put(group, autoscaling.Policy{Name: "p"})},
		"a type of scaling policy that does not exist": {"ValidationError", "Auto Scaling API: PutScalingPolicy",
			put(group, autoscaling.Policy{Name: "p", Type: "GuessScaling"})},
		"a step policy without an adjustment type": {"ValidationError", "Auto Scaling User Guide: Step adjustments for step scaling",
			put(group, autoscaling.Policy{Name: "p", Type: autoscaling.StepScaling, Steps: []autoscaling.Step{{}}})},
		"a step policy without steps": {"ValidationError", "Auto Scaling User Guide: Step adjustments for step scaling", policy()},
		"a step policy with a gap between its steps": {"ValidationError", "Auto Scaling User Guide: Step adjustments for step scaling",
			policy(at(0, 10, 1), autoscaling.Step{Lower: new(11.0), Adjustment: 2})},
		"a step policy whose steps overlap": {"ValidationError", "Auto Scaling User Guide: Step adjustments for step scaling",
			policy(at(0, 10, 1), autoscaling.Step{Lower: new(9.0), Adjustment: 2})},
		"a step whose lower bound is above its upper bound": {"ValidationError", "Auto Scaling User Guide: Step adjustments for step scaling",
			policy(at(10, 0, 1))},
		"a step policy whose highest step has an upper bound": {"ValidationError", "Auto Scaling User Guide: Step adjustments for step scaling",
			policy(at(0, 10, 1))},
		"a step policy whose lowest step has a lower bound": {"ValidationError", "Auto Scaling User Guide: Step adjustments for step scaling",
			policy(at(-10, 0, -1))},
		"a lifecycle hook without a name": {"ValidationError", "Auto Scaling API: PutLifecycleHook", hook(func(h *autoscaling.Hook) {
			h.Name = ""
		})},
		"a lifecycle hook for a transition that does not exist": {"ValidationError", "Auto Scaling API: PutLifecycleHook",
			hook(func(h *autoscaling.Hook) {
				h.Transition = "launching"
			})},
		"a lifecycle hook with a timeout of 29 s": {"ValidationError", "Auto Scaling API: PutLifecycleHook", hook(func(h *autoscaling.Hook) {
			h.Timeout = 29 * time.Second
		})},
		"a lifecycle hook with a timeout of more than two hours": {"ValidationError", "Auto Scaling API: PutLifecycleHook",
			hook(func(h *autoscaling.Hook) {
				h.Timeout = 7201 * time.Second
			})},
		"a lifecycle hook without a result": {"ValidationError", "Auto Scaling API: PutLifecycleHook", hook(func(h *autoscaling.Hook) {
			h.Result = ""
		})},
		"a lifecycle hook that notifies a topic that does not exist": {"ValidationError", "Auto Scaling API: PutLifecycleHook",
			hook(func(h *autoscaling.Hook) {
				h.Topic = "arn:aws:sns:us-east-1:123456789012:none"
			})},
		"a schedule that changes nothing": {"ValidationError", "Auto Scaling API: PutScheduledUpdateGroupAction",
			schedule(func(s *autoscaling.Schedule) {
				s.Min = nil
			})},
		"a schedule without a time": {"ValidationError", "Auto Scaling API: PutScheduledUpdateGroupAction",
			schedule(func(s *autoscaling.Schedule) {
				s.Recurrence = ""
			})},
		"a schedule's recurrence that is not a cron expression": {"ValidationError", "Auto Scaling API: PutScheduledUpdateGroupAction",
			schedule(func(s *autoscaling.Schedule) {
				s.Recurrence = "daily"
			})},
		"a schedule's time zone that does not exist": {"ValidationError", "Auto Scaling API: PutScheduledUpdateGroupAction",
			schedule(func(s *autoscaling.Schedule) {
				s.TimeZone = "Europe/Nowhere"
			})},
		"a schedule that starts in the past": {"ValidationError", "Auto Scaling API: PutScheduledUpdateGroupAction",
			schedule(func(s *autoscaling.Schedule) {
				s.Start = time.Unix(0, 0)
			})},
		"a schedule that ends before it runs": {"ValidationError", "Auto Scaling API: PutScheduledUpdateGroupAction",
			schedule(func(s *autoscaling.Schedule) {
				s.End = time.Unix(0, 0)
			})},
		"a schedule's minimum above its desired capacity": {"ValidationError", "Auto Scaling API: PutScheduledUpdateGroupAction",
			schedule(func(s *autoscaling.Schedule) {
				s.Desired = new(0)
			})},
	}
}

func TestWhatAWSRefusesOfScalingIsRefused(t *testing.T) {
	for name, c := range scalingRefusals(t) {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			must(w.AutoScaling.CreateGroup(w.spec(1, 2), w.Now()))(t)
			refused(t, c.code, c.try(w))
			assert.Empty(t, w.CloudWatch.DescribeAlarms())
			g, _ := w.AutoScaling.Group(group)
			assert.Empty(t, g.Policies)
			assert.Empty(t, g.Hooks)
			assert.Empty(t, g.Schedules)
		})
	}
}

func TestAnAlarmIsLeftUntilItIsDeleted(t *testing.T) {
	w := newWorld(t)
	must(w.CloudWatch.PutAlarm(w.cpuAlarm("high", cloudwatch.Greater, 80), w.Now()))(t)
	assert.Contains(t, w.Left(), "alarm high")
	require.NoError(t, w.CloudWatch.DeleteAlarm("high"))
	assert.NotContains(t, w.Left(), "alarm high")
}

func TestScalingSurvivesARestart(t *testing.T) {
	w := stepped(t, true)
	w.told(`{"detail-type":["` + autoscaling.EventLaunch + `"]}`)
	must(w.AutoScaling.PutSchedule(group, autoscaling.Schedule{Name: "s", Recurrence: "0 8 * * *", Min: new(1)}, w.Now()))(t)
	w.minutes(8, 95)
	saved := must(w.Save())(t)
	alarms := w.CloudWatch.DescribeAlarms()
	before, _ := w.AutoScaling.Group(group)
	require.NoError(t, w.Restore(saved))
	assert.Equal(t, alarms, w.CloudWatch.DescribeAlarms())
	after, _ := w.AutoScaling.Group(group)
	assert.Equal(t, before, after)
	require.Equal(t, 3, w.desired())
	w.minutes(15, 95)
	assert.Equal(t, 5, w.desired())
	assert.Equal(t, []string{autoscaling.EventLaunch, autoscaling.EventLaunch, autoscaling.EventLaunch}, w.eventTypes())
}
