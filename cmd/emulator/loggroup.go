package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// isLogGroup reports whether a text names a log group and not an instance or a task.
func isLogGroup(text string) bool {
	return strings.HasPrefix(text, "/") || strings.Contains(text, "-logs-")
}

// logGroup is a log group that is read from its beginning.
type logGroup struct {
	client       *cloudwatchlogs.Client
	name, stream string // all streams when empty

	from  int64    // milliseconds since 1970
	shown []string // IDs of the events of that time that have been returned
}

func openLogGroup(address, region, name, stream string) *logGroup {
	client := cloudwatchlogs.New(cloudwatchlogs.Options{
		Region: region, BaseEndpoint: sdk.String("http://" + address),
		Credentials: credentials.NewStaticCredentialsProvider("emulator", "emulator", ""),
	})
	return &logGroup{client: client, name: name, stream: stream}
}

// read returns the events since the last call as lines: time, stream and message.
func (g *logGroup) read(ctx context.Context) ([]string, error) {
	in := &cloudwatchlogs.FilterLogEventsInput{LogGroupName: &g.name, StartTime: &g.from}
	if g.stream != "" {
		in.LogStreamNames = []string{g.stream}
	}
	var events []types.FilteredLogEvent
	for pages := cloudwatchlogs.NewFilterLogEventsPaginator(g.client, in); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("log group %s: %w", g.name, err)
		}
		events = append(events, page.Events...)
	}
	var lines []string
	last, shown := g.from, g.shown
	for _, e := range events {
		id, at := *e.EventId, *e.Timestamp
		if at == g.from && slices.Contains(g.shown, id) {
			continue
		}
		if at > last {
			last, shown = at, nil
		}
		shown = append(shown, id)
		when := time.UnixMilli(at).UTC().Format("2006-01-02T15:04:05.000Z")
		lines = append(lines, fmt.Sprintf("%s %s %s", when, *e.LogStreamName, *e.Message))
	}
	g.from, g.shown = last, shown
	return lines, nil
}

// print prints the last events, and follows them until ctx ends.
func (g *logGroup) print(ctx context.Context, out io.Writer, count int, follow bool) error {
	lines, err := g.read(ctx)
	if err != nil {
		return err
	}
	lines = lines[max(0, len(lines)-count):]
	for {
		for _, line := range lines {
			fmt.Fprintln(out, line)
		}
		if !follow {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(followEvery):
		}
		if lines, err = g.read(ctx); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
	}
}
