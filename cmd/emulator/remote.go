package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/emulator/dataplane"
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
		fmt.Fprintf(out, "\nbalancer %s at %s  %s\n", b.Name, b.Address, b.Failure)
	}
	for _, g := range s.Groups {
		fmt.Fprintf(out, "\ngroup %s: min %d, desired %d, max %d, %d healthy\n", g.Name, g.Min, g.Desired, g.Max, g.Healthy)
		for _, a := range g.Alarms {
			fmt.Fprintf(out, "  alarm %s: %s\n", a.Name, a.State)
		}
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

func flows(s emulator.Status, instance string) uint64 {
	var total uint64
	for _, b := range s.Balancers {
		total += b.Flows[instance].Total
	}
	return total
}

func services(i emulator.InstanceStatus) string {
	var parts []string
	for _, s := range i.Services {
		part := s.Name + " " + string(s.State)
		if s.State == dataplane.Stopped && (s.LastExit == "exit status 0" || strings.HasPrefix(s.LastExit, "skipped")) {
			part = s.Name + " done"
		}
		if s.Restarts > 0 {
			part += fmt.Sprintf(" (restarted %d times)", s.Restarts)
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, ", ")
}

// call sends a line through the first balancer of the running emulator.
func call(ctx context.Context, o *options, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("%w: one line is sent, %d are given", errUsage, len(args))
	}
	line := "0"
	if len(args) == 1 {
		line = args[0]
	}
	s, err := client.Status(ctx)
	if err != nil {
		return err
	}
	if len(s.Balancers) == 0 {
		return errors.New("no balancer is listening: is the stack up?")
	}
	answer, err := ask(ctx, s.Balancers[0].Address, line)
	if err != nil {
		return err
	}
	fmt.Fprintln(o.out, answer)
	return nil
}

// ask sends a line and returns the line that comes back.
func ask(ctx context.Context, address, line string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return "", fmt.Errorf("%s: %w", address, err)
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline) // of a connection that was just made
	if _, err := fmt.Fprintln(conn, line); err != nil {
		return "", fmt.Errorf("%s: %w", address, err)
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("%s gave no answer: %w", address, err)
	}
	return strings.TrimSpace(answer), nil
}

// terminate ends an instance of the running emulator.
func terminate(ctx context.Context, o *options, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%w: name one instance, e.g. i-0123456789abcdef0 (see status)", errUsage)
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
		return fmt.Errorf("%w: name an instance and one of its services, e.g. i-0123456789abcdef0 musicguru (see status)", errUsage)
	}
	if err := client.StopService(ctx, args[0], args[1]); err != nil {
		return err
	}
	fmt.Fprintf(o.out, "%s is stopped on %s; see status for what follows\n", args[1], args[0])
	return nil
}
