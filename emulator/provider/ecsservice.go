package provider

import (
	"context"
	"fmt"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
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

func init() {
	define(resourceType{
		token: "aws:ecs/service:Service", kind: Run, name: "name", nameMax: 255,
		replaceOn: []string{"name", "cluster", "launchType", "schedulingStrategy"}, replaceIf: replacesService,
	}, handlers[serviceInputs]{create: createService, update: updateService, remove: removeService})
}

// replacesService is what replaces a service only sometimes: the type of its deployment controller, and capacity providers
// unless a new deployment is forced, which the first and the last of them need all the same.
func replacesService(key string, old, now resource.PropertyMap) bool {
	before, _, err := decode[serviceInputs](old)
	after, _, err2 := decode[serviceInputs](now)
	if err != nil || err2 != nil {
		return false // what is wrong with them is said by the update
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
func (in serviceInputs) spec() (cloud.ServiceSpec, error) {
	percent := func(given *int, otherwise int) int {
		if given == nil {
			return otherwise
		}
		return *given
	}
	spec := cloud.ServiceSpec{
		Name: in.Name, Cluster: in.Cluster, TaskDefinition: in.TaskDefinition, Desired: in.DesiredCount,
		LaunchType: in.LaunchType, Providers: strategies(in.CapacityProviderStrategies),
		MinHealthy: percent(in.DeploymentMinimumHealthyPercent, 100), MaxHealthy: percent(in.DeploymentMaximumPercent, 200),
		Breaker: cloud.Breaker(in.DeploymentCircuitBreaker), Grace: seconds(in.HealthCheckGracePeriodSeconds),
	}
	switch {
	case orDefault(in.SchedulingStrategy, "REPLICA") != "REPLICA":
		return spec, unsupported("schedulingStrategy", in.SchedulingStrategy, "REPLICA")
	case orDefault(in.DeploymentController.Type, "ECS") != "ECS":
		return spec, unsupported("deploymentController.type", in.DeploymentController.Type, "ECS")
	case orDefault(in.AvailabilityZoneRebalancing, "DISABLED") != "DISABLED":
		return spec, unsupported("availabilityZoneRebalancing", in.AvailabilityZoneRebalancing, "DISABLED")
	}
	for _, b := range in.LoadBalancers {
		spec.Balancers = append(spec.Balancers, cloud.ServiceBalancer{
			TargetGroup: b.TargetGroupArn, Container: b.ContainerName, ContainerPort: b.ContainerPort,
		})
	}
	for _, p := range in.OrderedPlacementStrategies {
		spec.Placement = append(spec.Placement, cloud.Placement(p))
	}
	for _, constraint := range in.PlacementConstraints {
		if constraint.Type != "distinctInstance" {
			return spec, unsupported("placementConstraints.type", constraint.Type, "distinctInstance")
		}
		spec.Distinct = true
	}
	return spec, nil
}

func createService(ctx context.Context, c *cloud.Cloud, in serviceInputs) (string, map[string]any, error) {
	spec, err := in.spec()
	if err != nil {
		return "", nil, err
	}
	service, err := c.CreateService(spec)
	if err != nil {
		return "", nil, err
	}
	made(ctx, service.ARN)
	err = awaitSteady(ctx, c, service.ARN, in)
	return service.ARN, serviceOutputs(c, service.ARN), err
}

func updateService(ctx context.Context, c *cloud.Cloud, id string, _, now serviceInputs) (map[string]any, error) {
	spec, err := now.spec()
	if err != nil {
		return nil, err
	}
	if err := c.UpdateService(id, spec, now.ForceNewDeployment); err != nil {
		return nil, err
	}
	err = awaitSteady(ctx, c, id, now)
	return serviceOutputs(c, id), err
}

// serviceOutputs is what the provider reads after it is done: the task definition that is deployed, which is the former
// one where a deployment was rolled back.
func serviceOutputs(c *cloud.Cloud, arn string) map[string]any {
	outputs := map[string]any{"arn": arn}
	if status, ok := c.Service(arn); ok {
		outputs["taskDefinition"] = status.TaskDefinition
	}
	return outputs
}

// serviceTimeout is how long the provider waits for a service to become steady, and for it to end.
const serviceTimeout = 20 * time.Minute

// awaitSteady waits as the provider does: for one deployment and as many running tasks as desired. A rollback that
// succeeded is a success to it.
func awaitSteady(ctx context.Context, c *cloud.Cloud, arn string, in serviceInputs) error {
	deadline := c.Now().Add(serviceTimeout)
	for in.WaitForSteadyState {
		status, ok := c.Service(arn)
		switch {
		case !ok:
			return fmt.Errorf("waiting for ECS Service (%s) to become steady: it is gone", arn)
		case status.Steady:
			return nil
		case c.Now().After(deadline):
			return fmt.Errorf("timeout while waiting for ECS Service (%s) to become steady after %v: %d of %d tasks run, %s",
				arn, serviceTimeout, status.Running, status.Desired, lastEvent(status))
		}
		if err := pause(ctx, c); err != nil {
			return fmt.Errorf("waiting for ECS Service (%s) to become steady: %w; %s", arn, err, lastEvent(status))
		}
	}
	return nil
}

func lastEvent(status cloud.ServiceStatus) string {
	if len(status.Events) == 0 {
		return "nothing has happened yet"
	}
	return status.Events[len(status.Events)-1].Message
}

// removeService scales the service to nothing, deletes it and waits until its last task is gone, as the provider does.
func removeService(ctx context.Context, c *cloud.Cloud, id string, in serviceInputs) error {
	status, exists := c.Service(id)
	if !exists {
		return nil
	}
	if status.Status == cloud.ServiceActive && !in.ForceDelete {
		if err := c.SetDesiredCount(id, 0); err != nil {
			return err
		}
	}
	if err := c.DeleteService(id, in.ForceDelete); err != nil {
		return err
	}
	deadline := c.Now().Add(serviceTimeout)
	for {
		status, exists := c.Service(id)
		if !exists {
			return nil
		}
		if c.Now().After(deadline) {
			return fmt.Errorf("timeout while waiting for ECS Service (%s) to drain after %v: %d tasks run",
				id, serviceTimeout, status.Running)
		}
		if err := pause(ctx, c); err != nil {
			return fmt.Errorf("waiting for ECS Service (%s) to drain: %w", id, err)
		}
	}
}

type scalableTargetInputs struct {
	MinCapacity       int               `pulumi:"minCapacity"`
	MaxCapacity       int               `pulumi:"maxCapacity"`
	ResourceID        string            `pulumi:"resourceId"`
	ScalableDimension string            `pulumi:"scalableDimension"`
	ServiceNamespace  string            `pulumi:"serviceNamespace"`
	RoleArn           string            `pulumi:"roleArn"`
	Tags              map[string]string `pulumi:"tags"`
}

type servicePolicyInputs struct {
	Name              string `pulumi:"name"`
	PolicyType        string `pulumi:"policyType"`
	ResourceID        string `pulumi:"resourceId"`
	ScalableDimension string `pulumi:"scalableDimension"`
	ServiceNamespace  string `pulumi:"serviceNamespace"`
	TargetTracking    struct {
		PredefinedMetricSpecification struct {
			PredefinedMetricType string `pulumi:"predefinedMetricType"`
		} `pulumi:"predefinedMetricSpecification"`
		TargetValue      float64 `pulumi:"targetValue"`
		ScaleOutCooldown *int    `pulumi:"scaleOutCooldown"` // seconds
		ScaleInCooldown  *int    `pulumi:"scaleInCooldown"`  // seconds
		DisableScaleIn   bool    `pulumi:"disableScaleIn"`
	} `pulumi:"targetTrackingScalingPolicyConfiguration"`
}

// scalingRole is what Application Auto Scaling acts with: it makes the role itself.
const scalingRole = "aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"

func init() {
	define(resourceType{
		token: "aws:appautoscaling/target:Target", kind: Run,
		replaceOn: []string{"resourceId", "scalableDimension", "serviceNamespace"},
	}, handlers[scalableTargetInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in scalableTargetInputs) (string, map[string]any, error) {
			made, err := registerTarget(c, in)
			return idUnless(err, in.ResourceID), map[string]any{"arn": made.ARN, "roleArn": globalARN("role", scalingRole)}, err
		},
		update: func(_ context.Context, c *cloud.Cloud, _ string, _, now scalableTargetInputs) (map[string]any, error) {
			_, err := registerTarget(c, now)
			return nil, err
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ scalableTargetInputs) error {
			return c.DeregisterScalableTarget(id)
		},
	})
	define(resourceType{
		token: "aws:appautoscaling/policy:Policy", kind: Run, name: "name", nameMax: 255,
		replaceOn: []string{"name", "resourceId", "scalableDimension", "serviceNamespace"},
	}, handlers[servicePolicyInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in servicePolicyInputs) (string, map[string]any, error) {
			outputs, err := putServicePolicy(c, in)
			return idUnless(err, in.Name), outputs, err
		},
		update: func(_ context.Context, c *cloud.Cloud, _ string, _, now servicePolicyInputs) (map[string]any, error) {
			return putServicePolicy(c, now)
		},
		remove: func(_ context.Context, c *cloud.Cloud, _ string, in servicePolicyInputs) error {
			return c.DeleteServicePolicy(in.ResourceID, in.Name)
		},
	})
}

func registerTarget(c *cloud.Cloud, in scalableTargetInputs) (cloud.ScalableTarget, error) {
	return c.RegisterScalableTarget(in.ServiceNamespace, in.ResourceID, in.ScalableDimension, in.MinCapacity, in.MaxCapacity)
}

// putServicePolicy applies the API's default, a cooldown of 300 s for ECS.
func putServicePolicy(c *cloud.Cloud, in servicePolicyInputs) (map[string]any, error) {
	tracking := in.TargetTracking
	metric := tracking.PredefinedMetricSpecification.PredefinedMetricType
	switch {
	case in.PolicyType != "TargetTrackingScaling":
		return nil, unsupported("policyType", orDefault(in.PolicyType, "StepScaling"), "TargetTrackingScaling")
	case metric != "ECSServiceAverageCPUUtilization":
		return nil, unsupported("predefinedMetricType", metric, "ECSServiceAverageCPUUtilization")
	}
	cooldown := func(given *int) time.Duration {
		if given == nil {
			return 300 * time.Second
		}
		return seconds(*given)
	}
	arn, alarms, err := c.PutServicePolicy(in.ServiceNamespace, in.ResourceID, in.ScalableDimension, cloud.ServicePolicy{
		Name: in.Name, Target: tracking.TargetValue, DisableScaleIn: tracking.DisableScaleIn,
		OutCool: cooldown(tracking.ScaleOutCooldown), InCool: cooldown(tracking.ScaleInCooldown),
	})
	return map[string]any{"arn": arn, "alarmArns": anySlice(alarms)}, err
}

func anySlice(texts []string) []any {
	made := make([]any, 0, len(texts))
	for _, text := range texts {
		made = append(made, text)
	}
	return made
}

// replacesGroup is for the part of a capacity provider that can't be changed: its Auto Scaling group.
func replacesGroup(key string, old, now resource.PropertyMap) bool {
	arn := func(inputs resource.PropertyMap) resource.PropertyValue {
		value := inputs["autoScalingGroupProvider"]
		if !value.IsObject() {
			return value
		}
		return value.ObjectValue()["autoScalingGroupArn"]
	}
	return key == "autoScalingGroupProvider" && !arn(old).DeepEquals(arn(now))
}
