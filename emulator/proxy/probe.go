package proxy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/internal/matcher"
)

// TimeoutError is the error of a probe without an answer within the timeout, which is its value. It is a [context.DeadlineExceeded].
type TimeoutError time.Duration

func (e TimeoutError) Error() string { return "timed out after " + time.Duration(e).String() }

// Is reports whether the target is context.DeadlineExceeded.
func (TimeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// Probe does a TCP health check: it connects and closes the connection. The timeout is real time. The error is short enough for a target's
// health description: "connection refused", "timed out after 5s".
func Probe(ctx context.Context, dial Dialer, addr netip.AddrPort, timeout time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, TimeoutError(timeout))
	defer cancel()
	conn, err := dial(ctx, addr)
	if err != nil {
		return probeFault(ctx, err, timeout)
	}
	return conn.Close()
}

// probeFault shortens the error of a probe to its cause.
func probeFault(ctx context.Context, err error, timeout time.Duration) error {
	var errno unix.Errno
	var late net.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &late) && late.Timeout(): // the dialer's deadline ends a moment before the context
		return TimeoutError(timeout)
	case errors.As(err, &errno):
		return errno
	case errors.Is(err, io.EOF):
		return errors.New("the connection was closed without an answer")
	}
	return err
}

// StatusError is the status of an answer to an HTTP health check that the matcher does not have.
type StatusError int

// Error returns ELB's text.
func (e StatusError) Error() string {
	return fmt.Sprintf("Health checks failed with these codes: [%d]", int(e))
}

// maxProbed limits what a probe reads of an answer. It reads the answer so that the server does not see a reset.
const maxProbed = 1 << 20

// ProbeHTTP does an HTTP health check: it requests a path, and expects a status that the matcher has. A matcher is "200", "200,204",
// "200-299" or the like; "" is 200. A redirect is not followed. The timeout is real time, and for the whole answer. The error is a
// [StatusError], or an error like [Probe]'s.
func ProbeHTTP(ctx context.Context, dial Dialer, addr netip.AddrPort, path, matcher string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, TimeoutError(timeout))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr.String()+path, nil)
	if err != nil {
		return fmt.Errorf("path %q: %w", path, err)
	}
	request.Header.Set("User-Agent", "ELB-HealthChecker/2.0")
	request.Close = true
	response, err := probeTransport(dial).RoundTrip(request)
	if err != nil {
		return probeFault(ctx, err, timeout)
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, maxProbed)); err != nil {
		return probeFault(ctx, err, timeout)
	}
	if !matches(matcher, response.StatusCode) {
		return StatusError(response.StatusCode)
	}
	return nil
}

// probeTransport returns a transport that opens a connection for each probe.
func probeTransport(dial Dialer) *http.Transport {
	return &http.Transport{
		DialContext: dial.dialText, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// matches reports whether a matcher has a status. Entries that are neither a status nor a range match nothing.
func matches(text string, code int) bool {
	codes, err := matcher.Parse(cmp.Or(text, "200"))
	return err == nil && codes.Has(code)
}
