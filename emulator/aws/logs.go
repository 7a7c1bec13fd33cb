package aws

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/logstore"
)

func (a *API) cloudWatchLogs() *service {
	return &service{name: "logs", title: "CloudWatch Logs", operations: map[string]operation{
		"CreateLogStream":    answering(a.createLogStream),
		"PutLogEvents":       answering(a.putLogEvents),
		"GetLogEvents":       answering(a.getLogEvents),
		"FilterLogEvents":    answering(a.filterLogEvents),
		"DescribeLogGroups":  answering(a.describeLogGroups),
		"DescribeLogStreams": answering(a.describeLogStreams),
	}}
}

type logStreamInput struct {
	LogGroupName, LogStreamName string
}

type emptyOutput struct{}

func (a *API) createLogStream(_ context.Context, in *logStreamInput) (*emptyOutput, error) {
	return &emptyOutput{}, a.cloud.Change(func(m *cloud.Model) error {
		return m.CloudWatch.CreateLogStream(in.LogGroupName, in.LogStreamName, m.Clock.Now())
	})
}

type putLogEventsInput struct {
	LogGroupName, LogStreamName string
	SequenceToken               string // which AWS ignores
	LogEvents                   []struct {
		Timestamp int64
		Message   string
	}
}

type rejectedEvents struct {
	TooOld  *int `json:"tooOldLogEventEndIndex,omitempty"`
	Expired *int `json:"expiredLogEventEndIndex,omitempty"`
	TooNew  *int `json:"tooNewLogEventStartIndex,omitempty"`
}

type putLogEventsOutput struct {
	Rejected *rejectedEvents `json:"rejectedLogEventsInfo,omitempty"`
}

func (a *API) putLogEvents(_ context.Context, in *putLogEventsInput) (*putLogEventsOutput, error) {
	var batch []cloudwatch.LogEvent
	for _, e := range in.LogEvents {
		batch = append(batch, cloudwatch.LogEvent{Time: time.UnixMilli(e.Timestamp), Message: e.Message})
	}
	var kept []cloudwatch.LogEvent
	var key string
	var now time.Time
	var rejected cloudwatch.RejectedEvents
	var err error
	a.cloud.Update(func(m *cloud.Model) bool {
		now = m.Clock.Now()
		kept, key, rejected, err = m.CloudWatch.PutLogEvents(in.LogGroupName, in.LogStreamName, batch, now, time.Now())
		return false // what it has changed need not be saved at once
	})
	if err != nil {
		return nil, err
	}
	var events []logstore.Event
	for _, e := range kept {
		events = append(events, logstore.Event{Time: e.Time.UnixMilli(), Ingested: now.UnixMilli(), Message: e.Message})
	}
	out := &putLogEventsOutput{}
	if rejected != (cloudwatch.RejectedEvents{}) {
		out.Rejected = &rejectedEvents{rejected.Old, rejected.Expired, rejected.New}
	}
	return out, a.logs.Append(key, events)
}

// most events that an answer has, and most bytes of their messages (API: GetLogEvents).
const (
	mostLogEvents = 10000
	mostLogBytes  = 1 << 20
)

type getLogEventsInput struct {
	LogGroupName, LogStreamName string
	LogGroupIdentifier          string
	StartTime, EndTime          *int64
	StartFromHead               bool
	Limit                       int
	NextToken                   string
}

type logEvent struct {
	EventID   string `json:"eventId"` // which GetLogEvents of AWS leaves out
	Stream    string `json:"logStreamName,omitempty"`
	Timestamp int64  `json:"timestamp"`
	Message   string `json:"message"`
	Ingestion int64  `json:"ingestionTime"`
}

type getLogEventsOutput struct {
	Events   []logEvent `json:"events"`
	Forward  string     `json:"nextForwardToken"`
	Backward string     `json:"nextBackwardToken"`
}

// getLogEvents returns a page of a stream: the latest one first, unless the head is asked for. At an end, the token is that of the request.
func (a *API) getLogEvents(_ context.Context, in *getLogEventsInput) (*getLogEventsOutput, error) {
	group := cmp.Or(in.LogGroupName, in.LogGroupIdentifier)
	events, err := a.eventsOf(group, in.LogStreamName, in.StartTime, in.EndTime)
	if err != nil {
		return nil, err
	}
	limit, err := limitOf(in.Limit)
	if err != nil {
		return nil, err
	}
	from, to := 0, len(events)
	switch direction, position, err := logToken(in.NextToken, len(events)); {
	case err != nil:
		return nil, err
	case direction == "f" || direction == "" && in.StartFromHead:
		from = position
		to = from + fitting(events[from:], limit)
	default:
		if direction == "b" {
			to = position
		}
		backwards := slices.Clone(events[:to])
		slices.Reverse(backwards)
		from = to - fitting(backwards, limit)
	}
	return &getLogEventsOutput{events[from:to], "f/" + strconv.Itoa(to), "b/" + strconv.Itoa(from)}, nil
}

// fitting returns how many of some events fit into an answer.
func fitting(events []logEvent, limit int) int {
	bytes := 0
	for i, e := range events {
		if bytes += len(e.Message); i == limit || bytes > mostLogBytes && i > 0 {
			return i
		}
	}
	return len(events)
}

func limitOf(limit int) (int, error) {
	if limit < 0 || limit > mostLogEvents {
		return 0, aws.Refuse("InvalidParameterException", "1 validation error detected: Value '%d' at 'limit' failed to satisfy constraint: "+
			"Member must have value from 1 to %d", limit, mostLogEvents)
	}
	return cmp.Or(limit, mostLogEvents), nil
}

// logToken returns the direction and the place of a token of GetLogEvents.
func logToken(token string, length int) (direction string, position int, err error) {
	if token == "" {
		return "", 0, nil
	}
	direction, place, _ := strings.Cut(token, "/")
	position, err = strconv.Atoi(place)
	if err != nil || position < 0 || direction != "f" && direction != "b" {
		return "", 0, aws.Refuse("InvalidParameterException", "The specified nextToken is invalid.")
	}
	return direction, min(position, length), nil // the oldest events may have been deleted
}

// eventsOf returns the events of a stream in their order, from a time to before another.
func (a *API) eventsOf(group, stream string, from, to *int64) ([]logEvent, error) {
	var key string
	var since time.Time
	if err := a.read(func(m *cloud.Model) error {
		found, err := m.CloudWatch.LogStream(group, stream)
		key = found.Key
		if err == nil {
			since = m.CloudWatch.LogGroups[group].KeptSince(m.Clock.Now())
		}
		return err
	}); err != nil {
		return nil, err
	}
	kept, err := a.logs.Read(key, since)
	events := []logEvent{}
	for i, e := range kept {
		if (from == nil || e.Time >= *from) && (to == nil || e.Time < *to) {
			events = append(events, logEvent{EventID: key + "/" + strconv.Itoa(i), Timestamp: e.Time, Message: e.Message, Ingestion: e.Ingested})
		}
	}
	return events, err
}

type filterLogEventsInput struct {
	LogGroupName, LogGroupIdentifier string
	LogStreamNames                   []string
	LogStreamNamePrefix              string
	StartTime, EndTime               *int64
	FilterPattern                    string
	Interleaved                      bool // which AWS ignores
	Limit                            *int32
	NextToken                        *string
}

type filterLogEventsOutput struct {
	Events    []logEvent `json:"events"`
	NextToken *string    `json:"nextToken,omitempty"`
	Searched  []string   `json:"searchedLogStreams"`
}

// filterLogEvents returns the events of streams in their order.
func (a *API) filterLogEvents(_ context.Context, in *filterLogEventsInput) (*filterLogEventsOutput, error) {
	name := cmp.Or(in.LogGroupName, in.LogGroupIdentifier)
	group, err := cloud.Find(a.cloud, func(m *cloud.Model) (cloudwatch.LogGroup, error) { return m.CloudWatch.LogGroup(name) })
	if err != nil {
		return nil, err
	}
	terms, err := termsOf(in.FilterPattern)
	if err != nil {
		return nil, err
	}
	found := []logEvent{}
	for _, stream := range aws.Keys(group.Streams) {
		if !isAsked(in.LogStreamNames, stream) || !strings.HasPrefix(stream, in.LogStreamNamePrefix) {
			continue
		}
		events, err := a.eventsOf(name, stream, in.StartTime, in.EndTime)
		if err != nil {
			return nil, err
		}
		for _, e := range events {
			if containsAll(e.Message, terms) {
				e.Stream = stream
				found = append(found, e)
			}
		}
	}
	slices.SortStableFunc(found, func(x, y logEvent) int { return cmp.Compare(x.Timestamp, y.Timestamp) })
	found, next, err := page(found, in.Limit, in.NextToken, mostLogEvents)
	return &filterLogEventsOutput{found, next, []string{}}, err
}

// termsOf returns the terms of a filter pattern, all of which an event must contain (CloudWatch Logs User Guide, "Filter pattern syntax").
func termsOf(pattern string) ([]string, error) {
	if strings.ContainsAny(pattern, `{}[]%?`) || strings.Contains(" "+pattern, " -") {
		return nil, aws.Refuse("InvalidParameterException", "the emulator knows filter patterns of terms that an event must contain, not %q",
			pattern)
	}
	if text, quoted := strings.CutPrefix(pattern, `"`); quoted && strings.Count(pattern, `"`) == 2 && strings.HasSuffix(text, `"`) {
		return []string{strings.TrimSuffix(text, `"`)}, nil
	}
	return strings.Fields(strings.ReplaceAll(pattern, `"`, "")), nil
}

func containsAll(text string, terms []string) bool {
	return !slices.ContainsFunc(terms, func(term string) bool { return !strings.Contains(text, term) })
}

type describeLogsInput struct {
	LogGroupName, LogGroupIdentifier string
	LogGroupNamePrefix               string
	LogGroupNamePattern              string
	LogStreamNamePrefix              string
	OrderBy                          string
	Descending                       bool
	Limit                            *int32
	NextToken                        *string
}

type describedLogGroup struct {
	Name      string `json:"logGroupName"`
	ARN       string `json:"arn"` // with :*, as policies have it
	PlainARN  string `json:"logGroupArn"`
	Created   int64  `json:"creationTime"`
	Retention int    `json:"retentionInDays,omitempty"`
	Bytes     int    `json:"storedBytes"`
	Class     string `json:"logGroupClass"`
}

type describeLogGroupsOutput struct {
	LogGroups []describedLogGroup `json:"logGroups"`
	NextToken *string             `json:"nextToken,omitempty"`
}

// mostDescribed is how many groups or streams an answer has (API: DescribeLogGroups, DescribeLogStreams).
const mostDescribed = 50

func (a *API) describeLogGroups(_ context.Context, in *describeLogsInput) (*describeLogGroupsOutput, error) {
	described := cloud.Get(a.cloud, func(m *cloud.Model) []describedLogGroup {
		all := []describedLogGroup{}
		for _, group := range sorted(m.CloudWatch.LogGroups) {
			if !strings.HasPrefix(group.Name, in.LogGroupNamePrefix) || !strings.Contains(group.Name, in.LogGroupNamePattern) {
				continue
			}
			d := describedLogGroup{
				Name: group.Name, PlainARN: m.Region.ARN("logs", "log-group:"+group.Name), Created: group.Created.UnixMilli(),
				Retention: group.RetentionDays, Class: "STANDARD",
			}
			d.ARN = d.PlainARN + ":*"
			for _, stream := range group.Streams {
				d.Bytes += stream.Bytes
			}
			all = append(all, d)
		}
		return all
	})
	described, next, err := page(described, in.Limit, in.NextToken, mostDescribed)
	return &describeLogGroupsOutput{described, next}, err
}

type describedLogStream struct {
	Name     string `json:"logStreamName"`
	ARN      string `json:"arn"`
	Created  int64  `json:"creationTime"`
	First    *int64 `json:"firstEventTimestamp,omitempty"`
	Last     *int64 `json:"lastEventTimestamp,omitempty"`
	Ingested *int64 `json:"lastIngestionTime,omitempty"`
	Bytes    int    `json:"storedBytes"`
}

type describeLogStreamsOutput struct {
	LogStreams []describedLogStream `json:"logStreams"`
	NextToken  *string              `json:"nextToken,omitempty"`
}

func (a *API) describeLogStreams(_ context.Context, in *describeLogsInput) (*describeLogStreamsOutput, error) {
	name := cmp.Or(in.LogGroupName, in.LogGroupIdentifier)
	group, err := cloud.Find(a.cloud, func(m *cloud.Model) (cloudwatch.LogGroup, error) { return m.CloudWatch.LogGroup(name) })
	if err != nil {
		return nil, err
	}
	all := []describedLogStream{}
	for _, stream := range sorted(group.Streams) {
		if strings.HasPrefix(stream.Name, in.LogStreamNamePrefix) {
			all = append(all, a.describeLogStream(name, stream))
		}
	}
	if in.OrderBy == "LastEventTime" {
		last := func(s describedLogStream) int64 {
			if s.Last == nil {
				return 0
			}
			return *s.Last
		}
		slices.SortStableFunc(all, func(x, y describedLogStream) int { return cmp.Compare(last(x), last(y)) })
	}
	if in.Descending {
		slices.Reverse(all)
	}
	all, next, err := page(all, in.Limit, in.NextToken, mostDescribed)
	return &describeLogStreamsOutput{all, next}, err
}

func (a *API) describeLogStream(group string, s *cloudwatch.LogStream) describedLogStream {
	d := describedLogStream{
		Name: s.Name, ARN: a.cloud.Region().ARN("logs", "log-group:"+group+":log-stream:"+s.Name), Created: s.Created.UnixMilli(), Bytes: s.Bytes,
	}
	if s.Bytes > 0 {
		d.First, d.Last, d.Ingested = new(s.First.UnixMilli()), new(s.Last.UnixMilli()), new(s.Ingested.UnixMilli())
	}
	return d
}
