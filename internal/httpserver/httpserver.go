// Package httpserver runs the HTTP servers of this project's demo programs behind a balancer: idle connections outlast the balancer's, and
// requests under way are answered before the end.
package httpserver

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"time"
)

const (
	headerTime = 10 * time.Second
	idleTime   = 75 * time.Second // longer than the 60 s of a balancer, which else meets connections just closed
)

// Patience is how long requests under way have when a server is told to end: less than the 30 s that ECS gives.
const Patience = 25 * time.Second

// Serve lets a server answer requests until ctx is done. It finishes the requests under way then, for as long as patience lasts. It sets
// the server's time-outs and its log of errors.
func Serve(ctx context.Context, l net.Listener, web *http.Server, log *slog.Logger, patience time.Duration) error {
	web.ReadHeaderTimeout, web.IdleTimeout = headerTime, idleTime
	web.ErrorLog = slog.NewLogLogger(log.Handler(), slog.LevelWarn)
	log.Info("listening", "address", l.Addr().String())
	ended := make(chan error, 1)
	go func() { ended <- web.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	finish, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	if err := web.Shutdown(finish); err != nil {
		_ = web.Close() // what is still under way is given up
		log.Warn("stopped before all requests were answered", "waited", patience)
		return nil
	}
	log.Info("stopped")
	return nil
}
