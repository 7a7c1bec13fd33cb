package database_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/database"
	"github.com/elastic-service/elastic-service/internal/ca"
)

// need skips a test without the server of an engine; in CI it fails.
func need(t *testing.T, engine string) {
	t.Helper()
	if _, err := database.Installed(engine); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

const host = "shop.c9akciq32rgh.us-east-1.rds.amazonaws.com"

func specOf(t *testing.T, engine, address string) database.Spec {
	t.Helper()
	authority, err := ca.New("test")
	require.NoError(t, err)
	port := map[string]uint16{"postgres": 5432, "mariadb": 3306, "mysql": 3306}[engine]
	return database.Spec{
		Engine: engine, Folder: filepath.Join(t.TempDir(), "db"), Address: netip.AddrPortFrom(netip.MustParseAddr(address), port),
		Host: host, Authority: authority, ForceTLS: true, Username: "owner", Password: `pass'wo\rd`, Name: "shop",
	}
}

func started(t *testing.T, spec database.Spec) *database.Server {
	t.Helper()
	s, err := database.Start(t.Context(), spec)
	require.NoError(t, err)
	t.Cleanup(s.Kill)
	return s
}

// open returns a pool of connections of the master user. Without TLS the certificate is not asked for.
func open(t *testing.T, spec database.Spec, password string, secure bool) *sql.DB {
	t.Helper()
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(spec.Authority.PEM())
	var trust *tls.Config
	if secure {
		trust = &tls.Config{RootCAs: pool, ServerName: host, MinVersion: tls.VersionTLS12}
	}
	var db *sql.DB
	if spec.Engine == "postgres" {
		config, err := pgx.ParseConfig("sslmode=disable")
		require.NoError(t, err)
		config.Host, config.Port, config.TLSConfig = spec.Address.Addr().String(), spec.Address.Port(), trust
		config.User, config.Password, config.Database = spec.Username, password, spec.Name
		db = stdlib.OpenDB(*config)
	} else {
		config := mysql.NewConfig()
		config.Net, config.Addr, config.User, config.Passwd, config.DBName = "tcp", spec.Address.String(), spec.Username, password, spec.Name
		config.TLS = trust
		connector, err := mysql.NewConnector(config)
		require.NoError(t, err)
		db = sql.OpenDB(connector)
	}
	t.Cleanup(func() { _ = db.Close() }) // the server may have closed its connections
	return db
}

func rows(t *testing.T, db *sql.DB) int {
	t.Helper()
	var count int
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT count(*) FROM visits").Scan(&count))
	return count
}

func execute(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		_, err := db.ExecContext(t.Context(), statement)
		require.NoError(t, err, statement)
	}
}

func TestAServerKeepsWhatWasCommitted(t *testing.T) {
	for engine, address := range map[string]string{"postgres": "127.77.1.1", "mariadb": "127.77.1.2"} {
		t.Run(engine, func(t *testing.T) {
			need(t, engine)
			spec := specOf(t, engine, address)
			s := started(t, spec)
			db := open(t, spec, spec.Password, true)
			execute(t, db, "CREATE TABLE visits (id INTEGER PRIMARY KEY)", "INSERT INTO visits VALUES (1), (2)")
			count, err := s.Connections(t.Context())
			require.NoError(t, err)
			assert.Equal(t, 1, count)
			assert.Positive(t, s.CPUTime())
			assert.Greater(t, database.Size(spec.Folder), int64(1<<20))

			s.Kill()
			require.Error(t, db.PingContext(t.Context()), "its connections are cut")
			spec.Address = netip.AddrPortFrom(spec.Address.Addr().Next().Next(), spec.Address.Port()) // of its standby
			again := started(t, spec)
			db = open(t, spec, spec.Password, true)
			assert.Equal(t, 2, rows(t, db))

			snapshot := filepath.Join(t.TempDir(), "snapshot")
			require.NoError(t, again.Freeze(func() error { return database.Copy(spec.Folder, snapshot) }))
			execute(t, db, "INSERT INTO visits VALUES (3)")
			restored := spec
			restored.Folder, restored.Origin, restored.Password = filepath.Join(t.TempDir(), "restored"), snapshot, ""
			require.NoError(t, os.MkdirAll(filepath.Join(restored.Folder, "data.part", "base"), 0o700)) // of an interrupted start
			restored.Address = netip.AddrPortFrom(netip.MustParseAddr("127.77.2.1"), spec.Address.Port())
			started(t, restored)
			assert.Equal(t, 2, rows(t, open(t, restored, spec.Password, true)), "beside the original")
			assert.Equal(t, 3, rows(t, db))

			require.NoError(t, again.SetPassword(t.Context(), "another"))
			assert.Equal(t, 3, rows(t, db), "open connections stay")
			require.Error(t, open(t, spec, spec.Password, true).PingContext(t.Context()))
			require.NoError(t, open(t, spec, "another", true).PingContext(t.Context()))
		})
	}
}

func TestTLSIsRequired(t *testing.T) {
	for engine, wants := range map[string][2]string{
		"postgres": {"127.77.3.1", "no encryption"}, "mariadb": {"127.77.3.2", "Access denied"},
	} {
		t.Run(engine, func(t *testing.T) {
			need(t, engine)
			spec := specOf(t, engine, wants[0])
			s := started(t, spec)
			require.ErrorContains(t, open(t, spec, spec.Password, false).PingContext(t.Context()), wants[1])
			s.Kill()
			spec.ForceTLS = false
			started(t, spec)
			assert.NoError(t, open(t, spec, spec.Password, false).PingContext(t.Context()))
		})
	}
}

// The servers are root's children, but have none of root's rights.
func TestAServerHasNoCapability(t *testing.T) {
	need(t, "postgres")
	spec := specOf(t, "postgres", "127.77.4.1")
	s := started(t, spec)
	execute(t, open(t, spec, spec.Password, true), "SELECT 1")
	all, err := procfs.AllProcs()
	require.NoError(t, err)
	seen := 0
	for _, p := range all {
		words, _ := p.CmdLine()
		if !strings.Contains(strings.Join(words, " "), spec.Folder) {
			continue
		}
		seen++
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID))
		require.NoError(t, err)
		assert.Contains(t, string(status), "CapEff:\t0000000000000000")
	}
	assert.Positive(t, seen)
	s.Kill()
	conn, err := net.DialTimeout("tcp", spec.Address.String(), time.Second)
	if err == nil {
		conn.Close()
	}
	require.Error(t, err)
}

func TestWhatCannotStartSaysWhy(t *testing.T) {
	need(t, "postgres")
	spec := specOf(t, "postgres", "127.77.5.1")
	l, err := net.Listen("tcp", spec.Address.String())
	require.NoError(t, err)
	defer l.Close()
	_, err = database.Start(t.Context(), spec)
	require.ErrorContains(t, err, "Address already in use")

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = database.Start(ended, spec)
	require.ErrorIs(t, err, context.Canceled)

	_, err = database.Installed("oracle")
	require.EqualError(t, err, `engine "oracle" is not known`)
}
