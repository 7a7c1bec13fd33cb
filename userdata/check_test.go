package userdata

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/userdatatest"
)

// What Check refuses is tabled in emulator/runtime/nspawn, beside what cloud-init says of the same documents.

func TestWhatIsRenderedPassesTheCheck(t *testing.T) {
	host := Bootstrap{Cluster: "flask-cluster-1a2b3c4"}
	for name, b := range map[string]Bootstrap{
		"dev": dev(), "measured": measured(), "configured": configured(), "shipped": shipped(), "host of containers": host,
	} {
		document, err := b.Render()
		require.NoError(t, err, name)
		assert.NoError(t, userdatatest.Check(document), name)
	}
}

func TestFaultsOfADocumentAreReportedTogether(t *testing.T) {
	document, err := dev().Render()
	require.NoError(t, err)
	text := strings.Replace(string(document), "DynamicUser=yes", "DynamicUsr=yes", 1)
	text = strings.Replace(text, "RestartSec=5", "RestartSec=soon", 1)
	require.EqualError(t, userdatatest.Check([]byte(text)), `artifact-musicguru.service.Service.RestartSec: "soon" is not a value of it`+"\n"+
		"musicguru.service.Service.DynamicUsr: is not known\n"+
		"musicguru.service.Service.User: must be set: services run unprivileged")
}

func TestADescriptionThatGoesOnInTheNextLineIsRefused(t *testing.T) {
	b := dev()
	b.Services[0].Description = `ends in \`
	_, err := b.Render()
	require.ErrorContains(t, err, `services[0].description: "ends in \\" ends in a backslash`)
}

func TestADocumentCutShortAnywhereIsRefused(t *testing.T) {
	document, err := dev().Render()
	require.NoError(t, err)
	for length := range len(document) - 1 {
		require.Error(t, userdatatest.Check(document[:length]), "after %d bytes", length)
	}
	for _, odd := range []string{"", header, header + "a: &a [*a]\n", header + "- 1\n", header + "write_files: [{}]\n"} {
		require.Error(t, userdatatest.Check([]byte(odd)), odd)
	}
}

func FuzzWhatIsRenderedPassesTheCheck(f *testing.F) {
	f.Add("web", "The web's server", "/srv/web", "/usr/bin/web", "-port 80", "nobody2", "A", "b", "python3", "/opt/web/app.py",
		"/etc/web/conf", []byte("a\n"), "0640", "ProtectHome", 80)
	f.Add("a", `\`, "/", "/bin/a", "", "", "", "", "", "/usr/local/bin/a", "/var/lib/a/b", []byte("\x00"), "", "SystemCallFilter", 0)
	f.Add("web", "100% [Service]", "", "/opt/web/app.py", "$HOME\t\"\\", "u", "_", "\u2028", "g++", "/opt/web/app.py",
		"/opt/web/app.py/x", []byte(" \n"), "0666", "x", 65535)
	f.Fuzz(func(
		t *testing.T, name, description, folder, program, argument, user, variable, value, pack, artifact, path string, content []byte,
		mode, directive string, port int,
	) {
		environment := map[string]string{variable: value}
		b := Bootstrap{
			Region: "us-east-1",
			Artifacts: []Artifact{
				{Path: artifact, Bucket: "a.bucket", Key: "key", SHA256: strings.Repeat("ab", 32), Archive: port%3 == 1},
			},
			Files: []File{
				{Path: path, Content: content, Mode: mode, Owner: user, Group: name},
				{Path: "/etc/last/file", Bucket: "a.bucket", Key: "file", SHA256: strings.Repeat("cd", 32)},
			},
			Setup: []Setup{
				{Name: name, Command: []string{program, argument}, User: user, Directory: folder, Environment: environment},
				{Name: "last", Command: []string{"/bin/true", path}, Timeout: time.Duration(port) * time.Second},
			},
			Services: []Service{
				{
					Name: name, Description: description, Command: []string{program, argument}, User: user, Directory: folder,
					Environment: environment, Port: port, Before: [][]string{{program, argument}},
					Sandbox: []Sandbox{"", Strict, Standard, Off}[uint(port)%4], Limits: Limits{port, port, port},
				},
				{Name: "last", Command: []string{"/bin/true", artifact}, After: []string{name}, Relax: []string{directive}},
			},
			MemoryMetric: port%2 == 1,
		}
		if pack != "" {
			b.Packages = []string{pack}
		}
		document, err := b.Render()
		if err == nil {
			require.NoError(t, userdatatest.Check(document), string(document))
			assert.Equal(t, string(content), read(t, b).files[stagedFile(0)])
		}
	})
}
