package aws_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
)

const group = "/web/test/instances"

// logs returns a client of CloudWatch Logs with a group that has two streams.
func (w *world) logs(t *testing.T) *cloudwatchlogs.Client {
	t.Helper()
	require.NoError(t, w.cloud.Change(func(m *cloud.Model) error {
		return m.CloudWatch.CreateLogGroup(cloudwatch.LogGroup{Name: group, RetentionDays: 3, Created: m.Clock.Now()})
	}))
	client := cloudwatchlogs.NewFromConfig(w.config())
	for _, stream := range []string{"i-1", "i-2"} {
		in := &cloudwatchlogs.CreateLogStreamInput{LogGroupName: sdk.String(group), LogStreamName: &stream}
		_, err := client.CreateLogStream(t.Context(), in)
		require.NoError(t, err)
	}
	return client
}

func put(t *testing.T, client *cloudwatchlogs.Client, stream string, events ...types.InputLogEvent) (
	*cloudwatchlogs.PutLogEventsOutput, error,
) {
	t.Helper()
	return client.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{
		LogGroupName: sdk.String(group), LogStreamName: &stream, LogEvents: events,
	})
}

func eventAt(at time.Time, message string) types.InputLogEvent {
	return types.InputLogEvent{Timestamp: sdk.Int64(at.UnixMilli()), Message: &message}
}

func TestTheSDKWritesAndReadsLogs(t *testing.T) {
	w := newWorld(t)
	client := w.logs(t)
	now := w.cloud.Now()
	var batch []types.InputLogEvent
	for i := range 25 {
		batch = append(batch, eventAt(now.Add(time.Duration(i)*time.Second), fmt.Sprintf("line %02d", i)))
	}
	_, err := put(t, client, "i-1", batch...)
	require.NoError(t, err)
	_, err = put(t, client, "i-2", eventAt(now.Add(500*time.Millisecond), "other \"quoted\" \u0001 line"))
	require.NoError(t, err)

	messages := func(in *cloudwatchlogs.GetLogEventsInput) (found []string, out *cloudwatchlogs.GetLogEventsOutput) {
		in.LogGroupName, in.LogStreamName = sdk.String(group), sdk.String("i-1")
		out, err := client.GetLogEvents(t.Context(), in)
		require.NoError(t, err)
		for _, e := range out.Events {
			found = append(found, strings.TrimPrefix(*e.Message, "line "))
		}
		return found, out
	}
	latest, out := messages(&cloudwatchlogs.GetLogEventsInput{Limit: sdk.Int32(3)})
	assert.Equal(t, []string{"22", "23", "24"}, latest)
	before, _ := messages(&cloudwatchlogs.GetLogEventsInput{Limit: sdk.Int32(3), NextToken: out.NextBackwardToken})
	assert.Equal(t, []string{"19", "20", "21"}, before)
	after, end := messages(&cloudwatchlogs.GetLogEventsInput{NextToken: out.NextForwardToken})
	assert.Empty(t, after)
	assert.Equal(t, out.NextForwardToken, end.NextForwardToken, "the token of the end is returned again")
	first, out := messages(&cloudwatchlogs.GetLogEventsInput{Limit: sdk.Int32(2), StartFromHead: sdk.Bool(true)})
	assert.Equal(t, []string{"00", "01"}, first)
	second, _ := messages(&cloudwatchlogs.GetLogEventsInput{Limit: sdk.Int32(2), NextToken: out.NextForwardToken})
	assert.Equal(t, []string{"02", "03"}, second)
	within, _ := messages(&cloudwatchlogs.GetLogEventsInput{
		StartTime: sdk.Int64(now.Add(5 * time.Second).UnixMilli()), EndTime: sdk.Int64(now.Add(7 * time.Second).UnixMilli()),
	})
	assert.Equal(t, []string{"05", "06"}, within)

	filtered, err := client.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: sdk.String(group), Limit: sdk.Int32(2),
	})
	require.NoError(t, err)
	assert.Equal(t, "i-2", *filtered.Events[1].LogStreamName, "streams are merged by time")
	assert.Equal(t, "other \"quoted\" \u0001 line", *filtered.Events[1].Message)
	require.NotNil(t, filtered.NextToken)
	filtered, err = client.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: sdk.String(group), FilterPattern: sdk.String("line 07"), LogStreamNamePrefix: sdk.String("i-"),
	})
	require.NoError(t, err)
	require.Len(t, filtered.Events, 1)
	_, err = client.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: sdk.String(group), FilterPattern: sdk.String("{ $.level = 1 }"),
	})
	require.ErrorContains(t, err, "the emulator knows filter patterns of terms")

	groups, err := client.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: sdk.String("/web/")})
	require.NoError(t, err)
	require.Len(t, groups.LogGroups, 1)
	assert.EqualValues(t, 3, *groups.LogGroups[0].RetentionInDays)
	assert.Equal(t, "arn:aws:logs:us-east-1:123456789012:log-group:/web/test/instances:*", *groups.LogGroups[0].Arn)
	streams, err := client.DescribeLogStreams(t.Context(), &cloudwatchlogs.DescribeLogStreamsInput{
		LogGroupName: sdk.String(group), OrderBy: types.OrderByLastEventTime, Descending: sdk.Bool(true), Limit: sdk.Int32(1),
	})
	require.NoError(t, err)
	require.Len(t, streams.LogStreams, 1)
	assert.Equal(t, "i-1", *streams.LogStreams[0].LogStreamName)
	assert.Equal(t, now.Add(24*time.Second).UnixMilli(), *streams.LogStreams[0].LastEventTimestamp)
}

func TestEventsOfAnotherTimeAreRejectedAndExpiredOnesAreGone(t *testing.T) {
	w := newWorld(t)
	client := w.logs(t)
	real, now := time.Now(), w.cloud.Now()
	earliest, latest := now, real
	if real.Before(now) {
		earliest, latest = real, now
	}
	out, err := put(t, client, "i-1",
		eventAt(earliest.Add(-15*24*time.Hour), "too old"), eventAt(earliest.Add(-14*24*time.Hour-time.Hour), "too old"))
	require.NoError(t, err)
	require.NotNil(t, out.RejectedLogEventsInfo)
	assert.EqualValues(t, 2, *out.RejectedLogEventsInfo.TooOldLogEventEndIndex)
	out, err = put(t, client, "i-1", eventAt(earliest.Add(-4*24*time.Hour), "expired"), eventAt(earliest.Add(-71*time.Hour), "kept"))
	require.ErrorContains(t, err, "cannot span more than 24 hours")
	assert.Nil(t, out)
	out, err = put(t, client, "i-1", eventAt(earliest.Add(-73*time.Hour), "expired"), eventAt(earliest.Add(-70*time.Hour), "kept"))
	require.NoError(t, err)
	assert.EqualValues(t, 1, *out.RejectedLogEventsInfo.ExpiredLogEventEndIndex)
	out, err = put(t, client, "i-1", eventAt(latest, "kept"), eventAt(latest.Add(23*time.Hour), "too new"))
	require.NoError(t, err)
	assert.EqualValues(t, 1, *out.RejectedLogEventsInfo.TooNewLogEventStartIndex)

	w.clock.Advance(4 * 24 * time.Hour)
	found, err := client.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: sdk.String(group), LogStreamName: sdk.String("i-1"),
	})
	require.NoError(t, err)
	assert.Empty(t, found.Events)
	assert.Empty(t, cloud.Get(w.cloud, func(m *cloud.Model) map[string]bool {
		keys := m.CloudWatch.LogKeys(m.Clock.Now())
		delete(keys, m.CloudWatch.LogGroups[group].Streams["i-2"].Key)
		return keys
	}))
}
