package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"sync"
	"time"

	"golang.org/x/term"
)

// screen is a terminal: lines that stay, in colour, and below them a line that shows what is under way. Without a terminal commands
// write plain lines to files instead.
type screen struct {
	mu       sync.Mutex
	terminal io.Writer
	colour   bool
	shown    bool // the line that shows what is under way
}

// onScreen returns where a command writes. Standard output and standard error are written through a screen if they are a terminal.
func onScreen(out, errs *os.File) (io.Writer, io.Writer) {
	if !term.IsTerminal(int(out.Fd())) || os.Getenv("TERM") == "dumb" {
		return out, errs
	}
	s := &screen{terminal: out, colour: os.Getenv("NO_COLOR") == ""} // no-color.org
	if !term.IsTerminal(int(errs.Fd())) {
		return &pane{screen: s, to: out}, errs
	}
	return &pane{screen: s, to: out}, &pane{screen: s, to: errs}
}

// pane writes to a screen line by line.
type pane struct {
	screen *screen
	to     io.Writer
	line   []byte // begun
}

func (p *pane) Write(text []byte) (int, error) {
	p.screen.mu.Lock()
	defer p.screen.mu.Unlock()
	p.line = append(p.line, text...)
	end := bytes.LastIndexByte(p.line, '\n') + 1
	if end == 0 {
		return len(text), nil
	}
	p.screen.erase()
	lines := p.line[:end]
	if p.screen.colour {
		lines = paint(lines)
	}
	_, err := p.to.Write(lines)
	p.line = append([]byte(nil), p.line[end:]...)
	return len(text), err
}

// colours are the words that are shown in a colour (ECMA-48, SGR).
var colours = []struct {
	words *regexp.Regexp
	code  string
}{
	{regexp.MustCompile(`\b(unhealthy|ALARM|Failed|failed to \w+|Cancelled|INSUFFICIENT_DATA)\b|✗ \w+`), "31"}, // red
	{regexp.MustCompile(`\b(healthy|running|RUNNING|Successful)\b|✓ reachable`), "32"},                         // green
	{regexp.MustCompile(`\b(initial|draining|pending|shutting-down|skipped|InProgress|Pending)\b`), "33"},      // yellow
	{regexp.MustCompile(`(?m)^[a-z]+( again)? {2,}`), "1"},                                                     // bold: a rehearsal's steps
	{regexp.MustCompile(`(?m)^[A-Z][A-Z ]+$`), "1"},                                                            // and the heads of tables
}

func paint(lines []byte) []byte {
	for _, c := range colours {
		lines = c.words.ReplaceAll(lines, []byte("\x1b["+c.code+"m$0\x1b[0m"))
	}
	return lines
}

// The line that shows what is under way begins with one of these.
var frames = []rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")

// working shows on a screen that something is under way, and for how long. The function that it returns ends that.
func working(out io.Writer, what string) func() {
	p, ok := out.(*pane)
	if !ok {
		return func() {}
	}
	end := make(chan struct{})
	var spinning sync.WaitGroup
	spinning.Go(func() { p.screen.spin(what, end) })
	return func() {
		close(end)
		spinning.Wait()
	}
}

func (s *screen) spin(what string, end <-chan struct{}) {
	start, ticker := time.Now(), time.NewTicker(100*time.Millisecond)
	defer ticker.Stop()
	for n := 0; ; n++ {
		select {
		case <-end:
			s.mu.Lock()
			defer s.mu.Unlock()
			s.erase()
			return
		case <-ticker.C:
		}
		s.mu.Lock()
		fmt.Fprintf(s.terminal, "\r\x1b[K%c %s, %.0f s", frames[n%len(frames)], what, time.Since(start).Seconds())
		s.shown = true
		s.mu.Unlock()
	}
}

// erase removes the line that shows what is under way. The caller holds the lock.
func (s *screen) erase() {
	if s.shown {
		fmt.Fprint(s.terminal, "\r\x1b[K")
		s.shown = false
	}
}
