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
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/elastic-service/elastic-service/emulator/dataplane"
)

// patience is how long a client waits for an answer, real time.
const patience = 5 * time.Second

// service is a listener as its clients see it: they send a line and read one, or ask for a page.
type service struct {
	address  string       // host and port
	question string       // the line or the page's path
	secure   *tls.Config  // of TLS and HTTPS; nil: nothing is encrypted
	client   *http.Client // nil for lines
}

// newService is asked pages where the question begins with /, otherwise lines. Where clients speak TLS, or may be sent on to
// HTTPS, they trust the authority whose certificate is in a file.
func newService(address, protocol, question, authority string) (*service, error) {
	s := &service{address: address, question: question}
	encrypted, web := protocol == "TLS" || protocol == "HTTPS", strings.HasPrefix(question, "/")
	if !encrypted && !web {
		return s, nil
	}
	certificate, err := os.ReadFile(authority)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(certificate)
	if encrypted {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		s.secure = &tls.Config{RootCAs: pool, ServerName: host, MinVersion: tls.VersionTLS12}
	}
	if web {
		s.client = webClient(pool)
	}
	return s, nil
}

func webClient(trusted *x509.CertPool) *http.Client {
	return &http.Client{Timeout: patience, Transport: &http.Transport{
		DialContext:         dial,
		TLSClientConfig:     &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 8,
	}}
}

// oneEach makes each question open a connection of its own, which those for lines do anyway.
func (s *service) oneEach(wanted bool) {
	if s.client == nil {
		return
	}
	if transport, ok := s.client.Transport.(*http.Transport); ok {
		transport.DisableKeepAlives = wanted
	}
}

// dial connects to an address of the cloud, whose port may be elsewhere on this machine.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	if at, err := netip.ParseAddrPort(address); err == nil {
		address = netip.AddrPortFrom(at.Addr(), dataplane.Port(at.Port())).String()
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// ask puts the service's question and returns the first line of its answer.
func (s *service) ask(ctx context.Context) (string, error) {
	if s.client != nil {
		return s.get(ctx, s.question)
	}
	return s.askLine(ctx)
}

// get asks for a page. An answer that is not 200 is an error.
func (s *service) get(ctx context.Context, path string) (string, error) {
	scheme := "http"
	if s.secure != nil {
		scheme = "https"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+s.address+path, http.NoBody) //nolint:gosec // asks what its user says
	if err != nil {
		return "", err
	}
	response, err := s.client.Do(request) //nolint:gosec // as above
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(body), "\n")
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s: %s", response.Status, strings.TrimSpace(line))
	}
	return strings.TrimSpace(line), nil
}

// askLine sends the line and returns the one that comes back.
func (s *service) askLine(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := dial(ctx, "tcp", s.address)
	if err != nil {
		return "", fmt.Errorf("%s: %w", s.address, err)
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline) // of a connection that was just made
	answer, err := exchange(s.encrypt(conn), s.question)
	if err != nil {
		return "", fmt.Errorf("%s: %w", s.address, err)
	}
	return answer, nil
}

// encrypt is what to speak through over a connection.
func (s *service) encrypt(conn net.Conn) net.Conn {
	if s.secure == nil {
		return conn
	}
	return tls.Client(conn, s.secure)
}

// exchange sends a line and reads the answer to it.
func exchange(conn net.Conn, line string) (string, error) {
	if _, err := fmt.Fprintln(conn, line); err != nil {
		return "", err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil && (answer == "" || !errors.Is(err, io.EOF)) {
		return "", fmt.Errorf("no answer: %w", err)
	}
	return strings.TrimSpace(answer), nil
}

// clients ask a service all the time.
type clients struct {
	end              context.CancelFunc
	done             sync.WaitGroup
	mu               sync.Mutex
	answered, failed int
	lastFailure      string
}

// startClients calls f every so often, each time in a goroutine of its own: a slow answer holds nobody up.
func startClients(ctx context.Context, every time.Duration, f func(context.Context) error) *clients {
	ctx, cancel := context.WithCancel(ctx)
	c := &clients{end: cancel}
	c.done.Go(func() {
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			c.done.Go(func() {
				if err := f(ctx); ctx.Err() == nil {
					c.count(err)
				}
			})
		}
	})
	return c
}

func (c *clients) count(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil {
		c.answered++
		return
	}
	c.failed++
	c.lastFailure = err.Error()
}

// failures counts the questions without an answer so far.
func (c *clients) failures() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed
}

// stop ends the clients and says how they fared.
func (c *clients) stop() string {
	c.end()
	c.done.Wait()
	report := fmt.Sprintf("clients meanwhile: %d answered, %d failed", c.answered, c.failed)
	if c.failed > 0 {
		report += " (" + c.lastFailure + ")"
	}
	return report
}
