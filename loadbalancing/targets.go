package loadbalancing

import (
	"cmp"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/healthcheck"
)

// How long a member that is taken out may finish what it serves, in seconds.
const (
	// A network load balancer needs about two minutes whatever is set lower.
	drainConnections = 120

	// An application load balancer gives up on a connection that is idle for 60 s, its default: what a member has not
	// begun to answer by then nobody waits for. AWS's default of 300 s would only slow releases down.
	drainRequests = 60
)

// defaultMatcher is the status code of a healthy target when the check names none. AWS's own default depends on the
// kind of the balancer.
const defaultMatcher = "200"

// targetGroup is created before it is deleted when it must be replaced, for a listener still points at the old one: its
// name is Pulumi's to choose, and nothing here may ask for deletion first.
//
// Behind a network load balancer, client addresses are preserved, AWS's default for instances: the service sees who
// asks, and rules that name the balancer's security group hold all the same.
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
	return lb.NewTargetGroup(ctx, name+"-tg", targets, pulumi.Parent(b))
}

// healthCheck always names the protocol, which is HTTP otherwise; path and matcher only for HTTP, for TCP refuses them
// even empty.
func healthCheck(c healthcheck.Check) *lb.TargetGroupHealthCheckArgs {
	check := &lb.TargetGroupHealthCheckArgs{
		Enabled:            pulumi.Bool(true),
		Protocol:           pulumi.String(string(c.Protocol)),
		Port:               pulumi.String(checkedPort(c)),
		Interval:           pulumi.Int(int(c.Interval.Seconds())),
		Timeout:            pulumi.Int(int(c.Timeout.Seconds())),
		HealthyThreshold:   pulumi.Int(c.Healthy),
		UnhealthyThreshold: pulumi.Int(c.Unhealthy),
	}
	if c.Protocol == healthcheck.HTTP {
		check.Path = pulumi.String(c.Path)
		check.Matcher = pulumi.String(cmp.Or(c.Matcher, defaultMatcher))
	}
	return check
}

func checkedPort(c healthcheck.Check) string {
	if c.Port == 0 {
		return "traffic-port"
	}
	return strconv.Itoa(c.Port)
}
