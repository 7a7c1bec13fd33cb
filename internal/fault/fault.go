// Package fault collects what is wrong with a configuration, all of it at once.
//
// A fault names the setting by its path, the value that was given and the rule it breaks:
//
//	scaling.max: 1 is below scaling.min (2)
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Fault is one broken rule.
type Fault struct {
	Path  string // the setting, dotted, with indices: app.services[0].name
	Value string // what was given, as the user wrote it; empty where nothing was
	Rule  string // what it breaks, as the end of a sentence that begins with the value
}

func (f Fault) Error() string {
	if f.Value == "" {
		return f.Path + ": " + f.Rule
	}
	return f.Path + ": " + f.Value + " " + f.Rule
}

// List gathers faults. The zero value is empty and ready for use.
type List struct {
	faults []Fault
}

// Add records that the value at path breaks a rule, which is formatted with args.
func (l *List) Add(path string, value any, rule string, args ...any) {
	l.faults = append(l.faults, Fault{Path: path, Value: show(value), Rule: fmt.Sprintf(rule, args...)})
}

// Missing records that nothing is set at path, where something must be.
func (l *List) Missing(path, rule string, args ...any) {
	l.faults = append(l.faults, Fault{Path: path, Rule: fmt.Sprintf(rule, args...)})
}

// Need records that nothing is set at path, unless there is something.
func (l *List) Need(path string, there bool) {
	if !there {
		l.Missing(path, "a value is needed")
	}
}

// Include adds the faults of err below the path prefix: a Fault, a List's error or any mixture that
// [errors.Join] made of them. Another error is added under the prefix itself.
func (l *List) Include(prefix string, err error) {
	var joined interface{ Unwrap() []error }
	var one Fault
	switch {
	case err == nil:
	case errors.As(err, &joined):
		for _, e := range joined.Unwrap() {
			l.Include(prefix, e)
		}
	case errors.As(err, &one):
		one.Path = strings.Trim(prefix+"."+one.Path, ".")
		l.faults = append(l.faults, one)
	default:
		l.faults = append(l.faults, Fault{Path: prefix, Rule: err.Error()})
	}
}

// Faults returns what was added, in order.
func (l *List) Faults() []Fault { return l.faults }

// Err is nil without faults, and otherwise one error with a line a fault.
func (l *List) Err() error {
	errs := make([]error, len(l.faults))
	for i, f := range l.faults {
		errs[i] = f
	}
	return errors.Join(errs...)
}

// show renders a value as its user would write it: quoted where it is text, so that an empty or padded one is seen.
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
