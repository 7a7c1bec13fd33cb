// Package experiments answers questions about a stack by measurement, each on emulators of its own. docs/experiments.md has what
// they found.
//
//	answers      which instance answers: is there a pattern?
//	terminate    what do clients notice when instances are terminated?
//	replacement  where does the time go until a lost instance is replaced?
//	scale        what do many instances and resources cost on this machine?
package experiments

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/elastic-service/elastic-service/emulator/session"
)

// The highest sizes.
const (
	MostInstances = 200
	MostResources = 250
)

// Options of an experiment.
type Options struct {
	Session   session.Options // Folder is ignored: each laboratory has a new folder, which it deletes
	Question  string          // what clients ask; empty: what suits the balancer
	Count     int             // terminate: how many instances at once, 1 to MostInstances
	Instances int             // scale: size of the group, 1 to MostInstances
	Resources int             // scale: at least so many resources, up to MostResources; 0: the stack's own
	Found     func(Finding)   // called with each finding as it comes
}

// Finding is a part of an experiment's report. Its JSON is lower camel case, with durations in seconds.
type Finding interface {
	// Print prints the finding for people.
	Print(out io.Writer)
}

// Summary is a finding in a line.
type Summary struct {
	Text string `json:"text"`
}

// Print prints the line.
func (s Summary) Print(out io.Writer) { fmt.Fprintln(out, s.Text) }

var experiments = map[string]func(context.Context, Options) error{
	"answers":     runAnswers,
	"terminate":   runTerminate,
	"replacement": runReplacement,
	"scale":       runScale,
}

// NameList names the experiments in a line.
func NameList() string { return strings.Join(slices.Sorted(maps.Keys(experiments)), ", ") }

// Check refuses sizes that are out of range.
func (o Options) Check() error {
	switch {
	case o.Count < 1 || o.Count > MostInstances:
		return fmt.Errorf("%w: --count %d is not between 1 and %d", session.ErrUsage, o.Count, MostInstances)
	case o.Instances < 1 || o.Instances > MostInstances:
		return fmt.Errorf("%w: --instances %d is not between 1 and %d", session.ErrUsage, o.Instances, MostInstances)
	case o.Resources < 0 || o.Resources > MostResources:
		return fmt.Errorf("%w: --resources %d is not between 0 and %d", session.ErrUsage, o.Resources, MostResources)
	}
	return nil
}

// Run runs an experiment.
func Run(ctx context.Context, name string, o Options) error {
	run, exists := experiments[name]
	if !exists {
		return fmt.Errorf("there is no experiment %q; there is %s", name, NameList())
	}
	return run(ctx, o)
}

// printTable prints rows. The first row names the columns.
func printTable(out io.Writer, rows [][]string) {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, "  "+strings.Join(row, "\t"))
	}
	_ = w.Flush()
}

// percent formats a share for people.
func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }
