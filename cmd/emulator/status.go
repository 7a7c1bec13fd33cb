package main

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/elastic-service/elastic-service/emulator/api"
)

func newStatus(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "status",
		Short: "Show balancers, groups, instances with their health, and activities",
		Long: `Show what the running emulator has: balancers and where they listen, groups with their activities,
instances and containers with their health and the reason for it, alarms, faults, and what the
emulator skipped.

With --output json it prints all of it as one object, as GET /status of the control API does.`,
		Example: `  emulator status
  emulator status --address 127.0.0.1:4567
  emulator status -o json | jq '.instances[] | {id, state, target}'`,
		Args: noArguments,
	}
	output := addOutputFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		s, err := g.client().Status(c.Context())
		if err != nil {
			return err
		}
		if *output == formatJSON {
			return printJSON(c.OutOrStdout(), s)
		}
		printStatus(c.OutOrStdout(), s)
		return nil
	}
	return c
}

// activitiesShown and eventsShown are how many activities of a group and events of an ECS service are printed.
const activitiesShown, eventsShown = 10, 5

func printStatus(out io.Writer, s api.Status) {
	fmt.Fprintf(out, "%s at speed %g, emulated time %s\n", s.Region, s.Speed, s.Time.UTC().Format(time.DateTime))
	printBalancers(out, s)
	for _, g := range s.Groups {
		fmt.Fprintf(out, "\ngroup %s: min %d, desired %d, max %d, %d healthy\n", g.Name, g.Min, g.Desired, g.Max, g.Healthy)
		for _, r := range g.Refreshes {
			fmt.Fprintf(out, "  refresh %s: %s, %d %% %s\n", r.ID[:8], r.Status, r.Percent, r.Reason)
		}
	}
	printInstances(out, s)
	printServices(out, s)
	printTasks(out, s)
	printFaults(out, s.Faults, s.Time)
	for _, a := range s.Alarms {
		fmt.Fprintf(out, "alarm %s: %s  %s\n", a.Name, a.State, a.Reason)
	}
	for _, g := range s.Groups {
		fmt.Fprintf(out, "\nactivities of %s, the latest first\n", g.Name)
		for n := len(g.Activities) - 1; n >= max(0, len(g.Activities)-activitiesShown); n-- {
			a := g.Activities[n]
			fmt.Fprintf(out, "  %-10s %s %s %s\n", a.Status, a.Description, a.Cause, a.Message)
		}
	}
	if len(s.Skipped) > 0 {
		fmt.Fprintln(out, "\nskipped on the instances, because it needs a whole machine:")
		for _, line := range s.Skipped {
			fmt.Fprintln(out, "  "+line)
		}
	}
}

func printBalancers(out io.Writer, s api.Status) {
	encrypted := false
	for _, b := range s.Balancers {
		fmt.Fprintf(out, "\nbalancer %s, %s at %s  %s%s\n", b.Name, b.Protocol, b.Address, b.Redirect, b.Failure)
		encrypted = encrypted || b.Protocol == "TLS" || b.Protocol == "HTTPS"
	}
	if encrypted {
		fmt.Fprintf(out, "  clients must trust the certificate authority in %s\n", s.Authority)
	}
	for _, line := range s.Moved {
		fmt.Fprintln(out, "  "+line)
	}
}

func printInstances(out io.Writer, s api.Status) {
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "INSTANCE\tZONE\tADDRESS\tON THIS MACHINE\tVERSION\tSTATE\tTARGET\tFLOWS\tCPU\tSERVICES")
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
}

// printServices prints the services of ECS.
func printServices(out io.Writer, s api.Status) {
	for _, service := range s.Services {
		fmt.Fprintf(out, "\nservice %s: desired %d, running %d, pending %d\n", service.Name, service.Desired, service.Running, service.Pending)
		for n := len(service.Events) - 1; n >= max(0, len(service.Events)-eventsShown); n-- {
			fmt.Fprintln(out, "  "+service.Events[n].Message)
		}
	}
}

func printTasks(out io.Writer, s api.Status) {
	if len(s.Tasks) == 0 {
		return
	}
	fmt.Fprintln(out)
	table := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "TASK\tREVISION\tINSTANCE\tPORT\tCONTAINER ON THIS MACHINE\tSTATE\tTARGET\tCPU\tWHY")
	for _, t := range s.Tasks {
		fmt.Fprintf(table, "%s\t%d\t%s\t%d\t%s\t%s\t%s\t%.0f %%\t%s\n", t.ID, t.Revision, t.Instance, t.Port, t.Address, t.State,
			t.Target, t.CPU, cmp.Or(t.Reason, t.Description))
	}
	_ = table.Flush()
}

// flows counts the flows or requests that an instance has had, through all listeners.
func flows(s api.Status, instance string) uint64 {
	var total uint64
	for _, b := range s.Balancers {
		total += b.Flows[instance].Total
	}
	return total
}

// isDone reports whether a service has done all that it has to do.
func isDone(s api.MachineService) bool {
	return s.State == api.ServiceStopped && (s.LastExit == "exit status 0" || strings.HasPrefix(s.LastExit, "skipped"))
}

// services describes the services of an instance.
func services(i api.Instance) string {
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
