package main

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/elastic-service/elastic-service/internal/httpserver"
)

// Limits of a request.
const (
	maxBurn     = time.Minute // processor time of one request
	maxHeader   = 64 << 10    // bytes
	defaultName = "dev"       // of the release
)

type server struct {
	release string
	fails   bool    // every page but /ping
	visits  *visits // nil without a database
	log     *slog.Logger
	limit   time.Duration // httpserver.Patience when zero
}

// serve lets handler answer requests until ctx is done. It finishes the requests under way then.
func (s *server) serve(ctx context.Context, l net.Listener, handler http.Handler) error {
	limit := s.limit
	if limit == 0 {
		limit = httpserver.Patience
	}
	web := &http.Server{Handler: s.logged(handler), MaxHeaderBytes: maxHeader} //nolint:gosec // Serve sets the time-outs
	return httpserver.Serve(ctx, l, web, s.log, limit)
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	if s.fails {
		mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "FAIL is set", http.StatusInternalServerError)
		})
	} else {
		mux.HandleFunc("GET /{$}", s.hello)
		mux.HandleFunc("GET /burn", s.burn)
		if s.visits != nil {
			mux.HandleFunc("GET /visits/{number}", s.visits.one)
		}
	}
	mux.HandleFunc("GET /ping", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "pong") })
	return mux
}

func (s *server) hello(w http.ResponseWriter, r *http.Request) {
	release := s.release
	if release == "" {
		release = defaultName
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	greeting := fmt.Sprintf("Hello from %s (web, release %s)", own(r), release)
	if s.visits != nil {
		s.visits.page(w, r, greeting, release)
		return
	}
	fmt.Fprintln(w, greeting) //nolint:gosec // no page, and nothing of the client's
}

// own returns the address at which the request arrived. It returns an IPv4 address in IPv6 form as IPv4.
func own(r *http.Request) string {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil {
		return "nowhere"
	}
	address, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return local.String()
	}
	return address.Addr().Unmap().String()
}

func (s *server) burn(w http.ResponseWriter, r *http.Request) {
	ms, err := strconv.ParseUint(r.URL.Query().Get("ms"), 10, 32)
	if err != nil || time.Duration(ms)*time.Millisecond > maxBurn {
		http.Error(w, fmt.Sprintf("ms: %q is not a number of milliseconds, 0–%d", r.URL.Query().Get("ms"), maxBurn.Milliseconds()),
			http.StatusBadRequest)
		return
	}
	used := burn(r.Context(), time.Duration(ms)*time.Millisecond)
	fmt.Fprintf(w, "burnt %d ms\n", used.Milliseconds())
}

// burn uses processor time, on one core, until ctx ends. It measures the thread's own time, which passes at the same rate on
// a busy machine.
func burn(ctx context.Context, d time.Duration) time.Duration {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := threadTime()
	x := 1.0
	for ctx.Err() == nil && threadTime()-began < d {
		for range 10_000 {
			x = math.Sqrt(x + 1)
		}
	}
	return threadTime() - began
}

const thisThread = 1 // RUSAGE_THREAD of getrusage(2)

func threadTime() time.Duration {
	var usage syscall.Rusage
	_ = syscall.Getrusage(thisThread, &usage) // it fails for unknown kinds and bad addresses alone
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// logged writes a line for each request that has been answered.
func (s *server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		recorder := &recorder{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(recorder, r)
		s.log.Info("request", "method", r.Method, "path", r.URL.RequestURI(), "status", recorder.status, "bytes", recorder.bytes,
			"time", time.Since(began).Round(time.Microsecond), "peer", r.RemoteAddr, "client", r.Header.Get("X-Forwarded-For"))
	})
}

// recorder remembers what was answered.
type recorder struct {
	http.ResponseWriter
	status, bytes int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	n, err := r.ResponseWriter.Write(p)
	r.bytes += n
	return n, err
}

// Unwrap returns the writer for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
