// Package cli runs the small programs of this project: a program, a word that says what it should do, flags, arguments.
//
// A program ends with status 0, with 1 if it fails and with 2 if its arguments are wrong. SIGTERM and SIGINT end its context.
package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// ErrUsage marks wrong arguments.
var ErrUsage = errors.New("wrong arguments")

// Program is a program with its commands.
type Program struct {
	Name     string
	Usage    string // shown for -h and after an error of usage; ends in a line break
	Commands []Command
}

// Command is what a program does on one word. Run gets the arguments after the word.
type Command struct {
	Name string
	Run  func(ctx context.Context, args []string, stdout, stderr io.Writer) error
}

// Main runs the program with the arguments of the process and ends the process.
func (p Program) Main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	status := p.run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(status)
}

func (p Program) run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := p.dispatch(ctx, args, stdout, stderr)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, p.Usage)
		return 0
	case errors.Is(err, ErrUsage):
		fmt.Fprintf(stderr, "%s: %v\n%s", p.Name, err, p.Usage)
		return 2
	default:
		fmt.Fprintf(stderr, "%s: %v\n", p.Name, err)
		return 1
	}
}

func (p Program) dispatch(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: %s?", ErrUsage, p.names(" or "))
	}
	for _, c := range p.Commands {
		if c.Name == args[0] {
			return c.Run(ctx, args[1:], stdout, stderr)
		}
	}
	switch {
	case args[0] == "-h" || args[0] == "-help" || args[0] == "--help":
		return flag.ErrHelp
	case len(p.Commands) == 1:
		return fmt.Errorf("%w: %q is not %s", ErrUsage, args[0], p.names(""))
	}
	return fmt.Errorf("%w: %q is neither %s", ErrUsage, args[0], p.names(" nor "))
}

func (p Program) names(between string) string {
	var names []string
	for _, c := range p.Commands {
		names = append(names, c.Name)
	}
	return strings.Join(names, between)
}

// Flags returns an empty set of flags for a command. Its errors are returned by [Parse] and printed by the program.
func Flags(command string) *flag.FlagSet {
	flags := flag.NewFlagSet(command, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

// Parse parses the arguments of a command, which takes a number of them beside its flags.
func Parse(flags *flag.FlagSet, args []string, positional int) error {
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", ErrUsage, err)
	case flags.NArg() != positional:
		return fmt.Errorf("%w: %s takes %d beside its flags, not %d", ErrUsage, flags.Name(), positional, flags.NArg())
	}
	return nil
}
