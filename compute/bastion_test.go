package compute

import (
	"net/netip"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
)

func bastionArgs() *BastionArgs {
	return &BastionArgs{
		VPCID:        pulumi.String("vpc-1"),
		SubnetID:     pulumi.String("subnet-1"),
		ImageID:      pulumi.String("ami-1"),
		InstanceType: "t3.micro",
		From:         []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24"), netip.MustParsePrefix("2001:db8::/48")},
		Tags:         map[string]string{"Service": "swiftcode"},
	}
}

// bastion registers a bastion and a caller who waits for it.
func bastion(t *testing.T, args *BastionArgs) (*graphtest.Graph, error) {
	return graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		made, err := NewBastion(ctx, "swiftcode", args)
		if err != nil {
			return err
		}
		return ctx.RegisterComponentResource("elastic-service:test:Caller", "caller", &pulumi.ResourceState{},
			pulumi.DependsOn(made.Ready))
	})
}

func TestABadBastionRegistersNothing(t *testing.T) {
	from := func(texts ...string) func(*BastionArgs) {
		return func(a *BastionArgs) {
			a.From = nil
			for _, text := range texts {
				a.From = append(a.From, netip.MustParsePrefix(text))
			}
		}
	}
	graphtest.Refuses(t, bastionArgs, bastion, []graphtest.Refusal[BastionArgs]{
		{Name: "no VPC", Change: func(a *BastionArgs) { a.VPCID = nil }, Want: "vpcId: a value is needed"},
		{Name: "no subnet", Change: func(a *BastionArgs) { a.SubnetID = nil }, Want: "subnetId: a value is needed"},
		{Name: "no image", Change: func(a *BastionArgs) { a.ImageID = nil }, Want: "imageId: a value is needed"},
		{Name: "no type", Change: func(a *BastionArgs) { a.InstanceType = "" }, Want: "instanceType: a value is needed"},
		{Name: "from nowhere", Change: from(), Want: "from: a bastion that nobody can reach is of no use: at least one range is needed"},
		{Name: "from everywhere", Change: from("203.0.113.0/24", "0.0.0.0/0"), Want: "from[1]: 0.0.0.0/0 is the whole internet"},
		{Name: "from all of IPv6", Change: from("::/0"), Want: "from[0]: ::/0 is the whole internet"},
		{
			Name:   "from what is no range",
			Change: func(a *BastionArgs) { a.From[0] = netip.Prefix{} },
			Want:   "from[0]: invalid Prefix is not a range",
		},
		{Name: "from one range twice", Change: from("203.0.113.0/24", "203.0.113.0/24"), Want: "from[1]: 203.0.113.0/24 is listed twice"},
		{
			Name:   "from a range with bits",
			Change: from("203.0.113.7/24"),
			Want:   "from[0]: 203.0.113.7/24 has host bits set, it should be 203.0.113.0/24",
		},
	})
}

func TestABastionIsLaunchedSafely(t *testing.T) {
	g, err := bastion(t, bastionArgs())
	require.NoError(t, err)
	named := map[string]any{"Service": "swiftcode", "Name": "swiftcode-bastion"}
	assert.Equal(t, map[string]any{
		"ami": "ami-1", "instanceType": "t3.micro", "subnetId": "subnet-1", "associatePublicIpAddress": true,
		"vpcSecurityGroupIds": []any{g.Find("SecurityGroup", "swiftcode-bastion").Outputs["id"].StringValue()},
		"metadataOptions":     map[string]any{"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1.0},
		"rootBlockDevice":     map[string]any{"volumeType": "gp3", "encrypted": true, "deleteOnTermination": true, "tags": named},
		"tags":                named,
	}, g.Find("Instance", "swiftcode-bastion").Inputs.Mappable())
}

func TestABastionHasTheKeyThatIsNamed(t *testing.T) {
	a := bastionArgs()
	a.KeyName = "mine"
	g, err := bastion(t, a)
	require.NoError(t, err)
	assert.Equal(t, "mine", g.OfType("Instance")[0].Inputs["keyName"].StringValue())
}

func TestABastionIsReachedFromItsRangesAndReachesNothing(t *testing.T) {
	g, err := bastion(t, bastionArgs())
	require.NoError(t, err)
	group := g.Find("SecurityGroup", "swiftcode-bastion")
	assert.NotContains(t, group.Inputs, resource.PropertyKey("ingress"))
	assert.NotContains(t, group.Inputs, resource.PropertyKey("egress"))
	assert.Empty(t, g.OfType("SecurityGroupEgressRule"))
	rules := g.OfType("SecurityGroupIngressRule")
	require.Len(t, rules, 2)
	assert.Equal(t, "2001:db8::/48", rules[0].Inputs["cidrIpv6"].StringValue())
	assert.Equal(t, "203.0.113.0/24", rules[1].Inputs["cidrIpv4"].StringValue())
	for _, rule := range rules {
		assert.Equal(t, group.Outputs["id"], rule.Inputs["securityGroupId"])
		assert.InDelta(t, 22, rule.Inputs["fromPort"].NumberValue(), 0)
		assert.InDelta(t, 22, rule.Inputs["toPort"].NumberValue(), 0)
		assert.True(t, g.Reaches(g.Find("Caller", "caller"), rule))
	}
	assert.True(t, g.Reaches(g.Find("Caller", "caller"), g.OfType("Instance")[0]))
	top := g.Find("elastic-service:compute:Bastion", "swiftcode")
	for _, r := range g.Custom() {
		assert.Same(t, top, g.Parent(r))
	}
}

func TestABastionsAddressAndGroupAreItsOwn(t *testing.T) {
	var address, groupID string
	g, err := graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		b, err := NewBastion(ctx, "swiftcode", bastionArgs())
		if err == nil {
			b.PublicIP.ApplyT(func(v string) string { address = v; return v })
			b.SecurityGroupID.ApplyT(func(v string) string { groupID = v; return v })
		}
		return err
	})
	require.NoError(t, err)
	assert.Equal(t, g.OfType("Instance")[0].Outputs["publicIp"].StringValue(), address)
	assert.Equal(t, g.OfType("SecurityGroup")[0].Outputs["id"].StringValue(), groupID)
}
