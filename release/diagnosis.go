package release

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
)

// Setup is a setup command of the instances.
type Setup struct {
	Name    string // its unit is setup-NAME
	Command []string
}

const (
	// mostLines is how many lines of an instance an error shows.
	mostLines = 8
	// mostEvents is how many of the latest events of an instance are looked at.
	mostEvents = 500
	// mostPages is how often an empty page is turned: CloudWatch Logs may have some before the events.
	mostPages = 10
)

// diagnosis returns what the instances that were unhealthy have written, as lines to be put behind a message, or where it is to be found.
func (r *rollout) diagnosis(ctx context.Context) string {
	if len(r.unhealthy) == 0 {
		return ""
	}
	if r.instances.LogGroup == "" {
		id := r.unhealthy[0]
		return fmt.Sprintf("\n  why is in the journal of %s: with app.logs it is read from CloudWatch Logs, and shown here. Without, look at "+
			"the instance with Session Manager (compute.sessionManager), at its console (aws ec2 get-console-output --latest --instance-id %s), or "+
			"on the emulator with the command logs %s", id, id, id)
	}
	var first string
	for _, id := range r.unhealthy {
		lines, err := r.lines(ctx, id)
		if err != nil {
			return fmt.Sprintf("\n  what %s has written cannot be read: %v", id, err)
		}
		text, failed := r.instances.explain(id, lines)
		if failed {
			return text
		}
		if first == "" {
			first = text
		}
	}
	return first
}

// lines returns the last lines that an instance has sent.
func (r *rollout) lines(ctx context.Context, id string) ([]string, error) {
	in := &cloudwatchlogs.GetLogEventsInput{
		LogGroupName: &r.instances.LogGroup, LogStreamName: &id, StartFromHead: aws.Bool(false), Limit: aws.Int32(mostEvents),
	}
	for range mostPages {
		out, err := r.clients.Logs.GetLogEvents(ctx, in)
		if isCode(err, "ResourceNotFoundException") {
			return nil, nil // the instance has sent nothing
		}
		if err != nil {
			return nil, err
		}
		if len(out.Events) > 0 {
			var lines []string
			for _, event := range out.Events {
				lines = append(lines, strings.TrimRight(aws.ToString(event.Message), "\r\n"))
			}
			return lines, nil
		}
		if aws.ToString(out.NextBackwardToken) == aws.ToString(in.NextToken) {
			break // the beginning
		}
		in.NextToken = out.NextBackwardToken
	}
	return nil, nil
}

// What systemd says about a unit, behind its name in the lines.
var (
	unitFailed = regexp.MustCompile(`^systemd: (\S+)\.service: Failed with result '([^']+)'\.$`)
	unitExited = regexp.MustCompile(`^systemd: (\S+)\.service: Main process exited, code=(\w+), status=(\d+)(?:/(\S+))?$`)
)

// explain returns what lines tell of an instance: which unit has failed and its last lines, a setup command before all others. Failed is
// false if none has; then these are the last lines of all.
func (i *Instances) explain(id string, lines []string) (text string, failed bool) {
	unit, why := "", ""
	exits := map[string]string{}
	for _, line := range lines {
		if found := unitExited.FindStringSubmatch(line); found != nil {
			exits[found[1]] = exit(found[2], found[3], found[4])
		}
		found := unitFailed.FindStringSubmatch(line)
		if found == nil || isSetup(unit) && !isSetup(found[1]) {
			continue
		}
		unit, why = found[1], found[2]
		if exits[unit] != "" && why != "timeout" {
			why = exits[unit]
		}
	}
	if unit == "" {
		if len(lines) == 0 {
			return fmt.Sprintf("\n  %s has sent nothing to the log group %s: it did not get that far", id, i.LogGroup), false
		}
		return fmt.Sprintf("\n  %s wrote last:%s", id, shown(lines)), false
	}
	var own []string
	for _, line := range lines {
		if text, ok := strings.CutPrefix(line, unit+": "); ok {
			own = append(own, text)
		}
	}
	return fmt.Sprintf("\n  %s: %s failed: %s%s", id, i.nameOf(unit), why, shown(own)), true
}

// Instances is what the instances tell of themselves.
type Instances struct {
	// LogGroup is the log group with a stream for each instance; "" without one.
	LogGroup string
	// Setup are the setup commands, in their order.
	Setup []Setup
}

// setupPrefix begins the names of the units of setup commands.
const setupPrefix = "setup-"

func isSetup(unit string) bool { return strings.HasPrefix(unit, setupPrefix) }

// nameOf returns what a unit is.
func (i *Instances) nameOf(unit string) string {
	for n, s := range i.Setup {
		if unit == setupPrefix+s.Name {
			return fmt.Sprintf("setup command %d, %s (%s),", n+1, s.Name, strings.Join(s.Command, " "))
		}
	}
	return "the unit " + unit
}

// exit returns how a process has ended.
func exit(code, status, name string) string {
	if code == "exited" {
		return "exit status " + status
	}
	return strings.TrimSpace("ended by signal " + status + " " + name)
}

// shown returns the last of some lines, each on a line of its own.
func shown(lines []string) string {
	var text strings.Builder
	for _, line := range lines[max(0, len(lines)-mostLines):] {
		const width = 300
		if runes := []rune(line); len(runes) > width {
			line = string(runes[:width]) + "…"
		}
		text.WriteString("\n    | " + line)
	}
	return text.String()
}
