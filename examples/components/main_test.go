package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
)

func TestTheExampleDeploysAWebServerBehindABalancer(t *testing.T) {
	graph, err := graphtest.Run(t, graphtest.World{Config: map[string]string{"aws:region": "us-east-1"}}, deploy)
	require.NoError(t, err)
	group := graph.Find("Group", "hello-group")
	require.NotNil(t, group)
	for _, typ := range []string{"LaunchTemplate", "TargetGroup", "Vpc"} {
		found := graph.OfType(typ)
		require.Len(t, found, 1, typ)
		assert.True(t, graph.Reaches(group, found[0]), "the group depends on the %s", typ)
	}
	assert.Len(t, graph.OfType("LoadBalancer"), 1)
	kept := graph.Find("Stash", "hello-image-kept")
	assert.True(t, graph.Reaches(graph.Find("LaunchTemplate", "hello-template"), kept), "the image is that of the first deployment")
}

func TestTheExampleNeedsARegion(t *testing.T) {
	graph, err := graphtest.Run(t, graphtest.World{}, deploy)
	require.ErrorContains(t, err, "aws:region must be set")
	assert.Empty(t, graph.Resources)
}
