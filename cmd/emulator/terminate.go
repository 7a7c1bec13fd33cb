package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/elastic-service/elastic-service/emulator/api"
)

func newTerminate(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:               "terminate INSTANCE",
		Short:             "Terminate an instance: its group replaces it",
		Long:              `Terminate an instance of the running emulator, as the button in AWS's console does. Its group replaces it.`,
		Example:           `  emulator terminate i-0123456789abcdef0`,
		Args:              arguments(1, 1, "name one instance, e.g. i-0123456789abcdef0 (see status)"),
		ValidArgsFunction: fromStatus(g, firstInstance),
		RunE: func(c *cobra.Command, args []string) error {
			if err := g.client().TerminateInstance(c.Context(), args[0]); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s is shutting down; see status for its replacement\n", args[0])
			return nil
		},
	}
}

func newStopService(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "stop-service INSTANCE SERVICE",
		Short: "Stop a service on an instance: its health check fails",
		Long: `Stop a service on an instance of the running emulator, as systemctl stop does. The health check fails,
and after the grace period the group replaces the instance.`,
		Example:           `  emulator stop-service i-0123456789abcdef0 musicguru`,
		Args:              arguments(2, 2, "name an instance and one of its services, e.g. i-0123456789abcdef0 musicguru (see status)"),
		ValidArgsFunction: fromStatus(g, instanceAndService),
		RunE: func(c *cobra.Command, args []string) error {
			if err := g.client().StopService(c.Context(), args[0], args[1]); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s is stopped on %s; see status for what follows\n", args[1], args[0])
			return nil
		},
	}
}

func newStopTask(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:     "stop-task TASK",
		Short:   "Stop a task of ECS: its service replaces it",
		Long:    `Stop a task of ECS on the running emulator. Its service starts another one.`,
		Example: `  emulator stop-task 0123456789abcdef0123456789abcdef`,
		Args:    arguments(1, 1, "name one task (see status)"),
		ValidArgsFunction: fromStatus(g, func(s api.Status, args []string) []cobra.Completion {
			if len(args) > 0 {
				return nil
			}
			return tasks(s)
		}),
		RunE: func(c *cobra.Command, args []string) error {
			if err := g.client().StopTask(c.Context(), args[0]); err != nil {
				return err
			}
			fmt.Fprintf(c.OutOrStdout(), "%s is stopping; see status for its replacement\n", args[0])
			return nil
		},
	}
}
