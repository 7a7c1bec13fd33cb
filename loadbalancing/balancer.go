// Package loadbalancing gives a service one address: a network load balancer, its security group, and the target group
// whose members take the connections.
//
//	clients ──▶ TCP 5000  balancer  ──▶ target group TCP 5000 ──▶ members
//	                         └────────── health check TCP 5001 ──▶ each member, every 10 s
//
// The balancer's security group lets clients in and nothing out: the paths to the members, for the service and for the
// health check, belong to whoever knows both security groups.
package loadbalancing

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/healthcheck"
	"github.com/elastic-service/elastic-service/internal/fault"
)

// drain is how long a member that is taken out may finish what it serves, in seconds. A network load balancer needs
// about two minutes whatever is set lower.
const drain = 120

// maxName is the longest name of a balancer: AWS allows 32 characters, of which "-lb" and Pulumi's "-1234567" take 11.
const maxName = 21

// Listener is a port of the balancer that forwards to the target group.
type Listener struct {
	Port     int    // 1–65535, each at most once
	Protocol string // "TCP"
}

// Args describes a balancer.
type Args struct {
	// VPCID is the VPC of the balancer and of its members.
	VPCID pulumi.StringInput

	// SubnetIDs are the balancer's subnets, one a zone. Taking one away later replaces the balancer and its address.
	SubnetIDs pulumi.StringArrayInput

	// Internal keeps the balancer off the internet.
	Internal bool

	// Listeners are the balancer's ports.
	Listeners []Listener

	// TargetPort is the port on which the members serve, 1–65535.
	TargetPort int

	// Check is how the members' health is asked for.
	Check healthcheck.Check

	// From are the clients: the ranges that may reach the listeners.
	From []netip.Prefix

	// Tags are put on everything that takes tags.
	Tags map[string]string
}

// Validate reports every fault of the arguments, as paths below a balancer.
func (a *Args) Validate() error {
	var faults fault.List
	if a.VPCID == nil {
		faults.Missing("vpcId", "a VPC is needed")
	}
	if a.SubnetIDs == nil {
		faults.Missing("subnetIds", "subnets are needed")
	}
	if len(a.Listeners) == 0 {
		faults.Missing("listeners", "at least one listener is needed")
	}
	if len(a.From) == 0 {
		faults.Missing("from", "without clients nothing reaches the listeners")
	}
	faults.Include("", validPort("targetPort", a.TargetPort))
	faults.Include("check", a.Check.Validate())
	ports := map[int]bool{}
	for i, l := range a.Listeners {
		path := fmt.Sprintf("listeners[%d]", i)
		faults.Include("", validPort(path+".port", l.Port))
		if l.Protocol != "TCP" {
			faults.Add(path+".protocol", l.Protocol, "is not TCP")
		}
		if ports[l.Port] {
			faults.Add(path+".port", l.Port, "is listened on twice")
		}
		ports[l.Port] = true
	}
	return faults.Err()
}

func validPort(path string, port int) error {
	var faults fault.List
	if port < 1 || port > 65535 {
		faults.Add(path, port, "is not between 1 and 65535")
	}
	return faults.Err()
}

// ValidName reports what AWS refuses in a balancer's name.
func ValidName(name string) error {
	var faults fault.List
	if len(name) > maxName {
		faults.Add("name", name, "is longer than %d characters", maxName)
	}
	for _, prefix := range []string{"internal-", "sg-"} {
		if strings.HasPrefix(name, prefix) {
			faults.Add("name", name, "begins with %s, which AWS keeps for itself", prefix)
		}
	}
	return faults.Err()
}

// Balancer is a network load balancer with its target group.
type Balancer struct {
	pulumi.ResourceState

	// ARN names the load balancer.
	ARN pulumi.StringOutput

	// DNSName is the balancer's address. It stays while the balancer is not replaced.
	DNSName pulumi.StringOutput

	// TargetGroupARN names the group that members register with. It is known long before the balancer works.
	TargetGroupARN pulumi.StringOutput

	// SecurityGroupID is the balancer's security group: members let its connections in.
	SecurityGroupID pulumi.StringOutput
}

// New registers a balancer. Name is at most 21 characters long.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Balancer, error) {
	var faults fault.List
	faults.Include("", ValidName(name))
	faults.Include("", args.Validate())
	if err := faults.Err(); err != nil {
		return nil, fmt.Errorf("balancer %s: %w", name, err)
	}
	b := &Balancer{}
	if err := ctx.RegisterComponentResource("elastic-service:loadbalancing:Balancer", name, b, opts...); err != nil {
		return nil, fmt.Errorf("balancer %s: %w", name, err)
	}
	if err := b.children(ctx, name, args); err != nil {
		return nil, fmt.Errorf("balancer %s: %w", name, err)
	}
	return b, ctx.RegisterResourceOutputs(b, pulumi.Map{
		"arn":             b.ARN,
		"dnsName":         b.DNSName,
		"targetGroupArn":  b.TargetGroupARN,
		"securityGroupId": b.SecurityGroupID,
	})
}

func (b *Balancer) children(ctx *pulumi.Context, name string, args *Args) error {
	group, err := b.securityGroup(ctx, name, args)
	if err != nil {
		return err
	}
	clients, err := b.clients(ctx, name, args, group)
	if err != nil {
		return err
	}
	targets, err := b.targetGroup(ctx, name, args)
	if err != nil {
		return err
	}
	balancer, err := b.loadBalancer(ctx, name, args, group)
	if err != nil {
		return err
	}
	b.ARN, b.DNSName = balancer.Arn, balancer.DnsName
	b.TargetGroupARN = targets.Arn
	b.SecurityGroupID = group.ID().ToStringOutput()
	return b.listeners(ctx, name, args, balancer, targets, clients)
}

// securityGroup is the balancer's from its creation on: a network load balancer that was made without one can never get
// one, short of a replacement that changes its address.
func (b *Balancer) securityGroup(ctx *pulumi.Context, name string, args *Args) (*ec2.SecurityGroup, error) {
	return ec2.NewSecurityGroup(ctx, name+"-balancer", &ec2.SecurityGroupArgs{
		VpcId:       args.VPCID,
		Description: pulumi.String("Load balancer of " + name), // cannot be changed without a replacement
		Tags:        pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(b))
}

// clients lets every range of the clients in on every listener's port.
func (b *Balancer) clients(
	ctx *pulumi.Context, name string, args *Args, group *ec2.SecurityGroup,
) ([]pulumi.Resource, error) {
	var rules []pulumi.Resource
	for _, listener := range args.Listeners {
		for _, from := range args.From {
			role := fmt.Sprintf("-%d-from-%s", listener.Port, from)
			rule, err := vpc.NewSecurityGroupIngressRule(ctx, name+role, &vpc.SecurityGroupIngressRuleArgs{
				SecurityGroupId: group.ID(),
				CidrIpv4:        pulumi.String(from.String()),
				IpProtocol:      pulumi.String("tcp"),
				FromPort:        pulumi.Int(listener.Port),
				ToPort:          pulumi.Int(listener.Port),
				Description:     pulumi.String("Clients"),
				Tags:            pulumi.ToStringMap(args.Tags),
			}, pulumi.Parent(b))
			if err != nil {
				return nil, err
			}
			rules = append(rules, rule)
		}
	}
	return rules, nil
}

// targetGroup is created before it is deleted when it must be replaced, for a listener still points at the old one: its
// name is Pulumi's to choose, and nothing here may ask for deletion first.
//
// Client addresses are preserved, AWS's default for instances: the service sees who asks, and rules that name the
// balancer's security group hold all the same.
func (b *Balancer) targetGroup(ctx *pulumi.Context, name string, args *Args) (*lb.TargetGroup, error) {
	return lb.NewTargetGroup(ctx, name+"-tg", &lb.TargetGroupArgs{
		VpcId:               args.VPCID,
		TargetType:          pulumi.String("instance"),
		Protocol:            pulumi.String("TCP"),
		Port:                pulumi.Int(args.TargetPort),
		DeregistrationDelay: pulumi.Int(drain),
		HealthCheck:         healthCheck(args.Check),
		Tags:                pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(b))
}

// healthCheck names the protocol, which is HTTP otherwise, and neither path nor matcher, which TCP refuses even empty.
func healthCheck(c healthcheck.Check) *lb.TargetGroupHealthCheckArgs {
	return &lb.TargetGroupHealthCheckArgs{
		Enabled:            pulumi.Bool(true),
		Protocol:           pulumi.String(string(c.Protocol)),
		Port:               pulumi.String(strconv.Itoa(c.Port)),
		Interval:           pulumi.Int(int(c.Interval.Seconds())),
		Timeout:            pulumi.Int(int(c.Timeout.Seconds())),
		HealthyThreshold:   pulumi.Int(c.Healthy),
		UnhealthyThreshold: pulumi.Int(c.Unhealthy),
	}
}

// loadBalancer crosses zones, or two zones with unequal numbers of members would be loaded unequally.
func (b *Balancer) loadBalancer(
	ctx *pulumi.Context, name string, args *Args, group *ec2.SecurityGroup,
) (*lb.LoadBalancer, error) {
	return lb.NewLoadBalancer(ctx, name+"-lb", &lb.LoadBalancerArgs{
		LoadBalancerType:             pulumi.String("network"),
		Internal:                     pulumi.Bool(args.Internal),
		Subnets:                      args.SubnetIDs,
		SecurityGroups:               pulumi.StringArray{group.ID()},
		EnableCrossZoneLoadBalancing: pulumi.Bool(true),
		Tags:                         pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(b))
}

// listeners wait for the clients' rules, which are there minutes before the balancer: an address that is given out
// answers.
func (b *Balancer) listeners(
	ctx *pulumi.Context, name string, args *Args, balancer *lb.LoadBalancer, targets *lb.TargetGroup, rules []pulumi.Resource,
) error {
	for _, l := range args.Listeners {
		_, err := lb.NewListener(ctx, fmt.Sprintf("%s-listener-%d", name, l.Port), &lb.ListenerArgs{
			LoadBalancerArn: balancer.Arn,
			Port:            pulumi.Int(l.Port),
			Protocol:        pulumi.String(l.Protocol),
			DefaultActions: lb.ListenerDefaultActionArray{
				&lb.ListenerDefaultActionArgs{Type: pulumi.String("forward"), TargetGroupArn: targets.Arn},
			},
			Tags: pulumi.ToStringMap(args.Tags),
		}, pulumi.Parent(b), pulumi.DependsOn(rules))
		if err != nil {
			return err
		}
	}
	return nil
}
