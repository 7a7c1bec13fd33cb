package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/emulator/load"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// highestRate is more than a balancer of the emulator passes on a laptop.
const highestRate = 100_000

// loadService puts the first balancer of the running emulator under load, until the time is over or Ctrl-C, and reports.
// Requests without an answer are a failure.
func loadService(ctx context.Context, o *options, args []string) error {
	rate, err := parseRate(args)
	if err != nil {
		return err
	}
	before, err := client.Status(ctx)
	if err != nil {
		return err
	}
	asked, err := o.asked(before, o.question)
	if err != nil {
		return err
	}
	fmt.Fprintf(o.out, "%g requests a second to %s; Ctrl-C ends it\n", rate, asked.Address)
	report := load.Run(ctx, load.Options{Rate: rate, For: o.duration, Patience: load.Patience, Progress: o.progress()}, func(ctx context.Context) error {
		_, err := asked.Ask(ctx)
		return err
	})
	printReport(o.out, report)
	after, err := client.Status(context.WithoutCancel(ctx))
	if err != nil {
		return fmt.Errorf("how the targets shared it is not known: %w", err)
	}
	printShares(o.out, before, after)
	if n := report.Unanswered(); n > 0 {
		return fmt.Errorf("%d of %d requests got no answer", n, report.Sent)
	}
	return nil
}

func parseRate(args []string) (float64, error) {
	if len(args) != 1 {
		return 0, fmt.Errorf("%w: name the rate, e.g. 500 requests a second", session.ErrUsage)
	}
	rate, err := strconv.ParseFloat(args[0], 64)
	if err != nil || !(rate > 0 && rate <= highestRate) {
		return 0, fmt.Errorf("%w: the rate %q is not a number above 0, up to %d", session.ErrUsage, args[0], highestRate)
	}
	return rate, nil
}

// progress prints a line a second: what came since the last one, and what was left without an answer in all.
func (o *options) progress() func(load.Report) {
	var last load.Report
	return func(now load.Report) {
		fmt.Fprintf(o.out, "%4.0f s  %6d sent  %6d answered  %d without an answer in all\n", now.Took.Seconds(), now.Sent-last.Sent,
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

var errNoBalancer = errors.New("no balancer is listening: is the stack up?")
