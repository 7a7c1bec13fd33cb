package rehearsal

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/fault"
	"github.com/elastic-service/elastic-service/emulator/cloud/s3"
	"github.com/elastic-service/elastic-service/emulator/engine/enginetest"
	"github.com/elastic-service/elastic-service/emulator/session"
	"github.com/elastic-service/elastic-service/internal/bucket"
)

// releases is a deployed stack that is given releases.
type releases struct {
	*testing.T
	*Rehearsal
}

// startReleases deploys dev with changed settings.
func startReleases(t *testing.T, changes ...string) releases {
	t.Helper()
	r := openReleases(t, changes...)
	require.NoError(t, r.deploy(t.Context()))
	require.NoError(t, r.awaitHealthy(t.Context()))
	return r
}

func openReleases(t *testing.T, changes ...string) releases {
	t.Helper()
	root, project := must(session.EnterProject("dev"))(t), t.TempDir()
	copySettings(t, root, project, strings.NewReplacer(changes...))
	return releases{t, opened(t, project, "dev")}
}

func (r releases) set(value any, key string, path ...any) {
	r.Helper()
	require.NoError(r, r.deployment.Set(value, key, path...))
}

// patient gives releases half an hour, a minute at this speed, to get healthy: a busy machine starts a service late.
func (r releases) patient() {
	r.Helper()
	r.set(1800, "scaling", "release", "timeout")
}

// up does what the command up does: it repairs what an interrupted operation has left, and deploys.
func (r releases) up() error {
	e, err := r.deployment.Session.Pulumi(r.Context())
	if err != nil {
		return err
	}
	if _, err := e.Repair(r.Context(), r.deployment.Session.Emulator.DeleteOrphans); err != nil {
		return err
	}
	_, err = e.Up(r.Context())
	return err
}

// group returns the group, the zero value before it is created.
func (r releases) group() autoscaling.Group {
	groups := r.deployment.Status().Groups
	if len(groups) == 0 {
		return autoscaling.Group{}
	}
	g, _ := cloud.Find(r.deployment.Cloud(), func(m *cloud.Model) (autoscaling.Group, bool) { return m.AutoScaling.Group(groups[0].Name) })
	return g
}

// A service that listens elsewhere never gets healthy. Nothing of it is noticed by clients, and the group is what it was.
func TestABadReleaseGoesBackByItself(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	r := startReleases(t, "scaling:\n", "scaling:\n    release: {timeout: 300, bake: 0}\n")
	good := []string{"/usr/local/bin/musicguru", "serve"}
	clients := r.startClients(t.Context())

	r.set(append(good, "-listen", ":6000"), "app", "services", 0, "command")
	for range 2 { // the next up with the same settings tries again
		err := r.up()
		require.ErrorContains(t, err, "was not released")
		require.ErrorContains(t, err, "the group is back at its former version")
		require.ErrorContains(t, err, "Target.FailedHealthChecks")
		assert.Equal(t, map[int]int{1: 2}, r.versions())
	}

	victim := r.deployment.Healthy()[0]
	require.NoError(t, r.deployment.Session.Emulator.TerminateInstance(victim.ID))
	require.NoError(t, session.Poll(t.Context(), time.Minute, func() bool {
		serving := r.deployment.Healthy()
		return len(serving) == 2 && !slices.ContainsFunc(serving, func(i api.Instance) bool { return i.ID == victim.ID })
	}))
	assert.Equal(t, map[int]int{1: 2}, r.versions(), "what is launched is of the version that works")

	r.set(good, "app", "services", 0, "command")
	r.patient()
	require.NoError(t, r.up())
	assert.Empty(t, r.former(), "every artifact is in use")
	released := r.versions()
	require.Len(t, released, 1, "all of one version, which is neither the first nor the bad one")
	assert.NotContains(t, released, 1)
	counts := clients.Stop()
	t.Log(counts)
	assert.Zero(t, counts.Failed)
}

// The bounds of the group change at once, whatever a policy has made of its size, with and without a release.
func TestTheGroupsBoundsChangeWhateverItsSizeIs(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	r := startReleases(t, "scaling:\n", "scaling:\n    release: {bake: 0}\n")
	name := r.deployment.Result.Outputs["group"]
	scale := func(size int) {
		t.Helper()
		require.NoError(t, r.deployment.Cloud().Change(func(m *cloud.Model) error {
			return m.AutoScaling.SetDesiredCapacity(name, size, m.Clock.Now())
		}))
		require.NoError(t, r.awaitHealthy(t.Context()))
	}
	bounds := func(least, most int) {
		t.Helper()
		r.set(least, "scaling", "min")
		r.set(most, "scaling", "max")
		require.NoError(t, r.up())
		g := r.group()
		assert.Equal(t, []int{least, most}, []int{g.Spec.Min, g.Spec.Max})
		assert.GreaterOrEqual(t, len(r.deployment.Healthy()), least, "up returns when the minimum serves")
	}

	scale(3)
	bounds(2, 5)
	scale(5)
	bounds(3, 5) // raised below the present size
	assert.Equal(t, 5, r.group().Desired)
	bounds(2, 3) // lowered below the present size
	assert.Equal(t, 3, r.group().Desired)

	before := r.versions()
	r.set("2", "app", "services", 0, "environment", releaseVariable)
	bounds(4, 5)
	require.NoError(t, r.awaitHealthy(t.Context()))
	after := r.versions()
	assert.Len(t, after, 1)
	for version := range after {
		assert.NotContains(t, before, version, "released in the same up")
	}
}

// An interrupted `up` leaves a refresh that goes on. The next follows it, or cancels it if it wants another version.
func TestAnInterruptedReleaseIsFollowedByTheNext(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	r := startReleases(t, "scaling:\n", "scaling:\n    release: {bake: 300}\n")
	clients := r.startClients(t.Context())
	interrupt := func() error {
		begun := len(r.group().Refreshes)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			_ = session.Poll(ctx, time.Minute, func() bool { return len(r.group().Refreshes) > begun })
			cancel()
		}()
		_, err := r.deployment.Up(ctx)
		return err
	}
	r.set("2", "app", "services", 0, "environment", releaseVariable)
	require.Error(t, interrupt())
	require.NoError(t, r.up())
	assert.Len(t, r.group().Refreshes, 1, "the second up follows the refresh of the first")
	assert.Equal(t, autoscaling.RefreshSuccessful, r.group().Refreshes[0].Status)

	r.set("3", "app", "services", 0, "environment", releaseVariable)
	r.set(3600, "scaling", "release", "bake") // it is still under way when the next begins, on a slow machine too
	require.Error(t, interrupt())
	r.set("4", "app", "services", 0, "environment", releaseVariable)
	r.set(300, "scaling", "release", "bake")
	require.NoError(t, r.up())
	statuses := []string{}
	for _, refresh := range r.group().Refreshes {
		statuses = append(statuses, refresh.Status)
	}
	assert.Equal(t, []string{autoscaling.RefreshSuccessful, autoscaling.RefreshCancelled, autoscaling.RefreshSuccessful}, statuses)
	assert.Len(t, slices.Collect(maps.Keys(r.versions())), 1)
	counts := clients.Stop()
	t.Log(counts)
	assert.Zero(t, counts.Failed)
}

// The health check changes after the release, which has to answer both, and comes back if the service does not answer it.
func TestAChangedHealthCheckComesLast(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	r := startReleases(t, "scaling:\n", "scaling:\n    release: {bake: 0}\n")
	check := func() string {
		var port string
		r.deployment.Cloud().View(func(m *cloud.Model) { port = m.ELB.DescribeTargetGroups()[0].Spec.Check.Port })
		return port
	}
	clients := r.startClients(t.Context())

	r.set(5055, "health", "port")
	err := r.up()
	require.ErrorContains(t, err, "the new ones do not answer the former: set health.formerPort to 5001")
	assert.Equal(t, "5001", check())
	assert.Equal(t, map[int]int{1: 2}, r.versions(), "nothing was touched")

	r.set(5001, "health", "formerPort")
	require.NoError(t, r.up())
	assert.Equal(t, "5055", check())
	assert.Empty(t, r.former(), "every artifact is in use")
	require.NoError(t, r.awaitHealthy(t.Context()))

	r.set(nil, "health", "formerPort")
	require.NoError(t, r.up())
	require.NoError(t, r.deployAgain(t.Context()))

	// MusicGuru speaks no HTTP.
	r.set(map[string]any{"protocol": "HTTP", "path": "/ping", "formerPort": 5055}, "health")
	err = r.up()
	require.ErrorContains(t, err, "the former health check is back")
	assert.Equal(t, "5055", check())
	counts := clients.Stop()
	t.Log(counts)
	assert.Zero(t, counts.Failed)
}

// An artifact of a former release stays for thirty days after it was last used.
func TestFormerArtifactsExpire(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	r := startReleases(t, "scaling:\n", "scaling:\n    release: {bake: 0}\n")
	r.set("./cmd/web", "app", "artifacts", 0, "build")
	r.set([]string{"/usr/local/bin/musicguru", "serve", "-listen", ":5000"}, "app", "services", 0, "command")
	require.NoError(t, r.up())
	former := r.former()
	require.Len(t, former, 1)
	assert.Contains(t, former[0].Key, "artifacts/usr/local/bin/musicguru/")
	require.NoError(t, r.deployAgain(t.Context()))
	assert.Equal(t, former, r.former(), "an object is tagged once")
}

// former returns the objects that only former releases use.
func (r releases) former() []s3.Object {
	var found []s3.Object
	r.deployment.Cloud().View(func(m *cloud.Model) {
		for _, b := range m.S3.Buckets {
			for _, object := range b.Objects {
				if object.Tags[bucket.FormerTag] == bucket.FormerTagValue {
					found = append(found, object)
				}
			}
		}
	})
	return found
}

// A first `up` whose service never serves fails, and so does the next. What they have made is used when the settings are mended.
func TestAFailedFirstUpIsNotForgotten(t *testing.T) {
	good := "command: [/usr/local/bin/musicguru, serve]"
	if enginetest.Apart(t) {
		return
	}
	r := openReleases(t, "scaling:\n", "scaling:\n    release: {timeout: 120, bake: 0}\n",
		good, `command: [/usr/local/bin/musicguru, serve, -listen, ":6000"]`)
	for range 2 {
		err := r.up()
		require.ErrorContains(t, err, "the service is not up after 2m")
		require.ErrorContains(t, err, "TCP 5001: connection refused")
	}
	assert.Len(t, r.group().Spec.EnabledMetrics, 8, "the group is complete")

	r.set([]string{"/usr/local/bin/musicguru", "serve"}, "app", "services", 0, "command")
	r.patient()
	require.NoError(t, r.up())
	require.NoError(t, r.awaitHealthy(t.Context()))
	require.NoError(t, r.deployAgain(t.Context()))
}

// Launches that fail for lack of capacity do not end an `up`: Auto Scaling goes on trying.
func TestAFirstUpOutlastsALackOfCapacity(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	r := openReleases(t)
	lacked := make(chan error, 1)
	go func() { lacked <- r.lackCapacity() }()
	require.NoError(t, r.up())
	require.NoError(t, <-lacked)
	failed := slices.ContainsFunc(r.group().Activities, func(a autoscaling.Activity) bool { return a.Status == "Failed" })
	assert.True(t, failed, "a launch has failed")
	assert.GreaterOrEqual(t, len(r.deployment.Healthy()), 2)
}

// lackCapacity terminates the first instances of the group, and lets launches fail for two minutes.
func (r releases) lackCapacity() error {
	if err := session.Poll(r.Context(), time.Minute, func() bool { return len(r.group().Members) == 2 }); err != nil {
		return err
	}
	_, err := r.deployment.Session.Emulator.StartFault(api.FaultRequest{
		Action: fault.InsufficientCapacity, Target: r.group().Spec.Name, Duration: (2 * time.Minute).Seconds(),
	})
	if err != nil {
		return err
	}
	for _, member := range r.group().Members {
		if err := r.deployment.Session.Emulator.TerminateInstance(member.ID); err != nil {
			return err
		}
	}
	return nil
}
