// Command web is a small HTTP server to try a deployment with.
//
//	web serve [-listen :80]
//
//	GET /             Hello from 192.168.0.57 (web, release 3), visit 42
//	GET /visits/42    visit 42, 2026-11-27T12:00:00Z, answered by 192.168.0.57, release 3
//	GET /ping         pong: a health check asks for it
//	GET /burn?ms=200  as much processor time, at most a minute: load for a scaling policy
//
// Visits are rows of a table in the stack's database, of which the environment tells, see package rdsclient; the first page shows the
// latest ones. Without a database there are none. The server ends with status 1 when the database refuses its password: RDS has
// rotated it, and the next start fetches the new one. /ping does not ask the database: instances are not replaced for its sake.
//
// With FAIL in its environment, every page but /ping answers 500 Internal Server Error, to try what a bad release does.
//
// The address is the server's own on that connection, which behind a balancer tells the instances apart, and the release
// is what RELEASE in its environment says ("dev" without). Requests are logged to stdout, a line each.
//
// SIGTERM and SIGINT end the server with status 0 after the requests it is at, or after 25 s: less than the 30 s that
// containers get. Failures end with status 1, wrong arguments with status 2.
package main

import (
	"context"
	"io"
	"log/slog"
	"net"
	"os"

	"github.com/elastic-service/elastic-service/internal/cli"
	"github.com/elastic-service/elastic-service/internal/rdsclient"
)

const usage = "usage: web serve [-listen :80]\n"

func main() {
	cli.Program{Name: "web", Usage: usage, Commands: []cli.Command{{Name: "serve", Run: serveCommand}}}.Main()
}

func serveCommand(ctx context.Context, args []string, stdout, _ io.Writer) error {
	flags := cli.Flags("serve")
	listen := flags.String("listen", ":80", "")
	if err := cli.Parse(flags, args, 0); err != nil {
		return err
	}
	s := &server{release: os.Getenv("RELEASE"), fails: os.Getenv("FAIL") != "", log: slog.New(slog.NewTextHandler(stdout, nil))}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	lost := ctx
	if rdsclient.Configured() {
		if lost, s.visits, err = openVisits(ctx, s.log); err != nil {
			return err
		}
		defer s.visits.db.Close() //nolint:errcheck // the process ends
	}
	err = s.serve(lost, l, s.routes())
	if err == nil && ctx.Err() == nil {
		err = context.Cause(lost)
	}
	return err
}
