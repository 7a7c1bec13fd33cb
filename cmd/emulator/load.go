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

	"github.com/elastic-service/elastic-service/emulator"
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
the latency, and the share of each target. The exit code is 1 if a request got no answer.`,
		Example: `  emulator load 500
  emulator load 100 --for 30s
  emulator load 50 --ask "/burn?ms=20" --for 2m`,
		Args:              arguments(1, 1, "name the rate, e.g. 500 requests a second"),
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	question := c.Flags().String("ask", "", askHelp)
	var duration length
	c.Flags().Var(&duration, "for", "how long, real time; 0: until Ctrl-C")
	c.RunE = func(c *cobra.Command, args []string) error {
		rate, err := parseRate(args[0])
		if err != nil {
			return err
		}
		return loadService(c.Context(), g.client(), *question, load.Options{
			Rate: rate, For: time.Duration(duration), Patience: load.Patience, Progress: progressTo(c.OutOrStdout()),
		}, c.OutOrStdout())
	}
	return c
}

// loadService puts the first balancer of the running emulator under load, and reports. Requests without an answer are a failure.
func loadService(ctx context.Context, client emulator.Client, question string, o load.Options, out io.Writer) error {
	before, err := client.Status(ctx)
	if err != nil {
		return err
	}
	service, err := firstService(before, question)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%g requests a second to %s; Ctrl-C ends it\n", o.Rate, service.Address)
	report := load.Run(ctx, o, func(ctx context.Context) error {
		_, err := service.Ask(ctx)
		return err
	})
	printReport(out, report)
	after, err := client.Status(context.WithoutCancel(ctx))
	if err != nil {
		return fmt.Errorf("how the targets shared it is not known: %w", err)
	}
	printShares(out, before, after)
	if n := report.Unanswered(); n > 0 {
		return fmt.Errorf("%d of %d requests got no answer", n, report.Sent)
	}
	return nil
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

func printReport(out io.Writer, r load.Report) {
	fmt.Fprintf(out, "\n%d sent in %.1f s, %d answered, %d refused, %d failed\n", r.Sent, r.Took.Seconds(), r.Answered, r.Refused, r.Failed)
	for _, what := range slices.Sorted(maps.Keys(r.Errors)) {
		fmt.Fprintf(out, "  %d × %s\n", r.Errors[what], what)
	}
	if r.Answered > 0 {
		fmt.Fprintf(out, "latency: %v\n", r.Latency)
	}
}

// printShares prints what each target got meanwhile, through all listeners; they count for all their clients.
func printShares(out io.Writer, before, after emulator.Status) {
	then, now := allFlows(before), allFlows(after)
	zones := map[string]string{}
	for _, i := range slices.Concat(before.Instances, after.Instances) {
		zones[i.ID] = " in " + i.Zone
	}
	for _, target := range slices.Sorted(maps.Keys(now)) {
		total, refused := now[target].Total-then[target].Total, now[target].Refused-then[target].Refused
		if total+refused == 0 {
			continue
		}
		name := target + zones[target]
		if target == "" {
			name = "no target"
		}
		fmt.Fprintf(out, "  %s: %d, refused %d\n", name, total, refused)
	}
}

// allFlows adds up what the listeners count for each target.
func allFlows(s emulator.Status) map[string]emulator.FlowStatus {
	sums := map[string]emulator.FlowStatus{}
	for _, b := range s.Balancers {
		for target, f := range b.Flows {
			sum := sums[target]
			sum.Total, sum.Refused = sum.Total+f.Total, sum.Refused+f.Refused
			sums[target] = sum
		}
	}
	return sums
}
