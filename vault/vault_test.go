package vault

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
)

func args() *Args {
	return &Args{Values: map[string]string{"web.TOKEN": "hunter2", "web.KEY": "hunter3"}, Tags: map[string]string{"Service": "web"}}
}

func deploy(t *testing.T, args *Args) (*graphtest.Graph, error) {
	return graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		_, err := New(ctx, "web", args)
		return err
	})
}

func TestBadArgumentsRegisterNothingAndShowNothing(t *testing.T) {
	for name, test := range map[string]struct {
		values map[string]string
		want   string
	}{
		"no values":       {nil, "values: at least one is needed"},
		"too many values": {map[string]string{"a": strings.Repeat("hunter2", 10000)}, "values: have 70008 bytes together, as JSON"},
	} {
		a := args()
		a.Values = test.values
		g, err := deploy(t, a)
		require.ErrorContains(t, err, test.want, name)
		assert.NotContains(t, err.Error(), "hunter2", name)
		assert.Empty(t, g.Resources, name)
	}
}

func TestValuesAreASecretOfPulumiAndStayWhenAnotherVersionReplacesThem(t *testing.T) {
	g, err := deploy(t, args())
	require.NoError(t, err)
	secret := g.Find("Secret", "web-secrets")
	assert.InDelta(t, 7, secret.Inputs["recoveryWindowInDays"].NumberValue(), 0)
	assert.NotContains(t, secret.Inputs, resource.PropertyKey("name"), "a name is taken while the secret can be restored")
	version := g.Find("SecretVersion", "web-values")
	require.True(t, version.Inputs["secretString"].IsSecret())
	assert.JSONEq(t, `{"web.KEY": "hunter3", "web.TOKEN": "hunter2"}`, version.Inputs["secretString"].SecretValue().Element.StringValue())
	assert.True(t, version.RetainOnDelete)
}
