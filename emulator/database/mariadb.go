package database

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"

	"github.com/go-sql-driver/mysql"
	"golang.org/x/sys/unix"
)

var mariadb = engine{
	name: "MariaDB", programs: []string{"mariadbd", "mariadb-install-db"}, version: "--version",
	died:   unix.SIGKILL, // it is one process
	create: createMariaDB, command: commandOfMariaDB, open: openMariaDB,
}

func createMariaDB(ctx context.Context, s *Server) error {
	return s.setup(ctx, "mariadb-install-db", "--no-defaults", "--datadir="+s.path(partFolder), "--auth-root-authentication-method=normal",
		"--skip-test-db", "--skip-name-resolve", "--innodb-log-file-size=8M", "--innodb-flush-method=nosync", "--innodb-use-native-aio=0")
}

// beginFile has the statements with which the server begins.
const beginFile = "begin.sql"

// commandOfMariaDB writes the statements that make the superuser the only one, and returns the command line.
func commandOfMariaDB(s *Server) ([]string, error) {
	program, err := find("mariadbd")
	if err != nil {
		return nil, err
	}
	account := quote(superuser) + "@'%'"
	statements := []string{
		"DELETE FROM mysql.global_priv WHERE User IN ('root', '')",
		"FLUSH PRIVILEGES",
		"CREATE USER IF NOT EXISTS " + account,
		"ALTER USER " + account + " IDENTIFIED BY " + quote(s.secret),
		"GRANT ALL ON *.* TO " + account + " WITH GRANT OPTION",
	}
	if err := os.WriteFile(s.path(beginFile), []byte(strings.Join(statements, ";\n")+";\n"), 0o600); err != nil {
		return nil, err
	}
	secure := "OFF"
	if s.spec.ForceTLS {
		secure = "ON"
	}
	return []string{
		program, "--no-defaults", "--datadir=" + s.path(dataFolder), "--bind-address=" + s.spec.Address.Addr().String(),
		fmt.Sprintf("--port=%d", s.spec.Address.Port()), "--socket=../server.sock", // relative: the path of a socket is short
		"--pid-file=../server.pid", "--init-file=" + s.path(beginFile), "--skip-name-resolve",
		"--ssl-cert=" + s.path(certificate), "--ssl-key=" + s.path(key), "--tls-version=TLSv1.2,TLSv1.3",
		"--require-secure-transport=" + secure, "--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci",
		"--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=2", "--innodb-log-file-size=8M", "--innodb-buffer-pool-size=16M",
		"--innodb-use-native-aio=0", "--max-connections=100", "--performance-schema=OFF",
	}, nil
}

// quote returns a text as a literal.
func quote(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(text) + "'"
}

type mariadbAdmin struct{ db *sql.DB }

// openMariaDB connects to the server's address.
func openMariaDB(ctx context.Context, s *Server) (admin, error) {
	config := mysql.NewConfig()
	config.Net, config.Addr, config.User, config.Passwd = "tcp", s.spec.Address.String(), superuser, s.secret
	config.TLS = s.trust()
	config.Logger = &mysql.NopLogger{} // the server refuses connections until it has started
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	if err := db.PingContext(ctx); err != nil {
		_ = db.Close() // nothing was opened
		return nil, err
	}
	return mariadbAdmin{db}, os.Remove(s.path(beginFile)) // it has a password
}

// rights are those of the master user (RDS: "Master user account privileges"), as far as MariaDB has them.
const rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, RELOAD, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES, " +
	"CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, CREATE VIEW, SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER"

func (a mariadbAdmin) setUp(ctx context.Context, spec Spec) error {
	account := quote(spec.Username) + "@'%'"
	if spec.Password != "" {
		password := " IDENTIFIED BY " + quote(spec.Password)
		if err := a.execute(ctx, "CREATE USER IF NOT EXISTS "+account+password, "ALTER USER "+account+password); err != nil {
			return err
		}
	}
	if err := a.execute(ctx, "GRANT "+rights+" ON *.* TO "+account+" WITH GRANT OPTION"); err != nil {
		return err
	}
	if spec.Name == "" {
		return nil
	}
	return a.execute(ctx, "CREATE DATABASE IF NOT EXISTS `"+strings.ReplaceAll(spec.Name, "`", "``")+"`")
}

func (a mariadbAdmin) execute(ctx context.Context, statements ...string) error {
	for _, statement := range statements {
		if _, err := a.db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}

func (a mariadbAdmin) setPassword(ctx context.Context, username, password string) error {
	return a.execute(ctx, "ALTER USER "+quote(username)+"@'%' IDENTIFIED BY "+quote(password))
}

func (a mariadbAdmin) connections(ctx context.Context) (int, error) {
	var name string
	var count int
	err := a.db.QueryRowContext(ctx, "SHOW STATUS LIKE 'Threads_connected'").Scan(&name, &count)
	return max(0, count-1), err
}

func (a mariadbAdmin) close() error { return a.db.Close() }
