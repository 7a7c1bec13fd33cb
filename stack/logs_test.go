package stack

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
)

func TestInstancesSendTheirJournalToAGroupOfTheStack(t *testing.T) {
	g := deploy(t, world(t, "dev", map[string]any{
		"app.logs": map[string]any{"retention": 14}, "network.private": true, "network.nat": "none", "network.endpoints": true,
		"compute.publicAddress": nil,
	}))
	groups := g.OfType("LogGroup")
	require.Len(t, groups, 1)
	assert.Equal(t, "/musicguru/dev/instances", groups[0].Inputs["name"].StringValue())
	assert.InDelta(t, 14, groups[0].Inputs["retentionInDays"].NumberValue(), 0)
	text := graphtest.UserData(g.OfType("LaunchTemplate")[0])
	assert.Contains(t, text, "ExecStart=/usr/local/bin/shiplogs -region us-east-1 -group /musicguru/dev/instances cloud-init-local.service ")
	assert.Contains(t, text, "artifacts/usr/local/bin/shiplogs/")
	var endpoints []string
	for _, endpoint := range g.OfType("VpcEndpoint") {
		endpoints = append(endpoints, endpoint.Inputs["serviceName"].StringValue())
	}
	assert.ElementsMatch(t, []string{"com.amazonaws.us-east-1.s3", "com.amazonaws.us-east-1.logs"}, endpoints)
}

func TestWithoutLogsNothingOfThemIsThere(t *testing.T) {
	g := deploy(t, world(t, "dev", nil))
	assert.Empty(t, g.OfType("LogGroup"))
	assert.NotContains(t, graphtest.UserData(g.OfType("LaunchTemplate")[0]), "shiplogs")
}
