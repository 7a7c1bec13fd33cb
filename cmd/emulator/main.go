// Emulator runs the stacks of this project on one machine: the real Pulumi engine deploys them to an emulated AWS, whose
// instances are processes and whose balancers are sockets.
//
//	go run ./cmd/emulator rehearse      deploy, ask, break, destroy, with a report
//	go run ./cmd/emulator up            deploy and stay; in another terminal:
//	go run ./cmd/emulator status        what runs, and why something is not healthy
//	go run ./cmd/emulator call 2004     ask the service through its balancer
//	go run ./cmd/emulator terminate ID  terminate an instance; fail-zone ZONE fails a whole zone
//	go run ./cmd/emulator load 500      500 requests a second, with a report
//	go run ./cmd/emulator down          destroy the stack and end the emulator
//
// Each command has its flags and its help in a file of its own; what the commands do is in the packages below emulator.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/elastic-service/elastic-service/emulator/session"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	out, errs := onScreen(os.Stdout, os.Stderr)
	os.Exit(run(ctx, os.Args[1:], out, errs))
}

// run runs the command that the arguments name. It returns the exit code: 0, 1 for a failure, 2 for a wrong command line, 130
// for an interruption.
func run(ctx context.Context, args []string, out, errs io.Writer) int {
	root := newRoot()
	root.SetArgs(append([]string{}, args...)) // nil would mean os.Args
	root.SetOut(out)
	root.SetErr(errs)
	command, err := root.ExecuteContextC(ctx)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, session.ErrUsage):
		fmt.Fprintf(errs, "emulator: %v\nusage: %s\nSee `%s --help`.\n", err, command.UseLine(), command.CommandPath())
		return 2
	case ctx.Err() != nil:
		fmt.Fprintf(errs, "emulator: interrupted: %v\n", err)
		return 130
	}
	fmt.Fprintf(errs, "emulator: %s\n", strings.TrimSpace(err.Error()))
	return 1
}
