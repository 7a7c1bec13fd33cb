package events

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// checkPattern holds an event pattern to its form: an object, whose fields are objects again or lists of values
// (EventBridge User Guide: "Creating Amazon EventBridge event patterns").
func checkPattern(text string) error {
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil || fields == nil {
		return invalidPattern("Filter is not an object")
	}
	return checkFields(fields)
}

func invalidPattern(format string, args ...any) error {
	return aws.Refuse("InvalidEventPatternException", "Event pattern is not valid. Reason: %s", fmt.Sprintf(format, args...))
}

func checkFields(fields map[string]any) error {
	if len(fields) == 0 {
		return invalidPattern("Empty patterns are not allowed")
	}
	for _, name := range aws.Keys(fields) {
		if strings.HasPrefix(name, "$") {
			return notKnown(name, name)
		}
		switch wanted := fields[name].(type) {
		case map[string]any:
			if err := checkFields(wanted); err != nil {
				return err
			}
		case []any:
			if err := checkValues(name, wanted); err != nil {
				return err
			}
		default:
			return invalidPattern("%q must be an object or an array", name)
		}
	}
	return nil
}

// checkValues takes those that are compared as they are.
func checkValues(name string, values []any) error {
	if len(values) == 0 {
		return invalidPattern("Empty arrays are not allowed")
	}
	for _, value := range values {
		switch value := value.(type) {
		case map[string]any:
			return notKnown(strings.Join(aws.Keys(value), ", "), name)
		case []any:
			return invalidPattern("Unrecognized match type in %q: an array", name)
		}
	}
	return nil
}

func notKnown(comparison, name string) error {
	return aws.Refuse("InvalidEventPatternException", "the emulator doesn't know the comparison %s of %q: it knows lists of exact values",
		comparison, name)
}

// matches reports whether an event has each field of a pattern with one of its values. A field of the event that is an
// array matches by any of its elements.
func matches(wanted, is any) bool {
	if elements, ok := is.([]any); ok {
		return slices.ContainsFunc(elements, func(element any) bool { return matches(wanted, element) })
	}
	switch wanted := wanted.(type) {
	case map[string]any:
		event, ok := is.(map[string]any)
		if !ok {
			return false
		}
		for name, value := range wanted {
			if field, there := event[name]; !there || !matches(value, field) {
				return false
			}
		}
		return true
	case []any:
		return slices.ContainsFunc(wanted, func(value any) bool { return equal(value, is) })
	}
	return false
}

// equal compares strings, numbers, booleans and null.
func equal(a, b any) bool {
	if _, isObject := b.(map[string]any); isObject {
		return false
	}
	return a == b
}
