package cloud_test

import (
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

// release starts a refresh of a healthy group to a new version of the template and returns the version.
func (w *world) release(change func(*autoscaling.RefreshSpec)) int {
	w.t.Helper()
	template := must(w.EC2.UpdateLaunchTemplate(w.template, w.templateData("two"), false))(w.t)
	spec := autoscaling.RefreshSpec{
		Bounds: autoscaling.Bounds{MinHealthy: 100, MaxHealthy: 150}, Warmup: time.Minute, SkipMatching: true, AutoRollback: true,
	}
	if change != nil {
		change(&spec)
	}
	desired := &autoscaling.TemplateVersion{Template: w.template, Version: "2"}
	_, err := w.AutoScaling.StartRefresh(group, desired, spec, w.Now())
	require.NoError(w.t, err)
	return template.Latest()
}

func (w *world) refresh() autoscaling.Refresh {
	g, ok := w.AutoScaling.Group(group)
	require.True(w.t, ok)
	return g.Refreshes[len(g.Refreshes)-1]
}

func (w *world) groupVersion() string {
	g, _ := w.AutoScaling.Group(group)
	return g.Spec.Version
}

// versions counts the members that are not on their way out by version.
func (w *world) versions() map[int]int {
	count := map[int]int{}
	for _, i := range w.members() {
		if !i.Lifecycle.IsTerminating() {
			count[i.Version]++
		}
	}
	return count
}

func TestTheGroupGetsTheNewVersionWhenItsRefreshHasSucceeded(t *testing.T) {
	w := newWorld(t)
	w.start(2, 4)
	w.release(nil)
	w.within(30*time.Minute, func() bool {
		assert.GreaterOrEqual(t, w.AutoScaling.Capacity(group), 2, "capacity is kept")
		if w.refresh().Status != autoscaling.RefreshSuccessful {
			assert.Equal(t, "1", w.groupVersion(), "until then it keeps the version that works")
		}
		return w.refresh().Status == autoscaling.RefreshSuccessful
	})
	assert.Equal(t, "2", w.groupVersion())
	assert.Equal(t, 100, w.refresh().Percent)
	assert.Equal(t, map[int]int{2: 2}, w.versions())
}

func TestABadVersionGoesBackByItself(t *testing.T) {
	w := newWorld(t)
	w.start(2, 4)
	w.badVersion = w.release(nil)
	w.within(3*time.Hour, func() bool {
		assert.GreaterOrEqual(t, w.AutoScaling.Capacity(group), 2, "nothing that serves is taken out for what does not")
		return w.refresh().Status == autoscaling.RefreshRollbackSuccessful
	})
	assert.Equal(t, "1", w.groupVersion())
	assert.Equal(t, map[int]int{1: 2}, w.versions())
	assert.Contains(t, w.refresh().Rollback.Reason, "not replaced by healthy ones within an hour")

	require.NoError(t, w.EC2.TerminateInstance(w.members()[0].ID))
	w.within(5*time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
	assert.Equal(t, map[int]int{1: 2}, w.versions(), "what is launched after it is of the version that works")
}

// With a minimum of 0 % nothing is kept: members that are not healthy are replaced too.
func TestWithoutAMinimumUnhealthyMembersAreReplacedAtOnce(t *testing.T) {
	w := newWorld(t)
	w.start(2, 4)
	w.badVersion = 1
	w.within(5*time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 0 })
	w.release(func(spec *autoscaling.RefreshSpec) {
		spec.Bounds, spec.AutoRollback = autoscaling.Bounds{MinHealthy: 0, MaxHealthy: 100}, false
	})
	w.within(10*time.Minute, func() bool { return w.refresh().Status == autoscaling.RefreshSuccessful })
	assert.Equal(t, map[int]int{2: 2}, w.versions())
	assert.Equal(t, 2, w.AutoScaling.Capacity(group))
}

func TestARefreshIsRolledBackWhereverItIs(t *testing.T) {
	w := newWorld(t)
	w.start(2, 4)
	w.release(nil)
	w.within(30*time.Minute, func() bool { return w.refresh().Percent >= 50 })
	must(w.AutoScaling.RollbackRefresh(group, w.Now()))(t)
	assert.Equal(t, 50, w.refresh().Rollback.Percent)
	w.within(30*time.Minute, func() bool {
		assert.GreaterOrEqual(t, w.AutoScaling.Capacity(group), 2)
		return w.refresh().Status == autoscaling.RefreshRollbackSuccessful
	})
	assert.Equal(t, map[int]int{1: 2}, w.versions())
	assert.Equal(t, "1", w.groupVersion())
	assert.Zero(t, w.refresh().Percent, "the percentage has fallen again")
}

func TestAnAlarmEndsARefresh(t *testing.T) {
	for name, during := range map[string]string{
		"while instances are replaced": autoscaling.RefreshInProgress, "in the bake time": autoscaling.RefreshBaking,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.start(2, 4)
			_, balancer, _ := strings.Cut(w.balancer, "loadbalancer/")
			must(w.CloudWatch.PutAlarm(cloudwatch.AlarmSpec{
				Name: "errors", Namespace: "AWS/NetworkELB", Metric: "TCP_Target_Reset_Count", Statistic: metric.Sum, Period: time.Minute,
				Dimensions: map[string]string{"LoadBalancer": balancer}, EvaluationPeriods: 3, Threshold: 10, Comparison: cloudwatch.Greater,
				TreatMissing: cloudwatch.MissingIsNotBreaching,
			}, w.Now()))(t)
			w.pass(time.Minute)
			w.release(func(spec *autoscaling.RefreshSpec) {
				spec.Alarms, spec.Bake, spec.Warmup = []string{"errors"}, 10*time.Minute, 5*time.Minute
			})
			w.within(30*time.Minute, func() bool { return w.refresh().Status == during })
			assert.Equal(t, cloudwatch.AlarmOK, w.alarm("errors").State)
			w.within(5*time.Minute, func() bool { // the new version resets a connection every second
				w.ELB.Count(map[string]metric.Traffic{w.listener: {New: 1, TargetResets: 1}})
				return w.refresh().Status == autoscaling.RefreshRollbackInProgress
			})
			assert.Contains(t, w.refresh().Reason, "in ALARM state: errors")
			w.within(30*time.Minute, func() bool { return w.refresh().Status == autoscaling.RefreshRollbackSuccessful })
			assert.Equal(t, map[int]int{1: 2}, w.versions())
		})
	}
}

func TestACheckpointHoldsARefresh(t *testing.T) {
	w := newWorld(t)
	w.start(4, 8)
	w.release(func(spec *autoscaling.RefreshSpec) {
		spec.Checkpoints, spec.CheckpointDelay = []int{25, 100}, 20*time.Minute
	})
	w.within(30*time.Minute, func() bool { return w.refresh().Reason != "" })
	assert.Equal(t, 25, w.refresh().Percent)
	w.pass(19 * time.Minute)
	assert.Equal(t, map[int]int{1: 3, 2: 1}, w.versions(), "a canary serves beside the others")
	assert.Equal(t, 4, w.AutoScaling.Capacity(group))
	w.within(time.Hour, func() bool { return w.refresh().Status == autoscaling.RefreshSuccessful })
	assert.Equal(t, map[int]int{2: 4}, w.versions())
}

func TestARefreshEndsAtItsLastCheckpoint(t *testing.T) {
	w := newWorld(t)
	w.start(4, 8)
	w.release(func(spec *autoscaling.RefreshSpec) { spec.Checkpoints = []int{50} })
	w.within(time.Hour, func() bool { return w.refresh().Status == autoscaling.RefreshSuccessful })
	assert.Equal(t, map[int]int{1: 2, 2: 2}, w.versions())
}

func TestWhatIsLaunchedWhileARefreshFailsIsOfTheVersionThatWorks(t *testing.T) {
	w := newWorld(t)
	w.start(2, 4)
	w.badVersion = w.release(nil)
	w.within(30*time.Minute, func() bool { return w.versions()[2] > 0 })
	var old ec2.Instance
	for _, i := range w.members() {
		if i.Version == 1 {
			old = i
		}
	}
	require.NoError(t, w.EC2.TerminateInstance(old.ID))
	w.within(30*time.Minute, func() bool { return w.versions()[1] == 2 })
}

func TestACancelledRefreshLeavesWhatItReplaced(t *testing.T) {
	w := newWorld(t)
	w.start(2, 4)
	w.release(nil)
	w.within(30*time.Minute, func() bool { return w.refresh().Percent >= 50 })
	must(w.AutoScaling.CancelRefresh(group))(t)
	w.within(10*time.Second, func() bool { return w.refresh().Status == autoscaling.RefreshCancelled })
	w.pass(time.Hour)
	assert.Positive(t, w.versions()[2])
	assert.Equal(t, 2, w.AutoScaling.Capacity(group))
	assert.Equal(t, "1", w.groupVersion())
}

func TestWithoutSkipMatchingEveryInstanceIsReplaced(t *testing.T) {
	for skip, replaced := range map[bool]int{true: 0, false: 2} {
		w := newWorld(t)
		w.start(2, 4)
		before := map[string]bool{}
		for _, i := range w.members() {
			before[i.ID] = true
		}
		_, err := w.AutoScaling.StartRefresh(group, nil, autoscaling.RefreshSpec{
			Bounds: autoscaling.Bounds{MinHealthy: 100, MaxHealthy: 150}, SkipMatching: skip,
		}, w.Now())
		require.NoError(t, err)
		w.within(time.Hour, func() bool { return w.refresh().Status == autoscaling.RefreshSuccessful })
		gone := 2
		for _, i := range w.members() {
			if before[i.ID] && !i.Lifecycle.IsTerminating() {
				gone--
			}
		}
		assert.Equal(t, replaced, gone, "skip matching: %v", skip)
	}
}

func TestRefreshesThatAWSRefuses(t *testing.T) {
	rollback := autoscaling.RefreshSpec{Bounds: autoscaling.Bounds{MinHealthy: 90, MaxHealthy: 100}, AutoRollback: true}
	for name, c := range map[string]struct {
		code string
		do   func(w *world) error
	}{
		"of a group that does not exist": {"ValidationError", func(w *world) error {
			return second(w.AutoScaling.StartRefresh("nobody", nil, autoscaling.RefreshSpec{}, w.Now()))
		}},
		"while another is under way": {"InstanceRefreshInProgress", func(w *world) error {
			w.release(nil)
			return second(w.AutoScaling.StartRefresh(group, nil, autoscaling.RefreshSpec{}, w.Now()))
		}},
		"with a rollback and no desired configuration": {"ValidationError", func(w *world) error {
			return second(w.AutoScaling.StartRefresh(group, nil, rollback, w.Now()))
		}},
		"with a rollback and no numbered version": {"ValidationError", func(w *world) error {
			latest := &autoscaling.TemplateVersion{Template: w.template, Version: "$Latest"}
			return second(w.AutoScaling.StartRefresh(group, latest, rollback, w.Now()))
		}},
		"to a version that does not exist": {"InvalidLaunchTemplateId.VersionNotFound", func(w *world) error {
			return second(w.AutoScaling.StartRefresh(group, &autoscaling.TemplateVersion{Template: w.template, Version: "7"}, rollback, w.Now()))
		}},
		"with an alarm that does not exist": {"ValidationError", func(w *world) error {
			return second(w.AutoScaling.StartRefresh(group, nil, autoscaling.RefreshSpec{
				Bounds: autoscaling.Bounds{MinHealthy: 90, MaxHealthy: 100}, Alarms: []string{"nothing"},
			}, w.Now()))
		}},
		"with checkpoints that fall": {"ValidationError", func(w *world) error {
			return second(w.AutoScaling.StartRefresh(group, nil, autoscaling.RefreshSpec{
				Bounds: autoscaling.Bounds{MinHealthy: 90, MaxHealthy: 100}, Checkpoints: []int{50, 20},
			}, w.Now()))
		}},
		"a cancellation without a refresh": {"ActiveInstanceRefreshNotFound", func(w *world) error {
			return second(w.AutoScaling.CancelRefresh(group))
		}},
		"a rollback without a refresh": {"ActiveInstanceRefreshNotFound", func(w *world) error {
			return second(w.AutoScaling.RollbackRefresh(group, w.Now()))
		}},
		"a rollback to nothing": {"IrreversibleInstanceRefresh", func(w *world) error {
			spec := autoscaling.RefreshSpec{Bounds: autoscaling.Bounds{MinHealthy: 90, MaxHealthy: 100}}
			must(w.AutoScaling.StartRefresh(group, nil, spec, w.Now()))(w.t)
			return second(w.AutoScaling.RollbackRefresh(group, w.Now()))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.start(2, 4)
			var refused *aws.Error
			require.ErrorAs(t, c.do(w), &refused)
			assert.Equal(t, c.code, refused.Code, refused.Message)
		})
	}
}

func second[T any](_ T, err error) error { return err }
