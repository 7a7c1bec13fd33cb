package guest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/elastic-service/elastic-service/journal"
	"github.com/elastic-service/elastic-service/journal/cloudwatch"
)

// Processes have no journal. What the services of an instance print goes through a feed instead, if user data starts the program that ships
// the journal, and the emulator sends it in the place of that program:
//
//	output of units ──▶ feed ──▶ cloudwatch.Shipper ──▶ AWS's API, with the permissions of the instance's role

// mostFeed is how many bytes may wait to be sent. A journal has a limit, too.
const mostFeed = 4 << 20

// feed has the lines that wait to be sent.
type feed struct {
	mu      sync.Mutex
	lines   []journal.Entry
	bytes   int
	dropped int           // lines that were too many
	more    chan struct{} // has an element while there are lines
}

func newFeed() *feed { return &feed{more: make(chan struct{}, 1)} }

// add adds a line, and drops the oldest if there are too many.
func (f *feed) add(source, text string, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lines, f.bytes = append(f.lines, journal.Entry{Time: now, Source: source, Text: text}), f.bytes+len(text)
	for f.bytes > mostFeed {
		f.bytes -= len(f.lines[0].Text)
		f.lines = f.lines[1:]
		f.dropped++
	}
	select {
	case f.more <- struct{}{}:
	default:
	}
}

// take returns all lines.
func (f *feed) take() []journal.Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	lines := f.lines
	if f.dropped > 0 {
		note := fmt.Sprintf("%d lines were dropped: more was written than could be sent", f.dropped)
		lines = slices.Insert(lines, 0, journal.Entry{Time: lines[0].Time, Source: journal.UnitName, Text: note})
	}
	f.lines, f.bytes, f.dropped = nil, 0, 0
	return lines
}

// pass hands lines on that are wanted until ctx ends, and then those that are left. It closes the channel.
func (f *feed) pass(ctx, sending context.Context, wanted func(source string) bool, entries chan<- journal.Entry) {
	defer close(entries)
	for open := true; open; {
		select {
		case <-f.more:
		case <-ctx.Done():
			open = false
		}
		for _, line := range f.take() {
			if !wanted(line.Source) {
				continue
			}
			select {
			case entries <- line:
			case <-sending.Done():
				return
			}
		}
	}
}

// Times of shipping, in real time.
const (
	shippingLinger   = 100 * time.Millisecond
	shippingRetry    = 200 * time.Millisecond
	shippingPatience = 5 * time.Second // at the end of an instance
)

// ship sends lines to a stream of a log group until ctx ends, and then those that are left, unless the power is cut.
func (in *Instance) ship(ctx context.Context, group, stream string, wanted func(source string) bool, say func(string)) error {
	if in.spec.Logs == nil {
		return errors.New("the instance does not reach CloudWatch Logs")
	}
	sending, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() {
		select {
		case <-time.After(shippingPatience):
		case <-in.killed:
		case <-sending.Done():
		}
		stop()
	})()
	entries := make(chan journal.Entry)
	go in.feed.pass(ctx, sending, wanted, entries)
	shipper := cloudwatch.Shipper{
		Client: in.spec.Logs, Group: group, Stream: stream, Linger: shippingLinger, Retry: shippingRetry, Say: say,
	}
	return shipper.Run(sending, entries)
}

// shipJournal does `shiplogs -region REGION -group GROUP UNIT…`.
func (s *service) shipJournal(ctx context.Context, argv []string, log io.Writer) outcome {
	var group string
	units, err := parseOptions(argv[1:], 1, -1, func(set *flag.FlagSet) {
		set.String("region", "", "") // the emulator has one
		set.StringVar(&group, "group", "", "")
	})
	in := s.instance
	say := func(text string) { fmt.Fprintln(log, text) }
	if err == nil {
		wanted := func(source string) bool { return source == systemd || slices.Contains(units, source+".service") }
		err = in.ship(ctx, group, in.spec.ID, wanted, say)
	}
	if err != nil {
		return failure(log, "shiplogs: %v", err)
	}
	return outcome{text: "exit status 0", clean: true}
}

// shipsJournal reports whether a unit's program is the one that ships the journal.
func (u *unit) shipsJournal() bool { return len(u.start) > 0 && u.start[0].argv[0] == journal.Path }

// systemd is the source of what systemd says about units.
const systemd = "systemd"

// report tells the feed that a unit has failed, as systemd tells the journal.
func (s *service) report(last outcome) {
	in := s.instance
	if in.feed == nil || last.clean || s.unit.host {
		return
	}
	result := "exit-code"
	status, named, _ := strings.Cut(last.text, ":")
	switch {
	case strings.HasPrefix(last.text, "timeout"):
		result = "timeout"
	case strings.HasPrefix(last.text, "signal"):
		result = "signal"
		in.say("%s: Main process exited, code=killed, status=%d/%s", s.unit.name, last.exit-128, strings.TrimSpace(named))
	case last.exit > 0:
		in.say("%s: Main process exited, code=exited, status=%d/%s", s.unit.name, last.exit, statusName(last.exit))
	default:
		in.say("%s: Main process exited, code=exited, status=%s", s.unit.name, strings.Replace(status, "exit status 1", "1/FAILURE", 1))
	}
	in.say("%s: Failed with result '%s'.", s.unit.name, result)
}

// statusName returns what systemd calls an exit status (systemd.exec(5), "Process Exit Codes").
func statusName(status int) string {
	switch status {
	case 1:
		return "FAILURE"
	case 2:
		return "INVALIDARGUMENT"
	}
	return "n/a"
}

func (in *Instance) say(format string, args ...any) {
	in.feed.add(systemd, fmt.Sprintf(format, args...), in.clock.Now())
}
