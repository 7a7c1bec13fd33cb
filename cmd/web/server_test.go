package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newServer(release string) *server {
	return &server{release: release, log: slog.New(slog.DiscardHandler)}
}

func TestAnswers(t *testing.T) {
	web := httptest.NewServer(newServer("").logged(newServer("").routes()))
	defer web.Close()
	for _, test := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/", 200, "Hello from 127.0.0.1 (web, release dev)\n"},
		{"HEAD", "/", 200, ""},
		{"GET", "/ping", 200, "pong\n"},
		{"GET", "/burn?ms=0", 200, "burnt 0 ms\n"},
		{"GET", "/burn", 400, "ms: \"\" is not a number of milliseconds, 0–60000\n"},
		{"GET", "/burn?ms=-1", 400, "ms: \"-1\" is not a number of milliseconds, 0–60000\n"},
		{"GET", "/burn?ms=60001", 400, "ms: \"60001\" is not a number of milliseconds, 0–60000\n"},
		{"GET", "/burn?ms=99999999999999999999", 400, "ms: \"99999999999999999999\" is not a number of milliseconds, 0–60000\n"},
		{"GET", "/elsewhere", 404, "404 page not found\n"},
		{"POST", "/", 405, "Method Not Allowed\n"},
	} {
		t.Run(test.method+" "+test.path, func(t *testing.T) {
			request, err := http.NewRequestWithContext(t.Context(), test.method, web.URL+test.path, nil)
			require.NoError(t, err)
			response, err := http.DefaultClient.Do(request)
			require.NoError(t, err)
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			require.NoError(t, err)
			assert.Equal(t, test.status, response.StatusCode)
			assert.Equal(t, test.body, string(body))
		})
	}
}

func TestBurnUsesAsMuchProcessorTime(t *testing.T) {
	used := burn(t.Context(), 50*time.Millisecond)
	assert.GreaterOrEqual(t, used, 50*time.Millisecond)
	assert.Less(t, used, 500*time.Millisecond)
}

func TestBurnEndsWithItsClient(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	assert.Less(t, burn(ctx, maxBurn), maxBurn/2)
}

func TestLogHasALineForARequest(t *testing.T) {
	var out bytes.Buffer
	s := &server{log: slog.New(slog.NewTextHandler(&out, nil))}
	request := httptest.NewRequest(http.MethodGet, "/elsewhere?a=1", nil)
	request.Header.Set("X-Forwarded-For", "203.0.113.9")
	s.logged(s.routes()).ServeHTTP(httptest.NewRecorder(), request)
	assert.Regexp(t, `^time=\S+ level=INFO msg=request method=GET path="/elsewhere\?a=1" status=404 bytes=19 time=\S+ `+
		`peer=192\.0\.2\.1:1234 client=203\.0\.113\.9\n$`, out.String())
}

// slow is a server whose answer waits for finish.
type slow struct {
	url           string
	began, finish chan struct{}
	ended         chan error
}

func serveSlowly(ctx context.Context, t *testing.T, limit time.Duration) slow {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := slow{url: "http://" + l.Addr().String(), began: make(chan struct{}), finish: make(chan struct{}), ended: make(chan error, 1)}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(s.began)
		select {
		case <-s.finish:
			_, _ = io.WriteString(w, "finished")
		case <-r.Context().Done():
		}
	})
	go func() {
		s.ended <- (&server{log: slog.New(slog.DiscardHandler), limit: limit}).serve(ctx, l, handler)
	}()
	return s
}

// ask returns the body of the answer, or the error's text.
func (s slow) ask() <-chan string {
	answer := make(chan string, 1)
	go func() {
		response, err := http.Get(s.url)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		answer <- string(body)
	}()
	return answer
}

func TestTerminationLetsRequestsFinish(t *testing.T) {
	ctx, terminate := context.WithCancel(t.Context())
	s := serveSlowly(ctx, t, time.Minute)
	answer := s.ask()
	<-s.began
	terminate()
	require.Eventually(t, func() bool { // nobody else gets in
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err == nil {
			conn.Close()
		}
		return err != nil
	}, 10*time.Second, 5*time.Millisecond)
	close(s.finish)
	assert.Equal(t, "finished", <-answer)
	require.NoError(t, <-s.ended)
}

func TestTerminationWaitsNoLongerThanItsLimit(t *testing.T) {
	ctx, terminate := context.WithCancel(t.Context())
	s := serveSlowly(ctx, t, 50*time.Millisecond)
	answer := s.ask()
	<-s.began
	terminate()
	require.NoError(t, <-s.ended)
	assert.Contains(t, <-answer, "EOF")
}
