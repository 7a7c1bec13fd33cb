package provider

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// children records what a component registers: "type name" with the parent and where routes lead.
type children struct {
	mu     sync.Mutex
	parent map[string]string
	inputs map[string]resource.PropertyMap
}

func (r *children) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	kind := args.TypeToken[strings.LastIndex(args.TypeToken, ":")+1:]
	key := kind + " " + args.Name
	parent := args.RegisterRPC.GetParent()
	r.parent[key] = parent[strings.LastIndex(parent, "::")+2:]
	r.inputs[key] = args.Inputs.Copy()
	outputs := args.Inputs.Copy()
	if kind == "Eip" {
		outputs["allocationId"] = resource.NewStringProperty("eipalloc-" + args.Name)
	}
	return strings.ToLower(kind) + "-" + args.Name, outputs, nil
}

func (*children) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return nil, fmt.Errorf("unexpected call of %s", args.Token)
}

func constructed(t *testing.T, args *vpcArgs) (*children, error) {
	t.Helper()
	recorded := &children{parent: map[string]string{}, inputs: map[string]resource.PropertyMap{}}
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		if err := args.check(); err != nil {
			return err
		}
		_, err := newVPC(ctx, "n", args, pulumi.Composite())
		return err
	}, pulumi.WithMocks("elastic-service", "dev", recorded))
	return recorded, err
}

func tiersArgs(strategy string) *vpcArgs {
	auto := "Auto"
	return &vpcArgs{
		CidrBlock: "192.168.0.0/23", AvailabilityZoneNames: []string{"us-east-1a", "us-east-1b"},
		NatGateways: &natGateways{Strategy: strategy}, SubnetStrategy: &auto,
		SubnetSpecs: []subnetSpec{
			{Type: "Private", CidrBlocks: []string{"192.168.0.0/25", "192.168.1.0/25"}},
			{Type: "Public", CidrBlocks: []string{"192.168.0.128/26", "192.168.1.128/26"}},
			{Type: "Isolated", CidrBlocks: []string{"192.168.0.192/26", "192.168.1.192/26"}},
		},
	}
}

func (r *children) of(kind string) []string {
	var names []string
	for key := range r.parent {
		if name, ok := strings.CutPrefix(key, kind+" "); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (r *children) text(key, property string) string {
	value := r.inputs[key][resource.PropertyKey(property)]
	if !value.IsString() {
		return ""
	}
	return value.StringValue()
}

func TestThreeTiersAreMadeAsAwsxDoes(t *testing.T) {
	made, err := constructed(t, tiersArgs("OnePerAz"))
	require.NoError(t, err)
	all := []string{"n-isolated-1", "n-isolated-2", "n-private-1", "n-private-2", "n-public-1", "n-public-2"}
	for _, kind := range []string{"Subnet", "RouteTable", "RouteTableAssociation"} {
		assert.Equal(t, all, made.of(kind), kind)
	}
	assert.Equal(t, all[2:], made.of("Route"), "isolated subnets have none")
	assert.Equal(t, []string{"n-1", "n-2"}, made.of("Eip"))
	assert.Equal(t, []string{"n-1", "n-2"}, made.of("NatGateway"))

	assert.Equal(t, "192.168.1.0/25", made.text("Subnet n-private-2", "cidrBlock"))
	assert.Equal(t, "us-east-1b", made.text("Subnet n-private-2", "availabilityZone"))
	assert.False(t, made.inputs["Subnet n-private-2"]["mapPublicIpOnLaunch"].BoolValue())
	assert.True(t, made.inputs["Subnet n-public-1"]["mapPublicIpOnLaunch"].BoolValue())
	for key, parent := range map[string]string{
		"Vpc n": "n", "InternetGateway n": "n", "Subnet n-private-1": "n", "RouteTable n-private-1": "n-private-1",
		"RouteTableAssociation n-private-1": "n-private-1", "Route n-private-1": "n-private-1", "Eip n-2": "n-public-2",
		"NatGateway n-2": "n-public-2",
	} {
		assert.Equal(t, parent, made.parent[key], key)
	}
	assert.Equal(t, "subnet-n-public-2", made.text("NatGateway n-2", "subnetId"))
	assert.Equal(t, "eipalloc-n-2", made.text("NatGateway n-2", "allocationId"))
	assert.Equal(t, "natgateway-n-2", made.text("Route n-private-2", "natGatewayId"))
	assert.Empty(t, made.text("Route n-private-2", "gatewayId"))
	assert.Equal(t, "internetgateway-n", made.text("Route n-public-2", "gatewayId"))
}

func TestNATGatewaysFollowTheStrategy(t *testing.T) {
	single, err := constructed(t, tiersArgs("Single"))
	require.NoError(t, err)
	assert.Equal(t, []string{"n-1"}, single.of("NatGateway"))
	assert.Equal(t, "natgateway-n-1", single.text("Route n-private-2", "natGatewayId"))

	none, err := constructed(t, tiersArgs("None"))
	require.NoError(t, err)
	assert.Empty(t, none.of("NatGateway"))
	assert.Empty(t, none.of("Eip"))
	assert.Equal(t, []string{"n-public-1", "n-public-2"}, none.of("Route"))
}

func TestWhatAwsxRefusesRegistersNothing(t *testing.T) {
	for _, c := range []struct {
		name    string
		change  func(*vpcArgs)
		message string
	}{
		{
			name: "no strategy for NAT gateways", change: func(a *vpcArgs) { a.NatGateways = nil },
			message: "natGateways.strategy",
		},
		{name: "no strategy for subnets", change: func(a *vpcArgs) { a.SubnetStrategy = nil }, message: "subnetStrategy"},
		{
			name: "NAT gateways without private subnets", change: func(a *vpcArgs) { a.SubnetSpecs = a.SubnetSpecs[1:] },
			message: "both private and public subnets must be declared",
		},
		{name: "an unknown type", change: func(a *vpcArgs) { a.SubnetSpecs[0].Type = "Secret" }, message: "subnetSpecs[0].type"},
		{name: "no subnets", change: func(a *vpcArgs) { a.SubnetSpecs = nil }, message: "subnetSpecs"},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := tiersArgs("Single")
			c.change(args)
			made, err := constructed(t, args)
			require.ErrorContains(t, err, c.message)
			assert.Empty(t, made.parent)
		})
	}
}

func TestSubnetsAreCarvedAsAwsxDoes(t *testing.T) {
	mask := func(n int) *int { return &n }
	masked := func(bits ...int) []subnetSpec {
		var specs []subnetSpec
		for _, n := range bits {
			specs = append(specs, subnetSpec{Type: "Public", CidrMask: mask(n)})
		}
		return specs
	}
	for _, c := range []struct {
		name, cidr string
		zones      int
		specs      []subnetSpec
		want       string
	}{
		{
			name: "two zones of a /23", cidr: "192.168.0.0/23", zones: 2, specs: masked(24),
			want: "[[192.168.0.0/24] [192.168.1.0/24]]",
		},
		{
			name: "three zones of a /23", cidr: "192.168.0.0/23", zones: 3, specs: masked(25),
			want: "[[192.168.0.0/25] [192.168.0.128/25] [192.168.1.0/25]]",
		},
		{
			name: "without a mask", cidr: "10.0.0.0/16", zones: 2, specs: []subnetSpec{{}},
			want: "[[10.0.0.0/17] [10.0.128.0/17]]",
		},
		{
			name: "smaller than a share", cidr: "10.0.0.0/16", zones: 2, specs: masked(24),
			want: "[[10.0.0.0/24] [10.0.128.0/24]]",
		},
		{
			name: "tiers that follow each other", cidr: "10.0.0.0/16", zones: 2, specs: masked(18, 19),
			want: "[[10.0.0.0/18 10.0.64.0/19] [10.0.128.0/18 10.0.192.0/19]]",
		},
		{name: "a larger subnet that follows", cidr: "10.0.0.0/16", zones: 1, specs: masked(20, 18), want: "[[10.0.0.0/20 10.0.64.0/18]]"},
		{
			name: "equal shares", cidr: "10.0.0.0/16", zones: 2, specs: []subnetSpec{{}, {}, {}},
			want: "[[10.0.0.0/19 10.0.32.0/19 10.0.64.0/19] [10.0.128.0/19 10.0.160.0/19 10.0.192.0/19]]",
		},
		{
			name: "chosen ranges", cidr: "10.0.0.0/16", zones: 2,
			specs: []subnetSpec{{CidrBlocks: []string{"a", "b"}}, {CidrBlocks: []string{"c", "d"}}}, want: "[[a c] [b d]]",
		},
	} {
		got, err := subnetBlocks(&vpcArgs{CidrBlock: c.cidr, AvailabilityZoneNames: make([]string, c.zones), SubnetSpecs: c.specs})
		require.NoError(t, err, c.name)
		assert.Equal(t, c.want, fmt.Sprint(got), c.name)
	}
	for what, specs := range map[string][]subnetSpec{
		"a mask larger than a share": masked(16),
		"more than a share together": masked(17, 24),
		"blocks for another number":  {{CidrBlocks: []string{"a"}}},
		"blocks for some":            {{CidrBlocks: []string{"a", "b"}}, {}},
		"blocks of another size":     {{CidrBlocks: []string{"10.0.0.0/24", "10.0.1.0/24"}, CidrMask: mask(25)}},
	} {
		_, err := subnetBlocks(&vpcArgs{CidrBlock: "10.0.0.0/16", AvailabilityZoneNames: make([]string, 2), SubnetSpecs: specs})
		require.Error(t, err, what)
	}
}
