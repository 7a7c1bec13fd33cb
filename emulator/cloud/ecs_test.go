package cloud_test

import (
	"encoding/base64"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// ecsWorld is the stack flask: a cluster on an Auto Scaling group, behind an application balancer.
type ecsWorld struct {
	*world
	serviceARN string
	targetARN  string
	sick       map[string]bool // tasks by ID that fail their health checks
	broken     map[string]bool // images whose containers end as soon as they start
	frozen     bool            // containers neither start nor stop
	load       float64         // percent that each task uses of its reservation; none is measured below 0
	measured   time.Time
}

const ecsPolicy = `{"Statement":[{"Effect":"Allow","Action":["ecs:*"],"Resource":"*"}]}`

const joinFlask = "#cloud-config\nwrite_files:\n- path: /etc/ecs/ecs.config\n  content: |\n    ECS_CLUSTER=flask\n"

func newECS(t *testing.T, hosts int) *ecsWorld {
	t.Helper()
	w := &ecsWorld{world: newWorld(t), sick: map[string]bool{}, broken: map[string]bool{}, load: -1}
	w.openPorts()
	w.joinable()
	must(w.ECS.CreateCluster("flask"))(t)
	spec := w.spec(hosts, 4)
	spec.TargetGroups, spec.HealthType = nil, "EC2"
	must(w.AutoScaling.CreateGroup(spec, w.Now()))(t)
	must(w.ECS.CreateCapacityProvider(w.provider()))(t)
	require.NoError(t, w.ECS.PutClusterCapacityProviders("flask", []string{"capacity"}, nil))
	w.until(time.Minute, func() bool { return len(w.ECS.DescribeContainerInstances("flask")) == hosts })
	must(w.ECS.RegisterTaskDefinition(definition("web:1")))(t)
	return w
}

func (w *ecsWorld) provider() ecs.CapacityProviderSpec {
	return ecs.CapacityProviderSpec{
		Name: "capacity", Group: group, Draining: true,
		Scaling: &ecs.ManagedScaling{Target: 100, MinStep: 1, MaxStep: 10000},
	}
}

// openPorts makes the application balancer and lets it reach the dynamic ports, and the agents ECS.
func (w *ecsWorld) openPorts() {
	for _, rule := range []vpc.Rule{
		{Group: w.balancerSG, From: 80, To: 80, CIDR: "0.0.0.0/0"},
		{Group: w.balancerSG, Egress: true, From: 32768, To: 65535, Peer: w.instanceSG},
		{Group: w.instanceSG, From: 32768, To: 65535, Peer: w.balancerSG},
		{Group: w.instanceSG, Egress: true, From: 443, To: 443, CIDR: "0.0.0.0/0"},
	} {
		rule.Protocol = "tcp"
		w.rules[fmt.Sprintf("%v %d", rule.Egress, rule.From)] = must(w.VPC.CreateRule(rule))(w.t).ID
	}
	alb := must(w.ELB.CreateLoadBalancer(elb.LoadBalancerSpec{
		Name: "flask-lb", Kind: "application", Subnets: w.subnets, SecurityGroups: []string{w.balancerSG},
	}, w.Now()))(w.t)
	w.targetARN = must(w.ELB.CreateTargetGroup(elb.TargetGroupSpec{
		Name: "flask-tg", Port: 80, Protocol: "HTTP", VPC: w.vpc, DeregistrationDelay: 30 * time.Second,
		Check: elb.HealthCheck{
			Protocol: "HTTP", Port: "traffic-port", Path: "/ping", Matcher: "200",
			Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 3,
		},
	}))(w.t).ARN
	must(w.ELB.CreateListener(elb.Listener{Balancer: alb.ARN, Port: 80, Protocol: "HTTP", TargetGroup: w.targetARN}))(w.t)
}

// joinable lets the instances of the template join the cluster flask.
func (w *ecsWorld) joinable() {
	require.NoError(w.t, w.IAM.CreateRole("host", `{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}`))
	require.NoError(w.t, w.IAM.PutRolePolicy("host", "ecs", ecsPolicy))
	require.NoError(w.t, w.IAM.CreateProfile("host", "host"))
	w.template = must(w.EC2.CreateLaunchTemplate("flask", w.hostData(joinFlask)))(w.t).ID
}

func (w *ecsWorld) hostData(script string) ec2.TemplateData {
	image := must(w.EC2.ImageByParameter("/aws/service/ecs/optimized-ami/amazon-linux-2023/recommended/image_id"))(w.t)
	data := w.templateData("")
	data.ImageID, data.Profile = image.ID, "host"
	data.UserData = base64.StdEncoding.EncodeToString([]byte(script))
	return data
}

func definition(image string) ecs.TaskDefinitionSpec {
	return ecs.TaskDefinitionSpec{Family: "web", Containers: []ecs.ContainerDefinition{{
		Name: "web", Image: image, CPU: 256, Memory: 256, EntryPoint: []string{"serve"}, Command: []string{"-v"},
		Environment:  []ecs.KeyValue{{Name: "RELEASE", Value: image}},
		PortMappings: []ecs.PortMapping{{ContainerPort: 5000}},
	}}}
}

func (w *ecsWorld) service(desired int) ecs.ServiceSpec {
	return ecs.ServiceSpec{
		Name: "web", Cluster: "flask", TaskDefinition: "web", Desired: desired, MinHealthy: 100, MaxHealthy: 200,
		Breaker: ecs.Breaker{Enable: true, Rollback: true}, Grace: 30 * time.Second,
		Providers: []ecs.ProviderStrategy{{Provider: "capacity", Weight: 1}},
		Balancers: []ecs.ServiceBalancer{{TargetGroup: w.targetARN, Container: "web", ContainerPort: 5000}},
	}
}

func (w *ecsWorld) startService(desired int) {
	w.serviceARN = must(w.ECS.CreateService(w.service(desired), w.Now()))(w.t).ARN
	w.until(2*time.Minute, w.steady)
}

func (w *ecsWorld) status() ecs.ServiceStatus {
	status, _ := w.ECS.DescribeService(w.serviceARN)
	return status
}

func (w *ecsWorld) steady() bool { return w.status().Steady }

// step is a second of a data plane that runs containers too, and asks each of them for its health.
func (w *ecsWorld) step() {
	w.clock.Advance(time.Second)
	w.Reconcile()
	for _, i := range w.EC2.DescribeInstances() {
		switch i.State {
		case ec2.Pending:
			w.EC2.InstanceRunning(i.ID)
		case ec2.ShuttingDown, ec2.Stopping:
			w.EC2.InstanceEnded(i.ID, "", w.Now())
		case ec2.Running, ec2.Stopped, ec2.Terminated:
		}
	}
	now := w.clock.Now()
	measure := w.load >= 0 && now.Sub(w.measured) >= time.Minute
	if measure {
		w.measured = now
	}
	for _, t := range w.ECS.DescribeTasks() {
		switch {
		case w.frozen:
		case t.State == ecs.TaskPending && w.broken[t.Containers[0].Image]:
			w.ECS.ContainerEnded(t.ID, "web", 1, "exit status 1", w.Now())
		case t.State == ecs.TaskPending:
			w.ECS.TaskRunning(t.ID, w.Now())
		case t.State == ecs.TaskStopping:
			for _, c := range t.Containers {
				w.ECS.ContainerEnded(t.ID, c.Name, 0, "", w.Now())
			}
		case t.State == ecs.TaskRunning && measure:
			w.ECS.RecordTaskUse(t.ID, w.load, 64<<20, w.Now())
		}
	}
	w.probeTasks()
}

// probeTasks answers for the containers.
func (w *ecsWorld) probeTasks() {
	if w.clock.Now().Unix()%10 != 0 {
		return
	}
	for _, target := range w.ELB.ProbeTargets() {
		var result error
		for _, t := range w.ECS.DescribeTasks() {
			if t.Instance == target.Instance && t.HostPort == target.Port && t.State != ecs.TaskStopped && w.sick[t.ID] {
				result = fmt.Errorf("Health checks failed with these codes: [503]")
			}
		}
		if target.Blocked != nil {
			result = target.Blocked
		}
		w.ELB.Probe(target.TargetGroup, target.Incarnation, result, w.Now())
	}
}

func (w *ecsWorld) until(limit time.Duration, f func() bool) time.Duration {
	w.t.Helper()
	start := w.clock.Now()
	for !f() {
		if w.clock.Since(start) > limit {
			require.Fail(w.t, "did not happen", "within %v; %+v; %v", limit, w.status(), w.tasksIn(""))
		}
		w.step()
	}
	return w.clock.Since(start)
}

func (w *ecsWorld) pass(d time.Duration) {
	for end := w.clock.Now().Add(d); w.clock.Now().Before(end); {
		w.step()
	}
}

// tasksIn lists the tasks in a state, all of them for "".
func (w *ecsWorld) tasksIn(state ecs.TaskState) []ecs.Task {
	var found []ecs.Task
	for _, t := range w.ECS.DescribeTasks() {
		if state == "" || t.State == state {
			found = append(found, t)
		}
	}
	return found
}

func (w *ecsWorld) running() []ecs.Task { return w.tasksIn(ecs.TaskRunning) }

// healthyTargets counts what the balancer may send requests to with a good conscience.
func (w *ecsWorld) healthyTargets() int {
	count := 0
	for _, t := range w.ELB.DescribeTargetHealth() {
		if t.TargetGroup == w.targetARN && t.State == elb.TargetHealthy {
			count++
		}
	}
	return count
}

func (w *ecsWorld) events() string {
	var all strings.Builder
	for _, e := range w.status().Events {
		all.WriteString(e.Message + "\n")
	}
	return all.String()
}

func (w *ecsWorld) zones() map[string]int {
	zones := map[string]int{}
	for _, t := range w.running() {
		for _, i := range w.EC2.DescribeInstances() {
			if i.ID == t.Instance {
				zones[i.Zone]++
			}
		}
	}
	return zones
}

func TestTasksSpreadOverTheZonesOnDynamicPortsAndBecomeHealthy(t *testing.T) {
	w := newECS(t, 2)
	w.startService(4)
	assert.Equal(t, map[string]int{"us-east-1a": 2, "us-east-1b": 2}, w.zones())
	addresses, ports := map[string]bool{}, map[string]bool{}
	for _, task := range w.running() {
		assert.GreaterOrEqual(t, task.HostPort, 32768)
		addresses[task.Address.String()] = true
		ports[fmt.Sprintf("%s:%d", task.HostAddress, task.HostPort)] = true
		assert.Equal(t, []string{"serve", "-v"}, task.Containers[0].Command)
		assert.Equal(t, "web:1", task.Containers[0].Environment["RELEASE"])
		assert.Equal(t, 5000, task.ContainerPort)
	}
	assert.Len(t, addresses, 4)
	assert.Len(t, ports, 4)
	assert.Equal(t, 4, w.healthyTargets())
	status := w.status()
	assert.Equal(t, ecs.RolloutCompleted, status.Deployments[0].Rollout)
	assert.Equal(t, 4, status.Running)
	assert.Contains(t, w.events(), "(service web) has reached a steady state.")
	assert.Contains(t, w.events(), "registered 1 targets in (target-group "+w.targetARN+")")
}

func TestAPendingTaskIsRegisteredNowhere(t *testing.T) {
	w := newECS(t, 2)
	w.frozen = true
	w.serviceARN = must(w.ECS.CreateService(w.service(1), w.Now()))(t).ARN
	w.pass(time.Minute)
	assert.Equal(t, 1, w.status().Pending)
	assert.Zero(t, w.status().Running)
	assert.Empty(t, w.ELB.DescribeTargetHealth())
	assert.False(t, w.steady())
}

func TestAStoppedTaskIsDrainedWhileItServesAndReplaced(t *testing.T) {
	w := newECS(t, 2)
	w.startService(2)
	victim := w.running()[0]
	require.NoError(t, w.ECS.StopTask(victim.ID, "", w.Now()))
	w.step()
	require.Len(t, w.tasksIn(ecs.TaskDeactivating), 1)
	for _, f := range w.ELB.Forwards() {
		for _, target := range f.Targets {
			same := target.Instance == victim.Instance && int(target.Address.Port()) == victim.HostPort
			assert.False(t, same, "no new requests")
		}
	}
	drained := w.until(time.Minute, func() bool { return len(w.tasksIn(ecs.TaskDeactivating)) == 0 })
	assert.GreaterOrEqual(t, drained, 28*time.Second, "the deregistration delay")
	w.until(time.Minute, w.steady)
	assert.Len(t, w.running(), 2)
	stopped := w.tasksIn(ecs.TaskStopped)
	require.Len(t, stopped, 1)
	assert.Equal(t, "Task stopped by user", stopped[0].Reason)
	assert.Len(t, w.zones(), 2, "in the zone that it left")
}

func TestATaskThatEndsIsReplacedAtOnce(t *testing.T) {
	w := newECS(t, 2)
	w.startService(2)
	w.pass(6 * time.Minute)
	w.ECS.ContainerEnded(w.running()[0].ID, "web", 137, "killed", w.Now())
	w.step()
	assert.Len(t, w.tasksIn(ecs.TaskStopped), 1)
	assert.Contains(t, w.tasksIn(ecs.TaskStopped)[0].Reason, "Essential container in task exited: killed")
	assert.Equal(t, 137, *w.tasksIn(ecs.TaskStopped)[0].Containers[0].ExitCode)
	took := w.until(time.Minute, w.steady)
	assert.LessOrEqual(t, took, 20*time.Second)
}

func TestAnUnhealthyTaskIsReplacedAfterItsGracePeriodAndItsReplacementComesFirst(t *testing.T) {
	w := newECS(t, 2)
	w.startService(2)
	sick := w.running()[0]
	w.sick[sick.ID] = true
	w.until(time.Minute, func() bool { return len(w.running())+len(w.tasksIn(ecs.TaskPending)) == 3 })
	w.until(time.Minute, func() bool {
		assert.GreaterOrEqual(t, len(w.running()), 2)
		return w.steady()
	})
	for _, task := range w.running() {
		assert.NotEqual(t, sick.ID, task.ID)
	}
	assert.Contains(t, w.events(), fmt.Sprintf("(port %d) is unhealthy in (target-group %s) due to (reason Health checks failed",
		sick.HostPort, w.targetARN))
}

func TestTheGracePeriodProtectsATaskThatStartsSlowly(t *testing.T) {
	w := newECS(t, 2)
	spec := w.service(1)
	spec.Grace = 3 * time.Minute
	w.serviceARN = must(w.ECS.CreateService(spec, w.Now()))(t).ARN
	w.until(time.Minute, func() bool { return len(w.running()) == 1 })
	slow := w.running()[0]
	w.sick[slow.ID] = true
	w.pass(2 * time.Minute)
	delete(w.sick, slow.ID)
	w.until(time.Minute, w.steady)
	assert.Equal(t, slow.ID, w.running()[0].ID)
}

func TestANewRevisionRollsWithoutAGap(t *testing.T) {
	for _, desired := range []int{1, 2} {
		t.Run(fmt.Sprint(desired), func(t *testing.T) {
			w := newECS(t, 2)
			w.startService(desired)
			must(w.ECS.RegisterTaskDefinition(definition("web:2")))(t)
			require.NoError(t, w.ECS.UpdateService(w.serviceARN, w.service(desired), false, w.Now()))
			require.Len(t, w.status().Deployments, 2)
			assert.Equal(t, ecs.RolloutInProgress, w.status().Deployments[0].Rollout)
			w.until(5*time.Minute, func() bool {
				assert.GreaterOrEqual(t, w.healthyTargets(), desired, "never below 100 %%")
				assert.LessOrEqual(t, len(w.running())+len(w.tasksIn(ecs.TaskPending)), 2*desired, "never over 200 %%")
				if w.status().Deployments[0].Rollout == ecs.RolloutCompleted {
					for _, task := range w.tasksIn("") {
						assert.True(t, task.Revision == 2 || task.State == ecs.TaskStopped, "completed, yet %s", task.State)
					}
				}
				return w.steady()
			})
			require.Len(t, w.running(), desired)
			for _, task := range w.running() {
				assert.Equal(t, 2, task.Revision)
			}
			assert.Len(t, w.status().Deployments, 1)
		})
	}
}

func TestTheCircuitBreakerRollsABrokenRevisionBack(t *testing.T) {
	for name, spoil := range map[string]func(*ecsWorld){
		"that doesn't start":         func(w *ecsWorld) { w.broken["web:2"] = true },
		"that never becomes healthy": func(*ecsWorld) {},
	} {
		t.Run(name, func(t *testing.T) {
			w := newECS(t, 2)
			w.startService(2)
			good := w.status().Deployments[0].ID
			spoil(w)
			must(w.ECS.RegisterTaskDefinition(definition("web:2")))(t)
			require.NoError(t, w.ECS.UpdateService(w.serviceARN, w.service(2), false, w.Now()))
			w.until(20*time.Minute, func() bool {
				for _, task := range w.running() {
					w.sick[task.ID] = task.Revision == 2
				}
				assert.GreaterOrEqual(t, w.healthyTargets(), 2)
				return w.steady()
			})
			status := w.status()
			require.Len(t, status.Deployments, 1)
			assert.Equal(t, good, status.Deployments[0].ID, "the former deployment, not another one")
			assert.True(t, strings.HasSuffix(status.TaskDefinition, "web:1"))
			assert.Contains(t, w.events(), "deployment failed: tasks failed to start.")
			assert.Contains(t, w.events(), "rolling back to (deployment "+good+")")
			failed := 0
			for _, task := range w.tasksIn(ecs.TaskStopped) {
				if task.Revision == 2 {
					failed++
				}
			}
			assert.GreaterOrEqual(t, failed, 3)
		})
	}
}

func TestWithoutABreakerABrokenServiceIsStartedEverMoreSlowly(t *testing.T) {
	w := newECS(t, 2)
	w.broken["web:1"] = true
	spec := w.service(1)
	spec.Breaker = ecs.Breaker{}
	w.serviceARN = must(w.ECS.CreateService(spec, w.Now()))(t).ARN
	w.pass(30 * time.Minute)
	tries := len(w.tasksIn(ecs.TaskStopped))
	assert.Greater(t, tries, 5)
	assert.Less(t, tries, 12)
	assert.Contains(t, w.events(), "is unable to consistently start tasks successfully")
	assert.Equal(t, ecs.RolloutInProgress, w.status().Deployments[0].Rollout)
}

func TestAFirstDeploymentThatFailsHasNothingToGoBackTo(t *testing.T) {
	w := newECS(t, 2)
	w.broken["web:1"] = true
	w.serviceARN = must(w.ECS.CreateService(w.service(1), w.Now()))(t).ARN
	w.until(5*time.Minute, func() bool { return w.status().Deployments[0].Rollout == ecs.RolloutFailed })
	tries := len(w.tasksIn(""))
	w.pass(5 * time.Minute)
	assert.Len(t, w.tasksIn(""), tries, "a failed deployment starts no more tasks")
}

func TestTasksOfATerminatedInstanceComeBackElsewhere(t *testing.T) {
	w := newECS(t, 2)
	w.startService(2)
	lost := w.running()[0]
	require.NoError(t, w.EC2.TerminateInstance(lost.Instance))
	w.step()
	w.step()
	for _, task := range w.ECS.DescribeTasks() {
		if task.ID == lost.ID {
			assert.Equal(t, ecs.TaskStopped, task.State)
			assert.Contains(t, task.Reason, "Host EC2 (instance "+lost.Instance+") terminated")
		}
	}
	w.until(3*time.Minute, func() bool { return w.steady() && len(w.ECS.DescribeContainerInstances("flask")) == 2 })
}

func TestAnInstanceThatIsScaledInIsDrainedOfItsTasksFirst(t *testing.T) {
	w := newECS(t, 3)
	w.startService(2)
	spec := w.spec(1, 1)
	spec.TargetGroups, spec.HealthType = nil, "EC2"
	require.NoError(t, w.AutoScaling.UpdateGroup(spec, false, w.Now()))
	w.until(10*time.Minute, func() bool {
		assert.GreaterOrEqual(t, w.healthyTargets(), 2, "tasks move before their instance goes")
		return len(w.ECS.DescribeContainerInstances("flask")) == 1 && w.steady()
	})
	for _, task := range w.tasksIn(ecs.TaskStopped) {
		assert.NotContains(t, task.Reason, "terminated")
	}
}

func TestTasksThatFitNowhereRaiseTheGroupWithinItsMaximum(t *testing.T) {
	w := newECS(t, 1)
	spec := w.service(6)
	w.serviceARN = must(w.ECS.CreateService(spec, w.Now()))(t).ARN
	w.pass(2 * time.Second)
	assert.Len(t, w.running(), 3, "916 MiB hold three tasks of 256")
	assert.Equal(t, 3, w.status().Pending)
	assert.Contains(t, w.events(), "has insufficient memory available")
	w.until(5*time.Minute, w.steady)
	assert.Len(t, w.ECS.DescribeContainerInstances("flask"), 2)

	require.NoError(t, w.ECS.SetDesiredCount(w.serviceARN, 20))
	w.pass(10 * time.Minute)
	assert.Len(t, w.ECS.DescribeContainerInstances("flask"), 4, "the group's maximum")
	assert.Len(t, w.running(), 12)
}

func TestInstancesThatNobodyNeedsGoAfterAQuarterOfAnHour(t *testing.T) {
	w := newECS(t, 1)
	w.startService(3)
	require.NoError(t, w.ECS.SetDesiredCount(w.serviceARN, 9))
	w.until(5*time.Minute, w.steady)
	require.Len(t, w.ECS.DescribeContainerInstances("flask"), 3)
	require.NoError(t, w.ECS.SetDesiredCount(w.serviceARN, 1))
	w.pass(10 * time.Minute)
	assert.Len(t, w.ECS.DescribeContainerInstances("flask"), 3)
	w.pass(10 * time.Minute)
	assert.Len(t, w.ECS.DescribeContainerInstances("flask"), 1)
	assert.Equal(t, 1, w.healthyTargets())
}

func TestATaskTooLargeForAnEmptyInstanceRaisesNothing(t *testing.T) {
	w := newECS(t, 1)
	large := definition("web:large")
	large.Containers[0].Memory = 2000
	must(w.ECS.RegisterTaskDefinition(large))(t)
	w.serviceARN = must(w.ECS.CreateService(w.service(3), w.Now()))(t).ARN
	w.pass(10 * time.Minute)
	assert.Len(t, w.ECS.DescribeContainerInstances("flask"), 1)
	assert.Equal(t, 3, w.status().Pending)
}

func TestAServiceScalesOutAndInByItsCPU(t *testing.T) {
	w := newECS(t, 2)
	w.startService(1)
	const resource, dimension = "service/flask/web", "ecs:service:DesiredCount"
	must(w.ECS.RegisterScalableTarget("ecs", resource, dimension, 1, 2, w.Now()))(t)
	policy, err := w.ECS.PutServicePolicy("ecs", resource, dimension, ecs.ServicePolicy{
		Name: "cpu", Target: 50, OutCool: time.Minute, InCool: 2 * time.Minute,
	}, w.Now())
	require.NoError(t, err)
	require.Len(t, policy.Alarms, 2)
	w.load = 90
	took := w.until(6*time.Minute, func() bool { return w.status().Desired == 2 })
	assert.GreaterOrEqual(t, took, 2*time.Minute, "three points over the target")
	w.until(2*time.Minute, w.steady)
	w.pass(10 * time.Minute)
	assert.Equal(t, 2, w.status().Desired, "not over the maximum")
	w.load = 5
	took = w.until(20*time.Minute, func() bool { return w.status().Desired == 1 })
	assert.GreaterOrEqual(t, took, 14*time.Minute, "fifteen points below nine tenths")
	w.until(2*time.Minute, w.steady)
	w.pass(20 * time.Minute)
	assert.Equal(t, 1, w.status().Desired, "not below the minimum")
	assert.Contains(t, w.events(), "Successfully set desired count to 2.")
}

func TestNothingIsScaledInDuringADeployment(t *testing.T) {
	w := newECS(t, 2)
	w.startService(2)
	const resource, dimension = "service/flask/web", "ecs:service:DesiredCount"
	must(w.ECS.RegisterScalableTarget("ecs", resource, dimension, 1, 2, w.Now()))(t)
	_, err := w.ECS.PutServicePolicy("ecs", resource, dimension, ecs.ServicePolicy{Name: "cpu", Target: 50}, w.Now())
	require.NoError(t, err)
	w.load = 5
	spec := w.service(2)
	spec.Breaker = ecs.Breaker{}
	must(w.ECS.RegisterTaskDefinition(definition("web:2")))(t)
	w.broken["web:2"] = true
	require.NoError(t, w.ECS.UpdateService(w.serviceARN, spec, false, w.Now()))
	w.pass(30 * time.Minute)
	assert.Equal(t, 2, w.status().Desired)
	assert.Equal(t, 2, w.healthyTargets())
}

func TestAScalableTargetBringsTheCountWithinItsBounds(t *testing.T) {
	w := newECS(t, 2)
	w.startService(1)
	target := must(w.ECS.RegisterScalableTarget("ecs", "service/flask/web", "ecs:service:DesiredCount", 2, 3, w.Now()))(t)
	assert.Contains(t, target.ARN, "scalable-target/")
	w.until(2*time.Minute, func() bool { return w.steady() && len(w.running()) == 2 })
}

func TestADeletedServiceDrainsAndGoesWithItsLastTask(t *testing.T) {
	w := newECS(t, 2)
	w.startService(2)
	refused(t, "ClusterContainsServicesException", w.ECS.DeleteCluster("flask"))
	refused(t, "InvalidParameterException", w.ECS.DeleteService(w.serviceARN, false))
	require.NoError(t, w.ECS.SetDesiredCount(w.serviceARN, 0))
	require.NoError(t, w.ECS.DeleteService(w.serviceARN, false))
	w.step()
	assert.Equal(t, ecs.ServiceDraining, w.status().Status)
	_, err := w.ECS.CreateService(w.service(1), w.Now())
	refused(t, "InvalidParameterException", err)
	took := w.until(time.Minute, func() bool { return len(w.ECS.DescribeServices()) == 0 })
	assert.GreaterOrEqual(t, took, 28*time.Second)
	for _, task := range w.ECS.DescribeTasks() {
		assert.Equal(t, ecs.TaskStopped, task.State)
	}
	w.destroyTheRest()
}

func (w *ecsWorld) destroyTheRest() {
	t := w.t
	refused(t, "ClusterContainsContainerInstancesException", w.ECS.DeleteCluster("flask"))
	refused(t, "ResourceInUseException", w.ECS.DeleteCapacityProvider("capacity"))
	require.NoError(t, w.ECS.PutClusterCapacityProviders("flask", nil, nil))
	require.NoError(t, w.ECS.DeleteCapacityProvider("capacity"))
	require.NoError(t, w.ECS.DeregisterTaskDefinition(w.definitions()[0]))
	require.NoError(t, w.AutoScaling.DeleteGroup(group, w.Now()))
	w.until(5*time.Minute, func() bool { return len(w.AutoScaling.GroupNames()) == 0 })
	require.NoError(t, w.ECS.DeleteCluster("flask"))
	for _, left := range w.Left() {
		for _, kind := range []string{"cluster", "capacity provider", "task ", "service ", "scalable"} {
			assert.False(t, strings.HasPrefix(left, kind), left)
		}
	}
}

// definitions lists the active task definitions by ARN.
func (w *ecsWorld) definitions() []string {
	var arns []string
	for _, left := range w.Left() {
		if arn, ok := strings.CutPrefix(left, "task definition "); ok {
			arns = append(arns, arn)
		}
	}
	return arns
}

func TestAGroupIsDeletedUnderAServiceWithoutWaitingForItsTasks(t *testing.T) {
	w := newECS(t, 2)
	w.startService(2)
	require.NoError(t, w.AutoScaling.DeleteGroup(group, w.Now()))
	w.until(2*time.Minute, func() bool { return len(w.AutoScaling.GroupNames()) == 0 })
	w.pass(5 * time.Second)
	assert.Contains(t, w.events(), "No Container Instances were found in your capacity provider.")
	require.NoError(t, w.ECS.DeleteService(w.serviceARN, true))
	w.until(time.Minute, func() bool { return len(w.ECS.DescribeServices()) == 0 })
}

func TestAnInstanceJoinsOnlyWithAgentRoleAndWay(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*ecsWorld) ec2.TemplateData
		joins  bool
	}{
		"as it should be": {func(w *ecsWorld) ec2.TemplateData { return w.hostData(joinFlask) }, true},
		"by a script": {func(w *ecsWorld) ec2.TemplateData {
			return w.hostData("#!/bin/bash\necho ECS_CLUSTER=flask >> /etc/ecs/ecs.config\n")
		}, true},
		"without naming the cluster": {func(w *ecsWorld) ec2.TemplateData { return w.hostData("#cloud-config\n") }, false},
		"another cluster": {func(w *ecsWorld) ec2.TemplateData {
			return w.hostData(strings.Replace(joinFlask, "flask", "other", 1))
		}, false},
		"without a role": {func(w *ecsWorld) ec2.TemplateData {
			data := w.hostData(joinFlask)
			data.Profile = ""
			return data
		}, false},
		"without the agent": {func(w *ecsWorld) ec2.TemplateData {
			data := w.hostData(joinFlask)
			data.ImageID = w.templateData("").ImageID
			return data
		}, false},
		"without a way to ECS": {func(w *ecsWorld) ec2.TemplateData {
			require.NoError(w.t, w.VPC.DeleteRule(w.rules["true 443"]))
			return w.hostData(joinFlask)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := &ecsWorld{world: newWorld(t), load: -1}
			w.openPorts()
			w.joinable()
			must(w.ECS.CreateCluster("flask"))(t)
			w.template = must(w.EC2.CreateLaunchTemplate("tried", c.change(w)))(t).ID
			spec := w.spec(1, 1)
			spec.TargetGroups, spec.HealthType = nil, "EC2"
			must(w.AutoScaling.CreateGroup(spec, w.Now()))(t)
			w.pass(time.Minute)
			assert.Len(t, w.ECS.DescribeContainerInstances("flask"), map[bool]int{true: 1, false: 0}[c.joins])
		})
	}
}

func TestAFixedHostPortTakesAnInstanceOfItsOwn(t *testing.T) {
	w := newECS(t, 2)
	fixed := definition("web:fixed")
	fixed.Containers[0].PortMappings[0].HostPort = 40000
	must(w.ECS.RegisterTaskDefinition(fixed))(t)
	w.serviceARN = must(w.ECS.CreateService(w.service(3), w.Now()))(t).ARN
	w.pass(30 * time.Second)
	assert.Len(t, w.running(), 2)
	assert.Contains(t, w.events(), "is already using a port required by your task")
	w.until(3*time.Minute, w.steady)
	assert.Len(t, w.ECS.DescribeContainerInstances("flask"), 3)
}

func TestPlacementStrategiesAreFollowedInTheirOrder(t *testing.T) {
	for name, c := range map[string]struct {
		placement []ecs.Placement
		distinct  bool
		hosts     int // that have tasks
	}{
		"spread over instances": {[]ecs.Placement{{Type: "spread", Field: "instanceId"}}, false, 2},
		"packed by memory":      {[]ecs.Placement{{Type: "binpack", Field: "memory"}}, false, 1},
		"packed by cpu":         {[]ecs.Placement{{Type: "binpack", Field: "cpu"}}, false, 1},
		"spread before it is packed": {[]ecs.Placement{
			{Type: "spread", Field: "attribute:ecs.availability-zone"}, {Type: "binpack", Field: "memory"},
		}, false, 2},
		"packed on distinct ones": {[]ecs.Placement{{Type: "binpack", Field: "memory"}}, true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newECS(t, 2)
			spec := w.service(2)
			spec.Placement, spec.Distinct = c.placement, c.distinct
			w.serviceARN = must(w.ECS.CreateService(spec, w.Now()))(t).ARN
			w.until(time.Minute, w.steady)
			hosts := map[string]bool{}
			for _, task := range w.running() {
				hosts[task.Instance] = true
			}
			assert.Len(t, hosts, c.hosts)
		})
	}
}

func TestScaleInLeavesTheZonesEven(t *testing.T) {
	for range 10 { // whichever instance comes first
		w := newECS(t, 3) // two of them in one zone
		spec := w.service(3)
		spec.Placement = []ecs.Placement{{Type: "spread", Field: "instanceId"}}
		w.serviceARN = must(w.ECS.CreateService(spec, w.Now()))(t).ARN
		w.until(2*time.Minute, w.steady)
		require.NoError(t, w.ECS.SetDesiredCount(w.serviceARN, 2))
		w.until(2*time.Minute, func() bool { return w.steady() && len(w.running()) == 2 })
		assert.Len(t, w.zones(), 2)
	}
}

// A zone gets its first host when the tasks are already there, on the host of the other zone.
func TestTasksMoveToAZoneThatHasNone(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*ecs.ServiceSpec)
		moves  bool
	}{
		"with rebalancing":           {func(s *ecs.ServiceSpec) { s.Rebalance = true }, true},
		"without":                    {func(*ecs.ServiceSpec) {}, false},
		"not above 100 % of desired": {func(s *ecs.ServiceSpec) { s.Rebalance, s.MaxHealthy = true, 100 }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newECS(t, 1)
			spec := w.service(3)
			c.change(&spec)
			w.serviceARN = must(w.ECS.CreateService(spec, w.Now()))(t).ARN
			w.until(2*time.Minute, w.steady)
			require.NoError(t, w.AutoScaling.SetDesiredCapacity(group, 2, w.Now()))
			w.until(2*time.Minute, func() bool { return len(w.ECS.DescribeContainerInstances("flask")) == 2 })
			lowest := 3
			for range 20 {
				w.pass(10 * time.Second)
				lowest = min(lowest, w.healthyTargets())
			}
			want := map[string]int{"us-east-1a": 3}
			if c.moves {
				want = map[string]int{"us-east-1a": 2, "us-east-1b": 1}
			}
			assert.Equal(t, want, w.zones(), w.events())
			assert.Equal(t, 3, lowest, "a task is healthy before another stops")
			assert.Equal(t, c.moves, strings.Contains(w.events(),
				"(service web) is not AZ balanced with 3 tasks in us-east-1a, 0 tasks in us-east-1b. AZ Rebalancing in progress."))
			assert.Equal(t, c.moves, strings.Contains(w.events(), "(service web) is AZ balanced with 2 tasks in us-east-1a, 1 tasks in us-east-1b."))
			assert.True(t, w.steady())
		})
	}
}

func TestACooldownKeepsAPolicyFromScalingOutAgain(t *testing.T) {
	w := newECS(t, 2)
	w.startService(1)
	const resource, dimension = "service/flask/web", "ecs:service:DesiredCount"
	must(w.ECS.RegisterScalableTarget("ecs", resource, dimension, 1, 4, w.Now()))(t)
	_, err := w.ECS.PutServicePolicy("ecs", resource, dimension, ecs.ServicePolicy{
		Name: "cpu", Target: 50, OutCool: 5 * time.Minute, InCool: 5 * time.Minute,
	}, w.Now())
	require.NoError(t, err)
	w.load = 90
	w.until(6*time.Minute, func() bool { return w.status().Desired == 2 })
	took := w.until(10*time.Minute, func() bool { return w.status().Desired > 2 })
	assert.GreaterOrEqual(t, took, 5*time.Minute)
}

func TestADeploymentThatItsBoundsForbidSaysSo(t *testing.T) {
	w := newECS(t, 2)
	w.startService(2)
	must(w.ECS.RegisterTaskDefinition(definition("web:2")))(t)
	spec := w.service(2)
	spec.MaxHealthy = 100
	require.NoError(t, w.ECS.UpdateService(w.serviceARN, spec, false, w.Now()))
	w.pass(5 * time.Minute)
	assert.Contains(t, w.events(), "was unable to stop or start tasks during a deployment because of the service deployment")
	assert.Equal(t, 2, w.healthyTargets())
}

func TestWithLessThanAHundredPercentTasksAreStoppedFirst(t *testing.T) {
	w := newECS(t, 2)
	w.startService(2)
	must(w.ECS.RegisterTaskDefinition(definition("web:2")))(t)
	spec := w.service(2)
	spec.MinHealthy, spec.MaxHealthy = 50, 100
	require.NoError(t, w.ECS.UpdateService(w.serviceARN, spec, false, w.Now()))
	lowest := math.MaxInt
	w.until(5*time.Minute, func() bool {
		lowest = min(lowest, w.healthyTargets())
		return w.steady()
	})
	assert.Equal(t, 1, lowest)
}

func TestARestartKeepsHealthyTasksDuringADeployment(t *testing.T) {
	w := newECS(t, 2)
	w.startService(2)
	saved := must(w.Save())(t)
	require.NoError(t, w.Restore(saved))
	before := w.running()
	must(w.ECS.RegisterTaskDefinition(definition("web:2")))(t)
	require.NoError(t, w.ECS.UpdateService(w.serviceARN, w.service(2), false, w.Now()))
	w.step()
	w.step()
	for _, task := range before {
		for _, now := range w.ECS.DescribeTasks() {
			if now.ID == task.ID {
				assert.Equal(t, ecs.TaskRunning, now.State, "it was healthy before the restart")
			}
		}
	}
	w.until(3*time.Minute, w.steady)
}

// beside is a task whose main container waits for a command that runs once, beside an agent that is essential.
func beside(essential bool) ecs.TaskDefinitionSpec {
	spec, no := definition("web:2"), false
	spec.Containers[0].Links = []string{"agent:monitor"}
	spec.Containers[0].DependsOn = []ecs.Dependency{{Container: "migrate", Condition: ecs.ConditionSuccess}}
	spec.Containers = append(spec.Containers,
		ecs.ContainerDefinition{Name: "agent", Image: "agent:1", CPU: 64, Memory: 128, MemoryReservation: 64, Essential: &essential},
		ecs.ContainerDefinition{Name: "migrate", Image: "web:2", CPU: 32, Memory: 32, Essential: &no})
	return spec
}

// besides starts a service of such tasks and returns its task.
func besides(t *testing.T, essential bool) (*ecsWorld, ecs.Task) {
	t.Helper()
	w := newECS(t, 1)
	must(w.ECS.RegisterTaskDefinition(beside(essential)))(t)
	w.startService(1)
	return w, w.running()[0]
}

func TestContainersOfATaskReserveTogetherAndHaveAddressesOfTheirOwn(t *testing.T) {
	_, task := besides(t, true)
	assert.Equal(t, 256+64+32, task.CPUUnits)
	assert.Equal(t, 256+64+32, task.Memory)
	main, agent := task.ByName("web"), task.ByName("agent")
	assert.Equal(t, task.Address, main.Address, "the container with the port")
	assert.NotEqual(t, main.Address, agent.Address)
	assert.Equal(t, map[string]string{"monitor": "agent"}, main.Links)
	assert.Equal(t, []ecs.Dependency{
		{Container: "migrate", Condition: ecs.ConditionSuccess}, {Container: "agent", Condition: ecs.ConditionStart},
	}, main.DependsOn)
}

func TestATaskGoesOnWithoutAContainerThatIsNotEssential(t *testing.T) {
	w, task := besides(t, false)
	w.ECS.ContainerEnded(task.ID, "migrate", 0, "", w.Now())
	w.ECS.ContainerEnded(task.ID, "agent", 1, "exit status 1", w.Now())
	w.pass(5 * time.Minute)
	require.Len(t, w.running(), 1)
	assert.Equal(t, task.ID, w.running()[0].ID)
	assert.Equal(t, 1, *w.running()[0].ByName("agent").ExitCode)
}

func TestTheEndOfAnEssentialContainerStopsTheOthers(t *testing.T) {
	w, task := besides(t, true)
	w.frozen = true
	w.ECS.ContainerEnded(task.ID, "agent", 137, "killed", w.Now())
	stopping := w.tasksIn(ecs.TaskStopping)
	require.Len(t, stopping, 1)
	assert.Equal(t, "Essential container in task exited: killed", stopping[0].Reason)
	assert.Nil(t, stopping[0].ByName("web").ExitCode, "it is to be stopped")
	w.ECS.ContainerEnded(task.ID, "web", 0, "", w.Now())
	assert.Empty(t, w.tasksIn(ecs.TaskStopped), "a container is left")
	w.ECS.ContainerEnded(task.ID, "migrate", 0, "", w.Now())
	require.Len(t, w.tasksIn(ecs.TaskStopped), 1)
	assert.Equal(t, "Essential container in task exited: killed", w.tasksIn(ecs.TaskStopped)[0].Reason)
	w.frozen = false
	w.until(5*time.Minute, w.steady)
}
