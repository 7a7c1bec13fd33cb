package aws

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	model "github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
)

func (a *API) autoScaling() *service {
	return &service{
		name: "autoscaling", title: "Auto Scaling", namespace: "http://autoscaling.amazonaws.com/doc/2011-01-01/",
		operations: map[string]operation{
			"DescribeAutoScalingGroups":           answering(a.describeAutoScalingGroups),
			"DescribeScalingActivities":           answering(a.describeScalingActivities),
			"DescribePolicies":                    answering(a.describePolicies),
			"DescribeInstanceRefreshes":           answering(a.describeInstanceRefreshes),
			"StartInstanceRefresh":                answering(a.startInstanceRefresh),
			"CancelInstanceRefresh":               answering(a.cancelInstanceRefresh),
			"RollbackInstanceRefresh":             answering(a.rollbackInstanceRefresh),
			"SetDesiredCapacity":                  answering(a.setDesiredCapacity),
			"AttachLoadBalancerTargetGroups":      answering(a.attachTargetGroups),
			"DetachLoadBalancerTargetGroups":      answering(a.detachTargetGroups),
			"TerminateInstanceInAutoScalingGroup": answering(a.terminateInstanceInAutoScalingGroup),
		},
	}
}

func (a *API) describeAutoScalingGroups(
	_ context.Context, in *autoscaling.DescribeAutoScalingGroupsInput,
) (*autoscaling.DescribeAutoScalingGroupsOutput, error) {
	groups := []types.AutoScalingGroup{}
	a.cloud.View(func(m *cloud.Model) {
		for _, name := range m.AutoScaling.GroupNames() {
			if len(in.AutoScalingGroupNames) > 0 && !slices.Contains(in.AutoScalingGroupNames, name) {
				continue
			}
			group, _ := m.AutoScaling.Group(name)
			groups = append(groups, describeGroup(m, group))
		}
	})
	groups, next, err := page(groups, in.MaxRecords, in.NextToken, 50)
	return &autoscaling.DescribeAutoScalingGroupsOutput{AutoScalingGroups: groups, NextToken: next}, err
}

func describeGroup(m *cloud.Model, g model.Group) types.AutoScalingGroup {
	described := types.AutoScalingGroup{
		AutoScalingGroupName: &g.Spec.Name, AutoScalingGroupARN: &g.ARN,
		MinSize: count(g.Spec.Min), MaxSize: count(g.Spec.Max), DesiredCapacity: count(g.Desired),
		DefaultCooldown: count(300), HealthCheckType: &g.Spec.HealthType, HealthCheckGracePeriod: seconds(g.Spec.Grace),
		CreatedTime: &g.Created, TargetGroupARNs: g.Spec.TargetGroups,
		LaunchTemplate: templateVersion(m, g.Spec.Template, g.Spec.Version),
		Instances:      []types.Instance{}, NewInstancesProtectedFromScaleIn: sdk.Bool(false),
		VPCZoneIdentifier: sdk.String(strings.Join(g.Spec.Subnets, ",")), TerminationPolicies: []string{"Default"},
	}
	for _, id := range g.Spec.Subnets {
		if subnet := m.VPC.Subnets[id]; subnet != nil && !slices.Contains(described.AvailabilityZones, subnet.Zone) {
			described.AvailabilityZones = append(described.AvailabilityZones, subnet.Zone)
		}
	}
	if life := g.Spec.MaxLifetime; life > 0 {
		described.MaxInstanceLifetime = seconds(life)
	}
	if g.Deleting {
		described.Status = sdk.String("Delete in progress")
	}
	if w := g.Spec.Warmup; w != nil {
		described.DefaultInstanceWarmup = seconds(*w)
	}
	if p := g.Spec.Maintenance; p != nil {
		described.InstanceMaintenancePolicy = &types.InstanceMaintenancePolicy{
			MinHealthyPercentage: count(p.MinHealthy), MaxHealthyPercentage: count(p.MaxHealthy),
		}
	}
	for _, metric := range g.Spec.EnabledMetrics {
		described.EnabledMetrics = append(described.EnabledMetrics, types.EnabledMetric{Metric: &metric, Granularity: sdk.String("1Minute")})
	}
	for _, key := range aws.Keys(g.Spec.InstanceTags) {
		value := g.Spec.InstanceTags[key]
		described.Tags = append(described.Tags, types.TagDescription{
			Key: &key, Value: &value, PropagateAtLaunch: sdk.Bool(true), ResourceId: &g.Spec.Name, ResourceType: sdk.String("auto-scaling-group"),
		})
	}
	for _, i := range g.Members {
		described.Instances = append(described.Instances, describeMember(m, i))
	}
	return described
}

func describeMember(m *cloud.Model, i ec2.Instance) types.Instance {
	health := "Healthy"
	if i.Unhealthy {
		health = "Unhealthy"
	}
	return types.Instance{
		InstanceId: &i.ID, AvailabilityZone: &i.Zone, InstanceType: &i.Type, HealthStatus: &health,
		LifecycleState: types.LifecycleState(i.Lifecycle), ProtectedFromScaleIn: sdk.Bool(false),
		LaunchTemplate: templateVersion(m, i.Template, strconv.Itoa(i.Version)),
	}
}

func templateVersion(m *cloud.Model, id, version string) *types.LaunchTemplateSpecification {
	described := &types.LaunchTemplateSpecification{LaunchTemplateId: &id, Version: &version}
	if template := m.EC2.LaunchTemplates[id]; template != nil {
		described.LaunchTemplateName = &template.Name
	}
	return described
}

func (a *API) describeScalingActivities(
	_ context.Context, in *autoscaling.DescribeScalingActivitiesInput,
) (*autoscaling.DescribeScalingActivitiesOutput, error) {
	activities := []types.Activity{}
	a.cloud.View(func(m *cloud.Model) {
		for _, name := range m.AutoScaling.GroupNames() {
			if in.AutoScalingGroupName != nil && *in.AutoScalingGroupName != name {
				continue
			}
			group, _ := m.AutoScaling.Group(name)
			for _, activity := range group.Activities {
				if len(in.ActivityIds) == 0 || slices.Contains(in.ActivityIds, activity.ID) {
					activities = append(activities, describeActivity(group, activity))
				}
			}
		}
	})
	slices.Reverse(activities)
	activities, next, err := page(activities, in.MaxRecords, in.NextToken, 100)
	return &autoscaling.DescribeScalingActivitiesOutput{Activities: activities, NextToken: next}, err
}

func describeActivity(g model.Group, activity model.Activity) types.Activity {
	described := types.Activity{
		ActivityId: &activity.ID, AutoScalingGroupName: &g.Spec.Name, AutoScalingGroupARN: &g.ARN,
		Description: &activity.Description, Cause: &activity.Cause, StartTime: &activity.Start,
		StatusCode: types.ScalingActivityStatusCode(activity.Status), Progress: count(50),
	}
	if activity.Message != "" {
		described.StatusMessage = &activity.Message
	}
	if !activity.End.IsZero() {
		described.EndTime, described.Progress = &activity.End, count(100)
	}
	return described
}

func (a *API) describePolicies(_ context.Context, in *autoscaling.DescribePoliciesInput) (*autoscaling.DescribePoliciesOutput, error) {
	policies := []types.ScalingPolicy{}
	a.cloud.View(func(m *cloud.Model) {
		for _, name := range m.AutoScaling.GroupNames() {
			if in.AutoScalingGroupName != nil && *in.AutoScalingGroupName != name {
				continue
			}
			group, _ := m.AutoScaling.Group(name)
			for _, p := range sorted(group.Policies) {
				if len(in.PolicyNames) == 0 || slices.Contains(in.PolicyNames, p.Name) {
					policies = append(policies, describePolicy(m, name, p))
				}
			}
		}
	})
	policies, next, err := page(policies, in.MaxRecords, in.NextToken, 50)
	return &autoscaling.DescribePoliciesOutput{ScalingPolicies: policies, NextToken: next}, err
}

func describePolicy(m *cloud.Model, group string, p *model.Policy) types.ScalingPolicy {
	described := types.ScalingPolicy{
		AutoScalingGroupName: &group, PolicyName: &p.Name, PolicyARN: &p.ARN, PolicyType: &p.Type, Enabled: sdk.Bool(!p.Disabled),
	}
	if p.Warmup != nil {
		described.EstimatedInstanceWarmup = seconds(*p.Warmup)
	}
	for _, alarm := range m.CloudWatch.DescribeAlarms() {
		if alarm.Policy == p.ARN || slices.Contains(alarm.Spec.Actions, p.ARN) {
			described.Alarms = append(described.Alarms, types.Alarm{AlarmName: &alarm.Spec.Name, AlarmARN: &alarm.ARN})
		}
	}
	if p.Type == model.StepScaling {
		described.AdjustmentType = &p.Adjustment
		if p.MinMagnitude != 0 {
			described.MinAdjustmentMagnitude = count(p.MinMagnitude)
		}
		for _, step := range p.Steps {
			described.StepAdjustments = append(described.StepAdjustments, types.StepAdjustment{
				MetricIntervalLowerBound: step.Lower, MetricIntervalUpperBound: step.Upper, ScalingAdjustment: count(step.Adjustment),
			})
		}
		return described
	}
	described.TargetTrackingConfiguration = &types.TargetTrackingConfiguration{
		TargetValue: &p.Target, DisableScaleIn: &p.DisableScaleIn,
		PredefinedMetricSpecification: &types.PredefinedMetricSpecification{PredefinedMetricType: types.MetricTypeASGAverageCPUUtilization},
	}
	return described
}

func (a *API) describeInstanceRefreshes(
	_ context.Context, in *autoscaling.DescribeInstanceRefreshesInput,
) (*autoscaling.DescribeInstanceRefreshesOutput, error) {
	name := sdk.ToString(in.AutoScalingGroupName)
	refreshes, err := cloud.Find(a.cloud, func(m *cloud.Model) ([]types.InstanceRefresh, error) {
		group, ok := m.AutoScaling.Group(name)
		if !ok {
			return nil, model.NoGroup(name)
		}
		described := []types.InstanceRefresh{}
		for _, r := range group.Refreshes {
			if len(in.InstanceRefreshIds) == 0 || slices.Contains(in.InstanceRefreshIds, r.ID) {
				described = append(described, describeRefresh(m, name, r))
			}
		}
		return described, nil
	})
	if err != nil {
		return nil, err
	}
	slices.Reverse(refreshes)
	refreshes, next, err := page(refreshes, in.MaxRecords, in.NextToken, 50)
	return &autoscaling.DescribeInstanceRefreshesOutput{InstanceRefreshes: refreshes, NextToken: next}, err
}

func describeRefresh(m *cloud.Model, group string, r model.Refresh) types.InstanceRefresh {
	described := types.InstanceRefresh{
		AutoScalingGroupName: &group, InstanceRefreshId: &r.ID, Status: types.InstanceRefreshStatus(r.Status), StartTime: &r.Start,
		PercentageComplete: count(r.Percent), InstancesToUpdate: count(r.ToUpdate), Strategy: types.RefreshStrategyRolling,
		Preferences: &types.RefreshPreferences{
			MinHealthyPercentage: count(r.Spec.MinHealthy), MaxHealthyPercentage: count(r.Spec.MaxHealthy), InstanceWarmup: seconds(r.Spec.Warmup),
			SkipMatching: &r.Spec.SkipMatching, AutoRollback: &r.Spec.AutoRollback, BakeTime: seconds(r.Spec.Bake),
		},
	}
	if r.Reason != "" {
		described.StatusReason = &r.Reason
	}
	if !r.End.IsZero() {
		described.EndTime = &r.End
	}
	if r.Desired != nil {
		described.DesiredConfiguration = &types.DesiredConfiguration{LaunchTemplate: templateVersion(m, r.Desired.Template, r.Desired.Version)}
	}
	if len(r.Spec.Alarms) > 0 {
		described.Preferences.AlarmSpecification = &types.AlarmSpecification{Alarms: r.Spec.Alarms}
	}
	for _, percentage := range r.Spec.Checkpoints {
		described.Preferences.CheckpointPercentages = append(described.Preferences.CheckpointPercentages, int32(percentage))
		described.Preferences.CheckpointDelay = seconds(r.Spec.CheckpointDelay)
	}
	if back := r.Rollback; back != nil {
		described.RollbackDetails = &types.RollbackDetails{
			RollbackReason: &back.Reason, RollbackStartTime: &back.Start, PercentageCompleteOnRollback: count(back.Percent),
			InstancesToUpdateOnRollback: count(back.ToUpdate),
		}
	}
	return described
}

func (a *API) startInstanceRefresh(
	_ context.Context, in *autoscaling.StartInstanceRefreshInput,
) (*autoscaling.StartInstanceRefreshOutput, error) {
	if in.Strategy != "" && in.Strategy != types.RefreshStrategyRolling {
		return nil, unsupported("Strategy", string(in.Strategy))
	}
	var desired *model.TemplateVersion
	if in.DesiredConfiguration != nil {
		template := in.DesiredConfiguration.LaunchTemplate
		if template == nil || template.LaunchTemplateId == nil {
			return nil, unsupported("DesiredConfiguration", "anything but a LaunchTemplate with a LaunchTemplateId")
		}
		desired = &model.TemplateVersion{Template: *template.LaunchTemplateId, Version: sdk.ToString(template.Version)}
	}
	name := sdk.ToString(in.AutoScalingGroupName)
	id, err := cloud.Make(a.cloud, func(m *cloud.Model) (string, error) {
		group, ok := m.AutoScaling.Group(name)
		if !ok {
			return "", model.NoGroup(name)
		}
		return m.AutoScaling.StartRefresh(name, desired, refreshSpec(group, in.Preferences), m.Clock.Now())
	})
	return &autoscaling.StartInstanceRefreshOutput{InstanceRefreshId: &id}, err
}

// refreshSpec fills in the defaults (Auto Scaling: "Understand the default values for an instance refresh").
func refreshSpec(g model.Group, given *types.RefreshPreferences) model.RefreshSpec {
	spec := model.RefreshSpec{
		Bounds: model.Bounds{MinHealthy: 90, MaxHealthy: 100}, Warmup: g.Spec.RefreshWarmup(), CheckpointDelay: time.Hour,
	}
	if g.Spec.Maintenance != nil {
		spec.Bounds = *g.Spec.Maintenance
	}
	if given == nil {
		return spec
	}
	if given.MinHealthyPercentage != nil {
		spec.MinHealthy = int(*given.MinHealthyPercentage)
	}
	if given.MaxHealthyPercentage != nil {
		spec.MaxHealthy = int(*given.MaxHealthyPercentage)
	}
	if given.InstanceWarmup != nil && *given.InstanceWarmup >= 0 {
		spec.Warmup = time.Duration(*given.InstanceWarmup) * time.Second
	}
	if given.CheckpointDelay != nil {
		spec.CheckpointDelay = time.Duration(*given.CheckpointDelay) * time.Second
	}
	for _, percentage := range given.CheckpointPercentages {
		spec.Checkpoints = append(spec.Checkpoints, int(percentage))
	}
	if given.AlarmSpecification != nil {
		spec.Alarms = given.AlarmSpecification.Alarms
	}
	spec.SkipMatching, spec.AutoRollback = sdk.ToBool(given.SkipMatching), sdk.ToBool(given.AutoRollback)
	spec.Bake = time.Duration(sdk.ToInt32(given.BakeTime)) * time.Second
	return spec
}

func (a *API) cancelInstanceRefresh(
	_ context.Context, in *autoscaling.CancelInstanceRefreshInput,
) (*autoscaling.CancelInstanceRefreshOutput, error) {
	id, err := cloud.Make(a.cloud, func(m *cloud.Model) (string, error) {
		return m.AutoScaling.CancelRefresh(sdk.ToString(in.AutoScalingGroupName))
	})
	return &autoscaling.CancelInstanceRefreshOutput{InstanceRefreshId: &id}, err
}

func (a *API) rollbackInstanceRefresh(
	_ context.Context, in *autoscaling.RollbackInstanceRefreshInput,
) (*autoscaling.RollbackInstanceRefreshOutput, error) {
	id, err := cloud.Make(a.cloud, func(m *cloud.Model) (string, error) {
		return m.AutoScaling.RollbackRefresh(sdk.ToString(in.AutoScalingGroupName), m.Clock.Now())
	})
	return &autoscaling.RollbackInstanceRefreshOutput{InstanceRefreshId: &id}, err
}

func (a *API) setDesiredCapacity(
	_ context.Context, in *autoscaling.SetDesiredCapacityInput,
) (*autoscaling.SetDesiredCapacityOutput, error) {
	err := a.cloud.Change(func(m *cloud.Model) error {
		return m.AutoScaling.SetDesiredCapacity(sdk.ToString(in.AutoScalingGroupName), int(sdk.ToInt32(in.DesiredCapacity)), m.Clock.Now())
	})
	return &autoscaling.SetDesiredCapacityOutput{}, err
}

func (a *API) attachTargetGroups(
	_ context.Context, in *autoscaling.AttachLoadBalancerTargetGroupsInput,
) (*autoscaling.AttachLoadBalancerTargetGroupsOutput, error) {
	err := a.cloud.Change(func(m *cloud.Model) error {
		return m.AutoScaling.AttachTargetGroups(sdk.ToString(in.AutoScalingGroupName), in.TargetGroupARNs, m.Clock.Now())
	})
	return &autoscaling.AttachLoadBalancerTargetGroupsOutput{}, err
}

func (a *API) detachTargetGroups(
	_ context.Context, in *autoscaling.DetachLoadBalancerTargetGroupsInput,
) (*autoscaling.DetachLoadBalancerTargetGroupsOutput, error) {
	err := a.cloud.Change(func(m *cloud.Model) error {
		return m.AutoScaling.DetachTargetGroups(sdk.ToString(in.AutoScalingGroupName), in.TargetGroupARNs, m.Clock.Now())
	})
	return &autoscaling.DetachLoadBalancerTargetGroupsOutput{}, err
}

func (a *API) terminateInstanceInAutoScalingGroup(
	_ context.Context, in *autoscaling.TerminateInstanceInAutoScalingGroupInput,
) (*autoscaling.TerminateInstanceInAutoScalingGroupOutput, error) {
	if in.ShouldDecrementDesiredCapacity == nil {
		return nil, aws.Refuse("ValidationError", "ShouldDecrementDesiredCapacity is required")
	}
	activity, err := cloud.Make(a.cloud, func(m *cloud.Model) (types.Activity, error) {
		group, activity, err := m.AutoScaling.TerminateMember(sdk.ToString(in.InstanceId), *in.ShouldDecrementDesiredCapacity, m.Clock.Now())
		return describeActivity(group, activity), err
	})
	return &autoscaling.TerminateInstanceInAutoScalingGroupOutput{Activity: &activity}, err
}

// unsupported refuses a parameter that AWS takes and the emulator does not.
func unsupported(parameter, value string) error {
	return aws.Refuse("ValidationError", "%s: the emulator does not support %s", parameter, value)
}
