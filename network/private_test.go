package network

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
)

// private has every part that a network can have.
func private() *Args {
	a := args()
	a.Private, a.Isolated, a.NAT, a.Region = true, true, NATPerZone, "us-east-1"
	a.Endpoints = []string{"ssm", "ecr.api"}
	a.FlowLogs = true
	a.ACLs = &ACLs{Ports: []int{443}, SSHFrom: prefixes("203.0.113.0/24")}
	return a
}

func mustDeploy(t *testing.T, args *Args) *graphtest.Graph {
	g, err := deploy(t, args)
	require.NoError(t, err)
	return g
}

func TestPrivatePartsThatAreWrongRegisterNothing(t *testing.T) {
	graphtest.Refuses(t, private, deploy, []graphtest.Refusal[Args]{
		{
			Name:   "chosen subnets beside private ones",
			Change: func(a *Args) { a.Subnets = prefixes("192.168.0.0/24", "192.168.1.0/24") },
			Want:   "subnets: [192.168.0.0/24 192.168.1.0/24] cannot be chosen with private subnets: all are carved from cidr",
		},
		{
			Name:   "no room for the tiers",
			Change: func(a *Args) { a.CIDR = netip.MustParsePrefix("10.0.0.0/27") },
			Want:   "cidr: 10.0.0.0/27 has no room for public, private and isolated subnets of at least /28 in 2 zones",
		},
		{Name: "no region", Change: func(a *Args) { a.Region = "" }, Want: "region: private subnets need it, for the endpoint of S3"},
		{Name: "an unknown NAT", Change: func(a *Args) { a.NAT = "double" }, Want: `nat: "double" is not none, single or perZone`},
		{
			Name:   "isolated without private",
			Change: func(a *Args) { a.Private, a.NAT, a.Endpoints = false, "", nil },
			Want:   "isolated: true needs private subnets, where those are that use it",
		},
		{
			Name:   "NAT without private",
			Change: func(a *Args) { a.Private, a.Isolated, a.Endpoints = false, false, nil },
			Want:   `nat: "perZone" needs private subnets: public ones have their own way out`,
		},
		{
			Name:   "endpoints without private",
			Change: func(a *Args) { a.Private, a.Isolated, a.NAT = false, false, NoNAT },
			Want:   "endpoints: [ssm ecr.api] need private subnets: public ones have their own way out",
		},
		{
			Name:   "a whole name of an endpoint's service",
			Change: func(a *Args) { a.Endpoints[0] = "com.amazonaws.us-east-1.SSM" },
			Want:   `endpoints[0]: "com.amazonaws.us-east-1.SSM" is not the last part of the name of a service's endpoint`,
		},
		{Name: "an endpoint twice", Change: func(a *Args) { a.Endpoints[1] = "ssm" }, Want: `endpoints[1]: "ssm" is listed twice`},
		{Name: "an endpoint for S3", Change: func(a *Args) { a.Endpoints[0] = "s3" }, Want: `endpoints[0]: "s3" is reached without one`},
		{
			Name:   "a port of the ACLs that is none",
			Change: func(a *Args) { a.ACLs.Ports[0] = 0 },
			Want:   "acls.ports[0]: 0 is not between 1 and 65535",
		},
		{Name: "a port of the ACLs twice", Change: func(a *Args) { a.ACLs.Targets = []int{80, 80} }, Want: "acls.targets[1]: 80 is listed twice"},
		{
			Name:   "SSH over IPv6",
			Change: func(a *Args) { a.ACLs.SSHFrom = prefixes("2001:db8::/48") },
			Want:   "acls.sshFrom[0]: 2001:db8::/48 is not an IPv4 range, and the VPC has no other addresses",
		},
		{
			Name:   "SSH from a range with host bits",
			Change: func(a *Args) { a.ACLs.SSHFrom = prefixes("203.0.113.1/24") },
			Want:   "acls.sshFrom[0]: 203.0.113.1/24 has host bits set, it should be 203.0.113.0/24",
		},
		{
			Name:   "SSH from one range twice",
			Change: func(a *Args) { a.ACLs.SSHFrom = prefixes("203.0.113.0/24", "203.0.113.0/24") },
			Want:   "acls.sshFrom[1]: 203.0.113.0/24 is listed twice",
		},
		{
			Name: "more rules than an ACL takes",
			Change: func(a *Args) {
				for port := range 20 {
					a.ACLs.Ports = append(a.ACLs.Ports, 1000+port)
				}
			},
			Want: "acls: 25 rules for what comes into the public subnets are more than AWS takes (20)",
		},
	})
}

// A subnet that moved would be replaced, so the isolated ones come and go without the others.
func TestSubnetsOfEachTierHaveTheirRangesGiven(t *testing.T) {
	public := map[string]any{"type": "Public", "cidrBlocks": []any{"192.168.0.128/26", "192.168.1.128/26"}}
	inner := map[string]any{"type": "Private", "cidrBlocks": []any{"192.168.0.0/25", "192.168.1.0/25"}}
	isolated := map[string]any{"type": "Isolated", "cidrBlocks": []any{"192.168.0.192/26", "192.168.1.192/26"}}
	for _, test := range []struct {
		name     string
		isolated bool
		want     []any
	}{
		{name: "private", want: []any{public, inner}},
		{name: "private and isolated", isolated: true, want: []any{public, inner, isolated}},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := private()
			a.Isolated = test.isolated
			specs := mustDeploy(t, a).OfType("Vpc")[0].Inputs["subnetSpecs"]
			assert.Equal(t, test.want, resource.PropertyMap{"specs": specs}.Mappable()["specs"])
		})
	}
}

func TestNATGatewaysAreAsManyAsAskedFor(t *testing.T) {
	for nat, want := range map[NAT]string{"": "None", NoNAT: "None", SingleNAT: "Single", NATPerZone: "OnePerAz"} {
		a := private()
		a.NAT = nat
		gateways := mustDeploy(t, a).OfType("Vpc")[0].Inputs["natGateways"]
		assert.Equal(t, want, gateways.ObjectValue()["strategy"].StringValue())
	}
}

func TestNATGatewaysAreFoundByTheSubnetsTheyServe(t *testing.T) {
	for nat, want := range map[NAT]int{NoNAT: 0, SingleNAT: 1, NATPerZone: 2} {
		a := private()
		a.NAT = nat
		var found []string
		var mutex sync.Mutex
		g, err := graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
			n, err := New(ctx, "musicguru", a)
			if err != nil {
				return err
			}
			ctx.Export("gateways", pulumi.All(toAny(n.NATGatewayIDs)...).ApplyT(func(ids []any) int {
				mutex.Lock()
				defer mutex.Unlock()
				for _, id := range ids {
					found = append(found, id.(string))
				}
				return len(ids)
			}))
			return nil
		})
		require.NoError(t, err)
		var subnets []string
		for _, id := range g.Find("Vpc", "musicguru-vpc").Outputs["privateSubnetIds"].ArrayValue()[:want] {
			subnets = append(subnets, "nat-"+strings.TrimPrefix(id.StringValue(), "subnet-"))
		}
		assert.Equal(t, subnets, found, nat)
	}
}

func toAny(outputs []pulumi.StringOutput) []any {
	var list []any
	for _, o := range outputs {
		list = append(list, o)
	}
	return list
}

func TestPrivateSubnetsReachS3ThroughTheirOwnRouteTables(t *testing.T) {
	g := mustDeploy(t, private())
	vpc := g.Find("Vpc", "musicguru-vpc")
	var tables []any
	for _, id := range vpc.Outputs["privateSubnetIds"].ArrayValue() {
		tables = append(tables, "rtb-"+strings.TrimPrefix(id.StringValue(), "subnet-"))
	}
	require.Len(t, tables, 2)
	endpoint := g.Find("VpcEndpoint", "musicguru-s3")
	assert.Equal(t, map[string]any{
		"vpcId": vpc.Outputs["vpcId"].StringValue(), "serviceName": "com.amazonaws.us-east-1.s3", "vpcEndpointType": "Gateway",
		"routeTableIds": tables,
		"tags":          map[string]any{"Service": "musicguru", "Name": "musicguru-s3"},
	}, endpoint.Inputs.Mappable())
	assert.True(t, g.Reaches(endpoint, vpc))
}

func TestEndpointsAnswerTheVPCOverHTTPSUnderTheirUsualNames(t *testing.T) {
	g := mustDeploy(t, private())
	vpc := g.Find("Vpc", "musicguru-vpc")
	group := g.Find("SecurityGroup", "musicguru-endpoints")
	for _, service := range []string{"ssm", "ecr.api"} {
		assert.Equal(t, map[string]any{
			"vpcId": vpc.Outputs["vpcId"].StringValue(), "vpcEndpointType": "Interface", "privateDnsEnabled": true,
			"serviceName":      "com.amazonaws.us-east-1." + service,
			"subnetIds":        resource.NewProperty(vpc.Outputs["privateSubnetIds"].ArrayValue()).Mappable(),
			"securityGroupIds": []any{group.Outputs["id"].StringValue()},
			"policy": `{"Version":"2012-10-17","Statement":[{"Sid":"OwnPrincipals","Effect":"Allow","Principal":"*","Action":"*",` +
				`"Resource":"*","Condition":{"StringEquals":{"aws:PrincipalAccount":"123456789012"}}}]}`,
			"tags": map[string]any{"Service": "musicguru", "Name": "musicguru-" + service},
		}, g.Find("VpcEndpoint", "musicguru-"+service).Inputs.Mappable())
	}
	require.Len(t, g.OfType("SecurityGroupIngressRule"), 1)
	assert.Equal(t, map[string]any{
		"securityGroupId": group.Outputs["id"].StringValue(), "cidrIpv4": "192.168.0.0/23", "ipProtocol": "tcp",
		"fromPort": 443.0, "toPort": 443.0, "description": "AWS over https", "tags": map[string]any{"Service": "musicguru"},
	}, g.OfType("SecurityGroupIngressRule")[0].Inputs.Mappable())
	assert.NotContains(t, group.Inputs, resource.PropertyKey("ingress"))
}

func TestEndpointsOfECSTakeNoPolicy(t *testing.T) {
	a := private()
	a.Endpoints = []string{"ecs", "ecs-agent", "ecs-telemetry"}
	for _, endpoint := range mustDeploy(t, a).OfType("VpcEndpoint") {
		assert.NotContains(t, endpoint.Inputs, resource.PropertyKey("policy"), endpoint.Name)
	}
}

func TestWithoutNATOnlyOwnBucketsAndThoseOfAWSAreReached(t *testing.T) {
	for _, nat := range []NAT{"", NoNAT} {
		a := private()
		a.NAT = nat
		policy := mustDeploy(t, a).Find("VpcEndpoint", "musicguru-s3").Inputs["policy"].StringValue()
		assert.JSONEq(t, `{"Version": "2012-10-17", "Statement": [
			{"Sid": "OwnBuckets", "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*",
			 "Condition": {"StringEquals": {"aws:ResourceAccount": "123456789012"}}},
			{"Sid": "BucketsOfAWS", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": [
			 "arn:aws:s3:::al2023-repos-us-east-1-de612dc2/*", "arn:aws:s3:::aws-ssm-us-east-1/*",
			 "arn:aws:s3:::amazon-ssm-us-east-1/*", "arn:aws:s3:::prod-us-east-1-starport-layer-bucket/*"]}]}`, policy)
	}
}

func TestTheDefaultSecurityGroupHasNoRules(t *testing.T) {
	for _, a := range []*Args{args(), private()} {
		g := mustDeploy(t, a)
		group := g.Find("DefaultSecurityGroup", "musicguru-default")
		require.NotNil(t, group)
		assert.Equal(t, map[string]any{
			"vpcId": g.Find("Vpc", "musicguru-vpc").Outputs["vpcId"].StringValue(), "ingress": []any{}, "egress": []any{},
			"tags": map[string]any{"Service": "musicguru", "Name": "musicguru-default"},
		}, group.Inputs.Mappable())
	}
}

func TestWithoutEndpointsThereIsNoGroupForThem(t *testing.T) {
	a := private()
	a.Endpoints = nil
	g := mustDeploy(t, a)
	assert.Empty(t, g.OfType("SecurityGroup"))
	assert.Len(t, g.OfType("VpcEndpoint"), 1, "S3's")
}

func TestFlowLogsAreKeptFor30DaysAndWrittenByARoleThatCanDoNothingElse(t *testing.T) {
	g := mustDeploy(t, private())
	group, role := g.Find("LogGroup", "musicguru-flows"), g.Find("Role", "musicguru-flows-role")
	assert.InDelta(t, 30, group.Inputs["retentionInDays"].NumberValue(), 0)
	arn := group.Outputs["arn"].StringValue()
	assert.Equal(t, map[string]any{
		"vpcId": g.Find("Vpc", "musicguru-vpc").Outputs["vpcId"].StringValue(), "trafficType": "ALL",
		"logDestinationType": "cloud-watch-logs", "logDestination": arn, "iamRoleArn": role.Outputs["arn"].StringValue(),
		"tags": map[string]any{"Service": "musicguru", "Name": "musicguru"},
	}, g.Find("FlowLog", "musicguru-flow-log").Inputs.Mappable())
	assert.JSONEq(t, `{"Version": "2012-10-17", "Statement": [{
		"Effect": "Allow", "Principal": {"Service": "vpc-flow-logs.amazonaws.com"}, "Action": "sts:AssumeRole",
		"Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}}]}`,
		role.Inputs["assumeRolePolicy"].StringValue())
	policy := g.Find("RolePolicy", "musicguru-write-flows")
	assert.JSONEq(t, fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "%s:*",
		"Action": ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"]}]}`, arn),
		policy.Inputs["policy"].StringValue())
	assert.Equal(t, role.Outputs["name"], policy.Inputs["role"])
	assert.True(t, g.Reaches(g.Find("FlowLog", "musicguru-flow-log"), policy), "AWS tries the role at once")
}

func TestARoleIsNotTrustedForWhatIsNoLogGroup(t *testing.T) {
	_, err := trustFlowLogs("musicguru-flows")
	assert.EqualError(t, err, `"musicguru-flows" is not an ARN`)
}

func TestReadyIsEveryWayInAndOut(t *testing.T) {
	g, err := graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		n, err := New(ctx, "musicguru", private())
		if err != nil {
			return err
		}
		err = ctx.RegisterComponentResource("elastic-service:test:Mapper", "mapper", &pulumi.ResourceState{},
			pulumi.DependsOn(n.Gateway))
		if err != nil {
			return err
		}
		return ctx.RegisterComponentResource("elastic-service:test:Launcher", "launcher", &pulumi.ResourceState{},
			pulumi.DependsOn(n.Ready))
	})
	require.NoError(t, err)
	assert.Equal(t, g.OfType("Vpc"), g.Dependencies(g.Find("Mapper", "mapper")), "the internet gateway is the VPC's")
	launcher := g.Find("Launcher", "launcher")
	for _, typ := range []string{"Vpc", "VpcEndpoint", "NetworkAcl", "SecurityGroupIngressRule"} {
		needed := g.OfType(typ)
		require.NotEmpty(t, needed, typ)
		for _, n := range needed {
			assert.True(t, g.Reaches(launcher, n), n.Name)
		}
	}
}

func TestEverythingBelongsToTheNetworkAndCarriesTheTags(t *testing.T) {
	g := mustDeploy(t, private())
	top := g.Find("elastic-service:network:Network", "musicguru")
	for _, r := range g.Custom() {
		assert.Same(t, top, g.Parent(r), r.Name)
		if strings.HasSuffix(r.Type, ":RolePolicy") {
			continue // takes none
		}
		assert.Equal(t, "musicguru", r.Inputs["tags"].ObjectValue()["Service"].StringValue(), r.Name)
	}
}

func TestSubnetsIDsAreThoseOfTheirTier(t *testing.T) {
	var tiers [3][]string
	g, err := graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		n, err := New(ctx, "musicguru", private())
		if err != nil {
			return err
		}
		for i, ids := range []pulumi.StringArrayOutput{n.PublicSubnetIDs, n.PrivateSubnetIDs, n.IsolatedSubnetIDs} {
			ids.ApplyT(func(ids []string) []string { tiers[i] = ids; return ids })
		}
		return nil
	})
	require.NoError(t, err)
	out := g.Find("Vpc", "musicguru-vpc").Outputs
	for i, name := range []string{"publicSubnetIds", "privateSubnetIds", "isolatedSubnetIds"} {
		require.Len(t, tiers[i], 2)
		for j, id := range tiers[i] {
			assert.Equal(t, out[resource.PropertyKey(name)].ArrayValue()[j].StringValue(), id)
		}
	}
}

func TestAllowOpensARangeOfPorts(t *testing.T) {
	g, err := graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		_, err := Allow(ctx, "flask-service", &AllowArgs{
			From: pulumi.String("sg-from"), To: pulumi.String("sg-to"), Port: 32768, ToPort: 65535, Description: "Containers",
		})
		return err
	})
	require.NoError(t, err)
	require.Len(t, g.Resources, 2)
	for _, rule := range g.Resources {
		assert.InDelta(t, 32768, rule.Inputs["fromPort"].NumberValue(), 0)
		assert.InDelta(t, 65535, rule.Inputs["toPort"].NumberValue(), 0)
	}
}

func TestARangeOfPortsEndsAfterItBegins(t *testing.T) {
	for last, want := range map[int]string{
		79:    "toPort: 79 is not between port (80) and 65535",
		65536: "toPort: 65536 is not between port (80) and 65535",
		-1:    "toPort: -1 is not between port (80) and 65535",
	} {
		args := AllowArgs{From: pulumi.String("a"), To: pulumi.String("b"), Port: 80, ToPort: last, Description: "x"}
		assert.EqualError(t, args.Validate(), want)
	}
}
