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

// TimeoutError is a probe's end after as much real time without an answer. It is a [context.DeadlineExceeded].
type TimeoutError time.Duration

func (e TimeoutError) Error() string { return "timed out after " + time.Duration(e).String() }

// Is makes it a context.DeadlineExceeded.
func (TimeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// Probe is a TCP health check: it connects and closes. The timeout is real time. The error is short enough for a
// target's health description: "connection refused", "timed out after 5s".
func Probe(ctx context.Context, dial Dialer, addr netip.AddrPort, timeout time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, TimeoutError(timeout))
	defer cancel()
	conn, err := dial(ctx, addr)
	if err != nil {
		return probeFault(ctx, err, timeout)
	}
	return conn.Close()
}

// probeFault is what a probe says about an error.
func probeFault(ctx context.Context, err error, timeout time.Duration) error {
	var errno unix.Errno
	var late net.Error
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &late) && late.Timeout(): // the dialer's deadline comes a moment before the context's
		return TimeoutError(timeout)
	case errors.As(err, &errno):
		return errno
	case errors.Is(err, io.EOF):
		return errors.New("the connection was closed without an answer")
	}
	return err
}

// StatusError is an answer to an HTTP health check whose code is none of those that were asked for.
type StatusError int

// Error is in ELB's words.
func (e StatusError) Error() string {
	return fmt.Sprintf("Health checks failed with these codes: [%d]", int(e))
}

// maxProbed is what a probe reads of an answer: a page is read so that its server need not see a reset.
const maxProbed = 1 << 20

// ProbeHTTP is an HTTP health check: it asks for a path, and takes an answer whose code the matcher has: "200",
// "200,204", "200-299"; "" is 200. Redirects are answers, not followed. The timeout is real time and for the whole answer.
// The error is a [StatusError] or as [Probe]'s.
func ProbeHTTP(ctx context.Context, dial Dialer, addr netip.AddrPort, path, matcher string, timeout time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, TimeoutError(timeout))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr.String()+path, nil)
	if err != nil {
		return fmt.Errorf("path %q: %w", path, err)
	}
	request.Header.Set("User-Agent", "ELB-HealthChecker/2.0")
	request.Close = true
	response, err := probing(dial).RoundTrip(request)
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

// probing has a connection for each probe, as each is one.
func probing(dial Dialer) *http.Transport {
	return &http.Transport{
		DialContext: dial.text, DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: maxHeaderBytes,
	}
}

// matches reports whether a matcher has a code. A matcher that cannot be read has none.
func matches(text string, code int) bool {
	codes, err := matcher.Parse(cmp.Or(text, "200"))
	return err == nil && codes.Has(code)
}
