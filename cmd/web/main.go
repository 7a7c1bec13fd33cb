// Command web is a small HTTP server to try a deployment with.
//
//	web serve [-listen :80]
//
//	GET /             Hello from 192.168.0.57 (web, release 3)
//	GET /ping         pong: a health check asks for it
//	GET /burn?ms=200  as much processor time, at most a minute: load for a scaling policy
//
// The address is the server's own on that connection, which behind a balancer tells the instances apart, and the release
// is what RELEASE in its environment says ("dev" without). Requests are logged to stdout, a line each.
//
// SIGTERM and SIGINT end the server with status 0 after the requests it is at, or after 25 s: less than the 30 s that
// containers get. Failures end with status 1, wrong arguments with status 2.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"
)

const usage = "usage: web serve [-listen :80]\n"

// errUsage marks arguments that make no sense.
var errUsage = errors.New("wrong arguments")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := dispatch(ctx, args, stdout)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case errors.Is(err, errUsage):
		fmt.Fprintf(stderr, "web: %v\n%s", err, usage)
		return 2
	default:
		fmt.Fprintf(stderr, "web: %v\n", err)
		return 1
	}
}

func dispatch(ctx context.Context, args []string, stdout io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("%w: serve?", errUsage)
	}
	switch args[0] {
	case "serve":
		return serveCommand(ctx, args[1:], stdout)
	case "-h", "-help", "--help":
		return flag.ErrHelp
	default:
		return fmt.Errorf("%w: %q is not serve", errUsage, args[0])
	}
}

func serveCommand(ctx context.Context, args []string, stdout io.Writer) error {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	listen := flags.String("listen", ":80", "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", errUsage, err)
	case flags.NArg() > 0:
		return fmt.Errorf("%w: serve takes nothing beside its flags, not %q", errUsage, flags.Args())
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	s := &server{release: os.Getenv("RELEASE"), log: slog.New(slog.NewTextHandler(stdout, nil))}
	return s.serve(ctx, l, s.routes())
}
