// Package network gives a service its VPC: a public subnet in each availability zone, routes to and from the internet, and
// paths between security groups.
//
//	VPC 192.168.0.0/23
//	├── us-east-1a  192.168.0.0/24 ──┐
//	├── us-east-1b  192.168.1.0/24 ──┴─▶ 0.0.0.0/0 ─▶ internet gateway
//	└── security groups:  From ──[Allow: TCP 5000]──▶ To
//
// With private subnets each zone has up to three tiers, of which [ACLs] can guard each:
//
//	us-east-1a  192.168.0.0/25    private ───▶ NAT gateway in a public subnet, if any
//	            │                        └───▶ S3 and interface endpoints, inside the VPC
//	            192.168.0.128/26  public ────▶ internet gateway
//	            192.168.0.192/26  isolated     (no way out)
//
// A security group lets nothing in and nothing out until [Allow] or a rule of its owner allows it.
package network

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"

	awsec2 "github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-awsx/sdk/v2/go/awsx/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/internal/tags"
)

// Args describes a network.
type Args struct {
	// CIDR is the VPC's range, IPv4, /16 to /28.
	CIDR netip.Prefix

	// Zones lists the availability zones by name. Each gets a public subnet. Zones that need an opt-in must not be among
	// them, because awsx does not check.
	Zones []string

	// Subnets lists the subnets' ranges, in the order of Zones. If it is empty, [Subnets] carves them from CIDR. It must be
	// empty with Private, where all ranges are carved from CIDR.
	Subnets []netip.Prefix

	// Private adds a private subnet in each zone. Its instances have no public addresses and accept no connections from
	// outside of the VPC. They reach S3, and other destinations as NAT and Endpoints allow.
	Private bool

	// Isolated adds a subnet in each zone without any route out, for a database. Needs Private.
	Isolated bool

	// NAT is the private subnets' route to the internet; none if empty. Needs Private.
	NAT NAT

	// Region is the VPC's region. Needed with Private.
	Region string

	// Endpoints lists the services of AWS that get an interface in each private subnet, by the last part of their endpoint's
	// name: ssm, ssmmessages, ecr.api. AWS charges for each by the hour and zone. Needs Private.
	Endpoints []string

	// FlowLogs keeps a record of all connections for 30 days.
	FlowLogs bool

	// ACLs guard the subnets. If nil, AWS's default ACL applies, which lets everything pass.
	ACLs *ACLs

	// Tags are put on everything that takes tags.
	Tags map[string]string
}

// NAT selects how many NAT gateways a network has. AWS charges for each by the hour.
type NAT string

// NAT gateways of a network.
const (
	NoNAT      NAT = "none"
	SingleNAT  NAT = "single"  // a single gateway for all zones, which lose their route with its zone
	NATPerZone NAT = "perZone" // a gateway in each zone
)

// strategies maps to awsx's names.
var strategies = map[NAT]ec2.NatGatewayStrategy{
	"":         ec2.NatGatewayStrategyNone,
	NoNAT:      ec2.NatGatewayStrategyNone,
	SingleNAT:  ec2.NatGatewayStrategySingle,
	NATPerZone: ec2.NatGatewayStrategyOnePerAz,
}

// endpointName is the last part of the name of an endpoint's service.
var endpointName = regexp.MustCompile(`^[a-z0-9]+([.-][a-z0-9]+)*$`)

// Validate reports every problem of the arguments, as paths below a network.
func (a *Args) Validate() error {
	var problems invalid.List
	if len(a.Zones) == 0 {
		problems.Missing("zones", "at least one availability zone is needed")
	}
	problems.Include("", a.validRanges())
	problems.Include("", a.validTiers())
	problems.Include("", a.validEndpoints())
	if a.ACLs != nil {
		problems.Include("acls", a.ACLs.validate(a))
	}
	return problems.Err()
}

func (a *Args) validRanges() error {
	var problems invalid.List
	zones := max(len(a.Zones), 1)
	switch {
	case a.Private:
		if len(a.Subnets) > 0 {
			problems.Add("subnets", a.Subnets, "cannot be chosen with private subnets: all are carved from cidr")
		}
		_, err := carve(a.CIDR, zones)
		problems.Include("", err)
		return problems.Err()
	case len(a.Subnets) == 0:
		_, err := Subnets(a.CIDR, zones)
		return err
	}
	problems.Include("", validRange("cidr", a.CIDR))
	if len(a.Subnets) != len(a.Zones) {
		problems.Add("subnets", len(a.Subnets), "ranges cannot serve %d zones", len(a.Zones))
	}
	for i := range a.Subnets {
		problems.Include("", a.validSubnet(i))
	}
	return problems.Err()
}

// validTiers reports settings that need private subnets where there are none.
func (a *Args) validTiers() error {
	var problems invalid.List
	strategy, known := strategies[a.NAT]
	if !known {
		problems.Add("nat", string(a.NAT), "is not %s, %s or %s", NoNAT, SingleNAT, NATPerZone)
	}
	if a.Private {
		if a.Region == "" {
			problems.Missing("region", "private subnets need it, for the endpoint of S3")
		}
		return problems.Err()
	}
	if a.Isolated {
		problems.Add("isolated", a.Isolated, "needs private subnets, where those are that use it")
	}
	if known && strategy != ec2.NatGatewayStrategyNone {
		problems.Add("nat", string(a.NAT), "needs private subnets: public ones have their own way out")
	}
	if len(a.Endpoints) > 0 {
		problems.Add("endpoints", a.Endpoints, "need private subnets: public ones have their own way out")
	}
	return problems.Err()
}

func (a *Args) validEndpoints() error {
	var problems invalid.List
	for i, service := range a.Endpoints {
		switch path := fmt.Sprintf("endpoints[%d]", i); {
		case !endpointName.MatchString(service):
			problems.Add(path, service, "is not the last part of the name of a service's endpoint, such as ssm or ecr.api")
		case service == "s3":
			problems.Add(path, service, "is reached without one: private subnets have a gateway to S3")
		case slices.Contains(a.Endpoints[:i], service):
			problems.Add(path, service, "is listed twice")
		}
	}
	return problems.Err()
}

func (a *Args) validSubnet(i int) error {
	var problems invalid.List
	path, subnet := fmt.Sprintf("subnets[%d]", i), a.Subnets[i]
	if err := validRange(path, subnet); err != nil {
		return err
	}
	if !contains(a.CIDR, subnet) {
		problems.Add(path, subnet, "is not inside cidr (%s)", a.CIDR)
	}
	for j, other := range a.Subnets[:i] {
		if subnet.Overlaps(other) {
			problems.Add(path, subnet, "overlaps subnets[%d] (%s)", j, other)
		}
	}
	return problems.Err()
}

// Network is a VPC with its subnets.
type Network struct {
	pulumi.ResourceState

	// VPCID is the VPC's ID.
	VPCID pulumi.StringOutput

	// PublicSubnetIDs, PrivateSubnetIDs and IsolatedSubnetIDs are the IDs of the subnets, in the order of Args.Zones; empty
	// for a tier that the network does not have. They do not imply the routes, see Ready.
	PublicSubnetIDs, PrivateSubnetIDs, IsolatedSubnetIDs pulumi.StringArrayOutput

	// NATGatewayIDs are the IDs of the NAT gateways, in the order of Args.Zones; empty without.
	NATGatewayIDs []pulumi.StringOutput

	// Gateway lists the resources that anything mapping public addresses must depend on. Otherwise the internet gateway
	// cannot be detached on destroy.
	Gateway []pulumi.Resource

	// Ready lists the resources that anything launching instances must depend on: the gateway and other routes. Without them
	// a first boot finds no way out. Depending on the Network would not be enough: the Go SDK learns of a component's
	// children concurrently.
	Ready []pulumi.Resource

	account pulumi.StringOutput // the number of the account
}

// New registers a network.
func New(ctx *pulumi.Context, name string, args *Args, opts ...pulumi.ResourceOption) (*Network, error) {
	if err := args.Validate(); err != nil {
		return nil, fmt.Errorf("network %s: %w", name, err)
	}
	n := &Network{}
	if err := ctx.RegisterComponentResource("elastic-service:network:Network", name, n, opts...); err != nil {
		return nil, fmt.Errorf("network %s: %w", name, err)
	}
	if err := n.children(ctx, name, args); err != nil {
		return nil, fmt.Errorf("network %s: %w", name, err)
	}
	return n, n.registerOutputs(ctx)
}

func (n *Network) registerOutputs(ctx *pulumi.Context) error {
	return ctx.RegisterResourceOutputs(n, pulumi.Map{
		"vpcId":             n.VPCID,
		"publicSubnetIds":   n.PublicSubnetIDs,
		"privateSubnetIds":  n.PrivateSubnetIDs,
		"isolatedSubnetIds": n.IsolatedSubnetIDs,
	})
}

func (n *Network) children(ctx *pulumi.Context, name string, args *Args) error {
	specs, err := args.specs()
	if err != nil {
		return err
	}
	vpc, err := n.vpc(ctx, name+"-vpc", args, specs)
	if err != nil {
		return err
	}
	n.VPCID = vpc.VpcId
	n.PublicSubnetIDs = vpc.PublicSubnetIds
	n.PrivateSubnetIDs = vpc.PrivateSubnetIds
	n.IsolatedSubnetIDs = vpc.IsolatedSubnetIds
	n.Gateway, n.Ready = []pulumi.Resource{vpc}, []pulumi.Resource{vpc}
	if err := n.closeDefault(ctx, name, args); err != nil {
		return err
	}
	for _, part := range []struct {
		wanted   bool
		register func(*pulumi.Context, string, *Args) error
	}{
		{args.Private, n.gateway},
		{args.Private, n.endpoints},
		{args.FlowLogs, n.flowLogs},
		{args.ACLs != nil, n.acls},
	} {
		if !part.wanted {
			continue
		}
		if err := part.register(ctx, name, args); err != nil {
			return err
		}
	}
	return nil
}

func (n *Network) vpc(ctx *pulumi.Context, name string, args *Args, specs []ec2.SubnetSpecArgs) (*ec2.Vpc, error) {
	// Both strategies are always given: awsx's defaults are a NAT gateway in each zone and the legacy order of subnets.
	strategy := ec2.SubnetAllocationStrategyAuto
	return ec2.NewVpc(ctx, name, &ec2.VpcArgs{
		CidrBlock:             new(args.CIDR.String()),
		AvailabilityZoneNames: args.Zones,
		EnableDnsHostnames:    pulumi.Bool(true),
		EnableDnsSupport:      pulumi.Bool(true),
		NatGateways:           &ec2.NatGatewayConfigurationArgs{Strategy: strategies[args.NAT]},
		SubnetStrategy:        &strategy,
		SubnetSpecs:           specs,
		Tags:                  pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(n))
}

// closeDefault takes the rules from the security group that AWS gives a VPC, which let its members reach each other and the world. What is
// created by hand and without a group gets it. The group itself cannot be deleted.
func (n *Network) closeDefault(ctx *pulumi.Context, name string, args *Args) error {
	group, err := awsec2.NewDefaultSecurityGroup(ctx, name+"-default", &awsec2.DefaultSecurityGroupArgs{
		VpcId:   n.VPCID,
		Ingress: awsec2.DefaultSecurityGroupIngressArray{},
		Egress:  awsec2.DefaultSecurityGroupEgressArray{},
		Tags:    tags.Named(args.Tags, name+"-default"),
	}, pulumi.Parent(n))
	if err != nil {
		return err
	}
	n.account = group.OwnerId
	return nil
}

// tier is a kind of subnets.
type tier struct {
	name   string
	kind   ec2.SubnetType
	ranges func(tierRanges) []netip.Prefix
	acl    func(*Args) acl
	ids    func(*Network) pulumi.StringArrayOutput
}

// tiers returns the tiers that the network has.
func (a *Args) tiers() []tier {
	all := []tier{
		{
			"public", ec2.SubnetTypePublic,
			func(t tierRanges) []netip.Prefix { return t.Public },
			(*Args).publicACL,
			func(n *Network) pulumi.StringArrayOutput { return n.PublicSubnetIDs },
		},
		{
			"private", ec2.SubnetTypePrivate,
			func(t tierRanges) []netip.Prefix { return t.Private },
			(*Args).privateACL,
			func(n *Network) pulumi.StringArrayOutput { return n.PrivateSubnetIDs },
		},
		{
			"isolated", ec2.SubnetTypeIsolated,
			func(t tierRanges) []netip.Prefix { return t.Isolated },
			(*Args).isolatedACL,
			func(n *Network) pulumi.StringArrayOutput { return n.IsolatedSubnetIDs },
		},
	}
	switch {
	case !a.Private:
		return all[:1]
	case !a.Isolated:
		return all[:2]
	default:
		return all
	}
}

// specs returns the subnets as awsx takes them. If there are several tiers, the ranges are given explicitly, so that the
// isolated tier can be added without moving the others.
func (a *Args) specs() ([]ec2.SubnetSpecArgs, error) {
	if !a.Private {
		return []ec2.SubnetSpecArgs{publicSpec(a)}, nil
	}
	ranges, err := carve(a.CIDR, len(a.Zones))
	if err != nil {
		return nil, err
	}
	var specs []ec2.SubnetSpecArgs
	for _, t := range a.tiers() {
		specs = append(specs, ec2.SubnetSpecArgs{Type: t.kind, CidrBlocks: texts(t.ranges(ranges))})
	}
	return specs, nil
}

// publicSpec returns the public subnets of a network without other tiers: by their ranges if those are chosen, otherwise by
// their size.
func publicSpec(args *Args) ec2.SubnetSpecArgs {
	spec := ec2.SubnetSpecArgs{Type: ec2.SubnetTypePublic, CidrBlocks: texts(args.Subnets)}
	if len(args.Subnets) == 0 {
		spec.CidrMask = new(subnetBits(args.CIDR, len(args.Zones)))
	}
	return spec
}

func texts(ranges []netip.Prefix) []string {
	var list []string
	for _, r := range ranges {
		list = append(list, r.String())
	}
	return list
}
