package rehearsal

import (
	"bytes"
	"encoding/json"
	"errors"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/engine"
	"github.com/elastic-service/elastic-service/emulator/load"
	"github.com/elastic-service/elastic-service/emulator/session"
)

func TestTheReportIsForPeopleAndForPrograms(t *testing.T) {
	var out bytes.Buffer
	report := newReport(Options{Session: session.Options{Stack: "dev", Speed: 10}, Out: &out})
	r := &Rehearsal{report: report}
	r.sayResult("up", "%s", engine.Result{Created: 34, Duration: 3100 * time.Millisecond})
	counts := load.Counts{Answered: 19, Failed: 1, LastFailure: "EOF"}
	report.add(Entry{Step: "replaced", Text: "by i-2", Took: &Took{Real: 1.1, Emulated: 11}})
	report.add(Entry{Text: "clients meanwhile: " + counts.String(), Clients: &counts})
	report.end(errors.New("something is left"))
	assert.Equal(t, "up         resources: 34 created, in 3.1 s\nreplaced   by i-2\n"+
		"           clients meanwhile: 19 answered, 1 failed (EOF)\n", out.String())

	text, err := json.Marshal(report)
	require.NoError(t, err)
	text = regexp.MustCompile(`,"at":[\d.e-]+`).ReplaceAll(text, nil)
	assert.JSONEq(t, `{"stack": "dev", "speed": 10, "succeeded": false, "error": "something is left", "took": 0, "entries": [
		{"step": "up", "text": "resources: 34 created, in 3.1 s",
		 "resources": {"created": 34, "updated": 0, "replaced": 0, "deleted": 0, "unchanged": 0, "took": 3.1}},
		{"step": "replaced", "text": "by i-2", "took": {"real": 1.1, "emulated": 11}},
		{"step": "replaced", "text": "clients meanwhile: 19 answered, 1 failed (EOF)",
		 "clients": {"answered": 19, "failed": 1, "lastFailure": "EOF"}}
	]}`, string(text))
}
