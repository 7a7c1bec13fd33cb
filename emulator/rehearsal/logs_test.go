package rehearsal

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/engine/enginetest"
	"github.com/elastic-service/elastic-service/emulator/runtime"
	"github.com/elastic-service/elastic-service/emulator/runtime/nspawn"
	"github.com/elastic-service/elastic-service/emulator/session"
	"github.com/elastic-service/elastic-service/journal"
)

// group is the log group of the stack dev.
var group = journal.GroupName("musicguru", "dev")

// setupFails has a setup command that succeeds and one that fails.
const setupFails = `    setup:
      - name: first
        command: [/bin/sh, -c, "echo the first is done"]
      - name: migrate
        command: [/bin/sh, -c, "echo migrating; echo no database >&2; exit 3"]
    services:
`

// logsClient returns a client of CloudWatch Logs for the emulated cloud.
func logsClient(r *Rehearsal) *cloudwatchlogs.Client {
	environment := r.deployment.Session.Emulator.Environment()
	return cloudwatchlogs.New(cloudwatchlogs.Options{
		Region: environment["AWS_REGION"], BaseEndpoint: sdk.String(environment["AWS_ENDPOINT_URL"]),
		Credentials: credentials.NewStaticCredentialsProvider("any", "key", ""),
	})
}

// awaitTerminated waits until an instance is gone.
func awaitTerminated(t *testing.T, r releases, id string) {
	t.Helper()
	require.NoError(t, session.Poll(t.Context(), time.Minute, func() bool {
		gone := func(i api.Instance) bool { return i.ID == id && i.State == "terminated" }
		return slices.ContainsFunc(r.deployment.Status().Instances, gone)
	}))
}

// linesOf returns what an instance has sent.
func linesOf(t *testing.T, r *Rehearsal, instance string) []string {
	t.Helper()
	found, err := logsClient(r).FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: &group, LogStreamNames: []string{instance},
	})
	require.NoError(t, err)
	var lines []string
	for _, event := range found.Events {
		lines = append(lines, *event.Message)
	}
	return lines
}

func TestWhatAnInstanceThatNeverGotHealthyHasWrittenIsInTheLogGroupAndInTheErrorOfUp(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	r := openReleases(t, "scaling:\n", "scaling:\n    release: {timeout: 180, bake: 0}\n    grace: 30\n",
		"    services:\n", "    logs: {retention: 7}\n"+setupFails)
	err := r.up()
	require.ErrorContains(t, err, "the service is not up after 3m0s")
	require.ErrorContains(t, err, ": setup command 2, migrate (/bin/sh -c echo migrating; ")
	require.ErrorContains(t, err, ", failed: exit status 3\n    | ")
	require.ErrorContains(t, err, "    | no database\n")

	victim := r.deployment.Status().Instances[0].ID
	require.NoError(t, r.deployment.Session.Emulator.TerminateInstance(victim))
	awaitTerminated(t, r, victim)
	lines := strings.Join(linesOf(t, r.Rehearsal, victim), "\n")
	for _, want := range []string{
		"setup-first: the first is done\n", "setup-migrate: migrating\nsetup-migrate: no database\n",
		"systemd: setup-migrate.service: Main process exited, code=exited, status=3/",
	} {
		assert.Contains(t, lines, want)
	}

	r.set([]string{"/bin/sh", "-c", "echo migrated"}, "app", "setup", 1, "command")
	r.set(14, "app", "logs", "retention")
	require.NoError(t, r.up())
	require.NoError(t, r.awaitHealthy(t.Context()))
	healthy := r.deployment.Healthy()[0].ID
	require.NoError(t, session.Poll(t.Context(), time.Minute, func() bool {
		return slices.Contains(linesOf(t, r.Rehearsal, healthy), "setup-migrate: migrated")
	}))
	groups, err := logsClient(r.Rehearsal).DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	require.NoError(t, err)
	require.Len(t, groups.LogGroups, 1)
	assert.EqualValues(t, 14, *groups.LogGroups[0].RetentionInDays)

	r.set(nil, "app", "logs")
	require.NoError(t, r.up())
	groups, err = logsClient(r.Rehearsal).DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	require.NoError(t, err)
	assert.Empty(t, groups.LogGroups)
	for _, i := range r.deployment.Healthy() {
		for _, s := range i.Services {
			assert.NotEqual(t, journal.UnitName, s.Name, i.ID)
		}
	}
}

// Without a log group, the error of up says where to look.
func TestAnUpThatFailsSaysWhereTheInstancesTellWhy(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	r := openReleases(t, "scaling:\n", "scaling:\n    release: {timeout: 120, bake: 0}\n", "    services:\n", setupFails)
	err := r.up()
	require.ErrorContains(t, err, "the service is not up after 2m0s")
	require.ErrorContains(t, err, "with app.logs it is read from CloudWatch Logs")
	require.ErrorContains(t, err, "on the emulator with the command logs i-")
}

// On booted machines the program of the instances does it: it reads the journal, and systemd says what has failed.
func TestBootedMachinesSendTheirJournal(t *testing.T) {
	if missing := nspawn.Missing(); missing != "" {
		require.Empty(t, os.Getenv("CI"), missing)
		t.Skip(missing)
	}
	if enginetest.Apart(t) {
		return
	}
	root, project := must(session.EnterProject("dev"))(t), t.TempDir()
	copySettings(t, root, project, strings.NewReplacer("scaling:\n", "scaling:\n    release: {timeout: 360, bake: 0}\n    grace: 600\n",
		"    services:\n", "    logs: {}\n"+setupFails))
	o := testOptions(t, project, "dev", t.TempDir(), 4)
	o.Session.Runtime = runtime.Nspawn
	r := releases{t, begun(t, o)}
	err := r.up()
	require.ErrorContains(t, err, ": setup command 2, migrate (/bin/sh -c echo migrating; ")
	require.ErrorContains(t, err, ", failed: exit status 3\n    | ")
	require.ErrorContains(t, err, "    | no database\n")

	victim := r.deployment.Status().Instances[0].ID
	require.NoError(t, r.deployment.Session.Emulator.TerminateInstance(victim))
	awaitTerminated(t, r, victim)
	lines := linesOf(t, r.Rehearsal, victim)
	all := strings.Join(lines, "\n")
	for _, want := range []string{
		"setup-first: the first is done\n", "setup-migrate: no database\n", "cloud-init: Cloud-init v. ",
	} {
		assert.Contains(t, all, want)
	}
}

// The log driver of containers writes to the stack's group, to streams that are named as ECS names them.
func TestWhatContainersPrintIsInTheirLogGroup(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	r := deployed(t, must(session.EnterProject("flask"))(t), "flask")
	client := logsClient(r)
	groups, err := client.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: sdk.String("flask-logs-")})
	require.NoError(t, err)
	require.Len(t, groups.LogGroups, 1)
	task := r.deployment.Status().Tasks[0].ID
	require.NoError(t, session.Poll(t.Context(), time.Minute, func() bool {
		found, err := client.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{
			LogGroupName: groups.LogGroups[0].LogGroupName, LogStreamName: sdk.String("flask/flask/" + task),
		})
		return err == nil && len(found.Events) > 0
	}))
}
