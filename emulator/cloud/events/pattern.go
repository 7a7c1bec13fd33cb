package events

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// checkPattern checks the form of an event pattern: an object whose fields are objects again or lists of values
// (EventBridge User Guide: "Creating Amazon EventBridge event patterns").
func checkPattern(text string) error {
	var fields map[string]any
	if err := json.Unmarshal([]byte(text), &fields); err != nil || fields == nil {
		return invalidPattern("Filter is not an object")
	}
	return checkFields(fields)
}

// invalidPattern refuses a pattern in the words of EventBridge.
func invalidPattern(format string, args ...any) error {
	return aws.Refuse("InvalidEventPatternException", "Event pattern is not valid. Reason: %s", fmt.Sprintf(format, args...))
}

// checkFields checks the fields of an object of a pattern.
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

// checkValues checks a list of values. The emulator only knows values that are compared as they are.
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

// notKnown refuses a comparison that the emulator does not know.
func notKnown(comparison, name string) error {
	return aws.Refuse("InvalidEventPatternException", "the emulator does not know the comparison %s of %q, only lists of exact values",
		comparison, name)
}

// matches reports whether an event has, for each field of a pattern, one of the values of the field. A field of the
// event that is an array matches by any of its elements.
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
