package rehearsal

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/engine"
	"github.com/elastic-service/elastic-service/emulator/engine/enginetest"
	"github.com/elastic-service/elastic-service/emulator/load"
	"github.com/elastic-service/elastic-service/emulator/session"
	"github.com/elastic-service/elastic-service/internal/project"
)

// guest is a stack beside the one of a rehearsal, in the same cloud.
type guest struct {
	*testing.T
	host    *Rehearsal
	options session.Options
}

// beside adds a stack that has dev's settings and another service, in the network that existing describes.
func (r *Rehearsal) beside(t *testing.T, name string, existing map[string]any) guest {
	t.Helper()
	o := r.deployment.Session.Options()
	text, err := os.ReadFile(filepath.Join(o.Root, "Pulumi.dev.yaml"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(o.Root, "Pulumi."+name+".yaml"), text, 0o600))
	o.Stack = name
	g := guest{t, r, o}
	g.set(name, "service")
	g.set(map[string]any{"existing": existing}, "network")
	return g
}

func (g guest) set(value any, key string, path ...any) {
	g.Helper()
	require.NoError(g, project.Set(g.options.Root, g.options.Stack, value, "elastic-service:"+key, path...))
}

func (g guest) engine() *engine.Engine {
	g.Helper()
	e, err := session.OpenEngine(g.Context(), g.options, g.host.deployment.Session.Emulator.Environment())
	require.NoError(g, err)
	return e
}

// ask asks the stack's service until it answers.
func (g guest) ask(address string) {
	g.Helper()
	service, err := load.NewService(address, "TCP", "0", "")
	require.NoError(g, err)
	require.EventuallyWithT(g, func(now *assert.CollectT) {
		_, err := service.Ask(g.Context())
		assert.NoError(now, err)
	}, time.Minute, 50*time.Millisecond)
}

// tagged selects what a stack has created.
func tagged(more ...string) map[string]any {
	tags := map[string]any{"Service": "musicguru", "Stack": "dev"}
	for i := 0; i < len(more); i += 2 {
		tags[more[i]] = more[i+1]
	}
	return map[string]any{"tags": tags}
}

// A stack in the network of another is deployed, refuses subnets that do not fit, and goes without a trace.
func TestAStackLivesInTheNetworkOfAnother(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	r := startReleases(t)
	before := r.deployment.Session.Emulator.Left()
	existing := tagged()
	existing["public"] = tagged("SubnetType", "Public")
	g := r.beside(t, "guest", existing)

	up, err := g.engine().Up(t.Context())
	require.NoError(t, err)
	assert.Equal(t, r.deployment.Result.Outputs["vpc"], up.Outputs["vpc"])
	assert.Zero(t, up.Types["aws:ec2/vpc:Vpc"]+up.Types["aws:ec2/subnet:Subnet"], "nothing of the network is its own")
	g.ask(up.Outputs["address"])
	again, err := g.engine().Up(t.Context())
	require.NoError(t, err)
	assert.Zero(t, again.Created+again.Updated+again.Replaced+again.Deleted)

	// Clients of this machine have the address 203.0.113.1.
	g.set([]any{"198.51.100.0/24"}, "balancer", "from")
	must(g.engine().Up(t.Context()))(t)
	_, err = must(load.NewService(up.Outputs["address"], "TCP", "0", ""))(t).Ask(t.Context())
	require.Error(t, err)
	g.set([]any{"198.51.100.0/24", "203.0.113.0/28"}, "balancer", "from")
	must(g.engine().Up(t.Context()))(t)
	g.ask(up.Outputs["address"])

	for name, c := range map[string]struct {
		existing map[string]any
		want     string
	}{
		"a VPC that is not there": {
			map[string]any{"vpc": "vpc-01234567", "public": tagged()},
			"network.existing.vpc: \"vpc-01234567\" is not found as a VPC of the region",
		},
		"tags that no subnet has": {
			map[string]any{"tags": existing["tags"], "public": tagged("SubnetType", "Private")},
			"SubnetType:Private}\" are those of no subnet of vpc-",
		},
		"a private tier that is public": {
			map[string]any{"tags": existing["tags"], "public": existing["public"], "private": existing["public"]},
			"which an instance without a public address cannot use",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := r.beside(t, "other", c.existing)
			g.T = t
			_, err := g.engine().Up(t.Context())
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, fmt.Sprint(r.deployment.Session.Emulator.Left()), "other")
		})
	}

	victim := r.deployment.Healthy()[0].ID
	require.NoError(t, r.deployment.Session.Emulator.TerminateInstance(victim))
	require.NoError(t, r.awaitHealthy(t.Context()))
	g.ask(up.Outputs["address"])
	_, err = g.engine().Destroy(t.Context())
	require.NoError(t, err)
	require.EventuallyWithT(t, func(now *assert.CollectT) {
		assert.Len(now, r.deployment.Session.Emulator.Left(), len(before))
	}, time.Minute, 50*time.Millisecond)
	require.NoError(t, r.askEveryTarget(t.Context()))
}
