// Package containers runs a service as containers of ECS, on EC2 instances.
//
//	cluster ◀── joined by the instances of an Auto Scaling group, at boot
//	   │            └─ capacity provider: as many instances as the tasks need
//	   └─ service ── tasks, a container each with its sidecars, spread over zones and instances
//	        │            └─ host port from 32768 up ──▶ registers with the target group
//	        └─ CPU at the target ──▶ tasks, Min … Max
//
// The order matters, on the way up and on the way down:
//
//   - The cluster is there before the launch template, whose user data names it, and goes after the last instance.
//   - The capacity provider follows its group at once, while the first instances boot: what joined the cluster earlier
//     may never count as the provider's. The component must therefore not wait for a balancer; Args.After does, for the
//     service alone.
//   - The service goes first, scaled to nothing and drained by the provider; then the cluster forgets the capacity
//     provider, which it refuses while a service uses it; then the capacity provider goes, then the group.
package containers

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/awsname"
	"github.com/elastic-service/elastic-service/internal/iam"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

// While tasks are replaced, by a new revision or after a failure, all of the service's capacity stays and as much again may
// be added, in percent: a new task runs before an old task stops.
const (
	minHealthy = 100
	maxRunning = 200
)

// settled is how long a deployment may take until all tasks run: instances that boot and pull the image (3 min), health
// checks, and old tasks that drain, batch by batch.
const settled = "20m"

// Args describes a service.
type Args struct {
	// Cluster is the cluster's name, ClusterARN its ARN.
	Cluster, ClusterARN pulumi.StringInput

	// GroupARN is the Auto Scaling group whose instances join the cluster. It becomes the service's capacity provider.
	GroupARN pulumi.StringInput

	// TargetGroupARN is the target group with which the containers register, each with its host's address and a port from
	// 32768 up.
	TargetGroupARN pulumi.StringInput

	// Region is the cluster's region, for the logs.
	Region string

	// Image is the container's image, as 123456789012.dkr.ecr.us-east-1.amazonaws.com/flask:1.2 or nginx:1.29.
	Image string

	// Command is what the container runs. The image's own when empty.
	Command []string

	// Environment is the container's environment. Everyone who may read the task definition sees it, so that it must not
	// contain secrets.
	Environment map[string]string

	// StackEnvironment is added to the environment; variables of Environment take precedence. Nil: nothing is added.
	StackEnvironment pulumi.StringMapInput

	// Secrets are variables whose values ECS fetches when a container starts, by their names.
	Secrets map[string]Secret

	// Permissions are what the containers may do in AWS.
	Permissions []iam.Statement

	// Sidecars are more containers of each task.
	Sidecars []Sidecar

	// Links are the sidecars that the container reaches by their names. It starts after them.
	Links []string

	// DependsOn has what the container waits for: START, COMPLETE or SUCCESS, by the sidecar's name.
	DependsOn map[string]string

	// Port is the port on which the container serves, 1–65535.
	Port int

	// CPU is a container's share of its host, 1024 for a virtual CPU, at least 2. A container may use more while the host has
	// CPU to spare.
	CPU int

	// Memory is the most memory that a container may use, in MiB, at least 6. A container that exceeds it is killed.
	Memory int

	// Min, Desired and Max are numbers of tasks, 1 ≤ Min ≤ Desired ≤ Max. Desired is where scaling starts.
	Min, Desired, Max int

	// TargetCPU is the share of CPU, in percent, around which the number of tasks is kept, at most 100. 0: the number stays
	// at Desired.
	TargetCPU float64

	// Grace is how long after its start a task is not stopped for a failed health check: whole seconds.
	Grace time.Duration

	// Wait makes a deployment wait until the service is steady, 20 minutes at most, and fail if it was rolled back. Otherwise
	// ECS continues after the deployment has ended; the service's events tell the result.
	Wait bool

	// After lists what the service needs beside its inputs, from its first task to its last: the listeners, because ECS
	// refuses a target group that no balancer uses, and the paths from the balancer to the instances' ports 32768–65535.
	After []pulumi.Resource

	// Tags are put on everything that takes tags, tasks included.
	Tags map[string]string
}

// Validate reports every problem of the arguments, as paths below a service.
func (a *Args) Validate() error {
	var problems invalid.List
	problems.Need("cluster", a.Cluster != nil)
	problems.Need("clusterArn", a.ClusterARN != nil)
	problems.Need("groupArn", a.GroupARN != nil)
	problems.Need("targetGroupArn", a.TargetGroupARN != nil)
	problems.Include("", a.ValidatePlain())
	return problems.Err()
}

// ValidatePlain reports the problems that do not depend on other resources: Cluster and the ARNs may be missing.
func (a *Args) ValidatePlain() error {
	var problems invalid.List
	problems.Need("region", a.Region != "")
	problems.Include("", a.validTask())
	problems.Include("", a.validNumbers())
	if a.Grace < 0 || a.Grace%time.Second != 0 || a.Grace/time.Second > math.MaxInt32 {
		problems.Add("grace", a.Grace, "is not a number of whole seconds")
	}
	return problems.Err()
}

func (a *Args) validNumbers() error {
	var problems invalid.List
	if a.Min < 1 {
		problems.Add("min", a.Min, "is below 1")
	}
	if a.Max < a.Min {
		problems.Add("max", a.Max, "is below min (%d)", a.Min)
	}
	if a.Desired < a.Min || a.Desired > a.Max {
		problems.Add("desired", a.Desired, "is not between min (%d) and max (%d)", a.Min, a.Max)
	}
	if !(a.TargetCPU >= 0 && a.TargetCPU <= 100) {
		problems.Add("targetCpu", a.TargetCPU, "is not above 0 and at most 100, or 0 for no scaling")
	}
	return problems.Err()
}

// maxName is the longest name: AWS allows 255 characters for a policy, of which "-tasks-cpu" and Pulumi's "-1234567"
// take 18.
const maxName = 237

var nameRule = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// validName reports what AWS refuses in the name of a service or of its capacity provider.
func validName(name string) error {
	var problems invalid.List
	if !nameRule.MatchString(name) {
		problems.Add("name", name, "is not made of letters, digits, hyphens and underscores, a letter first")
	}
	if len(name) > maxName {
		problems.Add("name", name, "is longer than %d characters", maxName)
	}
	for _, r := range awsname.ReservedFor(name, awsname.CapacityProvider) {
		problems.Add("name", name, "begins with %s, which AWS refuses in the name of %s", r.Prefix, r.Of)
	}
	return problems.Err()
}

// Service is a service of containers.
type Service struct {
	pulumi.ResourceState

	// Name is the name of the service in its cluster.
	Name pulumi.StringOutput

	// TaskDefinitionARN is the revision that runs. It is an error if the deployment was rolled back.
	TaskDefinitionARN pulumi.StringOutput

	granted []pulumi.Resource // policies of the task's roles
}

// New registers a service. Its creation ends when all of its tasks run and the balancer finds them healthy.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Service, error) {
	var problems invalid.List
	problems.Include("", validName(name))
	problems.Include("", args.Validate())
	if err := problems.Err(); err != nil {
		return nil, fmt.Errorf("containers %s: %w", name, err)
	}
	s := &Service{}
	if err := ctx.RegisterComponentResource("elastic-service:containers:Service", name, s, opts...); err != nil {
		return nil, fmt.Errorf("containers %s: %w", name, err)
	}
	if err := s.children(ctx, name, args); err != nil {
		return nil, fmt.Errorf("containers %s: %w", name, err)
	}
	return s, ctx.RegisterResourceOutputs(s, pulumi.Map{
		"name":              s.Name,
		"taskDefinitionArn": s.TaskDefinitionARN,
	})
}

func (s *Service) children(ctx *pulumi.Context, name string, args *Args) error {
	hosts, err := s.hosts(ctx, name, args)
	if err != nil {
		return err
	}
	task, err := s.task(ctx, name, args)
	if err != nil {
		return err
	}
	service, err := s.service(ctx, name, args, hosts, task)
	if err != nil {
		return err
	}
	s.Name = service.Name
	s.TaskDefinitionARN = deployed(task, service)
	if args.TargetCPU == 0 {
		return nil
	}
	return s.scaling(ctx, name, args)
}

// service creates the service, which waits until it is steady, so that a deployment that does not come up fails. After the
// start the number of tasks belongs to scaling: otherwise each deployment would reset it. Without scaling it is Desired.
func (s *Service) service(
	ctx *pulumi.Context, name string, args *Args, hosts *hosts, task *ecs.TaskDefinition,
) (*ecs.Service, error) {
	options := []pulumi.ResourceOption{
		pulumi.Parent(s),
		pulumi.DependsOn(slices.Concat([]pulumi.Resource{hosts.association}, s.granted, args.After)),
		pulumi.Timeouts(&pulumi.CustomTimeouts{Create: settled, Update: settled, Delete: settled}),
	}
	if args.TargetCPU > 0 {
		options = append(options, pulumi.IgnoreChanges([]string{"desiredCount"}))
	}
	return ecs.NewService(ctx, name+"-service", &ecs.ServiceArgs{
		Cluster:        args.ClusterARN.ToStringOutput().ToStringPtrOutput(),
		TaskDefinition: task.Arn,
		DesiredCount:   pulumi.Int(args.Desired),
		CapacityProviderStrategies: ecs.ServiceCapacityProviderStrategyArray{
			&ecs.ServiceCapacityProviderStrategyArgs{CapacityProvider: hosts.provider.Name, Weight: pulumi.Int(1)},
		},
		LoadBalancers: ecs.ServiceLoadBalancerArray{
			&ecs.ServiceLoadBalancerArgs{
				TargetGroupArn: args.TargetGroupARN.ToStringOutput().ToStringPtrOutput(),
				ContainerName:  pulumi.String(name),
				ContainerPort:  pulumi.Int(args.Port),
			},
		},
		OrderedPlacementStrategies: ecs.ServiceOrderedPlacementStrategyArray{
			spread("attribute:ecs.availability-zone"), spread("instanceId"),
		},
		// The provider's default is DISABLED: after the failure of a zone all tasks would stay in the others.
		AvailabilityZoneRebalancing:     pulumi.String("ENABLED"),
		DeploymentMinimumHealthyPercent: pulumi.Int(minHealthy),
		DeploymentMaximumPercent:        pulumi.Int(maxRunning),
		DeploymentCircuitBreaker: &ecs.ServiceDeploymentCircuitBreakerArgs{
			Enable: pulumi.Bool(true), Rollback: pulumi.Bool(true),
		},
		HealthCheckGracePeriodSeconds: pulumi.Int(int(args.Grace.Seconds())),
		WaitForSteadyState:            pulumi.Bool(args.Wait),
		EnableEcsManagedTags:          pulumi.Bool(true),
		PropagateTags:                 pulumi.String("SERVICE"),
		Tags:                          pulumi.ToStringMap(args.Tags),
	}, options...)
}

func spread(field string) *ecs.ServiceOrderedPlacementStrategyArgs {
	return &ecs.ServiceOrderedPlacementStrategyArgs{Type: pulumi.String("spread"), Field: pulumi.String(field)}
}

// deployed returns the revision that runs, or an error if it is not the wanted revision. A service that the circuit breaker
// has rolled back is steady too, with the former revision, and the provider takes that for success (TF#20858).
func deployed(task *ecs.TaskDefinition, service *ecs.Service) pulumi.StringOutput {
	return task.Arn.ApplyT(func(wanted string) pulumi.StringOutput {
		return service.TaskDefinition.Elem().ApplyT(func(running string) (string, error) {
			return running, revision(wanted, running)
		}).(pulumi.StringOutput)
	}).(pulumi.StringOutput)
}

func revision(wanted, running string) error {
	if wanted == running {
		return nil
	}
	return fmt.Errorf("the deployment of %s failed and was rolled back: %s runs; the service's events say why",
		wanted, running)
}
