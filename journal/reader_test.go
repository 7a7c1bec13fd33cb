package journal

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEntriesAreReadAsTheJournalHasThem(t *testing.T) {
	for name, c := range map[string]struct{ line, source, text string }{
		"a line of a unit":          {`"MESSAGE":"one","_SYSTEMD_UNIT":"web.service","SYSLOG_IDENTIFIER":"sh"`, "web", "one"},
		"what systemd says of it":   {`"MESSAGE":"Started","_SYSTEMD_UNIT":"init.scope","SYSLOG_IDENTIFIER":"systemd"`, "systemd", "Started"},
		"bytes that are no text":    {`"MESSAGE":[104,255,105],"_SYSTEMD_UNIT":"web.service"`, "web", "h\uFFFDi"},
		"a field that it has twice": {`"MESSAGE":["a","b"],"_SYSTEMD_UNIT":"web.service"`, "web", "b"},
		"a line that is empty":      {`"MESSAGE":"","_SYSTEMD_UNIT":"web.service"`, "web", ""},
		"nothing but a cursor":      {`"MESSAGE":null`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			line := `{"__CURSOR":"s=1;i=2","__REALTIME_TIMESTAMP":"1795804726473165",` + c.line + `}`
			e, err := Reader{Units: []string{"web.service"}}.parse([]byte(line))
			require.NoError(t, err)
			assert.Equal(t, Entry{Time: time.UnixMicro(1795804726473165), Source: c.source, Text: c.text, Cursor: "s=1;i=2"}, e)
		})
	}
	for _, line := range []string{"", "{", `{"__CURSOR":"a"}`, `{"__REALTIME_TIMESTAMP":"1"}`} {
		_, err := Reader{}.parse([]byte(line))
		require.ErrorContains(t, err, "not an entry of the journal", line)
	}
}

// program makes a journalctl of a script.
func program(t *testing.T, script string) Reader {
	t.Helper()
	file := filepath.Join(t.TempDir(), "journalctl")
	require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\n"+script), 0o700))
	return Reader{Program: file, Units: []string{"web.service"}, Since: time.Unix(5, 0)}
}

func entry(cursor string) string {
	return `{"__CURSOR":"` + cursor + `","__REALTIME_TIMESTAMP":"1","MESSAGE":"x"}`
}

// read returns the cursors of the entries that a reader sends.
func read(ctx context.Context, r Reader, after string, follow bool) (cursors []string, last string, err error) {
	entries, done := make(chan Entry), make(chan struct{})
	go func() {
		defer close(done)
		for e := range entries {
			cursors = append(cursors, e.Cursor)
		}
	}()
	last, err = r.Read(ctx, after, follow, entries)
	close(entries)
	<-done
	return cursors, last, err
}

func TestTheCursorOfTheLastEntryIsReturned(t *testing.T) {
	cursors, last, err := read(t.Context(), program(t, "echo '"+entry("a")+"'; echo '"+entry("b")+"'"), "", false)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, cursors)
	assert.Equal(t, "b", last)
	_, last, err = read(t.Context(), program(t, ""), "b", false)
	require.NoError(t, err)
	assert.Equal(t, "b", last, "nothing new")
}

func TestAJournalThatCannotBeReadIsAnError(t *testing.T) {
	_, _, err := read(t.Context(), program(t, "echo no journal files >&2; exit 1"), "", false)
	require.ErrorContains(t, err, "exit status 1: no journal files")
	_, last, err := read(t.Context(), program(t, "echo '"+entry("a")+"'"), "", true)
	require.ErrorContains(t, err, "has ended")
	assert.Equal(t, "a", last)
	_, _, err = read(t.Context(), program(t, "echo nonsense; exec sleep 60"), "", true)
	require.ErrorContains(t, err, "not an entry of the journal")
	_, _, err = read(t.Context(), Reader{Program: "/no/such/journalctl"}, "", false)
	require.Error(t, err)
}

func TestFollowingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	entries := make(chan Entry)
	go func() {
		<-entries
		cancel()
	}()
	last, err := program(t, "echo '"+entry("a")+"'; exec sleep 60").Read(ctx, "", true, entries)
	require.NoError(t, err)
	assert.Equal(t, "a", last)
}

func TestTheJournalIsAskedForTheUnitsFromAPlaceOn(t *testing.T) {
	r := Reader{Units: []string{"web.service", "setup-a.service"}, Since: time.Unix(5, 0)}
	assert.True(t, strings.HasSuffix(strings.Join(r.arguments("", true), " "),
		" --follow --no-tail --since=@5 --unit=web.service --unit=setup-a.service"))
	assert.Contains(t, r.arguments("s=1", false), "--after-cursor=s=1")
	assert.NotContains(t, r.arguments("s=1", false), "--follow")
}
