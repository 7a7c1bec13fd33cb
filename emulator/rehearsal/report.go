package rehearsal

import (
	"fmt"
	"io"
	"time"

	"github.com/elastic-service/elastic-service/emulator/clock"
	"github.com/elastic-service/elastic-service/emulator/engine"
	"github.com/elastic-service/elastic-service/emulator/load"
)

// Report is what a rehearsal found. Its JSON is lower camel case, with durations in seconds.
type Report struct {
	Stack     string  `json:"stack"`
	Speed     float64 `json:"speed"` // emulated seconds in a real second
	Succeeded bool    `json:"succeeded"`
	Error     string  `json:"error,omitempty"`
	Took      float64 `json:"took"` // real time
	Entries   []Entry `json:"entries"`

	out   io.Writer // gets the entries as they come
	start time.Time
}

// Entry is a line of the report.
type Entry struct {
	Step      string       `json:"step"`
	Text      string       `json:"text"`
	At        float64      `json:"at"`                  // real time, since the rehearsal began
	Took      *Took        `json:"took,omitempty"`      // until what the step waited for
	Resources *Resources   `json:"resources,omitempty"` // of an operation of Pulumi
	Clients   *load.Counts `json:"clients,omitempty"`   // that asked meanwhile
}

// Took is a time as both clocks show it.
type Took struct {
	Real     float64 `json:"real"`
	Emulated float64 `json:"emulated"`
}

func (t Took) String() string { return fmt.Sprintf("real %.1f s, emulated %.0f s", t.Real, t.Emulated) }

// Resources count what an operation of Pulumi did.
type Resources struct {
	Created   int     `json:"created"`
	Updated   int     `json:"updated"`
	Replaced  int     `json:"replaced"`
	Deleted   int     `json:"deleted"`
	Unchanged int     `json:"unchanged"`
	Took      float64 `json:"took"` // real time
}

func newReport(o Options) *Report {
	return &Report{Stack: o.Session.Stack, Speed: o.Session.Speed, Entries: []Entry{}, out: o.Out, start: time.Now()}
}

// add adds an entry and prints it, after the name of its step. Entries without a step go on with the one before.
func (r *Report) add(e Entry) {
	fmt.Fprintf(r.out, "%-10s %s\n", e.Step, e.Text)
	if n := len(r.Entries); e.Step == "" && n > 0 {
		e.Step = r.Entries[n-1].Step
	}
	e.At = clock.Seconds(time.Since(r.start))
	r.Entries = append(r.Entries, e)
}

// end notes how the rehearsal ended.
func (r *Report) end(err error) {
	r.Took, r.Succeeded = clock.Seconds(time.Since(r.start)), err == nil
	if err != nil {
		r.Error = err.Error()
		return
	}
	fmt.Fprintf(r.out, "\nrehearsed in %.1f s\n", r.Took)
}

// say adds an entry that is text alone.
func (r *Rehearsal) say(step, format string, args ...any) {
	r.report.add(Entry{Step: step, Text: fmt.Sprintf(format, args...)})
}

// sayResult adds an entry for an operation of Pulumi. The text goes around the result where it has %s.
func (r *Rehearsal) sayResult(step, format string, result engine.Result, args ...any) {
	r.report.add(Entry{Step: step, Text: fmt.Sprintf(format, append([]any{result}, args...)...), Resources: &Resources{
		Created: result.Created, Updated: result.Updated, Replaced: result.Replaced, Deleted: result.Deleted, Unchanged: result.Same,
		Took: clock.Seconds(result.Duration),
	}})
}

// took converts a real time.
func (r *Rehearsal) took(start time.Time) *Took {
	real := time.Since(start)
	return &Took{Real: clock.Seconds(real), Emulated: clock.Seconds(time.Duration(float64(real) * r.deployment.Speed()))}
}
