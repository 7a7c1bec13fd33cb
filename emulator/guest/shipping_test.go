package guest_test

import (
	"io/fs"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/guest"
	"github.com/elastic-service/elastic-service/emulator/identity"
	"github.com/elastic-service/elastic-service/emulator/logstore"
	"github.com/elastic-service/elastic-service/journal"
	"github.com/elastic-service/elastic-service/userdata"
)

const logGroup = "/web/test/instances"

// cloudLogs is a cloud with a log group, whose API can be out of order.
type cloudLogs struct {
	*testing.T
	api    http.Handler
	broken atomic.Bool
}

func newCloudLogs(t *testing.T) *cloudLogs {
	t.Helper()
	c, err := cloud.New("us-east-1", clockwork.NewRealClock(), func(netip.Addr) bool { return true })
	require.NoError(t, err)
	require.NoError(t, c.Change(func(m *cloud.Model) error {
		return m.CloudWatch.CreateLogGroup(cloudwatch.LogGroup{Name: logGroup})
	}))
	return &cloudLogs{T: t, api: aws.New(c, t.TempDir(), logstore.Open(t.TempDir()))}
}

func (l *cloudLogs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.broken.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	l.api.ServeHTTP(w, r)
}

func (l *cloudLogs) lines(stream string) []string {
	l.Helper()
	client := cloudwatchlogs.NewFromConfig(identity.Config("us-east-1", l.api))
	var lines []string
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: new(logGroup), LogStreamNames: []string{stream}}
	for pages := cloudwatchlogs.NewFilterLogEventsPaginator(client, in); pages.HasMorePages(); {
		page, err := pages.NextPage(l.Context())
		require.NoError(l, err)
		for _, event := range page.Events {
			lines = append(lines, *event.Message)
		}
	}
	return lines
}

// one returns the first or the last line.
func (l *cloudLogs) one(stream string, first bool) string {
	l.Helper()
	client := cloudwatchlogs.NewFromConfig(identity.Config("us-east-1", l.api))
	out, err := client.GetLogEvents(l.Context(), &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: new(logGroup), LogStreamName: &stream, StartFromHead: &first, Limit: new(int32(1)),
	})
	if err != nil || len(out.Events) == 0 {
		return ""
	}
	return *out.Events[0].Message
}

func (l *cloudLogs) await(stream, line string) {
	l.Helper()
	require.Eventually(l, func() bool { return slices.Contains(l.lines(stream), line) }, 20*time.Second, 10*time.Millisecond, line)
}

// shipping is an instance that sends its journal.
func shipping(t *testing.T, l *cloudLogs, address string, b userdata.Bootstrap) guest.Spec {
	t.Helper()
	objects := bucket{"ship": []byte("#!/bin/sh\n")}
	b.Artifacts, b.LogGroup = append(b.Artifacts, objects.artifact(journal.Path, "ship")), logGroup
	machine := newMachine(t, address, rendered(t, b))
	machine.Fetch, machine.Logs = objects.fetch, cloudwatchlogs.NewFromConfig(identity.Config("us-east-1", l))
	return machine
}

func sh(script string) []string { return []string{"/bin/sh", "-c", script} }

func TestTheEmulatorSendsWhatTheServicesOfAnInstancePrint(t *testing.T) {
	l := newCloudLogs(t)
	machine := shipping(t, l, "10.1.4.1", userdata.Bootstrap{
		Setup: []userdata.Setup{
			{Name: "greet", Command: sh("printf 'no\\377text\\n'; printf 'without an end'")},
			{Name: "fail", Command: sh("test -e again && exit; touch again; echo tried >&2; exit 4"), Directory: "/var/lib/web"},
		},
		Services: []userdata.Service{{Name: "web", Command: sh("trap 'echo the last; exit' TERM; echo up; while :; do sleep 0.02; done")}},
	})
	r := boot(t, machine)
	l.await(machine.ID, "web: up")
	assert.Equal(t, []string{
		"setup-greet: no\uFFFDtext", "setup-greet: without an end", "setup-fail: tried",
		"systemd: setup-fail.service: Main process exited, code=exited, status=4/n/a",
		"systemd: setup-fail.service: Failed with result 'exit-code'.", "web: up",
	}, l.lines(machine.ID))
	assert.Contains(t, r.Skipped(), "shiplogs.service: there is no journal; the emulator itself sends what services print")

	l.broken.Store(true)
	require.NoError(t, r.StopService("web"))
	require.Eventually(t, func() bool { return strings.Contains(r.logged("shiplogs"), "the journal keeps them meanwhile") },
		20*time.Second, 10*time.Millisecond)
	l.broken.Store(false)
	l.await(machine.ID, "web: the last")
	l.await(machine.ID, "shiplogs: CloudWatch Logs takes events again")
}

func TestTheLastLinesOfAnInstanceAreSent(t *testing.T) {
	l := newCloudLogs(t)
	machine := shipping(t, l, "10.1.4.2", userdata.Bootstrap{
		Services: []userdata.Service{{Name: "web", Command: sh("trap 'echo the last; exit' TERM; echo up; while :; do sleep 0.02; done")}},
	})
	r := boot(t, machine)
	l.await(machine.ID, "web: up")
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Contains(t, l.lines(machine.ID), "web: the last")
}

func TestTheOutputOfAContainerIsSentAsItIs(t *testing.T) {
	l := newCloudLogs(t)
	c := newContainer(t, "127.254.0.77", nil)
	c.Command = []string{"/bin/sh", "-c", `echo '{"level":"info"}'; echo the last`}
	c.Logs = &guest.ContainerLogs{
		Group: logGroup, Stream: "web/web/1", Client: cloudwatchlogs.NewFromConfig(identity.Config("us-east-1", l)),
	}
	running := runContainer(t, c)
	<-running.Done()
	assert.Equal(t, []string{`{"level":"info"}`, "the last"}, l.lines("web/web/1"))
}

// A service that prints 200 MB fills neither the disk nor the memory of the emulator.
func TestWhatAServicePrintsIsCapped(t *testing.T) {
	l := newCloudLogs(t)
	l.broken.Store(true)
	machine := shipping(t, l, "10.1.4.3", userdata.Bootstrap{Services: []userdata.Service{{
		Name: "web", Command: sh("i=0; while test $i -lt 200; do head -c 1048576 /dev/zero | tr '\\0' 'x' | fold -w 99; i=$((i+1)); done; " +
			"echo; echo the end; exec sleep 1000"),
	}}})
	r := boot(t, machine)
	require.Eventually(t, func() bool { return strings.HasSuffix(r.logged("web"), "the end\n") }, 3*time.Minute, 20*time.Millisecond)
	size := int64(0)
	require.NoError(t, filepath.WalkDir(filepath.Join(machine.Directory, "log"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := os.Stat(path)
		size += info.Size()
		return err
	}))
	assert.Less(t, size, int64(17<<20), "two files of 8 MiB")
	const note = "emulator: the log had 8 MiB. They are in web.log.1, and what was before them is deleted.\n"
	assert.True(t, strings.HasPrefix(r.logged("web"), note))

	l.broken.Store(false)
	require.Eventually(t, func() bool { return strings.HasSuffix(l.one(machine.ID, false), "takes events again") }, 3*time.Minute,
		50*time.Millisecond)
	assert.Contains(t, l.lines(machine.ID), "web: the end")
	assert.Regexp(t, `^web: x+$`, l.one(machine.ID, true))
	assert.Contains(t, strings.Join(l.lines(machine.ID), "\n"), " lines were dropped: more was written than could be sent\n")
}
