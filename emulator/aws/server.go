package aws

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/logstore"
)

// Server serves the API on a loopback port of its own.
type Server struct {
	*API
	address string // host and port
	http    *http.Server
}

// Serve starts a server for a cloud, see [New].
func Serve(c *cloud.Cloud, objects string, logs *logstore.Store) (*Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("AWS's API: %w", err)
	}
	s := &Server{API: New(c, objects, logs), address: listener.Addr().String()}
	s.http = &http.Server{Handler: s.API, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = s.http.Serve(listener) }() // ends with Close
	return s, nil
}

// Environment returns the environment of the server's clients, see [Environment].
func (s *Server) Environment() map[string]string {
	return Environment(s.address, string(s.cloud.Region()))
}

// Close ends the server after the answers under way.
func (s *Server) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = s.http.Shutdown(ctx)
}
