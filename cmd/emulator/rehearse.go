package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/elastic-service/elastic-service/emulator/rehearsal"
	"github.com/elastic-service/elastic-service/emulator/session"
)

func newRehearse() *cobra.Command {
	c := &cobra.Command{
		Use:   "rehearse",
		Short: "Deploy, ask, break, release, scale and destroy the stack, with a report",
		Long: `Rehearse the stack on an emulator of its own. What is rehearsed follows from the stack's settings:

  1. deploy it, wait until it is healthy, and ask until every target has answered
  2. deploy it again: nothing may change
  3. terminate an instance, or stop a container, and wait for the replacement while clients go on asking
  4. with --bad-releases: release a version that never gets healthy, a version whose service dies after a
     minute and, where the stack has alarms, a version that sets off an alarm: each has to fail, to go back by
     itself, and to leave a group that launches the former version
  5. where services have RELEASE in their environment: roll out another one without a failed request
  6. where steps scale the group, or CPU use the containers: load it until it grows, and wait until it shrinks
  7. sum up the notifications
  8. where the stack is protected: destroying it has to be refused
  9. destroy it: no resource, process, socket or file may be left

The exit code is 0 only if all of it held. After a failure the emulator's folder is kept, with logs.

With --output json it prints an object when it has ended: stack, speed, succeeded, error, took, and
entries with step, text, at, took (real, emulated), resources (created, updated, replaced, deleted,
unchanged, took) and clients (answered, failed, lastFailure). Times are seconds; real ones, except
emulated.`,
		Example: `  emulator rehearse
  emulator rehearse --stack cardweb --speed 20
  emulator rehearse --stack cache --ask PING
  emulator rehearse --stack swiftcode --speed 20 --bad-releases
  sudo emulator rehearse --runtime machine --speed 4     on booted machines`,
		Args: noArguments,
	}
	flags := addStackFlags(c)
	question := c.Flags().String("ask", "", askHelp)
	load := c.Flags().String("load", "/burn?ms=20", "`path` of a page that costs CPU, for the rehearsal of scaling")
	bad := c.Flags().Bool("bad-releases", false, "rehearse releases that have to go back too")
	output := addOutputFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		root, err := session.EnterProject(flags.stack)
		if err != nil {
			return err
		}
		o := rehearsal.Options{
			Session: flags.session(root, "", c.ErrOrStderr()), Question: *question, LoadPath: *load, Bad: *bad, Out: c.OutOrStdout(),
		}
		if *output == formatJSON {
			o.Out = io.Discard
		}
		end := working(c.OutOrStdout(), "rehearsing")
		report, err := rehearsal.Run(c.Context(), o)
		end()
		if *output == formatJSON {
			err = errors.Join(err, printJSON(c.OutOrStdout(), report))
		}
		return err
	}
	return c
}
