// Command musicguru answers a year with one of its songs, and asks for one: a TCP service to try a deployment with.
//
//	musicguru serve [-listen :5000] [-songs FILE]
//	musicguru ask [-tls [-ca FILE]] HOST PORT YEAR
//
// One connection is one question:
//
//	client                    server
//	  │ ──── 2004\n ───────────▶ │  a year, or 0 for a random one; at most 64 bytes
//	  │ ◀─── In 2004 the … \n ── │  one line, whatever was asked
//	  │ ◀─── (closes) ────────── │
//
//	$ musicguru ask localhost 5000 2004
//	In 2004 the number 7. song was Float On - Modest Mouse (192.168.0.57)
//
// The address in brackets is the server's own on that connection, which behind a balancer tells the instances apart. A
// year out of range, or without songs, gets a song of a random year, after a few words that say so.
//
// The server itself speaks no TLS. A balancer may end it before the server: then the client asks with -tls, and wants a
// certificate for HOST, of one of the system's authorities or of one in FILE, in PEM.
//
// The server handles one connection at a time, on purpose: it stands for every service that a health check which
// connects would keep from its work. A client that stays silent or trickles is left after 5 s.
//
// With FAIL in its environment the server resets every connection, to try what a bad release does.
//
// A song's number is its place in the list, songs.csv here; it is not the rank of any chart. A file of one's own has the
// same header, year,number,title,artist.
//
// SIGTERM and SIGINT end the server with status 0 after the answer it is at. Failures end with status 1, wrong arguments
// with status 2.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strconv"

	"github.com/elastic-service/elastic-service/internal/cli"
)

const usage = `usage: musicguru serve [-listen :5000] [-songs FILE]
       musicguru ask [-tls [-ca FILE]] HOST PORT YEAR      (YEAR 0: a random one)
`

func main() {
	cli.Program{Name: "musicguru", Usage: usage, Commands: []cli.Command{
		{Name: "serve", Run: serveCommand},
		{Name: "ask", Run: askCommand},
	}}.Main()
}

func serveCommand(ctx context.Context, args []string, _, stderr io.Writer) error {
	flags := cli.Flags("serve")
	listen := flags.String("listen", ":5000", "")
	file := flags.String("songs", "", "")
	if err := cli.Parse(flags, args, 0); err != nil {
		return err
	}
	songs, err := loadSongs(*file)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	s := &server{songs: songs, fails: os.Getenv("FAIL") != "", log: slog.New(slog.NewTextHandler(stderr, nil))}
	return s.serve(ctx, l)
}

func askCommand(ctx context.Context, args []string, stdout, _ io.Writer) error {
	flags := cli.Flags("ask")
	encrypted, authority := flags.Bool("tls", false, ""), flags.String("ca", "", "")
	if err := cli.Parse(flags, args, 3); err != nil {
		return err
	}
	if *authority != "" && !*encrypted {
		return fmt.Errorf("%w: -ca is for -tls", cli.ErrUsage)
	}
	port, err := strconv.ParseUint(flags.Arg(1), 10, 16)
	if err != nil || port == 0 {
		return fmt.Errorf("%w: PORT: %q is not a port, 1–65535", cli.ErrUsage, flags.Arg(1))
	}
	year, err := strconv.Atoi(flags.Arg(2))
	if err != nil {
		return fmt.Errorf("%w: YEAR: %q is not a year", cli.ErrUsage, flags.Arg(2))
	}
	var secure *tls.Config
	if *encrypted {
		if secure, err = trusting(flags.Arg(0), *authority); err != nil {
			return err
		}
	}
	answer, err := ask(ctx, net.JoinHostPort(flags.Arg(0), flags.Arg(1)), year, secure)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, answer)
	return err
}
