package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// maxAnswer is the most that a client reads, in bytes.
const maxAnswer = 4096

// ask puts one question and returns the answer's line. It takes connectionTime at most.
func ask(ctx context.Context, address string, year int) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, connectionTime)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Now()) })()
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
