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

func newDown(g *globals) *cobra.Command {
	c := &cobra.Command{
		Use:   "down",
		Short: "Destroy the stack, end the emulator and delete its state",
		Long: `Destroy the stack, end the emulator that runs it and delete its state.

If no emulator runs at --address, down starts one on the state that the last one left. Of an emulator with
several stacks, down destroys the named one; the emulator ends with the stack that it was started for, which
goes last.`,
		Example: `  emulator down
  emulator down --stack cardweb --address 127.0.0.1:4567`,
		Args: noArguments,
	}
	flags := addStackFlags(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		return down(c.Context(), g, flags, c.OutOrStdout(), c.ErrOrStderr())
	}
	return c
}

// down destroys the stack on the emulator that runs, or on a new one with the state that the last one left.
func down(ctx context.Context, g *globals, f *stackFlags, out, errs io.Writer) error {
	root, err := session.EnterProject(f.stack)
	if err != nil {
		return err
	}
	running, err := g.attachment(ctx)
	switch {
	case err == nil && running.Stack != f.stack && slices.Contains(running.Stacks, f.stack):
		return destroy(ctx, f.session(root, running.Folder, errs), providers{running.Environment, g.client().DeleteOrphans}, out)
	case err == nil && running.Stack != f.stack:
		return fmt.Errorf("the emulator at %s has stack %s, not %s: name it with --stack, or another emulator with --address",
			g.address, running.Stack, f.stack)
	case err == nil && len(others(running)) > 0:
		return fmt.Errorf("the cloud of stack %s has other stacks in it: destroy them first, with down --stack %s", f.stack,
			others(running)[0])
	case err == nil:
		return downRunning(ctx, g, f.session(root, running.Folder, errs), running, out)
	case !errors.Is(err, api.ErrNotRunning):
		return err
	}
	o := f.session(root, session.StateFolder(root, f.stack), errs)
	if !session.IsDeployed(o.Folder) {
		fmt.Fprintf(out, "stack %s is not deployed on this machine: nothing to do\n", o.Stack)
		return nil
	}
	s, err := session.Open(ctx, o)
	if err != nil {
		return err
	}
	err = destroy(ctx, o, providers{s.Emulator.Environment(), s.Emulator.DeleteOrphans}, out)
	destroyed := err == nil
	err = errors.Join(err, s.Close())
	if destroyed {
		err = errors.Join(err, session.RemoveFolder(o.Folder))
	}
	return err
}

// others returns the stacks of an emulator beside the one that it was started for.
func others(running api.Attachment) []string {
	return slices.DeleteFunc(slices.Clone(running.Stacks), func(stack string) bool { return stack == running.Stack })
}

// downRunning destroys the stack of an emulator in another process, ends that and deletes its folder.
func downRunning(ctx context.Context, g *globals, o session.Options, running api.Attachment, out io.Writer) error {
	client := g.client()
	if err := destroy(ctx, o, providers{running.Environment, client.DeleteOrphans}, out); err != nil {
		return err
	}
	if err := client.Stop(ctx); err != nil {
		return err
	}
	// The other process has the folder until it has ended.
	if err := session.AwaitUnlocked(ctx, running.Folder); err != nil {
		return err
	}
	return session.RemoveFolder(running.Folder)
}
