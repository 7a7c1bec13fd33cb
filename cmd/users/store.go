package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/crypto/bcrypt"

	"github.com/elastic-service/elastic-service/internal/rdsclient"
)

// tables creates what is missing.
var tables = []string{
	`CREATE TABLE IF NOT EXISTS users (
		id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, username VARCHAR(128) NOT NULL UNIQUE, email VARCHAR(254) NOT NULL UNIQUE,
		password_hash VARCHAR(60) NOT NULL, admin BOOLEAN NOT NULL, created_at TIMESTAMPTZ NOT NULL DEFAULT now())`,
	`CREATE TABLE IF NOT EXISTS sessions (
		id VARCHAR(32) PRIMARY KEY, user_id BIGINT NOT NULL REFERENCES users ON DELETE CASCADE, expires_at TIMESTAMPTZ NOT NULL)`,
	`CREATE TABLE IF NOT EXISTS signing_keys (id INTEGER PRIMARY KEY CHECK (id = 1), key BYTEA NOT NULL)`,
}

// keySize is the size of the key of HMAC with SHA-256 (RFC 7518, 3.2).
const keySize = 32

// user is a user as clients see one.
type user struct {
	ID       int64  `json:"id"`
	Username string `json:"username"`
	Email    string `json:"email"`
	Admin    bool   `json:"admin"`
}

// The reasons for which the store refuses something.
var (
	errTaken   = errors.New("that user already exists")
	errUnknown = errors.New("there is no such user")
	errWrong   = errors.New("the email or the password is wrong")
)

// store is the tables in the database.
type store struct{ db *rdsclient.DB }

// prepare creates the tables and the key.
func (s *store) prepare(ctx context.Context, failed func(error)) error {
	if err := s.db.Migrate(ctx, failed, tables...); err != nil {
		return err
	}
	key := make([]byte, keySize)
	_, _ = rand.Read(key) // never fails
	_, err := s.db.ExecContext(ctx, "INSERT INTO signing_keys VALUES (1, $1) ON CONFLICT DO NOTHING", key)
	return err
}

// key returns the key that signs tokens.
func (s *store) key(ctx context.Context) (key []byte, err error) {
	err = s.db.QueryRowContext(ctx, "SELECT key FROM signing_keys").Scan(&key)
	return key, err
}

// add adds a user. Who registers is the administrator if there is no other user: the table is locked while that is decided.
func (s *store) add(ctx context.Context, username, email, password string, registers bool) (user, error) {
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.DefaultCost)
	if err != nil {
		return user{}, err
	}
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return user{}, err
	}
	defer tx.Rollback() //nolint:errcheck // it fails after the commit, when there is nothing to roll back
	if _, err := tx.ExecContext(ctx, "LOCK TABLE users IN SHARE ROW EXCLUSIVE MODE"); err != nil {
		return user{}, err
	}
	added := user{Username: username, Email: email}
	err = tx.QueryRowContext(ctx, `INSERT INTO users (username, email, password_hash, admin)
		VALUES ($1, $2, $3, $4 AND NOT EXISTS (SELECT FROM users)) RETURNING id, admin`, username, email, string(hash), registers).
		Scan(&added.ID, &added.Admin)
	var refused *pgconn.PgError
	const uniqueViolation = "23505" // PostgreSQL: "Appendix A. PostgreSQL Error Codes"
	if errors.As(err, &refused) && refused.Code == uniqueViolation {
		return user{}, errTaken
	}
	if err != nil {
		return user{}, err
	}
	return added, tx.Commit()
}

// nobody is compared where there is no user, so that an answer takes as long as where there is one.
var nobody, _ = bcrypt.GenerateFromPassword([]byte(rand.Text()), bcrypt.DefaultCost)

// check returns the user with an email and a password.
func (s *store) check(ctx context.Context, email, password string) (user, error) {
	var found user
	hash := string(nobody)
	err := s.db.QueryRowContext(ctx, "SELECT id, username, email, admin, password_hash FROM users WHERE email = $1", email).
		Scan(&found.ID, &found.Username, &found.Email, &found.Admin, &hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return user{}, err
	}
	if bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) != nil || err != nil {
		return user{}, errWrong
	}
	return found, nil
}

func (s *store) one(ctx context.Context, id int64) (user, error) {
	found := user{ID: id}
	err := s.db.QueryRowContext(ctx, "SELECT username, email, admin FROM users WHERE id = $1", id).
		Scan(&found.Username, &found.Email, &found.Admin)
	if errors.Is(err, sql.ErrNoRows) {
		err = errUnknown
	}
	return found, err
}

// most is the highest number of users in an answer.
const most = 1000

func (s *store) all(ctx context.Context) ([]user, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT id, username, email, admin FROM users ORDER BY id LIMIT $1", most)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err has what it would return
	users := []user{}
	for rows.Next() {
		var u user
		if err := rows.Scan(&u.ID, &u.Username, &u.Email, &u.Admin); err != nil {
			return nil, err
		}
		users = append(users, u)
	}
	return users, rows.Err()
}

// begin begins a session, and forgets those that have expired.
func (s *store) begin(ctx context.Context, id string, of int64, until time.Time) error {
	if _, err := s.db.ExecContext(ctx, "DELETE FROM sessions WHERE expires_at < now()"); err != nil {
		return err
	}
	_, err := s.db.ExecContext(ctx, "INSERT INTO sessions VALUES ($1, $2, $3)", id, of, until)
	return err
}

// userOf returns the user of a session that has not ended.
func (s *store) userOf(ctx context.Context, id string) (user, error) {
	var found user
	err := s.db.QueryRowContext(ctx, `SELECT users.id, username, email, admin FROM sessions JOIN users ON users.id = user_id
		WHERE sessions.id = $1 AND expires_at > now()`, id).Scan(&found.ID, &found.Username, &found.Email, &found.Admin)
	if errors.Is(err, sql.ErrNoRows) {
		err = errUnknown
	}
	return found, err
}

func (s *store) end(ctx context.Context, id string) error {
	_, err := s.db.ExecContext(ctx, "DELETE FROM sessions WHERE id = $1", id)
	return err
}
