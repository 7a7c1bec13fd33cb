package healthcheck

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/internal/sockets"
)

// DefaultPoll is the time between two looks at the socket table.
const DefaultPoll = 500 * time.Millisecond

// Limits of the pause after an accept for which the machine lacked descriptors or memory. Meanwhile the kernel goes on
// completing connections up to the backlog, so that the balancer sees no difference.
const (
	minPause = 5 * time.Millisecond
	maxPause = time.Second
)

// batch is how many connections are dropped in a row before the responder looks at the socket table, and for its end, again.
const batch = 256

// Responder is the small server that a health check connects to on the instance. It is a loop in a single goroutine: an
// accepted connection costs no memory beyond the moment in which it is closed, whatever the peer does.
type Responder struct {
	Port        int           // of the health check, 1–65535
	ServicePort int           // of the service, 1–65535, not Port
	Address     netip.Addr    // where to listen; every address, IPv6 and IPv4, when zero
	Poll        time.Duration // between two looks at the socket table, at least 1 ms; 500 ms when zero
	Log         *slog.Logger  // changes of state; slog.Default() when nil
}

// Validate returns every problem of the fields, with the paths port, service-port and poll, which are the command's flags.
func (r *Responder) Validate() error {
	var problems invalid.List
	inRange(&problems, "port", r.Port, 1, 65535)
	inRange(&problems, "service-port", r.ServicePort, 1, 65535)
	if r.Port == r.ServicePort {
		problems.Add("service-port", r.ServicePort, "is the health check's port too")
	}
	if r.Poll != 0 && r.Poll < time.Millisecond {
		problems.Add("poll", r.Poll, "is below %v", time.Millisecond)
	}
	return problems.Err()
}

// Run reserves the port and answers on it until ctx is done. Then it refuses connections first, and returns nil. It returns
// an error at once if the port is taken, or if the kernel does not show its sockets.
func (r *Responder) Run(ctx context.Context) error {
	if err := r.Validate(); err != nil {
		return err
	}
	table, err := sockets.Open()
	if err != nil {
		return err
	}
	defer table.Close()
	reserved, err := reserve(r.Address, r.Port)
	if err != nil {
		return err
	}
	defer reserved.release()

	// poll(2) wakes when the writing end is closed.
	end, hangUp, err := os.Pipe()
	if err != nil {
		return err
	}
	defer end.Close()
	defer hangUp.Close()
	defer context.AfterFunc(ctx, func() { _ = hangUp.Close() })()

	w := &watch{
		table: table, reserved: reserved, servicePort: r.ServicePort, end: int32(end.Fd()), poll: r.Poll, log: r.Log,
	}
	if w.poll == 0 {
		w.poll = DefaultPoll
	}
	if w.log == nil {
		w.log = slog.Default()
	}
	w.log = w.log.With("address", netip.AddrPortFrom(reserved.addr, uint16(r.Port)).String(), "service", r.ServicePort)
	return w.run(ctx)
}

// watch is a responder at work.
type watch struct {
	table       *sockets.Table
	reserved    *reservedPort
	servicePort int
	end         int32 // readable when it is time to go
	poll        time.Duration
	log         *slog.Logger

	known  bool   // whether the socket table has been looked at
	reason string // why the port is shut; empty while it is open
	pause  time.Duration
	resume time.Time // of accepting, after a pause
}

func (w *watch) run(ctx context.Context) error {
	for look := time.Now(); ctx.Err() == nil; {
		if !time.Now().Before(look) {
			if err := w.look(); err != nil {
				return err
			}
			look = time.Now().Add(w.poll)
		}
		if err := w.wait(look); err != nil {
			return err
		}
		if err := w.drop(); err != nil {
			return err
		}
	}
	return w.enter("stopping")
}

// look opens or shuts the port according to the socket table.
func (w *watch) look() error {
	found, err := w.table.Listeners(w.servicePort)
	if err != nil {
		return err
	}
	return w.enter(unreachable(found, w.reserved.addr))
}

// unreachable returns the reason why none of the service's listeners gets the connections that arrive at own; empty if a
// listener does.
func unreachable(found []sockets.Listener, own netip.Addr) string {
	if len(found) == 0 {
		return "the service does not listen"
	}
	var elsewhere []string
	for _, l := range found {
		if takes(l, own) {
			return ""
		}
		elsewhere = append(elsewhere, l.Addr.String())
	}
	slices.Sort(elsewhere)
	return "the service listens only on " + strings.Join(slices.Compact(elsewhere), ", ") + ", where the balancer cannot reach it"
}

// enter changes to the state that has the reason to be shut, or no reason, and logs a change.
func (w *watch) enter(reason string) error {
	if w.known && reason == w.reason {
		return nil
	}
	w.known, w.reason = true, reason
	if reason != "" {
		err := w.reserved.shut()
		w.log.Info("health port closed", "reason", reason)
		return err
	}
	w.pause, w.resume = 0, time.Time{}
	if err := w.reserved.open(); err != nil {
		return err
	}
	w.log.Info("health port open")
	return nil
}

// wait returns when a connection can be accepted, at the end of a pause, at the deadline, or when the responder ends.
func (w *watch) wait(deadline time.Time) error {
	fds := []unix.PollFd{{Fd: w.end, Events: unix.POLLIN}}
	switch paused := time.Now().Before(w.resume); {
	case paused && w.resume.Before(deadline):
		deadline = w.resume
	case !paused && w.reserved.listening:
		fds = append(fds, unix.PollFd{Fd: int32(w.reserved.fd), Events: unix.POLLIN})
	}
	// Rounded up, for a wait of 0 ms would be none.
	timeout := max(0, time.Until(deadline)+time.Millisecond-1) / time.Millisecond
	if _, err := unix.Poll(fds, int(timeout)); err != nil && !errors.Is(err, unix.EINTR) {
		return fmt.Errorf("poll: %w", err)
	}
	return nil
}

// drop accepts and closes the waiting connections, a batch at most.
func (w *watch) drop() error {
	if !w.reserved.listening || time.Now().Before(w.resume) {
		return nil
	}
	for range batch {
		err := w.reserved.drop()
		if exhausted(err) {
			w.slacken(err)
			return nil
		}
		w.recovered()
		switch {
		case errors.Is(err, unix.EAGAIN):
			return nil
		case err != nil && !ofConnection(err):
			return fmt.Errorf("accept: %w", err)
		}
	}
	return nil
}

// slacken pauses accepting, twice as long each time in a row.
func (w *watch) slacken(err error) {
	if w.pause == 0 {
		w.log.Warn("accepting slowed down", "error", err)
	}
	w.pause = min(max(2*w.pause, minPause), maxPause)
	w.resume = time.Now().Add(w.pause)
}

func (w *watch) recovered() {
	if w.pause == 0 {
		return
	}
	w.pause, w.resume = 0, time.Time{}
	w.log.Info("accepting recovered")
}

// exhausted reports whether an accept failed for lack of a resource that may come back.
func exhausted(err error) bool {
	return errors.Is(err, unix.EMFILE) || errors.Is(err, unix.ENFILE) || errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.ENOMEM)
}

// ofConnection reports whether an accept failed because of the connection, which is then gone, and not because of the
// socket: accept(2) returns pending network errors.
func ofConnection(err error) bool {
	var number unix.Errno
	if !errors.As(err, &number) {
		return false
	}
	switch number {
	case unix.ECONNABORTED, unix.EINTR, unix.EPERM, unix.EPROTO, unix.ENOPROTOOPT, unix.EOPNOTSUPP, unix.ENETDOWN,
		unix.ENETUNREACH, unix.EHOSTDOWN, unix.EHOSTUNREACH, unix.ENONET, unix.ETIMEDOUT:
		return true
	default:
		return false
	}
}

// takes reports whether a connection from outside that arrives at own, or for the unspecified address at any of the
// machine's addresses, reaches the listener.
func takes(l sockets.Listener, own netip.Addr) bool {
	switch {
	case own.IsUnspecified():
		return !l.Addr.IsLoopback()
	case !l.Addr.IsUnspecified():
		return l.Addr == own
	case own.Is4():
		return !l.V6Only
	default:
		return l.Addr.Is6()
	}
}
