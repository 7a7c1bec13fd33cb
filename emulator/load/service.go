package load

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
	"time"

	"github.com/elastic-service/elastic-service/emulator/loopback"
)

// Patience is how long a client waits for an answer, real time.
const Patience = 5 * time.Second

// Service is a balancer's listener as its clients see it. Clients send a line of text and read a line, or they get a page over
// HTTP.
type Service struct {
	Address string      // host and port
	TLS     *tls.Config // of TLS and HTTPS listeners; nil where nothing is encrypted

	question string       // the line, or the page's path
	client   *http.Client // nil for lines
}

// NewService returns a service that is asked for pages if the question begins with /, otherwise by lines. The protocol is the
// listener's: TCP, TLS, HTTP or HTTPS. Clients that speak TLS, or that may be redirected to HTTPS, trust the authority whose
// certificate is in a file.
func NewService(address, protocol, question, authority string) (*Service, error) {
	s := &Service{Address: address, question: question}
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
		s.TLS = &tls.Config{RootCAs: pool, ServerName: host, MinVersion: tls.VersionTLS12}
	}
	if web {
		s.client = webClient(pool)
	}
	return s, nil
}

// webClient returns a client for pages that trusts an authority.
func webClient(trusted *x509.CertPool) *http.Client {
	return &http.Client{Timeout: Patience, Transport: &http.Transport{
		DialContext:         dial,
		TLSClientConfig:     &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12},
		MaxIdleConnsPerHost: 8,
	}}
}

// ConnectEachTime makes each request for a page open a connection of its own. Lines always do.
func (s *Service) ConnectEachTime(wanted bool) {
	if s.client == nil {
		return
	}
	if transport, ok := s.client.Transport.(*http.Transport); ok {
		transport.DisableKeepAlives = wanted
	}
}

// dial connects to an address of the cloud. A port below 1024 may be at another number on this machine.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	if at, err := netip.ParseAddrPort(address); err == nil {
		address = netip.AddrPortFrom(at.Addr(), loopback.Port(at.Port())).String()
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// Ask asks the service's question and returns the first line of the answer.
func (s *Service) Ask(ctx context.Context) (string, error) {
	if s.client != nil {
		return s.Get(ctx, s.question)
	}
	return s.askLine(ctx)
}

// ServesPages reports whether clients get pages over HTTP.
func (s *Service) ServesPages() bool { return s.client != nil }

// Get asks for a page and returns its first line. A status other than 200 is an error.
func (s *Service) Get(ctx context.Context, path string) (string, error) {
	scheme := "http"
	if s.TLS != nil {
		scheme = "https"
	}
	page := scheme + "://" + s.Address + path
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, http.NoBody)
	if err != nil {
		return "", err
	}
	response, err := s.client.Do(request)
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

// Send sends a request with a JSON body and a bearer token, either of which may be "", and returns the status and the body of the answer.
func (s *Service) Send(ctx context.Context, method, path, body, token string) (status int, answer []byte, err error) {
	scheme := "http"
	if s.TLS != nil {
		scheme = "https"
	}
	request, err := http.NewRequestWithContext(ctx, method, scheme+"://"+s.Address+path, strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(response.Body, 1<<20))
	return response.StatusCode, answer, err
}

// askLine sends a line over a new connection and returns the line that comes back.
func (s *Service) askLine(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	conn, err := dial(ctx, "tcp", s.Address)
	if err != nil {
		return "", fmt.Errorf("%s: %w", s.Address, err)
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline) // of a connection that was just made
	answer, err := exchange(s.encrypt(conn), s.question)
	if err != nil {
		return "", fmt.Errorf("%s: %w", s.Address, err)
	}
	return answer, nil
}

// encrypt returns a connection that speaks TLS through conn, where the service does.
func (s *Service) encrypt(conn net.Conn) net.Conn {
	if s.TLS == nil {
		return conn
	}
	return tls.Client(conn, s.TLS)
}

// exchange sends a line and reads the answer.
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

// AskFrom asks once, by a line, over a connection of the given dialer, and returns the port that the connection came from. It
// resets the connection at the end, so that the pair of addresses can be used again at once.
func (s *Service) AskFrom(ctx context.Context, dialer *net.Dialer) (answer string, port int, err error) {
	at, err := netip.ParseAddrPort(s.Address)
	if err != nil {
		return "", 0, err
	}
	conn, err := dialer.DialContext(ctx, "tcp", netip.AddrPortFrom(at.Addr(), loopback.Port(at.Port())).String())
	if err != nil {
		return "", 0, err
	}
	defer conn.Close()
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.SetDeadline(time.Now().Add(Patience))
	answer, err = exchange(s.encrypt(conn), s.question)
	return answer, conn.LocalAddr().(*net.TCPAddr).Port, err
}
