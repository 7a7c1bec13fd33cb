package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/identity"
	"github.com/elastic-service/elastic-service/emulator/logstore"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// logged makes an emulator whose instance i-1 has two logs, and returns the file of the first one.
func logged(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	showing(t, func() api.Status { return api.Status{Folder: folder} })
	logs := filepath.Join(folder, "instances", "i-1", "log")
	require.NoError(t, os.MkdirAll(logs, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(logs, "musicguru.log"), []byte("one\ntwo\nthree\nincompl"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(logs, "healthcheck.log"), []byte("listening\n"), 0o600))
	return filepath.Join(logs, "musicguru.log")
}

func TestLogsArePrintedByServiceWithTheirLastLines(t *testing.T) {
	logged(t)
	command := func(code int, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		assert.Equal(t, code, run(t.Context(), append([]string{"logs"}, args...), &out, &out), out.String())
		return out.String()
	}
	assert.Equal(t, "healthcheck  | listening\nmusicguru    | two\nmusicguru    | three\n", command(0, "i-1", "-n", "2"))
	assert.Equal(t, "one\ntwo\nthree\n", command(0, "i-1", "musicguru"))
	assert.Contains(t, command(1, "i-1", "web"), `i-1 has no log of "web"; it has healthcheck, musicguru`)
	assert.Contains(t, command(1, "i-2"), "no log of i-2 is in")
	assert.Contains(t, command(2, "../i-1"), `"../i-1" is not an ID`)
	assert.Contains(t, command(2, "i-1", "-n", "-1"), "--lines -1 is negative")
	assert.Contains(t, command(2), "name an instance, a task or a log group")
}

func TestALogGroupIsPrintedAndFollowed(t *testing.T) {
	clock := clockwork.NewFakeClockAt(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	c := must(cloud.New("us-east-1", clock, func(netip.Addr) bool { return true }))(t)
	const group = "/web/test/instances"
	require.NoError(t, c.Change(func(m *cloud.Model) error {
		if err := m.CloudWatch.CreateLogGroup(cloudwatch.LogGroup{Name: group}); err != nil {
			return err
		}
		return errors.Join(m.CloudWatch.CreateLogStream(group, "i-1", clock.Now()), m.CloudWatch.CreateLogStream(group, "i-2", clock.Now()))
	}))
	cloudAPI := aws.New(c, t.TempDir(), logstore.Open(t.TempDir()))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if aws.IsSigned(r) {
			cloudAPI.ServeHTTP(w, r)
			return
		}
		_ = json.NewEncoder(w).Encode(api.Status{Region: "us-east-1"})
	}))
	defer server.Close()
	at(t, server.Listener.Addr().String())
	client := cloudwatchlogs.NewFromConfig(identity.Config("us-east-1", cloudAPI))
	put := func(stream string, messages ...string) {
		t.Helper()
		in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: sdk.String(group), LogStreamName: &stream}
		for _, message := range messages {
			in.LogEvents = append(in.LogEvents, types.InputLogEvent{Timestamp: sdk.Int64(clock.Now().UnixMilli()), Message: &message})
		}
		must(client.PutLogEvents(t.Context(), in))(t)
	}
	put("i-1", "web: one", "web: two")
	clock.Advance(time.Second)
	put("i-2", "web: three")

	command := func(code int, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		assert.Equal(t, code, run(t.Context(), append([]string{"logs"}, args...), &out, &out), out.String())
		return out.String()
	}
	assert.Equal(t, "2026-01-02T03:04:05.000Z i-1 web: two\n2026-01-02T03:04:06.000Z i-2 web: three\n", command(0, group, "-n", "2"))
	assert.Equal(t, "2026-01-02T03:04:06.000Z i-2 web: three\n", command(0, group, "i-2"))
	assert.Contains(t, command(1, "/web/none/instances"), "The specified log group does not exist.")

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, ended := &recorder{}, make(chan int, 1)
	go func() { ended <- run(ctx, []string{"logs", group, "-f", "-n", "1"}, out, out) }()
	require.NoError(t, session.Poll(t.Context(), 10*time.Second, func() bool { return strings.Contains(out.String(), "three\n") }))
	put("i-1", "web: of the same time")
	require.NoError(t, session.Poll(t.Context(), 10*time.Second, func() bool { return strings.Contains(out.String(), "same time\n") }))
	cancel()
	assert.Zero(t, <-ended)
	assert.Equal(t, "2026-01-02T03:04:06.000Z i-2 web: three\n2026-01-02T03:04:06.000Z i-1 web: of the same time\n", out.String())
}

func TestLogsAreFollowed(t *testing.T) {
	file := logged(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, ended := &recorder{}, make(chan int, 1)
	go func() { ended <- run(ctx, []string{"logs", "i-1", "musicguru", "-f", "-n", "0"}, out, out) }()
	time.Sleep(followEvery)
	log := must(os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0o600))(t)
	defer log.Close()
	must(log.WriteString("ete\nfive\n"))(t)
	require.NoError(t, session.Poll(t.Context(), 5*time.Second, func() bool { return strings.Contains(out.String(), "five\n") }))
	require.NoError(t, os.WriteFile(file, []byte("anew\n"), 0o600))
	require.NoError(t, session.Poll(t.Context(), 5*time.Second, func() bool { return strings.Contains(out.String(), "anew\n") }))
	cancel()
	assert.Zero(t, <-ended)
	assert.Equal(t, "incomplete\nfive\nanew\n", out.String())
}
