package stack

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTheAttributesOfANetworkBalancerAreTheSettings(t *testing.T) {
	g := deploy(t, world(t, "dev", map[string]any{
		"balancer.idleTimeout": 6000, "balancer.drain": 600, "balancer.crossZone": false,
	}))
	assert.EqualValues(t, 6000, at(g.OfType("Listener")[0], "tcpIdleTimeoutSeconds"))
	assert.EqualValues(t, 600, at(g.OfType("TargetGroup")[0], "deregistrationDelay"))
	assert.Equal(t, false, at(g.OfType("LoadBalancer")[0], "enableCrossZoneLoadBalancing"))
}

func TestTheAttributesOfAnApplicationBalancerAreTheSettings(t *testing.T) {
	g := deploy(t, world(t, "cardweb", map[string]any{
		"balancer.idleTimeout": 300, "balancer.algorithm": "least_outstanding_requests",
	}))
	assert.EqualValues(t, 300, at(g.OfType("LoadBalancer")[0], "idleTimeout"))
	assert.EqualValues(t, 300, at(g.OfType("TargetGroup")[0], "deregistrationDelay"), "no client waits longer for an answer")
	assert.Equal(t, "least_outstanding_requests", at(g.OfType("TargetGroup")[0], "loadBalancingAlgorithmType"))
}
