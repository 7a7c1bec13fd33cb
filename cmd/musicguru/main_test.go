package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asCommand makes the test binary the command itself.
const asCommand = "MUSICGURU_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	return cmd
}

// output runs the command to its end.
func output(t *testing.T, args ...string) (status int, stdout, stderr string) {
	t.Helper()
	cmd := command(t, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError))
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func TestServeAndAskUntilTerminated(t *testing.T) {
	cmd := command(t, "serve", "-listen", "127.0.0.1:0")
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	first, err := bufio.NewReader(stderr).ReadString('\n')
	require.NoError(t, err)
	found := regexp.MustCompile(`msg=listening address=127\.0\.0\.1:(\d+)`).FindStringSubmatch(first)
	require.Len(t, found, 2, first)

	status, stdout, errs := output(t, "ask", "127.0.0.1", found[1], "2004")
	assert.Zero(t, status, errs)
	assert.Regexp(t, `^In 2004 the number \d+\. song was .+ - .+ \(127\.0\.0\.1\)\n$`, stdout)

	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait())
}

// The certificate of net/http/httptest is for example.com and 127.0.0.1.
func TestAskOverTLSWantsACertificateForTheHost(t *testing.T) {
	balancer := httptest.NewUnstartedServer(nil)
	balancer.StartTLS()
	config := &tls.Config{Certificates: balancer.TLS.Certificates, MinVersion: tls.VersionTLS12}
	authority := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: balancer.Certificate().Raw})
	require.NoError(t, os.WriteFile(authority, certificate, 0o600))
	balancer.Close()

	l, err := tls.Listen("tcp", "0.0.0.0:0", config)
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	s := &server{songs: few(t), log: slog.New(slog.DiscardHandler)}
	go func() { ended <- s.serve(ctx, l) }()
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	status, stdout, stderr := output(t, "ask", "-tls", "-ca", authority, "127.0.0.1", port, "2004")
	assert.Zero(t, status, stderr)
	assert.Equal(t, "In 2004 the number 7. song was Float On - Modest Mouse (127.0.0.1)\n", stdout)
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"another host":      {[]string{"-tls", "-ca", authority, "127.0.0.2"}, "certificate is valid for 127.0.0.1"},
		"another authority": {[]string{"-tls", "127.0.0.1"}, "unknown authority"},
		"no TLS":            {[]string{"127.0.0.1"}, "no whole line for an answer"},
	} {
		t.Run(name, func(t *testing.T) {
			status, stdout, stderr := output(t, append(append([]string{"ask"}, test.args...), port, "2004")...)
			assert.Equal(t, 1, status)
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, test.want)
		})
	}
	stop()
	require.NoError(t, <-ended)
}

func TestWrongArgumentsEndWithStatus2AndTheUsage(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"none":                  {nil, "serve or ask?"},
		"another command":       {[]string{"sing"}, `"sing" is neither serve nor ask`},
		"serve with an unknown": {[]string{"serve", "-port", "1"}, "flag provided but not defined: -port"},
		"serve with a word":     {[]string{"serve", "now"}, "serve takes 0 beside its flags, not 1"},
		"ask too little":        {[]string{"ask", "localhost", "5000"}, "ask takes 3 beside its flags, not 2"},
		"ask too much":          {[]string{"ask", "localhost", "5000", "1", "2"}, "ask takes 3 beside its flags, not 4"},
		"a word as port":        {[]string{"ask", "localhost", "http", "0"}, `PORT: "http" is not a port, 1–65535`},
		"port 0":                {[]string{"ask", "localhost", "0", "0"}, `PORT: "0" is not a port, 1–65535`},
		"a port too high":       {[]string{"ask", "localhost", "65536", "0"}, `PORT: "65536" is not a port, 1–65535`},
		"a -ca without -tls":    {[]string{"ask", "-ca", "ca.pem", "localhost", "5000", "0"}, "-ca is for -tls"},
		"a word as year":        {[]string{"ask", "localhost", "5000", "last"}, `YEAR: "last" is not a year`},
	} {
		t.Run(name, func(t *testing.T) {
			status, stdout, stderr := output(t, test.args...)
			assert.Equal(t, 2, status)
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, "musicguru: wrong arguments: "+test.want+"\nusage: musicguru serve")
		})
	}
}

func TestHelpIsNotAnError(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"serve", "-h"}, {"ask", "-help"}} {
		status, stdout, _ := output(t, args...)
		assert.Zero(t, status)
		assert.Equal(t, usage, stdout)
	}
}

func TestFailuresEndWithStatus1(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	wrong := filepath.Join(t.TempDir(), "wrong.csv")
	require.NoError(t, os.WriteFile(wrong, []byte("year,number,title,artist\nx,1,A,B\n"), 0o600))
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"port taken":     {[]string{"serve", "-listen", taken.Addr().String()}, "bind: address already in use"},
		"wrong songs":    {[]string{"serve", "-songs", wrong}, wrong + `:2: year: "x" is not a number`},
		"no authority":   {[]string{"ask", "-tls", "-ca", "none.pem", "127.0.0.1", "1", "0"}, "open none.pem: no such file"},
		"no certificate": {[]string{"ask", "-tls", "-ca", wrong, "127.0.0.1", "1", "0"}, wrong + " has no certificate in PEM"},
		"no server":      {[]string{"ask", "127.0.0.1", "1", "0"}, "dial tcp 127.0.0.1:1: connect: connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			status, _, stderr := output(t, test.args...)
			assert.Equal(t, 1, status)
			assert.Contains(t, stderr, test.want)
			assert.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
		})
	}
}

func TestAskWantsAWholeLine(t *testing.T) {
	for name, answer := range map[string]string{"nothing": "", "half a line": "In 2004 the", "no end": strings.Repeat("x", 2*maxAnswer)} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			defer l.Close()
			go func() {
				c, err := l.Accept()
				if err != nil {
					return
				}
				defer c.Close()
				_, _ = bufio.NewReader(c).ReadString('\n')
				_, _ = io.WriteString(c, answer)
			}()
			_, err = ask(t.Context(), l.Addr().String(), 0, nil)
			require.EqualError(t, err, fmt.Sprintf("%s gave no whole line for an answer", l.Addr()))
		})
	}
}

func TestAskGivesUpOnASilentServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = ask(ctx, l.Addr().String(), 0, nil)
	require.ErrorContains(t, err, "no answer from "+l.Addr().String())
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}
