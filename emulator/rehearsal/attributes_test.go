package rehearsal

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/engine/enginetest"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// The attributes of a balancer change while clients ask, and go back to their defaults.
func TestTheAttributesOfALiveBalancerChange(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	r := deployed(t, must(session.EnterProject("cardweb"))(t), "cardweb")
	clients := r.startClients(t.Context())
	for _, values := range []map[string]any{
		{"idleTimeout": 120, "drain": 30, "algorithm": "least_outstanding_requests"},
		{"idleTimeout": nil, "drain": nil, "algorithm": nil},
	} {
		for key, value := range values {
			require.NoError(t, r.deployment.Set(value, "balancer", key))
		}
		up, err := r.deployment.Up(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 2, up.Updated, "the balancer and its target group")
		assert.Zero(t, up.Created+up.Replaced+up.Deleted)
		require.NoError(t, r.deployAgain(t.Context()))
	}
	counts := clients.Stop()
	t.Log(counts)
	assert.Zero(t, counts.Failed)
	assert.Positive(t, counts.Answered)
}
