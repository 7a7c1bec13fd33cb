package secrets

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSourcesAreReadAsTheyAreWritten(t *testing.T) {
	const arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:api-AbCdEf"
	for text, want := range map[string]Source{
		"secret:web/api":           {Secret: "web/api"},
		"secret:" + arn + "#token": {Secret: arn, Key: "token"},
		"secret:" + arn + "#k#v-1": {Secret: arn, Key: "k", Version: "v-1"},
		"secret:" + arn + "##v-1":  {Secret: arn, Version: "v-1"},
		"parameter:/web/token":     {Parameter: "/web/token"},
	} {
		got, err := ParseSource(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got)
		assert.Equal(t, text, got.String())
	}
	for _, text := range []string{"", "secret:", "parameter:", "web/api", "secret:a#b#c#d"} {
		_, err := ParseSource(text)
		require.Error(t, err, text)
	}
	_, err := ParseVariable("=secret:a")
	require.Error(t, err)
}
