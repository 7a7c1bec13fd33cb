package tags_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"

	"github.com/elastic-service/elastic-service/internal/tags"
)

func TestNamedLeavesTheTagsAlone(t *testing.T) {
	given := map[string]string{"Service": "web"}
	assert.Equal(t, pulumi.StringMap{"Service": pulumi.String("web"), "Name": pulumi.String("web-a")}, tags.Named(given, "web-a"))
	assert.Equal(t, map[string]string{"Service": "web"}, given)
	assert.Equal(t, pulumi.StringMap{"Name": pulumi.String("web-a")}, tags.Named(nil, "web-a"))
}
