package provider

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

const (
	vpcToken    = "awsx:ec2:Vpc"
	awsxVersion = "2.22.0"
)

// awsx implements the provider of the package awsx, which has components only: it registers their children with the
// engine that asks for them.
type awsx struct {
	pulumirpc.UnimplementedResourceProviderServer

	mu     sync.Mutex
	engine *provider.HostClient
}

func (*awsx) GetPluginInfo(context.Context, *emptypb.Empty) (*pulumirpc.PluginInfo, error) {
	return &pulumirpc.PluginInfo{Version: awsxVersion}, nil
}

// Attach connects to the engine that uses this provider now.
func (x *awsx) Attach(_ context.Context, req *pulumirpc.PluginAttach) (*emptypb.Empty, error) {
	engine, err := provider.NewHostClient(req.GetAddress())
	if err != nil {
		return nil, err
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.engine != nil {
		_ = x.engine.Close() // the engine of an earlier operation, which is over
	}
	x.engine = engine
	return &emptypb.Empty{}, nil
}

func (*awsx) CheckConfig(_ context.Context, req *pulumirpc.CheckRequest) (*pulumirpc.CheckResponse, error) {
	return &pulumirpc.CheckResponse{Inputs: req.GetNews()}, nil
}

func (*awsx) DiffConfig(context.Context, *pulumirpc.DiffRequest) (*pulumirpc.DiffResponse, error) {
	return &pulumirpc.DiffResponse{Changes: pulumirpc.DiffResponse_DIFF_NONE}, nil
}

func (*awsx) Configure(context.Context, *pulumirpc.ConfigureRequest) (*pulumirpc.ConfigureResponse, error) {
	return &pulumirpc.ConfigureResponse{AcceptSecrets: true, AcceptResources: true, AcceptOutputs: true, SupportsPreview: true}, nil
}

func (*awsx) Cancel(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

func (x *awsx) Construct(ctx context.Context, req *pulumirpc.ConstructRequest) (*pulumirpc.ConstructResponse, error) {
	x.mu.Lock()
	engine := x.engine
	x.mu.Unlock()
	if engine == nil {
		return nil, status.Error(codes.FailedPrecondition, "no engine is attached")
	}
	return provider.Construct(ctx, req, engine.EngineConn(), construct)
}

func construct(
	ctx *pulumi.Context, typ, name string, inputs provider.ConstructInputs, options pulumi.ResourceOption,
) (*provider.ConstructResult, error) {
	if typ != vpcToken {
		return nil, status.Errorf(codes.Unimplemented, "the emulator refuses %s: of awsx it knows %s", typ, vpcToken)
	}
	args, err := vpcArguments(inputs)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", vpcToken, name, err)
	}
	vpc, err := newVPC(ctx, name, args, options)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", vpcToken, name, err)
	}
	return provider.NewConstructResult(vpc)
}

// vpcArgs are the arguments that have an effect here.
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
	Type       string   `pulumi:"type"`
	CidrMask   *int     `pulumi:"cidrMask"`
	CidrBlocks []string `pulumi:"cidrBlocks"`
}

var knownVPCArgs = []string{
	"cidrBlock", "availabilityZoneNames", "enableDnsHostnames", "enableDnsSupport", "natGateways", "subnetStrategy",
	"subnetSpecs", "tags",
}

// vpcArguments reads the arguments and refuses what the emulator would not do as awsx does.
func vpcArguments(inputs provider.ConstructInputs) (*vpcArgs, error) {
	given, err := inputs.Map()
	if err != nil {
		return nil, err
	}
	for name := range given {
		if !slices.Contains(knownVPCArgs, name) {
			return nil, fmt.Errorf("the emulator doesn't know the argument %s", name)
		}
	}
	args := &vpcArgs{}
	if err := inputs.CopyTo(args); err != nil {
		return nil, err
	}
	switch {
	case args.NatGateways == nil || args.NatGateways.Strategy != "None":
		return nil, fmt.Errorf("natGateways.strategy: the emulator takes None; awsx's default is OnePerAz")
	case args.SubnetStrategy == nil || *args.SubnetStrategy != "Auto":
		return nil, fmt.Errorf("subnetStrategy: the emulator takes Auto; awsx's default is Legacy")
	case len(args.SubnetSpecs) != 1 || args.SubnetSpecs[0].Type != "Public":
		return nil, fmt.Errorf("subnetSpecs: the emulator takes one of type Public")
	case len(args.AvailabilityZoneNames) == 0:
		return nil, fmt.Errorf("availabilityZoneNames: at least one is needed")
	}
	return args, nil
}

// vpc is awsx's component.
type vpc struct {
	pulumi.ResourceState

	VpcID             pulumi.StringOutput      `pulumi:"vpcId"`
	PublicSubnetIDs   pulumi.StringArrayOutput `pulumi:"publicSubnetIds"`
	PrivateSubnetIDs  pulumi.StringArrayOutput `pulumi:"privateSubnetIds"`
	IsolatedSubnetIDs pulumi.StringArrayOutput `pulumi:"isolatedSubnetIds"`
}

// newVPC registers the children that awsx 2.22 registers for public subnets, with its names and its parents.
func newVPC(ctx *pulumi.Context, name string, args *vpcArgs, options pulumi.ResourceOption) (*vpc, error) {
	component := &vpc{}
	if err := ctx.RegisterComponentResource(vpcToken, name, component, options); err != nil {
		return nil, err
	}
	blocks, err := subnetBlocks(args)
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
	var ids pulumi.StringArray
	for i, zone := range args.AvailabilityZoneNames {
		subnet, err := newPublicSubnet(ctx, fmt.Sprintf("%s-public-%d", name, i+1), zone, blocks[i], args.Tags, network, gateway)
		if err != nil {
			return nil, err
		}
		ids = append(ids, subnet.ID())
	}
	component.VpcID = network.ID().ToStringOutput()
	component.PublicSubnetIDs = ids.ToStringArrayOutput()
	component.PrivateSubnetIDs = pulumi.StringArray{}.ToStringArrayOutput()
	component.IsolatedSubnetIDs = pulumi.StringArray{}.ToStringArrayOutput()
	return component, ctx.RegisterResourceOutputs(component, pulumi.Map{
		"vpcId": component.VpcID, "publicSubnetIds": component.PublicSubnetIDs,
		"privateSubnetIds": component.PrivateSubnetIDs, "isolatedSubnetIds": component.IsolatedSubnetIDs,
	})
}

// newPublicSubnet makes a subnet with a table of its own, whose default route leaves through the gateway.
func newPublicSubnet(
	ctx *pulumi.Context, name, zone, block string, tags pulumi.StringMapInput, network *ec2.Vpc, gateway *ec2.InternetGateway,
) (*ec2.Subnet, error) {
	subnet, err := ec2.NewSubnet(ctx, name, &ec2.SubnetArgs{
		VpcId: network.ID(), AvailabilityZone: pulumi.String(zone), CidrBlock: pulumi.String(block),
		MapPublicIpOnLaunch: pulumi.Bool(true), Tags: named(tags, name),
	}, pulumi.Parent(network))
	if err != nil {
		return nil, err
	}
	table, err := ec2.NewRouteTable(ctx, name, &ec2.RouteTableArgs{
		VpcId: network.ID(), Tags: named(tags, name),
	}, pulumi.Parent(subnet))
	if err != nil {
		return nil, err
	}
	_, err = ec2.NewRouteTableAssociation(ctx, name, &ec2.RouteTableAssociationArgs{
		RouteTableId: table.ID(), SubnetId: subnet.ID(),
	}, pulumi.Parent(table))
	if err != nil {
		return nil, err
	}
	_, err = ec2.NewRoute(ctx, name, &ec2.RouteArgs{
		RouteTableId: table.ID(), DestinationCidrBlock: pulumi.String("0.0.0.0/0"), GatewayId: gateway.ID(),
	}, pulumi.Parent(table))
	return subnet, err
}

func named(tags pulumi.StringMapInput, name string) pulumi.StringMapOutput {
	if tags == nil {
		tags = pulumi.StringMap{}
	}
	return tags.ToStringMapOutput().ApplyT(func(given map[string]string) map[string]string {
		all := map[string]string{"Name": name}
		for key, value := range given {
			all[key] = value
		}
		return all
	}).(pulumi.StringMapOutput)
}

// subnetBlocks is awsx's strategy Auto with one specification: the range is divided evenly among the zones, by the next
// power of two, and each subnet begins where its zone does.
func subnetBlocks(args *vpcArgs) ([]string, error) {
	spec, zones := args.SubnetSpecs[0], len(args.AvailabilityZoneNames)
	if len(spec.CidrBlocks) > 0 {
		if len(spec.CidrBlocks) != zones {
			return nil, fmt.Errorf("subnetSpecs[0].cidrBlocks: %d blocks for %d zones", len(spec.CidrBlocks), zones)
		}
		return spec.CidrBlocks, nil
	}
	whole, err := netip.ParsePrefix(args.CidrBlock)
	if err != nil {
		return nil, fmt.Errorf("cidrBlock: %w", err)
	}
	zoneBits := whole.Bits()
	for 1<<(zoneBits-whole.Bits()) < zones {
		zoneBits++
	}
	mask := zoneBits
	if spec.CidrMask != nil {
		mask = *spec.CidrMask
	}
	if mask < zoneBits || mask > 32 {
		return nil, fmt.Errorf("subnetSpecs[0].cidrMask: /%d doesn't fit a zone's share of %s, a /%d", mask, whole, zoneBits)
	}
	var blocks []string
	base := whole.Addr().As4()
	for i := range zones {
		var start [4]byte
		binary.BigEndian.PutUint32(start[:], binary.BigEndian.Uint32(base[:])+uint32(i)<<(32-zoneBits))
		blocks = append(blocks, netip.PrefixFrom(netip.AddrFrom4(start), mask).String())
	}
	return blocks, nil
}
