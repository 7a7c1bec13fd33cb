package loadbalancing

import (
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/healthcheck"
	"github.com/elastic-service/elastic-service/internal/graphtest"
)

const certificateARN = "arn:aws:acm:us-east-1:123456789012:certificate/given"

// web is an application load balancer that sends HTTP to HTTPS.
func web() *Args {
	a := args()
	a.Kind = Application
	a.Listeners = []Listener{{Port: 80, Protocol: "HTTP", Redirect: 443}, {Port: 443, Protocol: "HTTPS"}}
	a.Targets[0].Port = 80
	a.Targets[0].Check = healthcheck.Check{
		Protocol: healthcheck.HTTP, Path: "/ping",
		Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 2, Unhealthy: 3,
	}
	a.CertificateARN = pulumi.String(certificateARN)
	return a
}

// made deploys a balancer that must come up, and returns it with its graph.
func made(t *testing.T, args *Args) (*Balancer, *graphtest.Graph) {
	t.Helper()
	var b *Balancer
	g, err := graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) (err error) {
		b, err = New(ctx, "web", args)
		return err
	})
	require.NoError(t, err)
	return b, g
}

func TestWhatNoBalancerCanDoRegistersNothing(t *testing.T) {
	network := func(listeners ...Listener) *Args {
		a := args()
		a.Listeners = listeners
		return a
	}
	application := func(listeners ...Listener) *Args {
		a := web()
		a.Listeners = listeners
		return a
	}
	for _, test := range []struct {
		name string
		args *Args
		want string
	}{
		{
			name: "a network balancer for HTTP",
			args: network(Listener{Port: 80, Protocol: "HTTP"}),
			want: `listeners[0].protocol: "HTTP" is neither TCP nor TLS, as every listener of a load balancer of kind network is`,
		},
		{
			name: "a network balancer for UDP",
			args: network(Listener{Port: 53, Protocol: "UDP"}),
			want: `listeners[0].protocol: "UDP" is neither TCP nor TLS, as every listener of a load balancer of kind network is`,
		},
		{
			name: "an application balancer for TCP",
			args: application(Listener{Port: 443, Protocol: "HTTPS"}, Listener{Port: 80, Protocol: "TCP"}),
			want: `listeners[1].protocol: "TCP" is neither HTTP nor HTTPS, as every listener of a load balancer of kind application is`,
		},
		{
			name: "TLS without a certificate",
			args: network(Listener{Port: 80, Protocol: "TCP"}, Listener{Port: 443, Protocol: "TLS"}),
			want: `listeners[1].protocol: "TLS" needs a certificate, or an alias for which one is issued`,
		},
		{
			name: "HTTPS without a certificate",
			args: func() *Args { a := web(); a.CertificateARN = nil; return a }(),
			want: `listeners[1].protocol: "HTTPS" needs a certificate, or an alias for which one is issued`,
		},
		{
			name: "a certificate for nothing",
			args: application(Listener{Port: 80, Protocol: "HTTP"}),
			want: "certificateArn: no listener uses it: none is for TLS or HTTPS",
		},
		{
			name: "a redirect of HTTPS",
			args: application(Listener{Port: 443, Protocol: "HTTPS"}, Listener{Port: 444, Protocol: "HTTPS", Redirect: 443}),
			want: "listeners[1].redirect: 443 is for an HTTP listener, this one is for HTTPS",
		},
		{
			name: "a redirect of TCP",
			args: network(Listener{Port: 80, Protocol: "TCP"}, Listener{Port: 81, Protocol: "TCP", Redirect: 80}),
			want: "listeners[1].redirect: 80 is for an HTTP listener, this one is for TCP",
		},
		{
			name: "a redirect to nobody",
			args: application(Listener{Port: 80, Protocol: "HTTP", Redirect: 8443}, Listener{Port: 443, Protocol: "HTTPS"}),
			want: "listeners[0].redirect: 8443 is no HTTPS listener's port",
		},
		{
			name: "a redirect to HTTP",
			args: application(
				Listener{Port: 80, Protocol: "HTTP", Redirect: 81},
				Listener{Port: 81, Protocol: "HTTP"},
				Listener{Port: 443, Protocol: "HTTPS"},
			),
			want: "listeners[0].redirect: 81 is no HTTPS listener's port",
		},
		{
			name: "redirects alone",
			args: application(Listener{Port: 80, Protocol: "HTTP", Redirect: 443}),
			want: "listeners: none forwards: all redirect\nlisteners[0].redirect: 443 is no HTTPS listener's port",
		},
		{
			name: "an application balancer's check over TCP",
			args: func() *Args { a := web(); a.Targets[0].Check = args().Targets[0].Check; return a }(),
			want: `check.protocol: "TCP" is not HTTP, which the targets of an application load balancer are asked over`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			g, err := deploy(t, "web", test.args)
			require.ErrorContains(t, err, test.want)
			assert.Empty(t, g.Resources)
		})
	}
}

func TestAnApplicationBalancerAsksOverHTTPAndTurnsInOrder(t *testing.T) {
	_, g := made(t, web())
	assert.Equal(t, map[string]any{
		"vpcId":                      "vpc-1",
		"targetType":                 "instance",
		"protocol":                   "HTTP",
		"port":                       80.0,
		"deregistrationDelay":        60.0,
		"loadBalancingAlgorithmType": "round_robin",
		"tags":                       map[string]any{"Service": "musicguru"},
		"healthCheck": map[string]any{
			"enabled": true, "protocol": "HTTP", "port": "traffic-port", "path": "/ping", "matcher": "200",
			"interval": 10.0, "timeout": 5.0, "healthyThreshold": 2.0, "unhealthyThreshold": 3.0,
		},
	}, g.Find("TargetGroup", "web-tg").Inputs.Mappable())
}

func TestAChecksOwnMatcherAndPortAreTaken(t *testing.T) {
	a := web()
	a.Targets[0].Check.Matcher, a.Targets[0].Check.Port = "200-299", 8080
	_, g := made(t, a)
	check := g.OfType("TargetGroup")[0].Inputs["healthCheck"].ObjectValue()
	assert.Equal(t, "200-299", check["matcher"].StringValue())
	assert.Equal(t, "8080", check["port"].StringValue())
}

func TestANetworkBalancerMayAskOverHTTP(t *testing.T) {
	a := args()
	a.Targets[0].Check = web().Targets[0].Check
	_, g := made(t, a)
	check := g.OfType("TargetGroup")[0].Inputs
	assert.Equal(t, "TCP", check["protocol"].StringValue())
	assert.Equal(t, "/ping", check["healthCheck"].ObjectValue()["path"].StringValue())
}

func TestAnApplicationBalancerDropsBadHeadersAndSaysNothingOfZones(t *testing.T) {
	b, g := made(t, web())
	balancer := g.Find("LoadBalancer", "web-lb")
	assert.Equal(t, map[string]any{
		"loadBalancerType":        "application",
		"internal":                false,
		"subnets":                 []any{"subnet-a", "subnet-b"},
		"securityGroups":          []any{g.Find("SecurityGroup", "web-balancer").Outputs["id"].StringValue()},
		"dropInvalidHeaderFields": true,
		"tags":                    map[string]any{"Service": "musicguru"},
	}, balancer.Inputs.Mappable())
	for _, port := range []string{"80", "443"} {
		assert.NotNil(t, g.Find("SecurityGroupIngressRule", "web-"+port+"-from-0.0.0.0/0"))
	}
	assert.Len(t, b.Ready, 1, "the listener that forwards")
}

func TestHTTPIsSentToHTTPSAndHTTPSForwards(t *testing.T) {
	_, g := made(t, web())
	balancer := g.Find("LoadBalancer", "web-lb").Outputs["arn"].StringValue()
	assert.Equal(t, map[string]any{
		"loadBalancerArn": balancer,
		"port":            80.0,
		"protocol":        "HTTP",
		"defaultActions": []any{map[string]any{
			"type": "redirect", "redirect": map[string]any{"protocol": "HTTPS", "port": "443", "statusCode": "HTTP_301"},
		}},
		"tags": map[string]any{"Service": "musicguru"},
	}, g.Find("Listener", "web-listener-80").Inputs.Mappable())
	assert.Equal(t, map[string]any{
		"loadBalancerArn": balancer,
		"port":            443.0,
		"protocol":        "HTTPS",
		"certificateArn":  certificateARN,
		"sslPolicy":       "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
		"defaultActions": []any{map[string]any{
			"type": "forward", "targetGroupArn": g.Find("TargetGroup", "web-tg").Outputs["arn"].StringValue(),
		}},
		"tags": map[string]any{"Service": "musicguru"},
	}, g.Find("Listener", "web-listener-443").Inputs.Mappable())
}

func TestPlainHTTPNeedsNoCertificate(t *testing.T) {
	a := web()
	a.Listeners, a.CertificateARN = []Listener{{Port: 80, Protocol: "HTTP"}}, nil
	b, g := made(t, a)
	listener := g.Find("Listener", "web-listener-80")
	assert.NotContains(t, listener.Inputs, "certificateArn")
	assert.NotContains(t, listener.Inputs, "sslPolicy")
	assert.Len(t, b.Ready, 1)
}

func TestANetworkBalancerDecryptsForItsTargets(t *testing.T) {
	a := args()
	a.Listeners = []Listener{{Port: 443, Protocol: "TLS"}, {Port: 5000, Protocol: "TCP"}}
	a.CertificateARN = pulumi.String(certificateARN)
	b, g := made(t, a)
	encrypted, plain := g.Find("Listener", "web-listener-443"), g.Find("Listener", "web-listener-5000")
	assert.Equal(t, certificateARN, encrypted.Inputs["certificateArn"].StringValue())
	assert.Equal(t, sslPolicy, encrypted.Inputs["sslPolicy"].StringValue())
	assert.NotContains(t, plain.Inputs, "certificateArn")
	assert.Equal(t, "TCP", g.OfType("TargetGroup")[0].Inputs["protocol"].StringValue())
	assert.Len(t, b.Ready, 2)
}

func TestAProtectedBalancerIsRefusedByAWS(t *testing.T) {
	a := web()
	_, g := made(t, a)
	balancer := g.OfType("LoadBalancer")[0]
	assert.NotContains(t, balancer.Inputs, "enableDeletionProtection")
	a.Protect = true
	_, g = made(t, a)
	balancer = g.OfType("LoadBalancer")[0]
	assert.True(t, balancer.Inputs["enableDeletionProtection"].BoolValue())
}

// outputs deploys a balancer and returns the texts that it puts out.
func outputs(t *testing.T, args *Args) (*graphtest.Graph, map[string]string) {
	t.Helper()
	var names map[string]string
	g, err := graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		b, err := New(ctx, "web", args)
		if err != nil {
			return err
		}
		all := pulumi.StringMap{"balancer": b.ARNSuffix, "targets": b.TargetGroups[0].ARNSuffix, "host": b.URLHost}
		// The program does not end before its exports are known.
		ctx.Export("names", all.ToStringMapOutput().ApplyT(func(known map[string]string) map[string]string {
			names = known
			return known
		}))
		return nil
	})
	require.NoError(t, err)
	return g, names
}

func TestMetricsNameTheBalancerByItsSuffix(t *testing.T) {
	for _, a := range []*Args{args(), web()} {
		g, names := outputs(t, a)
		balancer, targets := g.OfType("LoadBalancer")[0].Outputs, g.OfType("TargetGroup")[0].Outputs
		assert.Equal(t, map[string]string{
			"balancer": balancer["arnSuffix"].StringValue(),
			"targets":  targets["arnSuffix"].StringValue(),
			"host":     balancer["dnsName"].StringValue(),
		}, names)
	}
}
