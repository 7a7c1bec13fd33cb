package userdata

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/secrets"
)

func TestEachCommandOfAServiceHasItsSecrets(t *testing.T) {
	b := Bootstrap{Services: []Service{{
		Name: "web", Command: []string{"/usr/local/bin/web", "serve"}, Before: [][]string{{"/usr/local/bin/web", "migrate"}},
		Secrets: []Secret{{Variable: "TOKEN", Source: secrets.Source{Secret: "web/api", Key: "token"}}},
	}}}
	document, err := b.Render()
	require.NoError(t, err)
	const fetch = `/usr/local/bin/withsecrets "TOKEN=secret:web/api#token" -- /usr/local/bin/web `
	unit := b.serviceUnit(b.Services[0])
	assert.Contains(t, unit, "ExecStartPre="+fetch+"migrate\n")
	assert.Contains(t, unit, "ExecStart="+fetch+"serve\n")
	assert.Contains(t, string(document), "withsecrets")
}
