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
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/journal"

	"github.com/elastic-service/elastic-service/internal/userdatatest"
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

// configured has files, a setup, a folder and services that do not run in the default sandbox.
func configured() Bootstrap {
	sum := func(digit string) string { return strings.Repeat(digit, 64) }
	return Bootstrap{
		Region:   "us-east-1",
		Packages: []string{"nginx"},
		Artifacts: []Artifact{
			{Path: "/srv/site", Bucket: "a.bucket", Key: "site", SHA256: sum("a"), Archive: true},
		},
		Files: []File{
			{Path: "/etc/site/nginx.conf", Content: []byte("daemon off;\nevents {\n    worker_connections 4096;\n}\n")},
			{Path: "/srv/site/.env", Content: []byte("A='b'\r\n"), Mode: "0640", Owner: "site", Group: "www-data"},
			{Path: "/var/www/large.html", Bucket: "a.bucket", Key: "large", SHA256: sum("b"), Mode: "0444"},
		},
		Setup: []Setup{
			{Name: "folders", Command: []string{"/usr/bin/mkdir", "-p", "/var/cache/site"}},
			{
				Name: "migrate", Command: []string{"/srv/site/manage", "migrate", "--wait", "100%"}, User: "site", Directory: "/var/lib/site",
				Environment: map[string]string{"DATABASE": "$x"}, Timeout: time.Minute,
			},
		},
		Services: []Service{
			{
				Name: "site", User: "site", Port: 80, Before: [][]string{{"/usr/sbin/nginx", "-t"}, {"/usr/bin/test", "-e", "$HOME"}},
				Command: []string{"/usr/sbin/nginx", "-c", "/etc/site/nginx.conf"}, Sandbox: Standard, Relax: []string{"ProtectHome", "PrivateTmp"},
				Limits: Limits{OpenFiles: 65536, MemoryMiB: 256, Tasks: 64},
			},
			{Name: "free", Command: []string{"/usr/bin/sleep", "infinity"}, Sandbox: Off},
		},
	}
}

// shipped is configured with a log group for its journal.
func shipped() Bootstrap {
	b := configured()
	b.LogGroup = "/site/prod/instances"
	b.Artifacts = append(b.Artifacts, Artifact{Path: journal.Path, Bucket: "a.bucket", Key: "ship", SHA256: strings.Repeat("c", 64)})
	return b
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
	for name, b := range map[string]Bootstrap{
		"dev": dev(), "rich": rich(), "host": host(), "measured": measured(), "configured": configured(), "shipped": shipped(),
	} {
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

func TestDocumentOverTheLimitIsCompressed(t *testing.T) {
	b := dev()
	document, err := b.Render()
	require.NoError(t, err)
	room := MaxBytes - len(document)

	// The first character of the variable brings its line: 6 of indentation, "Environment=A=" and a line break.
	b.Services[0].Environment = map[string]string{"A": strings.Repeat("x", room-21)}
	document, err = b.Render()
	require.NoError(t, err)
	assert.Len(t, document, MaxBytes)
	assert.True(t, strings.HasPrefix(string(document), header), "what fits can be read")

	b.Services[0].Environment["A"] += "x"
	document, err = b.Render()
	require.NoError(t, err)
	assert.Less(t, len(document), 2000)
	text, err := userdatatest.Decompress(document)
	require.NoError(t, err)
	assert.Contains(t, string(text), "      Environment=A="+b.Services[0].Environment["A"]+"\n")
	again, err := b.Render()
	require.NoError(t, err)
	assert.Equal(t, document, again, "the same bytes")

	b.Services[0].Environment["A"] = userdatatest.Incompressible(24000)
	_, err = b.Render()
	assert.ErrorContains(t, err, "bytes, compressed: EC2 takes 16384 at most")
}

func TestFilesAreInPlaceAfterTheArtifactsAndAllAtOnce(t *testing.T) {
	m := read(t, configured())
	u := m.units["setup-files.service"]
	assert.Equal(t, []string{"artifact-site.service"}, u.values("Unit", "Requires"))
	assert.Equal(t, "/etc/elastic-service/files", u.only(t, "Unit", "ConditionPathExists"))
	var lines []string
	for _, line := range u.values("Service", "ExecStart") {
		lines = append(lines, strings.Join(words(t, line), " "))
	}
	assert.Equal(t, []string{
		"/usr/bin/aws s3 cp --only-show-errors --no-progress s3://a.bucket/large /etc/elastic-service/files/2",
		"/usr/bin/sha256sum --check --quiet /etc/elastic-service/files/2.sha256",
		"/usr/bin/install -D -m 0644 -o root -g root /etc/elastic-service/files/0 /etc/site/nginx.conf.new",
		"/usr/bin/sync /etc/site/nginx.conf.new",
		"/usr/bin/mv -T /etc/site/nginx.conf.new /etc/site/nginx.conf",
		"/usr/bin/install -D -m 0640 -o site -g www-data /etc/elastic-service/files/1 /srv/site/.env.new",
		"/usr/bin/sync /srv/site/.env.new",
		"/usr/bin/mv -T /srv/site/.env.new /srv/site/.env",
		"/usr/bin/install -D -m 0444 -o root -g root /etc/elastic-service/files/2 /var/www/large.html.new",
		"/usr/bin/sync /var/www/large.html.new",
		"/usr/bin/mv -T /var/www/large.html.new /var/www/large.html",
		"/usr/bin/rm -rf /etc/elastic-service/files",
	}, lines)
	for i, f := range configured().Files[:2] {
		assert.Equal(t, string(f.Content), m.files[stagedFile(i)])
	}
	assert.Equal(t, strings.Repeat("b", 64)+"  /etc/elastic-service/files/2\n", m.files["/etc/elastic-service/files/2.sha256"])
}

func TestFolderAppearsInOneStep(t *testing.T) {
	var commands []string
	for _, line := range read(t, configured()).units["artifact-site.service"].values("Service", "ExecStart") {
		commands = append(commands, strings.Join(words(t, line), " "))
	}
	assert.Equal(t, []string{
		"/usr/bin/rm -rf /srv/site.new",
		"/usr/bin/mkdir -p /srv/site.new",
		"/usr/bin/tar -xzf /var/lib/elastic-service/site -C /srv/site.new --no-same-owner",
		"/usr/bin/sync -f /srv/site.new",
		"/usr/bin/mv -T /srv/site.new /srv/site",
		"/usr/bin/rm -f /var/lib/elastic-service/site",
	}, commands[2:], "after it is fetched and verified")
}

func TestSetupRunsInOrderAndTheServicesWaitForIt(t *testing.T) {
	m := read(t, configured())
	before := []string{"artifact-site.service", "setup-files.service"}
	for _, c := range []struct {
		unit string
		want []string
	}{
		{"setup-folders.service", before},
		{"setup-migrate.service", append(slices.Clone(before), "setup-folders.service")},
		{"site.service", append(slices.Clone(before), "setup-folders.service", "setup-migrate.service")},
		{"free.service", append(slices.Clone(before), "setup-folders.service", "setup-migrate.service")},
	} {
		assert.Equal(t, c.want, m.units[c.unit].values("Unit", "Requires"), c.unit)
		assert.Subset(t, m.units[c.unit].values("Unit", "After"), c.want, c.unit)
	}
	u := m.units["setup-migrate.service"]
	assert.Equal(t, []string{`/srv/site/manage migrate --wait "100%%"`, "+/usr/bin/rm -f /etc/elastic-service/setup/migrate"},
		u.values("Service", "ExecStart"))
	assert.Equal(t, "/etc/elastic-service/setup/migrate", u.only(t, "Unit", "ConditionPathExists"))
	assert.Contains(t, m.files, "/etc/elastic-service/setup/migrate")
	assert.Equal(t, "60", u.only(t, "Service", "TimeoutStartSec"))
	assert.Equal(t, "site", u.only(t, "Service", "User"))
	assert.Equal(t, "site", u.only(t, "Service", "StateDirectory"), "the service's folder, before the service has made it")
	assert.Equal(t, map[string]string{"HOME": "/var/lib/site", "DATABASE": "$x"}, variables(t, u))
	assert.Equal(t, []string{"site.service", "free.service"}, u.values("Unit", "OnSuccess"))
	assert.Empty(t, m.units["setup-folders.service"].values("Service", "User"))
	assert.Equal(t, map[string]string{"HOME": "/root"}, variables(t, m.units["setup-folders.service"]))
}

func TestSandboxesDifferInWhatTheySay(t *testing.T) {
	m := read(t, configured())
	site, free := m.units["site.service"], m.units["free.service"]
	assert.Equal(t, []string{"@system-service"}, site.values("Service", "SystemCallFilter"))
	assert.Equal(t, "full", site.only(t, "Service", "ProtectSystem"))
	for _, name := range []string{"ProtectHome", "PrivateTmp", "RestrictNamespaces", "RestrictSUIDSGID", "ProtectProc"} {
		assert.Empty(t, site.values("Service", name), name)
	}
	assert.Equal(t, []string{"/usr/sbin/nginx -t", `/usr/bin/test -e "$$HOME"`}, site.values("Service", "ExecStartPre"))
	for name, want := range map[string]string{"LimitNOFILE": "65536", "MemoryMax": "256M", "TasksMax": "64"} {
		assert.Equal(t, want, site.only(t, "Service", name))
	}
	for _, d := range hardening {
		assert.Empty(t, free.values("Service", d.name), d.name)
	}
	assert.Empty(t, free.values("Service", "CapabilityBoundingSet"))
	assert.Equal(t, "yes", free.only(t, "Service", "DynamicUser"))
}

func TestEveryRelaxedDirectiveIsGone(t *testing.T) {
	for _, sandbox := range []Sandbox{Strict, Standard} {
		for _, name := range sandbox.Relaxable() {
			b := dev()
			b.Services[0].User, b.Services[0].Sandbox = "web", sandbox
			assert.NotEmpty(t, read(t, b).units["musicguru.service"].values("Service", name), name)
			b.Services[0].Relax = []string{name}
			assert.Empty(t, read(t, b).units["musicguru.service"].values("Service", name), name)
		}
	}
}

func TestUnitsPassSystemdAnalyze(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	for name, b := range map[string]Bootstrap{"dev": dev(), "rich": rich(), "configured": configured(), "shipped": shipped()} {
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
