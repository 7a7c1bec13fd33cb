package network

import (
	"net/netip"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
)

// packet is what an ACL sees: the far end, and the port that it is addressed to.
type packet struct {
	far  string
	port int
}

// passes reports whether TCP packets pass by an ACL's rules as they were registered.
func passes(t *testing.T, g *graphtest.Graph, tier, direction string, p packet) bool {
	t.Helper()
	acl := g.Find("NetworkAcl", "musicguru-"+tier)
	require.NotNil(t, acl, tier)
	for _, entry := range acl.Inputs[resource.PropertyKey(direction)].ArrayValue() {
		rule := entry.ObjectValue()
		require.Equal(t, "allow", rule["action"].StringValue())
		protocol := rule["protocol"].StringValue()
		inRange := float64(p.port) >= rule["fromPort"].NumberValue() && float64(p.port) <= rule["toPort"].NumberValue()
		if netip.MustParsePrefix(rule["cidrBlock"].StringValue()).Contains(netip.MustParseAddr(p.far)) &&
			(protocol == "-1" || protocol == "6" && inRange) {
			return true
		}
	}
	return false
}

// step is a packet that has to pass a subnet's border, or must not.
type step struct {
	tier, direction string
	packet          packet
	want            bool
}

const (
	client, mirror  = "198.51.100.7", "203.0.113.99"
	admin, stranger = "203.0.113.20", "198.51.100.99"
	inVPC           = "192.168.1.200"
	callersPort     = 40000
)

func TestWhatADeploymentNeedsPassesTheACLs(t *testing.T) {
	public := func(a *Args) {
		*a = *args()
		a.ACLs = &ACLs{Ports: []int{80}, Targets: []int{81, 8080}, SSHFrom: prefixes("203.0.113.0/24")}
	}
	for name, test := range map[string]struct {
		change func(*Args)
		steps  []step
	}{
		"clients and the balancer": {nil, []step{
			{"public", "ingress", packet{client, 443}, true},
			{"public", "egress", packet{client, callersPort}, true},
		}},
		"the balancer and private members, their health checks, SSH from the bastion, the database": {nil, []step{
			{"public", "egress", packet{inVPC, 80}, true},
			{"private", "ingress", packet{inVPC, 80}, true},
			{"private", "egress", packet{inVPC, callersPort}, true},
			{"public", "ingress", packet{inVPC, callersPort}, true},
			{"private", "egress", packet{inVPC, 5432}, true},
			{"isolated", "ingress", packet{inVPC, 5432}, true},
			{"isolated", "egress", packet{inVPC, callersPort}, true},
		}},
		"private instances and mirrors, through a NAT gateway": {nil, []step{
			{"private", "egress", packet{mirror, 443}, true},
			{"public", "ingress", packet{inVPC, 443}, true}, // the gateway's subnet
			{"public", "egress", packet{mirror, 443}, true},
			{"public", "ingress", packet{mirror, callersPort}, true},
			{"public", "egress", packet{inVPC, callersPort}, true},
			{"private", "ingress", packet{mirror, callersPort}, true},
			{"private", "egress", packet{mirror, 80}, true},
		}},
		"administrators and the bastion": {nil, []step{
			{"public", "ingress", packet{admin, 22}, true},
			{"public", "egress", packet{admin, callersPort}, true},
			{"public", "ingress", packet{stranger, 22}, false},
		}},
		"clients of a network balancer, whose addresses its private members see": {
			func(a *Args) { a.ACLs.Targets = []int{80} },
			[]step{
				{"private", "ingress", packet{client, 80}, true},
				{"private", "ingress", packet{client, 5000}, true},
				{"private", "egress", packet{client, callersPort}, true},
				{"public", "ingress", packet{client, 80}, false},
			},
		},
		"clients of a network balancer, whose addresses its public members see": {public, []step{
			{"public", "ingress", packet{client, 80}, true},
			{"public", "ingress", packet{client, 81}, true},
			{"public", "ingress", packet{client, 8080}, true},
			{"public", "ingress", packet{admin, 22}, true},
			{"public", "ingress", packet{client, 22}, false},
		}},
		"nothing else comes in from the internet": {nil, []step{
			{"public", "ingress", packet{stranger, 80}, false},
			{"private", "ingress", packet{stranger, 443}, false},
			{"private", "ingress", packet{admin, 22}, false},
			{"isolated", "ingress", packet{stranger, callersPort}, false},
		}},
		"nothing else goes out": {nil, []step{
			{"public", "egress", packet{stranger, 25}, false},
			{"private", "egress", packet{stranger, 25}, false},
			{"isolated", "egress", packet{mirror, 443}, false},
			{"isolated", "egress", packet{mirror, callersPort}, false},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			a := private()
			if test.change != nil {
				test.change(a)
			}
			g := mustDeploy(t, a)
			for _, s := range test.steps {
				assert.Equal(t, s.want, passes(t, g, s.tier, s.direction, s.packet), "%s %s %v", s.tier, s.direction, s.packet)
			}
		})
	}
}

func TestRoutersMaySayThatAPacketIsTooLarge(t *testing.T) {
	g := mustDeploy(t, private())
	want := map[string]any{
		"action": "allow", "protocol": "1", "cidrBlock": "0.0.0.0/0", "fromPort": 0.0, "toPort": 0.0, "icmpType": 3.0, "icmpCode": 4.0,
	}
	for _, tier := range []string{"public", "private"} {
		var found []any
		for _, entry := range g.Find("NetworkAcl", "musicguru-"+tier).Inputs["ingress"].ArrayValue() {
			rule := entry.ObjectValue().Copy()
			delete(rule, "ruleNo")
			found = append(found, rule.Mappable())
		}
		assert.Contains(t, found, want, tier)
	}
}

func TestEachTierHasItsACL(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Args)
		want   map[string]string
	}{
		"three tiers": {func(*Args) {}, map[string]string{
			"musicguru-public": "publicSubnetIds", "musicguru-private": "privateSubnetIds", "musicguru-isolated": "isolatedSubnetIds",
		}},
		"no database": {func(a *Args) { a.Isolated = false }, map[string]string{
			"musicguru-public": "publicSubnetIds", "musicguru-private": "privateSubnetIds",
		}},
		"public alone": {
			func(a *Args) { *a = *args(); a.ACLs = &ACLs{Ports: []int{80}} }, map[string]string{"musicguru-public": "publicSubnetIds"},
		},
		"none": {func(a *Args) { a.ACLs = nil }, map[string]string{}},
	} {
		t.Run(name, func(t *testing.T) {
			a := private()
			test.change(a)
			g := mustDeploy(t, a)
			vpc := g.Find("Vpc", "musicguru-vpc")
			got := map[string]string{}
			for _, acl := range g.OfType("NetworkAcl") {
				assert.Equal(t, vpc.Outputs["vpcId"], acl.Inputs["vpcId"])
				assert.Equal(t, acl.Name, acl.Inputs["tags"].ObjectValue()["Name"].StringValue())
				for of, ids := range vpc.Outputs {
					if ids.IsArray() && len(ids.ArrayValue()) > 0 && ids.DeepEquals(acl.Inputs["subnetIds"]) {
						got[acl.Name] = string(of)
					}
				}
			}
			assert.Equal(t, test.want, got)
		})
	}
}

func TestRulesAreNumberedOnce(t *testing.T) {
	g := mustDeploy(t, private())
	for _, acl := range g.OfType("NetworkAcl") {
		for _, direction := range []resource.PropertyKey{"ingress", "egress"} {
			for i, entry := range acl.Inputs[direction].ArrayValue() {
				assert.InDelta(t, 100+10*i, entry.ObjectValue()["ruleNo"].NumberValue(), 0)
			}
		}
	}
}

func TestAsManyRulesAsAWSTakesAreAccepted(t *testing.T) {
	a := private()
	for port := range 15 { // beside 443: the VPC, SSH, replies, ICMP
		a.ACLs.Ports = append(a.ACLs.Ports, 1000+port)
	}
	require.NoError(t, a.Validate())
	a.ACLs.Ports = append(a.ACLs.Ports, 2000)
	require.EqualError(t, a.Validate(), "acls: 21 rules for what comes into the public subnets are more than AWS takes (20)")
}
