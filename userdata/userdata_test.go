package userdata

import (
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// host is a machine that runs the containers of a cluster, and nothing else.
func host() Bootstrap { return Bootstrap{Cluster: "flask-cluster-1a2b3c4", MemoryMetric: true} }

// measured is dev with the metric of its memory.
func measured() Bootstrap {
	b := dev()
	b.MemoryMetric = true
	return b
}

func TestDocumentIsTheGoldenOne(t *testing.T) {
	for name, b := range map[string]Bootstrap{"dev": dev(), "rich": rich(), "host": host(), "measured": measured()} {
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

func TestDocumentIsTheSameEachTime(t *testing.T) {
	first, err := rich().Render()
	require.NoError(t, err)
	for range 50 {
		again, err := rich().Render()
		require.NoError(t, err)
		require.Equal(t, string(first), string(again))
	}
}

func TestDocumentReadBackIsTheBootstrap(t *testing.T) {
	for name, b := range map[string]Bootstrap{"dev": dev(), "rich": rich()} {
		t.Run(name, func(t *testing.T) {
			m := read(t, b)
			assert.Equal(t, b.Packages, m.document.Packages)
			assert.Equal(t, len(b.Packages) > 0, m.document.PackageUpdate)
			for _, a := range b.Artifacts {
				u := m.units["artifact-"+filepath.Base(a.Path)+".service"]
				fetch := words(t, u.values("Service", "ExecStart")[0])
				assert.Equal(t, "s3://"+a.Bucket+"/"+a.Key, fetch[len(fetch)-2])
				assert.Equal(t, a.SHA256+"  "+fetch[len(fetch)-1]+"\n", m.files["/etc/elastic-service/"+filepath.Base(a.Path)+".sha256"])
				assert.Equal(t, []string{"!" + a.Path}, u.values("Unit", "ConditionPathExists"))
				assert.Contains(t, u.values("Service", "Environment"), "AWS_REGION="+b.Region)
			}
			for _, s := range b.Services {
				u := m.units[s.Name+".service"]
				assert.Equal(t, s.Command, expanded(words(t, u.only(t, "Service", "ExecStart"))))
				assert.Equal(t, s.environment(), variables(t, u))
				assert.Equal(t, s.Directory, strings.Join(u.values("Service", "WorkingDirectory"), " "))
				assert.Equal(t, s.User, strings.Join(u.values("Service", "User"), " "))
				for _, other := range s.After {
					assert.Contains(t, u.values("Unit", "After"), other+".service")
				}
			}
			assert.Len(t, m.units, len(b.Artifacts)+len(b.Services))
		})
	}
}

func TestEveryUnitIsEnabledAndWantedAtEachBoot(t *testing.T) {
	m := read(t, rich())
	require.Len(t, m.document.RunCommands, 2)
	assert.Equal(t, []string{"systemctl", "daemon-reload"}, m.document.RunCommands[0])
	assert.Equal(t, []string{"systemctl", "enable", "--now", "--no-block"}, m.document.RunCommands[1][:4])
	assert.ElementsMatch(t, slices.Collect(maps.Keys(m.units)), m.document.RunCommands[1][4:])
	for name, u := range m.units {
		assert.Equal(t, "multi-user.target", u.only(t, "Install", "WantedBy"), name)
		assert.Equal(t, "0", u.only(t, "Unit", "StartLimitIntervalSec"), "%s is never given up", name)
	}
}

func TestEveryServiceWaitsForEveryArtifact(t *testing.T) {
	m := read(t, rich())
	artifacts := []string{"artifact-app.py.service", "artifact-motd.txt.service"}
	services := []string{"web.service", "worker.service", "idle.service"}
	for _, name := range services {
		assert.Equal(t, artifacts, m.units[name].values("Unit", "Requires"), name)
		assert.Subset(t, m.units[name].values("Unit", "After"), artifacts, name)
	}
	for _, name := range artifacts {
		assert.Equal(t, services, m.units[name].values("Unit", "OnSuccess"), "the retry of %s starts the services", name)
	}
}

func TestArtifactAppearsOnlyOnceItIsVerifiedAndOnTheDisk(t *testing.T) {
	var programs []string
	appearances := 0
	for _, line := range read(t, dev()).units["artifact-musicguru.service"].values("Service", "ExecStart") {
		command := words(t, line)
		programs = append(programs, filepath.Base(command[0]))
		if slices.Contains(command, "/usr/local/bin/musicguru") {
			appearances++
			assert.Equal(t, []string{"/usr/bin/mv", "-T", "/usr/local/bin/musicguru.new", "/usr/local/bin/musicguru"}, command)
		}
	}
	assert.Equal(t, []string{"aws", "sha256sum", "install", "sync", "mv", "rm"}, programs)
	assert.Equal(t, 1, appearances)
}

func TestOnlyALowPortBringsACapability(t *testing.T) {
	for port, want := range map[int]string{0: "", 80: "CAP_NET_BIND_SERVICE", 1023: "CAP_NET_BIND_SERVICE", 1024: "", 5000: ""} {
		b := dev()
		b.Services[0].Port = port
		u := read(t, b).units["musicguru.service"]
		assert.Equal(t, want, u.only(t, "Service", "CapabilityBoundingSet"), port)
		assert.Equal(t, want, strings.Join(u.values("Service", "AmbientCapabilities"), " "), port)
	}
}

func TestServicesWithoutAUserGetADynamicOne(t *testing.T) {
	m := read(t, rich())
	assert.Equal(t, "yes", m.units["idle.service"].only(t, "Service", "DynamicUser"))
	assert.Empty(t, m.units["web.service"].values("Service", "DynamicUser"))
}

func TestHomeIsTheStateDirectoryUnlessTheServiceHasItsOwn(t *testing.T) {
	b := dev()
	b.Services[0].Environment = map[string]string{"HOME": "/srv"}
	m := read(t, b)
	assert.Equal(t, map[string]string{"HOME": "/srv"}, variables(t, m.units["musicguru.service"]))
	assert.Equal(t, map[string]string{"HOME": "/var/lib/healthcheck"}, variables(t, m.units["healthcheck.service"]))
}

func TestUsersAreMadeOnceAndTheImagesOwnIsKept(t *testing.T) {
	assert.Nil(t, read(t, dev()).document.Users, "without users the image's own stays as it is")
	assert.Equal(t, []any{
		"default",
		map[string]any{"name": "web", "system": true, "no_create_home": true, "shell": "/usr/sbin/nologin"},
	}, read(t, rich()).document.Users)
}

func TestDocumentOverTheLimitIsRefusedWithItsSize(t *testing.T) {
	b := dev()
	document, err := b.Render()
	require.NoError(t, err)
	room := MaxBytes - len(document)

	// The first character of the variable brings its line: 6 of indentation, "Environment=A=" and a line break.
	b.Services[0].Environment = map[string]string{"A": strings.Repeat("x", room-21)}
	document, err = b.Render()
	require.NoError(t, err)
	assert.Len(t, document, MaxBytes)

	b.Services[0].Environment["A"] += "x"
	_, err = b.Render()
	assert.EqualError(t, err, "user data has 16385 bytes: EC2 takes 16384 at most")
}

func TestUnitsPassSystemdAnalyze(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	for name, b := range map[string]Bootstrap{"dev": dev(), "rich": rich()} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			command := []string{"--man=no", "verify"}
			for file, content := range read(t, b).files {
				if strings.HasSuffix(file, ".service") {
					command = append(command, filepath.Join(folder, filepath.Base(file)))
					require.NoError(t, os.WriteFile(command[len(command)-1], []byte(content), 0o600))
				}
			}
			// It warns of what it ignores, such as unknown keys, and succeeds. The programs are the instance's.
			output, _ := exec.Command(analyze, command...).CombinedOutput()
			for line := range strings.Lines(string(output)) {
				assert.Contains(t, line, "is not executable: No such file or directory")
			}
		})
	}
}
