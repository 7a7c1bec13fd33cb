package loadbalancing

import (
	"cmp"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/healthcheck"
)

// How long a member that is taken out may finish what it serves, unless Args.Drain says it.
const (
	// A network load balancer needs about two minutes whatever is set lower.
	drainConnections = 120 * time.Second

	// An application load balancer closes a connection that has been idle for 60 s, its default: no client waits longer for
	// an answer. AWS's default of 300 s would only slow down releases.
	drainRequests = 60 * time.Second

	// AWS takes at most an hour.
	maxDrain = time.Hour
)

// drain returns the deregistration delay in seconds.
func (a *Args) drain() pulumi.Int {
	delay := drainConnections
	switch {
	case a.Drain != nil:
		delay = *a.Drain
	case a.Kind == Application:
		delay = min(max(a.IdleTimeout, drainRequests), maxDrain)
	}
	return pulumi.Int(int(delay.Seconds()))
}

// Target is what the members serve on a port.
type Target struct {
	// Name is what listeners call it: empty for the first. Name and the balancer's are at most 23 characters long together.
	Name string

	// Port is the port on which the members serve, 1–65535. Containers register with ports of their own.
	Port int

	// Check describes how the members' health is checked. An application load balancer checks over HTTP.
	Check healthcheck.Check
}

// TargetGroup is the group of the members that serve a target.
type TargetGroup struct {
	// Name is the target's.
	Name string

	// ARN is known long before the balancer works.
	ARN pulumi.StringOutput

	// ARNSuffix is how metrics name the group.
	ARNSuffix pulumi.StringOutput

	// Resource is the group itself, for what must not change before it.
	Resource pulumi.Resource
}

// logicalName returns the name of the target's group in the stack.
func (t Target) logicalName(name string) string {
	if t.Name == "" {
		return name + "-" + firstGroup
	}
	return name + "-" + t.Name
}

// firstGroup is the role of the first target's group, and no name for another.
const firstGroup = "tg"

// targetGroups creates the group of each target and returns them by the targets' names.
func (b *Balancer) targetGroups(ctx *pulumi.Context, name string, args *Args) (map[string]*lb.TargetGroup, error) {
	groups := map[string]*lb.TargetGroup{}
	for _, target := range args.Targets {
		group, err := b.targetGroup(ctx, name, args, target)
		if err != nil {
			return nil, err
		}
		groups[target.Name] = group
		b.TargetGroups = append(b.TargetGroups, TargetGroup{target.Name, group.Arn, group.ArnSuffix, group})
	}
	return groups, nil
}

// targetGroup creates a target group. When it must be replaced, the new group is created before the old is deleted,
// because a listener still points at the old one: Pulumi chooses its name, and DeleteBeforeReplace must not be set.
//
// Behind a network load balancer, client addresses are preserved, which is AWS's default for instances: the service sees the
// client's address, and rules that name the balancer's security group still apply.
func (b *Balancer) targetGroup(ctx *pulumi.Context, name string, args *Args, target Target) (*lb.TargetGroup, error) {
	targets := &lb.TargetGroupArgs{
		VpcId:               args.VPCID,
		TargetType:          pulumi.String("instance"),
		Port:                pulumi.Int(target.Port),
		DeregistrationDelay: args.drain(),
		HealthCheck:         healthCheck(target.Check),
		Tags:                pulumi.ToStringMap(args.Tags),
	}
	switch args.Kind {
	case Network:
		targets.Protocol = pulumi.String("TCP") // also behind a TLS listener, which decrypts
	case Application:
		targets.Protocol = pulumi.String("HTTP")
		targets.LoadBalancingAlgorithmType = pulumi.String(cmp.Or(args.Algorithm, algorithms[0]))
	}
	opts := []pulumi.ResourceOption{pulumi.Parent(b)}
	if args.CheckByRelease {
		opts = append(opts, pulumi.IgnoreChanges([]string{"healthCheck"}))
	}
	return lb.NewTargetGroup(ctx, target.logicalName(name), targets, opts...)
}

// healthCheck always sets the protocol, whose default is HTTP. It sets path and matcher for HTTP only: a TCP check refuses
// them even if they are empty.
func healthCheck(c healthcheck.Check) *lb.TargetGroupHealthCheckArgs {
	check := &lb.TargetGroupHealthCheckArgs{
		Enabled:            pulumi.Bool(true),
		Protocol:           pulumi.String(string(c.Protocol)),
		Port:               pulumi.String(healthcheck.TargetGroupPort(c.Port)),
		Interval:           pulumi.Int(int(c.Interval.Seconds())),
		Timeout:            pulumi.Int(int(c.Timeout.Seconds())),
		HealthyThreshold:   pulumi.Int(c.Healthy),
		UnhealthyThreshold: pulumi.Int(c.Unhealthy),
	}
	if c.Protocol == healthcheck.HTTP {
		check.Path = pulumi.String(c.Path)
		check.Matcher = pulumi.String(cmp.Or(c.Matcher, healthcheck.DefaultMatcher))
	}
	return check
}
