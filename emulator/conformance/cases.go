package conformance

import (
	"slices"
	"strings"
	"time"
)

// usual is the shape of most cases.
var usual = Shape{
	Min: 2, Max: 4, Grace: 30 * time.Second,
	Interval: 10 * time.Second, Timeout: 9 * time.Second, Healthy: 3, Unhealthy: 3,
	Draining: 30 * time.Second,
	Refresh:  Refresh{MinHealthy: 100, MaxHealthy: 150, Warmup: 30 * time.Second},
}

// shaped returns the usual shape with a change.
func shaped(change func(*Shape)) Shape {
	shape := usual
	change(&shape)
	return shape
}

// elbCheck is how long a group may take to notice that its balancer finds a target unhealthy.
const elbCheck = 2 * time.Minute

// metrics is how long the metric of a minute may take to arrive.
const metrics = 2 * time.Minute

// Cases lists the behaviours.
func Cases() []Case {
	return slices.Concat(healthCases(), groupCases(), scalingCases())
}

func healthCases() []Case {
	apart := shaped(func(s *Shape) { s.HealthType = "EC2" }) // the group leaves its members alone
	return []Case{
		{"a new target is healthy after its first success",
			"A new target is initial until its first health check succeeds, whatever the healthy threshold.",
			"ELB User Guide: Health checks for Network Load Balancer target groups", apart, newTarget},
		{"an unhealthy target is replaced",
			"A member that the balancer finds unhealthy is drained and terminated after its grace period, and replaced in its zone.",
			"Auto Scaling User Guide: Health checks for instances in an Auto Scaling group", usual, unhealthyReplaced},
		{"with an instance maintenance policy its replacement is healthy first",
			"Where the policy keeps 100 % healthy, a member that is unhealthy is terminated only when a new one is healthy.",
			"Auto Scaling User Guide: Instance maintenance policies", shaped(func(s *Shape) { s.Maintenance = true }), replacedFirst},
		{"a terminated instance is replaced at once",
			"A member that EC2 says is gone is replaced without waiting for the balancer or the grace period.",
			"Auto Scaling User Guide: Health checks for instances in an Auto Scaling group",
			shaped(func(s *Shape) { s.Grace = time.Hour }), terminatedReplaced},
		{"a denied packet makes the target unhealthy",
			"Without a rule that lets health checks in, targets become unhealthy with Target.FailedHealthChecks, and with it " +
				"again healthy after the healthy threshold; Reachability Analyzer says ENI_SG_RULES_MISMATCH.",
			"ELB User Guide: Troubleshoot your Network Load Balancer; Reachability Analyzer: Explanation codes", apart, denied},
		{"a balancer whose targets are all unhealthy fails open",
			"With no healthy target in any zone, requests are routed to all targets.",
			"ELB User Guide: Target groups for your Network Load Balancers, target group health", apart, failsOpen},
		{"a balancer's metrics count flows and unhealthy targets",
			"Every minute, NewFlowCount and ProcessedBytes have what clients did, and UnHealthyHostCount and HealthyHostCount what " +
				"the health checks found.",
			"ELB User Guide: CloudWatch metrics for your Network Load Balancer", apart, counted},
	}
}

func counted(r *Run) {
	const flows = 5
	began := r.cloud.Now()
	for range flows {
		_, err := r.ask()
		r.must(err)
	}
	r.within(metrics, "the flows are counted", func() bool {
		total := 0.
		for _, n := range r.metric("NewFlowCount", "Sum", began) {
			total += n
		}
		return total == flows
	})
	r.expect(slices.Max(r.metric("ProcessedBytes", "Sum", began)) > 0, "no bytes were counted")
	r.must(r.cloud.StopResponder(r.ctx, r.in("InService")[0].ID))
	detection := time.Duration(r.shape.Unhealthy) * (r.shape.Interval + r.shape.Timeout)
	r.within(detection+metrics, "an unhealthy target is counted", func() bool {
		return slices.Max(r.metric("UnHealthyHostCount", "Maximum", began)) == 1
	})
	r.expect(slices.Min(r.metric("HealthyHostCount", "Minimum", began)) == 1, "a healthy target too many is counted")
}

func newTarget(r *Run) {
	r.must(r.cloud.SetDesired(r.ctx, 3))
	var added string
	r.within(time.Minute, "a third target is registered", func() bool {
		for _, t := range r.targets() {
			if t.State == "initial" {
				added = t.ID
			}
		}
		return added != ""
	})
	took := r.within(r.shape.Interval+r.shape.Timeout, "it is healthy", func() bool { return r.target(added).State == "healthy" })
	threshold := time.Duration(r.shape.Healthy) * r.shape.Interval
	r.expect(took < threshold+r.cloud.Slack(), "%v is as long as the healthy threshold takes, %v", took, threshold)
}

func unhealthyReplaced(r *Run) {
	victim := r.in("InService")[0]
	r.must(r.cloud.StopResponder(r.ctx, victim.ID))
	detection := time.Duration(r.shape.Unhealthy) * (r.shape.Interval + r.shape.Timeout)
	r.within(detection, "its target is unhealthy", func() bool { return r.target(victim.ID).State == "unhealthy" })
	r.expect(r.target(victim.ID).Reason == "Target.FailedHealthChecks", "the reason is another one")
	r.within(r.shape.Grace+elbCheck, "it is taken out of service", func() bool {
		return r.caused("Terminating EC2 instance: "+victim.ID, "in response to an ELB system health check failure.")
	})
	r.replaced(victim)
	r.expect(r.caused("Launching a new EC2 instance", "in response to an unhealthy instance needing to be replaced."), "no such launch")
}

func replacedFirst(r *Run) {
	victim := r.in("InService")[0]
	r.must(r.cloud.StopResponder(r.ctx, victim.ID))
	detection := time.Duration(r.shape.Unhealthy) * (r.shape.Interval + r.shape.Timeout)
	r.within(detection+r.shape.Grace+elbCheck, "another one is launched", func() bool {
		return r.caused("Launching a new EC2 instance", "in response to an unhealthy instance needing to be replaced.")
	})
	r.within(2*r.shape.Interval+time.Minute, "it is taken out of service", func() bool {
		gone := r.caused("Terminating EC2 instance: "+victim.ID, "in response to an ELB system health check failure.")
		r.expect(!gone || len(r.with("healthy")) == r.shape.Min, "its replacement is not healthy yet")
		return gone
	})
	r.replaced(victim)
}

func terminatedReplaced(r *Run) {
	victim := r.in("InService")[0]
	r.must(r.cloud.Terminate(r.ctx, victim.ID))
	r.within(time.Minute, "its end is noticed", func() bool {
		return r.caused("Terminating EC2 instance: "+victim.ID, "in response to an EC2 health check")
	})
	r.replaced(victim)
}

// replaced waits until a member has a successor in its zone that is healthy.
func (r *Run) replaced(victim Member) {
	r.Helper()
	r.within(r.shape.Draining+2*r.shape.Interval+time.Minute, "its replacement is healthy", func() bool {
		return len(r.with("healthy")) == r.shape.Min && r.target(victim.ID).State != "healthy"
	})
	zones := map[string]int{}
	for _, m := range r.in("InService") {
		r.expect(m.ID != victim.ID, "it is still in service")
		zones[m.Zone]++
	}
	r.expect(zones[victim.Zone] == 1, "its zone %s has %d", victim.Zone, zones[victim.Zone])
}

func denied(r *Run) {
	r.must(r.cloud.DenyHealth(r.ctx))
	detection := time.Duration(r.shape.Unhealthy) * (r.shape.Interval + r.shape.Timeout)
	r.within(detection, "all targets are unhealthy", func() bool { return len(r.with("unhealthy")) == r.shape.Min })
	for _, t := range r.targets() {
		r.expect(t.Reason == "Target.FailedHealthChecks", "the reason is %s", t.Reason)
		code, err := r.cloud.Explain(r.ctx, t.ID)
		r.must(err)
		r.expect(code == "ENI_SG_RULES_MISMATCH", "the explanation is %q", code)
	}
	r.must(r.cloud.AllowHealth(r.ctx))
	took := r.within(time.Duration(r.shape.Healthy+1)*(r.shape.Interval+r.shape.Timeout), "all targets are healthy again", func() bool {
		return len(r.with("healthy")) == r.shape.Min
	})
	least := time.Duration(r.shape.Healthy-1) * r.shape.Interval
	r.expect(took >= least*9/10, "after %v, the healthy threshold takes %v at least", took, least)
}

func failsOpen(r *Run) {
	healthy := r.with("healthy")
	r.must(r.cloud.StopResponder(r.ctx, healthy[0].ID))
	detection := time.Duration(r.shape.Unhealthy) * (r.shape.Interval + r.shape.Timeout)
	r.within(detection, "one is unhealthy", func() bool { return r.target(healthy[0].ID).State == "unhealthy" })
	for range 20 {
		by, err := r.ask()
		r.must(err)
		r.expect(by == healthy[1].ID, "%s answered, which is unhealthy", by)
	}
	r.must(r.cloud.StopResponder(r.ctx, healthy[1].ID))
	r.within(detection, "both are unhealthy", func() bool { return len(r.with("unhealthy")) == 2 })
	seen := map[string]bool{}
	r.within(time.Minute, "both answer again", func() bool {
		by, err := r.ask()
		r.must(err)
		seen[by] = true
		return len(seen) == 2
	})
}

func groupCases() []Case {
	return []Case{
		{"a raised minimum adds an instance",
			"A minimum above the desired capacity raises it, and the activity says that a user did.",
			"Auto Scaling User Guide: Set scaling limits for your Auto Scaling group", usual, minimumRaised},
		{"launches keep the zones balanced",
			"Instances are launched in the zone with the fewest of them.",
			"Auto Scaling User Guide: Auto Scaling benefits for application architecture, instance distribution", usual, balanced},
		{"draining under load loses nothing",
			"A target that is deregistered gets no new connections and keeps those that it has for the deregistration delay.",
			"ELB User Guide: Edit target group attributes for your Network Load Balancer, deregistration delay", usual, draining},
		{"a refresh stays within its bounds and loses nothing",
			"A refresh goes through Pending and InProgress to Successful, and keeps the members in service at or above the minimum " +
				"healthy percentage, all of them at or below the maximum.",
			"Auto Scaling User Guide: How an instance refresh works in an Auto Scaling group", usual, refreshed},
		{"a release moves the group when it has succeeded",
			"The group gets the desired configuration at the end of a successful refresh, which comes after the bake time. What it " +
				"launches until then for another reason is of the former version.",
			"Auto Scaling User Guide: Undo changes with a manual or auto rollback; API: RefreshPreferences, BakeTime", usual, released},
		{"a release that never gets healthy goes back and loses nothing",
			"A rollback goes through RollbackInProgress to RollbackSuccessful, and replaces the new instances by those of the former " +
				"version, which the group has kept.",
			"Auto Scaling User Guide: Undo changes with a manual or auto rollback", usual, rolledBack},
	}
}

func minimumRaised(r *Run) {
	r.must(r.cloud.SetSizes(r.ctx, 3, 4))
	r.expect(r.group().Desired == 3, "the desired capacity is %d", r.group().Desired)
	r.within(time.Minute+2*r.shape.Interval, "three targets are healthy", func() bool { return len(r.with("healthy")) == 3 })
	r.expect(r.caused("Launching a new EC2 instance", "a user request"), "no such launch")
	r.expect(r.caused("Launching a new EC2 instance", "increasing the capacity from 2 to 3."), "no such launch")
}

func balanced(r *Run) {
	r.must(r.cloud.SetDesired(r.ctx, 4))
	r.within(2*time.Minute, "four are in service", func() bool { return len(r.in("InService")) == 4 })
	zones := map[string]int{}
	for _, m := range r.in("InService") {
		zones[m.Zone]++
	}
	r.expect(len(zones) == 2, "in %d zones", len(zones))
	for zone, count := range zones {
		r.expect(count == 2, "%s has %d", zone, count)
	}
}

func draining(r *Run) {
	r.must(r.cloud.SetDesired(r.ctx, 3))
	r.within(2*time.Minute, "three targets are healthy", func() bool { return len(r.with("healthy")) == 3 })
	flows := map[Flow]string{} // open flows with the instance that answers
	for len(flows) < 12 {
		flow, err := r.cloud.Open(r.ctx)
		r.must(err)
		defer flow.Close()
		by, err := flow.Ask()
		r.must(err)
		flows[flow] = by
	}
	l := r.load()
	r.must(r.cloud.SetDesired(r.ctx, 2))
	var leaving Target
	r.within(time.Minute, "one is draining", func() bool {
		draining := r.with("draining")
		if len(draining) > 0 {
			leaving = draining[0]
		}
		return len(draining) > 0
	})
	r.throughout(r.shape.Draining/2, "open connections are answered by whom they were", func() bool {
		for flow, by := range flows {
			if again, err := flow.Ask(); err != nil || again != by {
				r.Logf("%s answered %s: %v", by, again, err)
				return false
			}
		}
		return true
	})
	for range 30 {
		by, err := r.ask()
		r.must(err)
		r.expect(by != leaving.ID, "a draining target got a new connection")
	}
	r.within(r.shape.Draining+time.Minute, "it is gone", func() bool { return r.target(leaving.ID).State == "" })
	r.lossless(l)
}

func refreshed(r *Run) {
	before := r.in("InService")
	l := r.load()
	r.must(r.cloud.StartRefresh(r.ctx))
	statuses := map[string]bool{}
	r.within(10*time.Minute, "the refresh is successful", func() bool {
		status := r.refresh()
		statuses[status] = true
		inService, all := len(r.in("InService")), len(r.group().Members)-len(r.in("Terminating"))
		r.expect(inService >= 2, "%d in service, under 100 %%", inService)
		r.expect(all <= 3, "%d members, over 150 %%", all)
		return status == "Successful"
	})
	r.expect(statuses["InProgress"], "it was never in progress: %v", statuses)
	r.lossless(l)
	for _, m := range r.in("InService") {
		isOld := slices.ContainsFunc(before, func(old Member) bool { return old.ID == m.ID || old.Version == m.Version })
		r.expect(!isOld, "%s is an old one", m.ID)
	}
}

func released(r *Run) {
	const bake = 2 * time.Minute
	former := r.group().Version
	r.must(r.cloud.Release(r.ctx, Release{Bake: bake}))
	r.within(10*time.Minute, "all instances are replaced", func() bool {
		r.expect(r.group().Version == former, "the group has moved to version %s", r.group().Version)
		return r.refresh() == "Baking"
	})
	baked := r.within(bake, "the bake time is over", func() bool {
		if r.refresh() == "Baking" {
			r.expect(r.group().Version == former, "the group has moved to version %s", r.group().Version)
			return false
		}
		return true
	})
	r.expect(r.refresh() == "Successful", "the refresh is %s", r.refresh())
	r.expect(baked > bake/2, "it baked for %v", baked)
	now := r.group().Version
	r.expect(now != former, "the group is still of version %s", now)
	for _, m := range r.in("InService") {
		r.expect(m.Version == now, "%s is of version %s", m.ID, m.Version)
	}
}

func rolledBack(r *Run) {
	former, l := r.group().Version, r.load()
	r.must(r.cloud.Release(r.ctx, Release{Broken: true}))
	r.within(3*time.Minute, "an instance of the new version runs", func() bool {
		return slices.ContainsFunc(r.group().Members, func(m Member) bool { return m.Version != former })
	})
	r.throughout(time.Minute, "two targets serve", func() bool { return len(r.with("healthy")) >= 2 })
	r.must(r.cloud.RollBack(r.ctx))
	r.within(5*time.Minute, "it went back", func() bool {
		status := r.refresh()
		r.expect(strings.HasPrefix(status, "Rollback"), "the refresh is %s", status)
		return status == "RollbackSuccessful"
	})
	r.expect(r.group().Version == former, "the group is of version %s", r.group().Version)
	for _, m := range r.in("InService") {
		r.expect(m.Version == former, "%s is of version %s", m.ID, m.Version)
	}
	r.lossless(l)
}

func scalingCases() []Case {
	const guide = "Auto Scaling User Guide: "
	return []Case{
		{"an alarm of target tracking scales out, and in again",
			"A policy's high alarm goes off after three minutes above the target and adds instances up to the maximum; its low " +
				"alarm after fifteen minutes below nine tenths of it, and removes them one at a time down to the minimum.",
			guide + "Target tracking scaling policies for Amazon EC2 Auto Scaling",
			shaped(func(s *Shape) {
				s.Min, s.Max, s.Tracking = 1, 2, &Tracking{Target: 20, Warmup: time.Minute}
			}), tracked},
		{"a step policy adds by how far the metric is past the threshold",
			"Bounds of a step are the metric minus the threshold; the adjustment of the step that it falls into is made, within the " +
				"maximum.",
			guide + "Step and simple scaling policies, step adjustments",
			shaped(func(s *Shape) {
				s.Min, s.Max, s.Steps = 1, 4, &Steps{Threshold: 10, Wide: 10, Small: 1, Large: 2, Warmup: time.Minute}
			}), stepped},
		{"a step policy waits for what warms up",
			"Instances that are warming up count as part of the capacity: while the alarm stays, a further one is not added before " +
				"they are warm.",
			guide + "Set the default instance warmup, how it works with step scaling",
			shaped(func(s *Shape) {
				s.Min, s.Max, s.Steps = 1, 4, &Steps{Threshold: 5, Wide: 90, Small: 1, Large: 1, Warmup: 3 * time.Minute}
			}), warming},
	}
}

func tracked(r *Run) {
	busy := r.in("InService")[0]
	r.must(r.cloud.Burn(r.ctx, busy.ID, 50, 7*time.Minute))
	r.within(3*time.Minute+metrics, "the high alarm is in ALARM", func() bool { return r.alarm("AlarmHigh") == "ALARM" })
	r.within(2*time.Minute, "two targets are healthy", func() bool { return len(r.with("healthy")) == 2 })
	r.expect(r.caused("Launching a new EC2 instance", "AlarmHigh"), "no launch names the alarm")
	r.expect(r.group().Desired == 2, "the desired capacity is %d", r.group().Desired)
	r.within(25*time.Minute+metrics, "the low alarm is in ALARM", func() bool { return r.alarm("AlarmLow") == "ALARM" })
	r.within(2*time.Minute+r.shape.Draining, "one is in service", func() bool { return len(r.in("InService")) == 1 })
	r.expect(r.group().Desired == 1, "the desired capacity is %d", r.group().Desired)
}

func stepped(r *Run) {
	r.must(r.cloud.Burn(r.ctx, r.in("InService")[0].ID, 50, 3*time.Minute)) // 40 past the threshold
	r.within(time.Minute+metrics, "the alarm went off and two were added", func() bool { return r.group().Desired > 1 })
	r.expect(r.group().Desired == 3, "the desired capacity is %d, not 1 and the large step's 2", r.group().Desired)
	r.within(2*time.Minute, "three are in service", func() bool { return len(r.in("InService")) == 3 })
}

func warming(r *Run) {
	warmup := r.shape.Steps.Warmup // which keeps the first instance out of the metric too
	r.must(r.cloud.Burn(r.ctx, r.in("InService")[0].ID, 50, 15*time.Minute))
	r.within(warmup+time.Minute+metrics, "one was added", func() bool { return r.group().Desired == 2 })
	r.throughout(warmup*2/3, "no further one while it warms up", func() bool { return r.group().Desired == 2 })
	r.within(warmup+metrics, "a third one once it is warm", func() bool { return r.group().Desired == 3 })
}
