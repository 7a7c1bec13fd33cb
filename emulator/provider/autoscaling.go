package provider

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
)

type groupInputs struct {
	Name               string   `pulumi:"name"`
	VpcZoneIdentifiers []string `pulumi:"vpcZoneIdentifiers"`
	LaunchTemplate     struct {
		ID      string `pulumi:"id"`
		Version string `pulumi:"version"`
	} `pulumi:"launchTemplate"`
	TargetGroupArns        []string `pulumi:"targetGroupArns"`
	MinSize                int      `pulumi:"minSize"`
	MaxSize                int      `pulumi:"maxSize"`
	DesiredCapacity        *int     `pulumi:"desiredCapacity"`
	ProtectFromScaleIn     bool     `pulumi:"protectFromScaleIn"`
	MinElbCapacity         int      `pulumi:"minElbCapacity"`
	WaitForElbCapacity     int      `pulumi:"waitForElbCapacity"`
	WaitForCapacityTimeout string   `pulumi:"waitForCapacityTimeout"`
	HealthCheckType        string   `pulumi:"healthCheckType"`
	HealthCheckGracePeriod *int     `pulumi:"healthCheckGracePeriod"` // seconds
	MaxInstanceLifetime    int      `pulumi:"maxInstanceLifetime"`    // seconds; 0: none
	DefaultInstanceWarmup  int      `pulumi:"defaultInstanceWarmup"`  // seconds; 0: none, the provider does not send it
	EnabledMetrics         []string `pulumi:"enabledMetrics"`
	MetricsGranularity     string   `pulumi:"metricsGranularity"`
	InstanceRefresh        *struct {
		Strategy    string `pulumi:"strategy"`
		Preferences struct {
			MinHealthyPercentage *int `pulumi:"minHealthyPercentage"`
			MaxHealthyPercentage *int `pulumi:"maxHealthyPercentage"`
			InstanceWarmup       *int `pulumi:"instanceWarmup"` // seconds
		} `pulumi:"preferences"`
	} `pulumi:"instanceRefresh"`
	InstanceMaintenancePolicy *maintenanceInputs `pulumi:"instanceMaintenancePolicy"`
	InitialLifecycleHooks     []hookInputs       `pulumi:"initialLifecycleHooks"`
	Tags                      []struct {
		Key               string `pulumi:"key"`
		Value             string `pulumi:"value"`
		PropagateAtLaunch bool   `pulumi:"propagateAtLaunch"`
	} `pulumi:"tags"`
}

type maintenanceInputs struct {
	MinHealthyPercentage int `pulumi:"minHealthyPercentage"`
	MaxHealthyPercentage int `pulumi:"maxHealthyPercentage"`
}

type groupOutputs struct {
	ARN             string `pulumi:"arn"`
	DesiredCapacity int    `pulumi:"desiredCapacity"`
}

func autoScalingGroup() resourceType {
	return define(resourceType{
		token: "aws:autoscaling/group:Group", kind: Run, name: "name", nameMax: 255,
		replaceOn: []string{"name", "initialLifecycleHooks"},
	}, handlers[groupInputs, groupOutputs]{
		create: func(m *cloud.Model, in groupInputs) (string, groupOutputs, error) {
			spec, err := in.spec()
			if err != nil {
				return "", groupOutputs{}, err
			}
			if _, err := in.capacityTimeout(); err != nil {
				return "", groupOutputs{}, err
			}
			made, err := m.AutoScaling.CreateGroup(spec, m.Clock.Now())
			return in.Name, groupOutputs{ARN: made.ARN, DesiredCapacity: made.Desired}, err
		},
		afterCreate: awaitCapacity,
		update:      updateGroup,
		afterUpdate: attachTargetGroups,
		remove: func(m *cloud.Model, id string, _ groupInputs) error {
			return m.AutoScaling.DeleteGroup(id, m.Clock.Now())
		},
		afterRemove: awaitNoMembers,
	})
}

// updateGroup starts an instance refresh when the template, its version or the subnets change, as the provider does. What did not
// change is not sent to AWS: a refresh that somebody else started may have moved the group to another version, or attached it to another
// target group.
func updateGroup(m *cloud.Model, id string, old, now groupInputs) (*groupOutputs, error) {
	spec, err := now.spec()
	if err != nil {
		return nil, err
	}
	if g, ok := m.AutoScaling.Group(id); ok && old.LaunchTemplate == now.LaunchTemplate {
		spec.Template, spec.Version = g.Spec.Template, g.Spec.Version
	}
	if g, ok := m.AutoScaling.Group(id); ok && slices.Equal(old.TargetGroupArns, now.TargetGroupArns) {
		spec.TargetGroups = g.Spec.TargetGroups
	} else {
		spec.TargetGroups = slices.DeleteFunc(slices.Clone(spec.TargetGroups), func(arn string) bool {
			return !slices.Contains(old.TargetGroupArns, arn)
		})
	}
	refresh := old.LaunchTemplate != now.LaunchTemplate || !slices.Equal(old.VpcZoneIdentifiers, now.VpcZoneIdentifiers)
	return nil, m.AutoScaling.UpdateGroup(spec, refresh, m.Clock.Now())
}

// attachTargetGroups puts the group into new target groups. Like the provider it first waits until those that the group has left are
// drained.
func attachTargetGroups(ctx context.Context, c *cloud.Cloud, id string, old, now groupInputs) (*groupOutputs, error) {
	if slices.Equal(old.TargetGroupArns, now.TargetGroupArns) {
		return nil, nil //nolint:nilnil // no output changes
	}
	err := await(ctx, c, noTimeout, func(m *cloud.Model) (bool, error) {
		return !slices.ContainsFunc(old.TargetGroupArns, func(arn string) bool {
			left := m.ELB.TargetGroups[arn]
			return left != nil && !slices.Contains(now.TargetGroupArns, arn) && len(left.Targets) > 0
		}), nil
	})
	if err != nil {
		return nil, fmt.Errorf("waiting until the former target groups of %s are drained: %w", id, err)
	}
	return nil, c.Change(func(m *cloud.Model) error {
		g, found := m.AutoScaling.Group(id)
		if !found {
			return autoscaling.NoGroup(id)
		}
		g.Spec.TargetGroups = now.TargetGroupArns
		return m.AutoScaling.UpdateGroup(g.Spec, false, m.Clock.Now())
	})
}

// spec applies the provider's defaults (document of aws_autoscaling_group).
func (in groupInputs) spec() (autoscaling.GroupSpec, error) {
	grace := orElse(in.HealthCheckGracePeriod, 300)
	spec := autoscaling.GroupSpec{
		Name: in.Name, Min: in.MinSize, Max: in.MaxSize, Subnets: in.VpcZoneIdentifiers,
		Template: in.LaunchTemplate.ID, Version: in.LaunchTemplate.Version, TargetGroups: in.TargetGroupArns,
		HealthType: cmp.Or(in.HealthCheckType, "EC2"), Grace: seconds(grace), InstanceTags: map[string]string{},
		EnabledMetrics: in.EnabledMetrics, Desired: in.DesiredCapacity, MaxLifetime: seconds(in.MaxInstanceLifetime),
	}
	if in.ProtectFromScaleIn {
		return spec, unsupported("protectFromScaleIn", "true", "false")
	}
	for _, given := range in.InitialLifecycleHooks {
		hook, err := given.hook()
		if err != nil {
			return spec, err
		}
		spec.Hooks = append(spec.Hooks, hook)
	}
	for _, tag := range in.Tags {
		if tag.PropagateAtLaunch {
			spec.InstanceTags[tag.Key] = tag.Value
		}
	}
	if in.DefaultInstanceWarmup != 0 {
		spec.Warmup = new(seconds(in.DefaultInstanceWarmup))
	}
	spec.Maintenance = in.InstanceMaintenancePolicy.bounds()
	if in.InstanceRefresh != nil {
		if in.InstanceRefresh.Strategy != "Rolling" {
			return spec, unsupported("instanceRefresh.strategy", in.InstanceRefresh.Strategy, "Rolling")
		}
		spec.Refresh = in.refresh(spec)
	}
	return spec, nil
}

// bounds returns nil without a policy and for a policy that was cleared.
func (in *maintenanceInputs) bounds() *autoscaling.Bounds {
	if in == nil || in.MinHealthyPercentage == -1 && in.MaxHealthyPercentage == -1 {
		return nil
	}
	return &autoscaling.Bounds{MinHealthy: in.MinHealthyPercentage, MaxHealthy: in.MaxHealthyPercentage}
}

// refresh applies the defaults: the bounds of the maintenance policy or else 90 % to 100 %, and the group's warm-up (Auto Scaling:
// "Understand the default values for an instance refresh").
func (in groupInputs) refresh(group autoscaling.GroupSpec) *autoscaling.RefreshSpec {
	spec := &autoscaling.RefreshSpec{Bounds: autoscaling.Bounds{MinHealthy: 90, MaxHealthy: 100}, Warmup: group.RefreshWarmup()}
	if group.Maintenance != nil {
		spec.Bounds = *group.Maintenance
	}
	given := in.InstanceRefresh.Preferences
	spec.MinHealthy = orElse(given.MinHealthyPercentage, spec.MinHealthy)
	spec.MaxHealthy = orElse(given.MaxHealthyPercentage, spec.MaxHealthy)
	if given.InstanceWarmup != nil {
		spec.Warmup = seconds(*given.InstanceWarmup)
	}
	return spec
}

// capacityTimeout returns how long the creation waits for healthy instances, 0 for not at all.
func (in groupInputs) capacityTimeout() (time.Duration, error) {
	timeout, err := time.ParseDuration(cmp.Or(in.WaitForCapacityTimeout, "10m"))
	if err != nil {
		return 0, fmt.Errorf("waitForCapacityTimeout: %w", err)
	}
	return timeout, nil
}

// awaitCapacity waits, as the provider does, until enough members are healthy behind the balancer.
func awaitCapacity(ctx context.Context, c *cloud.Cloud, id string, in groupInputs) (*groupOutputs, error) {
	timeout, err := in.capacityTimeout()
	if err != nil || timeout == 0 {
		return nil, err
	}
	wanted := orElse(in.DesiredCapacity, in.MinSize)
	err = await(ctx, c, timeout, func(m *cloud.Model) (bool, error) {
		healthy := m.AutoScaling.Capacity(id)
		return inService(m, id) >= wanted && healthy >= in.MinElbCapacity &&
			(in.WaitForElbCapacity == 0 || healthy == in.WaitForElbCapacity), nil
	})
	switch {
	case errors.Is(err, errTimeout):
		return nil, fmt.Errorf("timeout while waiting for %d healthy instances after %v; %s",
			max(in.MinElbCapacity, in.WaitForElbCapacity, wanted), timeout,
			cloud.Get(c, func(m *cloud.Model) string { return m.AutoScaling.Diagnose(id) }))
	case err != nil:
		return nil, fmt.Errorf("waiting for capacity: %w", err)
	}
	return nil, nil
}

// inService counts the members of a group that are in service.
func inService(m *cloud.Model, name string) int {
	group, _ := m.AutoScaling.Group(name)
	count := 0
	for _, i := range group.Members {
		if i.Lifecycle == ec2.LifecycleInService {
			count++
		}
	}
	return count
}

// awaitNoMembers waits until the last member is gone, as the provider does.
func awaitNoMembers(ctx context.Context, c *cloud.Cloud, id string) error {
	err := await(ctx, c, noTimeout, func(m *cloud.Model) (bool, error) {
		_, exists := m.AutoScaling.Group(id)
		return !exists, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for the instances of %s to terminate: %w", id, err)
	}
	return nil
}
