package stack

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/elastic-service/elastic-service/internal/graphtest"
)

// shared is a VPC of others with three tiers in two zones. Its private subnets lead to a NAT gateway.
func shared() *graphtest.VPC {
	tier := func(name string) map[string]string { return map[string]string{"Tier": name} }
	return &graphtest.VPC{
		ID: "vpc-0123456789abcdef0", CIDR: "10.1.0.0/16", Tags: map[string]string{"Name": "shared"},
		Subnets: []graphtest.Subnet{
			{ID: "subnet-0000000b", Zone: "us-east-1b", Tags: tier("public"), Gateway: "igw-1", Free: 100},
			{ID: "subnet-0000000a", Zone: "us-east-1a", Tags: tier("public"), Gateway: "igw-1", Free: 100},
			{ID: "subnet-0000001a", Zone: "us-east-1a", Tags: tier("private"), Gateway: "nat-1", Free: 100},
			{ID: "subnet-0000001b", Zone: "us-east-1b", Tags: tier("private"), Gateway: "nat-2", Free: 100},
			{ID: "subnet-0000002a", Zone: "us-east-1a", Tags: tier("isolated"), Free: 100},
			{ID: "subnet-0000002b", Zone: "us-east-1b", Tags: tier("isolated"), Free: 100},
			{ID: "subnet-0000000c", Zone: "us-east-1c", Tags: tier("lonely"), Gateway: "igw-1", Free: 100},
			{ID: "subnet-0000009a", Zone: "us-east-1a", VPC: "vpc-0fedcba9876543210"},
		},
	}
}

const publicByTag = `{"existing": {"vpc": "vpc-0123456789abcdef0", "public": {"tags": {"Tier": "public"}}}}`

func TestAnExistingNetworkIsUsedAndNothingOfItIsCreated(t *testing.T) {
	w := world(t, "dev", map[string]any{"network": publicByTag, "compute.securityGroups": []any{"sg-0a1b2c3d"}})
	w.VPC = shared()
	w.VPC.Clients = map[string]string{"sg-0a1b2c3d": w.VPC.ID}
	g := deploy(t, w)
	interfaces := at(g.OfType("LaunchTemplate")[0], "networkInterfaces").([]any)
	assert.Contains(t, interfaces[0].(map[string]any)["securityGroups"], "sg-0a1b2c3d")
	assert.Len(t, interfaces[0].(map[string]any)["securityGroups"], 2)
	for _, created := range []string{"Vpc", "Subnet", "InternetGateway", "DefaultSecurityGroup", "RouteTable", "VpcEndpoint"} {
		assert.Empty(t, g.OfType(created), created)
	}
	public := []any{"subnet-0000000a", "subnet-0000000b"}
	assert.Equal(t, public, at(g.OfType("LoadBalancer")[0], "subnets"))
	assert.Equal(t, public, at(g.OfType("Group")[0], "vpcZoneIdentifiers"))
	for _, group := range g.OfType("SecurityGroup") {
		assert.Equal(t, "vpc-0123456789abcdef0", at(group, "vpcId"), group.Name)
	}
}

func TestTiersOfAnExistingNetworkHaveWhatBelongsThere(t *testing.T) {
	w := world(t, "lamp", map[string]any{
		"network": `{"existing": {"tags": {"Name": "shared"}, "public": {"tags": {"Tier": "public"}}, "private": {"subnets":
			["subnet-0000001b", "subnet-0000001a"]}, "isolated": {"tags": {"Tier": "isolated"}}}}`,
	})
	w.VPC = shared()
	g := deploy(t, w)
	assert.Equal(t, []any{"subnet-0000000a", "subnet-0000000b"}, at(g.OfType("LoadBalancer")[0], "subnets"))
	assert.Equal(t, []any{"subnet-0000001a", "subnet-0000001b"}, at(g.OfType("Group")[0], "vpcZoneIdentifiers"))
	assert.Equal(t, []any{"subnet-0000002a", "subnet-0000002b"}, at(g.OfType("SubnetGroup")[0], "subnetIds"))
}

func TestTheDatabaseIsInThePrivateSubnetsWithoutIsolatedOnes(t *testing.T) {
	w := world(t, "lamp", map[string]any{
		"network": `{"existing": {"tags": {"Name": "shared"}, "public": {"tags": {"Tier": "public"}}, "private": {"tags": {"Tier": "private"}}}}`,
	})
	w.VPC = shared()
	assert.Equal(t, []any{"subnet-0000001a", "subnet-0000001b"}, at(deploy(t, w).OfType("SubnetGroup")[0], "subnetIds"))
}

func TestAnInternalBalancersClientsAreAllRangesOfTheVPC(t *testing.T) {
	w := world(t, "dev", map[string]any{"network": publicByTag, "balancer.internal": true})
	w.VPC = shared()
	assert.NotNil(t, deploy(t, w).Find("SecurityGroupIngressRule", "musicguru-5000-from-10.1.0.0/16"))
}

func TestSubnetsStayAsTheyWereFoundFirst(t *testing.T) {
	w := world(t, "dev", map[string]any{"network": publicByTag})
	w.VPC = shared()
	w.VPC.Subnets[6].Tags = w.VPC.Subnets[0].Tags
	w.Kept = map[string]any{"musicguru-subnets-kept": map[string]any{
		"public": []any{"subnet-0000000a", "subnet-0000000b"}, "private": []any{}, "isolated": []any{},
	}}
	assert.Equal(t, []any{"subnet-0000000a", "subnet-0000000b"}, at(deploy(t, w).OfType("LoadBalancer")[0], "subnets"))
}

func TestWhatDoesNotFitInAnExistingNetworkIsRefused(t *testing.T) {
	private := func(selected string) string {
		return `{"existing": {"vpc": "vpc-0123456789abcdef0", "public": {"tags": {"Tier": "public"}}, "private": ` + selected + `}}`
	}
	byTag := private(`{"tags": {"Tier": "private"}}`)
	for name, c := range map[string]struct {
		network string
		more    map[string]any
		vpc     func(*graphtest.VPC)
		want    []string
	}{
		"a VPC that is not there": {
			network: `{"existing": {"vpc": "vpc-01234567", "public": {"tags": {"Tier": "public"}}}}`,
			want:    []string{`network.existing.vpc: "vpc-01234567" is not found as a VPC of the region: `},
		},
		"a VPC without names": {
			network: publicByTag, vpc: func(v *graphtest.VPC) { v.NoDNS = true },
			want: []string{"network.existing.vpc: \"vpc-0123456789abcdef0\" has enableDnsSupport off: no instance could resolve a name"},
		},
		"tags of no subnet": {
			network: private(`{"tags": {"Tier": "secret"}}`),
			want:    []string{"network.existing.private.tags: \"{Tier:secret}\" are those of no subnet of vpc-0123456789abcdef0"},
		},
		"a subnet that is not there": {
			network: private(`{"subnets": ["subnet-0000001a", "subnet-0000001f"]}`),
			want:    []string{`network.existing.private.subnets[1]: "subnet-0000001f" is not found as a subnet of the region: `},
		},
		"a subnet of another VPC": {
			network: private(`{"subnets": ["subnet-0000009a", "subnet-0000001b"]}`),
			want:    []string{`network.existing.private.subnets[0]: "subnet-0000009a" is in vpc-0fedcba9876543210, not in vpc-0123456789abcdef0`},
		},
		"a single subnet": {
			network: private(`{"tags": {"Tier": "lonely"}}`),
			want:    []string{`network.existing.private: "subnet-0000000c" is the only subnet found: two zones are needed at least`},
		},
		"two subnets of a zone": {
			network: byTag, vpc: func(v *graphtest.VPC) { v.Subnets[3].Zone = "us-east-1a" },
			want: []string{`network.existing.private: "subnet-0000001b" is in us-east-1a, as subnet-0000001a is: there may be one subnet a zone`},
		},
		"a public subnet that leads nowhere": {
			network: publicByTag, vpc: func(v *graphtest.VPC) { v.Subnets[0].Gateway = "nat-1" },
			want: []string{`network.existing.public: "subnet-0000000b" has no route to an internet gateway in rtb-0000000b: `},
		},
		"a private subnet that is public": {
			network: byTag, vpc: func(v *graphtest.VPC) { v.Subnets[2].Gateway = "igw-1" },
			want: []string{`network.existing.private: "subnet-0000001a" leads to the internet by igw-1, which an instance without a public address`},
		},
		"private subnets without a way to AWS": {
			network: byTag, more: map[string]any{"compute.sessionManager": true}, vpc: func(v *graphtest.VPC) {
				v.Subnets[2].Gateway, v.Subnets[3].Gateway, v.Endpoints = "", "", []string{"ssm"}
			},
			want: []string{
				`network.existing.private: "subnet-0000001a" has no route to the internet, and none to S3 by a gateway endpoint in rtb-0000001a`,
				`network.existing.private: "subnet-0000001b" has no route to the internet, and none to S3 by a gateway endpoint in rtb-0000001b`,
				`network.existing.private: "subnet-0000001a" has no route to the internet, and vpc-0123456789abcdef0 no endpoint of ` +
					`com.amazonaws.us-east-1.ssmmessages with private DNS, which the settings need`,
			},
		},
		"a zone that does not offer the type": {
			network: `{"existing": {"vpc": "vpc-0123456789abcdef0", "public": {"subnets": ["subnet-0000000a", "subnet-0000000c"]}}}`,
			want:    []string{`network.existing.public: "subnet-0000000c" is in us-east-1c, which does not offer t2.micro`},
		},
		"instances where the balancer is not": {
			network: byTag, vpc: func(v *graphtest.VPC) { v.Subnets[0].Zone = "us-east-1d" },
			want: []string{
				`network.existing.private: "subnet-0000001b" is in us-east-1b, where the balancer has no public subnet: ` +
					`it would send no connection there`,
			},
		},
		"no room for the balancer": {
			network: publicByTag, vpc: func(v *graphtest.VPC) { v.Subnets[0].Free = 0 },
			want: []string{`network.existing.public: "subnet-0000000b" has 0 free addresses: the balancer needs 1`},
		},
		"no room for the instances": {
			network: publicByTag, vpc: func(v *graphtest.VPC) { v.Subnets[0].Free, v.Subnets[1].Free = 1, 2 },
			want: []string{`network.existing.public: has 1 free addresses, and scaling.min wants 2 instances`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			changes := map[string]any{"network": c.network}
			maps.Copy(changes, c.more)
			text := problems(t, changes, func(w *graphtest.World) {
				w.VPC, w.Lacks = shared(), []string{"us-east-1c"}
				if c.vpc != nil {
					c.vpc(w.VPC)
				}
			})
			for _, want := range c.want {
				assert.Contains(t, text, want)
			}
		})
	}
}

func TestARunningStackIsNotAskedForFreeAddresses(t *testing.T) {
	w := world(t, "dev", map[string]any{"network": publicByTag})
	w.VPC = shared()
	w.VPC.Subnets[0].Free, w.VPC.Groups = 0, []string{"sg-0123"}
	deploy(t, w)
}

func TestNobodyElseReachesTheBalancer(t *testing.T) {
	w := world(t, "dev", map[string]any{
		"network": publicByTag, "balancer.from": []any{"203.0.113.0/24", "pl-01234567", "sg-0123456789abcdef0"},
	})
	w.VPC, w.PrefixLists = shared(), map[string]int{"pl-01234567": 55}
	w.VPC.Clients = map[string]string{"sg-0123456789abcdef0": w.VPC.ID}
	g := deploy(t, w)
	let := map[string]any{}
	for _, rule := range g.OfType("SecurityGroupIngressRule") {
		for _, by := range []string{"cidrIpv4", "prefixListId", "referencedSecurityGroupId"} {
			if value := at(rule, by); value != nil && len(g.InputFrom(rule, by)) == 0 {
				let[value.(string)] = at(rule, "fromPort")
			}
		}
	}
	assert.Equal(t, map[string]any{"203.0.113.0/24": 5000.0, "pl-01234567": 5000.0, "sg-0123456789abcdef0": 5000.0}, let)
}

func TestACLsLetInTheClientsAlone(t *testing.T) {
	acl := func(changes map[string]any) (ports []any) {
		for _, rule := range at(deploy(t, world(t, "swiftcode", changes)).Find("NetworkAcl", "swiftcode-public"), "ingress").([]any) {
			if in := rule.(map[string]any); in["fromPort"] == in["toPort"] && in["protocol"] == "6" {
				ports = append(ports, in["cidrBlock"], in["fromPort"])
			}
		}
		return ports
	}
	assert.Contains(t, acl(nil), "0.0.0.0/0")
	ports := acl(map[string]any{"balancer.from": []any{"203.0.113.0/24", "198.51.100.0/24"}})
	assert.NotContains(t, ports, "0.0.0.0/0")
	assert.Contains(t, ports, "203.0.113.0/24")
	assert.Contains(t, ports, "198.51.100.0/24")
}

func TestClientsThatAreNotThereAreRefused(t *testing.T) {
	text := problems(t, map[string]any{
		"network": publicByTag, "compute.securityGroups": []any{"sg-0abcdef1", "sg-0abcdef2"},
		"balancer.from": []any{"pl-0abcdef1", "sg-0abcdef1", "sg-0abcdef2", "pl-01234567"},
	}, func(w *graphtest.World) {
		w.VPC, w.PrefixLists = shared(), map[string]int{"pl-01234567": 59}
		w.VPC.Clients = map[string]string{"sg-0abcdef2": "vpc-0fedcba9876543210"}
	})
	assert.Contains(t, text, `balancer.from[0]: "pl-0abcdef1" is not found as a prefix list of us-east-1: `)
	assert.Contains(t, text, `compute.securityGroups[0]: "sg-0abcdef1" is not found as a security group of us-east-1: `)
	assert.Contains(t, text, `compute.securityGroups[1]: "sg-0abcdef2" is a group of vpc-0fedcba9876543210, not of vpc-0123456789abcdef0`)
	assert.Contains(t, text, `balancer.from[1]: "sg-0abcdef1" is not found as a security group of us-east-1: `)
	assert.Contains(t, text, `balancer.from[2]: "sg-0abcdef2" is a group of vpc-0fedcba9876543210, not of vpc-0123456789abcdef0`)
	assert.Contains(t, text, "balancer.from: 4 with 1 listeners and the entries of prefix lists are 61 rules: a security group takes 60")
}
