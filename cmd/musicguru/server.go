package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"
)

// Limits of a connection.
const (
	maxQuestion    = 64              // bytes of a question, its newline included
	maxSkipped     = 64 << 10        // bytes read of a question that is too long, so that the answer reaches its sender
	connectionTime = 5 * time.Second // from accept to close
	acceptPause    = 100 * time.Millisecond
)

type server struct {
	songs *songs
	log   *slog.Logger
	limit time.Duration // connectionTime when zero
	fails bool          // it resets every connection
}

// serve answers the connections in turn until ctx is done. It finishes the connection that it is serving then.
func (s *server) serve(ctx context.Context, l net.Listener) error {
	defer context.AfterFunc(ctx, func() { _ = l.Close() })()
	defer l.Close()
	s.log.Info("listening", "address", l.Addr().String())
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			s.handle(conn)
		case ctx.Err() != nil:
			s.log.Info("stopped")
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		default:
			s.log.Warn("accept failed", "error", err)
			time.Sleep(acceptPause)
		}
	}
}

func (s *server) handle(conn net.Conn) {
	defer conn.Close()
	if tcp, ok := conn.(*net.TCPConn); ok && s.fails {
		_ = tcp.SetLinger(0) // closing sends a reset
		return
	}
	limit := s.limit
	if limit == 0 {
		limit = connectionTime
	}
	// The deadline covers the whole question: a client that trickles takes no longer than a silent client.
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		s.log.Warn("connection failed", "peer", conn.RemoteAddr().String(), "error", err)
		return
	}
	question, err := readQuestion(conn)
	if errors.Is(err, io.EOF) {
		return
	}
	answer := s.answer(question, conn.LocalAddr())
	if err != nil {
		answer = complaint(err, limit)
	}
	if err := reply(conn, answer); err != nil {
		s.log.Warn("answer failed", "peer", conn.RemoteAddr().String(), "error", err)
	}
}

func (s *server) answer(question string, local net.Addr) string {
	year, err := strconv.Atoi(question)
	if err != nil {
		return fmt.Sprintf("%q is not a year: a number is asked for, or 0 for a random year", question)
	}
	song, why := s.songs.pick(year)
	if why != "" {
		why += ", a random year instead: "
	}
	return fmt.Sprintf("%sIn %d the number %d. song was %s - %s (%s)",
		why, song.year, song.number, song.title, song.artist, host(local))
}

// reply writes the line of the answer. The deadline for reading may be over, so that writing gets a new one.
func reply(conn net.Conn, answer string) error {
	if err := conn.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	_, err := io.WriteString(conn, answer+"\n")
	return err
}

var errTooLong = fmt.Errorf("the question is longer than %d bytes", maxQuestion)

func complaint(err error, limit time.Duration) string {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Sprintf("no year within %v", limit)
	}
	return err.Error()
}

// readQuestion reads a line, or what comes before the end of the stream; io.EOF means that nothing came.
func readQuestion(r io.Reader) (string, error) {
	b := bufio.NewReaderSize(r, maxQuestion)
	line, err := b.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		skipLine(b)
		return "", errTooLong
	case errors.Is(err, io.EOF) && len(line) > 0:
	case err != nil:
		return "", err
	}
	return strings.TrimSpace(string(line)), nil
}

// skipLine reads on to the end of a line: closing a connection with unread bytes resets it, and the answer is lost.
func skipLine(b *bufio.Reader) {
	for skipped := maxQuestion; skipped < maxSkipped; {
		part, err := b.ReadSlice('\n')
		if !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
		skipped += len(part)
	}
}

// host returns the IP address of addr. It returns an IPv4 address in IPv6 form as IPv4.
func host(addr net.Addr) string {
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return addr.String()
	}
	return ap.Addr().Unmap().String()
}
