package settings

import (
	"encoding/json"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/elastic-service/elastic-service/healthcheck"
	"github.com/elastic-service/elastic-service/userdata"
)

// smallest is a stack with nothing that could be left out.
const smallest = `
aws:region: us-east-1
service: musicguru
image: {id: ami-0123456789abcdef0}
app: {port: 5000, services: [{name: musicguru, command: [/usr/local/bin/musicguru, serve]}]}
`

// config reads settings as a stack file has them, without their namespace, into what Pulumi hands to a program. Each
// further document replaces keys of those before it.
func config(t testing.TB, documents ...string) map[string]string {
	t.Helper()
	flat := map[string]string{}
	for _, document := range documents {
		tree := map[string]any{}
		require.NoError(t, yaml.Unmarshal([]byte(document), &tree))
		for key, value := range tree {
			if value == nil {
				delete(flat, namespace+key)
				continue
			}
			if !strings.Contains(key, ":") {
				key = namespace + key
			}
			flat[key] = handOver(t, value)
		}
	}
	return flat
}

// handOver turns a value of a stack file into what Pulumi hands to a program.
func handOver(t testing.TB, value any) string {
	t.Helper()
	if text, ok := value.(string); ok {
		return text
	}
	encoded, err := json.Marshal(value)
	require.NoError(t, err)
	return string(encoded)
}

func readFile(t testing.TB, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}

func stackFile(t testing.TB, path string) map[string]string {
	t.Helper()
	var file struct{ Config map[string]any }
	require.NoError(t, yaml.Unmarshal([]byte(readFile(t, path)), &file))
	flat := map[string]string{}
	for key, value := range file.Config {
		flat[key] = handOver(t, value)
	}
	return flat
}

// standardLimits are the limits of a service that sets none.
var standardLimits = Limits{OpenFiles: 65536}

func TestWhatIsLeftOutHasItsDefault(t *testing.T) {
	got, err := Parse(config(t, smallest, `scaling: {policies: [{targetTracking: {}}]}`))
	require.NoError(t, err)
	assert.Equal(t, &Settings{
		Region:  "us-east-1",
		Service: "musicguru",
		Network: Network{CIDR: netip.MustParsePrefix("192.168.0.0/23"), Zones: Zones{Number: 2}, NAT: "none"},
		Image:   Image{ID: "ami-0123456789abcdef0"},
		Compute: Compute{InstanceType: "t3.micro", CPUCredits: "unlimited", PublicAddress: new(true)},
		App: &App{Port: 5000, Services: []Service{
			{Name: "musicguru", Command: []string{"/usr/local/bin/musicguru", "serve"}, Sandbox: userdata.Strict, Limits: standardLimits},
		}},
		Health: Health{
			Protocol: healthcheck.TCP, Port: 5001,
			Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 3,
		},
		Balancer: Balancer{Type: "network", CrossZone: true, Listeners: []Listener{{Port: 5000, Protocol: "TCP"}}},
		Scaling: Scaling{Min: 2, Max: 3, Grace: 2 * time.Minute, HealthCheck: "ELB", Release: standardRelease, Policies: []Policy{
			{TargetTracking: &TargetTracking{Metric: "cpu", Target: 50, Warmup: 5 * time.Minute}},
		}},
	}, got)
}

// standardRelease is what scaling.release is when it is left out.
var standardRelease = Release{CheckpointDelay: 5 * time.Minute, Bake: new(2 * time.Minute), Timeout: 10 * time.Minute}

func TestEverySettingIsRead(t *testing.T) {
	got, err := Parse(config(t, `
aws:region: eu-west-1
service: guru-2
network: {cidr: 10.1.0.0/16, zones: 3, subnets: [10.1.0.0/20, 10.1.16.0/20, 10.1.128.0/17]}
image: {parameter: /aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64}
compute:
  instanceType: t4g.micro
  cpuCredits: standard
  keyName: my key
  sshFrom: [203.0.113.7/32, 2001:db8::/48, 0.0.0.0/0]
  sshFromAnywhere: true
  rootVolumeGiB: 20
  publicAddress: false
app:
  port: 80
  artifacts: [{build: ./cmd/web, path: /opt/web/web}, {file: index.html, path: /srv/index.html}]
  services:
    - {name: web, command: [/opt/web/web, -v], user: web, directory: /srv, environment: {LANG: de, EMPTY: ""}}
    - {name: cron_er, command: [/usr/bin/sleep, "60"]}
  packages: [htop, ImageMagick]
health: {protocol: TCP, port: 81, interval: 300, timeout: 120, healthy: 2, unhealthy: 10}
balancer: {type: network, internal: true, listeners: [{port: 80, protocol: TCP}, {port: 8080}]}
scaling:
  {min: 1, max: 20, grace: 0, policies: [{targetTracking: {metric: cpu, target: 0.5, warmup: 0}}],
   release: {checkpoints: [20, 50], checkpointDelay: 60, bake: 120, timeout: 900}}
`))
	require.NoError(t, err)
	assert.Equal(t, &Settings{
		Region:  "eu-west-1",
		Service: "guru-2",
		Network: Network{CIDR: netip.MustParsePrefix("10.1.0.0/16"), Zones: Zones{Number: 3}, NAT: "none", Subnets: []netip.Prefix{
			netip.MustParsePrefix("10.1.0.0/20"), netip.MustParsePrefix("10.1.16.0/20"), netip.MustParsePrefix("10.1.128.0/17"),
		}},
		Image: Image{Parameter: "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64"},
		Compute: Compute{
			InstanceType: "t4g.micro", CPUCredits: "standard", KeyName: "my key", SSHFromAnywhere: true, RootVolumeGiB: 20,
			PublicAddress: new(false),
			SSHFrom: []netip.Prefix{
				netip.MustParsePrefix("203.0.113.7/32"), netip.MustParsePrefix("2001:db8::/48"), netip.MustParsePrefix("0.0.0.0/0"),
			},
		},
		App: &App{
			Port:      80,
			Artifacts: []Artifact{{Build: "./cmd/web", Path: "/opt/web/web"}, {File: "index.html", Path: "/srv/index.html"}},
			Services: []Service{
				{
					Name: "web", Command: []string{"/opt/web/web", "-v"}, User: "web", Directory: "/srv",
					Environment: map[string]string{"LANG": "de", "EMPTY": ""}, Sandbox: userdata.Strict, Limits: standardLimits,
				},
				{Name: "cron_er", Command: []string{"/usr/bin/sleep", "60"}, Sandbox: userdata.Strict, Limits: standardLimits},
			},
			Packages: []string{"htop", "ImageMagick"},
		},
		Health: Health{
			Protocol: healthcheck.TCP, Port: 81,
			Interval: 5 * time.Minute, Timeout: 2 * time.Minute, Healthy: 2, Unhealthy: 10,
		},
		Balancer: Balancer{Type: "network", Internal: true, CrossZone: true, Listeners: []Listener{
			{Port: 80, Protocol: "TCP"}, {Port: 8080, Protocol: "TCP"},
		}},
		Scaling: Scaling{Min: 1, Max: 20, HealthCheck: "ELB", Release: Release{
			Checkpoints: []int{20, 50}, CheckpointDelay: time.Minute, Bake: new(2 * time.Minute), Timeout: 15 * time.Minute,
		}, Policies: []Policy{
			{TargetTracking: &TargetTracking{Metric: "cpu", Target: 0.5}},
		}},
	}, got)
}

func TestDevStackIsMusicGuruAsItWasBuiltByHand(t *testing.T) {
	got, err := Parse(stackFile(t, "../Pulumi.dev.yaml"))
	require.NoError(t, err)
	assert.Equal(t, &Settings{
		Region:  "us-east-1",
		Service: "musicguru",
		Network: Network{CIDR: netip.MustParsePrefix("192.168.0.0/23"), Zones: Zones{Number: 2}, NAT: "none"},
		Image:   Image{Parameter: "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"},
		Compute: Compute{InstanceType: "t2.micro", CPUCredits: "unlimited", PublicAddress: new(true)},
		App: &App{
			Port:      5000,
			Artifacts: []Artifact{{Build: "./cmd/musicguru", Path: "/usr/local/bin/musicguru"}},
			Services: []Service{
				{Name: "musicguru", Command: []string{"/usr/local/bin/musicguru", "serve"}, Sandbox: userdata.Strict, Limits: standardLimits},
			},
		},
		Health: Health{
			Protocol: healthcheck.TCP, Port: 5001,
			Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 3,
		},
		Balancer: Balancer{Type: "network", CrossZone: true, Listeners: []Listener{{Port: 5000, Protocol: "TCP"}}},
		Scaling: Scaling{Min: 2, Max: 3, Grace: 2 * time.Minute, HealthCheck: "ELB", Release: standardRelease, Policies: []Policy{
			{TargetTracking: &TargetTracking{Metric: "cpu", Target: 50, Warmup: 5 * time.Minute}},
		}},
	}, got)
}

func TestEveryStackFileIsValid(t *testing.T) {
	files, err := filepath.Glob("../Pulumi.*.yaml")
	require.NoError(t, err)
	require.Greater(t, len(files), 5)
	for _, file := range files {
		_, err := Parse(stackFile(t, file))
		assert.NoError(t, err, file)
	}
}

func TestWhatFollowsFromOtherSettings(t *testing.T) {
	for name, c := range map[string]struct {
		given string
		check func(*testing.T, *Settings)
	}{
		"private instances have no public address": {private, func(t *testing.T, s *Settings) { assert.False(t, *s.Compute.PublicAddress) }},
		"burstable instances are unlimited":        {``, func(t *testing.T, s *Settings) { assert.Equal(t, "unlimited", s.Compute.CPUCredits) }},
		"other instances have no CPU credits": {
			`compute: {instanceType: m7g.large}`, func(t *testing.T, s *Settings) { assert.Empty(t, s.Compute.CPUCredits) },
		},
		"a web site listens on 80": {web, func(t *testing.T, s *Settings) {
			assert.Equal(t, []Listener{{Port: 80, Protocol: "HTTP"}}, s.Balancer.Listeners)
		}},
		"an HTTP check asks the service's port": {web, func(t *testing.T, s *Settings) { assert.Zero(t, s.Health.Port) }},
		"containers serve on their own port":    {containers, func(t *testing.T, s *Settings) { assert.Equal(t, 80, s.TargetPort()) }},
		"a step has its defaults": {step(``), func(t *testing.T, s *Settings) {
			assert.Equal(t, &Step{
				Metric: "cpu", Period: time.Minute, Warmup: 5 * time.Minute,
				Above: 80, AboveFor: 5 * time.Minute, Add: 1, Below: 40, BelowFor: 5 * time.Minute, Remove: 1,
			}, s.Scaling.Policies[0].Step)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Parse(config(t, smallest, c.given))
			require.NoError(t, err)
			c.check(t, s)
		})
	}
}

func TestFaultsAreReportedTogetherInTheOrderOfTheSettings(t *testing.T) {
	_, err := Parse(config(t, `
service: Music
networks: {zones: 2}
network: {cidr: 192.168.0.1/23, zones: 1, zone: 2}
image: {}
compute: {rootVolumeGiB: "8", sshFrom: [everywhere]}
app: {services: [{name: a, command: [a]}, {name: a, command: []}]}
health: {port: 5001, interval: 2}
scaling: {min: 2.5, max: 0}
`))
	require.Error(t, err)
	assert.Equal(t, []string{
		`aws:region: must be set, for example: pulumi config set aws:region us-east-1`,
		`service: "Music" is not a name of a–z, 0–9 and -, beginning with a letter and not ending with -`,
		`network.zone: is not a setting: there are cidr, zones, subnets, private, nat, endpoints, acl, egress, flowLogs, existing`,
		`network.zones: 1 is below 2: a zone can fail as a whole`,
		`network.cidr: 192.168.0.1/23 has bits set beyond /23: write 192.168.0.0/23`,
		`image: must have id, parameter or fromInstance`,
		`compute.sshFrom[0]: "everywhere" is not a range of addresses such as 192.168.0.0/23`,
		`compute.rootVolumeGiB: "8" is not a whole number: leave out the quotes`,
		`compute.keyName: must be set with sshFrom: without a key pair no login is possible`,
		`app.port: must be set`,
		`app.services[0].command[0]: "a" is not an absolute path of letters, digits and ._+@-, without . and .. as folders`,
		`app.services[1].command: must be set: an absolute path and its arguments`,
		`app.services[1].name: "a" is the name of services[0]`,
		`health.interval: 2s is outside 5–300 s`,
		`health.timeout: 5s is not below interval (2s)`,
		`scaling.min: 2.5 is not a whole number`,
		`scaling.max: 0 is below 1: the group could never have an instance`,
		"networks: is not a setting: there are service, tags, network, image, compute, app, containers, health, balancer, scaling, database, " +
			"monitoring, protect",
	}, strings.Split(err.Error(), "\n"))
}

func TestValidateRefusesSettingsThatWereNeverSet(t *testing.T) {
	assert.ErrorContains(t, new(Settings).Validate(), "network.cidr: must be set")
}

func FuzzParseNeverPanicsAndAgreesWithValidate(f *testing.F) {
	keys := append(Keys(), regionKey, namespace+"scaling.min")
	for _, flat := range []map[string]string{config(f, smallest), stackFile(f, "../Pulumi.dev.yaml")} {
		for i, key := range keys {
			f.Add(i, flat[key], i+1, `{"cidr": "10.0.0.0/8", "subnets": [null, "10.0.0.0/16"]}`)
		}
	}
	f.Fuzz(func(t *testing.T, i int, one string, j int, other string) {
		flat := config(t, smallest)
		flat[keys[uint(i)%uint(len(keys))]] = one
		flat[keys[uint(j)%uint(len(keys))]] = other
		s, err := Parse(flat)
		if err != nil {
			require.NotNil(t, s, "what could be read")
			assert.NotEmpty(t, err.Error())
			return
		}
		assert.NoError(t, s.Validate())
	})
}

func TestSecretsOfOtherNamespacesAreNotOurs(t *testing.T) {
	_, err := Parse(config(t, smallest), "aws:secretKey", "elastic-service-x:service")
	require.NoError(t, err)
}

func TestEachSecretIsRefusedByItsPath(t *testing.T) {
	_, err := Parse(config(t, smallest, `scaling: {min: 3, max: 2}`), "elastic-service:service", "elastic-service:image.id")
	require.Error(t, err)
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 3)
	assert.Regexp(t, "^service: is a secret, .* --path 'elastic-service:service', ", lines[0])
	assert.Regexp(t, "^image.id: is a secret, ", lines[1])
	assert.Regexp(t, "^scaling.max: 2 is below", lines[2])
}
