package cloud_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/metric"
)

// stepped is a group of 2 to 5 with a step policy and an alarm for each direction: +1 above 80 % and −1 below 40 %, both
// for five points of a minute.
func stepped(t *testing.T, detailed bool) *world {
	t.Helper()
	w := newWorld(t)
	data := w.templateData("one")
	data.Detailed = detailed
	must(w.EC2.UpdateLaunchTemplate(w.template, data, true))(t)
	spec := w.spec(2, 5)
	spec.Version = "2"
	must(w.AutoScaling.CreateGroup(spec, w.Now()))(t)
	w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
	w.stepPolicy("out", cloudwatch.Greater, 80, autoscaling.Step{Lower: new(0.0), Adjustment: 1}, 2*time.Minute)
	w.stepPolicy("in", cloudwatch.Less, 40, autoscaling.Step{Upper: new(0.0), Adjustment: -1}, 0)
	return w
}

func (w *world) stepPolicy(name, comparison string, threshold float64, step autoscaling.Step, warmup time.Duration) {
	w.t.Helper()
	arn := must(w.AutoScaling.PutPolicy(group, autoscaling.Policy{
		Name: name, Type: autoscaling.StepScaling, Adjustment: autoscaling.ChangeInCapacity, Steps: []autoscaling.Step{step}, Warmup: &warmup,
	}, w.Now()))(w.t)
	must(w.CloudWatch.PutAlarm(w.cpuAlarm(name, comparison, threshold, arn), w.Now()))(w.t)
}

func (w *world) cpuAlarm(name, comparison string, threshold float64, actions ...string) cloudwatch.AlarmSpec {
	return cloudwatch.AlarmSpec{
		Name: name, Namespace: "AWS/EC2", Metric: "CPUUtilization", Dimensions: map[string]string{"AutoScalingGroupName": group},
		Statistic: metric.Average, Period: time.Minute, EvaluationPeriods: 5, Threshold: threshold, Comparison: comparison,
		Actions: actions,
	}
}

// minutes passes so many of them with the members at a load, and calls each at the end of every one.
func (w *world) minutes(n int, load float64, each ...func()) {
	for range n {
		for _, i := range active(w.members()) {
			w.EC2.RecordCPU(i.ID, load, w.Now())
		}
		w.pass(time.Minute)
		for _, f := range each {
			f()
		}
	}
}

func (w *world) desired() int {
	g, _ := w.AutoScaling.Group(group)
	return g.Desired
}

func TestAStepPolicyAddsOneAtATimeUpToTheMaximum(t *testing.T) {
	w := stepped(t, true)
	w.minutes(6, 95)
	assert.Equal(t, 2, w.desired(), "two minutes of warm-up, and not yet five points")
	w.minutes(2, 95)
	assert.Equal(t, 3, w.desired())
	assert.Equal(t, "ALARM", w.alarm("out").State)
	w.minutes(1, 95)
	assert.Equal(t, 3, w.desired(), "the alarm goes on, but the new instance has yet to show what it does")
	w.minutes(2, 95)
	assert.Equal(t, 4, w.desired())
	w.minutes(30, 95)
	assert.Equal(t, 5, w.desired())
	g, _ := w.AutoScaling.Group(group)
	assert.Contains(t, g.Activities[2].Cause, "a monitor alarm out in state ALARM triggered policy out changing the desired "+
		"capacity from 2 to 3.")
	assert.Contains(t, w.alarm("out").History[0].Reason, "were greater than the threshold (80) (minimum 5 datapoints")
	assert.Contains(t, g.Alarms(), autoscaling.NamedAlarm{Name: "out", State: "ALARM"})
}

func TestAStepPolicyRemovesOneAtATimeDownToTheMinimum(t *testing.T) {
	w := stepped(t, true)
	w.minutes(30, 95)
	require.Equal(t, 5, w.desired())
	least := 5
	w.minutes(30, 5, func() {
		assert.GreaterOrEqual(t, w.desired(), least-1, "one at a time")
		least = w.desired()
		assert.LessOrEqual(t, len(w.members())-w.desired(), 1, "not the next before the last is gone")
	})
	assert.Equal(t, 2, w.desired())
	assert.Equal(t, "ALARM", w.alarm("in").State, "the usual state of a group with nothing to do")
	assert.Equal(t, "OK", w.alarm("out").State)
	g, _ := w.AutoScaling.Group(group)
	assert.Contains(t, g.Activities[len(g.Activities)-1].Cause, "triggered policy in changing the desired capacity from 3 to 2.")
}

func TestBetweenTheThresholdsNothingHappens(t *testing.T) {
	w := stepped(t, true)
	w.minutes(30, 60)
	assert.Equal(t, 2, w.desired())
	assert.Equal(t, "OK", w.alarm("out").State)
	assert.Equal(t, "OK", w.alarm("in").State)
}

func TestAPeakShorterThanTheAlarmChangesNothing(t *testing.T) {
	w := stepped(t, true)
	for range 5 {
		w.minutes(4, 95)
		w.minutes(2, 50)
	}
	assert.Equal(t, 2, w.desired())
}

func TestWithoutDetailedMonitoringAnAlarmOfMinutesLacksPoints(t *testing.T) {
	w := stepped(t, false)
	w.minutes(30, 60)
	points := len(w.alarm("out").Samples)
	assert.LessOrEqual(t, points, 2, "one in five minutes, seven minutes are looked at")
	must(w.CloudWatch.PutAlarm(func() cloudwatch.AlarmSpec {
		spec := w.cpuAlarm("quick", cloudwatch.Greater, 80)
		spec.EvaluationPeriods = 1
		return spec
	}(), w.Now()))(t)
	seen := map[string]bool{}
	w.minutes(10, 60, func() { seen[w.alarm("quick").State] = true })
	assert.True(t, seen["INSUFFICIENT_DATA"])
	assert.True(t, seen["OK"])
}

func TestAnAlarmWithoutDataSaysSo(t *testing.T) {
	w := newWorld(t)
	w.start(2, 3)
	for name, change := range map[string]func(*cloudwatch.AlarmSpec){
		"a metric of a program":       func(s *cloudwatch.AlarmSpec) { s.Namespace, s.Metric = "CWAgent", "mem_used_percent" },
		"a group that does not exist": func(s *cloudwatch.AlarmSpec) { s.Dimensions["AutoScalingGroupName"] = "other" },
	} {
		spec := w.cpuAlarm(name, cloudwatch.Greater, 80)
		change(&spec)
		must(w.CloudWatch.PutAlarm(spec, w.Now()))(t)
	}
	w.minutes(10, 95)
	for _, a := range w.CloudWatch.DescribeAlarms() {
		assert.Equal(t, "INSUFFICIENT_DATA", a.State, a.Spec.Name)
	}
}

func (w *world) healthAlarm(name, comparison string, threshold float64, topic string) cloudwatch.AlarmSpec {
	_, balancer, _ := strings.Cut(w.balancer, "loadbalancer/")
	_, targets, _ := strings.Cut(w.targets, string(w.Cloud.Region())+":"+aws.Account+":")
	return cloudwatch.AlarmSpec{
		Name: name, Namespace: "AWS/NetworkELB", Metric: name, Statistic: metric.Minimum, Period: time.Minute,
		Dimensions:        map[string]string{"LoadBalancer": balancer, "TargetGroup": targets},
		EvaluationPeriods: 3, Threshold: threshold, Comparison: comparison, Actions: []string{topic}, OKActions: []string{topic},
	}
}

func TestAlarmsOnTargetsTellTheirTopic(t *testing.T) {
	w := newWorld(t)
	spec := w.spec(2, 3)
	spec.HealthType = "EC2" // nobody replaces what the balancer finds dead
	must(w.AutoScaling.CreateGroup(spec, w.Now()))(t)
	topic := must(w.Events.CreateTopic("alerts"))(t).ARN
	must(w.CloudWatch.PutAlarm(w.healthAlarm("HealthyHostCount", cloudwatch.Less, 2, topic), w.Now()))(t)
	must(w.CloudWatch.PutAlarm(w.healthAlarm("UnHealthyHostCount", cloudwatch.Greater, 0, topic), w.Now()))(t)
	w.pass(5 * time.Minute)
	require.Len(t, w.Events.ListNotifications(), 2, "both are fine, from not having known")
	for _, i := range w.members() {
		w.health[i.ID] = errRefused
	}
	w.within(10*time.Minute, func() bool { return w.alarm("HealthyHostCount").State == "ALARM" })
	w.within(time.Minute, func() bool { return w.alarm("UnHealthyHostCount").State == "ALARM" })
	sent := w.Events.ListNotifications()
	require.GreaterOrEqual(t, len(sent), 4)
	assert.Equal(t, topic, sent[2].Topic)
	assert.Contains(t, sent[2].Subject, `ALARM: "`)
	var message map[string]any
	require.NoError(t, json.Unmarshal([]byte(sent[2].Message), &message))
	assert.Equal(t, "ALARM", message["NewStateValue"])
	assert.Contains(t, message["NewStateReason"], "Threshold Crossed: 3 out of the last 3 datapoints")
}

func TestAnAlarmThatRunsNoActionsRunsNone(t *testing.T) {
	w := stepped(t, true)
	spec := w.alarm("out").Spec
	spec.Disabled = true
	must(w.CloudWatch.PutAlarm(spec, w.Now()))(t)
	w.minutes(15, 95)
	assert.Equal(t, "ALARM", w.alarm("out").State)
	assert.Equal(t, 2, w.desired())
}

func TestAPolicyThatIsGoneIsSaidInTheAlarmsHistoryOnce(t *testing.T) {
	w := stepped(t, true)
	require.NoError(t, w.AutoScaling.DeletePolicy(group, "out"))
	w.minutes(20, 95)
	history := w.alarm("out").History
	require.Len(t, history, 2)
	assert.Contains(t, history[1].Reason, "PolicyNotFound")
}

func TestTargetTrackingsAlarmsComeAndGoWithIt(t *testing.T) {
	w := newWorld(t)
	w.start(2, 3)
	must(w.AutoScaling.PutPolicy(group, autoscaling.Policy{Name: "cpu", Target: 50}, w.Now()))(t)
	require.Len(t, w.CloudWatch.DescribeAlarms(), 2)
	must(w.AutoScaling.PutPolicy(group, autoscaling.Policy{Name: "cpu", Target: 60, DisableScaleIn: true}, w.Now()))(t)
	require.Len(t, w.CloudWatch.DescribeAlarms(), 1)
	assert.InDelta(t, 60, w.CloudWatch.DescribeAlarms()[0].Spec.Threshold, 0)
	for _, left := range w.Left() {
		assert.NotContains(t, left, "alarm", "they are the policy's, nobody else has to delete them")
	}
	require.NoError(t, w.AutoScaling.DeletePolicy(group, "cpu"))
	assert.Empty(t, w.CloudWatch.DescribeAlarms())
}

func TestALaunchingHookHoldsAnInstanceOutOfService(t *testing.T) {
	w := newWorld(t)
	spec := w.spec(1, 1)
	spec.Hooks = []autoscaling.Hook{{Name: "warm", Transition: autoscaling.Launching, Timeout: 2 * time.Minute, Result: autoscaling.Continue}}
	must(w.AutoScaling.CreateGroup(spec, w.Now()))(t)
	w.step()
	w.within(time.Minute, func() bool { return w.members()[0].Lifecycle == ec2.LifecyclePendingWait })
	assert.Empty(t, w.ELB.DescribeTargetHealth())
	held := w.within(5*time.Minute, func() bool { return w.members()[0].Lifecycle == ec2.LifecycleInService })
	assert.InDelta(t, 120, held.Seconds(), 3)

	spec.Min, spec.Max = 2, 2
	require.NoError(t, w.AutoScaling.UpdateGroup(spec, false, w.Now()))
	w.within(time.Minute, func() bool { return len(w.members()) == 2 && w.members()[1].Lifecycle == ec2.LifecyclePendingWait })
	require.NoError(t, w.AutoScaling.CompleteHook(group, "warm", w.members()[1].ID, autoscaling.Continue))
	w.step()
	assert.Equal(t, ec2.LifecycleInService, w.members()[1].Lifecycle)
	refused(t, "ValidationError", w.AutoScaling.CompleteHook(group, "warm", w.members()[1].ID, autoscaling.Continue))
}

func TestAnAbandonedLaunchIsTerminatedAndTriedAgain(t *testing.T) {
	w := newWorld(t)
	spec := w.spec(1, 1)
	spec.Hooks = []autoscaling.Hook{
		{Name: "long", Transition: autoscaling.Launching, Timeout: time.Hour, Result: autoscaling.Continue},
		{Name: "short", Transition: autoscaling.Launching, Timeout: time.Minute, Result: autoscaling.Abandon},
	}
	must(w.AutoScaling.CreateGroup(spec, w.Now()))(t)
	w.step()
	first := w.members()[0].ID
	w.within(2*time.Minute, func() bool { return len(w.members()) == 1 && w.members()[0].ID != first })
	g, _ := w.AutoScaling.Group(group)
	assert.Equal(t, "Failed", g.Activities[0].Status)
	assert.Contains(t, g.Activities[0].Message, "abandoned")
}

func TestATerminatingHookRunsAfterDrainingAndBeforeTheShutdown(t *testing.T) {
	w := newWorld(t)
	w.start(2, 2)
	require.NoError(t, w.AutoScaling.PutHook(group, autoscaling.Hook{
		Name: "copy-logs", Transition: autoscaling.Terminating, Timeout: 5 * time.Minute, Result: autoscaling.Abandon,
	}))
	require.NoError(t, w.AutoScaling.UpdateGroup(w.spec(1, 1), false, w.Now()))
	leaving := func() ec2.Instance {
		for _, i := range w.members() {
			if i.Lifecycle != ec2.LifecycleInService {
				return i
			}
		}
		return ec2.Instance{}
	}
	w.step()
	require.Equal(t, ec2.LifecycleTerminating, leaving().Lifecycle)
	drained := w.within(3*time.Minute, func() bool { return leaving().Lifecycle == ec2.LifecycleTerminatingWait })
	assert.GreaterOrEqual(t, drained, 118*time.Second)
	assert.Equal(t, ec2.Running, leaving().State)
	assert.Len(t, w.members(), 2, "no replacement for what leaves because nobody needs it")
	held := w.within(6*time.Minute, func() bool { return len(w.members()) == 1 })
	assert.InDelta(t, 300, held.Seconds(), 5)
}

func TestADeletedHookHoldsNothingAnyMore(t *testing.T) {
	w := newWorld(t)
	spec := w.spec(1, 1)
	spec.Hooks = []autoscaling.Hook{{Name: "warm", Transition: autoscaling.Launching, Timeout: time.Hour, Result: autoscaling.Continue}}
	must(w.AutoScaling.CreateGroup(spec, w.Now()))(t)
	w.pass(10 * time.Second)
	first := w.members()[0]
	require.Equal(t, ec2.LifecyclePendingWait, first.Lifecycle)
	require.NoError(t, w.AutoScaling.DeleteHook(group, "warm"))
	w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 1 })
	for _, i := range active(w.members()) {
		assert.NotEqual(t, first.ID, i.ID, "what a deleted hook held at its launch is abandoned")
	}
}

func TestASchedulesSizesHoldFromItsTimeOn(t *testing.T) {
	w := newWorld(t)
	w.start(2, 3)
	must(w.AutoScaling.PutSchedule(group, autoscaling.Schedule{
		Name: "morning", Recurrence: "30 0 * * *", Min: new(3), Max: new(4),
	}, w.Now()))(t)
	must(w.AutoScaling.PutSchedule(group, autoscaling.Schedule{
		Name: "night", Recurrence: "0 1 * * *", TimeZone: "Etc/GMT", Min: new(1), Desired: new(1),
	}, w.Now()))(t)
	w.pass(25 * time.Minute)
	assert.Len(t, active(w.members()), 2)
	w.within(6*time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 3 })
	g, _ := w.AutoScaling.Group(group)
	assert.Equal(t, []int{3, 4}, []int{g.Spec.Min, g.Spec.Max})
	assert.Contains(t, g.Activities[2].Cause, "a scheduled action update of AutoScalingGroup constraints to min: 3, max: 4, desired: 3")
	w.within(40*time.Minute, func() bool { return len(w.members()) == 1 })
	g, _ = w.AutoScaling.Group(group)
	assert.Equal(t, time.Date(2026, 1, 2, 0, 30, 0, 0, time.UTC), g.Schedules["morning"].Next)
}

func TestAScheduleWithoutARecurrenceActsOnce(t *testing.T) {
	w := newWorld(t)
	w.start(2, 3)
	start := w.clock.Now().Add(5 * time.Minute)
	must(w.AutoScaling.PutSchedule(group, autoscaling.Schedule{
		Name: "once", Start: start, Desired: new(3),
	}, w.Now()))(t)
	w.within(6*time.Minute, func() bool { return w.desired() == 3 })
	g, _ := w.AutoScaling.Group(group)
	assert.Zero(t, g.Schedules["once"].Next)
}

func TestAGroupWithoutTargetGroupsCountsWhatIsInService(t *testing.T) {
	w := newWorld(t)
	spec := w.spec(2, 2)
	spec.TargetGroups, spec.HealthType = nil, "EC2"
	must(w.AutoScaling.CreateGroup(spec, w.Now()))(t)
	w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
	require.NoError(t, w.EC2.TerminateInstance(w.members()[0].ID))
	w.step()
	assert.Equal(t, 1, w.AutoScaling.Capacity(group))
	w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
}

func TestADesiredCapacityThatIsGivenHoldsUntilItIsChanged(t *testing.T) {
	w := newWorld(t)
	spec := w.spec(1, 4)
	spec.Desired = new(2)
	must(w.AutoScaling.CreateGroup(spec, w.Now()))(t)
	w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
	spec.Desired = new(3)
	require.NoError(t, w.AutoScaling.UpdateGroup(spec, false, w.Now()))
	w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 3 })
	spec.Desired = new(5)
	refused(t, "ValidationError", w.AutoScaling.UpdateGroup(spec, false, w.Now()))
}
