package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/load"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// highestRate is more than a balancer of the emulator passes on a laptop.
const highestRate = 100_000

func newLoad(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "load RATE",
		Short: "Send so many requests a second to the service, and report how they fared",
		Long: `Send RATE requests a second to the listener that call asks, until Ctrl-C or for the time that --for
gives, and report how many were answered, refused (reset) and failed (no answer in 5 s, or not 200),
the latency, and the share of each target. The exit code is 1 if a request got no answer.

With --output json it prints an object when it has ended: address, rate, requests (took, sent,
answered, refused, failed, errors, latency) and targets (id, zone, total, refused). Times are real
seconds.`,
		Example: `  emulator load 500
  emulator load 100 --for 30s
  emulator load 50 --ask "/burn?ms=20" --for 2m`,
		Args:              arguments(1, 1, "name the rate, e.g. 500 requests a second"),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	question := c.Flags().String("ask", "", askHelp)
	var duration length
	c.Flags().Var(&duration, "for", "how long, real time; 0: until Ctrl-C")
	output := addOutputFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		rate, err := parseRate(args[0])
		if err != nil {
			return err
		}
		o := load.Options{Rate: rate, For: time.Duration(duration), Patience: load.Patience}
		progress := c.OutOrStdout()
		if *output == formatJSON {
			progress = io.Discard
		}
		report, err := loadService(c.Context(), g.client(), *question, o, progress)
		if err != nil {
			return err
		}
		if *output == formatJSON {
			err = printJSON(c.OutOrStdout(), report)
		} else {
			report.print(c.OutOrStdout())
		}
		if n := report.Requests.Unanswered(); n > 0 {
			return fmt.Errorf("%d of %d requests got no answer", n, report.Requests.Sent)
		}
		return err
	}
	return c
}

// loadReport is how a load fared.
type loadReport struct {
	Address  string        `json:"address"`
	Rate     float64       `json:"rate"` // requests in a real second
	Requests load.Report   `json:"requests"`
	Targets  []targetShare `json:"targets"`
}

// targetShare counts what a target got of a load, through all listeners, from all their clients.
type targetShare struct {
	ID      string `json:"id"` // empty for requests that no target got
	Zone    string `json:"zone"`
	Total   uint64 `json:"total"`
	Refused uint64 `json:"refused"`
}

// loadService puts the first balancer of the running emulator under load.
func loadService(ctx context.Context, client api.Client, question string, o load.Options, progress io.Writer) (*loadReport, error) {
	before, err := client.Status(ctx)
	if err != nil {
		return nil, err
	}
	service, err := firstService(before, question)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(progress, "%g requests a second to %s; Ctrl-C ends it\n", o.Rate, service.Address)
	o.Progress = progressTo(progress)
	report := &loadReport{Address: service.Address, Rate: o.Rate, Requests: load.Run(ctx, o, func(ctx context.Context) error {
		_, err := service.Ask(ctx)
		return err
	})}
	after, err := client.Status(context.WithoutCancel(ctx))
	if err != nil {
		return nil, fmt.Errorf("how the targets shared the load is not known: %w", err)
	}
	report.Targets = targetShares(before, after)
	return report, nil
}

func parseRate(text string) (float64, error) {
	rate, err := strconv.ParseFloat(text, 64)
	if err != nil || !(rate > 0 && rate <= highestRate) {
		return 0, fmt.Errorf("%w: the rate %q is not a number above 0, up to %d", session.ErrUsage, text, highestRate)
	}
	return rate, nil
}

// progressTo returns a function that prints a line about what came since the last line.
func progressTo(out io.Writer) func(load.Report) {
	var last load.Report
	return func(now load.Report) {
		fmt.Fprintf(out, "%4.0f s  %6d sent  %6d answered  %d without an answer in all\n", now.Took.Seconds(), now.Sent-last.Sent,
			now.Answered-last.Answered, now.Unanswered())
		last = now
	}
}

func (l *loadReport) print(out io.Writer) {
	r := l.Requests
	fmt.Fprintf(out, "\n%d sent in %.1f s, %d answered, %d refused, %d failed\n", r.Sent, r.Took.Seconds(), r.Answered, r.Refused, r.Failed)
	for _, what := range slices.Sorted(maps.Keys(r.Errors)) {
		fmt.Fprintf(out, "  %d × %s\n", r.Errors[what], what)
	}
	if r.Answered > 0 {
		fmt.Fprintf(out, "latency: %v\n", r.Latency)
	}
	for _, t := range l.Targets {
		name := "no target"
		if t.ID != "" {
			name = t.ID
		}
		if t.Zone != "" {
			name += " in " + t.Zone
		}
		fmt.Fprintf(out, "  %s: %d, refused %d\n", name, t.Total, t.Refused)
	}
}

// targetShares returns what each target got between two looks at the status.
func targetShares(before, after api.Status) []targetShare {
	then, now := allFlows(before), allFlows(after)
	zones := map[string]string{}
	for _, i := range slices.Concat(before.Instances, after.Instances) {
		zones[i.ID] = i.Zone
	}
	shares := []targetShare{}
	for _, target := range slices.Sorted(maps.Keys(now)) {
		share := targetShare{
			ID: target, Zone: zones[target], Total: now[target].Total - then[target].Total, Refused: now[target].Refused - then[target].Refused,
		}
		if share.Total+share.Refused > 0 {
			shares = append(shares, share)
		}
	}
	return shares
}

// allFlows adds up what the listeners count for each target.
func allFlows(s api.Status) map[string]api.Flow {
	sums := map[string]api.Flow{}
	for _, b := range s.Balancers {
		for target, f := range b.Flows {
			sum := sums[target]
			sum.Total, sum.Refused = sum.Total+f.Total, sum.Refused+f.Refused
			sums[target] = sum
		}
	}
	return sums
}
