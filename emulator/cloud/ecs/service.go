package ecs

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
)

// The statuses of a service. An inactive service no longer exists.
const (
	ServiceActive   = "ACTIVE"
	ServiceDraining = "DRAINING"
)

// ServiceSpec describes a service.
type ServiceSpec struct {
	Name           string
	Cluster        string // name or ARN
	TaskDefinition string // ARN, family:revision or family
	Desired        int
	LaunchType     string             // EC2, or empty
	Providers      []ProviderStrategy // instead of a launch type
	Balancers      []ServiceBalancer
	MinHealthy     int           // percent of desired that stays healthy in a deployment, rounded up
	MaxHealthy     int           // percent of desired that may run at once, rounded down
	Breaker        Breaker       // deployment circuit breaker
	Grace          time.Duration // after the start of a task, in which its health in ELB is ignored
	Placement      []Placement   // in order; none: spread over the zones
	Distinct       bool          // each task on another instance
	Rebalance      bool          // tasks move when the zones are uneven
}

// ServiceBalancer registers a container's port with a target group.
type ServiceBalancer struct {
	TargetGroup   string // ARN
	Container     string
	ContainerPort int
}

// Breaker is ECS's deployment circuit breaker.
type Breaker struct{ Enable, Rollback bool }

// Placement is a placement strategy: spread by a field, binpack by a resource, or random.
type Placement struct{ Type, Field string }

// Service keeps a number of tasks running.
type Service struct {
	ARN         string
	Spec        ServiceSpec // after a rollback its TaskDefinition is not the one that runs
	Desired     int
	Status      string
	Deployments []*Deployment // the primary first
	Completed   string        // ARN of the task definition whose deployment was the last to complete
	Steady      bool
	Rebalancing bool      // tasks are being moved to another zone
	Waiting     int       // tasks that cannot be placed
	Failures    int       // tasks in a row that failed early
	RetryAt     time.Time // no task is started before, after several failures
	Events      []Event   // the oldest first, the last hundred
	Created     time.Time
}

// The states of a deployment (API: Deployment, rolloutState).
const (
	RolloutInProgress = "IN_PROGRESS"
	RolloutCompleted  = "COMPLETED"
	RolloutFailed     = "FAILED"
)

// Deployment brings a service to a revision of its task definition.
type Deployment struct {
	ID             string // ecs-svc/…
	Status         string // PRIMARY or ACTIVE
	TaskDefinition string // ARN
	Rollout        string
	Reason         string
	Failed         int // tasks
	Created        time.Time
	Updated        time.Time
}

// Event is an entry of a service's history, in ECS's wording.
type Event struct {
	Time    time.Time
	Message string
}

// maxEvents is how many events ECS shows (API: Service, events).
const maxEvents = 100

// event adds an event. As on ECS an event that repeats the last one is omitted.
func (svc *Service) event(now time.Time, format string, args ...any) {
	message := "(service " + svc.Spec.Name + ") " + fmt.Sprintf(format, args...)
	if n := len(svc.Events); n > 0 && svc.Events[n-1].Message == message {
		return
	}
	svc.Events = append(svc.Events, Event{now, message})
	svc.Events = svc.Events[max(0, len(svc.Events)-maxEvents):]
}

// CreateService creates a service. Its tasks are started by [Store.Reconcile].
func (s *Store) CreateService(spec ServiceSpec, now time.Time) (Service, error) {
	spec.Cluster = aws.LastPart(spec.Cluster)
	arn := s.region.ARN("ecs", "service/"+spec.Cluster+"/"+spec.Name)
	if old := s.Services[arn]; old != nil && old.Status == ServiceDraining {
		return Service{}, invalidParameter("Unable to Start a service that is still Draining.")
	} else if old != nil {
		return Service{}, invalidParameter("Creation of service was not idempotent.")
	}
	d, err := s.checkService(&spec)
	if err != nil {
		return Service{}, err
	}
	svc := &Service{ARN: arn, Spec: spec, Desired: spec.Desired, Status: ServiceActive, Created: now}
	svc.deploy(d.ARN, now)
	s.Services[arn] = svc
	return svc.copied(), nil
}

// deploy starts a deployment and makes it the primary.
func (svc *Service) deploy(definition string, now time.Time) {
	d := &Deployment{
		ID: fmt.Sprintf("ecs-svc/%019d", rand.Int64N(1e18)), TaskDefinition: definition, Created: now,
	}
	svc.Deployments = append([]*Deployment{d}, svc.Deployments...)
	svc.promote(d, now)
}

// promote makes a deployment the primary and starts it again.
func (svc *Service) promote(d *Deployment, now time.Time) {
	svc.Deployments = slices.DeleteFunc(svc.Deployments, func(other *Deployment) bool { return other == d })
	for _, other := range svc.Deployments {
		other.Status = "ACTIVE"
	}
	svc.Deployments = append([]*Deployment{d}, svc.Deployments...)
	d.Status, d.Rollout, d.Failed, d.Updated = "PRIMARY", RolloutInProgress, 0, now
	d.Reason = "ECS deployment " + d.ID + " in progress."
	svc.Failures, svc.RetryAt, svc.Steady = 0, time.Time{}, false
}

// primary returns the primary deployment.
func (svc *Service) primary() *Deployment { return svc.Deployments[0] }

// copied returns a copy that shares nothing with the service.
func (svc *Service) copied() Service {
	c := *svc
	c.Events, c.Deployments = slices.Clone(svc.Events), nil
	for _, d := range svc.Deployments {
		one := *d
		c.Deployments = append(c.Deployments, &one)
	}
	return c
}

// checkService refuses a service that ECS refuses (API: CreateService) and returns its task definition.
func (s *Store) checkService(spec *ServiceSpec) (*TaskDefinition, error) {
	cluster := s.Clusters[spec.Cluster]
	switch {
	case cluster == nil:
		return nil, errNoCluster
	case !ecsName.MatchString(spec.Name):
		return nil, invalidParameter("Invalid identifier: service name '%s'", spec.Name)
	case spec.Desired < 0:
		return nil, invalidParameter("desiredCount must not be negative: %d", spec.Desired)
	case spec.LaunchType != "" && spec.LaunchType != "EC2":
		return nil, invalidParameter("launchType '%s' has no behaviour in the emulator, which takes EC2", spec.LaunchType)
	case spec.LaunchType != "" && len(spec.Providers) > 0:
		return nil, invalidParameter("Specifying both a launch type and capacity provider strategy is not supported. Remove " +
			"one and try again.")
	case spec.MinHealthy < 0 || spec.MinHealthy > 100:
		return nil, invalidParameter("minimumHealthyPercent must be between 0 and 100: %d", spec.MinHealthy)
	case spec.MaxHealthy < 100 || spec.MaxHealthy > 200:
		return nil, invalidParameter("maximumPercent must be between 100 and 200: %d", spec.MaxHealthy)
	case len(spec.Balancers) == 0 && spec.Grace > 0:
		return nil, invalidParameter("Health check grace period is only valid for services configured to use load balancers")
	case spec.Grace < 0:
		return nil, invalidParameter("healthCheckGracePeriodSeconds must not be negative")
	}
	if spec.LaunchType == "" && len(spec.Providers) == 0 {
		spec.Providers = slices.Clone(cluster.Default)
	}
	if err := checkStrategy(spec.Providers, cluster.Providers, cluster.Name); err != nil {
		return nil, err
	}
	if err := checkPlacement(spec.Placement); err != nil {
		return nil, err
	}
	d, err := s.definition(spec.TaskDefinition)
	if err != nil {
		return nil, err
	}
	return d, s.checkServiceBalancers(spec, d)
}

// checkServiceBalancers checks the target groups, containers and ports.
func (s *Store) checkServiceBalancers(spec *ServiceSpec, d *TaskDefinition) error {
	for _, b := range spec.Balancers {
		switch {
		case s.elb.TargetGroups[b.TargetGroup] == nil:
			return invalidParameter("The specified target group does not exist. (targetGroupArn: %s)", b.TargetGroup)
		case len(s.elb.BalancersOf(b.TargetGroup)) == 0:
			return invalidParameter("The target group with targetGroupArn %s does not have an associated load balancer.",
				b.TargetGroup)
		case !slices.ContainsFunc(d.Spec.Containers, func(c ContainerDefinition) bool { return c.Name == b.Container }):
			return invalidParameter("The container %s does not exist in the task definition.", b.Container)
		case d.Spec.Containers[d.served()].Name != b.Container, d.mapping().ContainerPort != b.ContainerPort, b.ContainerPort == 0:
			return invalidParameter("The container %s did not have a container port %d defined.", b.Container, b.ContainerPort)
		}
	}
	return nil
}

// checkPlacement checks the placement strategies (API: PlacementStrategy).
func checkPlacement(strategies []Placement) error {
	if len(strategies) > 5 {
		return invalidParameter("at most 5 placement strategies, not %d", len(strategies))
	}
	fields := map[string][]string{
		"spread": {"attribute:ecs.availability-zone", "instanceId", "host"}, "binpack": {"cpu", "memory"}, "random": {""},
	}
	for _, p := range strategies {
		allowed, known := fields[p.Type]
		if !known {
			return invalidParameter("Invalid placement strategy type: %s", p.Type)
		}
		if !slices.Contains(allowed, p.Field) {
			return invalidParameter("Invalid field %q of placement strategy %s: one of %v", p.Field, p.Type, allowed)
		}
	}
	return nil
}

// UpdateService changes a service. Another task definition, target groups, capacity or placement, or force, starts a
// deployment. The desired count changes only if the spec asks for another one than before, so that a scaled count
// stays.
func (s *Store) UpdateService(arn string, spec ServiceSpec, force bool, now time.Time) error {
	svc := s.Services[arn]
	switch {
	case svc == nil:
		return aws.Refuse("ServiceNotFoundException", "Service not found.")
	case svc.Status != ServiceActive:
		return aws.Refuse("ServiceNotActiveException", "Service was not ACTIVE.")
	}
	spec.Name, spec.Cluster = svc.Spec.Name, svc.Spec.Cluster
	d, err := s.checkService(&spec)
	if err != nil {
		return err
	}
	old := svc.Spec
	rolls := force || d.ARN != svc.primary().TaskDefinition || !slices.Equal(old.Balancers, spec.Balancers) ||
		!slices.Equal(old.Providers, spec.Providers) || !slices.Equal(old.Placement, spec.Placement) ||
		old.Distinct != spec.Distinct
	if svc.Spec = spec; spec.Desired != old.Desired {
		svc.Steady = svc.Steady && spec.Desired == svc.Desired
		svc.Desired = spec.Desired
	}
	if rolls {
		svc.deploy(d.ARN, now)
	}
	return nil
}

// SetDesiredCount sets the desired count of a service (API: UpdateService with a desired count alone).
func (s *Store) SetDesiredCount(arn string, desired int) error {
	svc := s.Services[arn]
	switch {
	case svc == nil:
		return aws.Refuse("ServiceNotFoundException", "Service not found.")
	case svc.Status != ServiceActive:
		return aws.Refuse("ServiceNotActiveException", "Service was not ACTIVE.")
	case desired < 0:
		return invalidParameter("desiredCount must not be negative: %d", desired)
	}
	svc.Steady = svc.Steady && desired == svc.Desired
	svc.Desired = desired
	return nil
}

// DeleteService starts to delete a service: its tasks are drained, and the service is gone with the last one. Without
// force the desired count must be 0.
func (s *Store) DeleteService(arn string, force bool) error {
	svc := s.Services[arn]
	if svc == nil {
		return nil
	}
	if svc.Desired > 0 && !force {
		return invalidParameter("The service cannot be stopped while it is scaled above 0.")
	}
	svc.Status, svc.Desired = ServiceDraining, 0
	return nil
}

// targetGroups returns the target groups of a service that exist.
func (s *Store) targetGroups(svc *Service) []*elb.TargetGroup {
	var groups []*elb.TargetGroup
	for _, b := range svc.Spec.Balancers {
		if group := s.elb.TargetGroups[b.TargetGroup]; group != nil {
			groups = append(groups, group)
		}
	}
	return groups
}

// tasksOf returns the tasks of a service that have not stopped, the oldest first.
func (s *Store) tasksOf(svc *Service) []*Task {
	return slices.DeleteFunc(s.tasks(), func(t *Task) bool { return t.ServiceARN != svc.ARN || t.State == TaskStopped })
}

// ServiceStatus is the status of a service (API: DescribeServices).
type ServiceStatus struct {
	ARN            string
	Name, Cluster  string
	Status         string // ACTIVE or DRAINING
	TaskDefinition string // ARN, of the primary deployment
	Desired        int
	Running        int
	Pending        int          // including tasks that cannot be placed yet
	Deployments    []Deployment // the primary first
	Events         []Event      // the oldest first
	Steady         bool         // one deployment, completed, with all of its tasks healthy
}

// DescribeServices returns the status of all services, sorted by cluster and name.
func (s *Store) DescribeServices() []ServiceStatus {
	var all []ServiceStatus
	for _, arn := range aws.Keys(s.Services) {
		all = append(all, s.serviceStatus(s.Services[arn]))
	}
	return all
}

// DescribeService returns the status of a service, or false.
func (s *Store) DescribeService(arn string) (ServiceStatus, bool) {
	svc := s.Services[arn]
	if svc == nil {
		return ServiceStatus{}, false
	}
	return s.serviceStatus(svc), true
}

// serviceStatus returns the status of a service.
func (s *Store) serviceStatus(svc *Service) ServiceStatus {
	status := ServiceStatus{
		ARN: svc.ARN, Name: svc.Spec.Name, Cluster: svc.Spec.Cluster, Status: svc.Status, Desired: svc.Desired,
		TaskDefinition: svc.primary().TaskDefinition, Pending: svc.Waiting, Steady: svc.Steady,
		Events: slices.Clone(svc.Events),
	}
	for _, d := range svc.Deployments {
		status.Deployments = append(status.Deployments, *d)
	}
	for _, t := range s.tasksOf(svc) {
		switch t.State {
		case TaskRunning:
			status.Running++
		case TaskPending:
			status.Pending++
		case TaskDeactivating, TaskStopping, TaskStopped:
		}
	}
	return status
}
