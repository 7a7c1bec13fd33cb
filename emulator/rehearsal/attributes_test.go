package rehearsal

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/engine/enginetest"
	"github.com/elastic-service/elastic-service/emulator/session"
)

func TestTheAttributesOfALiveApplicationBalancerChange(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	attributesChange(t, "cardweb", map[string]any{"idleTimeout": 120, "drain": 30, "algorithm": "least_outstanding_requests"}, 2)
}

func TestTheAttributesOfALiveNetworkBalancerChange(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	attributesChange(t, "dev", map[string]any{"idleTimeout": 600, "drain": 30, "crossZone": false}, 3)
}

// attributesChange changes attributes of a balancer while clients ask, and takes the settings out again. The number of resources that
// change is that of the balancer, its target group and its listener, as far as the attributes are theirs.
func attributesChange(t *testing.T, stack string, attributes map[string]any, updated int) {
	t.Helper()
	r := deployed(t, must(session.EnterProject(stack))(t), stack)
	clients := r.startClients(t.Context())
	for _, isSet := range []bool{true, false} {
		for key, value := range attributes {
			if !isSet {
				value = nil
			}
			require.NoError(t, r.deployment.Set(value, "balancer", key))
		}
		up, err := r.deployment.Up(t.Context())
		require.NoError(t, err)
		assert.Equal(t, updated, up.Updated)
		assert.Zero(t, up.Created+up.Replaced+up.Deleted)
		require.NoError(t, r.deployAgain(t.Context()))
	}
	counts := clients.Stop()
	t.Log(counts)
	assert.Zero(t, counts.Failed)
	assert.Positive(t, counts.Answered)
}
