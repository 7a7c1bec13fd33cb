package dataplane

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// TimeoutError is a probe's end after as much real time without an answer. It is a [context.DeadlineExceeded].
type TimeoutError time.Duration

func (e TimeoutError) Error() string { return "timed out after " + time.Duration(e).String() }

// Is makes it a context.DeadlineExceeded.
func (TimeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// Probe is a TCP health check: it connects and closes. The timeout is real time. The error is short enough for a
// target's health description: "connection refused", "timed out after 5s".
func Probe(ctx context.Context, addr netip.AddrPort, timeout time.Duration) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, TimeoutError(timeout))
	defer cancel()
	conn, err := (&net.Dialer{KeepAlive: -1}).DialContext(ctx, "tcp", addr.String())
	var errno unix.Errno
	var late net.Error
	switch {
	case err == nil:
		return conn.Close()
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &late) && late.Timeout(): // the dialer's deadline comes a moment before the context's
		return TimeoutError(timeout)
	case errors.As(err, &errno):
		return errno
	}
	return err
}
