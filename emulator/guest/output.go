package guest

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
)

// mostOutput is how many bytes the log of a unit may have. What was before it is in a second file, and what was before that is deleted.
const mostOutput = 8 << 20

// formerSuffix ends the name of the second file.
const formerSuffix = ".1"

// mostLine is the longest line that is shipped whole, as in a journal (journald.conf(5), LineMax=).
const mostLine = 48 << 10

// output is where a command of a unit writes to: the log of the unit, and line by line the instance's feed.
type output struct {
	service *service

	mu      sync.Mutex
	file    *os.File
	size    int64
	partial []byte // a line without its end
}

// openOutput opens the log of a unit.
func (s *service) openOutput() (*output, error) {
	o := &output{service: s}
	return o, o.open()
}

func (o *output) open() (err error) {
	if o.file, err = os.OpenFile(o.service.logFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return err
	}
	info, err := o.file.Stat()
	if err == nil {
		o.size = info.Size()
	}
	return err
}

// Write adds to the log. It reports no error of a full disk: the service would end.
func (o *output) Write(text []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.size+int64(len(text)) > mostOutput {
		if err := o.rotate(); err != nil {
			o.service.instance.log.Warn("the log of a service cannot be written", "service", o.service.unit.name, "error", err)
		}
	}
	n, _ := o.file.Write(text)
	o.size += int64(n)
	o.feed(text)
	return len(text), nil
}

// rotate begins a new file, which says where the former one is.
func (o *output) rotate() error {
	name := o.service.logFile()
	if err := os.Rename(name, name+formerSuffix); err != nil {
		return err
	}
	_ = o.file.Close() // all of it was written
	if err := o.open(); err != nil {
		return err
	}
	n, err := fmt.Fprintf(o.file, "emulator: the log had %d MiB. They are in %s%s, and what was before them is deleted.\n",
		mostOutput>>20, o.service.unit.logName(), formerSuffix)
	o.size += int64(n)
	return err
}

// feed hands the lines to the instance's feed.
func (o *output) feed(text []byte) {
	feed := o.service.instance.feed
	if feed == nil {
		return
	}
	for line := range bytes.SplitAfterSeq(text, []byte("\n")) {
		line, ended := bytes.CutSuffix(line, []byte("\n"))
		for len(o.partial)+len(line) > mostLine {
			room := mostLine - len(o.partial)
			o.partial, line = append(o.partial, line[:room]...), line[room:]
			o.endLine()
		}
		o.partial = append(o.partial, line...)
		if ended {
			o.endLine()
		}
	}
}

func (o *output) endLine() {
	in, source := o.service.instance, o.service.unit.source()
	if o.service.unit.host {
		source = "" // a container's lines are sent as they are
	}
	in.feed.add(source, strings.ToValidUTF8(string(o.partial), "\uFFFD"), in.clock.Now())
	o.partial = o.partial[:0]
}

// end ends the log with the command.
func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.partial) > 0 {
		o.endLine()
	}
	_ = o.file.Close() // nothing is buffered
}

// source returns the name by which the journal knows the unit's lines.
func (u *unit) source() string { return strings.TrimSuffix(u.name, ".service") }

// logName returns the name of the unit's log.
func (u *unit) logName() string { return u.source() + ".log" }
