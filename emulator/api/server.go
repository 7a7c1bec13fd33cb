package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/elastic-service/elastic-service/emulator/dashboard"
)

// Backend is the emulator that a server answers for.
type Backend interface {
	Status() Status
	// AWS answers the requests that are signed as AWS wants them.
	AWS() http.Handler
	Attachment() Attachment
	Path(from, to string, port int) (Path, error)
	Faults() Faults
	StartFault(request FaultRequest) (Fault, error)
	StopFault(id string) error
	TerminateInstance(id string) error
	StopService(instance, service string) error
	StopTask(id string) error
	// DeleteOrphans deletes the resources of a stack that an engine created and that are not known, and returns them.
	DeleteOrphans(ctx context.Context, stack string, known []Resource) ([]Resource, error)
}

// Server serves the control API and the dashboard. It listens on loopback only, and refuses requests of web pages of
// another origin and of names that were made to resolve to this machine.
type Server struct {
	backend Backend
	address string // host and port
	http    *http.Server
	page    *dashboard.Dashboard
	stop    chan struct{} // gets a value when a client asks for the end
}

// Serve opens the control API of an emulator, and the dashboard that shows what source returns.
func Serve(address string, backend Backend, source dashboard.Source) (*Server, error) {
	if host, _, err := net.SplitHostPort(address); err != nil || !isLocal(host) {
		return nil, fmt.Errorf("control API: %s is not on loopback: anyone who reaches it can terminate instances", address)
	}
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program: choose another address with --address, "+
			"e.g. 127.0.0.1:0 for a free port", address)
	}
	if err != nil {
		return nil, fmt.Errorf("control API: %w", err)
	}
	s := &Server{backend: backend, address: listener.Addr().String(), page: dashboard.New(source), stop: make(chan struct{}, 1)}
	s.http = &http.Server{Handler: localOnly(signedTo(backend.AWS(), s.routes())), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = s.http.Serve(listener) }() // ends with Close
	return s, nil
}

// Address returns the host and port at which the server listens.
func (s *Server) Address() string { return s.address }

// Stopped returns a channel that gets a value when a client asks for the end.
func (s *Server) Stopped() <-chan struct{} { return s.stop }

// Close ends the server after the answers under way.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	s.page.Close() // first, because its streams do not end by themselves
	_ = s.http.Shutdown(ctx)
}

func reply(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // fails when the client is gone
}

// replyUnless answers with a value, or refuses the request because of an error.
func replyUnless(w http.ResponseWriter, err error, value any) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	reply(w, value)
}
