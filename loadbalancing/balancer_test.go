package loadbalancing

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/healthcheck"
	"github.com/elastic-service/elastic-service/internal/awsname"
	"github.com/elastic-service/elastic-service/internal/graphtest"
)

func args() *Args {
	return &Args{
		Kind:      Network,
		VPCID:     pulumi.String("vpc-1"),
		SubnetIDs: pulumi.ToStringArray([]string{"subnet-a", "subnet-b"}),
		Listeners: []Listener{{Port: 5000, Protocol: "TCP"}},
		Targets: []Target{{Port: 5000, Check: healthcheck.Check{
			Protocol: healthcheck.TCP, Port: 5001,
			Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 4,
		}}},
		From:      []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")},
		CrossZone: true,
		Tags:      map[string]string{"Service": "musicguru"},
	}
}

// withTarget adds a target and its listener.
func (a *Args) withTarget(name string, port int) {
	target := a.Targets[0]
	target.Name, target.Port, target.Check.Port = name, port, port+1
	a.Targets = append(a.Targets, target)
	a.Listeners = append(a.Listeners, Listener{Port: port, Protocol: "TCP", Target: name})
}

func TestEachTargetHasAGroupAndAListener(t *testing.T) {
	a := args()
	a.withTarget("admin", 8081)
	g, err := deploy(t, "musicguru", a)
	require.NoError(t, err)
	for listener, group := range map[string]string{"musicguru-listener-5000": "musicguru-tg", "musicguru-listener-8081": "musicguru-admin"} {
		forwards := g.Find("Listener", listener).Inputs["defaultActions"].ArrayValue()[0].ObjectValue()["targetGroupArn"]
		assert.Equal(t, g.Find("TargetGroup", group).Outputs["arn"], forwards, listener)
	}
	admin := g.Find("TargetGroup", "musicguru-admin").Inputs
	assert.InDelta(t, 8081, admin["port"].NumberValue(), 0)
	assert.Equal(t, "8082", admin["healthCheck"].ObjectValue()["port"].StringValue())
}

func deploy(t *testing.T, name string, args *Args) (*graphtest.Graph, error) {
	return graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		_, err := New(ctx, name, args)
		return err
	})
}

func TestBadArgumentsRegisterNothing(t *testing.T) {
	register := func(t *testing.T, a *Args) (*graphtest.Graph, error) { return deploy(t, "musicguru", a) }
	graphtest.Refuses(t, args, register, []graphtest.Refusal[Args]{
		{Name: "no VPC", Change: func(a *Args) { a.VPCID = nil }, Want: "vpcId: a VPC is needed"},
		{Name: "no subnets", Change: func(a *Args) { a.SubnetIDs = nil }, Want: "subnetIds: subnets are needed"},
		{Name: "no listeners", Change: func(a *Args) { a.Listeners = nil }, Want: "listeners: at least one listener is needed"},
		{Name: "no clients", Change: func(a *Args) { a.From = nil }, Want: "from: without clients nothing reaches the listeners"},
		{
			Name:   "a listener twice",
			Change: func(a *Args) { a.Listeners = append(a.Listeners, a.Listeners...) },
			Want:   "listeners[1].port: 5000 is listened on twice",
		},
		{Name: "a listener's port 0", Change: func(a *Args) { a.Listeners[0].Port = 0 }, Want: "listeners[0].port: 0 is not between 1 and 65535"},
		{Name: "no kind", Change: func(a *Args) { a.Kind = "" }, Want: `kind: "" is neither network nor application`},
		{Name: "a kind unheard of", Change: func(a *Args) { a.Kind = "classic" }, Want: `kind: "classic" is neither network nor application`},
		{
			Name:   "a client over IPv6",
			Change: func(a *Args) { a.From[0] = netip.MustParsePrefix("::/0") },
			Want:   "from[0]: ::/0 is not an IPv4 range",
		},
		{
			Name:   "a client's host bits",
			Change: func(a *Args) { a.From[0] = netip.MustParsePrefix("10.0.0.1/8") },
			Want:   "from[0]: 10.0.0.1/8 has host bits set, it should be 10.0.0.0/8",
		},
		{
			Name: "a group as a list", Change: func(a *Args) { a.FromLists = []string{"sg-1"} },
			Want: `fromLists[0]: "sg-1" does not begin with pl-`,
		},
		{Name: "a group twice", Change: func(a *Args) { a.FromGroups = []string{"sg-1", "sg-1"} }, Want: `fromGroups[1]: "sg-1" does not begin`},
		{Name: "a client twice", Change: func(a *Args) { a.From = append(a.From, a.From...) }, Want: "from[1]: 0.0.0.0/0 is given twice"},
		{
			Name:   "a target port too high",
			Change: func(a *Args) { a.Targets[0].Port = 65536 },
			Want:   "targets[0].port: 65536 is not between 1 and 65535",
		},
		{Name: "a bad health check", Change: func(a *Args) { a.Targets[0].Check.Interval = time.Second }, Want: "targets[0].check.interval: "},
		{
			Name: "an idle timeout too short for TCP", Change: func(a *Args) { a.IdleTimeout = time.Second },
			Want: "idleTimeout: 1s is not between 1m0s and 1h40m0s",
		},
		{Name: "a negative delay", Change: func(a *Args) { a.Drain = new(-time.Second) }, Want: "drain: -1s is not between 0 and 1h0m0s"},
		{
			Name: "an algorithm of connections", Change: func(a *Args) { a.Algorithm = "round_robin" },
			Want: `algorithm: "round_robin" is for a load balancer of kind application`,
		},
		{Name: "no targets", Change: func(a *Args) { a.Targets = nil }, Want: "targets: at least one is needed"},
		{
			Name: "a target without a name", Change: func(a *Args) { a.Targets = append(a.Targets, a.Targets[0]) },
			Want: `targets[1].name: "" is empty for the first target, and only for the first`,
		},
		{
			Name: "a target without a listener", Change: func(a *Args) { a.withTarget("admin", 8081); a.Listeners = a.Listeners[:1] },
			Want: `targets[1].name: "admin" is the target of no listener`,
		},
		{
			Name: "a listener of another target", Change: func(a *Args) { a.withTarget("admin", 8081); a.Listeners[1].Target = "admins" },
			Want: `listeners[1].target: "admins" is not the name of a target`,
		},
		{
			Name: "a target twice", Change: func(a *Args) { a.withTarget("admin", 8081); a.Targets = append(a.Targets, a.Targets[1]) },
			Want: `targets[2].name: "admin" is the name of targets[1]`,
		},
		{Name: "a target called tg", Change: func(a *Args) { a.withTarget("tg", 8081) }, Want: `targets[1].name: "tg" is how`},
		{
			Name: "a target with a long name", Change: func(a *Args) { a.withTarget(strings.Repeat("a", 15), 8081) },
			Want: `targets[1].name: "aaaaaaaaaaaaaaa" is longer than 14 characters, beside the 9 of musicguru`,
		},
	})
}

func TestNamesThatAWSRefusesRegisterNothing(t *testing.T) {
	for _, name := range []string{"internal-music", "sg-music", strings.Repeat("m", awsname.MaxBalancer+1)} {
		g, err := deploy(t, name, args())
		require.ErrorContains(t, err, "name: ", name)
		assert.Empty(t, g.Resources, name)
	}
}

func TestTheLongestNameFits(t *testing.T) {
	g, err := deploy(t, strings.Repeat("m", awsname.MaxBalancer), args()) // the recorder refuses longer physical names than AWS allows
	require.NoError(t, err)
	assert.Len(t, g.OfType("LoadBalancer")[0].Outputs["name"].StringValue(), 32)
}

func TestHealthCheckIsTCPOnAnotherPort(t *testing.T) {
	g, err := deploy(t, "musicguru", args())
	require.NoError(t, err)
	group := g.Find("TargetGroup", "musicguru-tg")
	assert.Equal(t, map[string]any{
		"vpcId":               "vpc-1",
		"targetType":          "instance",
		"protocol":            "TCP",
		"port":                5000.0,
		"deregistrationDelay": 120.0,
		"tags":                map[string]any{"Service": "musicguru"},
		"healthCheck": map[string]any{ // no path, no matcher: TCP refuses them
			"enabled": true, "protocol": "TCP", "port": "5001",
			"interval": 10.0, "timeout": 5.0, "healthyThreshold": 3.0, "unhealthyThreshold": 4.0,
		},
	}, group.Inputs.Mappable())
}

// But for the balancer, whose target group a new one could not have beside it.
func TestNothingIsDeletedBeforeItsReplacement(t *testing.T) {
	g, err := deploy(t, "musicguru", args())
	require.NoError(t, err)
	for _, r := range g.Resources {
		assert.Equal(t, r.Name == "musicguru-lb", r.DeleteBeforeReplace, r.Name)
		assert.NotContains(t, r.Inputs, "name", "%s must be named automatically", r.Name)
	}
}

func TestBalancerHasItsSecurityGroupFromTheStartAndCrossesZones(t *testing.T) {
	g, err := deploy(t, "musicguru", args())
	require.NoError(t, err)
	group := g.Find("SecurityGroup", "musicguru-balancer")
	assert.NotContains(t, group.Inputs, "ingress")
	assert.NotContains(t, group.Inputs, "egress")
	assert.Equal(t, map[string]any{
		"loadBalancerType":             "network",
		"internal":                     false,
		"subnets":                      []any{"subnet-a", "subnet-b"},
		"securityGroups":               []any{group.Outputs["id"].StringValue()},
		"enableCrossZoneLoadBalancing": true,
		"tags":                         map[string]any{"Service": "musicguru"},
	}, g.Find("LoadBalancer", "musicguru-lb").Inputs.Mappable())
}

func TestEveryClientReachesEveryListenerBeforeItListens(t *testing.T) {
	a := args()
	a.Listeners = append(a.Listeners, Listener{Port: 80, Protocol: "TCP"})
	a.From = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.168.0.0/23")}
	g, err := deploy(t, "musicguru", a)
	require.NoError(t, err)
	rules := g.OfType("SecurityGroupIngressRule")
	open := map[string]bool{}
	for _, rule := range rules {
		assert.Equal(t, rule.Inputs["fromPort"], rule.Inputs["toPort"])
		assert.Equal(t, "tcp", rule.Inputs["ipProtocol"].StringValue())
		open[rule.Name] = true
		for _, listener := range g.OfType("Listener") {
			assert.True(t, g.Reaches(listener, rule), "%s before %s", rule.Name, listener.Name)
		}
	}
	assert.Equal(t, map[string]bool{
		"musicguru-80-from-10.0.0.0/8": true, "musicguru-80-from-192.168.0.0/23": true,
		"musicguru-5000-from-10.0.0.0/8": true, "musicguru-5000-from-192.168.0.0/23": true,
	}, open)
	assert.Len(t, g.OfType("Listener"), 2)
}

func TestListenerForwardsToTheTargetGroup(t *testing.T) {
	g, err := deploy(t, "musicguru", args())
	require.NoError(t, err)
	assert.Equal(t, map[string]any{
		"loadBalancerArn": g.Find("LoadBalancer", "musicguru-lb").Outputs["arn"].StringValue(),
		"port":            5000.0,
		"protocol":        "TCP",
		"defaultActions": []any{map[string]any{
			"type": "forward", "targetGroupArn": g.Find("TargetGroup", "musicguru-tg").Outputs["arn"].StringValue(),
		}},
		"tags": map[string]any{"Service": "musicguru"},
	}, g.Find("Listener", "musicguru-listener-5000").Inputs.Mappable())
}

func TestAnInternalBalancerStaysOffTheInternet(t *testing.T) {
	a := args()
	a.Internal = true
	g, err := deploy(t, "musicguru", a)
	require.NoError(t, err)
	assert.True(t, g.OfType("LoadBalancer")[0].Inputs["internal"].BoolValue())
}
