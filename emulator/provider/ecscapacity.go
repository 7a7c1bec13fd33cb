package provider

import (
	"cmp"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
)

type capacityProviderInputs struct {
	Name                     string `pulumi:"name"`
	AutoScalingGroupProvider struct {
		AutoScalingGroupArn string `pulumi:"autoScalingGroupArn"`
		ManagedScaling      *struct {
			Status                 string `pulumi:"status"`
			TargetCapacity         int    `pulumi:"targetCapacity"` // percent
			MinimumScalingStepSize int    `pulumi:"minimumScalingStepSize"`
			MaximumScalingStepSize int    `pulumi:"maximumScalingStepSize"`
			InstanceWarmupPeriod   *int   `pulumi:"instanceWarmupPeriod"` // seconds; without effect: starting instances count
		} `pulumi:"managedScaling"`
		ManagedDraining              string `pulumi:"managedDraining"`
		ManagedTerminationProtection string `pulumi:"managedTerminationProtection"`
	} `pulumi:"autoScalingGroupProvider"`
	Tags map[string]string `pulumi:"tags"`
}

func capacityProvider() resourceType {
	return define(resourceType{
		token: "aws:ecs/capacityProvider:CapacityProvider", kind: Run, name: "name", nameMax: 255,
		replaceOn: []string{"name"}, replaceIf: replacesGroup,
	}, handlers[capacityProviderInputs, arnOutput]{
		create: func(m *cloud.Model, in capacityProviderInputs) (string, arnOutput, error) {
			spec, err := in.spec()
			if err != nil {
				return "", arnOutput{}, err
			}
			made, err := m.ECS.CreateCapacityProvider(spec)
			return made.ARN, arnOutput{made.ARN}, err
		},
		update: func(m *cloud.Model, _ string, _, now capacityProviderInputs) (*arnOutput, error) {
			spec, err := now.spec()
			if err != nil {
				return nil, err
			}
			return nil, m.ECS.UpdateCapacityProvider(spec)
		},
		remove: func(m *cloud.Model, _ string, in capacityProviderInputs) error {
			return m.ECS.DeleteCapacityProvider(in.Name)
		},
	})
}

// replacesGroup reports whether the Auto Scaling group of a capacity provider changes, which can't be changed in place.
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

// spec applies the API's defaults: managed draining is on, steps are of 1 to 10000 instances.
func (in capacityProviderInputs) spec() (ecs.CapacityProviderSpec, error) {
	group := in.AutoScalingGroupProvider
	for property, value := range map[string]string{
		"managedDraining": group.ManagedDraining, "managedTerminationProtection": group.ManagedTerminationProtection,
	} {
		if value != "" && value != "ENABLED" && value != "DISABLED" {
			return ecs.CapacityProviderSpec{}, fmt.Errorf("%s: %q is neither ENABLED nor DISABLED", property, value)
		}
	}
	spec := ecs.CapacityProviderSpec{
		Name: in.Name, Group: group.AutoScalingGroupArn, Draining: group.ManagedDraining != "DISABLED",
		TerminationProtection: group.ManagedTerminationProtection == "ENABLED",
	}
	if m := group.ManagedScaling; m != nil && m.Status == "ENABLED" {
		spec.Scaling = &ecs.ManagedScaling{
			Target: cmp.Or(m.TargetCapacity, 100), MinStep: cmp.Or(m.MinimumScalingStepSize, 1),
			MaxStep: cmp.Or(m.MaximumScalingStepSize, 10000),
		}
	}
	return spec, nil
}
