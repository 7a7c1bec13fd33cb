package database

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sys/unix"
)

var postgres = engine{
	name: "PostgreSQL", programs: []string{"postgres", "initdb"}, version: "--version",
	died:   unix.SIGQUIT, // an immediate shutdown, which frees its shared memory
	create: createPostgres, command: commandOfPostgres, open: openPostgres,
}

// createPostgres makes a cluster whose superuser is the emulator's.
func createPostgres(ctx context.Context, s *Server) error {
	return s.setup(ctx, "initdb", "--pgdata="+partFolder, "--username="+superuser, "--pwfile="+secretFile, "--auth=scram-sha-256",
		"--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
}

// commandOfPostgres writes who is let in, and returns the command line.
//
// Without a file of a former process, a server starts also where that process's number is another's now. A snapshot has such a file.
func commandOfPostgres(s *Server) ([]string, error) {
	program, err := find("postgres")
	if err != nil {
		return nil, err
	}
	data := s.path(dataFolder)
	if err := os.Remove(filepath.Join(data, "postmaster.pid")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	kind := "host"
	if s.spec.ForceTLS {
		kind = "hostssl" // another connection finds no entry, as with rds.force_ssl
	}
	if err := os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(kind+" all all all scram-sha-256\n"), 0o600); err != nil {
		return nil, err
	}
	words := []string{program, "-D", data}
	for _, setting := range []string{
		"listen_addresses=" + s.spec.Address.Addr().String(), fmt.Sprintf("port=%d", s.spec.Address.Port()), "unix_socket_directories=",
		"ssl=on", "ssl_cert_file=" + s.path(certificate), "ssl_key_file=" + s.path(key), "ssl_min_protocol_version=TLSv1.2",
		"fsync=off", "full_page_writes=off", "shared_buffers=16MB", "max_connections=100", "dynamic_shared_memory_type=mmap",
		"max_wal_size=64MB", "min_wal_size=32MB",
		"log_min_error_statement=panic", // a statement may have a password
	} {
		words = append(words, "-c", setting)
	}
	return words, nil
}

type postgresAdmin struct{ conn *pgx.Conn }

// openPostgres connects to the server's address, whatever its name resolves to.
func openPostgres(ctx context.Context, s *Server) (admin, error) {
	config, err := pgx.ParseConfig("sslmode=require")
	if err != nil {
		return nil, err
	}
	config.Host, config.Port, config.Fallbacks = s.spec.Address.Addr().String(), s.spec.Address.Port(), nil
	config.User, config.Password, config.Database, config.TLSConfig = superuser, s.secret, "postgres", s.trust()
	config.DialFunc = direct(s.spec.Address)
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	return postgresAdmin{conn}, nil
}

// direct returns a dialer that connects to an address, whichever it is given.
func direct(address netip.AddrPort) func(ctx context.Context, _, _ string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", address.String())
	}
}

// setUp gives the master user the role rds_superuser, which is none of PostgreSQL's superusers (RDS: "Understanding the rds_superuser
// role").
func (a postgresAdmin) setUp(ctx context.Context, spec Spec) error {
	exists, err := a.exists(ctx, "SELECT FROM pg_roles WHERE rolname = $1", "rds_superuser")
	if err == nil && !exists {
		err = a.execute(ctx, "CREATE ROLE rds_superuser CREATEDB CREATEROLE",
			"GRANT pg_monitor, pg_signal_backend, pg_checkpoint TO rds_superuser WITH ADMIN OPTION")
	}
	if err != nil {
		return err
	}
	name := pgx.Identifier{spec.Username}.Sanitize()
	if exists, err = a.exists(ctx, "SELECT FROM pg_roles WHERE rolname = $1", spec.Username); err == nil && !exists {
		err = a.execute(ctx, "CREATE ROLE "+name+" LOGIN CREATEDB CREATEROLE IN ROLE rds_superuser")
	}
	if err == nil && spec.Password != "" {
		err = a.setPassword(ctx, spec.Username, spec.Password)
	}
	if err != nil || spec.Name == "" {
		return err
	}
	if exists, err = a.exists(ctx, "SELECT FROM pg_database WHERE datname = $1", spec.Name); err == nil && !exists {
		err = a.execute(ctx, "CREATE DATABASE "+pgx.Identifier{spec.Name}.Sanitize()+" OWNER "+name)
	}
	return err
}

func (a postgresAdmin) execute(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := a.conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (a postgresAdmin) exists(ctx context.Context, query string, argument string) (bool, error) {
	tag, err := a.conn.Exec(ctx, query, argument)
	return tag.RowsAffected() > 0, err
}

func (a postgresAdmin) setPassword(ctx context.Context, username, password string) error {
	return a.execute(ctx, "ALTER ROLE "+pgx.Identifier{username}.Sanitize()+" PASSWORD '"+strings.ReplaceAll(password, "'", "''")+"'")
}

func (a postgresAdmin) connections(ctx context.Context) (count int, err error) {
	err = a.conn.QueryRow(ctx, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND usename <> $1",
		superuser).Scan(&count)
	return count, err
}

func (a postgresAdmin) close() error {
	ctx, cancel := context.WithTimeout(context.Background(), killTime)
	defer cancel()
	return a.conn.Close(ctx)
}
