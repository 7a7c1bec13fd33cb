// Package loadbalancing gives a service one address: a load balancer, its security group, and the target groups whose
// members serve. A network load balancer passes on connections, an application load balancer requests.
//
//	Network      clients ──▶ TCP 5000  ──▶ target group TCP 5000 ──▶ members
//	                            └───────── health check TCP 5001 ──▶ each member, every 10 s
//
//	Application  clients ──▶ HTTPS 443 ──▶ target group HTTP 80 ───▶ members
//	                     ──▶ HTTP 80:  301, go to HTTPS 443
//	                            └───────── health check GET /ping ─▶ each member
//
// Members that serve on several ports have a target group for each, with a health check of its own, and listeners that name it.
//
// The balancer's security group lets clients in and nothing out: the paths to the members, for the service and for the
// health check, are added by the caller, who knows both security groups.
//
// Optional parts are a DNS name in a Route 53 zone, a certificate for that name, and a bucket for access logs.
package loadbalancing

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/lb"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Kind is what a balancer balances.
type Kind string

const (
	// Network balances connections: its listeners take TCP and TLS.
	Network Kind = "network"

	// Application balances HTTP requests: its listeners take HTTP and HTTPS.
	Application Kind = "application"
)

// Args describes a balancer.
type Args struct {
	// Kind is Network or Application. Another kind later replaces the balancer and its address.
	Kind Kind

	// VPCID is the VPC of the balancer and of its members.
	VPCID pulumi.StringInput

	// SubnetIDs lists the balancer's subnets, at most one in a zone; an application load balancer needs two. Removing a
	// subnet from a network load balancer later replaces the balancer and its address.
	SubnetIDs pulumi.StringArrayInput

	// Internal keeps the balancer off the internet.
	Internal bool

	// Listeners lists the balancer's ports. At least one of them forwards.
	Listeners []Listener

	// Targets are what the members serve: at least one. The first has no name, and is the one of listeners that name none.
	Targets []Target

	// CheckByRelease leaves the health checks of target groups that exist to the release, which changes them once the instances
	// answer the new ones.
	CheckByRelease bool

	// From, FromLists and FromGroups list the clients that may reach the listeners: IPv4 ranges, IDs of prefix lists, and IDs of
	// security groups of the VPC. At least one is needed.
	From                  []netip.Prefix
	FromLists, FromGroups []string

	// CrossZone makes every node of a network load balancer send to the members of all zones. An application load balancer always does,
	// and ignores it.
	CrossZone bool

	// IdleTimeout is how long a connection may carry nothing: 60–6000 s of a TCP listener, 1–4000 s of an application load balancer.
	// 0 stands for AWS's defaults, 350 s and 60 s.
	IdleTimeout time.Duration

	// Drain is the deregistration delay, 0–3600 s. If nil, it is 120 s of a network load balancer, and of an application load balancer
	// as long as a client may wait for an answer: IdleTimeout, at least 60 s.
	Drain *time.Duration

	// Algorithm is how an application load balancer chooses a member: "round_robin", which the empty string stands for,
	// "least_outstanding_requests" or "weighted_random".
	Algorithm string

	// CertificateARN is the certificate of the TLS or HTTPS listeners. If nil, a certificate is issued for Alias.
	CertificateARN pulumi.StringInput

	// Alias is a name for the balancer beside the name that AWS gives it; none if nil.
	Alias *Alias

	// AccessLogs are written to a private, encrypted bucket and kept for 90 days. A network load balancer logs TLS
	// connections only.
	AccessLogs bool

	// Protect makes AWS refuse to delete the balancer, and the bucket of its logs unless that is empty, until it is set to
	// false and applied. It does not keep the listeners: let Pulumi protect the component too.
	Protect bool

	// Tags are put on everything that takes tags.
	Tags map[string]string
}

// Balancer is a load balancer with its target groups.
type Balancer struct {
	pulumi.ResourceState

	// ARN is the ARN of the load balancer, ARNSuffix the part of it that metrics use.
	ARN, ARNSuffix pulumi.StringOutput

	// DNSName is the balancer's own address. It stays while the balancer is not replaced.
	DNSName pulumi.StringOutput

	// URLHost is the host that clients should use: the alias if there is one, otherwise DNSName.
	URLHost pulumi.StringOutput

	// NameServers serve the zone that was created: its parent must delegate to them. Unset, with a nil OutputState, when
	// no zone was created.
	NameServers pulumi.StringArrayOutput

	// TargetGroups are the groups that members register with, in the order of Args.Targets.
	TargetGroups []TargetGroup

	// SecurityGroupID is the balancer's security group: members let its connections in.
	SecurityGroupID pulumi.StringOutput

	// Certificate is the ARN of the certificate of the listeners; nil if none is encrypted.
	Certificate pulumi.StringPtrInput

	// Ready lists the listeners that forward. Anything that needs the target group to belong to a balancer, as ECS does, must
	// depend on them: the ARN alone is known earlier.
	Ready []pulumi.Resource
}

// New registers a balancer. Name is at most 21 characters long.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Balancer, error) {
	var problems invalid.List
	problems.Include("", validName(name, args.Targets))
	problems.Include("", args.Validate())
	if err := problems.Err(); err != nil {
		return nil, fmt.Errorf("balancer %s: %w", name, err)
	}
	b := &Balancer{}
	if err := ctx.RegisterComponentResource("elastic-service:loadbalancing:Balancer", name, b, opts...); err != nil {
		return nil, fmt.Errorf("balancer %s: %w", name, err)
	}
	if err := b.children(ctx, name, args); err != nil {
		return nil, fmt.Errorf("balancer %s: %w", name, err)
	}
	return b, ctx.RegisterResourceOutputs(b, b.outputs())
}

func (b *Balancer) outputs() pulumi.Map {
	outputs := pulumi.Map{
		"arn":                  b.ARN,
		"arnSuffix":            b.ARNSuffix,
		"dnsName":              b.DNSName,
		"urlHost":              b.URLHost,
		"targetGroupArn":       b.TargetGroups[0].ARN,
		"targetGroupArnSuffix": b.TargetGroups[0].ARNSuffix,
		"securityGroupId":      b.SecurityGroupID,
	}
	if named := b.TargetGroups[1:]; len(named) > 0 {
		arns := pulumi.StringMap{}
		for _, group := range named {
			arns[group.Name] = group.ARN
		}
		outputs["targetGroupArns"] = arns
	}
	if b.NameServers.OutputState != nil {
		outputs["nameServers"] = b.NameServers
	}
	return outputs
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
	targets, err := b.targetGroups(ctx, name, args)
	if err != nil {
		return err
	}
	logs, err := b.accessLogs(ctx, name, args)
	if err != nil {
		return err
	}
	balancer, err := b.loadBalancer(ctx, name, args, group, logs)
	if err != nil {
		return err
	}
	b.ARN, b.ARNSuffix, b.DNSName = balancer.Arn, balancer.ArnSuffix, balancer.DnsName
	b.SecurityGroupID = group.ID().ToStringOutput()
	certificate, err := b.named(ctx, name, args, balancer)
	if err != nil {
		return err
	}
	b.Certificate = certificate
	return b.listeners(ctx, name, args, parts{balancer, targets, certificate, clients})
}

// securityGroup creates the balancer's security group. The balancer has it from its creation on: a network load balancer
// that was created without a group can get one only by a replacement, which changes its address.
func (b *Balancer) securityGroup(ctx *pulumi.Context, name string, args *Args) (*ec2.SecurityGroup, error) {
	return ec2.NewSecurityGroup(ctx, name+"-balancer", &ec2.SecurityGroupArgs{
		VpcId:       args.VPCID,
		Description: pulumi.String("Load balancer of " + name), // cannot be changed without a replacement
		Tags:        pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(b))
}

// clients lets the clients reach every listener's port. A rule is named by its clients: it stays when others go.
func (b *Balancer) clients(
	ctx *pulumi.Context, name string, args *Args, group *ec2.SecurityGroup,
) ([]pulumi.Resource, error) {
	var rules []pulumi.Resource
	for _, listener := range args.Listeners {
		for _, from := range args.sources() {
			in := &vpc.SecurityGroupIngressRuleArgs{
				SecurityGroupId: group.ID(),
				IpProtocol:      pulumi.String("tcp"),
				FromPort:        pulumi.Int(listener.Port),
				ToPort:          pulumi.Int(listener.Port),
				Description:     pulumi.String("Clients"),
				Tags:            pulumi.ToStringMap(args.Tags),
			}
			switch {
			case strings.HasPrefix(from, "pl-"):
				in.PrefixListId = pulumi.String(from)
			case strings.HasPrefix(from, "sg-"):
				in.ReferencedSecurityGroupId = pulumi.String(from)
			default:
				in.CidrIpv4 = pulumi.String(from)
			}
			rule, err := vpc.NewSecurityGroupIngressRule(ctx, fmt.Sprintf("%s-%d-from-%s", name, listener.Port, from), in, pulumi.Parent(b))
			if err != nil {
				return nil, err
			}
			rules = append(rules, rule)
		}
	}
	return rules, nil
}

// sources lists all clients as text.
func (a *Args) sources() []string {
	var all []string
	for _, from := range a.From {
		all = append(all, from.String())
	}
	return slices.Concat(all, a.FromLists, a.FromGroups)
}

// loadBalancer creates the balancer. Logs is the bucket of the access logs, nil for none.
func (b *Balancer) loadBalancer(
	ctx *pulumi.Context, name string, args *Args, group *ec2.SecurityGroup, logs pulumi.StringInput,
) (*lb.LoadBalancer, error) {
	balancer := &lb.LoadBalancerArgs{
		LoadBalancerType: pulumi.String(string(args.Kind)),
		Internal:         pulumi.Bool(args.Internal),
		Subnets:          args.SubnetIDs,
		SecurityGroups:   pulumi.StringArray{group.ID()},
		Tags:             pulumi.ToStringMap(args.Tags),
	}
	switch args.Kind {
	case Network:
		// Without it, two zones with unequal numbers of members are loaded unequally. An application load balancer always crosses
		// zones and refuses the attribute.
		balancer.EnableCrossZoneLoadBalancing = pulumi.Bool(args.CrossZone)
	case Application:
		// Such headers are passed on by default. Requests are smuggled with header names that RFC 7230 does not allow.
		balancer.DropInvalidHeaderFields = pulumi.Bool(true)
		if args.IdleTimeout != 0 {
			balancer.IdleTimeout = pulumi.Int(int(args.IdleTimeout.Seconds()))
		}
	}
	if logs != nil {
		balancer.AccessLogs = &lb.LoadBalancerAccessLogsArgs{Bucket: logs, Enabled: pulumi.Bool(true)}
	}
	// A target group belongs to one balancer at a time (ELB: TargetGroupAssociationLimit), so that the old balancer is
	// deleted first.
	if args.Protect {
		balancer.EnableDeletionProtection = pulumi.Bool(true)
	}
	return lb.NewLoadBalancer(ctx, name+"-lb", balancer, pulumi.Parent(b), pulumi.DeleteBeforeReplace(true))
}
