package userdata

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// What Check refuses is tabled in internal/machine, beside what cloud-init says of the same documents.

func TestWhatIsRenderedPassesTheCheck(t *testing.T) {
	host := Bootstrap{Cluster: "flask-cluster-1a2b3c4"}
	for name, b := range map[string]Bootstrap{"dev": dev(), "measured": measured(), "host of containers": host} {
		document, err := b.Render()
		require.NoError(t, err, name)
		assert.NoError(t, Check(document), name)
	}
}

func TestFaultsOfADocumentAreReportedTogether(t *testing.T) {
	document, err := dev().Render()
	require.NoError(t, err)
	text := strings.Replace(string(document), "DynamicUser=yes", "DynamicUsr=yes", 1)
	text = strings.Replace(text, "RestartSec=5", "RestartSec=soon", 1)
	require.EqualError(t, Check([]byte(text)), `artifact-musicguru.service.Service.RestartSec: "soon" is not a value of it`+"\n"+
		"musicguru.service.Service.DynamicUsr: is not known\n"+
		"musicguru.service.Service.User: must be set: services run unprivileged")
}

func TestADescriptionThatGoesOnInTheNextLineIsRefused(t *testing.T) {
	b := dev()
	b.Services[0].Description = `ends in \`
	_, err := b.Render()
	require.ErrorContains(t, err, `"Description=ends in \\" is neither a section nor a directive of one`)
}

func TestADocumentCutShortAnywhereIsRefused(t *testing.T) {
	document, err := dev().Render()
	require.NoError(t, err)
	for length := range len(document) - 1 {
		require.Error(t, Check(document[:length]), "after %d bytes", length)
	}
	for _, odd := range []string{"", header, header + "a: &a [*a]\n", header + "- 1\n", header + "write_files: [{}]\n"} {
		require.Error(t, Check([]byte(odd)), odd)
	}
}
