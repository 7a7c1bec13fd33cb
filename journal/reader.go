package journal

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Reader reads the journal of some units, with what systemd says about them.
type Reader struct {
	Program string   // journalctl, also as a path
	Units   []string // full names, such as web.service
	Since   time.Time
}

// Read sends the entries after a cursor to a channel and returns the cursor of the last one. Without a cursor it begins with Since. If
// follow is set it waits for further entries, until ctx ends, which is no error.
func (r Reader) Read(ctx context.Context, after string, follow bool, entries chan<- Entry) (last string, err error) {
	var stderr bytes.Buffer
	journalctl := exec.CommandContext(ctx, r.Program, r.arguments(after, follow)...) //nolint:gosec // units and a cursor of the journal's own
	journalctl.Stderr = &stderr
	lines, err := journalctl.StdoutPipe()
	if err != nil {
		return after, err
	}
	if err := journalctl.Start(); err != nil {
		return after, err
	}
	last, err = r.send(ctx, lines, after, entries)
	if err != nil {
		_ = journalctl.Process.Kill() // it may have ended
	}
	ended := journalctl.Wait()
	switch {
	case ctx.Err() != nil:
		return last, nil
	case err != nil:
		return last, err
	case ended != nil:
		return last, fmt.Errorf("%s: %w: %s", r.Program, ended, strings.TrimSpace(stderr.String()))
	case follow:
		return last, errors.New(r.Program + " has ended")
	}
	return last, nil
}

func (r Reader) arguments(after string, follow bool) []string {
	arguments := []string{
		// Without --all, journalctl leaves out values of more than 4096 bytes. Without --merge, --follow leaves out former boots.
		"--merge", "--output=json", "--all", "--output-fields=MESSAGE,_SYSTEMD_UNIT,SYSLOG_IDENTIFIER", "--no-pager", "--quiet",
	}
	if follow {
		arguments = append(arguments, "--follow", "--no-tail")
	}
	if after == "" {
		arguments = append(arguments, "--since=@"+strconv.FormatInt(r.Since.Unix(), 10))
	} else {
		arguments = append(arguments, "--after-cursor="+after)
	}
	for _, unit := range r.Units {
		arguments = append(arguments, "--unit="+unit)
	}
	return arguments
}

// send parses lines of journalctl. An entry is at most as long as the journal keeps it.
func (r Reader) send(ctx context.Context, lines io.Reader, last string, entries chan<- Entry) (string, error) {
	for buffered := bufio.NewReaderSize(lines, 1<<16); ; {
		line, err := buffered.ReadBytes('\n')
		if len(line) > 0 && (err == nil || errors.Is(err, io.EOF)) {
			e, malformed := r.parse(line)
			if malformed != nil {
				return last, malformed
			}
			select {
			case entries <- e:
				last = e.Cursor
			case <-ctx.Done():
				return last, ctx.Err()
			}
		}
		switch {
		case errors.Is(err, io.EOF):
			return last, nil
		case err != nil:
			return last, err
		}
	}
}

// parse reads an entry in the journal's JSON format (systemd: "Journal JSON Format").
func (r Reader) parse(line []byte) (Entry, error) {
	var fields struct {
		Cursor     string          `json:"__CURSOR"`
		Time       string          `json:"__REALTIME_TIMESTAMP"`
		Message    json.RawMessage `json:"MESSAGE"`
		Unit       json.RawMessage `json:"_SYSTEMD_UNIT"`
		Identifier json.RawMessage `json:"SYSLOG_IDENTIFIER"`
	}
	if err := json.Unmarshal(line, &fields); err != nil {
		return Entry{}, fmt.Errorf("not an entry of the journal: %w", err)
	}
	micros, err := strconv.ParseInt(fields.Time, 10, 64)
	if err != nil || fields.Cursor == "" {
		return Entry{}, fmt.Errorf("not an entry of the journal: it has the time %q and the cursor %q", fields.Time, fields.Cursor)
	}
	e := Entry{Time: time.UnixMicro(micros), Text: text(fields.Message), Cursor: fields.Cursor, Source: text(fields.Identifier)}
	if unit := text(fields.Unit); slices.Contains(r.Units, unit) {
		e.Source = strings.TrimSuffix(unit, ".service")
	}
	return e, nil
}

// text returns the value of a field: a string, a list of bytes where the value is not text in UTF-8, or a list of values where an entry
// has the field several times, of which the last counts.
func text(value json.RawMessage) string {
	var plain string
	if json.Unmarshal(value, &plain) == nil {
		return plain
	}
	var numbers []int
	if json.Unmarshal(value, &numbers) == nil {
		content := make([]byte, len(numbers))
		for i, n := range numbers {
			content[i] = byte(n)
		}
		return strings.ToValidUTF8(string(content), "\uFFFD")
	}
	var several []json.RawMessage
	if json.Unmarshal(value, &several) == nil && len(several) > 0 {
		return text(several[len(several)-1])
	}
	return ""
}
