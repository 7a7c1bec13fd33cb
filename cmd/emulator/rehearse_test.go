package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/engine"
)

// The end-to-end tests run the real engine, whose CLI is built at the first time: that takes minutes on a new machine.

// speed is high enough for a test, and low enough for a probe's timeout to be long beside a busy machine's pauses.
const speed = "20"

// buildLimit leaves the tests themselves some of the ten minutes that `go test` gives a package.
const buildLimit = 4 * time.Minute

var buildCLI = sync.OnceValue(func() error {
	root, err := enter("dev")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), buildLimit)
	defer cancel()
	_, err = engine.CLI(ctx, root, os.Stderr)
	return err
})

// needCLI skips on a machine that is too slow for the build; the compiler's cache is kept, so that the next run has less
// to do. Where a skipped test would go unnoticed it fails.
func needCLI(t *testing.T) {
	t.Helper()
	err := buildCLI()
	if errors.Is(err, context.DeadlineExceeded) && os.Getenv("CI") == "" {
		t.Skipf("the Pulumi CLI was not built within %v: run the tests again, they go on from there", buildLimit)
	}
	require.NoError(t, err)
}

func TestRehearsalOfDev(t *testing.T) {
	needCLI(t)
	root := must(enter("dev"))(t)
	before := folders(t, root)
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"rehearse", "-stack", "dev", "-speed", speed}, io.MultiWriter(&out, &logger{t}), io.MultiWriter(&errs, &logger{t}))
	require.Zero(t, code, "%s\n%s", &out, &errs)

	report := out.String()
	for _, line := range []string{
		`up +resources: \d+ created, in`,
		`healthy +i-[0-9a-f]+ in us-east-1a, 192\.168\.0\.`,
		`healthy +i-[0-9a-f]+ in us-east-1b, 192\.168\.1\.`,
		`ask +In \d{4} the number \d+\. song was .+ - .+ \(127\.168\.[01]\.\d+\)`,
		`answered +i-[0-9a-f]+ in us-east-1a: \d+ of`,
		`answered +i-[0-9a-f]+ in us-east-1b: \d+ of`,
		`up again +resources: \d+ unchanged, in`,
		`terminate +i-[0-9a-f]+ in us-east-1`,
		`replaced +by i-[0-9a-f]+ in us-east-1`,
		` +resources: \d+ deleted`,
		`left +nothing`,
	} {
		assert.Regexp(t, `(?m)^`+line, report)
	}
	assert.Equal(t, before, folders(t, root), "no file stays")
}

func TestFaultySettingsAreShownAndLeaveNothing(t *testing.T) {
	needCLI(t)
	root := must(enter("dev"))(t)
	project, folder := t.TempDir(), t.TempDir()
	copySettings(t, root, project, strings.NewReplacer("zones: 2", "zones: 7", "port: 5001", "port: 5000"))
	var out bytes.Buffer
	o := &options{stack: "dev", speed: 60, out: &out, err: &out}
	began, err := o.rehearseIn(t.Context(), project, folder)
	assert.False(t, began)
	require.Error(t, err)
	assert.Equal(t, "up failed:\n"+
		"network.zones: 7 is above 6, which no region has\n"+
		"health.port: 5000 is app.port: the service listens there, the responder needs a port of its own", err.Error())
}

func TestSettingsThatPulumiDoesNotTakeAreShownAllAtOnce(t *testing.T) {
	root := must(enter("dev"))(t)
	for name, c := range map[string]struct {
		change [2]string
		says   string
	}{
		"no service": {[2]string{"elastic-service:service: musicguru", "elastic-service:protect: false"}, "service: must be set"},
		"no object":  {[2]string{"elastic-service:network:", "elastic-service:network: 5\n  elastic-service:monitoring:"}, "network: 5 is not"},
		"no region":  {[2]string{"aws:region: us-east-1", "aws:profile: default"}, "aws:region: must be set"},
		"no such":    {[2]string{"aws:region: us-east-1", "aws:region: us-east-9"}, `aws:region: "us-east-9" is not one`},
	} {
		t.Run(name, func(t *testing.T) {
			project, folder := t.TempDir(), filepath.Join(t.TempDir(), "state")
			copySettings(t, root, project, strings.NewReplacer(append(c.change[:], "zones: 2", "zones: 7")...))
			o := &options{stack: "dev", speed: 60, runtime: "process", out: &logger{t}, err: &logger{t}}
			r, err := o.begin(t.Context(), project, folder)
			if err == nil {
				_, err = r.up(t.Context())
				require.NoError(t, r.close())
			}
			require.ErrorContains(t, err, c.says)
			if !strings.Contains(c.change[0], "region") {
				assert.ErrorContains(t, err, "zones")
			}
		})
	}
}

// copySettings puts copies of the project's settings elsewhere, changed. The program is built from the project itself.
func copySettings(t *testing.T, root, project string, change *strings.Replacer) {
	t.Helper()
	for _, name := range []string{"Pulumi.yaml", "Pulumi.dev.yaml"} {
		text := string(must(os.ReadFile(filepath.Join(root, name)))(t))
		changed := text
		if name == "Pulumi.dev.yaml" {
			changed = change.Replace(text)
		}
		require.NoError(t, os.WriteFile(filepath.Join(project, name), []byte(changed), 0o600))
	}
}

func folders(t *testing.T, root string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(root, ".emulator", "*"))
	require.NoError(t, err)
	return found
}

// encrypted gives MusicGuru a listener that ends TLS before the one that doesn't, with a name to be certified.
var encrypted = strings.NewReplacer("      - port: 5000\n        protocol: TCP\n",
	"      - port: 5443\n        protocol: TLS\n      - port: 5000\n        protocol: TCP\n"+
		"    alias: {zone: musicguru.example, name: www.musicguru.example, createZone: true}\n")

func TestChangedUserDataRollsTheInstancesWithoutAFailedRequestInTheClearOrOverTLS(t *testing.T) {
	needCLI(t)
	root, project := must(enter("dev"))(t), t.TempDir()
	copySettings(t, root, project, encrypted)
	o := &options{stack: "dev", speed: 30, out: &logger{t}, err: &logger{t}}
	r := must(o.begin(t.Context(), project, t.TempDir()))(t)
	defer func() { assert.NoError(t, r.close()) }()
	defer r.cleanUp(t.Context())
	require.NoError(t, r.deploy(t.Context()))
	require.NoError(t, r.awaitHealthy(t.Context()))
	require.NoError(t, r.askEveryTarget(t.Context()))
	old := r.healthy()
	listeners := r.cloud.Status().Balancers
	require.Len(t, listeners, 2)
	assert.Equal(t, "TCP", listeners[0].Protocol)
	assert.Equal(t, listeners[1].Address, r.service.address, "the first of the settings is asked")
	assertSong(t, r.service)
	r.service.secure.ServerName = "www.musicguru.example"
	assertSong(t, r.service)
	inTheClear := must(newService(listeners[0].Address, listeners[0].Protocol, "0", ""))(t)
	assertSong(t, inTheClear)
	_, err := must(newService(listeners[1].Address, "TCP", "0", ""))(t).ask(t.Context())
	require.Error(t, err, "who doesn't speak TLS gets no answer from its listener")

	require.NoError(t, r.set("two", "app", "services", 0, "environment", releaseVariable))
	clients := []*clients{r.startClients(t.Context()), startClients(t.Context(), often, func(ctx context.Context) error {
		_, err := inTheClear.ask(ctx)
		return err
	})}
	e := must(r.pulumi(t.Context()))(t)
	result := must(e.Up(t.Context()))(t)
	assert.Equal(t, 2, result.Updated, "the template and the group")
	assert.Equal(t, 2, result.Changes())
	group := result.Outputs["group"]
	require.NoError(t, poll(t.Context(), 2*time.Minute, func() bool {
		g, _, _ := r.cloud.Cloud.Group(group)
		return len(g.Refreshes) == 1 && g.Refreshes[0].Status == cloud.RefreshSuccessful
	}))
	for _, c := range clients {
		report := c.stop()
		t.Log(report)
		assert.Contains(t, report, " 0 failed")
	}
	for _, i := range r.healthy() {
		assert.Equal(t, 2, i.Version)
		for _, o := range old {
			assert.NotEqual(t, o.ID, i.ID)
		}
	}
}

func assertSong(t *testing.T, s *service) {
	t.Helper()
	answer, err := s.ask(t.Context())
	require.NoError(t, err)
	assert.Regexp(t, `^In \d{4} the number \d+\. song was .+ - .+ \(127\.168\.[01]\.\d+\)$`, answer)
}

func TestAnInstanceWhoseServiceIsGoneIsReplacedAndAnotherPortAndBalancerAreServed(t *testing.T) {
	needCLI(t)
	root := must(enter("dev"))(t)
	o := &options{stack: "dev", speed: 30, out: &logger{t}, err: &logger{t}}
	r := must(o.begin(t.Context(), root, t.TempDir()))(t)
	defer func() { assert.NoError(t, r.close()) }()
	defer r.cleanUp(t.Context())
	require.NoError(t, r.deploy(t.Context()))
	require.NoError(t, r.awaitHealthy(t.Context()))
	victim := r.healthy()[0]
	require.NoError(t, r.cloud.StopService(victim.ID, "musicguru"))
	find := func() emulator.InstanceStatus {
		for _, i := range r.cloud.Status().Instances {
			if i.ID == victim.ID {
				return i
			}
		}
		return emulator.InstanceStatus{}
	}
	require.NoError(t, poll(t.Context(), time.Minute, func() bool { return find().Target == "unhealthy" }))
	assert.Contains(t, find().Description, "TCP 5001: connection refused", "the responder closed its port")
	require.NoError(t, poll(t.Context(), time.Minute, func() bool { return find().State == "terminated" && len(r.healthy()) == 2 }))
	g := r.cloud.Status().Groups[0]
	assert.Contains(t, g.Activities[2].Cause, "an unhealthy instance needing to be replaced", "its replacement comes first")
	assert.Contains(t, g.Activities[3].Cause, "ELB system health check failure")

	// What replaces target group and balancer under a group that stays.
	require.NoError(t, r.set(5050, "app", "port"))
	require.NoError(t, r.set([]string{"/usr/local/bin/musicguru", "serve", "-listen", ":5050"}, "app", "services", 0, "command"))
	require.NoError(t, r.set(true, "balancer", "internal"))
	result := must(r.up(t.Context()))(t)
	assert.Equal(t, 3, result.Replaced, "target group, balancer, listener")
	require.NoError(t, poll(t.Context(), 2*time.Minute, func() bool {
		g := r.cloud.Status().Groups[0]
		return len(g.Refreshes) == 1 && g.Refreshes[0].Status == cloud.RefreshSuccessful
	}), "%v", r.cloud.Cloud.Diagnose(result.Outputs["group"]))
	require.NoError(t, r.meet(result.Outputs["address"]))
	require.NoError(t, r.askEveryTarget(t.Context()))
	for _, i := range r.healthy() {
		assert.Equal(t, 2, i.Version)
	}
}

func TestAStackSurvivesARestartOfTheEmulator(t *testing.T) {
	needCLI(t)
	root := must(enter("dev"))(t)
	folder := t.TempDir()
	// At a higher speed a busy machine reboots the instances too late, and the group replaces them: rightly.
	o := &options{stack: "dev", speed: 10, out: &logger{t}, err: &logger{t}}
	first := must(o.begin(t.Context(), root, folder))(t)
	require.NoError(t, first.deploy(t.Context()))
	require.NoError(t, first.awaitHealthy(t.Context()))
	before, at := first.healthy(), first.cloud.Cloud.Now()
	_, err := o.open(t.Context(), root, folder)
	require.ErrorContains(t, err, "in use by another emulator")
	require.NoError(t, first.close())
	require.NoError(t, awaitNothingLeft(t.Context(), first.addresses))

	again := must(o.begin(t.Context(), root, folder))(t)
	again.service = first.service
	assert.False(t, again.cloud.Cloud.Now().Before(at), "time goes on")
	require.NoError(t, again.awaitHealthy(t.Context()))
	after := again.healthy()
	require.Len(t, after, len(before))
	for i := range before {
		assert.Equal(t, before[i].ID, after[i].ID, "the same instances, rebooted")
	}
	require.NoError(t, again.askEveryTarget(t.Context()))
	require.NoError(t, again.deployAgain(t.Context()))
	require.NoError(t, again.destroy(t.Context()))
	require.NoError(t, again.close())
}

// must unwraps a result that has to be there.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		require.NoError(t, err)
		return value
	}
}

// logger passes what a command prints on to the test's log, line by line.
type logger struct{ t *testing.T }

func (l *logger) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}
