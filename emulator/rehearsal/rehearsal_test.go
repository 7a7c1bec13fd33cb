package rehearsal

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/engine/enginetest"
	"github.com/elastic-service/elastic-service/emulator/load"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// testOptions returns the options of a rehearsal that writes to the test's log.
func testOptions(t *testing.T, root, stack, folder string, speed float64) Options {
	t.Helper()
	log := &enginetest.Logger{T: t}
	return Options{Session: session.Options{Root: root, Stack: stack, Folder: folder, Speed: speed, Err: log}, Out: log}
}

// opened opens the rehearsal of a stack. What is left of the stack is destroyed when the test has ended.
func opened(t *testing.T, root, stack string) *Rehearsal {
	t.Helper()
	return begun(t, testOptions(t, root, stack, t.TempDir(), 30))
}

// begun opens a rehearsal as [opened] does, with options.
func begun(t *testing.T, o Options) *Rehearsal {
	t.Helper()
	r := must(begin(t.Context(), o, newReport(o)))(t)
	t.Cleanup(func() {
		r.cleanUp(t.Context())
		assert.Empty(t, r.deployment.Session.Emulator.Left())
		assert.NoError(t, r.deployment.Close())
	})
	return r
}

// deployed opens the rehearsal of a stack, deploys the stack, and waits until it is healthy.
func deployed(t *testing.T, root, stack string) *Rehearsal {
	t.Helper()
	r := opened(t, root, stack)
	require.NoError(t, r.deploy(t.Context()))
	require.NoError(t, r.awaitHealthy(t.Context()))
	return r
}

func TestFaultySettingsAreShownAndLeaveNothing(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	root := must(session.EnterProject("dev"))(t)
	project, folder := t.TempDir(), t.TempDir()
	copySettings(t, root, project, strings.NewReplacer("zones: 2", "zones: 7", "port: 5001", "port: 5000"))
	var out bytes.Buffer
	o := Options{Session: session.Options{Root: project, Stack: "dev", Folder: folder, Speed: 60, Err: &out}, Out: &out}
	began, err := runIn(t.Context(), o, newReport(o))
	assert.False(t, began)
	require.Error(t, err)
	assert.Equal(t, "up failed:\n"+
		"network.zones: 7 is above 6, which no region has\n"+
		"health.port: 5000 is app.port: the service listens there, the responder needs a port of its own", err.Error())
}

func TestSettingsThatPulumiDoesNotTakeAreShownAllAtOnce(t *testing.T) {
	root := must(session.EnterProject("dev"))(t)
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
			o := testOptions(t, project, "dev", folder, 60)
			r, err := begin(t.Context(), o, newReport(o))
			if err == nil {
				_, err = r.deployment.Up(t.Context())
				require.NoError(t, r.deployment.Close())
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

// encrypted gives MusicGuru a listener that ends TLS before the one that doesn't, with a name to be certified.
var encrypted = strings.NewReplacer("      - port: 5000\n        protocol: TCP\n",
	"      - port: 5443\n        protocol: TLS\n      - port: 5000\n        protocol: TCP\n"+
		"    alias: {zone: musicguru.example, name: www.musicguru.example, createZone: true}\n")

func TestChangedUserDataRollsTheInstancesWithoutAFailedRequestInTheClearOrOverTLS(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	root, project := must(session.EnterProject("dev"))(t), t.TempDir()
	copySettings(t, root, project, encrypted)
	r := deployed(t, project, "dev")
	require.NoError(t, r.askEveryTarget(t.Context()))
	old := r.deployment.Healthy()
	listeners := r.deployment.Status().Balancers
	require.Len(t, listeners, 2)
	assert.Equal(t, "TCP", listeners[0].Protocol)
	assert.Equal(t, listeners[1].Address, r.deployment.Service.Address, "the first of the settings is asked")
	assertSong(t, r.deployment.Service)
	r.deployment.Service.TLS.ServerName = "www.musicguru.example"
	assertSong(t, r.deployment.Service)
	inTheClear := must(load.NewService(listeners[0].Address, listeners[0].Protocol, "0", ""))(t)
	assertSong(t, inTheClear)
	_, err := must(load.NewService(listeners[1].Address, "TCP", "0", ""))(t).Ask(t.Context())
	require.Error(t, err, "who doesn't speak TLS gets no answer from its listener")

	require.NoError(t, r.deployment.Set("two", "app", "services", 0, "environment", releaseVariable))
	clients := []*load.Clients{r.startClients(t.Context()), load.StartClients(t.Context(), clientInterval, func(ctx context.Context) error {
		_, err := inTheClear.Ask(ctx)
		return err
	})}
	e := must(r.deployment.Session.Pulumi(t.Context()))(t)
	result := must(e.Up(t.Context()))(t)
	assert.Equal(t, 2, result.Updated, "the template, and the record of the release")
	assert.Equal(t, 2, result.Changes())
	group := result.Outputs["group"]
	require.NoError(t, session.Poll(t.Context(), 2*time.Minute, func() bool {
		g, _ := cloud.Find(r.deployment.Cloud(), func(m *cloud.Model) (autoscaling.Group, bool) { return m.AutoScaling.Group(group) })
		return len(g.Refreshes) == 1 && g.Refreshes[0].Status == autoscaling.RefreshSuccessful
	}))
	for _, c := range clients {
		counts := c.Stop()
		t.Log(counts)
		assert.Zero(t, counts.Failed)
	}
	for _, i := range r.deployment.Healthy() {
		assert.Equal(t, 2, i.Version)
		for _, o := range old {
			assert.NotEqual(t, o.ID, i.ID)
		}
	}
}

func assertSong(t *testing.T, s *load.Service) {
	t.Helper()
	answer, err := s.Ask(t.Context())
	require.NoError(t, err)
	assert.Regexp(t, `^In \d{4} the number \d+\. song was .+ - .+ \(127\.168\.[01]\.\d+\)$`, answer)
}

func TestAnInstanceWhoseServiceIsGoneIsReplacedAndAnotherPortAndBalancerAreServed(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	r := deployed(t, must(session.EnterProject("dev"))(t), "dev")
	victim := r.deployment.Healthy()[0]
	require.NoError(t, r.deployment.Session.Emulator.StopService(victim.ID, "musicguru"))
	find := func() api.Instance {
		for _, i := range r.deployment.Status().Instances {
			if i.ID == victim.ID {
				return i
			}
		}
		return api.Instance{}
	}
	require.NoError(t, session.Poll(t.Context(), time.Minute, func() bool { return find().Target == "unhealthy" }))
	assert.Contains(t, find().Description, "TCP 5001: connection refused", "the responder closed its port")
	require.NoError(t, session.Poll(t.Context(), time.Minute, func() bool {
		return find().State == "terminated" && len(r.deployment.Healthy()) == 2
	}))
	g := r.deployment.Status().Groups[0]
	assert.Contains(t, g.Activities[2].Cause, "an unhealthy instance needing to be replaced", "its replacement comes first")
	assert.Contains(t, g.Activities[3].Cause, "ELB system health check failure")

	// What replaces target group and balancer under a group that stays.
	require.NoError(t, r.deployment.Set(5050, "app", "port"))
	require.NoError(t, r.deployment.Set([]string{"/usr/local/bin/musicguru", "serve", "-listen", ":5050"}, "app", "services", 0, "command"))
	require.NoError(t, r.deployment.Set(true, "balancer", "internal"))
	result := must(r.deployment.Up(t.Context()))(t)
	assert.Equal(t, 3, result.Replaced, "target group, balancer, listener")
	require.NoError(t, session.Poll(t.Context(), 2*time.Minute, func() bool {
		g := r.deployment.Status().Groups[0]
		return len(g.Refreshes) == 1 && g.Refreshes[0].Status == autoscaling.RefreshSuccessful
	}), "%v", cloud.Get(r.deployment.Cloud(), func(m *cloud.Model) string { return m.AutoScaling.Diagnose(result.Outputs["group"]) }))
	require.NoError(t, r.deployment.Meet(result.Outputs["address"]))
	require.NoError(t, r.askEveryTarget(t.Context()))
	for _, i := range r.deployment.Healthy() {
		assert.Equal(t, 2, i.Version)
	}
}

func TestAStackSurvivesARestartOfTheEmulator(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	needServer(t, "mysql")
	root := must(session.EnterProject("lamp"))(t)
	folder := t.TempDir()
	// At a higher speed a busy machine reboots the instances too late, and the group replaces them: rightly.
	o := testOptions(t, root, "lamp", folder, 10)
	first := must(begin(t.Context(), o, newReport(o)))(t)
	require.NoError(t, first.deploy(t.Context()))
	require.NoError(t, first.awaitHealthy(t.Context()))
	row := must(first.addRow(t.Context()))(t)
	require.NotEmpty(t, row)
	before, at := first.deployment.Healthy(), first.deployment.Cloud().Now()
	_, err := session.Open(t.Context(), o.Session)
	require.ErrorContains(t, err, "in use by another emulator")
	require.NoError(t, first.deployment.Close())
	require.NoError(t, first.deployment.AwaitNothingLeft(t.Context()))

	again := must(begin(t.Context(), o, newReport(o)))(t)
	again.deployment.Service = first.deployment.Service
	assert.False(t, again.deployment.Cloud().Now().Before(at), "time goes on")
	require.NoError(t, again.awaitHealthy(t.Context()))
	after := again.deployment.Healthy()
	require.Len(t, after, len(before))
	for i := range before {
		assert.Equal(t, before[i].ID, after[i].ID, "the same instances, rebooted")
	}
	require.NoError(t, again.askEveryTarget(t.Context()))
	again.awaitPage(t, "/visits/"+row, true)
	require.NoError(t, again.deployAgain(t.Context()))
	require.NoError(t, again.destroy(t.Context()))
	require.NoError(t, again.deployment.Close())
}

// must unwraps a result that has to be there.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		require.NoError(t, err)
		return value
	}
}

func TestALostConnectionIsSaidAndTheNextUpRepairs(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	root, folder := must(session.EnterProject("dev"))(t), t.TempDir()
	o := testOptions(t, root, "dev", folder, 20)
	r := must(begin(t.Context(), o, newReport(o)))(t)
	var closed atomic.Bool
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() { // as soon as the group is there, whose creation waits
		_ = session.Poll(ctx, time.Minute, func() bool {
			return len(cloud.Get(r.deployment.Cloud(), func(m *cloud.Model) []string { return m.AutoScaling.GroupNames() })) > 0
		})
		closed.Store(true)
		r.deployment.Session.Emulator.Providers.Close()
	}()
	err := r.deploy(t.Context())
	require.ErrorContains(t, err, "the connection to the emulator was lost")
	assert.True(t, closed.Load())
	require.NoError(t, r.deployment.Close())

	again := must(begin(t.Context(), o, newReport(o)))(t)
	defer func() { assert.NoError(t, again.deployment.Close()) }()
	e := must(again.deployment.Session.Pulumi(t.Context()))(t)
	must(e.Repair(t.Context(), again.deployment.Session.Emulator.DeleteOrphans))(t)
	require.NoError(t, again.deploy(t.Context()))
	require.NoError(t, again.awaitHealthy(t.Context()))
	require.NoError(t, again.deployAgain(t.Context()))
	require.NoError(t, again.destroy(t.Context()), "nothing is left that Pulumi doesn't know")
}
