package nspawn_test

import (
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/identity"
	"github.com/elastic-service/elastic-service/emulator/logstore"
	"github.com/elastic-service/elastic-service/journal"
)

// logs is a cloud with the log group of stack dev, whose API can be out of order.
type logs struct {
	api    http.Handler
	broken atomic.Bool
}

func newLogs(t *testing.T) *logs {
	t.Helper()
	c, err := cloud.New("us-east-1", clockwork.NewRealClock(), func(netip.Addr) bool { return true })
	require.NoError(t, err)
	require.NoError(t, c.Change(func(m *cloud.Model) error {
		return m.CloudWatch.CreateLogGroup(cloudwatch.LogGroup{Name: devLogs, RetentionDays: 7})
	}))
	return &logs{api: aws.New(c, t.TempDir(), logstore.Open(t.TempDir()))}
}

var devLogs = journal.GroupName("musicguru", "dev")

func (l *logs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if l.broken.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	l.api.ServeHTTP(w, r)
}

// lines returns what a machine has sent.
func (l *logs) lines(t *testing.T, instance string) []string {
	t.Helper()
	client := cloudwatchlogs.NewFromConfig(identity.Config("us-east-1", l.api))
	found, err := client.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: &devLogs, LogStreamNamePrefix: sdk.String(instance),
	})
	require.NoError(t, err)
	var lines []string
	for _, event := range found.Events {
		lines = append(lines, *event.Message)
	}
	return lines
}

// counts returns how many lines have a text.
func counts(lines []string, text string) int {
	n := 0
	for _, line := range lines {
		if strings.Contains(line, text) {
			n++
		}
	}
	return n
}

// TestTheJournalIsSent follows the journal of a machine to CloudWatch Logs: through its boot, while CloudWatch Logs does not answer, and
// over a reboot, after which the program goes on where it was.
func TestTheJournalIsSent(t *testing.T) {
	v := newVPC(t)
	s := deployed(t, "dev", map[string]any{
		"app.logs": map[string]any{},
		"app.setup": []any{map[string]any{
			"name": "first", "command": []string{"/bin/sh", "-c", "echo the first is done; printf 'no\\200text\\n'"},
		}},
	})
	l := newLogs(t)
	spec := s.spec(t, zoneA)
	spec.API = l
	m := boot(t, v, spec)
	opens(t, v, zoneA, 5001)
	sent := func(text string) func() bool {
		return func() bool { return counts(l.lines(t, m.ID()), text) > 0 }
	}
	eventually(t, bootTime, "the setup command's line is sent", sent("setup-first: the first is done"))
	eventually(t, bootTime, "a line that is no text is sent", sent("setup-first: no\uFFFDtext"))
	eventually(t, bootTime, "cloud-init's end is sent", sent("systemd: Finished cloud-final.service"))
	assertBootedCleanly(t, m)
	assert.LessOrEqual(t, exposure(t, m, journal.UnitName), serviceExposure)

	l.broken.Store(true)
	command(t, m, "systemctl", "restart", "musicguru.service")
	eventually(t, bootTime, "the program has said that nothing is taken", func() bool {
		said := attempt(t, m, "journalctl", "--unit="+journal.UnitName, "--no-pager")
		return strings.Contains(said.Stdout, "the journal keeps them meanwhile")
	})
	before := counts(l.lines(t, m.ID()), "systemd: Started musicguru.service")
	l.broken.Store(false)
	eventually(t, bootTime, "what was written meanwhile is sent", func() bool {
		return counts(l.lines(t, m.ID()), "systemd: Started musicguru.service") == before+1
	})
	eventually(t, bootTime, "the end of the outage is sent", sent("shiplogs: CloudWatch Logs takes events again"))

	require.NoError(t, m.Stop(t.Context()))
	assert.Positive(t, counts(l.lines(t, m.ID()), "systemd: Stopped musicguru.service"), "the last lines are sent before the machine is off")
	require.NoError(t, m.Start(t.Context()))
	opens(t, v, zoneA, 5001)
	eventually(t, bootTime, "the second boot is sent", func() bool {
		return counts(l.lines(t, m.ID()), "systemd: Started musicguru.service") == before+2
	})
	assert.Equal(t, 1, counts(l.lines(t, m.ID()), "setup-first: the first is done"), "nothing is sent again")
}
