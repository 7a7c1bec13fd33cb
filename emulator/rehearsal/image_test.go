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

// An image that AWS publishes is none of the stack's business until its user asks for it, as a release.
func TestANewerImageIsTakenWhenItIsAskedFor(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	r := deployed(t, must(session.EnterProject("dev"))(t), "dev")
	first := r.deployment.Healthy()[0].Image

	newer := must(publish(r.deployment.Cloud(), r.deployment.Settings.Image.Parameter))(t)
	require.NotEqual(t, first, newer.ID)
	result := must(r.deployment.Up(t.Context()))(t)
	assert.Zero(t, result.Changes(), "%s", result)

	require.NoError(t, r.deployment.Set("May", "image", "update"))
	result = must(r.deployment.Up(t.Context()))(t)
	require.NoError(t, r.awaitRefresh(t.Context(), result.Outputs["group"]))
	for _, i := range r.deployment.Healthy() {
		assert.Equal(t, newer.ID, i.Image)
	}
	require.NoError(t, r.destroy(t.Context()))
}

func publish(c *cloud.Cloud, parameter string) (image ec2.Image, err error) {
	err = c.Change(func(m *cloud.Model) (err error) {
		image, err = m.EC2.PublishImage(parameter)
		return err
	})
	return image, err
}
