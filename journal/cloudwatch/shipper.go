// Package cloudwatch sends entries of a journal to CloudWatch Logs, see package journal. The journal keeps what is to be sent: while
// CloudWatch Logs cannot be reached, a [Shipper] takes no further entries.
package cloudwatch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"

	"github.com/elastic-service/elastic-service/journal"
)

// Client is what a Shipper needs of CloudWatch Logs.
type Client interface {
	CreateLogStream(context.Context, *cloudwatchlogs.CreateLogStreamInput, ...func(*cloudwatchlogs.Options)) (
		*cloudwatchlogs.CreateLogStreamOutput, error)
	PutLogEvents(context.Context, *cloudwatchlogs.PutLogEventsInput, ...func(*cloudwatchlogs.Options)) (
		*cloudwatchlogs.PutLogEventsOutput, error)
}

// Shipper sends entries to a stream of a log group, which it creates.
type Shipper struct {
	Client        Client
	Group, Stream string

	// Linger is how long a batch waits for further entries.
	Linger time.Duration

	// Retry is the pause after a failure. It doubles with each further one, up to a minute.
	Retry time.Duration

	// Sent is called after each batch with its last entry. Nil: nothing is.
	Sent func(last journal.Entry)

	// Say is told what goes wrong, once for each change.
	Say func(text string)
}

// Limits of a batch (CloudWatch Logs API: PutLogEvents).
const (
	mostBytes  = 1 << 20 // of all messages together, each with eventBytes more
	mostEvents = 10000
	longest    = 24 * time.Hour // from the first event to the last
	eventBytes = 26
)

// mostText is how many bytes of an entry are sent. An event can have four times as many, but tools that read logs stop there.
const mostText = 1<<18 - eventBytes

// longestPause is the longest pause between two tries.
const longestPause = time.Minute

// Run sends entries until the channel is closed. It ends with an error only if ctx ends before.
func (s *Shipper) Run(ctx context.Context, entries <-chan journal.Entry) error {
	for b := new(batch); ; {
		open := b.collect(ctx, s.Linger, entries)
		if len(b.events) > 0 {
			if err := s.send(ctx, b); err != nil {
				return err
			}
			if s.Sent != nil {
				s.Sent(b.last)
			}
		}
		if !open && b.next == nil {
			return ctx.Err()
		}
		b = &batch{next: b.next}
	}
}

// batch is entries that are sent at once.
type batch struct {
	events      []types.InputLogEvent
	bytes       int
	first, most int64 // bounds of the times, in milliseconds since 1970
	last        journal.Entry
	next        *journal.Entry // it did not fit
}

// collect takes entries until the batch is full, nothing has come for a time after the first one, or the channel is closed, which it
// reports as false.
func (b *batch) collect(ctx context.Context, linger time.Duration, entries <-chan journal.Entry) (open bool) {
	var late <-chan time.Time
	if next := b.next; next != nil {
		b.next = nil
		b.add(*next)
		late = time.After(linger)
	}
	for b.next == nil {
		select {
		case e, open := <-entries:
			if !open {
				return false
			}
			b.add(e)
			if late == nil {
				late = time.After(linger)
			}
		case <-late:
			return true
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// add adds an entry, or keeps it as the next one if it does not fit.
func (b *batch) add(e journal.Entry) {
	event := eventOf(e)
	if *event.Message == "" { // which CloudWatch Logs refuses
		return
	}
	at, size := *event.Timestamp, len(*event.Message)+eventBytes
	first, most := at, at
	if len(b.events) > 0 {
		first, most = min(b.first, at), max(b.most, at)
	}
	if b.bytes+size > mostBytes || len(b.events) == mostEvents || most-first >= longest.Milliseconds() {
		b.next = &e
		return
	}
	b.events, b.bytes, b.first, b.most, b.last = append(b.events, event), b.bytes+size, first, most, e
}

// eventOf returns an entry as an event. The source comes first, as in a file of syslog.
func eventOf(e journal.Entry) types.InputLogEvent {
	message := e.Text
	if e.Source != "" {
		message = e.Source + ": " + message
	}
	if total := len(message); total > mostText {
		note := fmt.Sprintf(" … (cut: it has %d bytes)", total)
		message = strings.ToValidUTF8(message[:mostText-len(note)], "") + note
	}
	if !utf8.ValidString(message) {
		message = strings.ToValidUTF8(message, "\uFFFD")
	}
	return types.InputLogEvent{Timestamp: aws.Int64(e.Time.UnixMilli()), Message: &message}
}

// send sends a batch, however long it takes. It gives up a batch only if CloudWatch Logs says that its content is wrong.
func (s *Shipper) send(ctx context.Context, b *batch) error {
	// The clock of an instance may have been set back meanwhile; events must be in order.
	slices.SortStableFunc(b.events, func(x, y types.InputLogEvent) int { return cmp.Compare(*x.Timestamp, *y.Timestamp) })
	in := &cloudwatchlogs.PutLogEventsInput{LogGroupName: &s.Group, LogStreamName: &s.Stream, LogEvents: b.events}
	for pause, failing := s.Retry, false; ; pause = min(2*pause, longestPause) {
		out, err := s.Client.PutLogEvents(ctx, in)
		if codeOf(err) == notFound {
			if err = s.createStream(ctx); err == nil {
				out, err = s.Client.PutLogEvents(ctx, in)
			}
		}
		switch code := codeOf(err); {
		case err == nil:
			if failing {
				s.Say("CloudWatch Logs takes events again")
			}
			s.sayRejected(out.RejectedLogEventsInfo, len(b.events))
			return nil
		case code == "InvalidParameterException" || code == "SerializationException":
			s.Say(fmt.Sprintf("%d lines are not sent: %v", len(b.events), err))
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case !failing:
			failing = true
			s.Say(fmt.Sprintf("CloudWatch Logs takes no events, and the journal keeps them meanwhile: %v", err))
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

const notFound = "ResourceNotFoundException"

func codeOf(err error) string {
	if refused, ok := errors.AsType[smithy.APIError](err); ok {
		return refused.ErrorCode()
	}
	return ""
}

func (s *Shipper) createStream(ctx context.Context) error {
	_, err := s.Client.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &s.Group, LogStreamName: &s.Stream})
	if codeOf(err) == "ResourceAlreadyExistsException" {
		return nil
	}
	return err
}

// sayRejected tells how many events were not taken because of their time.
func (s *Shipper) sayRejected(rejected *types.RejectedLogEventsInfo, all int) {
	if rejected == nil {
		return
	}
	old := max(aws.ToInt32(rejected.TooOldLogEventEndIndex), aws.ToInt32(rejected.ExpiredLogEventEndIndex))
	if old > 0 {
		s.Say(fmt.Sprintf("%d lines were rejected, because they are older than the log group keeps them, or than 14 days", old))
	}
	if first := rejected.TooNewLogEventStartIndex; first != nil {
		s.Say(fmt.Sprintf("%d lines were rejected, because they are from the future: see the clock of the instance", all-int(*first)))
	}
}
