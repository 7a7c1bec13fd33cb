// Package invalid collects everything that is wrong with a configuration, so that its user sees all of it at once.
//
// A problem names the setting by its path, the value that was given and the rule that it breaks:
//
//	scaling.max: 1 is below scaling.min (2)
package invalid

import (
	"errors"
	"fmt"
	"strings"
)

// Problem is a broken rule.
type Problem struct {
	Path  string // of the setting, dotted, with indices: app.services[0].name
	Value string // as the user wrote it; empty where nothing was given
	Rule  string // completes a sentence that begins with the value
}

// Error returns the problem in one line.
func (p Problem) Error() string {
	if p.Value == "" {
		return p.Path + ": " + p.Rule
	}
	return p.Path + ": " + p.Value + " " + p.Rule
}

// List gathers problems. The zero value is empty and ready for use.
type List struct {
	problems []Problem
}

// Add records that the value at path breaks a rule. The rule is formatted with args.
func (l *List) Add(path string, value any, rule string, args ...any) {
	l.problems = append(l.problems, Problem{Path: path, Value: show(value), Rule: fmt.Sprintf(rule, args...)})
}

// Missing records that nothing is set at path, where a value must be, or that the setting as a whole breaks a rule.
func (l *List) Missing(path, rule string, args ...any) {
	l.problems = append(l.problems, Problem{Path: path, Rule: fmt.Sprintf(rule, args...)})
}

// Need records that a value is missing at path, unless given is true.
func (l *List) Need(path string, given bool) {
	if !given {
		l.Missing(path, "a value is needed")
	}
}

// Include adds the problems of err below the path prefix. They come from a Problem, a List's error or any mixture that
// [errors.Join] made of them. Any other error is added at the prefix itself.
func (l *List) Include(prefix string, err error) {
	var joined interface{ Unwrap() []error }
	var problem Problem
	switch {
	case err == nil:
	case errors.As(err, &joined):
		for _, e := range joined.Unwrap() {
			l.Include(prefix, e)
		}
	case errors.As(err, &problem):
		problem.Path = strings.Trim(prefix+"."+problem.Path, ".")
		l.problems = append(l.problems, problem)
	default:
		l.problems = append(l.problems, Problem{Path: prefix, Rule: err.Error()})
	}
}

// Problems returns what was added, in order.
func (l *List) Problems() []Problem { return l.problems }

// Err returns nil if nothing was added, and otherwise an error with a line per problem.
func (l *List) Err() error {
	errs := make([]error, len(l.problems))
	for i, p := range l.problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}

// show renders a value as its user would write it. Text is quoted, so that empty and padded text is visible.
func show(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return fmt.Sprintf("%q", v)
	default:
		return fmt.Sprint(v)
	}
}
