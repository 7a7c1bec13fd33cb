package provider

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
)

// vpcArgs are the arguments that the emulator knows.
type vpcArgs struct {
	CidrBlock             string                `pulumi:"cidrBlock"`
	AvailabilityZoneNames []string              `pulumi:"availabilityZoneNames"`
	EnableDNSHostnames    bool                  `pulumi:"enableDnsHostnames"`
	EnableDNSSupport      bool                  `pulumi:"enableDnsSupport"`
	NatGateways           *natGateways          `pulumi:"natGateways"`
	SubnetStrategy        *string               `pulumi:"subnetStrategy"`
	SubnetSpecs           []subnetSpec          `pulumi:"subnetSpecs"`
	Tags                  pulumi.StringMapInput `pulumi:"tags"`
}

type natGateways struct {
	Strategy string `pulumi:"strategy"`
}

type subnetSpec struct {
	Type       string            `pulumi:"type"`
	Name       string            `pulumi:"name"`
	CidrMask   *int              `pulumi:"cidrMask"`
	CidrBlocks []string          `pulumi:"cidrBlocks"`
	Tags       map[string]string `pulumi:"tags"`
}

var knownVPCArgs = []string{
	"cidrBlock", "availabilityZoneNames", "enableDnsHostnames", "enableDnsSupport", "natGateways", "subnetStrategy",
	"subnetSpecs", "tags",
}

// The strategies and types of awsx.
const (
	natNone, natSingle, natOnePerAz = "None", "Single", "OnePerAz"

	typePublic, typePrivate, typeIsolated, typeUnused = "Public", "Private", "Isolated", "Unused"
)

// vpcArguments reads the arguments, and refuses those that the emulator would not carry out as awsx does.
func vpcArguments(inputs provider.ConstructInputs) (*vpcArgs, error) {
	given, err := inputs.Map()
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(knownVPCArgs, name) {
			return nil, fmt.Errorf("the emulator doesn't know the argument %s", name)
		}
	}
	args := &vpcArgs{}
	if err := inputs.CopyTo(args); err != nil {
		return nil, err
	}
	return args, args.check()
}

// check applies awsx's rules, and refuses awsx's defaults that the emulator doesn't know.
func (a *vpcArgs) check() error {
	switch {
	case a.NatGateways == nil || !slices.Contains([]string{natNone, natSingle, natOnePerAz}, a.NatGateways.Strategy):
		return fmt.Errorf("natGateways.strategy: the emulator takes None, Single and OnePerAz; awsx's default is OnePerAz")
	case a.SubnetStrategy == nil || *a.SubnetStrategy != "Auto":
		return fmt.Errorf("subnetStrategy: the emulator takes Auto; awsx's default is Legacy")
	case len(a.SubnetSpecs) == 0:
		return fmt.Errorf("subnetSpecs: the emulator takes at least one; awsx's default are private and public subnets")
	case len(a.AvailabilityZoneNames) == 0:
		return fmt.Errorf("availabilityZoneNames: at least one is needed")
	}
	for i, spec := range a.SubnetSpecs {
		if !slices.Contains([]string{typePublic, typePrivate, typeIsolated, typeUnused}, spec.Type) {
			return fmt.Errorf("subnetSpecs[%d].type: %q is none of Public, Private, Isolated, Unused", i, spec.Type)
		}
	}
	if a.NatGateways.Strategy != natNone && (!a.has(typePublic) || !a.has(typePrivate)) {
		return fmt.Errorf("if NAT Gateway strategy is 'OnePerAz' or 'Single', both private and public subnets must be declared. " +
			"The private subnet creates the need for a NAT Gateway, and the public subnet is required to host the NAT Gateway resource")
	}
	return nil
}

func (a *vpcArgs) has(kind string) bool {
	return slices.ContainsFunc(a.SubnetSpecs, func(spec subnetSpec) bool { return spec.Type == kind })
}

// awsxVPC is the component awsx:ec2:Vpc.
type awsxVPC struct {
	pulumi.ResourceState

	VpcID             pulumi.StringOutput      `pulumi:"vpcId"`
	PublicSubnetIDs   pulumi.StringArrayOutput `pulumi:"publicSubnetIds"`
	PrivateSubnetIDs  pulumi.StringArrayOutput `pulumi:"privateSubnetIds"`
	IsolatedSubnetIDs pulumi.StringArrayOutput `pulumi:"isolatedSubnetIds"`
}

// newVPC registers the children that awsx 2.22 registers, with its names and its parents.
func newVPC(ctx *pulumi.Context, name string, args *vpcArgs, options pulumi.ResourceOption) (*awsxVPC, error) {
	component := &awsxVPC{}
	if err := ctx.RegisterComponentResource(vpcToken, name, component, options); err != nil {
		return nil, err
	}
	plans, err := subnetPlans(name, args)
	if err != nil {
		return nil, err
	}
	network, err := ec2.NewVpc(ctx, name, &ec2.VpcArgs{
		CidrBlock:          pulumi.String(args.CidrBlock),
		EnableDnsHostnames: pulumi.Bool(args.EnableDNSHostnames),
		EnableDnsSupport:   pulumi.Bool(args.EnableDNSSupport),
		Tags:               named(args.Tags, name),
	}, pulumi.Parent(component))
	if err != nil {
		return nil, err
	}
	gateway, err := ec2.NewInternetGateway(ctx, name, &ec2.InternetGatewayArgs{
		VpcId: network.ID(), Tags: named(args.Tags, name),
	}, pulumi.Parent(network))
	if err != nil {
		return nil, err
	}
	tiers := &tiers{name: name, args: args, network: network, gateway: gateway, ids: map[string]pulumi.StringArray{
		typePublic: {}, typePrivate: {}, typeIsolated: {},
	}}
	for _, plan := range plans {
		if err := tiers.add(ctx, plan); err != nil {
			return nil, err
		}
	}
	component.VpcID = network.ID().ToStringOutput()
	component.PublicSubnetIDs = tiers.ids[typePublic].ToStringArrayOutput()
	component.PrivateSubnetIDs = tiers.ids[typePrivate].ToStringArrayOutput()
	component.IsolatedSubnetIDs = tiers.ids[typeIsolated].ToStringArrayOutput()
	return component, ctx.RegisterResourceOutputs(component, pulumi.Map{
		"vpcId": component.VpcID, "publicSubnetIds": component.PublicSubnetIDs,
		"privateSubnetIds": component.PrivateSubnetIDs, "isolatedSubnetIds": component.IsolatedSubnetIDs,
	})
}

// tiers registers the subnets of a VPC, zone by zone. The public subnets of a zone come first: they hold the NAT gateways that
// the private subnets need.
type tiers struct {
	name    string
	args    *vpcArgs
	network *ec2.Vpc
	gateway *ec2.InternetGateway
	nats    []*ec2.NatGateway
	ids     map[string]pulumi.StringArray // by type
}

// add registers a subnet with a route table of its own, and the default route of its type.
func (t *tiers) add(ctx *pulumi.Context, plan subnetPlan) error {
	subnet, err := ec2.NewSubnet(ctx, plan.name, &ec2.SubnetArgs{
		VpcId: t.network.ID(), AvailabilityZone: pulumi.String(plan.zone), CidrBlock: pulumi.String(plan.block),
		MapPublicIpOnLaunch: pulumi.Bool(plan.kind == typePublic), Tags: plan.tagged(t.args.Tags, plan.tags),
	}, pulumi.Parent(t.network))
	if err != nil {
		return err
	}
	t.ids[plan.kind] = append(t.ids[plan.kind], subnet.ID())
	table, err := ec2.NewRouteTable(ctx, plan.name, &ec2.RouteTableArgs{
		VpcId: t.network.ID(), Tags: plan.tagged(t.args.Tags, nil),
	}, pulumi.Parent(subnet))
	if err != nil {
		return err
	}
	_, err = ec2.NewRouteTableAssociation(ctx, plan.name, &ec2.RouteTableAssociationArgs{
		RouteTableId: table.ID(), SubnetId: subnet.ID(),
	}, pulumi.Parent(table))
	if err != nil {
		return err
	}
	if plan.kind == typePublic && t.wantsNAT(plan.index) {
		if err := t.addNAT(ctx, plan, subnet); err != nil {
			return err
		}
	}
	return t.route(ctx, plan, table)
}

// wantsNAT reports whether the next public subnet of a zone gets a NAT gateway.
func (t *tiers) wantsNAT(zone int) bool {
	switch t.args.NatGateways.Strategy {
	case natSingle:
		return len(t.nats) == 0
	case natOnePerAz:
		return len(t.nats) <= zone
	default:
		return false
	}
}

// addNAT registers a NAT gateway with its address in a public subnet.
func (t *tiers) addNAT(ctx *pulumi.Context, plan subnetPlan, subnet *ec2.Subnet) error {
	name := fmt.Sprintf("%s-%d", t.name, plan.index+1)
	address, err := ec2.NewEip(ctx, name, &ec2.EipArgs{Tags: named(t.args.Tags, name)}, pulumi.Parent(subnet))
	if err != nil {
		return err
	}
	nat, err := ec2.NewNatGateway(ctx, name, &ec2.NatGatewayArgs{
		SubnetId: subnet.ID(), AllocationId: address.AllocationId, Tags: named(t.args.Tags, name),
	}, pulumi.Parent(subnet))
	t.nats = append(t.nats, nat)
	return err
}

// route registers the default route of a subnet: of a public subnet to the internet gateway, of a private subnet to the NAT
// gateway of its zone or the only one. Isolated subnets have none.
func (t *tiers) route(ctx *pulumi.Context, plan subnetPlan, table *ec2.RouteTable) error {
	route := &ec2.RouteArgs{RouteTableId: table.ID(), DestinationCidrBlock: pulumi.String("0.0.0.0/0")}
	switch {
	case plan.kind == typePublic:
		route.GatewayId = t.gateway.ID()
	case plan.kind == typePrivate && t.args.NatGateways.Strategy == natSingle:
		route.NatGatewayId = t.nats[0].ID()
	case plan.kind == typePrivate && t.args.NatGateways.Strategy == natOnePerAz:
		route.NatGatewayId = t.nats[plan.index].ID()
	default:
		return nil
	}
	_, err := ec2.NewRoute(ctx, plan.name, route, pulumi.Parent(table))
	return err
}

// named returns the tags of a child: its name and the tags of the VPC, which win.
func named(tags pulumi.StringMapInput, name string) pulumi.StringMapOutput {
	return layered(tags, map[string]string{"Name": name}, nil)
}

// layered returns tags with others below and above them.
func layered(tags pulumi.StringMapInput, below, above map[string]string) pulumi.StringMapOutput {
	if tags == nil {
		tags = pulumi.StringMap{}
	}
	return tags.ToStringMapOutput().ApplyT(func(given map[string]string) map[string]string {
		all := maps.Clone(below)
		maps.Copy(all, given)
		maps.Copy(all, above)
		return all
	}).(pulumi.StringMapOutput)
}

// subnetPlan says how to make a subnet.
type subnetPlan struct {
	name, kind, zone, block string
	index                   int // of the zone, from 0
	tags                    map[string]string
}

// tagged returns the tags of the subnet or its route table: its name and type, the tags of the VPC and its own, of which the last wins.
func (p subnetPlan) tagged(tags pulumi.StringMapInput, own map[string]string) pulumi.StringMapOutput {
	return layered(tags, map[string]string{"Name": p.name, "SubnetType": p.kind}, own)
}

// subnetPlans lists the subnets zone by zone, public before private before isolated, whatever the order of their specs.
func subnetPlans(name string, args *vpcArgs) ([]subnetPlan, error) {
	blocks, err := subnetBlocks(args)
	if err != nil {
		return nil, err
	}
	order := []string{typePublic, typePrivate, typeIsolated}
	var plans []subnetPlan
	for i, zone := range args.AvailabilityZoneNames {
		var here []subnetPlan
		for j, spec := range args.SubnetSpecs {
			if spec.Type == typeUnused {
				continue
			}
			role := spec.Name
			if role == "" {
				role = strings.ToLower(spec.Type)
			}
			here = append(here, subnetPlan{
				name: fmt.Sprintf("%s-%s-%d", name, role, i+1), kind: spec.Type, zone: zone, block: blocks[i][j], index: i, tags: spec.Tags,
			})
		}
		slices.SortStableFunc(here, func(a, b subnetPlan) int {
			return slices.Index(order, a.kind) - slices.Index(order, b.kind)
		})
		plans = append(plans, here...)
	}
	return plans, nil
}
