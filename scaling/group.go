// Package scaling keeps a service at its size: an Auto Scaling group over the zones, which replaces what the load
// balancer finds dead, rolls a new launch template out without losing capacity, and moves between Min and Max by a
// metric or by the clock.
//
//	launch template, version 7 ──▶ group min 2 … max 3 ──▶ registers with the target group
//	     CPU of the group at 50 % ──▶ target tracking ──┐
//	     CPU over 75 %, under 10 % ─▶ alarms ─▶ steps ──┼──▶ desired
//	     20:00 every day ───────────▶ schedule ─────────┘
//	     launches, terminations, failures, alarms ──▶ SNS topic ──▶ subscribers
//
// A group without target groups hosts something that registers by itself, such as containers: EC2's own checks are all
// that its members have.
package scaling

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/autoscaling"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// While instances are replaced, by a refresh or by AWS's maintenance, the group keeps all of its capacity and launches
// first. In percent; AWS's own default stops an instance first.
const (
	MinHealthy = 100
	MaxHealthy = 150
)

// longestWarmup is the longest default instance warm-up (Auto Scaling User Guide: "Enable the default instance warmup for a group").
const longestWarmup = time.Hour

// metrics are the group's own metrics, sampled every minute and free of charge. AWS's capacity metrics differ from these
// only for weighted instances.
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

// HealthCheck is what finds an unhealthy instance.
type HealthCheck string

// The values of HealthCheck, as AWS has them. EC2's own checks are always made.
const (
	ByBalancer HealthCheck = "ELB"
	ByEC2      HealthCheck = "EC2" // nothing notices a dead application
)

// Bounds of the longest life of an instance (Auto Scaling API: CreateAutoScalingGroup).
const shortestLife, longestLife = 24 * time.Hour, 365 * 24 * time.Hour

// Policy changes the number of instances by a metric: exactly one field is set.
type Policy struct {
	TargetTracking *TargetTracking
	Step           *Step
}

// Args describes a group.
type Args struct {
	// SubnetIDs are the subnets to launch in; the group spreads over their zones.
	SubnetIDs pulumi.StringArrayInput

	// TemplateID is the launch template's.
	TemplateID pulumi.StringInput

	// TemplateVersion is a number, as text. With "$Latest" no change of the template would ever show, or roll out.
	TemplateVersion pulumi.StringInput

	// TargetGroupARNs lists the target groups with which the instances register. Their health checks find dead instances.
	// Nil: only EC2 checks the instances.
	TargetGroupARNs pulumi.StringArrayInput

	// TargetsByRelease leaves the target groups of a group that exists to the release, which attaches the group to a new one when its
	// instances serve there.
	TargetsByRelease bool

	// Min and Max bound the number of instances, 1 ≤ Min ≤ Max.
	Min, Max int

	// Grace is how long after its launch an instance's health is ignored: whole seconds, longer than boot and installation
	// take. It is the group's default warm-up, too: an instance refresh and a replacement of unhealthy instances count a new
	// instance only then. The policies have their own.
	Grace time.Duration

	// HealthCheck is what finds an unhealthy instance: [ByBalancer] or [ByEC2]. Empty: ByBalancer if there are target groups.
	HealthCheck HealthCheck

	// MaxLifetime is the longest life of an instance, which is replaced then: 0 for no limit, or a day to 365 days, in whole seconds.
	MaxLifetime time.Duration

	// Policies move the desired capacity between Min and Max. Without policies the group stays at Min.
	Policies []Policy

	// Schedules change Min, Max and the desired capacity at recurring times. What a schedule has set stays until the next
	// schedule, or until Min or Max are changed.
	Schedules []Schedule

	// Hooks hold instances back while they are launched or terminated.
	Hooks []Hook

	// Notify lists the subscribers to the group's launches, terminations, failures and instance refreshes, and to the alarms
	// of Policies.
	Notify []Subscription

	// ContainerHosts tells that the instances belong to a capacity provider of ECS, which moves the desired capacity itself:
	// there may be neither Policies nor TargetGroupARNs, and no schedule of the desired capacity.
	ContainerHosts bool

	// Tags are put on the group, on every instance that it launches, and on everything else that takes tags.
	Tags map[string]string
}

// Validate reports every problem of the arguments, as paths below a group.
func (a *Args) Validate() error {
	var problems invalid.List
	problems.Need("subnetIds", a.SubnetIDs != nil)
	problems.Need("templateId", a.TemplateID != nil)
	problems.Need("templateVersion", a.TemplateVersion != nil)
	if a.ContainerHosts && a.registers() {
		problems.Missing("targetGroupArns", "hosts of containers don't register, their containers do")
	}
	problems.Include("", a.ValidatePlain())
	return problems.Err()
}

// ValidatePlain reports the problems that do not depend on other resources: the template, the subnets and the target groups may
// be missing.
func (a *Args) ValidatePlain() error {
	var problems invalid.List
	if a.Min < 1 {
		problems.Add("min", a.Min, "is below 1")
	}
	if a.Max < a.Min {
		problems.Add("max", a.Max, "is below min (%d)", a.Min)
	}
	problems.Include("", validDuration("grace", a.Grace))
	problems.Include("", a.validLife())
	problems.Include("", validPolicies(a.Policies))
	problems.Include("", a.validSchedules())
	problems.Include("", validHooks(a.Hooks))
	problems.Include("", validSubscriptions(a.Notify))
	if a.ContainerHosts {
		problems.Include("", a.validContainerHosts())
	}
	return problems.Err()
}

func (a *Args) validLife() error {
	var problems invalid.List
	if life := a.MaxLifetime; life != 0 && (life < shortestLife || life > longestLife || life%time.Second != 0) {
		problems.Add("maxLifetime", life, "is not 0, or whole seconds from a day to 365 days")
	}
	if h := a.HealthCheck; h != "" && h != ByBalancer && h != ByEC2 {
		problems.Add("healthCheck", string(h), "is not %s or %s", ByBalancer, ByEC2)
	}
	return problems.Err()
}

// validContainerHosts reports what would work against the capacity provider.
func (a *Args) validContainerHosts() error {
	var problems invalid.List
	if len(a.Policies) > 0 {
		problems.Missing("policies", "hosts of containers are scaled by their capacity provider")
	}
	for i, s := range a.Schedules {
		if s.Desired != nil {
			path := fmt.Sprintf("schedules[%d].desired", i)
			problems.Add(path, *s.Desired, "is for the hosts' capacity provider to say")
		}
	}
	return problems.Err()
}

// validPolicies also reports two policies that follow the same metric: each would undo what the other did.
func validPolicies(policies []Policy) error {
	var problems invalid.List
	followed := map[string]bool{}
	for i, p := range policies {
		path := fmt.Sprintf("policies[%d]", i)
		var metric string
		switch {
		case (p.TargetTracking == nil) == (p.Step == nil):
			problems.Missing(path, "exactly one of targetTracking and step is needed")
			continue
		case p.TargetTracking != nil:
			path, metric = path+".targetTracking", p.TargetTracking.Metric
			problems.Include(path, p.TargetTracking.validate())
		default:
			path, metric = path+".step", p.Step.Metric
			problems.Include(path, p.Step.validate())
		}
		if followed[metric] {
			problems.Add(path+".metric", metric, "is followed by another policy")
		}
		followed[metric] = true
	}
	return problems.Err()
}

func validDuration(path string, d time.Duration) error {
	var problems invalid.List
	if d < 0 || d%time.Second != 0 {
		problems.Add(path, d, "is not a number of whole seconds")
	}
	return problems.Err()
}

// registers reports whether the instances are members of a target group.
func (a *Args) registers() bool {
	list, plain := a.TargetGroupARNs.(pulumi.StringArray)
	return a.TargetGroupARNs != nil && (!plain || len(list) > 0)
}

// Group is an Auto Scaling group.
type Group struct {
	pulumi.ResourceState

	// Name is the name of the group.
	Name pulumi.StringOutput

	// ARN is the ARN of the group.
	ARN pulumi.StringOutput

	// TopicARN is the ARN of the topic of Args.Notify, for other alarms to use. Without subscriptions there is no topic, and
	// this is the zero value, which must not become an input.
	TopicARN pulumi.StringOutput

	// Ready lists the resources that anything using the instances must depend on. Depending on the Group would not be enough:
	// the Go SDK learns of a component's children concurrently.
	Ready []pulumi.Resource
}

// New registers a group. It is there when Auto Scaling has been asked for the instances, not when they serve: a release waits
// for that.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Group, error) {
	if err := args.Validate(); err != nil {
		return nil, fmt.Errorf("group %s: %w", name, err)
	}
	g := &Group{}
	if err := ctx.RegisterComponentResource("elastic-service:scaling:Group", name, g, opts...); err != nil {
		return nil, fmt.Errorf("group %s: %w", name, err)
	}
	if err := g.children(ctx, name, args); err != nil {
		return nil, fmt.Errorf("group %s: %w", name, err)
	}
	outputs := pulumi.Map{"name": g.Name, "arn": g.ARN}
	if len(args.Notify) > 0 {
		outputs["topicArn"] = g.TopicARN
	}
	return g, ctx.RegisterResourceOutputs(g, outputs)
}

func (g *Group) children(ctx *pulumi.Context, name string, args *Args) error {
	group, err := g.group(ctx, name, args)
	if err != nil {
		return err
	}
	g.Name, g.ARN, g.Ready = group.Name, group.Arn, []pulumi.Resource{group}
	if err := g.notify(ctx, name, args); err != nil {
		return err
	}
	if err := g.hooks(ctx, name, args); err != nil {
		return err
	}
	if err := g.schedules(ctx, name, args); err != nil {
		return err
	}
	return g.policies(ctx, name, args)
}

// group leaves the desired capacity to the policies: given here, each deployment would undo what they scaled. It leaves the
// template's version alone after the creation: a release moves the group to a new version once that has proved to work, so
// that whatever is launched before, or after a rollback, is of the version that works.
//
// The provider waits for nothing here. Its wait wants exactly Min instances whenever Min changes, and so fails after a policy
// has scaled out; and it gives up on the first launch that fails, which Auto Scaling repeats a minute later.
//
// Hosts of containers have the provider's instance refresh: their tasks are what serves, and ECS moves those.
func (g *Group) group(ctx *pulumi.Context, name string, args *Args) (*autoscaling.Group, error) {
	in := &autoscaling.GroupArgs{
		VpcZoneIdentifiers: args.SubnetIDs,
		LaunchTemplate: &autoscaling.GroupLaunchTemplateArgs{
			Id:      args.TemplateID.ToStringOutput().ToStringPtrOutput(),
			Version: args.TemplateVersion.ToStringOutput().ToStringPtrOutput(),
		},
		MinSize:                pulumi.Int(args.Min),
		MaxSize:                pulumi.Int(args.Max),
		WaitForCapacityTimeout: pulumi.String("0"),
		HealthCheckType:        pulumi.String(string(ByEC2)),
		HealthCheckGracePeriod: pulumi.Int(int(args.Grace.Seconds())),
		EnabledMetrics:         pulumi.ToStringArray(metrics),
		MetricsGranularity:     pulumi.String("1Minute"),
		InstanceMaintenancePolicy: &autoscaling.GroupInstanceMaintenancePolicyArgs{
			MinHealthyPercentage: pulumi.Int(MinHealthy),
			MaxHealthyPercentage: pulumi.Int(MaxHealthy),
		},
		Tags: groupTags(args),
	}
	if args.Grace > 0 { // the provider does not send 0
		in.DefaultInstanceWarmup = pulumi.Int(int(min(args.Grace, longestWarmup).Seconds()))
	}
	if args.registers() {
		in.TargetGroupArns = args.TargetGroupARNs
		in.HealthCheckType = pulumi.String(string(cmp.Or(args.HealthCheck, ByBalancer)))
	}
	if args.MaxLifetime > 0 {
		in.MaxInstanceLifetime = pulumi.Int(int(args.MaxLifetime.Seconds()))
	}
	if args.ContainerHosts {
		in.InstanceRefresh = rollingRefresh()
		in.ProtectFromScaleIn = pulumi.Bool(false) // protected hosts would outlast the group's deletion
	}
	if hooks := initialHooks(args.Hooks); len(hooks) > 0 {
		in.InitialLifecycleHooks = hooks
	}
	return autoscaling.NewGroup(ctx, name+"-group", in, groupOptions(g, args)...)
}

func rollingRefresh() *autoscaling.GroupInstanceRefreshArgs {
	return &autoscaling.GroupInstanceRefreshArgs{
		Strategy: pulumi.String("Rolling"),
		Preferences: &autoscaling.GroupInstanceRefreshPreferencesArgs{
			MinHealthyPercentage: pulumi.Int(MinHealthy),
			MaxHealthyPercentage: pulumi.Int(MaxHealthy),
		},
	}
}

// groupOptions keeps the provider from replacing the group for hooks that come, change or go, and from moving it to a version
// that is not released.
func groupOptions(g *Group, args *Args) []pulumi.ResourceOption {
	ignored := []string{"initialLifecycleHooks"}
	if !args.ContainerHosts {
		ignored = append(ignored, "launchTemplate.version")
	}
	if args.TargetsByRelease {
		ignored = append(ignored, "targetGroupArns")
	}
	return []pulumi.ResourceOption{pulumi.Parent(g), pulumi.IgnoreChanges(ignored)}
}

// groupTags propagates every tag to the instances, which the provider's default tags do not reach.
//
// ECS puts a tag of its own on a capacity provider's group. Without it in this list, the next deployment would remove it,
// and the first instances would never have it.
func groupTags(args *Args) autoscaling.GroupTagArray {
	tags := maps.Clone(args.Tags)
	if args.ContainerHosts {
		if tags == nil {
			tags = map[string]string{}
		}
		tags["AmazonECSManaged"] = "true"
	}
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

func (g *Group) policies(ctx *pulumi.Context, name string, args *Args) error {
	for _, policy := range args.Policies {
		var err error
		if policy.Step != nil {
			err = g.step(ctx, name, args, policy.Step)
		} else {
			err = g.track(ctx, name, policy.TargetTracking)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
