// Emulator runs the stacks of this project on one machine: the real Pulumi engine deploys them to an emulated AWS, whose
// instances are processes and whose balancers are sockets.
//
//	go run ./cmd/emulator rehearse     the whole story, from up to destroy, with a report
//	go run ./cmd/emulator up           deploy and stay; in another terminal:
//	go run ./cmd/emulator status       what is there, and why something isn't healthy
//	go run ./cmd/emulator call 2004    ask the service through its balancer
//	go run ./cmd/emulator terminate ID an instance fails; fail-zone ZONE, a whole zone does
//	go run ./cmd/emulator load 500     500 requests a second, with a report
//	go run ./cmd/emulator down         destroy
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/elastic-service/elastic-service/emulator"
	"github.com/elastic-service/elastic-service/emulator/experiments"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// command is a verb of the command line.
type command struct {
	name, arguments, help string
	run                   func(ctx context.Context, o *options, args []string) error
}

// options are the flags; every command takes all of them, and uses those that concern it.
type options struct {
	stack    string
	speed    float64
	runtime  string
	verbose  bool
	question string // what clients ask; empty: what suits the balancer
	load     string // page that costs CPU
	duration time.Duration
	sizes    experiments.Options // Count, Instances and Resources
	out      io.Writer
	err      io.Writer
}

var commands = []command{
	{"rehearse", "", "deploy, ask, terminate an instance, see it replaced, destroy; report", rehearse},
	{"up", "", "deploy and stay in the foreground; with one running, deploy to it again", up},
	{"serve", "", "run the cloud alone, for a `pulumi up` of your own", serve},
	{"status", "", "show balancers, groups, instances and activities", status},
	{"call", "[QUESTION]", "ask through the balancer, a line or a page that begins with /, and print the answer", call},
	{"path", "FROM TO PORT", "can a connection be opened, by what, or what stops it; ends: internet, balancer, bastion, database, names, IDs", path},
	{"terminate", "INSTANCE", "terminate an instance: its group replaces it", terminate},
	{"stop-service", "INSTANCE SERVICE", "stop a service: the balancer finds out, the group replaces the instance", stopService},
	{"stop-task", "TASK", "stop a task of ECS: its service replaces it", stopTask},
	{"fail-zone", "ZONE", "an outage of a zone, until restore-zone or for the time that -for says", failZone},
	{"restore-zone", "ZONE", "end the faults of a zone", restoreZone},
	{"fault", "[ACTION TARGET [NAME=VALUE]]", "list faults, or start one; `fault stop ID` ends it", fault},
	{"load", "RATE", "so many requests a second, until Ctrl-C or for the time that -for says; report", loadService},
	{"experiment", "NAME", "answer a question by measurement: answers, terminate, replacement, scale; see docs/experiments.md", experiment},
	{"down", "", "destroy the stack and end the emulator", down},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run returns the exit code: 0, 1 for a failure, 2 for a wrong command line, 130 for an interruption.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	for _, c := range commands {
		if c.name != name {
			continue
		}
		o := &options{out: out, err: errs}
		flags := o.flags(c)
		arguments, err := parse(flags, args[1:])
		switch {
		case errors.Is(err, flag.ErrHelp):
			return 0
		case err != nil:
			return 2
		case o.duration < 0:
			return exitCode(ctx, errs, fmt.Errorf("%w: -for %v is negative", session.ErrUsage, o.duration))
		case slices.Contains(arguments, ""):
			return exitCode(ctx, errs, fmt.Errorf("%w: one of them is empty", session.ErrUsage))
		}
		if !(o.speed >= slowest && o.speed <= fastest) { // NaN is neither
			return exitCode(ctx, errs, fmt.Errorf("%w: -speed %g is not between %g and %g", session.ErrUsage, o.speed, slowest, fastest))
		}
		return exitCode(ctx, errs, c.run(ctx, o, arguments))
	}
	switch name {
	case "help", "-h", "-help", "--help":
		usage(out)
		return 0
	case "":
	default:
		fmt.Fprintf(errs, "emulator: there is no command %q\n\n", name)
	}
	usage(errs)
	return 2
}

// parse takes flags before, between and after arguments.
func parse(flags *flag.FlagSet, args []string) ([]string, error) {
	var arguments []string
	for {
		if err := flags.Parse(args); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			return arguments, nil
		}
		arguments, args = append(arguments, flags.Arg(0)), flags.Args()[1:]
	}
}

// Slower than this nobody waits for it; faster, processes don't keep up with the timeouts.
const slowest, fastest = 0.1, 1000.0

func exitCode(ctx context.Context, errs io.Writer, err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, session.ErrUsage):
		fmt.Fprintf(errs, "emulator: %v\n", err)
		return 2
	case ctx.Err() != nil:
		fmt.Fprintf(errs, "emulator: interrupted: %v\n", err)
		return 130
	}
	fmt.Fprintf(errs, "emulator: %s\n", strings.TrimSpace(err.Error()))
	return 1
}

func (o *options) flags(c command) *flag.FlagSet {
	flags := flag.NewFlagSet(c.name, flag.ContinueOnError)
	flags.SetOutput(o.err)
	flags.StringVar(&o.stack, "stack", "dev", "`name` of the stack: its settings are Pulumi.NAME.yaml")
	flags.Float64Var(&o.speed, "speed", 10, fmt.Sprintf("how many seconds of the cloud pass in one here, %g to %g", slowest, fastest))
	flags.StringVar(&o.runtime, "runtime", string(emulator.Processes), "what instances are: process, or machine: booted in namespaces, as root")
	flags.StringVar(&o.question, "ask", "", "what clients ask: a line, or over HTTP a `page` that begins with / (0; / where the balancer is an application's or listens on 80)")
	flags.StringVar(&o.load, "load", "/burn?ms=20", "`page` that costs CPU, for the rehearsal of scaling")
	flags.DurationVar(&o.duration, "for", 0, "how long: a load in time here, a fault in time of the cloud, e.g. 90s, 10m")
	flags.IntVar(&o.sizes.Count, "count", 1, "experiment terminate: how many instances at once")
	flags.IntVar(&o.sizes.Instances, "instances", 2, fmt.Sprintf("experiment scale: size of the group, up to %d", experiments.MostInstances))
	flags.IntVar(&o.sizes.Resources, "resources", 0,
		fmt.Sprintf("experiment scale: at least so many resources, up to %d (the stack's own)", experiments.MostResources))
	flags.BoolVar(&o.verbose, "v", false, "show what Pulumi prints, and the emulator's log")
	flags.Usage = func() {
		fmt.Fprintf(o.err, "usage: emulator %s [flags] %s\n\n%s\n\n", c.name, c.arguments, c.help)
		flags.PrintDefaults()
	}
	return flags
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: emulator COMMAND [flags] [arguments]")
	fmt.Fprintln(w)
	for _, c := range commands {
		fmt.Fprintf(w, "  %-34s %s\n", strings.TrimSpace(c.name+" "+c.arguments), c.help)
	}
	fmt.Fprintln(w, "\nemulator COMMAND -h shows a command's flags.")
}

func noArguments(args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: %q is one too many", session.ErrUsage, args[0])
	}
	return nil
}

// session returns the options of a session with the stack, in a folder.
func (o *options) session(root, folder string) session.Options {
	return session.Options{
		Root: root, Stack: o.stack, Folder: folder, Speed: o.speed, Runtime: emulator.Runtime(o.runtime), Verbose: o.verbose, Err: o.err,
	}
}
