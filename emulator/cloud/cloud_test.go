package cloud_test

import (
	"encoding/base64"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// world is the stack dev, as its provider's calls would make it, in a time that the test moves.
type world struct {
	*cloud.Cloud
	*cloud.Model
	t     *testing.T
	clock *clockwork.FakeClock

	vpc, gateway   string
	subnets        []string
	tables         []string
	balancerSG     string
	instanceSG     string
	rules          map[string]string // by what they let through
	template       string
	balancer       string
	targets        string
	listener       string
	health         map[string]error // what a probe of an instance finds; healthy when absent
	unwell         bool             // instances that are not in health are not healthy
	badVersion     int              // of the launch template: its instances are not healthy
	bootsForever   bool
	neverTerminate bool
}

const (
	servicePort = 5000
	healthPort  = 5001
	group       = "musicguru"
)

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOf(t, "192.168.0.0/24", "192.168.1.0/24")
}

func newWorldOf(t *testing.T, subnets ...string) *world {
	t.Helper()
	clock := clockwork.NewFakeClockAt(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	c, err := cloud.New("us-east-1", clock, func(netip.Addr) bool { return true })
	require.NoError(t, err)
	w := &world{Cloud: c, Model: modelOf(c), t: t, clock: clock, rules: map[string]string{}, health: map[string]error{}}
	w.makeNetwork(subnets)
	w.makeSecurity()
	w.makeBalancer()
	w.makeTemplate()
	return w
}

func (w *world) makeNetwork(subnets []string) {
	vpc := must(w.VPC.CreateVPC("192.168.0.0/23"))(w.t)
	w.vpc = vpc.ID
	w.gateway = must(w.VPC.CreateGateway(w.vpc))(w.t).ID
	for i, cidr := range subnets {
		subnet := must(w.VPC.CreateSubnet(w.vpc, cidr, w.Cloud.Region().Zones()[i], true))(w.t)
		table := must(w.VPC.CreateRouteTable(w.vpc))(w.t)
		must(w.VPC.Associate(table.ID, subnet.ID))(w.t)
		require.NoError(w.t, w.VPC.CreateRoute(table.ID, "0.0.0.0/0", w.gateway))
		w.subnets, w.tables = append(w.subnets, subnet.ID), append(w.tables, table.ID)
	}
}

func (w *world) makeSecurity() {
	w.balancerSG = must(w.VPC.CreateSecurityGroup("balancer", w.vpc))(w.t).ID
	w.instanceSG = must(w.VPC.CreateSecurityGroup("instances", w.vpc))(w.t).ID
	add := func(name string, rule vpc.Rule) {
		rule.Protocol = "tcp"
		w.rules[name] = must(w.VPC.CreateRule(rule))(w.t).ID
	}
	add("clients in", vpc.Rule{Group: w.balancerSG, From: servicePort, To: servicePort, CIDR: "0.0.0.0/0"})
	for name, port := range map[string]int{"service": servicePort, "health": healthPort} {
		add(name+" out", vpc.Rule{Group: w.balancerSG, Egress: true, From: port, To: port, Peer: w.instanceSG})
		add(name+" in", vpc.Rule{Group: w.instanceSG, From: port, To: port, Peer: w.balancerSG})
	}
}

func (w *world) makeBalancer() {
	w.balancer = must(w.ELB.CreateLoadBalancer(elb.LoadBalancerSpec{
		Name: "musicguru-lb", Subnets: w.subnets, SecurityGroups: []string{w.balancerSG}, CrossZone: true,
	}, w.Now()))(w.t).ARN
	w.targets = must(w.ELB.CreateTargetGroup(elb.TargetGroupSpec{
		Name: "musicguru-tg", Port: servicePort, Protocol: "TCP", VPC: w.vpc, DeregistrationDelay: 2 * time.Minute,
		Check: elb.HealthCheck{
			Protocol: "TCP", Port: "5001", Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 3,
		},
	}))(w.t).ARN
	w.listener = must(w.ELB.CreateListener(elb.Listener{
		Balancer: w.balancer, Port: servicePort, Protocol: "TCP", TargetGroup: w.targets,
	}))(w.t).ARN
}

func (w *world) makeTemplate() {
	w.template = must(w.EC2.CreateLaunchTemplate("musicguru", w.templateData("one")))(w.t).ID
}

func (w *world) templateData(script string) ec2.TemplateData {
	image := must(w.EC2.ImageByParameter("/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"))(w.t)
	return ec2.TemplateData{
		ImageID: image.ID, InstanceType: "t3.micro", UserData: base64.StdEncoding.EncodeToString([]byte(script)),
		SecurityGroups: []string{w.instanceSG}, Public: true, Tags: map[string]string{"Service": "musicguru"},
	}
}

func (w *world) spec(lowest, highest int) autoscaling.GroupSpec {
	return autoscaling.GroupSpec{
		Name: group, Min: lowest, Max: highest, Subnets: w.subnets, Template: w.template, Version: "1",
		TargetGroups: []string{w.targets}, HealthType: "ELB", Grace: 2 * time.Minute,
		Refresh: &autoscaling.RefreshSpec{Bounds: autoscaling.Bounds{MinHealthy: 100, MaxHealthy: 150}, Warmup: 2 * time.Minute},
	}
}

// start makes the group and waits until it is healthy.
func (w *world) start(lowest, highest int) {
	must(w.AutoScaling.CreateGroup(w.spec(lowest, highest), w.Now()))(w.t)
	w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == lowest })
}

// step is what a data plane does in a second: machines boot and end, probes are answered.
func (w *world) step() {
	w.clock.Advance(time.Second)
	w.Reconcile()
	for _, i := range w.EC2.DescribeInstances() {
		switch {
		case i.State == ec2.Pending && !w.bootsForever:
			w.EC2.InstanceRunning(i.ID)
		case (i.State == ec2.ShuttingDown || i.State == ec2.Stopping) && !w.neverTerminate:
			w.EC2.InstanceEnded(i.ID, "", w.Now())
		}
	}
	if w.clock.Now().Unix()%10 == 0 {
		for _, target := range w.ELB.ProbeTargets() {
			result, known := w.health[target.Instance]
			if !known && (w.unwell || w.EC2.Instances[target.Instance].Version == w.badVersion) {
				result = errRefused
			}
			if target.Blocked != nil {
				result = target.Blocked
			}
			w.ELB.Probe(target.TargetGroup, target.Incarnation, result, w.Now())
		}
	}
}

// within steps until f holds and returns how long that took.
func (w *world) within(limit time.Duration, f func() bool) time.Duration {
	w.t.Helper()
	start := w.clock.Now()
	for !f() {
		if w.clock.Since(start) > limit {
			require.Fail(w.t, "did not happen", "within %v; %s", limit, w.AutoScaling.Diagnose(group))
		}
		w.step()
	}
	return w.clock.Since(start)
}

func (w *world) pass(d time.Duration) {
	for end := w.clock.Now().Add(d); w.clock.Now().Before(end); {
		w.step()
	}
}

func (w *world) members() []ec2.Instance {
	g, _ := w.AutoScaling.Group(group)
	return g.Members
}

func (w *world) state(instance string) elb.TargetState {
	for _, t := range w.ELB.DescribeTargetHealth() {
		if t.Instance == instance {
			return t.State
		}
	}
	return ""
}

func (w *world) alarm(name string) cloudwatch.Alarm {
	for _, a := range w.CloudWatch.DescribeAlarms() {
		if a.Spec.Name == name {
			return a
		}
	}
	return cloudwatch.Alarm{}
}

// must unwraps a result that has to be there.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		require.NoError(t, err)
		return value
	}
}

// refused asserts the code of an AWS API's refusal.
func refused(t *testing.T, code string, err error) {
	t.Helper()
	var refusal *aws.Error
	if assert.ErrorAs(t, err, &refusal) {
		assert.Equal(t, code, refusal.Code, refusal.Message)
	}
}

var errRefused = errors.New("connection refused")

func TestAGroupSpreadsOverItsZonesAndBecomesHealthy(t *testing.T) {
	w := newWorld(t)
	w.start(2, 3)
	members := w.members()
	require.Len(t, members, 2)
	assert.NotEqual(t, members[0].Zone, members[1].Zone)
	for _, i := range members {
		assert.Equal(t, elb.TargetHealthy, w.state(i.ID))
		assert.Equal(t, "musicguru", i.Tags["Service"])
	}
}

func TestNothingIsHealthyThatDidNotAnswer(t *testing.T) {
	w := newWorld(t)
	w.bootsForever = true
	must(w.AutoScaling.CreateGroup(w.spec(2, 3), w.Now()))(t)
	w.pass(10 * time.Minute)
	assert.Zero(t, w.AutoScaling.Capacity(group))
	assert.Empty(t, w.ELB.DescribeTargetHealth(), "an instance that never booted is registered nowhere")
}

func TestATerminatedInstanceIsReplacedInItsZoneAtOnce(t *testing.T) {
	w := newWorld(t)
	w.start(2, 3)
	victim := w.members()[0]
	require.NoError(t, w.EC2.TerminateInstance(victim.ID))
	took := w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
	assert.LessOrEqual(t, took, 15*time.Second, "even in the grace period, and without draining what is gone")
	zones := map[string]int{}
	for _, i := range w.members() {
		zones[i.Zone]++
		assert.NotEqual(t, victim.ID, i.ID)
	}
	assert.Len(t, zones, 2)
	assert.Empty(t, w.state(victim.ID))
	g, _ := w.AutoScaling.Group(group)
	assert.Contains(t, g.Activities[2].Cause, "taken out of service in response to an EC2 health check")
	assert.Contains(t, g.Activities[3].Cause, "unhealthy instance needing to be replaced")
}

func TestAnUnhealthyInstanceIsReplacedAfterItsGracePeriodOnly(t *testing.T) {
	w := newWorld(t)
	w.start(2, 3)
	sick := w.members()[0]
	w.health[sick.ID] = errRefused
	w.within(time.Minute, func() bool { return w.state(sick.ID) == elb.TargetUnhealthy })
	assert.Equal(t, ec2.LifecycleInService, w.members()[0].Lifecycle, "the grace period protects it")
	w.within(4*time.Minute, func() bool { return w.state(sick.ID) == elb.TargetDraining })
	assert.GreaterOrEqual(t, w.clock.Since(sick.InService), 2*time.Minute)
	w.within(4*time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
	g, _ := w.AutoScaling.Group(group)
	assert.Contains(t, g.Activities[2].Cause, "ELB system health check failure")
}

func TestAnUnhealthyInstanceGoesWhenTheMaintenancePolicyLetsIt(t *testing.T) {
	for name, c := range map[string]struct {
		policy *autoscaling.Bounds
		sick   int // of 2
		stays  bool
		warmup *time.Duration
	}{
		"without a policy, at once":                            {nil, 1, false, nil},
		"terminate and launch, at once":                        {&autoscaling.Bounds{MinHealthy: 50, MaxHealthy: 100}, 1, false, nil},
		"launch before terminating, when its successor serves": {&autoscaling.Bounds{MinHealthy: 100, MaxHealthy: 150}, 1, true, nil},
		"and has warmed up": {
			&autoscaling.Bounds{MinHealthy: 100, MaxHealthy: 150}, 1, true, new(5 * time.Minute),
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			spec := w.spec(2, 2)
			spec.Maintenance, spec.Warmup = c.policy, c.warmup
			must(w.AutoScaling.CreateGroup(spec, w.Now()))(t)
			w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
			w.pass(3 * time.Minute) // the grace period
			sick := w.members()[:c.sick]
			for _, i := range sick {
				w.health[i.ID] = errRefused
			}
			w.within(3*time.Minute, func() bool { return len(w.members()) == 2+c.sick })
			for _, i := range w.members()[:c.sick] {
				assert.Equal(t, c.stays, i.Lifecycle == ec2.LifecycleInService, "%s is %s", i.ID, i.Lifecycle)
			}
			w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
			if c.warmup != nil {
				w.pass(3 * time.Minute)
				assert.Equal(t, elb.TargetUnhealthy, w.state(sick[0].ID))
				w.pass(2 * time.Minute)
			}
			w.within(10*time.Second, func() bool { return w.state(sick[0].ID) == elb.TargetDraining })
			w.within(5*time.Minute, func() bool { return len(w.members()) == 2 })
			g, _ := w.AutoScaling.Group(group)
			var causes strings.Builder
			for _, a := range g.Activities[2:] {
				causes.WriteString(a.Cause)
			}
			assert.Equal(t, c.sick, strings.Count(causes.String(), "unhealthy instance needing to be replaced"))
			assert.Equal(t, c.sick, strings.Count(causes.String(), "ELB system health check failure"))
			assert.Len(t, g.Activities, 2+2*c.sick, "one launched and one terminated for each")
		})
	}
}

func TestAGroupWhoseInstancesAreAllUnhealthyIsReplacedWithinItsMaximum(t *testing.T) {
	for name, recovers := range map[string]bool{"by instances that serve": true, "by instances that do not serve either": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			spec := w.spec(2, 2)
			spec.Maintenance = &autoscaling.Bounds{MinHealthy: 100, MaxHealthy: 150}
			must(w.AutoScaling.CreateGroup(spec, w.Now()))(t)
			w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
			w.pass(3 * time.Minute) // the grace period
			sick := w.members()
			w.unwell = !recovers
			for _, i := range sick {
				w.health[i.ID] = errRefused
			}
			w.within(3*time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 0 })
			most, healthy := 0, time.Duration(0)
			for passed := time.Duration(0); passed < time.Hour; passed += 10 * time.Second {
				w.pass(10 * time.Second)
				standing := slices.DeleteFunc(w.members(), func(i ec2.Instance) bool { return i.Lifecycle.IsTerminating() })
				most = max(most, len(standing))
				if healthy == 0 && w.AutoScaling.Capacity(group) == 2 {
					healthy = passed
				}
			}
			assert.Equal(t, 3, most, "150 percent of 2")
			assert.Equal(t, recovers, healthy > 0, "healthy after %v", healthy)
			g, _ := w.AutoScaling.Group(group)
			if recovers {
				assert.Len(t, w.members(), 2)
				assert.Len(t, g.Activities, 2+2*2, "one launched and one terminated for each")
			} else {
				assert.Equal(t, sick[0].ID, w.members()[0].ID, "as good as its replacements, and asked while nothing is healthy")
				assert.Greater(t, len(g.Activities), 10, "it goes on trying")
			}
		})
	}
}

func TestInstancesThatReachTheLongestLifeAreReplacedOneByOne(t *testing.T) {
	w := newWorld(t)
	spec := w.spec(2, 2)
	spec.Maintenance = &autoscaling.Bounds{MinHealthy: 100, MaxHealthy: 150}
	spec.MaxLifetime = 24 * time.Hour
	must(w.AutoScaling.CreateGroup(spec, w.Now()))(t)
	w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
	old := w.members()
	w.pass(24*time.Hour - w.clock.Since(old[0].Launched) - time.Minute)
	assert.Equal(t, old[0].ID, w.members()[0].ID)
	most, least := 0, 2
	for range 120 {
		w.pass(10 * time.Second)
		standing, serving := 0, 0
		for _, i := range w.members() {
			if !i.Lifecycle.IsTerminating() {
				standing++
			}
			if !i.Lifecycle.IsTerminating() && w.state(i.ID) == elb.TargetHealthy {
				serving++
			}
		}
		most, least = max(most, standing), min(least, serving)
	}
	assert.Equal(t, 3, most, "150 percent of 2")
	assert.Equal(t, 2, least, "launched before another is terminated")
	require.Len(t, w.members(), 2)
	for _, i := range w.members() {
		assert.NotContains(t, []string{old[0].ID, old[1].ID}, i.ID)
	}
	g, _ := w.AutoScaling.Group(group)
	require.Len(t, g.Activities, 2+2*2, "one launched and one terminated for each")
	for _, a := range g.Activities[2:] {
		assert.Contains(t, a.Cause, "maximum instance lifetime")
	}
}

func TestAnInstanceThatRecoversAfterItsGroupSawItIsReplacedAllTheSame(t *testing.T) {
	w := newWorld(t)
	spec := w.spec(2, 2)
	spec.Maintenance = &autoscaling.Bounds{MinHealthy: 100, MaxHealthy: 150}
	must(w.AutoScaling.CreateGroup(spec, w.Now()))(t)
	w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
	w.pass(3 * time.Minute)
	sick := w.members()[0]
	w.health[sick.ID] = errRefused
	w.within(3*time.Minute, func() bool { return w.members()[0].Unhealthy })
	delete(w.health, sick.ID)
	w.within(10*time.Minute, func() bool { return w.members()[0].ID != sick.ID })
	assert.Equal(t, 2, w.AutoScaling.Capacity(group))
}

func TestMembersFollowTheTargetGroupsOfTheirGroup(t *testing.T) {
	w := newWorld(t)
	w.start(2, 2)
	spec := w.spec(2, 2)
	old := w.targets
	w.targets = must(w.ELB.CreateTargetGroup(elb.TargetGroupSpec{
		Name: "other", Port: 6000, Protocol: "TCP", VPC: w.vpc, DeregistrationDelay: 2 * time.Minute,
		Check: elb.HealthCheck{Protocol: "TCP", Port: "5001", Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 3},
	}))(t).ARN
	spec.TargetGroups = []string{w.targets}
	require.NoError(t, w.AutoScaling.UpdateGroup(spec, false, w.Now()))
	require.NoError(t, w.ELB.UpdateListener(elb.Listener{
		ARN: w.listener, Balancer: w.balancer, Port: servicePort, Protocol: "TCP", TargetGroup: w.targets,
	}))
	states := map[string][]elb.TargetState{}
	for _, target := range w.ELB.DescribeTargetHealth() {
		states[target.TargetGroup] = append(states[target.TargetGroup], target.State)
	}
	assert.Equal(t, []elb.TargetState{elb.TargetDraining, elb.TargetDraining}, states[old])
	assert.Len(t, states[w.targets], 2)
	w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
	w.within(3*time.Minute, func() bool { return len(w.ELB.DescribeTargetHealth()) == 2 })
	assert.Len(t, w.members(), 2, "and nobody was replaced for it")
}

func TestATargetTurnsUnhealthyAfterItsThresholdAndHealthyAgainAfterThatOne(t *testing.T) {
	w := newWorld(t)
	w.start(2, 2)
	id := w.members()[0].ID
	w.health[id] = errRefused
	detection := w.within(time.Minute, func() bool { return w.state(id) == elb.TargetUnhealthy })
	assert.InDelta(t, 30, detection.Seconds(), 10, "three probes, ten seconds apart")
	delete(w.health, id)
	recovery := w.within(time.Minute, func() bool { return w.state(id) == elb.TargetHealthy })
	assert.InDelta(t, 30, recovery.Seconds(), 10)
}

func TestALateProbeOfAnEarlierRegistrationChangesNothing(t *testing.T) {
	w := newWorld(t)
	w.start(2, 2)
	old := w.ELB.ProbeTargets()[0]
	require.NoError(t, w.EC2.TerminateInstance(old.Instance))
	w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 && len(w.ELB.DescribeTargetHealth()) == 2 })
	before := w.ELB.DescribeTargetHealth()
	for range 10 {
		w.ELB.Probe(old.TargetGroup, old.Incarnation, errRefused, w.Now())
	}
	assert.Equal(t, before, w.ELB.DescribeTargetHealth())
}

func TestScaleInDrainsBeforeItTerminates(t *testing.T) {
	w := newWorld(t)
	w.start(3, 3)
	require.NoError(t, w.AutoScaling.UpdateGroup(w.spec(2, 2), false, w.Now()))
	w.step()
	var leaving ec2.Instance
	for _, i := range w.members() {
		if i.Lifecycle == ec2.LifecycleTerminating {
			leaving = i
		}
	}
	require.NotEmpty(t, leaving.ID)
	assert.Equal(t, elb.TargetDraining, w.state(leaving.ID))
	assert.Equal(t, ec2.Running, leaving.State)
	for _, f := range w.ELB.Forwards() {
		for _, target := range f.Targets {
			assert.NotEqual(t, leaving.ID, target.Instance, "a draining target gets no new flow")
		}
	}
	drained := w.within(5*time.Minute, func() bool { return len(w.members()) == 2 })
	assert.GreaterOrEqual(t, drained, 118*time.Second)
}

func TestMinimumRaisedAddsAnInstance(t *testing.T) {
	w := newWorld(t)
	w.start(2, 3)
	require.NoError(t, w.AutoScaling.UpdateGroup(w.spec(3, 3), false, w.Now()))
	w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 3 })
}

func TestARefreshReplacesEveryInstanceAndNeverLosesCapacity(t *testing.T) {
	w := newWorld(t)
	w.start(2, 3)
	old := w.members()
	must(w.EC2.UpdateLaunchTemplate(w.template, w.templateData("two"), true))(t)
	spec := w.spec(2, 3)
	spec.Version = "2"
	require.NoError(t, w.AutoScaling.UpdateGroup(spec, true, w.Now()))
	refresh := func() autoscaling.Refresh {
		g, _ := w.AutoScaling.Group(group)
		return g.Refreshes[len(g.Refreshes)-1]
	}
	assert.Equal(t, autoscaling.RefreshPending, refresh().Status)
	w.within(20*time.Minute, func() bool {
		assert.GreaterOrEqual(t, w.AutoScaling.Capacity(group), 2, "never below 100 %")
		assert.LessOrEqual(t, len(active(w.members())), 3, "never over 150 %")
		return refresh().Status == autoscaling.RefreshSuccessful
	})
	for _, i := range active(w.members()) {
		assert.Equal(t, 2, i.Version)
		for _, o := range old {
			assert.NotEqual(t, o.ID, i.ID)
		}
	}
}

func TestARefreshToABrokenVersionFailsAndKeepsTheOldInstances(t *testing.T) {
	w := newWorld(t)
	w.start(2, 3)
	old := w.members()
	must(w.EC2.UpdateLaunchTemplate(w.template, w.templateData("broken"), true))(t)
	spec := w.spec(2, 3)
	spec.Version = "2"
	require.NoError(t, w.AutoScaling.UpdateGroup(spec, true, w.Now()))
	w.within(2*time.Hour, func() bool {
		for _, i := range w.members() {
			if i.Version == 2 {
				w.health[i.ID] = errRefused
			}
		}
		g, _ := w.AutoScaling.Group(group)
		return g.Refreshes[0].Status == autoscaling.RefreshFailed
	})
	for _, i := range old {
		assert.Equal(t, elb.TargetHealthy, w.state(i.ID))
	}
}

func TestANewerRefreshCancelsTheRunningOne(t *testing.T) {
	w := newWorld(t)
	w.start(2, 3)
	for _, script := range []string{"two", "three"} {
		template := must(w.EC2.UpdateLaunchTemplate(w.template, w.templateData(script), true))(t)
		spec := w.spec(2, 3)
		spec.Version = map[int]string{2: "2", 3: "3"}[template.Latest()]
		require.NoError(t, w.AutoScaling.UpdateGroup(spec, true, w.Now()))
		w.pass(30 * time.Second)
	}
	g, _ := w.AutoScaling.Group(group)
	require.Len(t, g.Refreshes, 2)
	assert.Equal(t, autoscaling.RefreshCancelled, g.Refreshes[0].Status)
	assert.Equal(t, autoscaling.RefreshInProgress, g.Refreshes[1].Status)
}

func TestADeletedGroupDrainsAndGoesWithItsLastInstance(t *testing.T) {
	w := newWorld(t)
	w.start(2, 3)
	require.NoError(t, w.AutoScaling.DeleteGroup(group, w.Now()))
	w.step()
	assert.Len(t, w.AutoScaling.GroupNames(), 1, "it is there while members drain")
	w.within(5*time.Minute, func() bool { return len(w.AutoScaling.GroupNames()) == 0 })
	for _, i := range w.EC2.DescribeInstances() {
		assert.Equal(t, ec2.Terminated, i.State)
	}
}

func TestWithAllTargetsUnhealthyTheBalancerFailsOpen(t *testing.T) {
	w := newWorld(t)
	w.start(2, 2)
	for _, i := range w.members() {
		w.health[i.ID] = errRefused
	}
	w.within(time.Minute, func() bool {
		return w.state(w.members()[0].ID) == elb.TargetUnhealthy && w.state(w.members()[1].ID) == elb.TargetUnhealthy
	})
	assert.Len(t, w.ELB.Forwards()[0].Targets, 2)
}

func TestTargetsAreUnusedUntilAListenerForwardsToThem(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.ELB.DeleteListener(w.listener))
	must(w.AutoScaling.CreateGroup(w.spec(1, 1), w.Now()))(t)
	w.pass(time.Minute)
	require.Len(t, w.ELB.DescribeTargetHealth(), 1)
	assert.Equal(t, elb.TargetUnused, w.ELB.DescribeTargetHealth()[0].State)
	must(w.ELB.CreateListener(elb.Listener{Balancer: w.balancer, Port: 5000, Protocol: "TCP", TargetGroup: w.targets}))(t)
	w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 1 })
}

func TestTargetTrackingFollowsTheLoadWithinTheBounds(t *testing.T) {
	w := newWorld(t)
	w.start(2, 3)
	must(w.AutoScaling.PutPolicy(group, autoscaling.Policy{Name: "cpu", Target: 50, Warmup: new(5 * time.Minute)}, w.Now()))(t)
	load := 90.0
	minutes := func(n int) {
		for range n {
			for _, i := range active(w.members()) {
				w.EC2.RecordCPU(i.ID, load, w.Now())
			}
			w.pass(time.Minute)
		}
	}
	minutes(9) // the warm-up of the first two, three points over the target, and a boot
	assert.Len(t, active(w.members()), 3, "2 × 90 / 50 is 4, the maximum is 3")
	load = 5
	minutes(40)
	assert.Len(t, active(w.members()), 2, "not below the minimum")
	assert.Equal(t, "ALARM", w.alarm("TargetTracking-musicguru-AlarmLow-cpu").State)
}

func active(members []ec2.Instance) []ec2.Instance {
	var found []ec2.Instance
	for _, i := range members {
		if i.Lifecycle != ec2.LifecycleTerminating {
			found = append(found, i)
		}
	}
	return found
}

func TestEachRuleAndRouteMattersAndTheReasonNamesIt(t *testing.T) {
	for name, code := range map[string]string{
		"health out": "ENI_SG_RULES_MISMATCH", "health in": "ENI_SG_RULES_MISMATCH",
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			require.NoError(t, w.VPC.DeleteRule(w.rules[name]))
			must(w.AutoScaling.CreateGroup(w.spec(1, 1), w.Now()))(t)
			w.within(time.Minute, func() bool {
				return len(w.ELB.DescribeTargetHealth()) > 0 && w.ELB.DescribeTargetHealth()[0].State == elb.TargetUnhealthy
			})
			assert.Contains(t, w.ELB.DescribeTargetHealth()[0].Description, code)
			assert.Contains(t, w.ELB.DescribeTargetHealth()[0].Description, "TCP 5001")
		})
	}
	for _, name := range []string{"service out", "service in"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			require.NoError(t, w.VPC.DeleteRule(w.rules[name]))
			w.start(1, 1) // health is no proof of the service's path
			blocked := w.ELB.Forwards()[0].Targets[0].Blocked
			require.NotNil(t, blocked)
			assert.Contains(t, blocked.Reason, "TCP 5000")
		})
	}
	t.Run("clients in", func(t *testing.T) {
		w := newWorld(t)
		require.NoError(t, w.VPC.DeleteRule(w.rules["clients in"]))
		assert.Equal(t, "ENI_SG_RULES_MISMATCH", w.ELB.Forwards()[0].Blocked.Code)
	})
	t.Run("route to the internet", func(t *testing.T) {
		w := newWorld(t)
		require.NoError(t, w.VPC.DeleteRoute(w.tables[0], "0.0.0.0/0"))
		assert.Equal(t, "NO_ROUTE_TO_DESTINATION", w.ELB.Forwards()[0].Blocked.Code)
	})
	t.Run("nothing", func(t *testing.T) {
		w := newWorld(t)
		assert.Nil(t, w.ELB.Forwards()[0].Blocked)
	})
}

func TestAStateSurvivesARestart(t *testing.T) {
	w := newWorld(t)
	w.start(2, 3)
	saved := must(w.Save())(t)
	at := must(cloud.SavedAt(saved))(t)
	assert.Equal(t, w.clock.Now(), at)

	again := must(cloud.New("us-east-1", w.clock, func(netip.Addr) bool { return true }))(t)
	require.NoError(t, again.Restore(saved))
	assert.Equal(t, w.Left(), again.Left())
	assert.Equal(t, w.EC2.DescribeInstances(), cloud.Get(again, func(m *cloud.Model) []ec2.Instance { return m.EC2.DescribeInstances() }))
	for _, target := range cloud.Get(again, func(m *cloud.Model) []elb.TargetHealth { return m.ELB.DescribeTargetHealth() }) {
		assert.Equal(t, elb.TargetInitial, target.State, "nobody has been asked yet")
	}

	elsewhere := must(cloud.New("eu-west-1", w.clock, func(netip.Addr) bool { return true }))(t)
	require.ErrorContains(t, elsewhere.Restore(saved), "us-east-1")
	require.ErrorContains(t, again.Restore([]byte("{")), "not a saved state")
	require.ErrorContains(t, again.Restore([]byte(`{"Format": 99}`)), "format 99")
}

// modelOf returns the model of a cloud that only the test uses, which needs no lock.
func modelOf(c *cloud.Cloud) *cloud.Model {
	return cloud.Get(c, func(m *cloud.Model) *cloud.Model { return m })
}
