package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/elastic-service/elastic-service/emulator/aws"
	"github.com/elastic-service/elastic-service/emulator/session"
)

func newServe(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the emulated cloud alone, for a `pulumi up` of your own",
		Long: `Run the emulated cloud without deploying anything to it. serve prints the environment variables with
which your own pulumi attaches to it, and stays in the foreground.

A cloud belongs to one Pulumi backend: an ` + "`emulator up`" + ` in the same folder, after one that was cut
short, deletes what its own backend does not know.`,
		Example: `  emulator serve                         prints what to export before pulumi up -s dev
  emulator serve --stack prod --address 127.0.0.1:4567`,
		Args: noArguments,
	}
	flags := addStackFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		root, err := session.EnterProject(flags.stack)
		if err != nil {
			return err
		}
		folder := session.StateFolder(root, flags.stack)
		return serve(c.Context(), g, flags.session(root, folder, c.ErrOrStderr()), c.OutOrStdout())
	}
	return c
}

// serve runs an emulator until it is interrupted, and prints how to attach to it.
func serve(ctx context.Context, g *globals, o session.Options, out io.Writer) error {
	s, err := session.Open(ctx, o)
	if err != nil {
		return err
	}
	err = serveAndStay(ctx, g, s, out)
	empty := len(s.Emulator.Left()) == 0 && !session.IsDeployed(o.Folder)
	err = errors.Join(err, s.Close())
	if empty {
		err = errors.Join(err, session.RemoveFolder(o.Folder))
	}
	return err
}

func serveAndStay(ctx context.Context, g *globals, s *session.Session, out io.Writer) error {
	control, err := s.Serve(string(g.address))
	if err != nil {
		return err
	}
	defer control.Close()
	fmt.Fprintf(out, "# the dashboard is at http://%s\n", control.Address())
	fmt.Fprintln(out, "# deploy with your own pulumi, in another terminal:")
	environment := s.Emulator.Environment()
	maps.Copy(environment, aws.Environment(control.Address(), string(s.Emulator.Cloud.Region())))
	for _, key := range slices.Sorted(maps.Keys(environment)) {
		fmt.Fprintf(out, "export %s=%s\n", key, environment[key])
	}
	fmt.Fprintf(out, "pulumi up -s %s\n", s.Options().Stack)
	return stay(ctx, s, control, out)
}
