package containers

import (
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/appautoscaling"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ecs"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// fullHosts asks for as many instances as the tasks fill, in percent: no instance is kept spare.
const fullHosts = 100

// After a change of the number of tasks the next change waits, in seconds. Scaling out is quick: a new task carries load
// within seconds of its start.
const (
	outCooldown = 60
	inCooldown  = 300
)

// hosts is where tasks are placed.
type hosts struct {
	provider    *ecs.CapacityProvider
	association *ecs.ClusterCapacityProviders // a service that names the provider needs it, until the service is gone
}

// hosts makes the group the cluster's only capacity provider, and its default.
//
// Instances that are to be removed are drained first. They are not protected from termination while they run tasks: a group
// with protected instances cannot be deleted.
func (s *Service) hosts(ctx *pulumi.Context, name string, args *Args) (*hosts, error) {
	provider, err := ecs.NewCapacityProvider(ctx, name+"-hosts", &ecs.CapacityProviderArgs{
		AutoScalingGroupProvider: &ecs.CapacityProviderAutoScalingGroupProviderArgs{
			AutoScalingGroupArn: args.GroupARN,
			ManagedScaling: &ecs.CapacityProviderAutoScalingGroupProviderManagedScalingArgs{
				Status:         pulumi.String("ENABLED"),
				TargetCapacity: pulumi.Int(fullHosts),
			},
			ManagedDraining:              pulumi.String("ENABLED"),
			ManagedTerminationProtection: pulumi.String("DISABLED"),
		},
		Tags: pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(s))
	if err != nil {
		return nil, err
	}
	association, err := ecs.NewClusterCapacityProviders(ctx, name+"-providers", &ecs.ClusterCapacityProvidersArgs{
		ClusterName:       args.Cluster,
		CapacityProviders: pulumi.StringArray{provider.Name},
		DefaultCapacityProviderStrategies: ecs.ClusterCapacityProvidersDefaultCapacityProviderStrategyArray{
			&ecs.ClusterCapacityProvidersDefaultCapacityProviderStrategyArgs{
				CapacityProvider: provider.Name, Weight: pulumi.Int(1),
			},
		},
	}, pulumi.Parent(s))
	return &hosts{provider, association}, err
}

// scaling changes the number of tasks. The hosts follow.
func (s *Service) scaling(ctx *pulumi.Context, name string, args *Args) error {
	target, err := appautoscaling.NewTarget(ctx, name+"-tasks", &appautoscaling.TargetArgs{
		ServiceNamespace:  pulumi.String("ecs"),
		ScalableDimension: pulumi.String("ecs:service:DesiredCount"),
		ResourceId:        pulumi.Sprintf("service/%s/%s", args.Cluster, s.Name),
		MinCapacity:       pulumi.Int(args.Min),
		MaxCapacity:       pulumi.Int(args.Max),
		Tags:              pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(s))
	if err != nil {
		return err
	}
	cpu := &appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs{
		PredefinedMetricType: pulumi.String("ECSServiceAverageCPUUtilization"),
	}
	_, err = appautoscaling.NewPolicy(ctx, name+"-tasks-cpu", &appautoscaling.PolicyArgs{
		PolicyType:        pulumi.String("TargetTrackingScaling"),
		ServiceNamespace:  target.ServiceNamespace,
		ScalableDimension: target.ScalableDimension,
		ResourceId:        target.ResourceId,
		TargetTrackingScalingPolicyConfiguration: &appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs{
			PredefinedMetricSpecification: cpu,
			TargetValue:                   pulumi.Float64(args.TargetCPU),
			ScaleOutCooldown:              pulumi.Int(outCooldown),
			ScaleInCooldown:               pulumi.Int(inCooldown),
		},
	}, pulumi.Parent(s))
	return err
}
