package cloud_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/fault"
)

// zoned counts the active members by the zone's letter: "a1 b1".
func (w *world) zoned() string {
	count := map[string]int{}
	for _, i := range active(w.members()) {
		count[i.Zone]++
	}
	var text strings.Builder
	for _, zone := range w.Cloud.Region().Zones() {
		if count[zone] > 0 {
			fmt.Fprintf(&text, " %c%d", zone[len(zone)-1], count[zone])
		}
	}
	if text.String() == "" {
		return ""
	}
	return text.String()[1:]
}

func (w *world) activities() []autoscaling.Activity {
	g, _ := w.AutoScaling.Group(group)
	return g.Activities
}

func (w *world) fault(action, target string, d time.Duration, parameters ...string) fault.Fault {
	w.t.Helper()
	spec := fault.Spec{Action: action, Target: target, Duration: d, Parameters: map[string]string{}}
	for n := 0; n < len(parameters); n += 2 {
		spec.Parameters[parameters[n]] = parameters[n+1]
	}
	return must(w.Fault.Start(spec, w.Now()))(w.t)
}

const stamp = `At 2026-01-01T\d\d:\d\d:\d\dZ `

func TestAZoneThatGetsItsCapacityBackIsFilledBeforeAnotherOneIsEmptied(t *testing.T) {
	w := newWorld(t)
	made := must(w.AutoScaling.CreateGroup(w.spec(4, 4), w.Now()))(t)
	w.fault(fault.InsufficientCapacity, made.Spec.Name, 5*time.Minute, fault.ParameterZones, "us-east-1a")
	w.within(2*time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 4 })
	require.Equal(t, "b4", w.zoned(), "the other zone has all")
	highest := 0
	w.within(20*time.Minute, func() bool {
		assert.GreaterOrEqual(t, w.AutoScaling.Capacity(group), 4, "no capacity is lost")
		highest = max(highest, len(active(w.members())))
		return w.zoned() == "a2 b2"
	})
	assert.Equal(t, 5, highest, "one over the maximum of 4")
	w.pass(10 * time.Minute)
	assert.Equal(t, "a2 b2", w.zoned(), "and that is all")
	assert.Len(t, w.members(), 4)
	var launches, terminations int
	for _, a := range w.activities() {
		switch {
		case a.Status != "Successful": // tried before there was capacity
		case regexp.MustCompile(`^` + stamp + `availability zones us-east-1a us-east-1b had [01] [34] instances respectively\. ` +
			`An instance was launched to aid in balancing the group's zones\.$`).MatchString(a.Cause):
			launches++
		case regexp.MustCompile(`^` + stamp + `instances were launched to balance instances in zones us-east-1a with other zones ` +
			`resulting in more than desired number of instances in the group\.  ` + stamp + `an instance was taken out of service in ` +
			`response to a difference between desired and actual capacity, shrinking the capacity from 5 to 4\.  ` + stamp +
			`instance ` + a.Instance + ` was selected for termination\.$`).MatchString(a.Cause):
			terminations++
		}
	}
	assert.Equal(t, []int{2, 2}, []int{launches, terminations}, "%+v", w.activities())
}

func TestATenthOverTheMaximumIsLentToBalanceZones(t *testing.T) {
	w := newWorld(t)
	must(w.AutoScaling.CreateGroup(w.spec(30, 30), w.Now()))(t)
	w.fault(fault.InsufficientCapacity, group, 3*time.Minute, fault.ParameterZones, "us-east-1b")
	w.within(2*time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 30 })
	highest := 0
	w.within(30*time.Minute, func() bool {
		highest = max(highest, len(active(w.members())))
		return w.zoned() == "a15 b15"
	})
	assert.Equal(t, 33, highest)
}

func TestAZoneThatTheGroupLeavesIsEmptied(t *testing.T) {
	w := newWorld(t)
	w.start(2, 3)
	spec := w.spec(2, 3)
	spec.Subnets = w.subnets[1:]
	require.NoError(t, w.AutoScaling.UpdateGroup(spec, false, w.Now()))
	w.within(10*time.Minute, func() bool {
		assert.GreaterOrEqual(t, w.AutoScaling.Capacity(group), 2)
		return w.zoned() == "b2"
	})
	spec.Subnets = w.subnets
	require.NoError(t, w.AutoScaling.UpdateGroup(spec, false, w.Now()))
	w.within(10*time.Minute, func() bool { return w.zoned() == "a1 b1" && len(w.members()) == 2 })
}

func TestOneMemberMoreInAZoneIsBalance(t *testing.T) {
	w := newWorld(t)
	w.start(3, 4)
	before := w.members()
	w.pass(time.Hour)
	assert.Equal(t, before, w.members())
}

func TestAReplacementForBalanceThatNeverComesUpTakesNothingAway(t *testing.T) {
	w := newWorld(t)
	made := must(w.AutoScaling.CreateGroup(w.spec(2, 3), w.Now()))(t)
	w.fault(fault.InsufficientCapacity, made.Spec.Name, time.Minute, fault.ParameterZones, "us-east-1a")
	w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
	good := w.members()
	launched := map[string]bool{}
	for end := w.clock.Now().Add(20 * time.Minute); w.clock.Now().Before(end); w.step() {
		for _, i := range w.members() {
			if i.Zone == "us-east-1a" {
				w.health[i.ID], launched[i.ID] = errRefused, true
			}
		}
	}
	assert.Greater(t, len(launched), 1, "it is tried again")
	for _, i := range good {
		assert.Equal(t, elb.TargetHealthy, w.state(i.ID))
	}
	clear(w.health)
	w.within(20*time.Minute, func() bool { return w.zoned() == "a1 b1" })
}

func TestScaleInEndsABalancingUnderWay(t *testing.T) {
	w := newWorld(t)
	made := must(w.AutoScaling.CreateGroup(w.spec(4, 4), w.Now()))(t)
	w.fault(fault.InsufficientCapacity, made.Spec.Name, time.Minute, fault.ParameterZones, "us-east-1a")
	w.within(2*time.Minute, func() bool { return len(active(w.members())) == 5 })
	require.NoError(t, w.AutoScaling.UpdateGroup(w.spec(2, 2), false, w.Now()))
	w.within(20*time.Minute, func() bool { return w.zoned() == "a1 b1" && len(w.members()) == 2 })
}

// Wording: the causes that Auto Scaling gives in its activity history ("Verify a scaling activity for an Auto Scaling
// group", and histories that users have published).
func TestActivitiesHaveTheCausesThatAWSGivesThem(t *testing.T) {
	policy := func(w *world) {
		must(w.AutoScaling.PutPolicy(group, autoscaling.Policy{Name: "cpu", Target: 50}, w.Now()))(w.t)
		w.minutes(4, 90)
	}
	for name, c := range map[string]struct {
		does        func(w *world)
		description string
		cause       string
	}{
		"created": {
			func(*world) {}, "Launching a new EC2 instance: ",
			`a user request created an AutoScalingGroup changing the desired capacity from 0 to 2\.  ` + stamp + `an instance was started ` +
				`in response to a difference between desired and actual capacity, increasing the capacity from 0 to 2\.`,
		},
		"raised by two": {
			func(w *world) { require.NoError(w.t, w.AutoScaling.UpdateGroup(w.spec(4, 4), false, w.Now())) }, "Launching a new EC2 instance: ",
			`a user request update of AutoScalingGroup constraints to min: 4, max: 4, desired: 4 changing the desired capacity from 2 to ` +
				`4\.  ` + stamp + `an instance was started in response to a difference between desired and actual capacity, increasing the ` +
				`capacity from 2 to 4\.`,
		},
		"deleted": {
			func(w *world) { require.NoError(w.t, w.AutoScaling.DeleteGroup(group, w.Now())) }, "Terminating EC2 instance: ",
			`a user request update of AutoScalingGroup constraints to min: 0, max: 0, desired: 0 changing the desired capacity from 2 to ` +
				`0\.  ` + stamp + `an instance was taken out of service in response to a difference between desired and actual capacity, ` +
				`shrinking the capacity from 2 to 0\.  ` + stamp + `instance i-\w+ was selected for termination\.  ` + stamp +
				`instance i-\w+ was selected for termination\.`,
		},
		"terminated by hand": {
			func(w *world) { require.NoError(w.t, w.EC2.TerminateInstance(w.members()[0].ID)) }, "Terminating EC2 instance: ",
			`an instance was taken out of service in response to an EC2 health check indicating it has been terminated or stopped\.`,
		},
		"replaced": {
			func(w *world) { require.NoError(w.t, w.EC2.TerminateInstance(w.members()[0].ID)) }, "Launching a new EC2 instance: ",
			`an instance was launched in response to an unhealthy instance needing to be replaced\.`,
		},
		"unhealthy behind its balancer": {
			func(w *world) { w.health[w.members()[0].ID] = errRefused }, "Terminating EC2 instance: ",
			`an instance was taken out of service in response to an ELB system health check failure\.`,
		},
		"loaded": {
			policy, "Launching a new EC2 instance: ",
			`a monitor alarm TargetTracking-musicguru-AlarmHigh-cpu in state ALARM triggered policy cpu changing the desired capacity from ` +
				`2 to 4\.  ` + stamp + `an instance was started in response to a difference between desired and actual capacity, increasing ` +
				`the capacity from 2 to 4\.`,
		},
		"scheduled": {
			func(w *world) {
				must(w.AutoScaling.PutSchedule(group, autoscaling.Schedule{
					Name: "once", Start: w.clock.Now().Add(time.Minute), Desired: new(3),
				}, w.Now()))(w.t)
			}, "Launching a new EC2 instance: ",
			`a scheduled action update of AutoScalingGroup constraints to min: 2, max: 4, desired: 3 changing the desired capacity from 2 ` +
				`to 3\.  ` + stamp + `an instance was started in response to a difference between desired and actual capacity, increasing the ` +
				`capacity from 2 to 3\.`,
		},
		"refreshed": {
			func(w *world) {
				must(w.EC2.UpdateLaunchTemplate(w.template, w.templateData("two"), true))(w.t)
				spec := w.spec(2, 4)
				spec.Version = "2"
				require.NoError(w.t, w.AutoScaling.UpdateGroup(spec, true, w.Now()))
			}, "Terminating EC2 instance: ", `an instance was taken out of service in response to an instance refresh\.`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.start(2, 4)
			w.pass(10 * time.Minute)
			c.does(w)
			var causes []string
			for range 10 {
				w.pass(time.Minute)
				for _, a := range w.activities() { // until the group is gone
					if a.Instance != "" && a.Description == c.description+a.Instance {
						causes = append(causes, a.Cause)
					}
				}
			}
			found := false
			for _, cause := range causes {
				found = found || regexp.MustCompile(`^`+stamp+c.cause+`$`).MatchString(cause)
			}
			assert.True(t, found, "%q", causes)
		})
	}
}

func TestALaunchWithoutCapacityIsAFailedActivityInAWSsWords(t *testing.T) {
	w := newWorld(t)
	must(w.AutoScaling.CreateGroup(w.spec(2, 3), w.Now()))(t)
	w.fault(fault.InsufficientCapacity, group, 10*time.Minute)
	w.pass(30 * time.Second)
	assert.Empty(t, w.members())
	require.Len(t, w.activities(), 2, "one in each zone, and no more until a minute is over")
	failed := w.activities()[0]
	assert.Equal(t, "Launching a new EC2 instance.", failed.Description)
	assert.Equal(t, "Failed", failed.Status)
	assert.Equal(t, "We currently do not have sufficient t3.micro capacity in the Availability Zone you requested (us-east-1a). Our system "+
		"will be working on provisioning additional capacity. Launching EC2 instance failed.", failed.Message)
	w.pass(8 * time.Minute)
	assert.Empty(t, w.members())
	w.within(4*time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
	assert.Equal(t, "a1 b1", w.zoned())
}

func TestARefreshStaysWithinItsBounds(t *testing.T) {
	for _, c := range []struct {
		desired, minHealthy, maxHealthy int
		lowest, highest                 int
	}{
		{2, 90, 100, 1, 2}, // AWS's defaults: one of two is stopped first
		{2, 100, 100, 1, 2},
		{2, 100, 150, 2, 3},
		{1, 100, 200, 1, 2},
		{4, 50, 100, 2, 4},
		{4, 100, 110, 4, 5},
		{4, 75, 150, 3, 6},
		{10, 90, 120, 9, 12},
	} {
		t.Run(fmt.Sprintf("%d with %d to %d %%", c.desired, c.minHealthy, c.maxHealthy), func(t *testing.T) {
			w := newWorld(t)
			spec := w.spec(c.desired, c.desired)
			spec.Refresh = &autoscaling.RefreshSpec{
				Bounds: autoscaling.Bounds{MinHealthy: c.minHealthy, MaxHealthy: c.maxHealthy}, Warmup: 30 * time.Second,
			}
			must(w.AutoScaling.CreateGroup(spec, w.Now()))(t)
			w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == c.desired })
			w.pass(5 * time.Minute)
			must(w.EC2.UpdateLaunchTemplate(w.template, w.templateData("two"), true))(t)
			spec.Version = "2"
			require.NoError(t, w.AutoScaling.UpdateGroup(spec, true, w.Now()))
			lowest, highest, percent := c.desired, 0, 0
			seen := map[string]bool{}
			w.within(time.Hour, func() bool {
				lowest, highest = min(lowest, w.AutoScaling.Capacity(group)), max(highest, len(active(w.members())))
				g, _ := w.AutoScaling.Group(group)
				seen[g.Refreshes[0].Status] = true
				assert.GreaterOrEqual(t, g.Refreshes[0].Percent, percent)
				percent = g.Refreshes[0].Percent
				return g.Refreshes[0].Status == autoscaling.RefreshSuccessful
			})
			assert.Equal(t, map[string]bool{
				autoscaling.RefreshPending: true, autoscaling.RefreshInProgress: true, autoscaling.RefreshSuccessful: true,
			}, seen)
			assert.GreaterOrEqual(t, lowest, c.lowest)
			assert.LessOrEqual(t, highest, c.highest)
			for _, i := range active(w.members()) {
				assert.Equal(t, 2, i.Version)
			}
			assert.Equal(t, c.desired, w.AutoScaling.Capacity(group))
			launched := len(w.EC2.DescribeInstances())
			w.pass(10 * time.Minute)
			assert.Len(t, w.EC2.DescribeInstances(), launched, "the zones are even")
		})
	}
}

// The load is the service's, shared by its members: more of them bring each one's CPU down.
func TestTargetTrackingBringsALoadedServiceToItsTargetAndBackIn(t *testing.T) {
	w := newWorld(t)
	w.start(2, 8)
	must(w.AutoScaling.PutPolicy(group, autoscaling.Policy{Name: "cpu", Target: 50, Warmup: new(2 * time.Minute)}, w.Now()))(t)
	under := func(load float64, minutes int, each ...func()) float64 {
		for range minutes {
			count := float64(len(active(w.members())))
			w.minutes(1, min(100, load/count), each...)
		}
		return load / float64(len(active(w.members())))
	}
	bounds := func() {
		assert.GreaterOrEqual(t, len(active(w.members())), 2)
		assert.LessOrEqual(t, len(active(w.members())), 8)
	}
	high := "TargetTracking-musicguru-AlarmHigh-cpu"
	assert.InDelta(t, 50, under(240, 30, bounds), 6, "240 % of an instance are five of them at 48 %")
	assert.Equal(t, "OK", w.alarm(high).State)
	assert.Equal(t, 5, w.desired())
	under(1000, 30, bounds)
	assert.Equal(t, 8, w.desired(), "not over the maximum")
	assert.Equal(t, "ALARM", w.alarm(high).State, "which is seen")
	assert.InDelta(t, 50, under(200, 240, bounds), 6)
	assert.Equal(t, 4, w.desired())
	under(10, 240, bounds)
	assert.Equal(t, 2, w.desired(), "not below the minimum")
}

// us-east-1e has no t3: launches fail there, and the group is whole in its other zone.
func TestAZoneThatDoesNotOfferTheTypeLeavesItsShareToTheOthers(t *testing.T) {
	w := newWorldOf(t, "192.168.0.0/24")
	w.subnets = append(w.subnets, must(w.VPC.CreateSubnet(w.vpc, "192.168.1.0/24", "us-east-1e", true))(t).ID)
	must(w.AutoScaling.CreateGroup(w.spec(2, 2), w.Now()))(t)
	w.within(2*time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
	assert.Equal(t, "a2", w.zoned())
	failed := slices.IndexFunc(w.activities(), func(a autoscaling.Activity) bool { return a.Status == "Failed" })
	require.GreaterOrEqual(t, failed, 0)
	assert.Contains(t, w.activities()[failed].Message, "Your requested instance type (t3.micro) is not supported in your requested "+
		"Availability Zone (us-east-1e). Please retry your request by not specifying an Availability Zone or choosing us-east-1a, us-east-1b, "+
		"us-east-1c, us-east-1d, us-east-1f. Launching EC2 instance failed.")
}
