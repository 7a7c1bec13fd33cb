package cloudwatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/journal"
)

// group is a log group that answers as it is told.
type group struct {
	mu      sync.Mutex
	stream  bool    // it exists
	refuse  []error // the next answers to batches
	batches [][]types.InputLogEvent
	answer  *types.RejectedLogEventsInfo
	said    []string
	sent    []string // cursors
}

func refusal(code string) error { return &smithy.GenericAPIError{Code: code, Message: "a test"} }

func (g *group) CreateLogStream(context.Context, *cloudwatchlogs.CreateLogStreamInput, ...func(*cloudwatchlogs.Options)) (
	*cloudwatchlogs.CreateLogStreamOutput, error,
) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.stream {
		return nil, refusal("ResourceAlreadyExistsException")
	}
	g.stream = true
	return &cloudwatchlogs.CreateLogStreamOutput{}, nil
}

func (g *group) PutLogEvents(_ context.Context, in *cloudwatchlogs.PutLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (
	*cloudwatchlogs.PutLogEventsOutput, error,
) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.stream {
		return nil, refusal(notFound)
	}
	if len(g.refuse) > 0 {
		err := g.refuse[0]
		g.refuse = g.refuse[1:]
		return nil, err
	}
	g.batches = append(g.batches, in.LogEvents)
	return &cloudwatchlogs.PutLogEventsOutput{RejectedLogEventsInfo: g.answer}, nil
}

// ship sends entries and returns when all are sent.
func (g *group) ship(t *testing.T, entries ...journal.Entry) {
	t.Helper()
	channel := make(chan journal.Entry, len(entries))
	for i, e := range entries {
		e.Cursor = fmt.Sprint(i + 1)
		channel <- e
	}
	close(channel)
	s := Shipper{
		Client: g, Group: "g", Stream: "i-1", Linger: time.Minute, Retry: time.Millisecond,
		Sent: func(last journal.Entry) { g.sent = append(g.sent, last.Cursor) },
		Say:  func(text string) { g.said = append(g.said, text) },
	}
	require.NoError(t, s.Run(t.Context(), channel))
}

var start = time.UnixMilli(1_800_000_000_000)

func lines(n int, text string) []journal.Entry {
	var all []journal.Entry
	for i := range n {
		all = append(all, journal.Entry{Time: start.Add(time.Duration(i) * time.Millisecond), Source: "web", Text: text})
	}
	return all
}

func TestEntriesAreSentInBatchesThatCloudWatchTakes(t *testing.T) {
	for name, c := range map[string]struct {
		entries []journal.Entry
		batches []int
	}{
		"nothing":           {nil, nil},
		"one":               {lines(1, "a"), []int{1}},
		"too many":          {lines(10001, "a"), []int{10000, 1}},
		"too many bytes":    {lines(9, strings.Repeat("a", 1<<17)), []int{7, 2}},
		"more than a day":   {append(lines(2, "a"), journal.Entry{Time: start.Add(24 * time.Hour), Text: "b"}), []int{2, 1}},
		"a day back":        {append(lines(2, "a"), journal.Entry{Time: start.Add(-24 * time.Hour), Text: "b"}), []int{2, 1}},
		"an empty line":     {[]journal.Entry{{Time: start}}, nil},
		"less than the day": {append(lines(2, "a"), journal.Entry{Time: start.Add(24*time.Hour - time.Second), Text: "b"}), []int{3}},
	} {
		t.Run(name, func(t *testing.T) {
			g := &group{}
			g.ship(t, c.entries...)
			var sizes []int
			for _, batch := range g.batches {
				sizes = append(sizes, len(batch))
				total := 0
				for _, e := range batch {
					total += len(*e.Message) + eventBytes
				}
				assert.LessOrEqual(t, total, mostBytes)
			}
			assert.Equal(t, c.batches, sizes)
			assert.Empty(t, g.said)
			if len(c.batches) > 0 {
				assert.Equal(t, fmt.Sprint(len(c.entries)), g.sent[len(g.sent)-1])
			}
		})
	}
}

func TestEventsAreInOrderAndNameTheirSource(t *testing.T) {
	g := &group{}
	g.ship(t, journal.Entry{Time: start.Add(time.Second), Source: "web", Text: "later"}, journal.Entry{Time: start, Text: "as it is"})
	require.Len(t, g.batches, 1)
	assert.Equal(t, "as it is", *g.batches[0][0].Message)
	assert.Equal(t, "web: later", *g.batches[0][1].Message)
	assert.Equal(t, []string{"2"}, g.sent, "the last in the journal, not by time")
}

func TestALongLineIsCut(t *testing.T) {
	g := &group{}
	g.ship(t, journal.Entry{Time: start, Source: "web", Text: strings.Repeat("ä", 200_000)})
	message := *g.batches[0][0].Message
	assert.LessOrEqual(t, len(message), mostText)
	assert.Greater(t, len(message), mostText-100)
	assert.True(t, utf8.ValidString(message))
	assert.True(t, strings.HasSuffix(message, "ä … (cut: it has 400005 bytes)"), message[len(message)-60:])
}

func TestABatchIsSentUntilItIsTaken(t *testing.T) {
	g := &group{refuse: []error{
		refusal("ThrottlingException"), errors.New("no route to host"), refusal("AccessDeniedException"), refusal(notFound),
	}}
	g.ship(t, lines(2, "a")...)
	require.Len(t, g.batches, 1)
	assert.Equal(t, []string{
		"CloudWatch Logs takes no events, and the journal keeps them meanwhile: api error ThrottlingException: a test",
		"CloudWatch Logs takes events again",
	}, g.said, "said once")
}

func TestABatchThatIsWrongIsGivenUpAndSaid(t *testing.T) {
	g := &group{stream: true, refuse: []error{refusal("InvalidParameterException")}}
	g.ship(t, append(lines(2, "a"), journal.Entry{Time: start.Add(48 * time.Hour), Text: "b"})...)
	require.Len(t, g.batches, 1)
	assert.Equal(t, "b", *g.batches[0][0].Message)
	assert.Equal(t, []string{"2 lines are not sent: api error InvalidParameterException: a test"}, g.said)
}

func TestRejectedEventsAreSaid(t *testing.T) {
	g := &group{answer: &types.RejectedLogEventsInfo{TooOldLogEventEndIndex: new(int32(2)), TooNewLogEventStartIndex: new(int32(4))}}
	g.ship(t, lines(5, "a")...)
	assert.Equal(t, []string{
		"2 lines were rejected, because they are older than the log group keeps them, or than 14 days",
		"1 lines were rejected, because they are from the future: see the clock of the instance",
	}, g.said)
}

func TestTheEndOfItsContextEndsTheShipper(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := Shipper{Client: &group{stream: true, refuse: []error{errors.New("gone")}}, Retry: time.Hour, Say: func(string) { cancel() }}
	entries := make(chan journal.Entry, 1)
	entries <- journal.Entry{Time: start, Text: "a"}
	require.ErrorIs(t, s.Run(ctx, entries), context.Canceled)
}
