package emulator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// ControlAddress is where a running emulator is asked and told things.
const ControlAddress = "127.0.0.1:4566"

// Control serves the control API. It listens on loopback only, and answers neither pages of another origin nor names
// that were made to point here.
type Control struct {
	server *http.Server
	stop   chan struct{} // closed when a client asks for the end
}

// Serve opens the control API of an emulator that runs a stack.
func (e *Emulator) Serve(address, stack string) (*Control, error) {
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use: another emulator runs (see its status), or another program has the port", address)
	}
	if err != nil {
		return nil, fmt.Errorf("control API: %w", err)
	}
	c := &Control{stop: make(chan struct{}, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { reply(w, e.Status()) })
	mux.HandleFunc("GET /environment", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, Attachment{Stack: stack, Folder: e.options.Folder, Environment: e.Providers.Environment()})
	})
	mux.HandleFunc("POST /instances/{id}/terminate", func(w http.ResponseWriter, r *http.Request) {
		acknowledge(w, e.Cloud.TerminateInstance(r.PathValue("id")))
	})
	mux.HandleFunc("POST /instances/{id}/services/{name}/stop", func(w http.ResponseWriter, r *http.Request) {
		acknowledge(w, e.StopService(r.PathValue("id"), r.PathValue("name")))
	})
	mux.HandleFunc("POST /tasks/{id}/stop", func(w http.ResponseWriter, r *http.Request) {
		acknowledge(w, e.Cloud.StopTask(r.PathValue("id"), ""))
	})
	mux.HandleFunc("POST /stop", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, struct{}{})
		select {
		case c.stop <- struct{}{}:
		default:
		}
	})
	c.server = &http.Server{Handler: localOnly(mux), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = c.server.Serve(listener) }() // ends with Close
	return c, nil
}

// Attachment is what another process needs to deploy to a running emulator.
type Attachment struct {
	Stack       string
	Folder      string
	Environment map[string]string
}

// Stopped is told when a client asks for the end.
func (c *Control) Stopped() <-chan struct{} { return c.stop }

// Close ends the API, after the answers under way.
func (c *Control) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = c.server.Shutdown(ctx)
}

// localOnly refuses requests that a web page of somebody else makes, directly or by a name that it lets point here.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isLocal(r.Host) {
			http.Error(w, "Host "+r.Host+" is not this machine", http.StatusForbidden)
			return
		}
		if origin := r.Header.Get("Origin"); origin != "" {
			from, err := url.Parse(origin)
			if err != nil || from.Host != r.Host {
				http.Error(w, "Origin "+origin+" is not this emulator", http.StatusForbidden)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func isLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func reply(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // the client is gone
}

// acknowledge answers a request that only asks for something to be done.
func acknowledge(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	reply(w, struct{}{})
}

// ErrNotRunning says that no emulator runs here.
var ErrNotRunning = errors.New("no emulator is running: start one with `go run ./cmd/emulator up`")

// Client talks to a running emulator.
type Client struct{ Address string }

// Status asks what is there.
func (c Client) Status(ctx context.Context) (Status, error) {
	var status Status
	return status, c.do(ctx, http.MethodGet, "/status", &status)
}

// Attachment asks how to deploy to the emulator.
func (c Client) Attachment(ctx context.Context) (Attachment, error) {
	var attachment Attachment
	return attachment, c.do(ctx, http.MethodGet, "/environment", &attachment)
}

// Terminate ends an instance.
func (c Client) Terminate(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodPost, "/instances/"+url.PathEscape(id)+"/terminate", &struct{}{})
}

// StopService stops a service of an instance.
func (c Client) StopService(ctx context.Context, id, service string) error {
	return c.do(ctx, http.MethodPost, "/instances/"+url.PathEscape(id)+"/services/"+url.PathEscape(service)+"/stop", &struct{}{})
}

// StopTask stops a task: its service replaces it.
func (c Client) StopTask(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodPost, "/tasks/"+url.PathEscape(id)+"/stop", &struct{}{})
}

// Stop ends the emulator; what it runs stays in its folder.
func (c Client) Stop(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/stop", &struct{}{})
}

func (c Client) do(ctx context.Context, method, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+c.Address+path, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return ErrNotRunning
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<16))
		return errors.New(strings.TrimSpace(string(text)))
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("%s answers, but is no emulator: %w", c.Address, err)
	}
	return nil
}
