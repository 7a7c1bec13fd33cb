package main

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// errUnreachable is the outcome of a connection that is stopped.
var errUnreachable = errors.New("not reachable")

func newPath(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "path FROM TO PORT",
		Short: "Find out whether a TCP connection can be opened, or what stops it",
		Long: `Find out whether a TCP connection can be opened, and print, hop by hop, what lets it pass, or the rule
or route that stops it, with the code of AWS's VPC Reachability Analyzer. The exit code is 1 if the
connection is stopped.

FROM and TO are internet, balancer, bastion, database, the ID of an instance, the name of a balancer
or database, or a service such as s3.

With --output json it prints an object with from, to, port, hops (component, by) and blocked (code,
reason), which is absent if the connection passes.`,
		Example: `  emulator path internet balancer 5000
  emulator path i-0123456789abcdef0 s3 443
  emulator path balancer database 3306 -o json`,
		Args: arguments(3, 3, "name both ends and a port, e.g. internet balancer 5000"),
		ValidArgsFunction: fromStatus(g, func(s api.Status, args []string) []cobra.Completion {
			if len(args) > 1 {
				return nil
			}
			return append([]cobra.Completion{"internet", "balancer", "bastion", "database"}, instances(s)...)
		}),
	}
	output := addOutputFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		port, err := strconv.Atoi(args[2])
		if err != nil {
			return fmt.Errorf("%w: port %q is not a number", session.ErrUsage, args[2])
		}
		path, err := g.client().Path(c.Context(), args[0], args[1], port)
		if err != nil {
			return err
		}
		if *output == formatJSON {
			err = printJSON(c.OutOrStdout(), path)
		} else {
			printPath(c.OutOrStdout(), path)
		}
		if path.Blocked != nil {
			return fmt.Errorf("%w: %s", errUnreachable, path.Blocked.Code)
		}
		return err
	}
	return c
}

func printPath(out io.Writer, path api.Path) {
	fmt.Fprintf(out, "%s → %s, TCP %d\n", path.From, path.To, path.Port)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, hop := range path.Hops {
		fmt.Fprintf(table, "  %s\t%s\n", hop.Component, hop.By)
	}
	_ = table.Flush() // as far as out takes it
	if path.Blocked != nil {
		fmt.Fprintf(out, "✗ %s: %s\n", path.Blocked.Code, path.Blocked.Reason)
		return
	}
	fmt.Fprintln(out, "✓ reachable")
}
