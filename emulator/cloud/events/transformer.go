package events

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// Transformer makes a text of an event, for people (EventBridge User Guide: "Input transformation").
type Transformer struct {
	Paths    map[string]string // names of values: $.detail.AutoScalingGroupName
	Template string            // lines of text in quotes, in which <NAME> stands for a value
}

// maxPaths is how many values a transformer takes (API: InputTransformer).
const maxPaths = 100

var (
	eventPath = regexp.MustCompile(`^\$(\.[A-Za-z0-9_-]+)+$`)
	reference = regexp.MustCompile(`<([A-Za-z0-9_.-]+)>`)
)

// builtIn are names that every template may use.
var builtIn = []string{
	"aws.events.event", "aws.events.event.json", "aws.events.event.ingestion-time", "aws.events.rule-arn", "aws.events.rule-name",
}

// check refuses what EventBridge refuses, and templates that are no text.
func (t *Transformer) check() error {
	if len(t.Paths) > maxPaths {
		return aws.Refuse("ValidationException", "InputPathsMap must have at most %d entries: %d", maxPaths, len(t.Paths))
	}
	for _, name := range aws.Keys(t.Paths) {
		switch {
		case strings.HasPrefix(strings.ToLower(name), "aws"):
			return aws.Refuse("ValidationException", "InputPathsMap must not have keys that start with AWS: %s", name)
		case !eventPath.MatchString(t.Paths[name]):
			return aws.Refuse("ValidationException", "the emulator knows paths such as $.detail.EC2InstanceId, not %q", t.Paths[name])
		}
	}
	lines, err := t.lines()
	if err != nil {
		return err
	}
	for _, line := range lines {
		for _, found := range reference.FindAllStringSubmatch(line, -1) {
			if _, known := t.Paths[found[1]]; !known {
				if slices.Contains(builtIn, found[1]) {
					return aws.Refuse("ValidationException", "the emulator does not know the variable <%s>", found[1])
				}
				return aws.Refuse("ValidationException", "InputTemplate for target contains invalid placeholder %s.", found[1])
			}
		}
	}
	return nil
}

// lines returns the lines of the template without their quotes.
func (t *Transformer) lines() ([]string, error) {
	var lines []string
	for line := range strings.Lines(t.Template) {
		var content string
		if err := json.Unmarshal([]byte(line), &content); err != nil {
			return nil, aws.Refuse("ValidationException", "the emulator knows templates of lines in quotes, not %q", line)
		}
		lines = append(lines, content)
	}
	if len(lines) == 0 {
		return nil, aws.Refuse("ValidationException", "InputTemplate must not be empty")
	}
	return lines, nil
}

// apply returns the text for an event. A value that the event does not have is left out.
func (t *Transformer) apply(event any) string {
	lines, err := t.lines()
	if err != nil {
		return "" // refused by check
	}
	return reference.ReplaceAllStringFunc(strings.Join(lines, "\n"), func(name string) string {
		value := event
		for step := range strings.SplitSeq(strings.TrimPrefix(t.Paths[strings.Trim(name, "<>")], "$."), ".") {
			object, _ := value.(map[string]any)
			value = object[step]
		}
		if value == nil {
			return ""
		}
		return fmt.Sprint(value)
	})
}
