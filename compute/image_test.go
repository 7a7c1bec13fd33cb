package compute

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
)

func image(t *testing.T, args *ImageArgs) (*graphtest.Graph, string, error) {
	var id string
	g, err := graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		image, err := NewImage(ctx, "cardweb", args)
		if err == nil {
			image.ID.ApplyT(func(v string) string { id = v; return v })
		}
		return err
	})
	return g, id, err
}

func TestAnImageIsMadeOfTheInstanceAndOutlivesTheStack(t *testing.T) {
	for reboot, without := range map[bool]bool{true: false, false: true} {
		g, id, err := image(t, &ImageArgs{
			SourceInstanceID: "i-0123456789abcdef0", Reboot: reboot, Tags: map[string]string{"Service": "cardweb"},
		})
		require.NoError(t, err)
		made := g.Find("AmiFromInstance", "cardweb-image")
		assert.Equal(t, map[string]any{
			"sourceInstanceId": "i-0123456789abcdef0", "snapshotWithoutReboot": without,
			"description": "cardweb, made of i-0123456789abcdef0",
			"tags":        map[string]any{"Service": "cardweb", "Name": "cardweb"},
		}, made.Inputs.Mappable())
		assert.True(t, made.RetainOnDelete)
		assert.Same(t, g.Find("elastic-service:compute:Image", "cardweb"), g.Parent(made))
		assert.Equal(t, made.Outputs["id"].StringValue(), id)
	}
}

func TestAnImageOfAnOldInstanceIsMadeToo(t *testing.T) {
	_, _, err := image(t, &ImageArgs{SourceInstanceID: "i-01234567"})
	assert.NoError(t, err)
}

func TestAnImageOfWhatIsNoInstanceRegistersNothing(t *testing.T) {
	for _, id := range []string{"", "ami-0123456789abcdef0", "i-0123456789ABCDEF0", "i-012345678", "i-01234567\n"} {
		g, _, err := image(t, &ImageArgs{SourceInstanceID: id})
		require.ErrorContains(t, err, "is not the ID of an instance, such as i-0123456789abcdef0", id)
		assert.Empty(t, g.Resources)
	}
}
