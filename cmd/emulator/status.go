package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/emulator/dataplane"
	"github.com/elastic-service/elastic-service/emulator/load"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// status prints what the running emulator has.
func status(ctx context.Context, o *options, args []string) error {
	if err := noArguments(args); err != nil {
		return err
	}
	s, err := client.Status(ctx)
	if err != nil {
		return err
	}
	printStatus(o.out, s)
	return nil
}

func printStatus(out io.Writer, s emulator.Status) {
	fmt.Fprintf(out, "%s at speed %g, %s there\n", s.Region, s.Speed, s.Time.UTC().Format(time.DateTime))
	for _, b := range s.Balancers {
		fmt.Fprintf(out, "\nbalancer %s, %s at %s  %s%s\n", b.Name, b.Protocol, b.Address, b.Redirect, b.Failure)
	}
	if slices.ContainsFunc(s.Balancers, func(b emulator.BalancerStatus) bool { return b.Protocol == "TLS" || b.Protocol == "HTTPS" }) {
		fmt.Fprintf(out, "  certificates are of the authority in %s\n", s.Authority)
	}
	for _, line := range s.Moved {
		fmt.Fprintln(out, "  "+line)
	}
	for _, g := range s.Groups {
		fmt.Fprintf(out, "\ngroup %s: min %d, desired %d, max %d, %d healthy\n", g.Name, g.Min, g.Desired, g.Max, g.Healthy)
		for _, r := range g.Refreshes {
			fmt.Fprintf(out, "  refresh %s: %s, %d %% %s\n", r.ID[:8], r.Status, r.Percent, r.Reason)
		}
	}
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "INSTANCE\tZONE\tADDRESS\tAT\tVERSION\tSTATE\tTARGET\tFLOWS\tCPU\tSERVICES")
	for _, i := range s.Instances {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%d\t%.0f %%\t%s\n", i.ID, i.Zone, i.Address, i.Loopback, i.Version,
			i.State, i.Target, flows(s, i.ID), i.CPU, services(i))
	}
	_ = table.Flush()
	for _, i := range s.Instances {
		if i.Description != "" {
			fmt.Fprintf(out, "  %s: %s\n", i.ID, i.Description)
		}
	}
	printTasks(out, s)
	printFaults(out, s.Faults, s.Time)
	for _, a := range s.Alarms {
		fmt.Fprintf(out, "alarm %s: %s  %s\n", a.Spec.Name, a.State, a.Reason)
	}
	for _, g := range s.Groups {
		fmt.Fprintf(out, "\nactivities of %s, the latest first\n", g.Name)
		for n := len(g.Activities) - 1; n >= max(0, len(g.Activities)-10); n-- {
			a := g.Activities[n]
			fmt.Fprintf(out, "  %-10s %s %s %s\n", a.Status, a.Description, a.Cause, a.Message)
		}
	}
	if len(s.Skipped) > 0 {
		fmt.Fprintln(out, "\nskipped on the instances, for it needs a whole machine:")
		for _, line := range s.Skipped {
			fmt.Fprintln(out, "  "+line)
		}
	}
}

func printTasks(out io.Writer, s emulator.Status) {
	for _, service := range s.Services {
		fmt.Fprintf(out, "\nservice %s: desired %d, running %d, pending %d\n", service.Name, service.Desired, service.Running, service.Pending)
		for n := len(service.Events) - 1; n >= max(0, len(service.Events)-5); n-- {
			fmt.Fprintln(out, "  "+service.Events[n].Message)
		}
	}
	if len(s.Tasks) == 0 {
		return
	}
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "TASK\tREVISION\tINSTANCE\tPORT\tCONTAINER AT\tSTATE\tTARGET\tCPU\tWHY")
	for _, t := range s.Tasks {
		fmt.Fprintf(table, "%s\t%d\t%s\t%d\t%s\t%s\t%s\t%.0f %%\t%s\n", t.ID, t.Revision, t.Instance, t.Port, t.Address, t.State,
			t.Target, t.CPU, cmp.Or(t.Reason, t.Description))
	}
	_ = table.Flush()
}

func flows(s emulator.Status, instance string) uint64 {
	var total uint64
	for _, b := range s.Balancers {
		total += b.Flows[instance].Total
	}
	return total
}

// isDone says of a service that it has nothing to do any more.
func isDone(s dataplane.ServiceStatus) bool {
	return s.State == dataplane.Stopped && (s.LastExit == "exit status 0" || strings.HasPrefix(s.LastExit, "skipped"))
}

func services(i emulator.InstanceStatus) string {
	var parts []string
	for _, s := range i.Services {
		part := s.Name + " " + string(s.State)
		if isDone(s) {
			part = s.Name + " done"
		}
		if s.Restarts > 0 {
			part += fmt.Sprintf(" (restarted %d times)", s.Restarts)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

// call asks through the first balancer of the running emulator.
func call(ctx context.Context, o *options, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("%w: one question is asked, %d are given", session.ErrUsage, len(args))
	}
	s, err := client.Status(ctx)
	if err != nil {
		return err
	}
	question := o.question
	if len(args) == 1 {
		question = args[0]
	}
	asked, err := o.asked(s, question)
	if err != nil {
		return err
	}
	answer, err := asked.Ask(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintln(o.out, answer)
	return nil
}

// asked is the first listener of the running emulator, the one with the lowest port; without a question it is asked what
// suits it. A network balancer is asked by a connection for each.
func (o *options) asked(s emulator.Status, question string) (*load.Service, error) {
	if len(s.Balancers) == 0 {
		return nil, errNoBalancer
	}
	first := s.Balancers[0]
	switch {
	case question != "":
	case first.Kind == "application", strings.HasSuffix(first.Address, fmt.Sprintf(":%d", dataplane.Port(80))):
		question = "/"
	default:
		question = "0"
	}
	asked, err := load.NewService(first.Address, first.Protocol, question, s.Authority)
	if err != nil {
		return nil, err
	}
	asked.ConnectEachTime(first.Kind == "network")
	return asked, nil
}

// terminate ends an instance of the running emulator.
func terminate(ctx context.Context, o *options, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%w: name one instance, e.g. i-0123456789abcdef0 (see status)", session.ErrUsage)
	}
	if err := client.Terminate(ctx, args[0]); err != nil {
		return err
	}
	fmt.Fprintf(o.out, "%s is shutting down; see status for its replacement\n", args[0])
	return nil
}

// stopService stops a service on an instance of the running emulator.
func stopService(ctx context.Context, o *options, args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("%w: name an instance and one of its services, e.g. i-0123456789abcdef0 musicguru (see status)", session.ErrUsage)
	}
	if err := client.StopService(ctx, args[0], args[1]); err != nil {
		return err
	}
	fmt.Fprintf(o.out, "%s is stopped on %s; see status for what follows\n", args[1], args[0])
	return nil
}

// stopTask stops a task of the running emulator.
func stopTask(ctx context.Context, o *options, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%w: name one task (see status)", session.ErrUsage)
	}
	if err := client.StopTask(ctx, args[0]); err != nil {
		return err
	}
	fmt.Fprintf(o.out, "%s is stopping; see status for its replacement\n", args[0])
	return nil
}
