package provider

import (
	"cmp"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
)

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

// scalingRole is the role of Application Auto Scaling, which it makes itself.
const scalingRole = "aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"

type scalableTargetOutputs struct {
	ARN     string `pulumi:"arn"`
	RoleARN string `pulumi:"roleArn"`
}

func scalableTarget() resourceType {
	return define(resourceType{
		token: "aws:appautoscaling/target:Target", kind: Run,
		replaceOn: []string{"resourceId", "scalableDimension", "serviceNamespace"},
	}, handlers[scalableTargetInputs, scalableTargetOutputs]{
		create: func(m *cloud.Model, in scalableTargetInputs) (string, scalableTargetOutputs, error) {
			made, err := in.register(m)
			return in.ResourceID, scalableTargetOutputs{ARN: made.ARN, RoleARN: iamARN("role", scalingRole)}, err
		},
		update: func(m *cloud.Model, _ string, _, now scalableTargetInputs) (*scalableTargetOutputs, error) {
			_, err := now.register(m)
			return nil, err
		},
		remove: func(m *cloud.Model, id string, _ scalableTargetInputs) error {
			return m.ECS.DeregisterScalableTarget(id)
		},
	})
}

type servicePolicyOutputs struct {
	ARN       string   `pulumi:"arn"`
	AlarmARNs []string `pulumi:"alarmArns"`
}

func servicePolicy() resourceType {
	return define(resourceType{
		token: "aws:appautoscaling/policy:Policy", kind: Run, name: "name", nameMax: 255,
		replaceOn: []string{"name", "resourceId", "scalableDimension", "serviceNamespace"},
	}, handlers[servicePolicyInputs, servicePolicyOutputs]{
		create: func(m *cloud.Model, in servicePolicyInputs) (string, servicePolicyOutputs, error) {
			outputs, err := in.put(m)
			return in.Name, outputs, err
		},
		update: func(m *cloud.Model, _ string, _, now servicePolicyInputs) (*servicePolicyOutputs, error) {
			outputs, err := now.put(m)
			return &outputs, err
		},
		remove: func(m *cloud.Model, _ string, in servicePolicyInputs) error {
			return m.ECS.DeleteServicePolicy(in.ResourceID, in.Name)
		},
	})
}

// register registers a service, or changes its limits.
func (in scalableTargetInputs) register(m *cloud.Model) (ecs.ScalableTarget, error) {
	return m.ECS.RegisterScalableTarget(in.ServiceNamespace, in.ResourceID, in.ScalableDimension, in.MinCapacity, in.MaxCapacity,
		m.Clock.Now())
}

// put creates or replaces a policy. The API's default of a cooldown is 300 s for ECS.
func (in servicePolicyInputs) put(m *cloud.Model) (servicePolicyOutputs, error) {
	tracking := in.TargetTracking
	metric := tracking.PredefinedMetricSpecification.PredefinedMetricType
	switch {
	case in.PolicyType != "TargetTrackingScaling":
		return servicePolicyOutputs{}, unsupported("policyType", cmp.Or(in.PolicyType, "StepScaling"), "TargetTrackingScaling")
	case metric != "ECSServiceAverageCPUUtilization":
		return servicePolicyOutputs{}, unsupported("predefinedMetricType", metric, "ECSServiceAverageCPUUtilization")
	}
	made, err := m.ECS.PutServicePolicy(in.ServiceNamespace, in.ResourceID, in.ScalableDimension, ecs.ServicePolicy{
		Name: in.Name, Target: tracking.TargetValue, DisableScaleIn: tracking.DisableScaleIn,
		OutCool: seconds(orElse(tracking.ScaleOutCooldown, 300)), InCool: seconds(orElse(tracking.ScaleInCooldown, 300)),
	}, m.Clock.Now())
	return servicePolicyOutputs{ARN: made.ARN, AlarmARNs: made.Alarms}, err
}
