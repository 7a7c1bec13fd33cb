package cloudwatch

import (
	"fmt"
	"regexp"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// LogStream is a stream of a log group. The caller keeps its events, in what Key names.
type LogStream struct {
	Name        string
	Key         string // unlike that of any other stream, also of one that had the name before
	Created     time.Time
	Ingested    time.Time // when events came last
	First, Last time.Time // of the events
	Bytes       int       // of the events, as CloudWatch Logs counts them
}

// LogEvent is a line in a stream.
type LogEvent struct {
	Time    time.Time
	Message string
}

// RejectedEvents are the bounds of the events of a batch that were not taken (API: RejectedLogEventsInfo). Each is nil if there are none.
type RejectedEvents struct {
	Old, Expired *int // the first index after them
	New          *int // their first index
}

// Limits of a batch (API: PutLogEvents).
const (
	maxBatchBytes  = 1 << 20
	maxBatchEvents = 10000
	maxBatchSpan   = 24 * time.Hour
	eventOverhead  = 26 // bytes that an event counts beside its message
	mostPast       = 14 * 24 * time.Hour
	mostFuture     = 2 * time.Hour
)

var logStreamName = regexp.MustCompile(`^[^:*]{1,512}$`)

// CreateLogStream creates a stream of a log group (API: CreateLogStream).
func (s *Store) CreateLogStream(group, name string, now time.Time) error {
	found, err := s.logGroup(group)
	switch {
	case err != nil:
		return err
	case !logStreamName.MatchString(name):
		return aws.Refuse("InvalidParameterException", "1 validation error detected: Value '%s' at 'logStreamName' failed to satisfy "+
			"constraint: Member must satisfy regular expression pattern: [^:*]*", name)
	case found.Streams[name] != nil:
		return aws.Refuse("ResourceAlreadyExistsException", "The specified log stream already exists")
	}
	found.Streams[name] = &LogStream{Name: name, Key: aws.UUID(), Created: now}
	return nil
}

// LogStream returns a stream of a log group.
func (s *Store) LogStream(group, name string) (LogStream, error) {
	stream, err := s.logStream(group, name)
	if err != nil {
		return LogStream{}, err
	}
	return *stream, nil
}

func (s *Store) logStream(group, name string) (*LogStream, error) {
	found, err := s.logGroup(group)
	if err != nil {
		return nil, err
	}
	if stream := found.Streams[name]; stream != nil {
		return stream, nil
	}
	return nil, aws.Refuse("ResourceNotFoundException", "The specified log stream does not exist.")
}

// PutLogEvents takes a batch of events to a stream. It returns those that the caller has to keep, and under which key, and which were
// rejected because of their time. Clocks are the times that it may be for those who send events: booted machines live in real time.
func (s *Store) PutLogEvents(group, name string, events []LogEvent, now time.Time, clocks ...time.Time) (
	kept []LogEvent, key string, rejected RejectedEvents, err error,
) {
	stream, err := s.logStream(group, name)
	if err == nil {
		err = checkBatch(events)
	}
	if err != nil {
		return nil, "", rejected, err
	}
	earliest, latest := now, now
	for _, t := range clocks {
		earliest, latest = earlier(earliest, t), later(latest, t)
	}
	days := s.LogGroups[group].RetentionDays
	for i, e := range events {
		age := earliest.Sub(e.Time)
		switch {
		case age > mostPast:
			rejected.Old = new(i + 1)
		case days > 0 && age > time.Duration(days)*24*time.Hour:
			rejected.Expired = new(i + 1)
		case e.Time.Sub(latest) > mostFuture:
			if rejected.New == nil {
				rejected.New = new(i)
			}
		default:
			kept = append(kept, e)
		}
	}
	stream.note(kept, now)
	return kept, stream.Key, rejected, nil
}

// note counts events.
func (s *LogStream) note(events []LogEvent, now time.Time) {
	for _, e := range events {
		if s.Bytes == 0 || e.Time.Before(s.First) {
			s.First = e.Time
		}
		s.Last = later(s.Last, e.Time)
		s.Bytes += len(e.Message) + eventOverhead
		s.Ingested = now
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// checkBatch refuses a batch that is refused as a whole.
func checkBatch(events []LogEvent) error {
	refuse := func(format string, args ...any) error {
		return aws.Refuse("InvalidParameterException", "%s", fmt.Sprintf(format, args...))
	}
	if n := len(events); n == 0 || n > maxBatchEvents {
		return refuse("1 validation error detected: Value at 'logEvents' failed to satisfy constraint: Member must have length from 1 to %d, "+
			"not %d", maxBatchEvents, n)
	}
	total, first, last := 0, events[0].Time, events[0].Time
	for i, e := range events {
		switch {
		case e.Message == "":
			return refuse("1 validation error detected: Value '' at 'logEvents.%d.member.message' failed to satisfy constraint: Member must "+
				"have length greater than or equal to 1", i+1)
		case e.Time.Before(last):
			return refuse("Log events in a single PutLogEvents request must be in chronological order.")
		}
		last = e.Time
		total += len(e.Message) + eventOverhead
	}
	switch {
	case total > maxBatchBytes:
		return refuse("Upload too large: %d bytes exceeds limit of %d", total, maxBatchBytes)
	case last.Sub(first) > maxBatchSpan:
		return refuse("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
	}
	return nil
}

// KeptSince returns from when on the events of a group are kept; the zero time for all of them.
func (g *LogGroup) KeptSince(now time.Time) time.Time {
	if g.RetentionDays == 0 {
		return time.Time{}
	}
	return now.AddDate(0, 0, -g.RetentionDays)
}

// LogKeys returns the keys of the streams that have events. What is kept under others can be deleted.
func (s *Store) LogKeys(now time.Time) map[string]bool {
	keys := map[string]bool{}
	for _, group := range s.LogGroups {
		since := group.KeptSince(now)
		for _, stream := range group.Streams {
			if !stream.Ingested.Before(since) {
				keys[stream.Key] = true
			}
		}
	}
	return keys
}
