package cloud_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/fault"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

func TestFaultsThatCannotBeAreRefused(t *testing.T) {
	with := func(change func(*fault.Spec)) func(*world) fault.Spec {
		return func(w *world) fault.Spec {
			spec := fault.Spec{Action: fault.StressCPU, Target: w.members()[0].ID, Duration: time.Minute, Parameters: map[string]string{}}
			change(&spec)
			return spec
		}
	}
	for name, c := range map[string]struct {
		code string
		spec func(*world) fault.Spec
	}{
		"an unknown action":      {"ValidationException", with(func(s *fault.Spec) { s.Action = "aws:ec2:reboot-instances" })},
		"no duration":            {"ValidationException", with(func(s *fault.Spec) { s.Duration = 0 })},
		"thirteen hours":         {"ValidationException", with(func(s *fault.Spec) { s.Duration = 13 * time.Hour })},
		"an instance that isn't": {"ResourceNotFoundException", with(func(s *fault.Spec) { s.Target = "i-1" })},
		"a group that isn't": {"ResourceNotFoundException", with(func(s *fault.Spec) {
			s.Action, s.Target = fault.InsufficientCapacity, "other"
		})},
		"a subnet that isn't": {"ResourceNotFoundException", with(func(s *fault.Spec) {
			s.Action, s.Target = fault.DisruptConnectivity, "subnet-1"
		})},
		"a zone without subnets": {"ResourceNotFoundException", with(func(s *fault.Spec) {
			s.Action, s.Target = fault.DisruptConnectivity, "us-east-1f"
		})},
		"another region's zone": {"ResourceNotFoundException", with(func(s *fault.Spec) {
			s.Action, s.Target = fault.PowerInterruption, "eu-west-1a"
		})},
		"a task that isn't":       {"InvalidParameterException", with(func(s *fault.Spec) { s.Action = fault.StopTask })},
		"a parameter that isn't":  {"ValidationException", with(func(s *fault.Spec) { s.Parameters["Workers"] = "1" })},
		"more than all of a CPU":  {"ValidationException", with(func(s *fault.Spec) { s.Parameters[fault.ParameterLoad] = "101" })},
		"no number":               {"ValidationException", with(func(s *fault.Spec) { s.Parameters[fault.ParameterCPU] = "half" })},
		"no process to be killed": {"ValidationException", with(func(s *fault.Spec) { s.Action = fault.KillProcess })},
		"a signal that FIS has not": {"ValidationException", with(func(s *fault.Spec) {
			s.Action = fault.KillProcess
			s.Parameters = map[string]string{fault.ParameterProcess: "web", fault.ParameterSignal: "SIGHUP"}
		})},
		"a scope of AWS's that isn't here": {"ValidationException", func(w *world) fault.Spec {
			return fault.Spec{
				Action: fault.DisruptConnectivity, Target: w.subnets[0], Duration: time.Minute,
				Parameters: map[string]string{fault.ParameterScope: "s3"},
			}
		}},
		"capacity in another region": {"ValidationException", with(func(s *fault.Spec) {
			s.Action, s.Target, s.Parameters[fault.ParameterZones] = fault.InsufficientCapacity, group, "us-east-1a,eu-west-1a"
		})},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.start(1, 1)
			before := w.Version()
			_, err := w.Fault.Start(c.spec(w), w.Now())
			refused(t, c.code, err)
			assert.Empty(t, w.Fault.List())
			assert.Equal(t, before, w.Version(), "nothing changed")
		})
	}
}

func TestAFaultEndsByItselfOrIsStoppedOrGoesWithItsTarget(t *testing.T) {
	w := newWorld(t)
	w.start(2, 3)
	stress := w.fault(fault.StressCPU, w.members()[0].ID, 10*time.Minute)
	assert.Equal(t, map[string]string{fault.ParameterCPU: "0", fault.ParameterLoad: "100"}, stress.Parameters)
	assert.InDelta(t, 2, stress.VirtualCPUs("t3.micro"), 0)
	network := w.fault(fault.DisruptConnectivity, w.subnets[1], time.Minute)
	capacity := w.fault(fault.InsufficientCapacity, group, time.Hour)
	assert.Equal(t, []fault.Fault{stress, network, capacity}, sorted(w.Fault.List(), stress, network, capacity))
	_, err := w.Fault.Start(fault.Spec{Action: fault.InsufficientCapacity, Target: group, Duration: time.Minute}, w.Now())
	refused(t, "ConflictException", err)

	w.pass(59 * time.Second)
	assert.Len(t, w.Fault.List(), 3)
	w.pass(2 * time.Second)
	assert.Len(t, w.Fault.List(), 2, "a minute is over")
	require.NoError(t, w.Fault.Stop(capacity.ID))
	refused(t, "ResourceNotFoundException", w.Fault.Stop(capacity.ID))
	require.Len(t, w.Fault.List(), 1)
	require.NoError(t, w.EC2.TerminateInstance(stress.Target))
	w.step()
	assert.Empty(t, w.Fault.List())
}

// sorted brings faults that began at one moment into the order of those given.
func sorted(faults []fault.Fault, order ...fault.Fault) []fault.Fault {
	var found []fault.Fault
	for _, wanted := range order {
		for _, f := range faults {
			if f.ID == wanted.ID {
				found = append(found, f)
			}
		}
	}
	return found
}

func TestFaultsAreOverARestart(t *testing.T) {
	w := newWorld(t)
	w.start(2, 3)
	started := w.fault(fault.DisruptConnectivity, "us-east-1a", 10*time.Minute)
	saved := must(w.Save())(t)
	again := must(cloud.New("us-east-1", w.clock, func(netip.Addr) bool { return true }))(t)
	require.NoError(t, again.Restore(saved))
	require.Equal(t, []fault.Fault{started}, cloud.Get(again, func(m *cloud.Model) []fault.Fault { return m.Fault.List() }), "they go on")
	w.clock.Advance(11 * time.Minute)
	again.Reconcile()
	assert.Empty(t, cloud.Get(again, func(m *cloud.Model) []fault.Fault { return m.Fault.List() }), "and end in their time")
}

func TestADisruptedSubnetIsUnhealthyForTheReasonThatAnACLGives(t *testing.T) {
	for _, target := range []string{"subnet", "zone"} {
		t.Run(target, func(t *testing.T) {
			w := newWorld(t)
			spec := w.spec(2, 3)
			spec.HealthType = "EC2"
			must(w.AutoScaling.CreateGroup(spec, w.Now()))(t)
			w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
			names := map[string]string{"subnet": w.subnets[0], "zone": "us-east-1a"}
			fault := w.fault(fault.DisruptConnectivity, names[target], 5*time.Minute)
			assert.Nil(t, w.ELB.Forwards()[0].Blocked, "clients are sent to the other node")
			assert.Equal(t, []string{"us-east-1b"}, w.ELB.Forwards()[0].Nodes)
			for _, f := range w.ELB.Forwards()[0].Targets {
				assert.Equal(t, f.Zone == "us-east-1a", f.Blocked != nil, f.Zone)
			}
			w.pass(time.Minute)
			for _, health := range w.ELB.DescribeTargetHealth() {
				i := must(w.EC2.Instance(health.Instance))(t)
				if i.Zone == "us-east-1b" {
					assert.Equal(t, elb.TargetHealthy, health.State)
					continue
				}
				assert.Equal(t, elb.TargetUnhealthy, health.State)
				assert.Equal(t, elb.ReasonFailed, health.Reason)
				assert.Contains(t, health.Description, "Health checks failed: SUBNET_ACL_RESTRICTION: ")
				assert.Contains(t, health.Description, fault.ID+" (aws:network:disrupt-connectivity)")
				assert.Equal(t, "SUBNET_ACL_RESTRICTION", w.Analyzer.Analyze("internet", i.ID, servicePort).Code)
			}
			w.within(6*time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
			assert.Empty(t, w.Fault.List())
			assert.Equal(t, []string{"us-east-1a", "us-east-1b"}, w.ELB.Forwards()[0].Nodes)
		})
	}
}

func TestADeadZoneIsSurvivedByTheOtherAndFilledOnReturn(t *testing.T) {
	w := newWorld(t)
	w.start(2, 3)
	before := w.members()
	fault := w.fault(fault.PowerInterruption, "us-east-1a", 0)
	assert.Zero(t, fault.Until)
	for _, i := range before {
		now := must(w.EC2.Instance(i.ID))(t)
		assert.Equal(t, i.Zone == "us-east-1a", now.PowerCut)
		assert.Equal(t, i.Zone == "us-east-1a", now.State == ec2.ShuttingDown)
	}
	assert.Nil(t, w.ELB.Forwards()[0].Blocked)
	_, err := w.EC2.RunInstance(ec2.InstanceSpec{TemplateData: w.templateData("x"), Subnet: w.subnets[0]}, w.Now())
	refused(t, "InsufficientInstanceCapacity", err)

	took := w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 })
	assert.LessOrEqual(t, took, 20*time.Second)
	assert.Equal(t, "b2", w.zoned())
	w.pass(10 * time.Minute)
	assert.Equal(t, "b2", w.zoned(), "the minimum is kept in the other zone")
	var failed []autoscaling.Activity
	for _, a := range w.activities() {
		if a.Status == "Failed" {
			failed = append(failed, a)
		}
	}
	require.NotEmpty(t, failed)
	assert.Contains(t, failed[0].Message, "We currently do not have sufficient t3.micro capacity in the Availability Zone you requested "+
		"(us-east-1a). Our system will be working on provisioning additional capacity. You can currently get t3.micro capacity by not "+
		"specifying an Availability Zone in your request or choosing us-east-1b, us-east-1c,")
	assert.LessOrEqual(t, len(failed), 12, "once a minute")

	require.NoError(t, w.Fault.Stop(fault.ID))
	w.within(15*time.Minute, func() bool {
		assert.GreaterOrEqual(t, w.AutoScaling.Capacity(group), 2, "on the way back nothing is lost")
		return w.zoned() == "a1 b1" && len(w.members()) == 2
	})
}

func TestWhenEveryZoneIsDeadTheGroupComesBackWithThem(t *testing.T) {
	w := newWorld(t)
	w.start(2, 3)
	w.fault(fault.PowerInterruption, "us-east-1a", 5*time.Minute)
	w.fault(fault.PowerInterruption, "us-east-1b", 7*time.Minute)
	w.pass(4 * time.Minute)
	assert.Zero(t, w.AutoScaling.Capacity(group))
	assert.Equal(t, "SUBNET_ACL_RESTRICTION", w.ELB.Forwards()[0].Blocked.Code)
	w.within(20*time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 2 && w.zoned() == "a1 b1" })
}

func TestTasksOfADeadZoneComeBackElsewhere(t *testing.T) {
	w := newECS(t, 2)
	w.startService(2)
	require.Len(t, w.zones(), 2)
	stopped := must(w.Fault.Start(fault.Spec{Action: fault.StopTask, Target: w.running()[0].ID}, w.Now()))(t)
	assert.Equal(t, stopped.Started, stopped.Until, "that is done at once")
	assert.Empty(t, w.Fault.List())
	w.until(5*time.Minute, func() bool { return w.steady() && w.running()[0].ID != stopped.Target })

	fault := must(w.Fault.Start(fault.Spec{Action: fault.PowerInterruption, Target: "us-east-1a"}, w.Now()))(t)
	w.until(10*time.Minute, func() bool { return w.steady() && w.zones()["us-east-1b"] == 2 })
	require.NoError(t, w.Fault.Stop(fault.ID))
	w.until(30*time.Minute, func() bool {
		hosts := map[string]int{}
		for _, i := range w.EC2.DescribeInstances() {
			if i.State == ec2.Running {
				hosts[i.Zone]++
			}
		}
		return hosts["us-east-1a"] == 1 && hosts["us-east-1b"] == 1
	})
}

func TestATaskThatNeverStartedSaysOnlyWhy(t *testing.T) {
	w := newECS(t, 2)
	w.serviceARN = must(w.ECS.CreateService(w.service(1), w.Now()))(t).ARN
	w.frozen = true
	for reason, want := range map[string]string{
		"CannotStartContainerError: exec: no such file": "CannotStartContainerError: exec: no such file",
		"exit status 1": "Essential container in task exited: exit status 1",
		"":              "Essential container in task exited",
	} {
		w.until(5*time.Minute, func() bool { return len(w.tasksIn(ecs.TaskPending)) == 1 })
		id := w.tasksIn(ecs.TaskPending)[0].ID
		w.ECS.ContainerEnded(id, "web", 1, reason, w.Now())
		for _, task := range w.tasksIn(ecs.TaskStopped) {
			if task.ID == id {
				assert.Equal(t, want, task.Reason)
			}
		}
	}
}

func TestContainersAddressesAreNotInOrder(t *testing.T) {
	w := newECS(t, 2)
	w.startService(2)
	first, second := w.running()[0].Address, w.running()[1].Address
	assert.NotEqual(t, first, second)
	for _, address := range []netip.Addr{first, second} {
		assert.Equal(t, [2]byte{127, 254}, [2]byte(address.AsSlice()[:2]))
	}
	assert.False(t, first == netip.MustParseAddr("127.254.0.1") && second == netip.MustParseAddr("127.254.0.2"), "as by chance once in 4e9")
}

func TestHealthChecksFailForELBsReasons(t *testing.T) {
	blocked := &vpc.Blocked{Code: "NO_PATH", Reason: "a and b are in different networks"}
	for name, c := range map[string]struct {
		result              error
		http                bool
		reason, description string
	}{
		"a refused connection": {errRefused, false, "Target.FailedHealthChecks", "Health checks failed: connection refused"},
		"another code": {
			&elb.ProbeFault{Reason: elb.ReasonMismatch, Description: "Health checks failed with these codes: [503]"}, true,
			"Target.ResponseCodeMismatch", "Health checks failed with these codes: [503]",
		},
		"a page that is dropped": {blocked, true, "Target.Timeout", "Request timed out: NO_PATH: a and b are in different networks"},
		"a SYN that is dropped": {blocked, false, "Target.FailedHealthChecks",
			"Health checks failed: NO_PATH: a and b are in different networks"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWeb(t)
			targets := w.world.targets
			if c.http {
				must(w.ELB.CreateListener(w.listener(func(*elb.Listener) {})))(t)
				targets = w.targets
			}
			spec := w.spec(1, 1)
			spec.TargetGroups, spec.HealthType = []string{targets}, "EC2"
			must(w.AutoScaling.CreateGroup(spec, w.Now()))(t)
			w.within(time.Minute, func() bool { return len(w.ELB.ProbeTargets()) == 1 })
			probed := w.ELB.ProbeTargets()[0]
			for range 3 {
				w.ELB.Probe(probed.TargetGroup, probed.Incarnation, c.result, w.Now())
			}
			health := w.ELB.DescribeTargetHealth()[0]
			assert.Equal(t, []string{"unhealthy", c.reason, c.description}, []string{string(health.State), health.Reason, health.Description})
		})
	}
}

func TestWithoutCrossZoneOnlyZonesWithTargetsAreInTheName(t *testing.T) {
	w := newWorld(t)
	spec := elb.LoadBalancerSpec{Subnets: w.subnets, SecurityGroups: []string{w.balancerSG}}
	require.NoError(t, w.ELB.UpdateLoadBalancer(w.balancer, spec))
	assert.Equal(t, []string{"us-east-1a", "us-east-1b"}, w.ELB.Forwards()[0].Nodes, "with no target anywhere, all")
	w.start(1, 2)
	assert.Equal(t, []string{w.members()[0].Zone}, w.ELB.Forwards()[0].Nodes)
	spec.CrossZone = true
	require.NoError(t, w.ELB.UpdateLoadBalancer(w.balancer, spec))
	assert.Len(t, w.ELB.Forwards()[0].Nodes, 2)
}
