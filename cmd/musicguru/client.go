package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// maxAnswer is the most that a client reads, in bytes.
const maxAnswer = 4096

// ask asks a question and returns the line of the answer. It takes connectionTime at most. With secure it speaks TLS.
func ask(ctx context.Context, address string, year int, secure *tls.Config) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, connectionTime)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })()
	if secure != nil {
		over := tls.Client(conn, secure)
		if err := over.Handshake(); err != nil {
			return "", fmt.Errorf("TLS with %s: %w", address, err)
		}
		conn = over
	}
	if _, err := fmt.Fprintf(conn, "%d\n", year); err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(io.LimitReader(conn, maxAnswer)).ReadString('\n')
	switch {
	case errors.Is(err, io.EOF):
		return "", fmt.Errorf("%s gave no whole line for an answer", address)
	case err != nil:
		return "", fmt.Errorf("no answer from %s: %w", address, err)
	}
	return strings.TrimSuffix(answer, "\n"), nil
}

// trusting returns the configuration of a TLS client for a host whose certificate is issued by an authority of the system,
// or by an authority in a file.
func trusting(host, file string) (*tls.Config, error) {
	config := &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if file == "" {
		return config, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("%s has no certificate in PEM", file)
	}
	return config, nil
}
