package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
)

type serviceInputs struct {
	Name                            string           `pulumi:"name"`
	Cluster                         string           `pulumi:"cluster"` // name or ARN
	TaskDefinition                  string           `pulumi:"taskDefinition"`
	DesiredCount                    int              `pulumi:"desiredCount"`
	LaunchType                      string           `pulumi:"launchType"`
	SchedulingStrategy              string           `pulumi:"schedulingStrategy"`
	CapacityProviderStrategies      []strategyInputs `pulumi:"capacityProviderStrategies"`
	DeploymentMinimumHealthyPercent *int             `pulumi:"deploymentMinimumHealthyPercent"`
	DeploymentMaximumPercent        *int             `pulumi:"deploymentMaximumPercent"`
	DeploymentCircuitBreaker        struct {
		Enable   bool `pulumi:"enable"`
		Rollback bool `pulumi:"rollback"`
	} `pulumi:"deploymentCircuitBreaker"`
	DeploymentController struct {
		Type string `pulumi:"type"`
	} `pulumi:"deploymentController"`
	HealthCheckGracePeriodSeconds int `pulumi:"healthCheckGracePeriodSeconds"`
	LoadBalancers                 []struct {
		TargetGroupArn string `pulumi:"targetGroupArn"`
		ContainerName  string `pulumi:"containerName"`
		ContainerPort  int    `pulumi:"containerPort"`
	} `pulumi:"loadBalancers"`
	OrderedPlacementStrategies []struct {
		Type  string `pulumi:"type"`
		Field string `pulumi:"field"`
	} `pulumi:"orderedPlacementStrategies"`
	PlacementConstraints []struct {
		Type       string `pulumi:"type"`
		Expression string `pulumi:"expression"`
	} `pulumi:"placementConstraints"`
	AvailabilityZoneRebalancing string            `pulumi:"availabilityZoneRebalancing"`
	WaitForSteadyState          bool              `pulumi:"waitForSteadyState"`
	ForceNewDeployment          bool              `pulumi:"forceNewDeployment"`
	ForceDelete                 bool              `pulumi:"forceDelete"`
	EnableEcsManagedTags        bool              `pulumi:"enableEcsManagedTags"`
	PropagateTags               string            `pulumi:"propagateTags"`
	Triggers                    map[string]string `pulumi:"triggers"`
	Tags                        map[string]string `pulumi:"tags"`
}

type serviceOutputs struct {
	TaskDefinition *string `pulumi:"taskDefinition"`
}

func service() resourceType {
	return define(resourceType{
		token: "aws:ecs/service:Service", kind: Run, name: "name", nameMax: 255,
		replaceOn: []string{"name", "cluster", "launchType", "schedulingStrategy"}, replaceIf: replacesService,
	}, handlers[serviceInputs, serviceOutputs]{
		create: func(m *cloud.Model, in serviceInputs) (string, serviceOutputs, error) {
			spec, err := in.spec()
			if err != nil {
				return "", serviceOutputs{}, err
			}
			made, err := m.ECS.CreateService(spec, m.Clock.Now())
			return made.ARN, serviceOutputs{}, err
		},
		afterCreate: awaitSteady,
		update: func(m *cloud.Model, id string, _, now serviceInputs) (*serviceOutputs, error) {
			spec, err := now.spec()
			if err != nil {
				return nil, err
			}
			return nil, m.ECS.UpdateService(id, spec, now.ForceNewDeployment, m.Clock.Now())
		},
		afterUpdate: func(ctx context.Context, c *cloud.Cloud, id string, _, now serviceInputs) (*serviceOutputs, error) {
			return awaitSteady(ctx, c, id, now)
		},
		remove:      removeService,
		afterRemove: awaitDrained,
	})
}

// replacesService reports whether a change replaces a service: a change of the type of its deployment controller does, and a
// change of its capacity providers unless a new deployment is forced. Adding the first provider and removing the last always
// do.
func replacesService(key string, old, now resource.PropertyMap) bool {
	before, _, err := decode[serviceInputs](old)
	after, _, err2 := decode[serviceInputs](now)
	if err != nil || err2 != nil {
		return false // the update reports what is wrong with them
	}
	switch key {
	case "deploymentController":
		return before.DeploymentController != after.DeploymentController
	case "capacityProviderStrategies":
		none := len(before.CapacityProviderStrategies) == 0
		return !after.ForceNewDeployment || none != (len(after.CapacityProviderStrategies) == 0)
	}
	return false
}

// spec applies the provider's defaults (document of aws_ecs_service).
func (in serviceInputs) spec() (ecs.ServiceSpec, error) {
	spec := ecs.ServiceSpec{
		Name: in.Name, Cluster: in.Cluster, TaskDefinition: in.TaskDefinition, Desired: in.DesiredCount,
		LaunchType: in.LaunchType, Providers: strategies(in.CapacityProviderStrategies),
		MinHealthy: orElse(in.DeploymentMinimumHealthyPercent, 100), MaxHealthy: orElse(in.DeploymentMaximumPercent, 200),
		Breaker: ecs.Breaker(in.DeploymentCircuitBreaker), Grace: seconds(in.HealthCheckGracePeriodSeconds),
		Rebalance: in.AvailabilityZoneRebalancing == "ENABLED",
	}
	switch {
	case cmp.Or(in.SchedulingStrategy, "REPLICA") != "REPLICA":
		return spec, unsupported("schedulingStrategy", in.SchedulingStrategy, "REPLICA")
	case cmp.Or(in.DeploymentController.Type, "ECS") != "ECS":
		return spec, unsupported("deploymentController.type", in.DeploymentController.Type, "ECS")
	case !slices.Contains([]string{"", "DISABLED", "ENABLED"}, in.AvailabilityZoneRebalancing):
		return spec, unsupported("availabilityZoneRebalancing", in.AvailabilityZoneRebalancing, "DISABLED and ENABLED")
	case in.AvailabilityZoneRebalancing == "ENABLED" && !in.canRebalance():
		return spec, errors.New("InvalidParameterException: availabilityZoneRebalancing ENABLED needs a maximumPercent above 100 and, if " +
			"there are placement strategies, attribute:ecs.availability-zone first")
	}
	for _, b := range in.LoadBalancers {
		spec.Balancers = append(spec.Balancers, ecs.ServiceBalancer{
			TargetGroup: b.TargetGroupArn, Container: b.ContainerName, ContainerPort: b.ContainerPort,
		})
	}
	for _, p := range in.OrderedPlacementStrategies {
		spec.Placement = append(spec.Placement, ecs.Placement(p))
	}
	for _, constraint := range in.PlacementConstraints {
		if constraint.Type != "distinctInstance" {
			return spec, unsupported("placementConstraints.type", constraint.Type, "distinctInstance")
		}
		spec.Distinct = true
	}
	return spec, nil
}

// canRebalance reports whether ECS may move tasks between zones (ECS Developer Guide, "Balancing an Amazon ECS service across Availability
// Zones").
func (in serviceInputs) canRebalance() bool {
	strategies := in.OrderedPlacementStrategies
	first := len(strategies) == 0 || strategies[0].Type == "spread" && strategies[0].Field == "attribute:ecs.availability-zone"
	return first && orElse(in.DeploymentMaximumPercent, 200) > 100
}

// serviceTimeout is how long the provider waits until a service is steady, and until it has ended.
const serviceTimeout = 20 * time.Minute

// awaitSteady waits, as the provider does, until the service has one deployment and as many running tasks as desired. To the
// provider, a successful rollback is a success. The outputs name the deployed task definition, which is the former one after a
// rollback.
func awaitSteady(ctx context.Context, c *cloud.Cloud, arn string, in serviceInputs) (*serviceOutputs, error) {
	var status ecs.ServiceStatus
	err := await(ctx, c, serviceTimeout, func(m *cloud.Model) (bool, error) {
		var exists bool
		if status, exists = m.ECS.DescribeService(arn); !exists && in.WaitForSteadyState {
			return false, errGone
		}
		return status.Steady || !in.WaitForSteadyState, nil
	})
	outputs := &serviceOutputs{}
	if status.TaskDefinition != "" {
		outputs.TaskDefinition = &status.TaskDefinition
	}
	switch {
	case errors.Is(err, errGone):
		return outputs, fmt.Errorf("waiting for ECS Service (%s) to become steady: %w", arn, err)
	case errors.Is(err, errTimeout):
		return outputs, fmt.Errorf("timeout while waiting for ECS Service (%s) to become steady after %v: %d of %d tasks run, %s",
			arn, serviceTimeout, status.Running, status.Desired, lastEvent(status))
	case err != nil:
		return outputs, fmt.Errorf("waiting for ECS Service (%s) to become steady: %w; %s", arn, err, lastEvent(status))
	}
	return outputs, nil
}

var errGone = errors.New("it is gone")

// lastEvent returns the latest message of a service, for errors.
func lastEvent(status ecs.ServiceStatus) string {
	if len(status.Events) == 0 {
		return "nothing has happened yet"
	}
	return status.Events[len(status.Events)-1].Message
}

// removeService scales the service to nothing and deletes it, as the provider does.
func removeService(m *cloud.Model, id string, in serviceInputs) error {
	status, exists := m.ECS.DescribeService(id)
	if !exists {
		return nil
	}
	if status.Status == ecs.ServiceActive && !in.ForceDelete {
		if err := m.ECS.SetDesiredCount(id, 0); err != nil {
			return err
		}
	}
	return m.ECS.DeleteService(id, in.ForceDelete)
}

// awaitDrained waits until the last task of a service is gone, as the provider does.
func awaitDrained(ctx context.Context, c *cloud.Cloud, id string) error {
	var status ecs.ServiceStatus
	err := await(ctx, c, serviceTimeout, func(m *cloud.Model) (bool, error) {
		var exists bool
		status, exists = m.ECS.DescribeService(id)
		return !exists, nil
	})
	switch {
	case errors.Is(err, errTimeout):
		return fmt.Errorf("timeout while waiting for ECS Service (%s) to drain after %v: %d tasks run", id, serviceTimeout, status.Running)
	case err != nil:
		return fmt.Errorf("waiting for ECS Service (%s) to drain: %w", id, err)
	}
	return nil
}
