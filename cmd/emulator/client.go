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
	"strings"
	"sync"
	"time"

	"github.com/elastic-service/elastic-service/emulator/dataplane"
)

// patience is how long a client waits for an answer, real time.
const patience = 5 * time.Second

// service is a balancer as its clients see it: they send a line and read one, or ask for a page.
type service struct {
	address  string       // host and port
	question string       // the line or the page's path
	client   *http.Client // nil for lines
}

// lineService answers lines.
func lineService(address, question string) *service {
	return &service{address: address, question: question}
}

// webService answers HTTP; where it sends its clients on to HTTPS, they trust the authority, in PEM.
func webService(address, question string, authority []byte) *service {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	transport := &http.Transport{
		DialContext:         dial,
		TLSClientConfig:     &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 8,
	}
	return &service{address: address, question: question, client: &http.Client{Transport: transport, Timeout: patience}}
}

// oneEach makes each question open a connection of its own.
func (s *service) oneEach(wanted bool) {
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
	return ask(ctx, s.address, s.question)
}

// get asks for a page. An answer that is not 200 is an error.
func (s *service) get(ctx context.Context, path string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.address+path, http.NoBody) //nolint:gosec // asks what its user says
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

// ask sends a line and returns the line that comes back.
func ask(ctx context.Context, address, line string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	conn, err := dial(ctx, "tcp", address)
	if err != nil {
		return "", fmt.Errorf("%s: %w", address, err)
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline) // of a connection that was just made
	answer, err := exchange(conn, line)
	if err != nil {
		return "", fmt.Errorf("%s: %w", address, err)
	}
	return answer, nil
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
