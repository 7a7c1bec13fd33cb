// Command users is a service of users: who they are, and who is logged in. It keeps them in the PostgreSQL database of its stack.
//
//	users serve [-listen :5000]
//
//	POST /auth/register   {"username", "email", "password"}: registers a user and logs the user in; the first one is the administrator
//	POST /auth/login      {"email", "password"}: logs a user in, the answer has a token
//	GET  /auth/logout     logs the user of the token out
//	GET  /auth/status     the user of the token
//	GET  /users           all users
//	GET  /users/7         one user
//	POST /users           {"username", "email", "password"}: adds a user; for administrators
//	GET  /ping            a health check asks for it, without the database
//	GET  /                Hello from 0123456789ab (users, release 3)
//	GET  /burn            20 ms of processor time: load for a scaling policy
//
// Tokens are JWTs, given as "Authorization: Bearer TOKEN", and valid for an hour unless they are logged out. They are signed with a key
// that is in the database, made when there is none: all containers know it, and no setting has it. Passwords are kept as bcrypt hashes.
//
// The environment tells of the database, see package rdsclient. When it refuses the password, the program ends with status 1: RDS has
// rotated it, and a new container gets the new one.
package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"

	"github.com/elastic-service/elastic-service/internal/cli"
	"github.com/elastic-service/elastic-service/internal/httpserver"
	"github.com/elastic-service/elastic-service/internal/rdsclient"
)

const usage = "usage: users serve [-listen :5000]\n"

func main() {
	cli.Program{Name: "users", Usage: usage, Commands: []cli.Command{{Name: "serve", Run: serveCommand}}}.Main()
}

func serveCommand(ctx context.Context, args []string, stdout, _ io.Writer) error {
	flags := cli.Flags("serve")
	listen := flags.String("listen", ":5000", "")
	if err := cli.Parse(flags, args, 0); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(stdout, nil))
	db, err := rdsclient.Open()
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // the process ends
	if !db.Postgres {
		return errors.New("the database is not PostgreSQL")
	}
	lost, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &server{store: &store{db: db}, log: log, lost: cancel, release: os.Getenv("RELEASE")}
	go s.prepare(lost)
	l, err := net.Listen("tcp", *listen)
	if err != nil {
		return err
	}
	if err := s.serve(lost, l); err != nil {
		return err
	}
	if ctx.Err() == nil {
		return context.Cause(lost)
	}
	return nil
}

// serve answers requests until ctx is done.
func (s *server) serve(ctx context.Context, l net.Listener) error {
	return httpserver.Serve(ctx, l, &http.Server{Handler: s.routes()}, s.log, httpserver.Patience) //nolint:gosec // Serve sets the time-outs
}
