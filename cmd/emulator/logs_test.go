package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// logged makes an emulator whose instance i-1 has two logs, and returns the file of the first one.
func logged(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	showing(t, func() api.Status { return api.Status{Folder: folder} })
	logs := filepath.Join(folder, "instances", "i-1", "log")
	require.NoError(t, os.MkdirAll(logs, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(logs, "musicguru.log"), []byte("one\ntwo\nthree\nincompl"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(logs, "healthcheck.log"), []byte("listening\n"), 0o600))
	return filepath.Join(logs, "musicguru.log")
}

func TestLogsArePrintedByServiceWithTheirLastLines(t *testing.T) {
	logged(t)
	command := func(code int, args ...string) string {
		t.Helper()
		var out bytes.Buffer
		assert.Equal(t, code, run(t.Context(), append([]string{"logs"}, args...), &out, &out), out.String())
		return out.String()
	}
	assert.Equal(t, "healthcheck  | listening\nmusicguru    | two\nmusicguru    | three\n", command(0, "i-1", "-n", "2"))
	assert.Equal(t, "one\ntwo\nthree\n", command(0, "i-1", "musicguru"))
	assert.Contains(t, command(1, "i-1", "web"), `i-1 has no log of "web"; it has healthcheck, musicguru`)
	assert.Contains(t, command(1, "i-2"), "no log of i-2 is in")
	assert.Contains(t, command(2, "../i-1"), `"../i-1" is not an ID`)
	assert.Contains(t, command(2, "i-1", "-n", "-1"), "--lines -1 is negative")
	assert.Contains(t, command(2), "name an instance or a task")
}

func TestLogsAreFollowed(t *testing.T) {
	file := logged(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, ended := &recorder{}, make(chan int, 1)
	go func() { ended <- run(ctx, []string{"logs", "i-1", "musicguru", "-f", "-n", "0"}, out, out) }()
	time.Sleep(followEvery)
	log := must(os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0o600))(t)
	defer log.Close()
	must(log.WriteString("ete\nfive\n"))(t)
	require.NoError(t, session.Poll(t.Context(), 5*time.Second, func() bool { return strings.Contains(out.String(), "five\n") }))
	require.NoError(t, os.WriteFile(file, []byte("anew\n"), 0o600))
	require.NoError(t, session.Poll(t.Context(), 5*time.Second, func() bool { return strings.Contains(out.String(), "anew\n") }))
	cancel()
	assert.Zero(t, <-ended)
	assert.Equal(t, "incomplete\nfive\nanew\n", out.String())
}
