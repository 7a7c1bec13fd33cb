package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// defaultFault is how long a lasting fault lasts without --for, emulated time.
const defaultFault = 10 * time.Minute

func newFault(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "fault [ACTION TARGET [NAME=VALUE...]]",
		Short: "List the faults, or start one",
		Long: `Start a fault, as an action of AWS's Fault Injection Service; without arguments, list the actions with
their targets and parameters, and the faults that last.

The end of an action's name is enough where no other action ends so. A lasting fault ends after --for,
or 10 minutes of emulated time; fault stop ends it earlier.`,
		Example: `  emulator fault
  emulator fault CPU-Stress i-0123456789abcdef0 LoadPercent=80 --for 20m
  emulator fault stop EXPabc123`,
		Args:              refuseIncompleteFault,
		ValidArgsFunction: faultArguments(g),
	}
	var duration length
	c.Flags().Var(&duration, "for", "how long, emulated time (default 10m0s for a fault that lasts)")
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			return listFaults(c.Context(), g.client(), c.OutOrStdout())
		}
		return startFault(c.Context(), g.client(), args, time.Duration(duration), c.OutOrStdout())
	}
	c.AddCommand(newStopFault(g))
	return c
}

func refuseIncompleteFault(_ *cobra.Command, args []string) error {
	if len(args) == 1 {
		return fmt.Errorf("%w: name an action and its target; without arguments all actions are listed", session.ErrUsage)
	}
	return refuseEmpty(args)
}

func newStopFault(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "stop FAULT",
		Short:   "End a fault that lasts",
		Long:    `End a fault before its time. ` + "`emulator fault`" + ` lists the faults that last.`,
		Example: `  emulator fault stop EXPabc123`,
		Args:    arguments(1, 1, "name one fault (see `emulator fault`)"),
		ValidArgsFunction: fromStatus(g, func(s api.Status, args []string) []cobra.Completion {
			if len(args) > 0 {
				return nil
			}
			var found []cobra.Completion
			for _, f := range s.Faults {
				found = append(found, cobra.CompletionWithDesc(f.ID, f.Action+" at "+f.Target))
			}
			return found
		}),
		RunE: func(c *cobra.Command, args []string) error {
			if err := g.client().StopFault(c.Context(), args[0]); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s is over\n", args[0])
			return nil
		},
	}
}

func startFault(ctx context.Context, client api.Client, args []string, duration time.Duration, out io.Writer) error {
	request, err := faultRequest(ctx, client, args, duration)
	if err != nil {
		return err
	}
	started, err := client.StartFault(ctx, request)
	if err != nil {
		return err
	}
	if started.Until.Equal(started.Started) {
		fmt.Fprintf(out, "%s at %s: done\n", started.Action, started.Target)
		return nil
	}
	fmt.Fprintf(out, "%s: %s at %s, %s\n", started.ID, started.Action, started.Target, left(started.Until, started.Started))
	return nil
}

// faultRequest reads ACTION TARGET [NAME=VALUE …].
func faultRequest(ctx context.Context, client api.Client, args []string, duration time.Duration) (api.FaultRequest, error) {
	request := api.FaultRequest{Target: args[1], Parameters: map[string]string{}}
	for _, arg := range args[2:] {
		name, value, ok := strings.Cut(arg, "=")
		if !ok {
			return request, fmt.Errorf("%w: the parameter %q is not NAME=VALUE", session.ErrUsage, arg)
		}
		request.Parameters[name] = value
	}
	faults, err := client.Faults(ctx)
	if err != nil {
		return request, err
	}
	action, err := findAction(faults.Actions, args[0])
	if err != nil {
		return request, err
	}
	request.Action = action.Name
	switch {
	case duration > 0:
		request.Duration = duration.Seconds()
	case action.Lasting && !action.Endless:
		request.Duration = defaultFault.Seconds()
	}
	return request, nil
}

// findAction returns the action with a name, or the only action whose name ends so.
func findAction(actions []api.FaultAction, name string) (api.FaultAction, error) {
	var found []api.FaultAction
	var names []string
	for _, a := range actions {
		names = append(names, a.Name)
		if a.Name == name {
			return a, nil
		}
		if strings.HasSuffix(strings.ToLower(a.Name), strings.ToLower(name)) {
			found = append(found, a)
		}
	}
	if len(found) > 1 {
		return api.FaultAction{}, fmt.Errorf("%w: %q could be %s or %s", session.ErrUsage, name, found[0].Name, found[1].Name)
	}
	if len(found) == 0 {
		return api.FaultAction{}, fmt.Errorf("%w: there is no action %q; there is\n  %s", session.ErrUsage, name, strings.Join(names, "\n  "))
	}
	return found[0], nil
}

// listFaults prints the actions, and the faults that last.
func listFaults(ctx context.Context, client api.Client, out io.Writer) error {
	faults, err := client.Faults(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "ACTION\tTARGET\tLASTS\tPARAMETERS")
	for _, a := range faults.Actions {
		var parameters []string
		for _, p := range a.Parameters {
			parameters = append(parameters, p.Name+"="+cmp.Or(p.Default, "…"))
		}
		fmt.Fprintf(table, "%s\t%s\t%v\t%s\n", a.Name, strings.Join(a.Targets, ", "), map[bool]string{true: "--for", false: "no"}[a.Lasting],
			strings.Join(parameters, " "))
	}
	_ = table.Flush()
	if len(faults.Running) == 0 {
		return nil
	}
	status, err := client.Status(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(out)
	printFaults(out, faults.Running, status.Time)
	return nil
}

func printFaults(out io.Writer, running []api.Fault, now time.Time) {
	for _, f := range running {
		var parameters []string
		for _, name := range slices.Sorted(maps.Keys(f.Parameters)) {
			parameters = append(parameters, name+"="+f.Parameters[name])
		}
		fmt.Fprintf(out, "fault %s: %s at %s, %s  %s\n", f.ID, f.Action, f.Target, left(f.Until, now), strings.Join(parameters, " "))
	}
}

// left says how much emulated time is left.
func left(until, now time.Time) string {
	if until.IsZero() {
		return "until it is stopped"
	}
	return fmt.Sprintf("for another %v of emulated time", until.Sub(now).Round(time.Second))
}
