package emulator

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/analyzer"
	"github.com/elastic-service/elastic-service/emulator/dashboard"
	"github.com/elastic-service/elastic-service/emulator/provider"
)

// ControlAddress is where a running emulator is asked and told things.
const ControlAddress = "127.0.0.1:4566"

// Control serves the control API and the dashboard. It listens on loopback only, and answers neither pages of another
// origin nor names that were made to point here.
type Control struct {
	address string // host and port
	server  *http.Server
	page    *dashboard.Dashboard
	stop    chan struct{} // closed when a client asks for the end
}

// Serve opens the control API of an emulator that runs a stack.
func (e *Emulator) Serve(address, stack string) (*Control, error) {
	if host, _, err := net.SplitHostPort(address); err != nil || !isLocal(host) {
		return nil, fmt.Errorf("control API: %s is not on loopback: whoever reaches it can end instances", address)
	}
	listener, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program: choose another address with --address, e.g. 127.0.0.1:0 for a free port", address)
	}
	if err != nil {
		return nil, fmt.Errorf("control API: %w", err)
	}
	c := &Control{address: listener.Addr().String(), stop: make(chan struct{}, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { reply(w, e.Status()) })
	mux.HandleFunc("GET /environment", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, Attachment{Stack: stack, Folder: e.options.Folder, Environment: e.Providers.Environment()})
	})
	mux.HandleFunc("GET /path", e.path)
	mux.HandleFunc("POST /instances/{id}/terminate", func(w http.ResponseWriter, r *http.Request) {
		acknowledge(w, e.Cloud.Change(func(m *cloud.Model) error { return m.EC2.TerminateInstance(r.PathValue("id")) }))
	})
	mux.HandleFunc("POST /instances/{id}/services/{name}/stop", func(w http.ResponseWriter, r *http.Request) {
		acknowledge(w, e.StopService(r.PathValue("id"), r.PathValue("name")))
	})
	mux.HandleFunc("POST /tasks/{id}/stop", func(w http.ResponseWriter, r *http.Request) {
		acknowledge(w, e.Cloud.Change(func(m *cloud.Model) error { return m.ECS.StopTask(r.PathValue("id"), "", m.Clock.Now()) }))
	})
	mux.HandleFunc("POST /orphans/delete", func(w http.ResponseWriter, r *http.Request) {
		known, err := readKnown(w, r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		gone, err := e.Providers.DeleteOrphans(r.Context(), known)
		if err != nil {
			acknowledge(w, err)
			return
		}
		reply(w, gone)
	})
	mux.HandleFunc("POST /stop", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, struct{}{})
		select {
		case c.stop <- struct{}{}:
		default:
		}
	})
	e.handleFaults(mux)
	c.page = dashboard.New(e.dashboardSource(stack))
	mux.Handle("GET /", c.page)
	c.server = &http.Server{Handler: localOnly(mux), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = c.server.Serve(listener) }() // ends with Close
	return c, nil
}

// mostKnown is how long a list of resources may be, in bytes: some ten thousand.
const mostKnown = 4 << 20

// readKnown reads what Pulumi knows. All else is deleted: nothing at all must be meant.
func readKnown(w http.ResponseWriter, r *http.Request) ([]provider.Resource, error) {
	var known []provider.Resource
	switch err := json.NewDecoder(http.MaxBytesReader(w, r.Body, mostKnown)).Decode(&known); {
	case err != nil:
		return nil, fmt.Errorf("what is known is a list of types and IDs: %w", err)
	case known == nil:
		return nil, errors.New("what is known is a list of types and IDs, [] if nothing is")
	}
	return known, nil
}

// Attachment is what another process needs to deploy to a running emulator.
type Attachment struct {
	Stack       string
	Folder      string
	Environment map[string]string
}

// Address returns the host and port at which it listens.
func (c *Control) Address() string { return c.address }

// Stopped is told when a client asks for the end.
func (c *Control) Stopped() <-chan struct{} { return c.stop }

// Close ends the API, after the answers under way.
func (c *Control) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c.page.Close() // or its streams go on
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
		if changes(r) && !isJSON(r) {
			http.Error(w, "a request that changes something has Content-Type: application/json", http.StatusUnsupportedMediaType)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func changes(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }

// isJSON is true of no request that a form, an image or a script of another page makes without asking first (Fetch
// Standard: CORS-safelisted request headers).
func isJSON(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
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

// ErrNotRunning says that no emulator runs at an address.
var ErrNotRunning = errors.New("no emulator is running")

// Client talks to a running emulator.
type Client struct {
	Address  string
	Patience time.Duration // for an answer; a minute when 0, because DeleteOrphans waits
}

// Status asks what is there.
func (c Client) Status(ctx context.Context) (Status, error) {
	var status Status
	return status, c.do(ctx, http.MethodGet, "/status", nil, &status)
}

// Attachment asks how to deploy to the emulator.
func (c Client) Attachment(ctx context.Context) (Attachment, error) {
	var attachment Attachment
	return attachment, c.do(ctx, http.MethodGet, "/environment", nil, &attachment)
}

// path answers whether a connection can be opened: from and to are ends as [cloud.Cloud.Trace] names them.
func (e *Emulator) path(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	port, err := strconv.Atoi(query.Get("port"))
	if err != nil {
		http.Error(w, fmt.Sprintf("port %q is not a number", query.Get("port")), http.StatusBadRequest)
		return
	}
	path, err := cloud.Find(e.Cloud, func(m *cloud.Model) (analyzer.Path, error) {
		return m.Analyzer.Trace(query.Get("from"), query.Get("to"), port)
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	reply(w, path)
}

// Path asks whether a connection can be opened, and what stops it.
func (c Client) Path(ctx context.Context, from, to string, port int) (analyzer.Path, error) {
	var path analyzer.Path
	query := url.Values{"from": {from}, "to": {to}, "port": {strconv.Itoa(port)}}
	return path, c.do(ctx, http.MethodGet, "/path?"+query.Encode(), nil, &path)
}

// Terminate ends an instance.
func (c Client) Terminate(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodPost, "/instances/"+url.PathEscape(id)+"/terminate", nil, &struct{}{})
}

// StopService stops a service of an instance.
func (c Client) StopService(ctx context.Context, id, service string) error {
	return c.do(ctx, http.MethodPost, "/instances/"+url.PathEscape(id)+"/services/"+url.PathEscape(service)+"/stop", nil, &struct{}{})
}

// StopTask stops a task: its service replaces it.
func (c Client) StopTask(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodPost, "/tasks/"+url.PathEscape(id)+"/stop", nil, &struct{}{})
}

// DeleteOrphans deletes the resources that an engine created and that are not known, see
// [provider.Servers.DeleteOrphans].
func (c Client) DeleteOrphans(ctx context.Context, known []provider.Resource) ([]provider.Resource, error) {
	var deleted []provider.Resource
	if known == nil {
		known = []provider.Resource{}
	}
	return deleted, c.do(ctx, http.MethodPost, "/orphans/delete", known, &deleted)
}

// Stop ends the emulator; what it runs stays in its folder.
func (c Client) Stop(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/stop", nil, &struct{}{})
}

// do sends body as JSON, unless it is nil, and reads the answer.
func (c Client) do(ctx context.Context, method, path string, body, into any) error {
	var sent io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+c.Address+path, sent)
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	patience := cmp.Or(c.Patience, time.Minute)
	response, err := (&http.Client{Timeout: patience}).Do(request)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w at %s: start one with `go run ./cmd/emulator up`, or choose another address with --address", ErrNotRunning, c.Address)
	case os.IsTimeout(err):
		return fmt.Errorf("%s takes connections, but has not answered for %v: another program may have the port: choose another address with --address", c.Address, patience)
	case err != nil:
		return err
	}
	defer response.Body.Close()
	refused := response.StatusCode != http.StatusOK
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); refused && kind != "text/plain" {
		return fmt.Errorf("%s answers, but is no emulator (%s): choose another address with --address", c.Address, response.Status)
	}
	if refused {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<16))
		return errors.New(strings.TrimSpace(string(text)))
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("%s answers, but is no emulator (%w): choose another address with --address", c.Address, err)
	}
	return nil
}
