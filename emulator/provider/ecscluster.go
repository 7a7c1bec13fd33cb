package provider

import (
	"fmt"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
)

type clusterInputs struct {
	Name     string `pulumi:"name"`
	Settings []struct {
		Name  string `pulumi:"name"`
		Value string `pulumi:"value"`
	} `pulumi:"settings"`
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

// inUse is how long the provider tries to delete something that is still in use.
const inUse = 10 * time.Minute

func cluster() resourceType {
	return define(resourceType{
		token: "aws:ecs/cluster:Cluster", kind: Run, name: "name", nameMax: 255, replaceOn: []string{"name"},
	}, handlers[clusterInputs, arnOutput]{
		create: func(m *cloud.Model, in clusterInputs) (string, arnOutput, error) {
			if err := in.check(); err != nil {
				return "", arnOutput{}, err
			}
			made, err := m.ECS.CreateCluster(in.Name)
			return made.ARN, arnOutput{made.ARN}, err
		},
		update: func(_ *cloud.Model, _ string, _, now clusterInputs) (*arnOutput, error) { return nil, now.check() },
		remove: func(m *cloud.Model, id string, _ clusterInputs) error { return m.ECS.DeleteCluster(id) },
		retryRemove: retry{timeout: inUse, codes: []string{
			"ClusterContainsContainerInstancesException", "ClusterContainsServicesException", "ClusterContainsTasksException",
		}},
	})
}

// check refuses settings other than Container Insights, whose metrics the emulator doesn't make.
func (in clusterInputs) check() error {
	for _, s := range in.Settings {
		if s.Name != "containerInsights" || !slices.Contains([]string{"disabled", "enabled", "enhanced"}, s.Value) {
			return fmt.Errorf("InvalidParameterException: the cluster setting %q can't be %q", s.Name, s.Value)
		}
	}
	return nil
}

func clusterCapacityProviders() resourceType {
	return define(resourceType{
		token: "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders", kind: Run, replaceOn: []string{"clusterName"},
	}, handlers[clusterProvidersInputs, none]{
		create: func(m *cloud.Model, in clusterProvidersInputs) (string, none, error) {
			return in.ClusterName, none{}, in.put(m)
		},
		update: func(m *cloud.Model, _ string, _, now clusterProvidersInputs) (*none, error) { return nil, now.put(m) },
		remove: func(m *cloud.Model, id string, _ clusterProvidersInputs) error {
			return m.ECS.PutClusterCapacityProviders(id, nil, nil)
		},
		retryRemove: retry{timeout: inUse, codes: []string{"ResourceInUseException"}},
	})
}

func (in clusterProvidersInputs) put(m *cloud.Model) error {
	return m.ECS.PutClusterCapacityProviders(in.ClusterName, in.CapacityProviders, strategies(in.DefaultCapacityProviderStrategies))
}

func strategies(in []strategyInputs) []ecs.ProviderStrategy {
	var made []ecs.ProviderStrategy
	for _, s := range in {
		made = append(made, ecs.ProviderStrategy{Provider: s.CapacityProvider, Base: s.Base, Weight: s.Weight})
	}
	return made
}
