package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// errBlocked is the outcome of a path that is no path.
var errBlocked = errors.New("not reachable")

// path asks the running emulator whether a connection can be opened, and prints what it passes or what stops it. It
// fails if the connection is stopped.
func path(ctx context.Context, o *options, args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("%w: name both ends and a port, e.g. internet balancer 5000", session.ErrUsage)
	}
	port, err := strconv.Atoi(args[2])
	if err != nil {
		return fmt.Errorf("%w: port %q is not a number", session.ErrUsage, args[2])
	}
	found, err := client.Path(ctx, args[0], args[1], port)
	if err != nil {
		return err
	}
	printPath(o.out, found)
	if found.Blocked != nil {
		return fmt.Errorf("%w: %s", errBlocked, found.Blocked.Code)
	}
	return nil
}

func printPath(out io.Writer, path cloud.Path) {
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
