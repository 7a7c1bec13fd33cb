package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/api"
)

func TestAPathIsPrintedHopByHop(t *testing.T) {
	var out bytes.Buffer
	printPath(&out, api.Path{From: "internet", To: "load balancer lb", Port: 5000, Hops: []api.Hop{
		{Component: "internet", By: "203.0.113.1"}, {Component: "route table rtb-1", By: "route 0.0.0.0/0 to igw-1"},
	}})
	assert.Equal(t, "internet → load balancer lb, TCP 5000\n  internet           203.0.113.1\n"+
		"  route table rtb-1  route 0.0.0.0/0 to igw-1\n✓ reachable\n", out.String())

	out.Reset()
	printPath(&out, api.Path{From: "a", To: "b", Port: 22, Blocked: &api.Blocked{Code: "ENI_SG_RULES_MISMATCH", Reason: "no rule"}})
	assert.Equal(t, "a → b, TCP 22\n✗ ENI_SG_RULES_MISMATCH: no rule\n", out.String())
}

func TestAPathNeedsTwoEndsAndAPort(t *testing.T) {
	for _, args := range [][]string{nil, {"internet", "balancer"}, {"internet", "balancer", "http"}} {
		var out bytes.Buffer
		require.Equal(t, 2, run(t.Context(), append([]string{"path"}, args...), &out, &out))
	}
}
