package stack

import (
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// protection keeps what a stack registers from being deleted.
//
//	everything else ◀── needed by ── Protection, which `destroy` would delete first
//
// Pulumi refuses to delete a protected resource when its turn comes, and not before: without a preview, everything is gone by
// then whose turn came earlier. It does leave what the refused resource depends on. Protection depends on every resource, so
// that a destroy ends at its first step.
//
// An update deletes what the settings no longer ask for, and what it replaces. There a resource is kept by its own protection:
// all are protected but those in replaceable.
type protection struct {
	pulumi.ResourceState

	on         bool
	registered []pulumi.Resource
	released   map[pulumi.Resource]bool // replaceable, and with them their children
}

// replaceable are the types that a protected stack replaces and removes when the settings say so: a release replaces them, or
// they carry neither traffic nor data, and are no instance's way out. PARENT$TYPE is a type below components of a type.
var replaceable = []string{
	"aws:ecs/taskDefinition:TaskDefinition", // each release
	"aws:s3/bucketObjectv2:BucketObjectv2",  // each release; the objects of former releases stay in the bucket
	"elastic-service:pin:Pin",               // a newer image; it is in Pulumi's state alone
	"elastic-service:compute:Image",         // another source; the former image stays
	"elastic-service:compute:Bastion",       // another image

	"aws:rds/parameterGroup:ParameterGroup", // another major version; the group in use is kept by AWS

	"aws:appautoscaling/policy:Policy",
	"aws:appautoscaling/target:Target",
	"aws:autoscaling/lifecycleHook:LifecycleHook",
	"aws:autoscaling/policy:Policy",
	"aws:autoscaling/schedule:Schedule",
	"aws:cloudwatch/eventRule:EventRule",
	"aws:cloudwatch/eventTarget:EventTarget",
	"aws:cloudwatch/metricAlarm:MetricAlarm",
	"aws:sns/topicSubscription:TopicSubscription",
	"elastic-service:monitoring:Monitoring",

	// Rights that the settings take back must go, at once.
	"aws:ec2/networkAcl:NetworkAcl",
	"aws:iam/rolePolicy:RolePolicy",
	"aws:iam/rolePolicyAttachment:RolePolicyAttachment",
	"elastic-service:compute:Template$aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
	"elastic-service:compute:Template$aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
}

// protect begins to watch what the stack registers. If on, it protects it. Off, it lifts the protection of a former update.
func protect(ctx *pulumi.Context, on bool) (*protection, error) {
	p := &protection{on: on, released: map[pulumi.Resource]bool{}}
	return p, ctx.RegisterStackTransformation(p.see)
}

// see decides about a resource before it is registered.
func (p *protection) see(args *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
	p.registered = append(p.registered, args.Resource)
	p.released[args.Resource] = p.isReplaceable(args)
	return &pulumi.ResourceTransformationResult{
		Props: args.Props,
		Opts:  append(slices.Clip(args.Opts), pulumi.Protect(p.on && !p.released[args.Resource])),
	}
}

func (p *protection) isReplaceable(args *pulumi.ResourceTransformationArgs) bool {
	if slices.Contains(replaceable, args.Type) || isHealthRule(args) {
		return true
	}
	options, err := pulumi.NewResourceOptions(args.Opts...)
	if err != nil || options.Parent == nil {
		return false
	}
	return p.released[options.Parent] || slices.Contains(replaceable, options.Parent.PulumiResourceType()+"$"+args.Type)
}

// healthRule matches the names of the rules of health checks, as [plan.addPaths] and [network.Allow] give them.
var healthRule = regexp.MustCompile(`-health-[0-9]+-(in|out)$`)

// isHealthRule reports whether a resource is a rule of health checks, which goes when its port is no longer checked: a release moves
// the check first.
func isHealthRule(args *pulumi.ResourceTransformationArgs) bool {
	return strings.HasPrefix(args.Type, "aws:vpc/securityGroup") && healthRule.MatchString(args.Name)
}

// close registers the resource that depends on all that were registered.
func (p *protection) close(ctx *pulumi.Context, name string) error {
	all := slices.Clone(p.registered)
	if err := ctx.RegisterComponentResource("elastic-service:stack:Protection", name, p, pulumi.DependsOn(all)); err != nil {
		return err
	}
	return ctx.RegisterResourceOutputs(p, pulumi.Map{})
}
