package provider

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
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

type policyInputs struct {
	Name                    string `pulumi:"name"`
	AutoscalingGroupName    string `pulumi:"autoscalingGroupName"`
	PolicyType              string `pulumi:"policyType"`
	Enabled                 *bool  `pulumi:"enabled"`
	EstimatedInstanceWarmup *int   `pulumi:"estimatedInstanceWarmup"` // seconds
	AdjustmentType          string `pulumi:"adjustmentType"`
	MetricAggregationType   string `pulumi:"metricAggregationType"`
	MinAdjustmentMagnitude  int    `pulumi:"minAdjustmentMagnitude"`
	StepAdjustments         []struct {
		Lower      *string `pulumi:"metricIntervalLowerBound"` // a number
		Upper      *string `pulumi:"metricIntervalUpperBound"` // a number
		Adjustment int     `pulumi:"scalingAdjustment"`
	} `pulumi:"stepAdjustments"`
	TargetTrackingConfiguration struct {
		PredefinedMetricSpecification struct {
			PredefinedMetricType string `pulumi:"predefinedMetricType"`
		} `pulumi:"predefinedMetricSpecification"`
		TargetValue    float64 `pulumi:"targetValue"`
		DisableScaleIn bool    `pulumi:"disableScaleIn"`
	} `pulumi:"targetTrackingConfiguration"`
}

func init() {
	define(resourceType{
		token: "aws:autoscaling/group:Group", kind: Run, name: "name", nameMax: 255,
		replaceOn: []string{"name", "initialLifecycleHooks"},
	}, handlers[groupInputs]{
		create: createGroup,
		update: func(_ context.Context, c *cloud.Cloud, _ string, old, now groupInputs) (map[string]any, error) {
			// The provider starts a refresh when the template, its version or the subnets change.
			roll := old.LaunchTemplate != now.LaunchTemplate ||
				!slices.Equal(old.VpcZoneIdentifiers, now.VpcZoneIdentifiers)
			spec, err := now.spec()
			if err != nil {
				return nil, err
			}
			return nil, c.UpdateGroup(spec, roll)
		},
		remove: removeGroup,
	})
	define(resourceType{
		token: "aws:autoscaling/policy:Policy", kind: Run, name: "name", nameMax: 255,
		replaceOn: []string{"name", "autoscalingGroupName"},
	}, handlers[policyInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in policyInputs) (string, map[string]any, error) {
			arn, err := putPolicy(c, in)
			return idUnless(err, in.Name), map[string]any{"arn": arn}, err
		},
		update: func(_ context.Context, c *cloud.Cloud, _ string, _, now policyInputs) (map[string]any, error) {
			_, err := putPolicy(c, now)
			return nil, err
		},
		remove: func(_ context.Context, c *cloud.Cloud, _ string, in policyInputs) error {
			return c.DeletePolicy(in.AutoscalingGroupName, in.Name)
		},
	})
}

func putPolicy(c *cloud.Cloud, in policyInputs) (string, error) {
	policy := cloud.Policy{Name: in.Name, Type: in.PolicyType, Disabled: in.Enabled != nil && !*in.Enabled}
	var err error
	switch in.PolicyType {
	case cloud.TargetTracking:
		err = in.track(&policy)
	case cloud.StepScaling:
		err = in.step(&policy)
	default:
		err = unsupported("policyType", orDefault(in.PolicyType, "SimpleScaling"), "TargetTrackingScaling and StepScaling")
	}
	if err != nil {
		return "", err
	}
	return c.PutPolicy(in.AutoscalingGroupName, policy)
}

func (in policyInputs) track(policy *cloud.Policy) error {
	tracking := in.TargetTrackingConfiguration
	metric := tracking.PredefinedMetricSpecification.PredefinedMetricType
	if metric != "ASGAverageCPUUtilization" {
		return unsupported("predefinedMetricType", metric, "ASGAverageCPUUtilization")
	}
	policy.Target, policy.DisableScaleIn = tracking.TargetValue, tracking.DisableScaleIn
	if in.EstimatedInstanceWarmup != nil {
		policy.Warmup = seconds(*in.EstimatedInstanceWarmup)
	}
	return nil
}

// defaultCooldown is an Auto Scaling group's, and the warm-up of a policy that names none, in seconds.
const defaultCooldown = 300

func (in policyInputs) step(policy *cloud.Policy) error {
	if orDefault(in.MetricAggregationType, cloud.Average) != cloud.Average {
		return unsupported("metricAggregationType", in.MetricAggregationType, cloud.Average)
	}
	policy.Adjustment, policy.MinMagnitude = in.AdjustmentType, in.MinAdjustmentMagnitude
	adds := false
	for n, given := range in.StepAdjustments {
		step := cloud.Step{Adjustment: given.Adjustment}
		for _, bound := range []struct {
			text *string
			into **float64
			name string
		}{{given.Lower, &step.Lower, "Lower"}, {given.Upper, &step.Upper, "Upper"}} {
			if bound.text == nil || *bound.text == "" {
				continue
			}
			value, err := strconv.ParseFloat(*bound.text, 64)
			if err != nil {
				return fmt.Errorf("stepAdjustments[%d].metricInterval%sBound: %q is not a number", n, bound.name, *bound.text)
			}
			*bound.into = &value
		}
		adds = adds || step.Adjustment > 0
		policy.Steps = append(policy.Steps, step)
	}
	switch {
	case in.EstimatedInstanceWarmup != nil:
		policy.Warmup = seconds(*in.EstimatedInstanceWarmup)
	case adds: // a policy that only removes has nothing that warms up
		policy.Warmup = seconds(defaultCooldown)
	}
	return nil
}

func (in groupInputs) spec() (cloud.GroupSpec, error) {
	grace := 300 // the provider's default
	if in.HealthCheckGracePeriod != nil {
		grace = *in.HealthCheckGracePeriod
	}
	spec := cloud.GroupSpec{
		Name: in.Name, Min: in.MinSize, Max: in.MaxSize, Subnets: in.VpcZoneIdentifiers,
		Template: in.LaunchTemplate.ID, Version: in.LaunchTemplate.Version, TargetGroups: in.TargetGroupArns,
		HealthType: orDefault(in.HealthCheckType, "EC2"), Grace: seconds(grace), InstanceTags: map[string]string{},
		EnabledMetrics: in.EnabledMetrics, Desired: in.DesiredCapacity,
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
	spec.Maintenance = in.InstanceMaintenancePolicy.bounds()
	if in.InstanceRefresh != nil {
		if in.InstanceRefresh.Strategy != "Rolling" {
			return spec, unsupported("instanceRefresh.strategy", in.InstanceRefresh.Strategy, "Rolling")
		}
		spec.Refresh = in.refresh(spec.Maintenance, grace)
	}
	return spec, nil
}

// bounds are nil without a policy, or with one that is cleared.
func (in *maintenanceInputs) bounds() *cloud.Bounds {
	if in == nil || in.MinHealthyPercentage == -1 && in.MaxHealthyPercentage == -1 {
		return nil
	}
	return &cloud.Bounds{MinHealthy: in.MinHealthyPercentage, MaxHealthy: in.MaxHealthyPercentage}
}

// refresh applies the defaults: the maintenance policy's bounds or else 90 % to 100 %, and the grace period as the warm-up
// (Auto Scaling: "Understand the default values for an instance refresh").
func (in groupInputs) refresh(maintenance *cloud.Bounds, grace int) *cloud.RefreshSpec {
	spec := &cloud.RefreshSpec{Bounds: cloud.Bounds{MinHealthy: 90, MaxHealthy: 100}, Warmup: seconds(grace)}
	if maintenance != nil {
		spec.Bounds = *maintenance
	}
	given := in.InstanceRefresh.Preferences
	if given.MinHealthyPercentage != nil {
		spec.MinHealthy = *given.MinHealthyPercentage
	}
	if given.MaxHealthyPercentage != nil {
		spec.MaxHealthy = *given.MaxHealthyPercentage
	}
	if given.InstanceWarmup != nil {
		spec.Warmup = seconds(*given.InstanceWarmup)
	}
	return spec
}

// createGroup waits, as the provider does, until enough members are healthy behind the balancer.
func createGroup(ctx context.Context, c *cloud.Cloud, in groupInputs) (string, map[string]any, error) {
	spec, err := in.spec()
	if err != nil {
		return "", nil, err
	}
	timeout, err := time.ParseDuration(orDefault(in.WaitForCapacityTimeout, "10m"))
	if err != nil {
		return "", nil, fmt.Errorf("waitForCapacityTimeout: %w", err)
	}
	group, err := c.CreateGroup(spec)
	if err != nil {
		return "", nil, err
	}
	made(ctx, spec.Name)
	outputs := map[string]any{"arn": group.ARN, "desiredCapacity": group.Desired}
	if timeout == 0 {
		return spec.Name, outputs, nil
	}
	return spec.Name, outputs, awaitCapacity(ctx, c, in, timeout)
}

func awaitCapacity(ctx context.Context, c *cloud.Cloud, in groupInputs, timeout time.Duration) error {
	deadline := c.Now().Add(timeout)
	wanted := in.MinSize
	if in.DesiredCapacity != nil {
		wanted = *in.DesiredCapacity
	}
	enough := func() bool {
		_, members, _ := c.Group(in.Name)
		running := 0
		for _, i := range members {
			if i.Lifecycle == cloud.LifecycleInService {
				running++
			}
		}
		healthy := c.Capacity(in.Name)
		return running >= wanted && healthy >= in.MinElbCapacity &&
			(in.WaitForElbCapacity == 0 || healthy == in.WaitForElbCapacity)
	}
	for !enough() {
		if c.Now().After(deadline) {
			return fmt.Errorf("timeout while waiting for %d healthy instances after %v; %s",
				max(in.MinElbCapacity, in.WaitForElbCapacity, wanted), timeout, c.Diagnose(in.Name))
		}
		if err := pause(ctx, c); err != nil {
			return fmt.Errorf("waiting for capacity: %w", err)
		}
	}
	return nil
}

// removeGroup waits until the last member is gone, as the provider does.
func removeGroup(ctx context.Context, c *cloud.Cloud, id string, _ groupInputs) error {
	if err := c.DeleteGroup(id); err != nil {
		return err
	}
	for {
		if _, _, exists := c.Group(id); !exists {
			return nil
		}
		if err := pause(ctx, c); err != nil {
			return fmt.Errorf("waiting for the instances of %s to terminate: %w", id, err)
		}
	}
}

// pause waits for a change of the cloud, or a moment: a deadline may pass without one.
func pause(ctx context.Context, c *cloud.Cloud) error {
	select {
	case <-c.Changed():
	case <-time.After(100 * time.Millisecond):
	case <-ctx.Done():
		if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
			return cause
		}
		return ctx.Err()
	}
	return nil
}
