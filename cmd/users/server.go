package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/mail"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/elastic-service/elastic-service/internal/rdsclient"
)

type server struct {
	store   *store
	log     *slog.Logger
	lost    context.CancelCauseFunc // ends the server: its password is refused
	release string
}

// Limits of requests.
const (
	queryTime   = 3 * time.Second
	sessionTime = time.Hour
	maxBody     = 1 << 16
	burnTime    = 20 * time.Millisecond

	leastPassword, mostPassword = 8, 72 // characters, bytes: bcrypt takes no more
	mostName, mostEmail         = 128, 254
)

// prepare creates the tables as soon as the database answers.
func (s *server) prepare(ctx context.Context) {
	err := s.store.prepare(ctx, func(err error) { s.log.Warn("the database is not ready", "error", err) })
	switch {
	case err == nil:
		s.log.Info("the database is ready")
	case ctx.Err() == nil:
		s.lost(err)
	}
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"status": "success", "message": "pong!"})
	})
	mux.HandleFunc("GET /{$}", s.hello)
	mux.HandleFunc("GET /burn", func(w http.ResponseWriter, _ *http.Request) {
		for began := time.Now(); time.Since(began) < burnTime; {
		}
		fmt.Fprintln(w, "burnt")
	})
	for pattern, handle := range map[string]func(*http.Request) (int, any, error){
		"POST /auth/register": s.register,
		"POST /auth/login":    s.login,
		"GET /auth/logout":    s.logout,
		"GET /auth/status":    s.status,
		"GET /users":          s.users,
		"GET /users/{id}":     s.user,
		"POST /users":         s.add,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), queryTime)
			defer cancel()
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			code, data, err := handle(r.WithContext(ctx))
			if err != nil {
				s.fail(w, err)
				return
			}
			answer(w, code, data)
		})
	}
	return mux
}

func (s *server) hello(w http.ResponseWriter, _ *http.Request) {
	name := os.Getenv("HOSTNAME") // of the container
	if name == "" {
		name, _ = os.Hostname()
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	fmt.Fprintf(w, "Hello from %s (users, release %s)\n", name, s.release)
}

func answer(w http.ResponseWriter, code int, data any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(data) // the client may be gone
}

// refusal is an error that the client is told.
type refusal struct {
	code int
	text string
}

func (r refusal) Error() string { return r.text }

var errUnauthorized = refusal{http.StatusUnauthorized, "provide a valid token"}

// fail tells the client what is wrong with the request. What is wrong with the database is for the log.
func (s *server) fail(w http.ResponseWriter, err error) {
	refused, told := errors.AsType[refusal](err)
	switch {
	case told:
	case errors.Is(err, errTaken):
		refused = refusal{http.StatusConflict, err.Error()}
	case errors.Is(err, errUnknown):
		refused = refusal{http.StatusNotFound, err.Error()}
	case errors.Is(err, errWrong):
		refused = refusal{http.StatusUnauthorized, err.Error()}
	default:
		s.log.Warn("the database does not answer", "error", err)
		if rdsclient.Refused(err) {
			s.lost(err)
		}
		refused = refusal{http.StatusServiceUnavailable, "the database does not answer"}
	}
	answer(w, refused.code, map[string]any{"status": "fail", "message": refused.text})
}

// account is the body of requests that concern a user.
type account struct {
	Username string `json:"username"`
	Email    string `json:"email"`
	Password string `json:"password"`
}

func read(r *http.Request) (account, error) {
	var a account
	if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
		return a, refusal{http.StatusBadRequest, "the body is not a JSON object with texts"}
	}
	return a, nil
}

// check refuses an account that cannot be added.
func (a account) check() error {
	address, err := mail.ParseAddress(a.Email)
	switch {
	case a.Username == "" || len(a.Username) > mostName:
		return refusal{http.StatusBadRequest, fmt.Sprintf("username must have 1 to %d characters", mostName)}
	case err != nil || address.Address != a.Email || len(a.Email) > mostEmail:
		return refusal{http.StatusBadRequest, "email is not an address"}
	case len([]rune(a.Password)) < leastPassword || len(a.Password) > mostPassword:
		return refusal{http.StatusBadRequest, fmt.Sprintf("password must have %d to %d characters", leastPassword, mostPassword)}
	}
	return nil
}

func (s *server) register(r *http.Request) (int, any, error) {
	added, err := s.create(r, true)
	if err != nil {
		return 0, nil, err
	}
	token, err := s.token(r.Context(), added)
	return http.StatusCreated, map[string]any{"status": "success", "data": added, "auth_token": token}, err
}

func (s *server) create(r *http.Request, registers bool) (user, error) {
	a, err := read(r)
	if err == nil {
		err = a.check()
	}
	if err != nil {
		return user{}, err
	}
	return s.store.add(r.Context(), a.Username, a.Email, a.Password, registers)
}

func (s *server) login(r *http.Request) (int, any, error) {
	a, err := read(r)
	if err != nil {
		return 0, nil, err
	}
	found, err := s.store.check(r.Context(), a.Email, a.Password)
	if err != nil {
		return 0, nil, err
	}
	token, err := s.token(r.Context(), found)
	return http.StatusOK, map[string]any{"status": "success", "auth_token": token}, err
}

// token begins a session of a user and returns its token.
func (s *server) token(ctx context.Context, of user) (string, error) {
	key, err := s.store.key(ctx)
	if err != nil {
		return "", err
	}
	id, now := rand.Text(), time.Now()
	until := now.Add(sessionTime)
	if err := s.store.begin(ctx, id, of.ID, until); err != nil {
		return "", err
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.RegisteredClaims{
		ID: id, Subject: strconv.FormatInt(of.ID, 10), IssuedAt: jwt.NewNumericDate(now), ExpiresAt: jwt.NewNumericDate(until),
	}).SignedString(key)
}

// session returns the session of a request's token, and its user.
func (s *server) session(r *http.Request) (id string, of user, err error) {
	text, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !found {
		return "", user{}, errUnauthorized
	}
	key, err := s.store.key(r.Context())
	if err != nil {
		return "", user{}, err
	}
	var claims jwt.RegisteredClaims
	if _, err := jwt.ParseWithClaims(text, &claims, func(*jwt.Token) (any, error) { return key, nil },
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}), jwt.WithExpirationRequired()); err != nil {
		return "", user{}, errUnauthorized
	}
	of, err = s.store.userOf(r.Context(), claims.ID)
	if errors.Is(err, errUnknown) {
		err = errUnauthorized
	}
	return claims.ID, of, err
}

func (s *server) logout(r *http.Request) (int, any, error) {
	id, _, err := s.session(r)
	if err == nil {
		err = s.store.end(r.Context(), id)
	}
	return http.StatusOK, map[string]any{"status": "success", "message": "logged out"}, err
}

func (s *server) status(r *http.Request) (int, any, error) {
	_, of, err := s.session(r)
	return http.StatusOK, map[string]any{"status": "success", "data": of}, err
}

func (s *server) users(r *http.Request) (int, any, error) {
	all, err := s.store.all(r.Context())
	return http.StatusOK, map[string]any{"status": "success", "data": map[string]any{"users": all}}, err
}

func (s *server) user(r *http.Request) (int, any, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return 0, nil, errUnknown
	}
	found, err := s.store.one(r.Context(), id)
	return http.StatusOK, map[string]any{"status": "success", "data": found}, err
}

func (s *server) add(r *http.Request) (int, any, error) {
	_, by, err := s.session(r)
	if err == nil && !by.Admin {
		err = refusal{http.StatusForbidden, "only administrators add users"}
	}
	if err != nil {
		return 0, nil, err
	}
	added, err := s.create(r, false)
	return http.StatusCreated, map[string]any{"status": "success", "data": added}, err
}
