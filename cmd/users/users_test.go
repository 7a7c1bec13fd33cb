package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/database"
	"github.com/elastic-service/elastic-service/internal/ca"
	"github.com/elastic-service/elastic-service/internal/rdsclient"
)

// service starts the service on a database of its own.
func service(t *testing.T, address string) (*server, *httptest.Server, *database.Server) {
	t.Helper()
	if _, err := database.Installed("postgres"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	authority, err := ca.New("test")
	require.NoError(t, err)
	db, err := database.Start(t.Context(), database.Spec{
		Engine: "postgres", Folder: filepath.Join(t.TempDir(), "db"), Address: netip.AddrPortFrom(netip.MustParseAddr(address), 5432),
		Host: address, Authority: authority, ForceTLS: true, Username: "users", Password: "secret", Name: "users",
	})
	require.NoError(t, err)
	t.Cleanup(db.Kill)
	trust := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(trust, authority.PEM(), 0o600))
	for name, value := range map[string]string{
		"ENGINE": "postgres", "ADDRESS": address, "PORT": "5432", "NAME": "users", "USERNAME": "users", "PASSWORD": "secret", "CA": trust,
	} {
		t.Setenv("DATABASE_"+name, value)
	}
	opened, err := rdsclient.Open()
	require.NoError(t, err)
	t.Cleanup(func() { _ = opened.Close() }) // the server may have closed its connections
	lost, cancel := context.WithCancelCause(t.Context())
	t.Cleanup(func() { cancel(nil) })
	s := &server{store: &store{db: opened}, log: slog.New(slog.NewTextHandler(t.Output(), nil)), lost: cancel, release: "1"}
	s.prepare(lost)
	web := httptest.NewServer(s.routes())
	t.Cleanup(web.Close)
	return s, web, db
}

type reply struct {
	Status  string          `json:"status"`
	Message string          `json:"message"`
	Token   string          `json:"auth_token"`
	Data    json.RawMessage `json:"data"`
}

func ask(t *testing.T, web *httptest.Server, method, path, body, token string) (int, reply) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, web.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	var r reply
	require.NoError(t, json.NewDecoder(response.Body).Decode(&r), path)
	return response.StatusCode, r
}

func TestWhatTheEndpointsAnswer(t *testing.T) {
	s, web, db := service(t, "127.79.1.1")
	const ada, bob = `{"username":"ada","email":"ada@example.com","password":"correct horse"}`,
		`{"username":"bob","email":"bob@example.com","password":"battery staple"}`
	code, r := ask(t, web, "POST", "/auth/register", ada, "")
	assert.Equal(t, http.StatusCreated, code)
	assert.JSONEq(t, `{"id":1,"username":"ada","email":"ada@example.com","admin":true}`, string(r.Data))
	admin := r.Token
	code, r = ask(t, web, "POST", "/auth/register", bob, "")
	assert.Equal(t, http.StatusCreated, code)
	assert.Contains(t, string(r.Data), `"admin":false`, "the first alone is the administrator")
	plain := r.Token

	key, err := s.store.key(t.Context())
	require.NoError(t, err)
	sign := func(method jwt.SigningMethod, key any, claims jwt.RegisteredClaims) string {
		text, err := jwt.NewWithClaims(method, claims).SignedString(key)
		require.NoError(t, err)
		return text
	}
	later, earlier := jwt.NewNumericDate(time.Now().Add(time.Hour)), jwt.NewNumericDate(time.Now().Add(-time.Hour))
	var session jwt.RegisteredClaims
	_, _, err = jwt.NewParser().ParseUnverified(admin, &session)
	require.NoError(t, err)

	for name, c := range map[string]struct {
		method, path, body, token string
		code                      int
		message                   string
	}{
		"a second registration": {"POST", "/auth/register", ada, "", http.StatusConflict, "that user already exists"},
		"no JSON":               {"POST", "/auth/register", "x", "", http.StatusBadRequest, "the body is not a JSON object with texts"},
		"no email": {"POST", "/auth/register",
			`{"username":"c","email":"c","password":"12345678"}`, "", 400, "email is not an address"},
		"a short password": {"POST", "/auth/register",
			`{"username":"c","email":"c@d.e","password":"short"}`, "", 400, "password must have 8 to 72 characters"},
		"a wrong password": {"POST", "/auth/login",
			`{"email":"ada@example.com","password":"wrong"}`, "", 401, "the email or the password is wrong"},
		"nobody": {"POST", "/auth/login",
			`{"email":"eve@example.com","password":"wrong"}`, "", 401, "the email or the password is wrong"},
		"the status of a user":       {"GET", "/auth/status", "", plain, http.StatusOK, ""},
		"the status without a token": {"GET", "/auth/status", "", "", http.StatusUnauthorized, "provide a valid token"},
		"a token that is none":       {"GET", "/auth/status", "", "nonsense", http.StatusUnauthorized, "provide a valid token"},
		"a token of another key": {"GET", "/auth/status", "", sign(jwt.SigningMethodHS256, []byte("other"),
			jwt.RegisteredClaims{ID: session.ID, ExpiresAt: later}), http.StatusUnauthorized, "provide a valid token"},
		"a token without a signature": {"GET", "/auth/status", "", sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType,
			jwt.RegisteredClaims{ID: session.ID, ExpiresAt: later}), http.StatusUnauthorized, "provide a valid token"},
		"a token that has expired": {"GET", "/auth/status", "", sign(jwt.SigningMethodHS256, key,
			jwt.RegisteredClaims{ID: session.ID, ExpiresAt: earlier}), http.StatusUnauthorized, "provide a valid token"},
		"all users":                  {"GET", "/users", "", "", http.StatusOK, ""},
		"one user":                   {"GET", "/users/1", "", "", http.StatusOK, ""},
		"a user that does not exist": {"GET", "/users/99", "", "", http.StatusNotFound, "there is no such user"},
		"a user that is no number":   {"GET", "/users/x", "", "", http.StatusNotFound, "there is no such user"},
		"a user added by nobody":     {"POST", "/users", bob, "", http.StatusUnauthorized, "provide a valid token"},
		"a user added by a user":     {"POST", "/users", bob, plain, http.StatusForbidden, "only administrators add users"},
		"a user added twice":         {"POST", "/users", bob, admin, http.StatusConflict, "that user already exists"},
		"ping":                       {"GET", "/ping", "", "", http.StatusOK, "pong!"},
	} {
		t.Run(name, func(t *testing.T) {
			code, r := ask(t, web, c.method, c.path, c.body, c.token)
			assert.Equal(t, c.code, code)
			assert.Equal(t, c.message, r.Message)
			assert.NotContains(t, string(r.Data), "hash")
		})
	}
	code, r = ask(t, web, "POST", "/users", `{"username":"eve","email":"eve@example.com","password":"correct horse"}`, admin)
	assert.Equal(t, http.StatusCreated, code)
	assert.Contains(t, string(r.Data), `"admin":false`)
	code, r = ask(t, web, "POST", "/auth/login", `{"email":"bob@example.com","password":"battery staple"}`, "")
	assert.Equal(t, http.StatusOK, code)
	code, _ = ask(t, web, "GET", "/auth/logout", "", r.Token)
	assert.Equal(t, http.StatusOK, code)
	code, _ = ask(t, web, "GET", "/auth/status", "", r.Token)
	assert.Equal(t, http.StatusUnauthorized, code, "the token has not expired, but is logged out")
	code, _ = ask(t, web, "GET", "/auth/status", "", plain)
	assert.Equal(t, http.StatusOK, code, "another session stays")

	var hash string
	require.NoError(t, s.store.db.QueryRowContext(t.Context(), "SELECT password_hash FROM users WHERE id = 1").Scan(&hash))
	assert.Regexp(t, `^\$2a\$10\$`, hash)

	db.Kill()
	code, r = ask(t, web, "GET", "/users", "", "")
	assert.Equal(t, http.StatusServiceUnavailable, code)
	assert.Equal(t, "the database does not answer", r.Message)
	code, _ = ask(t, web, "GET", "/ping", "", "")
	assert.Equal(t, http.StatusOK, code)
}
