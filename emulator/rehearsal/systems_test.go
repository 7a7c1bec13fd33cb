package rehearsal

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// The page that says how to write a stack of one's own is followed to the letter.
func TestTheStackOfTheDocumentIsRehearsed(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	if _, err := exec.LookPath("redis-server"); err != nil {
		require.Empty(t, os.Getenv("CI"), "redis-server must be installed: %v", err)
		t.Skip("redis-server is not installed, and packages are this machine's on the emulator")
	}
	root := must(session.EnterProject("dev"))(t)
	page := string(must(os.ReadFile(filepath.Join(root, "docs", "your-own-stack.md")))(t))
	_, file, found := strings.Cut(page, "```yaml\n# Pulumi.cache.yaml\n")
	require.True(t, found)
	file, _, _ = strings.Cut(file, "```")
	project := t.TempDir()
	for name, content := range map[string]string{
		"Pulumi.yaml":       string(must(os.ReadFile(filepath.Join(root, "Pulumi.yaml")))(t)),
		"Pulumi.cache.yaml": file,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(project, name), []byte(content), 0o600))
	}
	var out bytes.Buffer
	o := testOptions(t, project, "cache", t.TempDir(), 20)
	o.Question, o.Out = "PING", io.MultiWriter(&out, o.Out)
	_, err := runIn(t.Context(), o, newReport(o))
	require.NoError(t, err)
	assert.Contains(t, out.String(), "ask        +PONG\n")
	assert.Regexp(t, `skipped +packages: redis-server is not installed`, out.String())
}
