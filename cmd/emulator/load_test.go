package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/internal/ca"
)

// at makes the commands talk to another emulator.
func at(t *testing.T, address string) {
	t.Helper()
	t.Setenv(addressVariable, address)
}

// lines starts a balancer that answers lines, except every failing-th line, and an emulator that only has a status.
func lines(t *testing.T, failing int64) *atomic.Int64 {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	count := answerLines(l, failing)
	showing(t, func() api.Status {
		return api.Status{
			Balancers: []api.Balancer{{
				Kind: "network", Address: l.Addr().String(), Flows: map[string]api.Flow{"i-1": {Total: uint64(count.Load())}},
			}},
			Instances: []api.Instance{{ID: "i-1", Zone: "us-east-1a"}},
		}
	})
	return count
}

func answerLines(l net.Listener, failing int64) *atomic.Int64 {
	count := &atomic.Int64{}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				line, _ := bufio.NewReader(conn).ReadString('\n')
				if n := count.Add(1); failing == 0 || n%failing != 0 {
					fmt.Fprint(conn, "answer to "+line)
				}
			}()
		}
	}()
	return count
}

// showing makes the commands talk to an emulator that only has a status.
func showing(t *testing.T, status func() api.Status) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(status())
	}))
	t.Cleanup(server.Close)
	at(t, server.Listener.Addr().String())
}

// certified makes an authority, whose certificate is in a file, and a configuration with a certificate of it.
func certified(t *testing.T) (string, *tls.Config) {
	t.Helper()
	authority := must(ca.New("test authority"))(t)
	certificate := must(authority.Certificate("127.0.0.1", "www.example.com"))(t)
	file := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(file, authority.PEM(), 0o600))
	return file, &tls.Config{Certificates: []tls.Certificate{*certificate}, MinVersion: tls.VersionTLS12}
}

func TestCallAndLoadSpeakTLSToWhoListensForIt(t *testing.T) {
	authority, config := certified(t)
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	require.NoError(t, err)
	defer l.Close()
	answerLines(l, 0)
	page := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "page "+r.URL.Path) }))
	page.TLS = config
	page.StartTLS()
	defer page.Close()
	status := api.Status{Authority: authority}
	showing(t, func() api.Status { return status })
	command := func(code int, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		assert.Equal(t, code, run(t.Context(), args, &out, &out), out.String())
		return out.String()
	}

	status.Balancers = []api.Balancer{{Kind: "network", Protocol: "TLS", Address: l.Addr().String()}}
	assert.Equal(t, "answer to 2004\n", command(0, "call", "2004"))
	assert.Contains(t, command(0, "load", "100", "--for", "200ms"), " 0 refused, 0 failed")
	assert.Contains(t, command(0, "status"), "clients must trust the certificate authority in "+authority)
	status.Balancers = []api.Balancer{{Kind: "application", Protocol: "HTTPS", Address: page.Listener.Addr().String()}}
	assert.Equal(t, "page /x\n", command(0, "call", "/x"))
	assert.Equal(t, "page /\n", command(0, "call"))

	status.Authority, _ = certified(t)
	assert.Contains(t, command(1, "call"), "unknown authority")
	status.Balancers = []api.Balancer{{Kind: "network", Protocol: "TLS", Address: l.Addr().String()}}
	assert.Contains(t, command(1, "call"), "unknown authority")
}

func TestSharesAreThoseOfAllListeners(t *testing.T) {
	flows := func(a, b uint64) api.Status {
		return api.Status{
			Balancers: []api.Balancer{
				{Flows: map[string]api.Flow{"": {Refused: a}, "i-1": {Total: a}}},
				{Flows: map[string]api.Flow{"i-1": {Total: b}}},
			},
			Instances: []api.Instance{{ID: "i-1", Zone: "us-east-1a"}},
		}
	}
	var out bytes.Buffer
	report := loadReport{Targets: targetShares(flows(1, 2), flows(11, 22))}
	report.print(&out)
	assert.Contains(t, out.String(), "  no target: 0, refused 10\n  i-1 in us-east-1a: 30, refused 0\n")
}

func TestLoadReportsWhatBecameOfEveryRequest(t *testing.T) {
	count := lines(t, 0)
	var out bytes.Buffer
	assert.Zero(t, run(t.Context(), []string{"load", "200", "--for", "1500ms"}, &out, &out), out.String())
	assert.Regexp(t, `(?m)^ +1 s +\d+ sent +\d+ answered +0 without an answer in all$`, out.String())
	assert.Contains(t, out.String(), fmt.Sprintf("\n%d sent in 1.", count.Load()))
	assert.Contains(t, out.String(), fmt.Sprintf("%d answered, 0 refused, 0 failed", count.Load()))
	assert.Regexp(t, `latency: median [\d.]+ ms, 90 % [\d.]+ ms, 99 % [\d.]+ ms, longest [\d.]+ ms`, out.String())
	assert.Contains(t, out.String(), fmt.Sprintf("  i-1 in us-east-1a: %d, refused 0\n", count.Load()))
	assert.InDelta(t, 300, count.Load(), 5)
}

func TestLoadReportsToPrograms(t *testing.T) {
	count := lines(t, 0)
	var out, errs bytes.Buffer
	assert.Zero(t, run(t.Context(), []string{"load", "100", "--for", "200ms", "-o", "json"}, &out, &errs), errs.String())
	var report struct {
		Rate     float64
		Requests struct {
			Took           float64
			Sent, Answered int64
			Errors         map[string]int
			Latency        map[string]float64
		}
		Targets []map[string]any
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &report))
	assert.InDelta(t, 100, report.Rate, 0)
	assert.Equal(t, count.Load(), report.Requests.Answered)
	assert.InDelta(t, 0.2, report.Requests.Took, 0.15, "seconds")
	assert.Len(t, report.Requests.Latency, 4)
	assert.Equal(t, []map[string]any{{"id": "i-1", "zone": "us-east-1a", "total": float64(count.Load()), "refused": 0.0}}, report.Targets)
}

func TestLoadThatIsNotAllAnsweredFails(t *testing.T) {
	lines(t, 4)
	var out bytes.Buffer
	assert.Equal(t, 1, run(t.Context(), []string{"load", "--for", "500ms", "100"}, &out, &out))
	assert.Regexp(t, `\d+ of \d+ requests got no answer`, out.String())
}

func TestAnInterruptedLoadReports(t *testing.T) {
	lines(t, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	var out bytes.Buffer
	assert.Zero(t, run(ctx, []string{"load", "100"}, &out, &out), out.String())
	assert.Contains(t, out.String(), "0 refused, 0 failed")
	assert.Contains(t, out.String(), "i-1 in us-east-1a: ")
}

func TestMistypedLoadsAndFaultsSayWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no rate":              {[]string{"load"}, 2, "name the rate"},
		"no number":            {[]string{"load", "many"}, 2, `the rate "many" is not a number`},
		"no load":              {[]string{"load", "0"}, 2, `the rate "0" is not`},
		"not a number at all":  {[]string{"load", "NaN"}, 2, `the rate "NaN" is not`},
		"a negative time":      {[]string{"load", "1", "--for", "-1s"}, 2, "a duration is not negative"},
		"nothing to be loaded": {[]string{"load", "1"}, 1, api.ErrNotRunning.Error()},
		"no zone":              {[]string{"fail-zone"}, 2, "name one zone"},
		"no zone to come back": {[]string{"restore-zone"}, 2, "name one zone"},
		"no task":              {[]string{"stop-task"}, 2, "name one task"},
		"no target":            {[]string{"fault", "aws:ecs:stop-task"}, 2, "name an action and its target"},
		"no parameter":         {[]string{"fault", "aws:ecs:stop-task", "1", "x"}, 2, `the parameter "x" is not NAME=VALUE`},
		"nothing to fail":      {[]string{"fail-zone", "us-east-1a"}, 1, api.ErrNotRunning.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			assert.Equal(t, c.code, run(t.Context(), c.args, &out, &out))
			assert.Contains(t, out.String(), c.says)
		})
	}
}

func TestZonesFailAndComeBackByCommand(t *testing.T) {
	silent := slog.New(slog.DiscardHandler)
	e, err := emulator.Open(emulator.Options{Folder: t.TempDir(), Region: "us-east-1", Speed: 10, Log: silent})
	require.NoError(t, err)
	defer e.Providers.Close()
	control, err := e.Serve("127.0.0.1:45662", "dev")
	require.NoError(t, err)
	defer control.Close()
	at(t, "127.0.0.1:45662")
	command := func(code int, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		assert.Equal(t, code, run(t.Context(), args, &out, &out), out.String())
		return out.String()
	}
	assert.Contains(t, command(1, "restore-zone", "us-east-1a"), "us-east-1a has not failed")
	assert.Contains(t, command(0, "fail-zone", "us-east-1a"), "`restore-zone us-east-1a` brings it back")
	assert.Contains(t, command(1, "fail-zone", "us-east-1a"), "ConflictException")
	assert.Contains(t, command(0, "fail-zone", "us-east-1b", "--for", "10m"), "it comes back after 10m0s of emulated time")
	assert.Contains(t, command(1, "fail-zone", "eu-west-1a"), "'eu-west-1a' is not a zone of us-east-1")
	status := command(0, "status")
	assert.Regexp(t, `fault EXP\w+: AZ Availability: Power Interruption at us-east-1a, until it is stopped`, status)
	assert.Regexp(t, `fault EXP\w+: AZ Availability: Power Interruption at us-east-1b, for another (10m0s|9m5\ds) of emulated time`, status)
	assert.Contains(t, command(0, "restore-zone", "us-east-1a"), "us-east-1a is back")

	list := command(0, "fault")
	assert.Regexp(t, `aws:ssm:send-command/AWSFIS-Run-CPU-Stress +aws:ec2:instance +--for +CPU=0 LoadPercent=100`, list)
	id := strings.TrimSuffix(strings.Fields(list[strings.Index(list, "fault EXP"):])[1], ":")
	assert.Contains(t, command(0, "fault", "stop", id), id+" is over")
	assert.Contains(t, command(2, "fault", "reboot", "i-1"), `there is no action "reboot"; there is`)
	assert.Contains(t, command(1, "fault", "terminate-instances", "i-1"), "not an instance that runs")
	assert.Contains(t, command(1, "fault", "CPU-Stress", "i-1", "LoadPercent=50"), "not an instance that runs")
	assert.Contains(t, command(1, "stop-task", "1"), "The referenced task was not found: 1")
}
