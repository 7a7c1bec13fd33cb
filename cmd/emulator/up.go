package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/session"
)

func newUp(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "up",
		Short: "Deploy the stack and stay in the foreground",
		Long: `Start an emulator, deploy the stack to it and stay in the foreground.

If an emulator with the stack runs at --address already, up deploys to that one instead and ends: a
change of the stack's file rolls out. With --join it deploys to an emulator that runs another stack:
both are in one cloud, as two stacks of one account are.

Ctrl-C ends the emulator and keeps the stack in .emulator/STACK. The next up brings its instances
back, as after a power failure. After an up that was cut short, the next one goes on from there.

Stacks run beside each other: each needs an --address of its own, and has its own state.`,
		Example: `  emulator up                                           deploy stack dev
  emulator up --stack cardweb --address 127.0.0.1:4567  a second stack beside it
  emulator up --stack web-next --join                   in the cloud of the stack that runs
  emulator up --address 127.0.0.1:0                     at a free port, which is printed
  emulator up --speed 1                                 at the pace of AWS`,
		Args: noArguments,
	}
	flags := addStackFlags(c)
	join := c.Flags().Bool("join", false, "deploy to the emulator that runs, beside its stack")
	c.RunE = func(c *cobra.Command, _ []string) error {
		return up(c.Context(), g, flags, *join, c.OutOrStdout(), c.ErrOrStderr())
	}
	return c
}

// up deploys to the emulator that runs, or to a new one that it stays with.
func up(ctx context.Context, g *globals, f *stackFlags, join bool, out, errs io.Writer) error {
	root, err := session.EnterProject(f.stack)
	if err != nil {
		return err
	}
	running, err := g.attachment(ctx)
	switch {
	case join && err != nil:
		return fmt.Errorf("--join: %w", err)
	case errors.Is(err, api.ErrNotRunning):
		return upHere(ctx, g, f.session(root, session.StateFolder(root, f.stack), errs), out)
	case err != nil:
		return err
	case !join && running.Stack != f.stack && !slices.Contains(running.Stacks, f.stack):
		return fmt.Errorf("the emulator at %s has stack %s, not %s: choose another address with --address, e.g. 127.0.0.1:0, "+
			"or deploy into the same cloud with --join", g.address, running.Stack, f.stack)
	}
	return deploy(ctx, f.session(root, running.Folder, errs), providers{running.Environment, g.client().DeleteOrphans}, out)
}

// attachment asks the emulator at --address how to deploy to it.
func (g *globals) attachment(ctx context.Context) (api.Attachment, error) {
	if g.address.isFree() {
		return api.Attachment{}, api.ErrNotRunning
	}
	return g.client().Attachment(ctx)
}

// upHere starts an emulator, deploys to it and stays with it.
func upHere(ctx context.Context, g *globals, o session.Options, out io.Writer) error {
	s, err := session.Open(ctx, o)
	if err != nil {
		return err
	}
	err = upAndStay(ctx, g, s, out)
	empty := len(s.Emulator.Left()) == 0
	err = errors.Join(err, s.Close())
	if err != nil && empty {
		err = errors.Join(err, session.RemoveFolder(o.Folder))
	}
	return err
}

func upAndStay(ctx context.Context, g *globals, s *session.Session, out io.Writer) error {
	control, err := s.Serve(string(g.address))
	if err != nil {
		return err
	}
	defer control.Close()
	fmt.Fprintf(out, "the dashboard is at http://%s\n", control.Address())
	o := s.Options()
	err = deploy(ctx, o, providers{s.Emulator.Environment(), s.Emulator.DeleteOrphans}, out)
	if err != nil {
		err = errors.Join(append([]error{err}, failedServices(s.Emulator.Status(), o.Folder)...)...)
	}
	if err != nil && len(s.Emulator.Left()) > 0 {
		return fmt.Errorf("%w\nwhat was created is kept; `up` goes on from there, `down` destroys it", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "AWS's API is at the same address: aws --endpoint-url http://%s autoscaling describe-auto-scaling-groups\n",
		control.Address())
	fmt.Fprintf(out, "running; in another terminal: go run ./cmd/emulator status%s, or call, terminate, down; Ctrl-C keeps the stack\n",
		addressOption(control.Address()))
	return stay(ctx, s, control, out)
}

// addressOption returns the flag with which another command finds the emulator.
func addressOption(address string) string {
	if address == defaultAddress() {
		return ""
	}
	return " --address " + address
}

// stay waits for an interruption, a client's wish, or the end of the emulator itself.
func stay(ctx context.Context, s *session.Session, control *api.Server, out io.Writer) error {
	select {
	case <-ctx.Done():
		if len(s.Emulator.Left()) > 0 {
			fmt.Fprintf(out, "ended; the stack is kept in %s\n", s.Options().Folder)
		}
	case <-control.Stopped():
	case <-s.Ended(): // Close says why
	}
	return nil
}
