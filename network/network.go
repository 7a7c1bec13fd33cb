// Package network gives a service its VPC: a public subnet in each availability zone, a way to and from the internet, and
// single paths between security groups.
//
//	VPC 192.168.0.0/23
//	├── us-east-1a  192.168.0.0/24 ──┐
//	├── us-east-1b  192.168.1.0/24 ──┴─▶ 0.0.0.0/0 ─▶ internet gateway
//	└── security groups:  From ──[Allow: TCP 5000]──▶ To
//
// A security group made here or elsewhere in the program lets nothing out and nothing in until [Allow] or a rule of its
// owner says so.
package network

import (
	"fmt"
	"net/netip"

	"github.com/pulumi/pulumi-awsx/sdk/v2/go/awsx/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/fault"
)

// Args describes a network.
type Args struct {
	// CIDR is the VPC's range, IPv4, /16 to /28.
	CIDR netip.Prefix

	// Zones are the availability zones, by name, one public subnet in each. A zone that needs an opt-in must not be among
	// them: awsx takes what it is given.
	Zones []string

	// Subnets are the subnets' ranges, in the order of Zones. Carved from CIDR by [Subnets] when empty.
	Subnets []netip.Prefix

	// Tags are put on everything that takes tags.
	Tags map[string]string
}

// Validate reports every fault of the arguments, as paths below a network.
func (a *Args) Validate() error {
	var faults fault.List
	if len(a.Zones) == 0 {
		faults.Missing("zones", "at least one availability zone is needed")
	}
	if len(a.Subnets) == 0 {
		_, err := Subnets(a.CIDR, max(len(a.Zones), 1))
		faults.Include("", err)
		return faults.Err()
	}
	faults.Include("", validRange("cidr", a.CIDR))
	if len(a.Subnets) != len(a.Zones) {
		faults.Add("subnets", len(a.Subnets), "ranges cannot serve %d zones", len(a.Zones))
	}
	for i := range a.Subnets {
		faults.Include("", a.validSubnet(i))
	}
	return faults.Err()
}

func (a *Args) validSubnet(i int) error {
	var faults fault.List
	path, subnet := fmt.Sprintf("subnets[%d]", i), a.Subnets[i]
	if err := validRange(path, subnet); err != nil {
		return err
	}
	if !contains(a.CIDR, subnet) {
		faults.Add(path, subnet, "is not inside cidr (%s)", a.CIDR)
	}
	for j, other := range a.Subnets[:i] {
		if subnet.Overlaps(other) {
			faults.Add(path, subnet, "overlaps subnets[%d] (%s)", j, other)
		}
	}
	return faults.Err()
}

// Network is a VPC with its public subnets.
type Network struct {
	pulumi.ResourceState

	// VPCID is the VPC's ID.
	VPCID pulumi.StringOutput

	// PublicSubnetIDs are the public subnets' IDs, in the order of Args.Zones. They say nothing of the internet gateway,
	// see Ready.
	PublicSubnetIDs pulumi.StringArrayOutput

	// Ready is what who maps public addresses must depend on, or the gateway cannot be detached on destroy. Depending on
	// the Network would do only by chance: the Go SDK learns of a component's children concurrently.
	Ready []pulumi.Resource
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
	vpc, err := n.vpc(ctx, name+"-vpc", args)
	if err != nil {
		return nil, fmt.Errorf("network %s: %w", name, err)
	}
	n.VPCID, n.PublicSubnetIDs = vpc.VpcId, vpc.PublicSubnetIds
	n.Ready = []pulumi.Resource{vpc}
	return n, ctx.RegisterResourceOutputs(n, pulumi.Map{
		"vpcId":           n.VPCID,
		"publicSubnetIds": n.PublicSubnetIDs,
	})
}

func (n *Network) vpc(ctx *pulumi.Context, name string, args *Args) (*ec2.Vpc, error) {
	// Both strategies are always given: awsx's defaults are a NAT gateway in each zone and the legacy order of subnets.
	strategy := ec2.SubnetAllocationStrategyAuto
	return ec2.NewVpc(ctx, name, &ec2.VpcArgs{
		CidrBlock:             pulumi.StringRef(args.CIDR.String()),
		AvailabilityZoneNames: args.Zones,
		EnableDnsHostnames:    pulumi.Bool(true),
		EnableDnsSupport:      pulumi.Bool(true),
		NatGateways:           &ec2.NatGatewayConfigurationArgs{Strategy: ec2.NatGatewayStrategyNone},
		SubnetStrategy:        &strategy,
		SubnetSpecs:           []ec2.SubnetSpecArgs{publicSpec(args)},
		Tags:                  pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(n))
}

// publicSpec is what awsx is told of the public subnets: their ranges where they are chosen, their size otherwise.
func publicSpec(args *Args) ec2.SubnetSpecArgs {
	spec := ec2.SubnetSpecArgs{Type: ec2.SubnetTypePublic}
	for _, subnet := range args.Subnets {
		spec.CidrBlocks = append(spec.CidrBlocks, subnet.String())
	}
	if len(args.Subnets) == 0 {
		spec.CidrMask = pulumi.IntRef(subnetBits(args.CIDR, len(args.Zones)))
	}
	return spec
}
