package api

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// DefaultAddress is where an emulator serves the control API unless another address is chosen.
const DefaultAddress = "127.0.0.1:4566"

// ErrNotRunning says that no emulator runs at an address.
var ErrNotRunning = errors.New("no emulator is running")

// Client talks to a running emulator.
type Client struct {
	Address  string        // host and port
	Patience time.Duration // how long an answer may take, real time; a minute when 0, because DeleteOrphans waits
}

// Status returns what the emulator runs.
func (c Client) Status(ctx context.Context) (Status, error) {
	var status Status
	return status, c.do(ctx, http.MethodGet, "/status", nil, &status)
}

// Attachment returns how to deploy to the emulator.
func (c Client) Attachment(ctx context.Context) (Attachment, error) {
	var attachment Attachment
	return attachment, c.do(ctx, http.MethodGet, "/environment", nil, &attachment)
}

// Path returns whether a connection can be opened, and what stops it.
func (c Client) Path(ctx context.Context, from, to string, port int) (Path, error) {
	var path Path
	query := url.Values{"from": {from}, "to": {to}, "port": {strconv.Itoa(port)}}
	return path, c.do(ctx, http.MethodGet, "/path?"+query.Encode(), nil, &path)
}

// Faults returns the actions and the faults that last.
func (c Client) Faults(ctx context.Context) (Faults, error) {
	var faults Faults
	return faults, c.do(ctx, http.MethodGet, "/faults", nil, &faults)
}

// StartFault starts a fault.
func (c Client) StartFault(ctx context.Context, request FaultRequest) (Fault, error) {
	var fault Fault
	return fault, c.do(ctx, http.MethodPost, "/faults", request, &fault)
}

// StopFault ends a fault before its time.
func (c Client) StopFault(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/faults/"+url.PathEscape(id), nil, &struct{}{})
}

// TerminateInstance terminates an instance.
func (c Client) TerminateInstance(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodPost, "/instances/"+url.PathEscape(id)+"/terminate", nil, &struct{}{})
}

// StopService stops a service of an instance.
func (c Client) StopService(ctx context.Context, id, service string) error {
	return c.do(ctx, http.MethodPost, "/instances/"+url.PathEscape(id)+"/services/"+url.PathEscape(service)+"/stop", nil, &struct{}{})
}

// StopTask stops a task. Its service replaces it.
func (c Client) StopTask(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodPost, "/tasks/"+url.PathEscape(id)+"/stop", nil, &struct{}{})
}

// DeleteOrphans deletes the resources of a stack that an engine created and that are not known, and returns them.
func (c Client) DeleteOrphans(ctx context.Context, stack string, known []Resource) ([]Resource, error) {
	var deleted []Resource
	if known == nil {
		known = []Resource{}
	}
	return deleted, c.do(ctx, http.MethodPost, "/stacks/"+url.PathEscape(stack)+"/orphans/delete", known, &deleted)
}

// Stop ends the emulator. What it runs stays in its folder.
func (c Client) Stop(ctx context.Context) error {
	return c.do(ctx, http.MethodPost, "/stop", nil, &struct{}{})
}

// do sends body as JSON, unless it is nil, and reads the answer into a value.
func (c Client) do(ctx context.Context, method, path string, body, into any) error {
	request, err := c.request(ctx, method, path, body)
	if err != nil {
		return err
	}
	patience := cmp.Or(c.Patience, time.Minute)
	response, err := (&http.Client{Timeout: patience}).Do(request)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("%w at %s: start one with `go run ./cmd/emulator up`, or choose another address with --address",
			ErrNotRunning, c.Address)
	case os.IsTimeout(err):
		return fmt.Errorf("%s takes connections, but has not answered for %v: another program may have the port: "+
			"choose another address with --address", c.Address, patience)
	case err != nil:
		return err
	}
	defer response.Body.Close()
	return c.read(response, into)
}

func (c Client) request(ctx context.Context, method, path string, body any) (*http.Request, error) {
	var sent io.Reader = http.NoBody
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		sent = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://"+c.Address+path, sent)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	return request, nil
}

// read reads an answer into a value, or returns the reason of a refusal.
func (c Client) read(response *http.Response, into any) error {
	refused := response.StatusCode != http.StatusOK
	if kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); refused && kind != "text/plain" {
		return fmt.Errorf("%s answers, but is not an emulator (%s): choose another address with --address", c.Address, response.Status)
	}
	if refused {
		text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<16))
		return errors.New(strings.TrimSpace(string(text)))
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("%s answers, but is not an emulator (%w): choose another address with --address", c.Address, err)
	}
	return nil
}
