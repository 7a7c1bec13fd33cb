package userdata

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite the golden files in testdata")

// dev is the bootstrap of the stack dev.
func dev() Bootstrap {
	return Bootstrap{
		Region: "us-east-1",
		Artifacts: []Artifact{
			{
				Path: "/usr/local/bin/musicguru", Bucket: "musicguru-artifacts-1a2b3c4",
				Key: "musicguru/" + strings.Repeat("ab", 32), SHA256: strings.Repeat("ab", 32),
			},
			{
				Path: "/usr/local/bin/healthcheck", Bucket: "musicguru-artifacts-1a2b3c4",
				Key: "healthcheck/" + strings.Repeat("cd", 32), SHA256: strings.Repeat("cd", 32),
			},
		},
		Services: []Service{
			{Name: "musicguru", Command: []string{"/usr/local/bin/musicguru", "serve"}, Port: 5000},
			{
				Name: "healthcheck", Description: "Answers health checks while musicguru listens",
				Command: []string{"/usr/local/bin/healthcheck", "-port", "5001", "-service-port", "5000"},
				Port:    5001, After: []string{"musicguru"},
			},
		},
	}
}

// rich has what dev has not: packages, users, a low port, variables, an artifact without a service, one with two.
func rich() Bootstrap {
	return Bootstrap{
		Region:   "eu-central-1",
		Packages: []string{"python3", "htop"},
		Artifacts: []Artifact{
			{Path: "/opt/web/app.py", Bucket: "a.bucket", Key: "app", SHA256: strings.Repeat("01", 32)},
			{Path: "/srv/motd.txt", Bucket: "a.bucket", Key: "motd", SHA256: strings.Repeat("23", 32)},
		},
		Services: []Service{
			{
				Name: "web", Description: "100% of the web", User: "web", Directory: "/opt/web", Port: 80,
				Command:     []string{"/usr/bin/python3", "/opt/web/app.py", "say \"hi\" to $USER;", ";", "", `C:\new`, "50%"},
				Environment: map[string]string{"Z": "last", "PRICE": "$5 or 100%", "EMPTY": "", "TABBED": "a\tb"},
			},
			{Name: "worker", User: "web", Command: []string{"/usr/bin/python3", "/opt/web/app.py", "work"}, After: []string{"web"}},
			{Name: "idle", Command: []string{"/usr/bin/sleep", "infinity"}},
		},
	}
}

func TestDocumentIsTheGoldenOne(t *testing.T) {
	for name, b := range map[string]Bootstrap{"dev": dev(), "rich": rich()} {
		t.Run(name, func(t *testing.T) {
			got, err := b.Render()
			require.NoError(t, err)
			golden := filepath.Join("testdata", name+".golden")
			if *update {
				require.NoError(t, os.WriteFile(golden, got, 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			assert.Equal(t, string(want), string(got))
		})
	}
}
