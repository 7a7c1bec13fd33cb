package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/elastic-service/elastic-service/emulator/runtime"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// stackFlags are the flags of the commands that start an emulator with a stack.
type stackFlags struct {
	stack   string
	speed   speed
	runtime runtimeFlag
	verbose bool
}

// addStackFlags adds the flags of a command that starts an emulator.
func addStackFlags(c *cobra.Command) *stackFlags {
	f := &stackFlags{speed: 10, runtime: runtimeFlag(runtime.Process)}
	c.Flags().StringVar(&f.stack, "stack", "dev", "`name` of the stack: its settings are Pulumi.NAME.yaml")
	c.Flags().Var(&f.speed, "speed", fmt.Sprintf("emulated seconds that pass in a real second, %g to %g", slowest, fastest))
	c.Flags().Var(&f.runtime, "runtime", "what instances are: process, or machine: booted in namespaces, which needs root")
	c.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "print Pulumi's output and the emulator's log as well")
	complete(c, "stack", completeStacks)
	complete(c, "runtime", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return []cobra.Completion{string(runtime.Process), string(runtime.Nspawn)}, cobra.ShellCompDirectiveNoFileComp
	})
	return f
}

// session returns the options of a session with the stack. A rehearsal and an experiment have folders of their own.
func (f *stackFlags) session(root, folder string, errs io.Writer) session.Options {
	return session.Options{
		Root: root, Stack: f.stack, Folder: folder, Speed: float64(f.speed), Runtime: runtime.Kind(f.runtime), Verbose: f.verbose,
		Err: errs,
	}
}

// askHelp is the help of --ask.
const askHelp = "what test clients send: a `line` of text, or a path that starts with / for HTTP (default 0, or / for HTTP balancers)"

// address is a host and port on loopback.
type address string

func (a *address) String() string { return string(*a) }
func (a *address) Type() string   { return "host:port" }

// Set takes HOST:PORT; without a host it is 127.0.0.1.
func (a *address) Set(text string) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		return fmt.Errorf("%q is not HOST:PORT", text)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Errorf("%q is not a port", port)
	} else if host == "" {
		host, port = "127.0.0.1", strconv.FormatUint(n, 10)
	}
	*a = address(net.JoinHostPort(host, port))
	return nil
}

// isFree reports whether the emulator is to choose a free port.
func (a *address) isFree() bool { return strings.HasSuffix(string(*a), ":0") }

// At a lower speed a rehearsal takes hours; at a higher speed processes do not keep up with the timeouts.
const slowest, fastest = 0.1, 1000.0

// speed is a number of emulated seconds in a real second.
type speed float64

func (s *speed) String() string { return strconv.FormatFloat(float64(*s), 'g', -1, 64) }
func (s *speed) Type() string   { return "float" }

func (s *speed) Set(text string) error {
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || !(value >= slowest && value <= fastest) { // NaN is neither
		return fmt.Errorf("%s is not a number between %g and %g", text, slowest, fastest)
	}
	*s = speed(value)
	return nil
}

// runtimeFlag is the kind of a runtime.
type runtimeFlag string

func (r *runtimeFlag) String() string { return string(*r) }
func (r *runtimeFlag) Type() string   { return "runtime" }

func (r *runtimeFlag) Set(text string) error {
	if text != string(runtime.Process) && text != string(runtime.Nspawn) {
		return fmt.Errorf("%q is neither %s nor %s", text, runtime.Process, runtime.Nspawn)
	}
	*r = runtimeFlag(text)
	return nil
}

// length is a duration that is not negative.
type length time.Duration

// String returns nothing for 0, so that the help shows no default.
func (l *length) String() string {
	if *l == 0 {
		return ""
	}
	return time.Duration(*l).String()
}

func (l *length) Type() string { return "duration" }

func (l *length) Set(text string) error {
	value, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return fmt.Errorf("%q is not a duration such as 90s or 10m", text)
	case value < 0:
		return errors.New("a duration is not negative")
	}
	*l = length(value)
	return nil
}

// format is a form of output.
type format string

const (
	formatText format = "text"
	formatJSON format = "json"
)

func (f *format) String() string { return string(*f) }
func (f *format) Type() string   { return "format" }

func (f *format) Set(text string) error {
	if !slices.Contains([]format{formatText, formatJSON}, format(text)) {
		return fmt.Errorf("%q is neither %s nor %s", text, formatText, formatJSON)
	}
	*f = format(text)
	return nil
}

// addOutputFlag adds --output to a command.
func addOutputFlag(c *cobra.Command) *format {
	f := formatText
	c.Flags().VarP(&f, "output", "o", "text, or json: lower camel case, durations in seconds")
	complete(c, "output", func(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
		return []cobra.Completion{string(formatText), string(formatJSON)}, cobra.ShellCompDirectiveNoFileComp
	})
	return &f
}
