// Package scaling keeps a service at its size: an Auto Scaling group over the zones, which replaces what the load
// balancer finds dead, rolls a new launch template out without losing capacity, and follows a metric between Min and Max.
//
//	launch template, version 7 ──▶ group min 2 … max 3 ──▶ registers with the target group
//	     CPU of the group at 50 % ──▶ policy ──▶ desired ┘
package scaling

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/autoscaling"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/fault"
)

// capacityTimeout is how long New's group may take until Min members are healthy behind the balancer: the balancer is
// created meanwhile (up to 3 min) and takes up to 3 min more to register a target.
const capacityTimeout = "10m"

// While instances are replaced, by a refresh or by AWS's maintenance, the group keeps all of its capacity and launches
// first. In percent; AWS's own default stops an instance first.
const (
	minHealthy = 100
	maxHealthy = 150
)

// metrics are the group's own, one a minute and free of charge. The capacity metrics that AWS also has only differ from
// these for weighted instances.
var metrics = []string{
	"GroupDesiredCapacity",
	"GroupInServiceInstances",
	"GroupMaxSize",
	"GroupMinSize",
	"GroupPendingInstances",
	"GroupStandbyInstances",
	"GroupTerminatingInstances",
	"GroupTotalInstances",
}

// predefined are the metrics that a policy can follow, with AWS's names for them.
var predefined = map[string]string{
	"cpu": "ASGAverageCPUUtilization",
}

// Policy changes the number of instances by a metric: exactly one field is set.
type Policy struct {
	TargetTracking *TargetTracking
}

// TargetTracking keeps a metric near its target, adding instances quickly and removing them slowly.
type TargetTracking struct {
	Metric string        // "cpu": the average of the group, in percent
	Target float64       // above 0, at most 100
	Warmup time.Duration // whole seconds for which a new instance does not count; AWS's usual value is 300 s
}

// Args describes a group.
type Args struct {
	// SubnetIDs are the subnets to launch in; the group spreads over their zones.
	SubnetIDs pulumi.StringArrayInput

	// TemplateID is the launch template's.
	TemplateID pulumi.StringInput

	// TemplateVersion is a number, as text. With "$Latest" no change of the template would ever show, or roll out.
	TemplateVersion pulumi.StringInput

	// TargetGroupARNs are where the instances register.
	TargetGroupARNs pulumi.StringArrayInput

	// Min and Max bound the number of instances, 1 ≤ Min ≤ Max.
	Min, Max int

	// Grace is for how long after its launch an instance is not asked for its health: whole seconds, longer than boot and
	// installation take.
	Grace time.Duration

	// Policies move the desired capacity between Min and Max. Without any the group stays at Min.
	Policies []Policy

	// Tags are put on the group and on every instance that it launches.
	Tags map[string]string
}

// Validate reports every fault of the arguments, as paths below a group.
func (a *Args) Validate() error {
	var faults fault.List
	for _, in := range []struct {
		path  string
		input pulumi.Input
	}{
		{"subnetIds", a.SubnetIDs},
		{"templateId", a.TemplateID},
		{"templateVersion", a.TemplateVersion},
		{"targetGroupArns", a.TargetGroupARNs},
	} {
		if in.input == nil {
			faults.Missing(in.path, "a value is needed")
		}
	}
	if a.Min < 1 {
		faults.Add("min", a.Min, "is below 1")
	}
	if a.Max < a.Min {
		faults.Add("max", a.Max, "is below min (%d)", a.Min)
	}
	faults.Include("", validDuration("grace", a.Grace))
	followed := map[string]bool{}
	for i, p := range a.Policies {
		path := fmt.Sprintf("policies[%d]", i)
		faults.Include(path, p.validate())
		if t := p.TargetTracking; t != nil && followed[t.Metric] {
			faults.Add(path+".targetTracking.metric", t.Metric, "is followed by another policy")
		} else if t != nil {
			followed[t.Metric] = true
		}
	}
	return faults.Err()
}

func (p Policy) validate() error {
	var faults fault.List
	t := p.TargetTracking
	if t == nil {
		faults.Missing("targetTracking", "a policy needs one kind")
		return faults.Err()
	}
	if predefined[t.Metric] == "" {
		faults.Add("targetTracking.metric", t.Metric, "is not one of %v", slices.Sorted(maps.Keys(predefined)))
	}
	if t.Target <= 0 || t.Target > 100 {
		faults.Add("targetTracking.target", t.Target, "is not above 0 and at most 100")
	}
	faults.Include("targetTracking", validDuration("warmup", t.Warmup))
	return faults.Err()
}

func validDuration(path string, d time.Duration) error {
	var faults fault.List
	if d < 0 || d%time.Second != 0 {
		faults.Add(path, d, "is not a number of whole seconds")
	}
	return faults.Err()
}

// Group is an Auto Scaling group.
type Group struct {
	pulumi.ResourceState

	// Name is the group's, which is also how it is addressed.
	Name pulumi.StringOutput

	// ARN names the group where a policy or an alarm asks for it.
	ARN pulumi.StringOutput
}

// New registers a group. It is there when Min instances are healthy behind the balancer.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Group, error) {
	if err := args.Validate(); err != nil {
		return nil, fmt.Errorf("group %s: %w", name, err)
	}
	g := &Group{}
	if err := ctx.RegisterComponentResource("elastic-service:scaling:Group", name, g, opts...); err != nil {
		return nil, fmt.Errorf("group %s: %w", name, err)
	}
	group, err := g.group(ctx, name, args)
	if err != nil {
		return nil, fmt.Errorf("group %s: %w", name, err)
	}
	if err := g.policies(ctx, name, args, group); err != nil {
		return nil, fmt.Errorf("group %s: %w", name, err)
	}
	g.Name, g.ARN = group.Name, group.Arn
	return g, ctx.RegisterResourceOutputs(g, pulumi.Map{"name": g.Name, "arn": g.ARN})
}

// group leaves the desired capacity to the policies: given here, each deployment would undo what they scaled.
//
// It waits for healthy members through MinElbCapacity, at creation only. WaitForElbCapacity waits for exactly that many
// at each change of Min too, and so fails whenever a policy has scaled out.
func (g *Group) group(ctx *pulumi.Context, name string, args *Args) (*autoscaling.Group, error) {
	return autoscaling.NewGroup(ctx, name+"-group", &autoscaling.GroupArgs{
		VpcZoneIdentifiers: args.SubnetIDs,
		LaunchTemplate: &autoscaling.GroupLaunchTemplateArgs{
			Id:      args.TemplateID.ToStringOutput().ToStringPtrOutput(),
			Version: args.TemplateVersion.ToStringOutput().ToStringPtrOutput(),
		},
		TargetGroupArns:        args.TargetGroupARNs,
		MinSize:                pulumi.Int(args.Min),
		MaxSize:                pulumi.Int(args.Max),
		MinElbCapacity:         pulumi.Int(args.Min),
		WaitForCapacityTimeout: pulumi.String(capacityTimeout),
		// EC2's own checks never notice a dead application.
		HealthCheckType:        pulumi.String("ELB"),
		HealthCheckGracePeriod: pulumi.Int(int(args.Grace.Seconds())),
		EnabledMetrics:         pulumi.ToStringArray(metrics),
		MetricsGranularity:     pulumi.String("1Minute"),
		InstanceRefresh: &autoscaling.GroupInstanceRefreshArgs{
			Strategy: pulumi.String("Rolling"),
			Preferences: &autoscaling.GroupInstanceRefreshPreferencesArgs{
				MinHealthyPercentage: pulumi.Int(minHealthy),
				MaxHealthyPercentage: pulumi.Int(maxHealthy),
			},
		},
		InstanceMaintenancePolicy: &autoscaling.GroupInstanceMaintenancePolicyArgs{
			MinHealthyPercentage: pulumi.Int(minHealthy),
			MaxHealthyPercentage: pulumi.Int(maxHealthy),
		},
		Tags: groupTags(args.Tags),
	}, pulumi.Parent(g))
}

// groupTags propagates every tag to the instances, which the provider's default tags do not reach.
func groupTags(tags map[string]string) autoscaling.GroupTagArray {
	var list autoscaling.GroupTagArray
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list = append(list, &autoscaling.GroupTagArgs{
			Key:               pulumi.String(key),
			Value:             pulumi.String(tags[key]),
			PropagateAtLaunch: pulumi.Bool(true),
		})
	}
	return list
}

func (g *Group) policies(ctx *pulumi.Context, name string, args *Args, group *autoscaling.Group) error {
	for _, policy := range args.Policies {
		t := policy.TargetTracking
		_, err := autoscaling.NewPolicy(ctx, name+"-"+t.Metric, &autoscaling.PolicyArgs{
			AutoscalingGroupName:    group.Name,
			PolicyType:              pulumi.String("TargetTrackingScaling"),
			EstimatedInstanceWarmup: pulumi.Int(int(t.Warmup.Seconds())),
			TargetTrackingConfiguration: &autoscaling.PolicyTargetTrackingConfigurationArgs{
				PredefinedMetricSpecification: &autoscaling.PolicyTargetTrackingConfigurationPredefinedMetricSpecificationArgs{
					PredefinedMetricType: pulumi.String(predefined[t.Metric]),
				},
				TargetValue: pulumi.Float64(t.Target),
			},
		}, pulumi.Parent(g))
		if err != nil {
			return err
		}
	}
	return nil
}
