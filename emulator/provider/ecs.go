package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

type clusterInputs struct {
	Name     string `pulumi:"name"`
	Settings []struct {
		Name  string `pulumi:"name"`
		Value string `pulumi:"value"`
	} `pulumi:"settings"`
	Tags map[string]string `pulumi:"tags"`
}

type capacityProviderInputs struct {
	Name                     string `pulumi:"name"`
	AutoScalingGroupProvider struct {
		AutoScalingGroupArn string `pulumi:"autoScalingGroupArn"`
		ManagedScaling      *struct {
			Status                 string `pulumi:"status"`
			TargetCapacity         int    `pulumi:"targetCapacity"` // percent
			MinimumScalingStepSize int    `pulumi:"minimumScalingStepSize"`
			MaximumScalingStepSize int    `pulumi:"maximumScalingStepSize"`
			InstanceWarmupPeriod   *int   `pulumi:"instanceWarmupPeriod"` // seconds; here what is on the way counts anyway
		} `pulumi:"managedScaling"`
		ManagedDraining              string `pulumi:"managedDraining"`
		ManagedTerminationProtection string `pulumi:"managedTerminationProtection"`
	} `pulumi:"autoScalingGroupProvider"`
	Tags map[string]string `pulumi:"tags"`
}

type strategyInputs struct {
	CapacityProvider string `pulumi:"capacityProvider"`
	Base             int    `pulumi:"base"`
	Weight           int    `pulumi:"weight"`
}

type clusterProvidersInputs struct {
	ClusterName                       string           `pulumi:"clusterName"`
	CapacityProviders                 []string         `pulumi:"capacityProviders"`
	DefaultCapacityProviderStrategies []strategyInputs `pulumi:"defaultCapacityProviderStrategies"`
}

func init() {
	define(resourceType{
		token: "aws:ecs/cluster:Cluster", kind: Run, name: "name", nameMax: 255, replaceOn: []string{"name"},
	}, handlers[clusterInputs]{
		create: createCluster,
		update: func(_ context.Context, _ *cloud.Cloud, _ string, _, now clusterInputs) (map[string]any, error) {
			return nil, now.check()
		},
		remove: func(ctx context.Context, c *cloud.Cloud, id string, _ clusterInputs) error {
			return retry(ctx, c, func() error { return c.DeleteCluster(id) }, "ClusterContainsContainerInstancesException",
				"ClusterContainsServicesException", "ClusterContainsTasksException")
		},
	})
	define(resourceType{
		token: "aws:ecs/capacityProvider:CapacityProvider", kind: Run, name: "name", nameMax: 255,
		replaceOn: []string{"name"}, replaceIf: replacesGroup,
	}, handlers[capacityProviderInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in capacityProviderInputs) (string, map[string]any, error) {
			spec, err := in.spec()
			if err != nil {
				return "", nil, err
			}
			made, err := c.CreateCapacityProvider(spec)
			return idUnless(err, made.ARN), map[string]any{"arn": made.ARN}, err
		},
		update: func(_ context.Context, c *cloud.Cloud, _ string, _, now capacityProviderInputs) (map[string]any, error) {
			spec, err := now.spec()
			if err != nil {
				return nil, err
			}
			return nil, c.UpdateCapacityProvider(spec)
		},
		remove: func(_ context.Context, c *cloud.Cloud, _ string, in capacityProviderInputs) error {
			return c.DeleteCapacityProvider(in.Name)
		},
	})
	define(resourceType{
		token: "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders", kind: Run, replaceOn: []string{"clusterName"},
	}, handlers[clusterProvidersInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in clusterProvidersInputs) (string, map[string]any, error) {
			err := in.put(c)
			return idUnless(err, in.ClusterName), nil, err
		},
		update: func(_ context.Context, c *cloud.Cloud, _ string, _, now clusterProvidersInputs) (map[string]any, error) {
			return nil, now.put(c)
		},
		remove: func(ctx context.Context, c *cloud.Cloud, id string, _ clusterProvidersInputs) error {
			return retry(ctx, c, func() error { return c.PutClusterCapacityProviders(id, nil, nil) }, "ResourceInUseException")
		},
	})
}

func createCluster(_ context.Context, c *cloud.Cloud, in clusterInputs) (string, map[string]any, error) {
	if err := in.check(); err != nil {
		return "", nil, err
	}
	made, err := c.CreateCluster(in.Name)
	return idUnless(err, made.ARN), map[string]any{"arn": made.ARN}, err
}

// check takes Container Insights as a setting; its metrics are not made here.
func (in clusterInputs) check() error {
	for _, s := range in.Settings {
		if s.Name != "containerInsights" || !slices.Contains([]string{"disabled", "enabled", "enhanced"}, s.Value) {
			return fmt.Errorf("InvalidParameterException: the cluster setting %q can't be %q", s.Name, s.Value)
		}
	}
	return nil
}

// spec applies the API's defaults: managed draining is on, steps are of 1 to 10000 instances.
func (in capacityProviderInputs) spec() (cloud.CapacityProviderSpec, error) {
	group := in.AutoScalingGroupProvider
	for property, value := range map[string]string{
		"managedDraining": group.ManagedDraining, "managedTerminationProtection": group.ManagedTerminationProtection,
	} {
		if value != "" && value != "ENABLED" && value != "DISABLED" {
			return cloud.CapacityProviderSpec{}, fmt.Errorf("%s: %q is neither ENABLED nor DISABLED", property, value)
		}
	}
	spec := cloud.CapacityProviderSpec{
		Name: in.Name, Group: group.AutoScalingGroupArn, Draining: group.ManagedDraining != "DISABLED",
		TerminationProtection: group.ManagedTerminationProtection == "ENABLED",
	}
	if m := group.ManagedScaling; m != nil && m.Status == "ENABLED" {
		spec.Scaling = &cloud.ManagedScaling{
			Target: orDefault(m.TargetCapacity, 100), MinStep: orDefault(m.MinimumScalingStepSize, 1),
			MaxStep: orDefault(m.MaximumScalingStepSize, 10000),
		}
	}
	return spec, nil
}

func (in clusterProvidersInputs) put(c *cloud.Cloud) error {
	return c.PutClusterCapacityProviders(in.ClusterName, in.CapacityProviders, strategies(in.DefaultCapacityProviderStrategies))
}

func strategies(in []strategyInputs) []cloud.ProviderStrategy {
	var made []cloud.ProviderStrategy
	for _, s := range in {
		made = append(made, cloud.ProviderStrategy{Provider: s.CapacityProvider, Base: s.Base, Weight: s.Weight})
	}
	return made
}

// retryFor is for how long the provider asks again for what is still in use.
const retryFor = 10 * time.Minute

// retry repeats an operation while it is refused with one of the codes, as the provider does.
func retry(ctx context.Context, c *cloud.Cloud, f func() error, codes ...string) error {
	deadline := c.Now().Add(retryFor)
	for {
		err := f()
		var refusal *cloud.Error
		if !errors.As(err, &refusal) || !slices.Contains(codes, refusal.Code) || c.Now().After(deadline) {
			return err
		}
		if pauseErr := pause(ctx, c); pauseErr != nil {
			return fmt.Errorf("%w: %w", pauseErr, err)
		}
	}
}
