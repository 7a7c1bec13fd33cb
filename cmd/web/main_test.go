package main

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// asCommand makes the test binary the command itself.
const asCommand = "WEB_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
	}
	os.Exit(m.Run())
}

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = append(os.Environ(), asCommand+"=1", "RELEASE=7")
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

func TestServesUntilTerminatedAndLogsRequestsToStdout(t *testing.T) {
	cmd := command(t, "serve", "-listen", "127.0.0.1:0")
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(stdout)
	first, err := lines.ReadString('\n')
	require.NoError(t, err)
	found := regexp.MustCompile(`msg=listening address=(127\.0\.0\.1:\d+)`).FindStringSubmatch(first)
	require.Len(t, found, 2, first)

	response, err := http.Get("http://" + found[1] + "/")
	require.NoError(t, err)
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	assert.Equal(t, "Hello from 127.0.0.1 (web, release 7)\n", string(body))
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	assert.Contains(t, line, "msg=request method=GET path=/ status=200 bytes=38 ")

	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	rest, err := io.ReadAll(lines)
	require.NoError(t, err)
	assert.Contains(t, string(rest), "msg=stopped")
	require.NoError(t, cmd.Wait())
}

func TestWrongArgumentsEndWithStatus2AndTheUsage(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"none":                  {nil, "serve?"},
		"another command":       {[]string{"spin"}, `"spin" is not serve`},
		"serve with an unknown": {[]string{"serve", "-port", "1"}, "flag provided but not defined: -port"},
		"serve with a word":     {[]string{"serve", "now"}, "serve takes 0 beside its flags, not 1"},
	} {
		t.Run(name, func(t *testing.T) {
			status, stdout, stderr := output(t, test.args...)
			assert.Equal(t, 2, status)
			assert.Empty(t, stdout)
			assert.Equal(t, "web: wrong arguments: "+test.want+"\n"+usage, stderr)
		})
	}
}

func TestHelpIsNotAnError(t *testing.T) {
	for _, args := range [][]string{{"-h"}, {"serve", "-h"}} {
		status, stdout, _ := output(t, args...)
		assert.Zero(t, status)
		assert.Equal(t, usage, stdout)
	}
}

func TestPortTakenEndsWithStatus1(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	status, _, stderr := output(t, "serve", "-listen", taken.Addr().String())
	assert.Equal(t, 1, status)
	assert.Contains(t, stderr, "bind: address already in use")
	assert.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
}
