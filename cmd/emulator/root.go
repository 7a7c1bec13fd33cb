package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// addressVariable is the environment variable with the default of --address.
const addressVariable = "ELASTIC_SERVICE_ADDRESS"

// globals are the flags of all commands.
type globals struct {
	address address
}

// client returns a client of the emulator at --address.
func (g *globals) client() api.Client { return api.Client{Address: string(g.address)} }

// The groups in which the help lists the commands.
const (
	groupRun     = "run"
	groupLook    = "look"
	groupBreak   = "break"
	groupMeasure = "measure"
)

func newRoot() *cobra.Command {
	g := &globals{}
	root := &cobra.Command{
		Use:   "emulator COMMAND",
		Short: "Run the stacks of this project on an emulated AWS on this machine",
		Long: `Run the stacks of this project on this machine: the real Pulumi engine deploys them to an
emulated AWS, whose instances are processes and whose balancers are sockets.

Without anything running, ` + "`emulator rehearse`" + ` shows a stack from up to destroy. To look around,
` + "`emulator up`" + ` deploys and stays in the foreground; the other commands talk to it from another
terminal. Several emulators run beside each other with --address.

Exit codes: 0, 1 after a failure, 2 after a wrong command line, 130 after an interruption.`,
		Example: `  emulator rehearse                      the whole story of stack dev, with a report
  emulator up --stack cardweb            deploy another stack, and stay
  emulator status                        what runs, and why something is not healthy
  emulator up --address 127.0.0.1:0      a second emulator, at a free port that it prints`,
		Args: refuseUnknownCommand,
		RunE: func(c *cobra.Command, _ []string) error {
			c.PrintErrln(c.UsageString())
			return fmt.Errorf("%w: name a command", session.ErrUsage)
		},
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return fmt.Errorf("%w: %w", session.ErrUsage, err) })
	if err := g.address.Set(defaultAddress()); err != nil {
		root.PersistentPreRunE = func(*cobra.Command, []string) error {
			return fmt.Errorf("%w: %s: %w", session.ErrUsage, addressVariable, err)
		}
	}
	root.PersistentFlags().Var(&g.address, "address",
		"where the emulator's dashboard and control API are, or $"+addressVariable+"; port 0 takes a free port")
	root.AddGroup(
		&cobra.Group{ID: groupRun, Title: "Run a stack:"}, &cobra.Group{ID: groupLook, Title: "Look at the running emulator:"},
		&cobra.Group{ID: groupBreak, Title: "Break something:"}, &cobra.Group{ID: groupMeasure, Title: "Measure:"},
	)
	addCommands(root, groupRun, newRehearse(), newUp(g), newServe(g), newDown(g))
	addCommands(root, groupLook, newStatus(g), newCall(g), newPath(g), newLogs(g))
	addCommands(root, groupBreak, newTerminate(g), newStopService(g), newStopTask(g), newFailZone(g), newRestoreZone(g), newFault(g))
	addCommands(root, groupMeasure, newLoad(g), newExperiment())
	root.AddCommand(newVersion())
	return root
}

func addCommands(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = group
		root.AddCommand(c)
	}
}

func defaultAddress() string {
	if address := os.Getenv(addressVariable); address != "" {
		return address
	}
	return api.DefaultAddress
}

func refuseUnknownCommand(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := fmt.Errorf("%w: there is no command %q", session.ErrUsage, args[0])
	if similar := root.SuggestionsFor(args[0]); len(similar) > 0 {
		err = fmt.Errorf("%w; did you mean %s?", err, strings.Join(similar, " or "))
	}
	return err
}

// arguments returns a validator for a command that takes from least to most arguments, none of them empty. The hint says what
// to name.
func arguments(least, most int, hint string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		switch {
		case len(args) < least:
			return fmt.Errorf("%w: %s", session.ErrUsage, hint)
		case len(args) > most:
			return fmt.Errorf("%w: %q is one too many", session.ErrUsage, args[most])
		}
		return refuseEmpty(args)
	}
}

func refuseEmpty(args []string) error {
	if slices.Contains(args, "") {
		return fmt.Errorf("%w: an argument is empty", session.ErrUsage)
	}
	return nil
}

var noArguments = arguments(0, 0, "")
