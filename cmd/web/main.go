// Command web is a small HTTP server to try a deployment with.
//
//	web serve [-listen :80]
//
//	GET /             Hello from 192.168.0.57 (web, release 3)
//	GET /ping         pong: a health check asks for it
//	GET /burn?ms=200  as much processor time, at most a minute: load for a scaling policy
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
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	s := &server{release: os.Getenv("RELEASE"), fails: os.Getenv("FAIL") != "", log: slog.New(slog.NewTextHandler(stdout, nil))}
	return s.serve(ctx, l, s.routes())
}
