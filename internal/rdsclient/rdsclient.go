// Package rdsclient connects the example programs to the database of their stack. The stack tells a service of it by environment
// variables:
//
//	DATABASE_ENGINE    postgres, mysql or mariadb
//	DATABASE_ADDRESS   host name of the endpoint
//	DATABASE_PORT, DATABASE_NAME
//
// and the service's secrets add
//
//	DATABASE_USERNAME, DATABASE_PASSWORD
//
// Connections use TLS. The server's certificate must be for the host name and from one of the authorities of RDS, of the machine, or of
// the file that DATABASE_CA names.
package rdsclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	_ "embed" // for the authorities
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// roots are the certificates of RDS's authorities for the regions, those of https://truststore.pki.rds.amazonaws.com/global/
// global-bundle.pem that sign themselves. Those of regions that are newer than 2023 are missing.
//
//go:embed roots.pem
var roots []byte

// The timing of connections. A failover changes the address behind the host name: connections do not get old.
const (
	connectTime = 5 * time.Second
	maxAge      = 5 * time.Minute
	maxOpen     = 10
)

// DB is a database with its engine.
type DB struct {
	*sql.DB

	Postgres bool // it speaks PostgreSQL, and MySQL otherwise
}

// Configured reports whether the environment has a database.
func Configured() bool { return os.Getenv("DATABASE_ADDRESS") != "" }

// Open opens the database of the environment. It does not connect yet.
func Open() (*DB, error) {
	for _, name := range []string{"DATABASE_ENGINE", "DATABASE_NAME", "DATABASE_USERNAME", "DATABASE_PASSWORD"} {
		if os.Getenv(name) == "" {
			return nil, fmt.Errorf("%s is not set", name)
		}
	}
	port, err := strconv.ParseUint(os.Getenv("DATABASE_PORT"), 10, 16)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_PORT: %w", err)
	}
	trust, err := trusted(os.Getenv("DATABASE_CA"))
	if err != nil {
		return nil, err
	}
	db := &DB{Postgres: os.Getenv("DATABASE_ENGINE") == "postgres"}
	if db.Postgres {
		db.DB, err = openPostgres(uint16(port), trust)
	} else {
		db.DB, err = openMySQL(uint16(port), trust)
	}
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(maxOpen)
	db.SetMaxIdleConns(maxOpen)
	db.SetConnMaxLifetime(maxAge)
	return db, nil
}

// trusted returns how a server's certificate is verified.
func trusted(file string) (*tls.Config, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	pool.AppendCertsFromPEM(roots)
	if file != "" {
		more, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("DATABASE_CA: %w", err)
		}
		if !pool.AppendCertsFromPEM(more) {
			return nil, fmt.Errorf("DATABASE_CA: %s has no certificate", file)
		}
	}
	return &tls.Config{RootCAs: pool, ServerName: os.Getenv("DATABASE_ADDRESS"), MinVersion: tls.VersionTLS12}, nil
}

func openPostgres(port uint16, trust *tls.Config) (*sql.DB, error) {
	config, err := pgx.ParseConfig("sslmode=verify-full")
	if err != nil {
		return nil, err
	}
	config.Host, config.Port, config.Database = os.Getenv("DATABASE_ADDRESS"), port, os.Getenv("DATABASE_NAME")
	config.User, config.Password = os.Getenv("DATABASE_USERNAME"), os.Getenv("DATABASE_PASSWORD")
	config.TLSConfig, config.Fallbacks, config.ConnectTimeout = trust, nil, connectTime
	return stdlib.OpenDB(*config), nil
}

func openMySQL(port uint16, trust *tls.Config) (*sql.DB, error) {
	config := mysql.NewConfig()
	config.Net, config.Addr = "tcp", net.JoinHostPort(os.Getenv("DATABASE_ADDRESS"), strconv.Itoa(int(port)))
	config.DBName, config.User, config.Passwd = os.Getenv("DATABASE_NAME"), os.Getenv("DATABASE_USERNAME"), os.Getenv("DATABASE_PASSWORD")
	config.TLS, config.Timeout, config.ParseTime, config.Logger = trust, connectTime, true, &mysql.NopLogger{}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// The codes with which servers refuse a password.
const (
	invalidPassword = "28P01" // PostgreSQL: "Appendix A. PostgreSQL Error Codes"
	accessDenied    = 1045    // MySQL: "Server Error Message Reference"
)

// Refused reports whether an error says that the password is wrong. RDS has rotated it then: a new start of the service fetches it.
func Refused(err error) bool {
	var fromPostgres *pgconn.PgError
	var fromMySQL *mysql.MySQLError
	return errors.As(err, &fromPostgres) && fromPostgres.Code == invalidPassword ||
		errors.As(err, &fromMySQL) && fromMySQL.Number == accessDenied
}

// The time between attempts to prepare a database.
const retryTime = time.Second

// Migrate runs statements that create tables, and tries again until they succeed, ctx ends or the password is refused. The statements do
// nothing where the tables exist.
func (db *DB) Migrate(ctx context.Context, failed func(error), statements ...string) error {
	for {
		err := db.execute(ctx, statements)
		if err == nil || Refused(err) || ctx.Err() != nil {
			return err
		}
		failed(err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(retryTime):
		}
	}
}

func (db *DB) execute(ctx context.Context, statements []string) error {
	for _, statement := range statements {
		ctx, cancel := context.WithTimeout(ctx, connectTime)
		_, err := db.ExecContext(ctx, statement)
		cancel()
		if err != nil {
			return err
		}
	}
	return nil
}
