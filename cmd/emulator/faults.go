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

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// defaultFault is how long a lasting fault lasts unless -for says otherwise, in time of the cloud.
const defaultFault = 10 * time.Minute

// failZone takes a zone away from the running emulator.
func failZone(ctx context.Context, o *options, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%w: name one zone, e.g. us-east-1a (see status)", session.ErrUsage)
	}
	fault, err := client.StartFault(ctx, emulator.FaultRequest{Action: cloud.FaultPower, Target: args[0], Duration: o.duration.Seconds()})
	if err != nil {
		return err
	}
	ends := "`restore-zone " + args[0] + "` brings it back"
	if !fault.Until.IsZero() {
		ends = fmt.Sprintf("it comes back after %v there", o.duration)
	}
	fmt.Fprintf(o.out, "%s has failed: its instances are without power, and none can be launched there; %s\n", args[0], ends)
	return nil
}

// restoreZone ends the faults of a zone.
func restoreZone(ctx context.Context, o *options, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%w: name one zone, e.g. us-east-1a (see status)", session.ErrUsage)
	}
	faults, err := client.Faults(ctx)
	if err != nil {
		return err
	}
	ended := 0
	for _, f := range faults.Running {
		if f.Target != args[0] {
			continue
		}
		if err := client.StopFault(ctx, f.ID); err != nil {
			return err
		}
		ended++
	}
	if ended == 0 {
		return fmt.Errorf("%s has not failed", args[0])
	}
	fmt.Fprintf(o.out, "%s is back; groups balance their zones again, see status\n", args[0])
	return nil
}

// fault lists faults, starts one or ends one.
func fault(ctx context.Context, o *options, args []string) error {
	switch {
	case len(args) == 0:
		return o.listFaults(ctx)
	case args[0] == "stop" && len(args) == 2:
		if err := client.StopFault(ctx, args[1]); err != nil {
			return err
		}
		fmt.Fprintf(o.out, "%s is over\n", args[1])
		return nil
	case len(args) == 1 || args[0] == "stop":
		return fmt.Errorf("%w: name an action and its target, or `stop` and a fault; without arguments both are listed", session.ErrUsage)
	}
	request, err := o.faultRequest(ctx, args)
	if err != nil {
		return err
	}
	started, err := client.StartFault(ctx, request)
	if err != nil {
		return err
	}
	if started.Until.Equal(started.Started) {
		fmt.Fprintf(o.out, "%s at %s: done\n", started.Action, started.Target)
		return nil
	}
	fmt.Fprintf(o.out, "%s: %s at %s, %s\n", started.ID, started.Action, started.Target, left(started.Until, started.Started))
	return nil
}

// faultRequest reads ACTION TARGET [NAME=VALUE …]. The action may be cut short to what no other one ends with.
func (o *options) faultRequest(ctx context.Context, args []string) (emulator.FaultRequest, error) {
	request := emulator.FaultRequest{Target: args[1], Parameters: map[string]string{}}
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
	case o.duration > 0:
		request.Duration = o.duration.Seconds()
	case action.Lasting && !action.Endless:
		request.Duration = defaultFault.Seconds()
	}
	return request, nil
}

func findAction(actions []cloud.FaultAction, name string) (cloud.FaultAction, error) {
	var found []cloud.FaultAction
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
		return cloud.FaultAction{}, fmt.Errorf("%w: %q could be %s or %s", session.ErrUsage, name, found[0].Name, found[1].Name)
	}
	if len(found) == 0 {
		return cloud.FaultAction{}, fmt.Errorf("%w: there is no action %q; there is\n  %s", session.ErrUsage, name, strings.Join(names, "\n  "))
	}
	return found[0], nil
}

func (o *options) listFaults(ctx context.Context) error {
	faults, err := client.Faults(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(o.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "ACTION\tTARGET\tLASTS\tPARAMETERS")
	for _, a := range faults.Actions {
		var parameters []string
		for _, p := range a.Parameters {
			parameters = append(parameters, p.Name+"="+cmp.Or(p.Default, "…"))
		}
		fmt.Fprintf(table, "%s\t%s\t%v\t%s\n", a.Name, strings.Join(a.Targets, ", "), map[bool]string{true: "-for", false: "no"}[a.Lasting],
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
	fmt.Fprintln(o.out)
	printFaults(o.out, faults.Running, status.Time)
	return nil
}

func printFaults(out io.Writer, running []cloud.Fault, now time.Time) {
	for _, f := range running {
		var parameters []string
		for _, name := range slices.Sorted(maps.Keys(f.Parameters)) {
			parameters = append(parameters, name+"="+f.Parameters[name])
		}
		fmt.Fprintf(out, "fault %s: %s at %s, %s  %s\n", f.ID, f.Action, f.Target, left(f.Until, now), strings.Join(parameters, " "))
	}
}

// left is a time of the cloud that is left, for people.
func left(until, now time.Time) string {
	if until.IsZero() {
		return "until it is stopped"
	}
	return fmt.Sprintf("for another %v there", until.Sub(now).Round(time.Second))
}
