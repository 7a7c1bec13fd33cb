package experiments

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/clock"
	"github.com/elastic-service/elastic-service/emulator/load"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

// clientRate is how many questions clients ask in a real second while instances are terminated.
const clientRate = 100

// afterwards is how long clients go on asking when the group is whole again, real time.
const afterwards = 2 * time.Second

// Termination is what happened when instances were terminated at once.
type Termination struct {
	Events []Event `json:"events"` // since the termination
	Whole  struct {
		Real     float64 `json:"real"`
		Emulated float64 `json:"emulated"`
	} `json:"whole"` // until as many instances were healthy as before
	Clients load.Report `json:"clients"`
	Outage  Outage      `json:"outage"`
}

// Event is a change that the model saw.
type Event struct {
	At    float64 `json:"at"` // emulated time
	What  string  `json:"what"`
	State string  `json:"state"`
}

// Outage is what clients noticed, in real seconds since the termination.
type Outage struct {
	Lost      int     `json:"lost"` // questions without an answer
	FirstLost float64 `json:"firstLost"`
	LastLost  float64 `json:"lastLost"`
	Longest   float64 `json:"longest"` // time without any answer
}

// runTerminate terminates some of the instances at once and reports what clients notice.
func runTerminate(ctx context.Context, o Options) error {
	return inLaboratory(ctx, o, fixedSize(max(2, o.Count)), func(l *laboratory) error {
		l.found(Summary{fmt.Sprintf("stack %s, %d instances, %d terminated at once, speed %g; %d questions in a real second", o.Session.Stack,
			len(l.stack.Healthy()), o.Count, o.Session.Speed, clientRate)})
		t, err := l.terminate(ctx, o.Count)
		if err != nil {
			return err
		}
		l.found(t)
		return nil
	})
}

// terminate terminates so many instances and watches until as many others are healthy.
func (l *laboratory) terminate(ctx context.Context, count int) (*Termination, error) {
	before := l.stack.Healthy()
	log, asked := startHistory(ctx, l.cloud()), &witness{}
	loaded, end := context.WithCancel(ctx)
	defer end()
	result := make(chan load.Report, 1)
	go func() {
		result <- load.Run(loaded, load.Options{Rate: clientRate, Patience: load.Patience}, asked.watch(l.stack.Service))
	}()
	if err := l.await(ctx, 0, func() bool { return asked.answers() > clientRate }); err != nil {
		return nil, fmt.Errorf("waiting for answers before the termination: %w", err)
	}
	asked.begin()
	log.begin()
	for _, i := range before[:count] {
		if err := l.cloud().Change(func(m *cloud.Model) error { return m.EC2.TerminateInstance(i.ID) }); err != nil {
			return nil, err
		}
	}
	if err := l.await(ctx, 15*time.Minute, func() bool { return len(l.replacements(before)) >= count }); err != nil {
		return nil, fmt.Errorf("waiting for %d replacements: %w", count, err)
	}
	whole := asked.sinceBegin()
	time.Sleep(afterwards)
	end()
	t := &Termination{Clients: <-result, Events: log.stop(), Outage: asked.outage()}
	t.Whole.Real, t.Whole.Emulated = clock.Seconds(whole), clock.Seconds(time.Duration(float64(whole)*l.stack.Speed()))
	return t, nil
}

// Print prints the events, and what clients noticed.
func (t *Termination) Print(out io.Writer) {
	rows := [][]string{{"emulated s", "what", "now"}}
	for _, e := range t.Events {
		rows = append(rows, []string{fmt.Sprintf("%.1f", e.At), e.What, e.State})
	}
	fmt.Fprintln(out)
	printTable(out, rows)
	fmt.Fprintf(out, "\n  whole again after real %.1f s, emulated %.0f s\n", t.Whole.Real, t.Whole.Emulated)
	c := t.Clients
	fmt.Fprintf(out, "  clients: %d sent, %d answered, %d refused, %d failed\n", c.Sent, c.Answered, c.Refused, c.Failed)
	for _, what := range slices.Sorted(maps.Keys(c.Errors)) {
		fmt.Fprintf(out, "    %d × %s\n", c.Errors[what], what)
	}
	if t.Outage.Lost > 0 {
		fmt.Fprintf(out, "  questions were lost from real %.2f s to %.2f s after the termination\n", t.Outage.FirstLost, t.Outage.LastLost)
	}
	fmt.Fprintf(out, "  longest time without any answer: real %.2f s\n", t.Outage.Longest)
}
