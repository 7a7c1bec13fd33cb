package cloud

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// ScalableTarget lets Application Auto Scaling set a service's desired count.
type ScalableTarget struct {
	ARN      string
	Resource string // service/cluster/name
	Min, Max int
	Policies map[string]*ServicePolicy
}

// ServicePolicy is a target tracking policy on the average CPU utilization of a service.
type ServicePolicy struct {
	ARN, Name       string
	Target          float64       // percent
	OutCool, InCool time.Duration // after which it scales the same way again
	DisableScaleIn  bool
	OutAt, InAt     time.Time // when it last did
}

// Scaling of services comes with one dimension (API: ScalableTarget).
const (
	ecsNamespace   = "ecs"
	desiredCountOf = "ecs:service:DesiredCount"
)

func checkDimension(namespace, dimension string) error {
	switch {
	case namespace != ecsNamespace:
		return refuse("ValidationException", "service namespace '%s' has no behaviour in the emulator, which takes %s",
			namespace, ecsNamespace)
	case dimension != desiredCountOf:
		return refuse("ValidationException", "Unsupported service namespace, resource type or scalable dimension: %s", dimension)
	}
	return nil
}

// scaledService is the service that a resource ID names, or nil.
func (s *state) scaledService(resource string) *Service {
	for _, svc := range s.Services {
		if resource == "service/"+svc.Spec.Cluster+"/"+svc.Spec.Name {
			return svc
		}
	}
	return nil
}

// RegisterScalableTarget lets a service be scaled within bounds, or changes them. A count outside is brought inside.
func (c *Cloud) RegisterScalableTarget(
	namespace, resource, dimension string, lowest, highest int,
) (ScalableTarget, error) {
	var made ScalableTarget
	err := c.change(func(s *state) error {
		if err := checkDimension(namespace, dimension); err != nil {
			return err
		}
		svc := s.scaledService(resource)
		switch {
		case svc == nil || svc.Status != ServiceActive:
			return refuse("ValidationException", "ECS service doesn't exist: %s", resource)
		case lowest < 0:
			return refuse("ValidationException", "minimum capacity must not be negative: %d", lowest)
		case lowest > highest:
			return refuse("ValidationException", "Maximum capacity cannot be less than minimum capacity")
		}
		t := s.Scalable[resource]
		if t == nil {
			t = &ScalableTarget{
				ARN:      c.ARN("application-autoscaling", "scalable-target/"+randomHex(16)),
				Resource: resource, Policies: map[string]*ServicePolicy{},
			}
			s.Scalable[resource] = t
		}
		t.Min, t.Max = lowest, highest
		svc.scaleTo(t, svc.Desired, c.clock.Now())
		made = *t
		return nil
	})
	return made, err
}

// DeregisterScalableTarget ends the scaling of a service, its policies with it.
func (c *Cloud) DeregisterScalableTarget(resource string) error {
	return c.change(func(s *state) error {
		t := s.Scalable[resource]
		if t == nil {
			return nil
		}
		for _, p := range t.Policies {
			s.dropServiceAlarms(p)
		}
		delete(s.Scalable, resource)
		return nil
	})
}

// PutServicePolicy makes or changes a policy of a scalable target and returns its ARN and those of its alarms.
func (c *Cloud) PutServicePolicy(namespace, resource, dimension string, p ServicePolicy) (string, []string, error) {
	var alarms []string
	err := c.change(func(s *state) error {
		if err := checkDimension(namespace, dimension); err != nil {
			return err
		}
		t := s.Scalable[resource]
		switch {
		case t == nil:
			return refuse("ObjectNotFoundException", "No scalable target registered for service namespace: %s, "+
				"resource ID: %s, scalable dimension: %s", namespace, resource, dimension)
		case p.Target <= 0:
			return refuse("ValidationException", "Target value %v must be greater than 0", p.Target)
		case p.OutCool < 0 || p.InCool < 0:
			return refuse("ValidationException", "A cooldown must not be negative")
		}
		p.ARN = c.ARN("autoscaling", "scalingPolicy:"+randomHex(16)+":resource/ecs/"+resource+":policyName/"+p.Name)
		if old := t.Policies[p.Name]; old != nil {
			p.ARN, p.OutAt, p.InAt = old.ARN, old.OutAt, old.InAt
			s.dropServiceAlarms(old)
		}
		t.Policies[p.Name] = &p
		alarms = s.addServiceAlarms(c, t, &p)
		return nil
	})
	return p.ARN, alarms, err
}

// DeleteServicePolicy removes a policy with its alarms.
func (c *Cloud) DeleteServicePolicy(resource, name string) error {
	return c.change(func(s *state) error {
		if t := s.Scalable[resource]; t != nil && t.Policies[name] != nil {
			s.dropServiceAlarms(t.Policies[name])
			delete(t.Policies, name)
		}
		return nil
	})
}

// addServiceAlarms makes the two alarms of a target tracking policy, as AWS does.
func (s *state) addServiceAlarms(c *Cloud, t *ScalableTarget, p *ServicePolicy) []string {
	parts := strings.Split(t.Resource, "/")
	spec := AlarmSpec{
		Name: "TargetTracking-" + t.Resource + "-AlarmHigh-" + p.Name, Namespace: "AWS/ECS", Metric: "CPUUtilization",
		Dimensions: map[string]string{"ClusterName": parts[1], "ServiceName": parts[2]},
		Statistic:  Average, Period: time.Minute,
		EvaluationPeriods: highPoints, DatapointsToAlarm: highPoints, Threshold: p.Target, Comparison: Greater,
		TreatMissing: MissingIsMissing, Actions: []string{p.ARN},
		Description: "DO NOT EDIT OR DELETE. For TargetTrackingScaling policy " + p.ARN + ".",
	}
	high := s.addAlarm(c, spec, c.clock.Now())
	high.Policy = p.ARN
	if p.DisableScaleIn {
		return []string{high.ARN}
	}
	spec.Name, spec.Comparison = "TargetTracking-"+t.Resource+"-AlarmLow-"+p.Name, Less
	spec.EvaluationPeriods, spec.DatapointsToAlarm, spec.Threshold = lowPoints, lowPoints, p.Target*lowShare
	low := s.addAlarm(c, spec, c.clock.Now())
	low.Policy = p.ARN
	return []string{high.ARN, low.ARN}
}

func (s *state) dropServiceAlarms(p *ServicePolicy) {
	for _, name := range keys(s.Alarms) {
		if s.Alarms[name].Policy == p.ARN {
			delete(s.Alarms, name)
		}
	}
}

// servicePolicy finds a policy of a scalable target by its ARN.
func (s *state) servicePolicy(arn string) (*ScalableTarget, *ServicePolicy) {
	for _, t := range s.Scalable {
		for _, p := range t.Policies {
			if p.ARN == arn {
				return t, p
			}
		}
	}
	return nil, nil
}

// trackService brings a service's CPU utilization back to the target, on behalf of an alarm, and says what came of it.
// During a deployment nothing is scaled in (Developer Guide: "Automatically scale your Amazon ECS service").
func (s *state) trackService(t *ScalableTarget, p *ServicePolicy, a *Alarm, now time.Time) string {
	svc := s.scaledService(t.Resource)
	if svc == nil || svc.Status != ServiceActive {
		return ""
	}
	before, wanted := svc.Desired, int(math.Ceil(float64(svc.Desired)*a.Value/p.Target))
	switch out := a.Spec.Comparison == Greater; {
	case now.Sub(p.OutAt) < p.OutCool, !out && now.Sub(p.InAt) < p.InCool:
		return ""
	case !out && svc.primary().Rollout == RolloutInProgress:
		return ""
	case out && svc.scaleTo(t, max(before, wanted), now):
		p.OutAt = now
	case !out && svc.scaleTo(t, min(before, max(before-1, wanted)), now):
		p.InAt = now
	default:
		return ""
	}
	svc.event(now, "Message: Successfully set desired count to %d. Change successfully fulfilled by ecs. Cause: monitor alarm "+
		"%s in state %s triggered policy %s", svc.Desired, a.Spec.Name, a.State, p.Name)
	return "Successfully executed action " + p.ARN
}

// scaleTo sets the desired count within the bounds and reports whether it changed.
func (svc *Service) scaleTo(t *ScalableTarget, desired int, now time.Time) bool {
	desired = min(max(desired, t.Min), t.Max)
	if desired == svc.Desired {
		return false
	}
	svc.Desired, svc.Steady = desired, false
	svc.event(now, "has set desired count to %d within %d and %d.", desired, t.Min, t.Max)
	return true
}

// serviceCPU is the CPU utilization of a service: what its running tasks use of what they reserve.
func (s *state) serviceCPU(dimensions map[string]string, minute time.Time) (Sample, bool) {
	var sample Sample
	svc := s.scaledService("service/" + dimensions["ClusterName"] + "/" + dimensions["ServiceName"])
	if svc == nil || !only(dimensions, "ClusterName", "ServiceName") {
		return sample, false
	}
	for _, t := range s.tasksOf(svc) {
		if t.State == TaskRunning && len(t.CPU) > 0 && minute.Sub(t.Measured) <= cpuFresh {
			sample = sample.merge(one(t.CPU[len(t.CPU)-1]))
		}
	}
	return sample, sample.Count > 0
}

// surplusMinutes is for how long fewer instances must have done before managed scaling takes one away.
const surplusMinutes = 15

// manageCapacity looks once a minute at how many instances of each capacity provider's group are needed. It adds what
// tasks that fit nowhere need at once, and takes away what nobody has needed for a quarter of an hour (Developer Guide:
// "How Amazon ECS manages scaling"; its metric, CapacityProviderReservation, is needed by present instances).
func (s *state) manageCapacity(now time.Time) bool {
	changed := false
	for _, name := range keys(s.CapacityProviders) {
		p := s.CapacityProviders[name]
		g := s.Scaling[p.Spec.Group]
		if p.Spec.Scaling == nil || g == nil || g.Deleting || !s.associated(name) || now.Sub(p.Looked) < time.Minute {
			continue
		}
		p.Looked, changed = now, true
		s.scaleProvider(p, g, now)
	}
	return changed
}

func (s *state) associated(provider string) bool {
	for _, cluster := range s.Clusters {
		if slices.Contains(cluster.Providers, provider) {
			return true
		}
	}
	return false
}

func (s *state) scaleProvider(p *CapacityProvider, g *Group, now time.Time) {
	m, before := p.Spec.Scaling, g.Desired
	wanted := int(math.Ceil(float64(s.needed(p, g)) * 100 / float64(m.Target)))
	switch {
	case wanted > g.Desired:
		p.Surplus = 0
		s.setDesired(g, min(max(wanted, g.Desired+m.MinStep), g.Desired+m.MaxStep), now)
	case wanted < g.Desired:
		if p.Surplus++; p.Surplus >= surplusMinutes {
			p.Surplus = 0
			s.setDesired(g, max(wanted, g.Desired-m.MaxStep), now)
		}
	default:
		p.Surplus = 0
	}
	if g.Desired != before {
		g.why(now, fmt.Sprintf("managed scaling of capacity provider %s changed the desired capacity from %d to %d.",
			p.Spec.Name, before, g.Desired))
	}
}

// needed is the number of instances that a provider's tasks need: those that have any, and as many more as the waiting
// ones fill. A task that is too large for an empty instance needs none: it would not fit there either.
func (s *state) needed(p *CapacityProvider, g *Group) int {
	count := 0
	for _, i := range s.active(g) {
		if len(s.tasksOn(i.ID)) > 0 {
			count++
		}
	}
	data, _, err := s.launchData(g.Spec.Template, g.Spec.Version)
	if err != nil {
		return count
	}
	var fresh []room
	for _, arn := range keys(s.Services) {
		svc := s.Services[arn]
		if len(svc.Spec.Providers) == 0 || svc.Spec.Providers[0].Provider != p.Spec.Name {
			continue
		}
		for range svc.Waiting {
			fresh = pack(fresh, s.TaskDefinitions[svc.primary().TaskDefinition], svc.Spec.Distinct, data.InstanceType)
		}
	}
	return count + len(fresh)
}

// room is what an instance that isn't there yet would have left.
type room struct {
	cpu, memory int
	ports       []int
}

// pack puts a task on the first instance with room, or on another one.
func pack(fresh []room, d *TaskDefinition, distinct bool, instanceType string) []room {
	port := d.mapping().HostPort
	fits := func(r room) bool {
		return d.units() <= r.cpu && d.memory() <= r.memory && (port == 0 || !slices.Contains(r.ports, port)) &&
			(!distinct || len(r.ports) == 0)
	}
	at := slices.IndexFunc(fresh, fits)
	if at < 0 {
		empty := room{cpu: 1024 * VirtualCPUs(instanceType), memory: usableMemory(instanceType)}
		if !fits(empty) {
			return fresh
		}
		fresh, at = append(fresh, empty), len(fresh)
	}
	fresh[at].cpu -= d.units()
	fresh[at].memory -= d.memory()
	fresh[at].ports = append(fresh[at].ports, port)
	return fresh
}
