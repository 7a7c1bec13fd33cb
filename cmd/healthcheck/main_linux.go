// Command healthcheck answers a TCP health check for a service that must not be bothered with one: it accepts and
// closes connections on its own port as long as the service listens on its.
//
//	healthcheck [-port 5001] [-service-port 5000] [-poll 500ms]
//
// It needs no privilege, and of a confined unit the address families AF_INET, AF_INET6 and AF_NETLINK. It logs changes
// of state to standard error, and ends with status 0 on SIGTERM or SIGINT, after it has stopped listening; 1 if the
// port is taken or the kernel does not show its sockets; 2 if an argument is wrong.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/elastic-service/elastic-service/healthcheck"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stderr))
}

func run(args []string, stderr io.Writer) int {
	r := healthcheck.Responder{Log: slog.New(slog.NewTextHandler(stderr, nil))}
	flags := flag.NewFlagSet("healthcheck", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&r.Port, "port", healthcheck.DefaultPort, "`port` that the health check asks, 1–65535")
	flags.IntVar(&r.ServicePort, "service-port", 5000, "`port` of the service, 1–65535")
	flags.DurationVar(&r.Poll, "poll", healthcheck.DefaultPoll, "`time` between two looks at the service's port, at least 1ms")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 2 // flag has told why
	}
	if err := check(&r, flags.Args()); err != nil {
		fmt.Fprintf(stderr, "healthcheck: %v\n", err)
		return 2
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := r.Run(ctx); err != nil {
		r.Log.Error("health check ended", "error", err)
		return 1
	}
	return 0
}

func check(r *healthcheck.Responder, rest []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q", rest[0])
	}
	return r.Validate()
}
