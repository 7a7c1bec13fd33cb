package ecs

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/metric"
)

// ScalableTarget lets Application Auto Scaling set the desired count of a service.
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
	OutCool, InCool time.Duration // cooldowns of scaling out and in
	DisableScaleIn  bool
	Alarms          []string  // ARNs of the alarms that it created
	OutAt, InAt     time.Time // last time it scaled out and in
}

// Services are scaled in one dimension (API: ScalableTarget).
const (
	ecsNamespace   = "ecs"
	desiredCountOf = "ecs:service:DesiredCount"
)

// checkDimension refuses what the emulator does not scale.
func checkDimension(namespace, dimension string) error {
	switch {
	case namespace != ecsNamespace:
		return aws.Refuse("ValidationException", "service namespace '%s' has no behaviour in the emulator, which takes %s",
			namespace, ecsNamespace)
	case dimension != desiredCountOf:
		return aws.Refuse("ValidationException", "Unsupported service namespace, resource type or scalable dimension: %s", dimension)
	}
	return nil
}

// scaledService returns the service that a resource ID names, or nil.
func (s *Store) scaledService(resource string) *Service {
	for _, svc := range s.Services {
		if resource == "service/"+svc.Spec.Cluster+"/"+svc.Spec.Name {
			return svc
		}
	}
	return nil
}

// RegisterScalableTarget lets a service be scaled within bounds, or changes the bounds. A desired count outside of the
// bounds is moved inside.
func (s *Store) RegisterScalableTarget(
	namespace, resource, dimension string, lowest, highest int, now time.Time) (ScalableTarget, error) {
	if err := checkDimension(namespace, dimension); err != nil {
		return ScalableTarget{}, err
	}
	svc := s.scaledService(resource)
	switch {
	case svc == nil || svc.Status != ServiceActive:
		return ScalableTarget{}, aws.Refuse("ValidationException", "ECS service doesn't exist: %s", resource)
	case lowest < 0:
		return ScalableTarget{}, aws.Refuse("ValidationException", "minimum capacity must not be negative: %d", lowest)
	case lowest > highest:
		return ScalableTarget{}, aws.Refuse("ValidationException", "Maximum capacity cannot be less than minimum capacity")
	}
	t := s.ScalableTargets[resource]
	if t == nil {
		t = &ScalableTarget{
			ARN:      s.region.ARN("application-autoscaling", "scalable-target/"+aws.RandomHex(16)),
			Resource: resource, Policies: map[string]*ServicePolicy{},
		}
		s.ScalableTargets[resource] = t
	}
	t.Min, t.Max = lowest, highest
	svc.scaleTo(t, svc.Desired, now)
	return *t, nil
}

// DeregisterScalableTarget ends the scaling of a service and deletes its policies.
func (s *Store) DeregisterScalableTarget(resource string) error {
	t := s.ScalableTargets[resource]
	if t == nil {
		return nil
	}
	for _, p := range t.Policies {
		s.cloudwatch.DeleteAlarmsOf(p.ARN)
	}
	delete(s.ScalableTargets, resource)
	return nil
}

// PutServicePolicy creates or changes a policy of a scalable target and returns it with its alarms.
func (s *Store) PutServicePolicy(namespace, resource, dimension string, p ServicePolicy, now time.Time) (ServicePolicy, error) {
	if err := checkDimension(namespace, dimension); err != nil {
		return ServicePolicy{}, err
	}
	t := s.ScalableTargets[resource]
	switch {
	case t == nil:
		return ServicePolicy{}, aws.Refuse("ObjectNotFoundException", "No scalable target registered for service namespace: %s, "+
			"resource ID: %s, scalable dimension: %s", namespace, resource, dimension)
	case p.Target <= 0:
		return ServicePolicy{}, aws.Refuse("ValidationException", "Target value %v must be greater than 0", p.Target)
	case p.OutCool < 0 || p.InCool < 0:
		return ServicePolicy{}, aws.Refuse("ValidationException", "A cooldown must not be negative")
	}
	p.ARN = s.region.ARN("autoscaling", "scalingPolicy:"+aws.RandomHex(16)+":resource/ecs/"+resource+":policyName/"+p.Name)
	if old := t.Policies[p.Name]; old != nil {
		p.ARN, p.OutAt, p.InAt = old.ARN, old.OutAt, old.InAt
		s.cloudwatch.DeleteAlarmsOf(old.ARN)
	}
	t.Policies[p.Name] = &p
	p.Alarms = s.addServiceAlarms(t, &p, now)
	return p, nil
}

// DeleteServicePolicy deletes a policy with its alarms.
func (s *Store) DeleteServicePolicy(resource, name string) error {
	if t := s.ScalableTargets[resource]; t != nil && t.Policies[name] != nil {
		s.cloudwatch.DeleteAlarmsOf(t.Policies[name].ARN)
		delete(t.Policies, name)
	}
	return nil
}

// addServiceAlarms creates the alarms of a target tracking policy, as AWS does, and returns their ARNs.
func (s *Store) addServiceAlarms(t *ScalableTarget, p *ServicePolicy, now time.Time) []string {
	parts := strings.Split(t.Resource, "/")
	spec := cloudwatch.AlarmSpec{
		Name: "TargetTracking-" + t.Resource + "-AlarmHigh-" + p.Name, Namespace: "AWS/ECS", Metric: "CPUUtilization",
		Dimensions: map[string]string{"ClusterName": parts[1], "ServiceName": parts[2]},
		Statistic:  metric.Average, Period: time.Minute,
		EvaluationPeriods: autoscaling.HighPoints, DatapointsToAlarm: autoscaling.HighPoints, Threshold: p.Target, Comparison: cloudwatch.Greater,
		TreatMissing: cloudwatch.MissingIsMissing, Actions: []string{p.ARN},
		Description: "DO NOT EDIT OR DELETE. For TargetTrackingScaling policy " + p.ARN + ".",
	}
	high := s.cloudwatch.AddAlarm(spec, now)
	high.Policy = p.ARN
	if p.DisableScaleIn {
		return []string{high.ARN}
	}
	spec.Name, spec.Comparison = "TargetTracking-"+t.Resource+"-AlarmLow-"+p.Name, cloudwatch.Less
	spec.EvaluationPeriods, spec.DatapointsToAlarm = autoscaling.LowPoints, autoscaling.LowPoints
	spec.Threshold = p.Target * autoscaling.LowShare
	low := s.cloudwatch.AddAlarm(spec, now)
	low.Policy = p.ARN
	return []string{high.ARN, low.ARN}
}

// runPolicy runs the policy of a service that an alarm names.
func (s *Store) runPolicy(arn string, a *cloudwatch.Alarm, now time.Time) (result string, known bool) {
	target, policy := s.servicePolicy(arn)
	if policy == nil {
		return "", false
	}
	return s.trackService(target, policy, a, now), true
}

// servicePolicy returns a policy by its ARN, with its scalable target, or nil.
func (s *Store) servicePolicy(arn string) (*ScalableTarget, *ServicePolicy) {
	for _, t := range s.ScalableTargets {
		for _, p := range t.Policies {
			if p.ARN == arn {
				return t, p
			}
		}
	}
	return nil, nil
}

// trackService scales a service so that its CPU utilization approaches the target, and returns the entry for the
// alarm's history. During a deployment it does not scale in (Developer Guide: "Automatically scale your Amazon ECS
// service").
func (s *Store) trackService(t *ScalableTarget, p *ServicePolicy, a *cloudwatch.Alarm, now time.Time) string {
	svc := s.scaledService(t.Resource)
	if svc == nil || svc.Status != ServiceActive {
		return ""
	}
	before, wanted := svc.Desired, int(math.Ceil(float64(svc.Desired)*a.Value/p.Target))
	switch out := a.Spec.Comparison == cloudwatch.Greater; {
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

// surplusMinutes is how many minutes fewer instances must suffice before managed scaling removes an instance.
const surplusMinutes = 15

// manageCapacity checks once a minute how many instances each capacity provider with managed scaling needs. It adds
// instances at once for tasks that cannot be placed, and removes instances that have not been needed for a quarter of
// an hour (Developer Guide: "How Amazon ECS manages scaling"; the metric CapacityProviderReservation is the share of
// needed instances).
func (s *Store) manageCapacity(now time.Time) bool {
	changed := false
	for _, name := range aws.Keys(s.CapacityProviders) {
		p := s.CapacityProviders[name]
		g := s.autoscaling.Groups[p.Spec.Group]
		if p.Spec.Scaling == nil || g == nil || g.Deleting || !s.associated(name) || now.Sub(p.Looked) < time.Minute {
			continue
		}
		p.Looked, changed = now, true
		s.scaleProvider(p, g, now)
	}
	return changed
}

// associated reports whether a capacity provider is associated with a cluster.
func (s *Store) associated(provider string) bool {
	for _, cluster := range s.Clusters {
		if slices.Contains(cluster.Providers, provider) {
			return true
		}
	}
	return false
}

// scaleProvider sets the desired capacity of the group of a capacity provider.
func (s *Store) scaleProvider(p *CapacityProvider, g *autoscaling.Group, now time.Time) {
	m, before := p.Spec.Scaling, g.Desired
	wanted := int(math.Ceil(float64(s.neededInstances(p, g)) * 100 / float64(m.Target)))
	switch {
	case wanted > g.Desired:
		p.Surplus = 0
		s.autoscaling.SetDesired(g, min(max(wanted, g.Desired+m.MinStep), g.Desired+m.MaxStep), now)
	case wanted < g.Desired:
		if p.Surplus++; p.Surplus >= surplusMinutes {
			p.Surplus = 0
			s.autoscaling.SetDesired(g, max(wanted, g.Desired-m.MaxStep), now)
		}
	default:
		p.Surplus = 0
	}
	if g.Desired != before {
		g.SetReason(now, fmt.Sprintf("managed scaling of capacity provider %s changed the desired capacity from %d to %d.",
			p.Spec.Name, before, g.Desired))
	}
}

// neededInstances returns the number of instances that a capacity provider's tasks need: those that have tasks, and new
// ones for the tasks that cannot be placed. A task that is too large for an empty instance does not count, because it
// would not fit on a new one either.
func (s *Store) neededInstances(p *CapacityProvider, g *autoscaling.Group) int {
	count := 0
	for _, i := range s.autoscaling.Active(g) {
		if len(s.tasksOn(i.ID)) > 0 {
			count++
		}
	}
	data, _, err := s.ec2.LaunchData(g.Spec.Template, g.Spec.Version)
	if err != nil {
		return count
	}
	var fresh []room
	for _, arn := range aws.Keys(s.Services) {
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

// room is what a new instance would have left.
type room struct {
	cpu, memory int
	ports       []int
}

// pack puts a task on the first new instance with room, or on another new instance.
func pack(fresh []room, d *TaskDefinition, distinct bool, instanceType string) []room {
	port := d.mapping().HostPort
	fits := func(r room) bool {
		return d.units() <= r.cpu && d.memory() <= r.memory && (port == 0 || !slices.Contains(r.ports, port)) &&
			(!distinct || len(r.ports) == 0)
	}
	at := slices.IndexFunc(fresh, fits)
	if at < 0 {
		empty := room{cpu: 1024 * ec2.VirtualCPUs(instanceType), memory: usableMemory(instanceType)}
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
