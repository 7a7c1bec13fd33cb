package rehearsal

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/engine/enginetest"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// The stack files are rehearsed one by one by the gate (.ci/run), as their users do: here is what a rehearsal leaves out.

// An image is made of a member of the group, and takes the place of the artifacts: the next release of a web site.
func TestAnImageOfAnInstanceIsTheNextRelease(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	r := deployed(t, must(session.EnterProject("cardweb"))(t), "cardweb")
	source := r.deployment.Healthy()[0]

	require.NoError(t, r.deployment.Set(map[string]any{"fromInstance": source.ID}, "image"))
	require.NoError(t, r.deployment.Set([]any{}, "app", "artifacts"))
	clients := r.startClients(t.Context())
	result := must(r.deployment.Up(t.Context()))(t)
	require.NoError(t, r.awaitRefresh(t.Context(), result.Outputs["group"]))
	assert.Zero(t, clients.Stop().Failed)

	var made []ec2.Image
	for _, image := range cloud.Get(r.deployment.Cloud(), func(m *cloud.Model) []ec2.Image { return m.EC2.DescribeImages() }) {
		if image.Source == source.ID {
			made = append(made, image)
		}
	}
	require.Len(t, made, 1)
	for _, i := range r.deployment.Healthy() {
		assert.Equal(t, made[0].ID, i.Image)
		assert.Equal(t, 2, i.Version)
	}
	require.NoError(t, r.askEveryTarget(t.Context()), "the program came with the image")
	require.NoError(t, r.destroy(t.Context()))
	assert.Contains(t, cloud.Get(r.deployment.Cloud(), func(m *cloud.Model) []ec2.Image {
		return m.EC2.DescribeImages()
	}), made[0], "the image stays when the stack goes")
}
