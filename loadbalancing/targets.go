package loadbalancing

import (
	"cmp"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/healthcheck"
)

// How long a member that is taken out may finish what it serves, in seconds.
const (
	// A network load balancer needs about two minutes whatever is set lower.
	drainConnections = 120

	// An application load balancer closes a connection that has been idle for 60 s, its default: no client waits longer for
	// an answer. AWS's default of 300 s would only slow down releases.
	drainRequests = 60
)

// targetGroup creates the target group. When it must be replaced, the new group is created before the old is deleted,
// because a listener still points at the old one: Pulumi chooses its name, and DeleteBeforeReplace must not be set.
//
// Behind a network load balancer, client addresses are preserved, which is AWS's default for instances: the service sees the
// client's address, and rules that name the balancer's security group still apply.
func (b *Balancer) targetGroup(ctx *pulumi.Context, name string, args *Args) (*lb.TargetGroup, error) {
	targets := &lb.TargetGroupArgs{
		VpcId:       args.VPCID,
		TargetType:  pulumi.String("instance"),
		Port:        pulumi.Int(args.TargetPort),
		HealthCheck: healthCheck(args.Check),
		Tags:        pulumi.ToStringMap(args.Tags),
	}
	switch args.Kind {
	case Network:
		targets.Protocol = pulumi.String("TCP") // also behind a TLS listener, which decrypts
		targets.DeregistrationDelay = pulumi.Int(drainConnections)
	case Application:
		targets.Protocol = pulumi.String("HTTP")
		targets.DeregistrationDelay = pulumi.Int(drainRequests)
		targets.LoadBalancingAlgorithmType = pulumi.String("round_robin")
	}
	opts := []pulumi.ResourceOption{pulumi.Parent(b)}
	if args.CheckByRelease {
		opts = append(opts, pulumi.IgnoreChanges([]string{"healthCheck"}))
	}
	return lb.NewTargetGroup(ctx, name+"-tg", targets, opts...)
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
