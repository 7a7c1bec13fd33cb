package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/cloud/fault"
)

const zoneHint = "name one zone, e.g. us-east-1a (see status)"

func newFailZone(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "fail-zone ZONE",
		Short: "Cut the power of a zone, until restore-zone or for a time",
		Long: `Cut the power of an availability zone of the running emulator: its instances fail, and no instance can
be launched in it, until restore-zone or for the time that --for gives.`,
		Example: `  emulator fail-zone us-east-1a
  emulator fail-zone us-east-1a --for 10m`,
		Args:              arguments(1, 1, zoneHint),
		ValidArgsFunction: fromStatus(g, firstZone),
	}
	var duration length
	c.Flags().Var(&duration, "for", "how long, emulated time; 0: until restore-zone")
	c.RunE = func(c *cobra.Command, args []string) error {
		return failZone(c.Context(), g.client(), args[0], time.Duration(duration), c.OutOrStdout())
	}
	return c
}

func failZone(ctx context.Context, client api.Client, zone string, duration time.Duration, out io.Writer) error {
	fault, err := client.StartFault(ctx, api.FaultRequest{Action: fault.PowerInterruption, Target: zone, Duration: duration.Seconds()})
	if err != nil {
		return err
	}
	ends := "`restore-zone " + zone + "` brings it back"
	if !fault.Until.IsZero() {
		ends = fmt.Sprintf("it comes back after %v of emulated time", duration)
	}
	fmt.Fprintf(out, "%s has failed: its instances are without power, and none can be launched in it; %s\n", zone, ends)
	return nil
}

func newRestoreZone(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:               "restore-zone ZONE",
		Short:             "End the faults of a zone",
		Long:              `End all faults of an availability zone of the running emulator. Groups balance their zones again.`,
		Example:           `  emulator restore-zone us-east-1a`,
		Args:              arguments(1, 1, zoneHint),
		ValidArgsFunction: fromStatus(g, firstZone),
		RunE: func(c *cobra.Command, args []string) error {
			return restoreZone(c.Context(), g.client(), args[0], c.OutOrStdout())
		},
	}
}

func firstZone(s api.Status, args []string) []cobra.Completion {
	if len(args) > 0 {
		return nil
	}
	return zones(s)
}

func restoreZone(ctx context.Context, client api.Client, zone string, out io.Writer) error {
	faults, err := client.Faults(ctx)
	if err != nil {
		return err
	}
	ended := 0
	for _, f := range faults.Running {
		if f.Target != zone {
			continue
		}
		if err := client.StopFault(ctx, f.ID); err != nil {
			return err
		}
		ended++
	}
	if ended == 0 {
		return fmt.Errorf("%s has not failed", zone)
	}
	fmt.Fprintf(out, "%s is back; groups balance their zones again, see status\n", zone)
	return nil
}
