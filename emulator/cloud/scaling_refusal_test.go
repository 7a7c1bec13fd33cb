package cloud_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
)

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
			s := autoscaling.Schedule{Name: "s", Recurrence: "0 8 * * *", Min: pointer(1)}
			change(&s)
			_, err := w.AutoScaling.PutSchedule(group, s, w.Now())
			return err
		}
	}
	at := func(from, to float64, by int) autoscaling.Step {
		return autoscaling.Step{Lower: &from, Upper: &to, Adjustment: by}
	}
	return refusals[*world]{
		"an alarm without a name":             {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) { s.Name = "" })},
		"an alarm without a metric":           {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) { s.Metric = "" })},
		"a statistic that isn't":              {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) { s.Statistic = "Median" })},
		"a comparison that isn't":             {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) { s.Comparison = "Above" })},
		"a period of 90 s":                    {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) { s.Period = 90 * time.Second })},
		"a period of 10 s":                    {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) { s.Period = 10 * time.Second })},
		"no evaluation period":                {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) { s.EvaluationPeriods = 0 })},
		"more datapoints than periods":        {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) { s.DatapointsToAlarm = 6 })},
		"more than a day":                     {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) { s.EvaluationPeriods = 1441 })},
		"a treatment of missing that isn't":   {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) { s.TreatMissing = "guess" })},
		"an action that nothing here can":     {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) { s.Actions = []string{"arn:aws:automate:us-east-1:ec2:stop"} })},
		"six actions":                         {"ValidationError", "CloudWatch API: PutMetricAlarm", alarm(func(s *cloudwatch.AlarmSpec) { s.OKActions = make([]string, 6) })},
		"a policy of no group":                {"ValidationError", "Auto Scaling API: PutScalingPolicy", put("other", autoscaling.Policy{Name: "p", Target: 50})},
		"a target of 0":                       {"ValidationError", "Auto Scaling API: PutScalingPolicy", put(group, autoscaling.Policy{Name: "p"})},
		"a type of policy that isn't":         {"ValidationError", "Auto Scaling API: PutScalingPolicy", put(group, autoscaling.Policy{Name: "p", Type: "GuessScaling"})},
		"steps without an adjustment type":    {"ValidationError", "Auto Scaling User Guide: Step adjustments for step scaling", put(group, autoscaling.Policy{Name: "p", Type: autoscaling.StepScaling, Steps: []autoscaling.Step{{}}})},
		"a step policy without steps":         {"ValidationError", "Auto Scaling User Guide: Step adjustments for step scaling", policy()},
		"steps with a gap":                    {"ValidationError", "Auto Scaling User Guide: Step adjustments for step scaling", policy(at(0, 10, 1), autoscaling.Step{Lower: pointer(11.0), Adjustment: 2})},
		"steps that overlap":                  {"ValidationError", "Auto Scaling User Guide: Step adjustments for step scaling", policy(at(0, 10, 1), autoscaling.Step{Lower: pointer(9.0), Adjustment: 2})},
		"a step backwards":                    {"ValidationError", "Auto Scaling User Guide: Step adjustments for step scaling", policy(at(10, 0, 1))},
		"a step up that ends":                 {"ValidationError", "Auto Scaling User Guide: Step adjustments for step scaling", policy(at(0, 10, 1))},
		"a step down that ends":               {"ValidationError", "Auto Scaling User Guide: Step adjustments for step scaling", policy(at(-10, 0, -1))},
		"a hook without a name":               {"ValidationError", "Auto Scaling API: PutLifecycleHook", hook(func(h *autoscaling.Hook) { h.Name = "" })},
		"a hook at a transition that isn't":   {"ValidationError", "Auto Scaling API: PutLifecycleHook", hook(func(h *autoscaling.Hook) { h.Transition = "launching" })},
		"a hook of 29 s":                      {"ValidationError", "Auto Scaling API: PutLifecycleHook", hook(func(h *autoscaling.Hook) { h.Timeout = 29 * time.Second })},
		"a hook of more than two hours":       {"ValidationError", "Auto Scaling API: PutLifecycleHook", hook(func(h *autoscaling.Hook) { h.Timeout = 7201 * time.Second })},
		"a hook without a result":             {"ValidationError", "Auto Scaling API: PutLifecycleHook", hook(func(h *autoscaling.Hook) { h.Result = "" })},
		"a hook that tells a topic of nobody": {"ValidationError", "Auto Scaling API: PutLifecycleHook", hook(func(h *autoscaling.Hook) { h.Topic = "arn:aws:sns:us-east-1:123456789012:none" })},
		"a schedule that changes nothing":     {"ValidationError", "Auto Scaling API: PutScheduledUpdateGroupAction", schedule(func(s *autoscaling.Schedule) { s.Min = nil })},
		"a schedule at no time":               {"ValidationError", "Auto Scaling API: PutScheduledUpdateGroupAction", schedule(func(s *autoscaling.Schedule) { s.Recurrence = "" })},
		"a recurrence that is none":           {"ValidationError", "Auto Scaling API: PutScheduledUpdateGroupAction", schedule(func(s *autoscaling.Schedule) { s.Recurrence = "daily" })},
		"a time zone that is none":            {"ValidationError", "Auto Scaling API: PutScheduledUpdateGroupAction", schedule(func(s *autoscaling.Schedule) { s.TimeZone = "Europe/Nowhere" })},
		"a schedule of the past":              {"ValidationError", "Auto Scaling API: PutScheduledUpdateGroupAction", schedule(func(s *autoscaling.Schedule) { s.Start = time.Unix(0, 0) })},
		"a schedule that ends before it runs": {"ValidationError", "Auto Scaling API: PutScheduledUpdateGroupAction", schedule(func(s *autoscaling.Schedule) { s.End = time.Unix(0, 0) })},
		"a minimum above the desired":         {"ValidationError", "Auto Scaling API: PutScheduledUpdateGroupAction", schedule(func(s *autoscaling.Schedule) { s.Desired = pointer(0) })},
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
	must(w.AutoScaling.PutSchedule(group, autoscaling.Schedule{Name: "s", Recurrence: "0 8 * * *", Min: pointer(1)}, w.Now()))(t)
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
