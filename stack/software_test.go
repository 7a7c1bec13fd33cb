package stack

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
	"github.com/elastic-service/elastic-service/internal/userdatatest"
)

// configured is stack dev with all that an application may bring.
func configured(t *testing.T) *graphtest.Graph {
	t.Helper()
	g, err := graphtest.Run(t, world(t, "dev", map[string]any{
		"app.artifacts": []map[string]string{
			{"build": "./cmd/musicguru", "path": "/usr/local/bin/musicguru"}, {"directory": "docs/adr", "path": "/srv/adr"},
		},
		"app.files": []map[string]any{
			{"path": "/etc/musicguru/small.conf", "content": "small\n", "mode": "0640", "group": "musicguru"},
			{"path": "/etc/musicguru/large.conf", "content": strings.Repeat("a line of a large file\n", 500)},
			{"path": "/srv/adr/LICENSE", "file": "LICENSE"},
			{"path": "/srv/adr/go.sum", "file": "go.sum"},
		},
		"app.setup": []map[string]any{{"name": "migrate", "command": []string{"/usr/local/bin/musicguru", "help"}, "timeout": 30}},
	}), Deploy)
	require.NoError(t, err)
	return g
}

func TestWhatIsLargeGoesThroughTheBucketAndTheRestIsInTheUserData(t *testing.T) {
	g := configured(t)
	var places []string
	for _, object := range g.OfType("BucketObjectv2") {
		key := object.Inputs["key"].StringValue()
		places = append(places, strings.TrimPrefix(key[:strings.LastIndex(key, "/")], "artifacts"))
		assert.True(t, object.Inputs["source"].IsAsset(), key)
	}
	slices.Sort(places)
	assert.Equal(t, []string{
		"/etc/musicguru/large.conf", "/srv/adr", "/srv/adr/LICENSE", "/srv/adr/go.sum", "/usr/local/bin/healthcheck",
		"/usr/local/bin/musicguru",
	}, places)
	template := g.OfType("LaunchTemplate")[0]
	document, err := base64.StdEncoding.DecodeString(template.Inputs["userData"].StringValue())
	require.NoError(t, err)
	require.NoError(t, userdatatest.Check(document))
	text := graphtest.UserData(template)
	for _, want := range []string{
		"ExecStart=/usr/bin/tar -xzf /var/lib/elastic-service/adr -C /srv/adr.new --no-same-owner\n",
		"ExecStart=/usr/bin/install -D -m 0640 -o root -g musicguru /etc/elastic-service/files/0 /etc/musicguru/small.conf.new\n",
		"    content: |\n      small\n", "Description=Setup migrate\n", "TimeoutStartSec=30\n",
	} {
		assert.Contains(t, text, want)
	}
	assert.NotContains(t, text, "a line of a large file")
}

// A migration needs the password of the database before any service does.
func TestASetupCommandHasSecretsAsServicesHave(t *testing.T) {
	g, err := graphtest.Run(t, world(t, "dev", map[string]any{
		"app.setup": []map[string]any{{
			"name": "migrate", "command": []string{"/usr/local/bin/musicguru", "help"},
			"secrets": map[string]any{"PASSWORD": map[string]string{"secret": "guru/db"}},
		}},
		"network.private": true, "network.nat": "single", "compute.publicAddress": nil,
	}), Deploy)
	require.NoError(t, err)
	text := graphtest.UserData(g.OfType("LaunchTemplate")[0])
	assert.Contains(t, text, "      ExecStart=/usr/local/bin/withsecrets PASSWORD=")
	assert.Contains(t, text, " -- /usr/local/bin/musicguru help\n")
	var policies strings.Builder
	for _, policy := range g.OfType("RolePolicy") {
		policies.WriteString(policy.Inputs["policy"].StringValue())
	}
	assert.Contains(t, policies.String(), "secretsmanager:GetSecretValue")
	assert.Contains(t, policies.String(), ":secret:guru/db-??????")
}

func TestTheUserDataIsTheSameEachTime(t *testing.T) {
	userData := func() string { return configured(t).OfType("LaunchTemplate")[0].Inputs["userData"].StringValue() }
	first := userData()
	assert.Equal(t, first, userData())
}
