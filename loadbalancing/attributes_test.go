package loadbalancing

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestConnectionsMayBeIdleAsLongAsTheyAreAllowedTo(t *testing.T) {
	a := args()
	_, g := made(t, a)
	assert.NotContains(t, g.Find("Listener", "web-listener-5000").Inputs, "tcpIdleTimeoutSeconds")

	a = aliased()
	a.Kind, a.IdleTimeout = Network, 10*time.Minute
	a.Listeners = []Listener{{Port: 80, Protocol: "TCP"}, {Port: 443, Protocol: "TLS"}}
	_, g = made(t, a)
	assert.InDelta(t, 600, g.Find("Listener", "web-listener-80").Inputs["tcpIdleTimeoutSeconds"].NumberValue(), 0)
	assert.NotContains(t, g.Find("Listener", "web-listener-443").Inputs, "tcpIdleTimeoutSeconds", "AWS has no such attribute of TLS")
	assert.NotContains(t, g.Find("LoadBalancer", "web-lb").Inputs, "idleTimeout", "AWS has no such attribute of network load balancers")

	a = web()
	a.IdleTimeout = 10 * time.Minute
	_, g = made(t, a)
	assert.InDelta(t, 600, g.Find("LoadBalancer", "web-lb").Inputs["idleTimeout"].NumberValue(), 0)
	assert.NotContains(t, g.Find("Listener", "web-listener-443").Inputs, "tcpIdleTimeoutSeconds")
}

func TestMembersDrainUntilNoClientWaits(t *testing.T) {
	for name, test := range map[string]struct {
		args  *Args
		idle  time.Duration
		drain *time.Duration
		want  int
	}{
		"connections":                 {args(), 0, nil, 120},
		"connections that idle":       {args(), 6000 * time.Second, nil, 120},
		"connections, given":          {args(), 0, new(10 * time.Minute), 600},
		"requests":                    {web(), 0, nil, 60},
		"requests that end early":     {web(), time.Second, nil, 60},
		"requests that take long":     {web(), 5 * time.Minute, nil, 300},
		"requests above AWS's limit":  {web(), 4000 * time.Second, nil, 3600},
		"requests that are cut short": {web(), 0, new(time.Duration(0)), 0},
	} {
		t.Run(name, func(t *testing.T) {
			test.args.IdleTimeout, test.args.Drain = test.idle, test.drain
			_, g := made(t, test.args)
			assert.InDelta(t, test.want, g.Find("TargetGroup", "web-tg").Inputs["deregistrationDelay"].NumberValue(), 0)
		})
	}
}

func TestMembersAreChosenAsTheArgumentsSay(t *testing.T) {
	a := web()
	_, g := made(t, a)
	assert.Equal(t, "round_robin", g.Find("TargetGroup", "web-tg").Inputs["loadBalancingAlgorithmType"].StringValue())
	a.Algorithm = "least_outstanding_requests"
	_, g = made(t, a)
	assert.Equal(t, a.Algorithm, g.Find("TargetGroup", "web-tg").Inputs["loadBalancingAlgorithmType"].StringValue())
	assert.NotContains(t, g.Find("LoadBalancer", "web-lb").Inputs, "enableCrossZoneLoadBalancing")

	a = args()
	a.CrossZone = false
	_, g = made(t, a)
	assert.False(t, g.Find("LoadBalancer", "web-lb").Inputs["enableCrossZoneLoadBalancing"].BoolValue())
	assert.NotContains(t, g.Find("TargetGroup", "web-tg").Inputs, "loadBalancingAlgorithmType")
}
