package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/journal"
)

// TestMain runs the program in the place of the tests, if a test has started it as a process of its own.
func TestMain(m *testing.M) {
	if os.Getenv("SHIPLOGS_TEST") != "" {
		main()
	}
	os.Exit(m.Run())
}

// journalctl prints the lines of a file after those that an argument names, and then those that are added to it.
const journalctl = `#!/bin/bash
after=0
for word; do
	case $word in
	--after-cursor=*) after=${word#--after-cursor=} ;;
	--follow) follow=--follow ;;
	esac
done
echo "$*" >>"$JOURNAL.asked"
exec tail --lines=+$((after + 1)) $follow "$JOURNAL"
`

// instance is a machine with a journal, a metadata service and CloudWatch Logs.
type instance struct {
	*testing.T
	folder string
	server *httptest.Server

	mu       sync.Mutex
	id       string
	messages []string
	refuse   bool
}

func newInstance(t *testing.T) *instance {
	t.Helper()
	i := &instance{T: t, folder: t.TempDir(), id: "i-1"}
	require.NoError(t, os.WriteFile(filepath.Join(i.folder, "journalctl"), []byte(journalctl), 0o700))
	require.NoError(t, os.WriteFile(i.journal(), nil, 0o600))
	i.server = httptest.NewServer(i)
	t.Cleanup(i.server.Close)
	return i
}

func (i *instance) journal() string { return filepath.Join(i.folder, "journal") }

// ServeHTTP answers as the metadata service and as CloudWatch Logs.
func (i *instance) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	i.mu.Lock()
	defer i.mu.Unlock()
	target := r.Header.Get("X-Amz-Target")
	switch {
	case strings.HasSuffix(r.URL.Path, "/api/token"):
		w.Header().Set("X-aws-ec2-metadata-token-ttl-seconds", "60")
		_, _ = io.WriteString(w, "token")
	case strings.HasSuffix(r.URL.Path, "/instance-id"):
		_, _ = io.WriteString(w, i.id)
	case i.refuse:
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"__type":"AccessDeniedException","message":"not yet"}`)
	case strings.HasSuffix(target, ".PutLogEvents"):
		var batch struct{ LogEvents []struct{ Message string } }
		assert.NoError(i, json.NewDecoder(r.Body).Decode(&batch))
		for _, e := range batch.LogEvents {
			i.messages = append(i.messages, e.Message)
		}
		_, _ = io.WriteString(w, "{}")
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func (i *instance) set(change func()) {
	i.mu.Lock()
	defer i.mu.Unlock()
	change()
}

func (i *instance) sent() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	return strings.Join(i.messages, "\n")
}

// write adds lines to the journal. The cursor of a line is its number.
func (i *instance) write(from int, texts ...string) {
	i.Helper()
	f, err := os.OpenFile(i.journal(), os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(i, err)
	defer f.Close()
	for n, text := range texts {
		_, err := fmt.Fprintf(f, `{"__CURSOR":"%d","__REALTIME_TIMESTAMP":"%d","MESSAGE":%q,"_SYSTEMD_UNIT":"web.service"}`+"\n",
			from+n, time.Now().UnixMicro(), text)
		require.NoError(i, err)
	}
}

// start starts the program. The function that it returns ends it as systemd does.
func (i *instance) start() (stop func() (stderr string)) {
	i.Helper()
	self, err := os.Executable()
	require.NoError(i, err)
	var stderr bytes.Buffer
	program := exec.Command(self, "-region", "us-east-1", "-group", "/web/test/instances", "web.service", "setup-a.service")
	program.Stderr = &stderr
	program.Env = []string{
		"SHIPLOGS_TEST=yes", "PATH=" + i.folder + ":" + os.Getenv("PATH"), "JOURNAL=" + i.journal(), "STATE_DIRECTORY=" + i.folder,
		"AWS_ENDPOINT_URL=" + i.server.URL, "AWS_EC2_METADATA_SERVICE_ENDPOINT=" + i.server.URL,
		"AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=any",
	}
	require.NoError(i, program.Start())
	i.Cleanup(func() { _ = program.Process.Kill() })
	return func() string {
		require.NoError(i, program.Process.Signal(unix.SIGTERM))
		require.NoError(i, program.Wait(), stderr.String())
		return stderr.String()
	}
}

func (i *instance) awaitSent(want string) {
	i.Helper()
	require.Eventually(i, func() bool { return i.sent() == want }, 30*time.Second, 10*time.Millisecond, "want %q", want)
}

func TestTheJournalIsSentFromWhereItWasLeft(t *testing.T) {
	i := newInstance(t)
	i.write(1, "one", "two")
	stop := i.start()
	i.awaitSent("web: one\nweb: two")
	i.write(3, "three")
	i.awaitSent("web: one\nweb: two\nweb: three")
	i.write(4, "the last")
	assert.Empty(t, stop())
	assert.Equal(t, "web: one\nweb: two\nweb: three\nweb: the last", i.sent(), "what was written before the end is sent")

	i.write(5, "meanwhile")
	stop = i.start()
	i.awaitSent("web: one\nweb: two\nweb: three\nweb: the last\nweb: meanwhile")
	stop()
	asked, err := os.ReadFile(i.journal() + ".asked")
	require.NoError(t, err)
	calls := strings.Split(string(asked), "\n")
	assert.Regexp(t, "--follow --no-tail --since=@[0-9]+ --unit=web.service --unit=setup-a.service$", calls[0])
	assert.Contains(t, calls[2], "--follow --no-tail --after-cursor=4 ")
}

func TestAnInstanceOfAnImageDoesNotGoOnWhereAnotherWas(t *testing.T) {
	i := newInstance(t)
	i.write(1, "one")
	stop := i.start()
	i.awaitSent("web: one")
	stop()
	i.set(func() { i.id = "i-2" })
	stop = i.start()
	i.awaitSent("web: one\nweb: one")
	stop()
}

func TestWhatCannotBeSentIsTriedAgainAndSaid(t *testing.T) {
	i := newInstance(t)
	i.set(func() { i.refuse = true })
	i.write(1, "one")
	stop := i.start()
	time.Sleep(100 * time.Millisecond)
	i.set(func() { i.refuse = false })
	i.awaitSent("web: one")
	stop()
}

func TestWrongArgumentsAreRefused(t *testing.T) {
	for _, args := range [][]string{nil, {"-group", "g"}, {"web.service"}, {"-nothing"}} {
		var out strings.Builder
		assert.Equal(t, 2, run(args, &out), args)
		assert.NotEmpty(t, out.String())
	}
	assert.Zero(t, run([]string{"-help"}, io.Discard))
	_ = journal.Path
}
