package network

import (
	"net/netip"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
)

func TestSubnetsAreTheLargestEqualParts(t *testing.T) {
	for _, test := range []struct {
		name, cidr string
		zones      int
		want       []string
	}{
		{name: "two zones halve the range", cidr: "192.168.0.0/23", zones: 2, want: []string{"192.168.0.0/24", "192.168.1.0/24"}},
		{name: "one zone has all of it", cidr: "10.0.0.0/16", zones: 1, want: []string{"10.0.0.0/16"}},
		{
			name:  "three zones leave a quarter free",
			cidr:  "192.168.0.0/23",
			zones: 3,
			want:  []string{"192.168.0.0/25", "192.168.0.128/25", "192.168.1.0/25"},
		},
		{
			name:  "four zones quarter it",
			cidr:  "10.0.0.0/22",
			zones: 4,
			want:  []string{"10.0.0.0/24", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24"},
		},
		{
			name:  "six zones take eighths",
			cidr:  "10.1.0.0/21",
			zones: 6,
			want:  []string{"10.1.0.0/24", "10.1.1.0/24", "10.1.2.0/24", "10.1.3.0/24", "10.1.4.0/24", "10.1.5.0/24"},
		},
		{name: "the smallest VPC that two zones share", cidr: "10.0.0.224/27", zones: 2, want: []string{"10.0.0.224/28", "10.0.0.240/28"}},
		{
			name:  "the last range of all",
			cidr:  "255.255.255.192/26",
			zones: 4,
			want:  []string{"255.255.255.192/28", "255.255.255.208/28", "255.255.255.224/28", "255.255.255.240/28"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := Subnets(netip.MustParsePrefix(test.cidr), test.zones)
			require.NoError(t, err)
			var texts []string
			for _, p := range got {
				texts = append(texts, p.String())
			}
			assert.Equal(t, test.want, texts)
		})
	}
}

func TestSubnetsRefuseWhatAWSHasNoRoomFor(t *testing.T) {
	for name, test := range map[string]struct {
		cidr  string
		zones int
		want  string
	}{
		"no zones":               {"10.0.0.0/16", 0, "cidr: 10.0.0.0/16 has no room for 0 subnets of at least /28"},
		"subnets below /28":      {"10.0.0.0/27", 3, "cidr: 10.0.0.0/27 has no room for 3 subnets of at least /28"},
		"a VPC above /16":        {"10.0.0.0/15", 2, "cidr: 10.0.0.0/15 is not between /16 and /28"},
		"host bits":              {"10.0.1.1/16", 2, "cidr: 10.0.1.1/16 has host bits set, it should be 10.0.0.0/16"},
		"IPv6":                   {"fd00::/56", 2, "cidr: fd00::/56 is not an IPv4 range"},
		"more zones than memory": {"10.0.0.0/16", 1 << 62, "cidr: 10.0.0.0/16 has no room for 4611686018427387904 subnets of at least /28"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Subnets(netip.MustParsePrefix(test.cidr), test.zones)
			assert.EqualError(t, err, test.want)
		})
	}
}

func FuzzSubnetsAreDisjointEqualAndInside(f *testing.F) {
	f.Add(uint32(0xc0a80000), 23, 2)
	f.Fuzz(func(t *testing.T, addr uint32, bits, zones int) {
		cidr, err := netip.AddrFrom4([4]byte{byte(addr >> 24), byte(addr >> 16), byte(addr >> 8), byte(addr)}).Prefix(bits)
		if err != nil {
			return
		}
		subnets, err := Subnets(cidr, zones)
		if err != nil {
			return
		}
		require.Len(t, subnets, zones)
		for i, s := range subnets {
			require.True(t, contains(cidr, s), "%s in %s", s, cidr)
			require.Equal(t, subnets[0].Bits(), s.Bits())
			require.LessOrEqual(t, s.Bits(), smallest)
			require.Equal(t, s, s.Masked())
			if i > 0 {
				require.False(t, s.Overlaps(subnets[i-1]))
			}
		}
		require.Greater(t, zones<<1, 1<<(subnets[0].Bits()-cidr.Bits()), "larger parts would fit")
	})
}

func args() *Args {
	return &Args{
		CIDR:  netip.MustParsePrefix("192.168.0.0/23"),
		Zones: []string{"us-east-1a", "us-east-1b"},
		Tags:  map[string]string{"Service": "musicguru"},
	}
}

func deploy(t *testing.T, args *Args) (*graphtest.Graph, error) {
	return graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		_, err := New(ctx, "musicguru", args)
		return err
	})
}

func TestBadArgumentsRegisterNothing(t *testing.T) {
	graphtest.Refuses(t, args, deploy, []graphtest.Refusal[Args]{
		{Name: "no zones", Change: func(a *Args) { a.Zones = nil }, Want: "zones: at least one availability zone is needed"},
		{Name: "no range", Change: func(a *Args) { a.CIDR = netip.Prefix{} }, Want: "cidr: invalid Prefix is not an IPv4 range"},
		{
			Name:   "too few subnets",
			Change: func(a *Args) { a.Subnets = prefixes("192.168.0.0/24") },
			Want:   "subnets: 1 ranges cannot serve 2 zones",
		},
		{
			Name:   "a subnet outside",
			Change: func(a *Args) { a.Subnets = prefixes("192.168.0.0/24", "192.168.2.0/24") },
			Want:   "subnets[1]: 192.168.2.0/24 is not inside cidr (192.168.0.0/23)",
		},
		{
			Name:   "a subnet too large",
			Change: func(a *Args) { a.Subnets = prefixes("192.168.0.0/22", "192.168.1.0/24") },
			Want: "subnets[0]: 192.168.0.0/22 is not inside cidr (192.168.0.0/23)\n" +
				"subnets[1]: 192.168.1.0/24 overlaps subnets[0] (192.168.0.0/22)",
		},
		{
			Name:   "overlapping subnets",
			Change: func(a *Args) { a.Subnets = prefixes("192.168.0.0/24", "192.168.0.128/25") },
			Want:   "subnets[1]: 192.168.0.128/25 overlaps subnets[0] (192.168.0.0/24)",
		},
		{
			Name:   "host bits in a subnet",
			Change: func(a *Args) { a.Subnets = prefixes("192.168.0.0/24", "192.168.1.1/24") },
			Want:   "subnets[1]: 192.168.1.1/24 has host bits set, it should be 192.168.1.0/24",
		},
	})
}

func prefixes(texts ...string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

func TestStrategiesAreAlwaysGiven(t *testing.T) {
	g, err := deploy(t, args())
	require.NoError(t, err)
	vpc := g.Find("Vpc", "musicguru-vpc")
	require.NotNil(t, vpc)
	assert.Equal(t, map[string]any{
		"cidrBlock":             "192.168.0.0/23",
		"availabilityZoneNames": []any{"us-east-1a", "us-east-1b"},
		"enableDnsHostnames":    true,
		"enableDnsSupport":      true,
		"natGateways":           map[string]any{"strategy": "None"},
		"subnetStrategy":        "Auto",
		"subnetSpecs":           []any{map[string]any{"type": "Public", "cidrMask": 24.0}},
		"tags":                  map[string]any{"Service": "musicguru"},
	}, vpc.Inputs.Mappable())
	assert.Same(t, g.Find("elastic-service:network:Network", "musicguru"), g.Parent(vpc))
}

func TestTheMaskGivesTheRangesThatSubnetsCarves(t *testing.T) {
	for zones := 1; zones <= 6; zones++ {
		a := args()
		a.Zones = make([]string, zones)
		want, err := Subnets(a.CIDR, zones)
		require.NoError(t, err)
		assert.Equal(t, want[0].Bits(), *publicSpec(a).CidrMask)
	}
}

func TestChosenSubnetsAreTakenAsTheyAre(t *testing.T) {
	a := args()
	a.Subnets = prefixes("192.168.0.0/25", "192.168.1.64/26")
	g, err := deploy(t, a)
	require.NoError(t, err)
	spec := g.OfType("Vpc")[0].Inputs["subnetSpecs"].ArrayValue()[0].ObjectValue()
	assert.Equal(t, map[string]any{
		"type": "Public", "cidrBlocks": []any{"192.168.0.0/25", "192.168.1.64/26"},
	}, spec.Mappable())
}

func TestAllowOpensOnePortBetweenTwoGroupsInBothPlaces(t *testing.T) {
	var rules []pulumi.Resource
	g, err := graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) (err error) {
		rules, err = Allow(ctx, "musicguru-health", &AllowArgs{
			From: pulumi.String("sg-from"), To: pulumi.String("sg-to"), Port: 5001, Description: "Health checks",
			Tags: map[string]string{"Service": "musicguru"},
		})
		return err
	})
	require.NoError(t, err)
	require.Len(t, rules, 2)
	rule := func(of, other string) map[string]any {
		return map[string]any{
			"securityGroupId": of, "referencedSecurityGroupId": other, "ipProtocol": "tcp", "fromPort": 5001.0, "toPort": 5001.0,
			"description": "Health checks", "tags": map[string]any{"Service": "musicguru"},
		}
	}
	require.Len(t, g.Resources, 2)
	assert.Equal(t, rule("sg-from", "sg-to"), g.Find("SecurityGroupEgressRule", "musicguru-health-out").Inputs.Mappable())
	assert.Equal(t, rule("sg-to", "sg-from"), g.Find("SecurityGroupIngressRule", "musicguru-health-in").Inputs.Mappable())
}

func TestAllowRefusesBadArgumentsAndRegistersNothing(t *testing.T) {
	g, err := graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		_, err := Allow(ctx, "x", &AllowArgs{Port: 65536})
		return err
	})
	for _, want := range []string{
		"from: a security group is needed", "to: a security group is needed",
		"port: 65536 is not between 1 and 65535", "description: a rule needs one",
	} {
		require.ErrorContains(t, err, want)
	}
	assert.Empty(t, g.Resources)
}
