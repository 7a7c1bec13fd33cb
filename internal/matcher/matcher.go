// Package matcher reads the matcher of an HTTP health check: the status codes that a healthy target answers with.
//
//	200          200,204          200-299          200-299,302
//
// The API (Elastic Load Balancing: Matcher) describes a list of codes and a range of them, and takes a mixture of both.
package matcher

import (
	"errors"
	"strconv"
	"strings"
)

// Codes is a set of status codes: the ranges of a matcher, in its order. A single code is a range of one.
type Codes []Range

// Range is the codes from First to Last.
type Range struct{ First, Last int }

// Errors of Parse. Both complete a sentence that begins with the matcher.
var (
	ErrForm      = errors.New("is neither a list of status codes (200,204) nor a range of them (200-299)")
	ErrBackwards = errors.New("ends before it begins")
)

// Parse reads a matcher. Codes have three digits. Which of them are codes of health is left to the caller.
func Parse(text string) (Codes, error) {
	var codes Codes
	for item := range strings.SplitSeq(text, ",") {
		first, last, ranged := strings.Cut(item, "-")
		if !ranged {
			last = first
		}
		from, ok := code(first)
		to, okay := code(last)
		switch {
		case !ok || !okay:
			return nil, ErrForm
		case to < from:
			return nil, ErrBackwards
		}
		codes = append(codes, Range{from, to})
	}
	return codes, nil
}

func code(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err == nil && len(text) == 3
}

// Has reports whether a code is in the set.
func (c Codes) Has(code int) bool {
	for _, r := range c {
		if r.First <= code && code <= r.Last {
			return true
		}
	}
	return false
}

// Outside returns the first of the codes named by the matcher that lies outside of lowest to highest.
func (c Codes) Outside(lowest, highest int) (code int, found bool) {
	for _, r := range c {
		for _, code := range []int{r.First, r.Last} {
			if code < lowest || code > highest {
				return code, true
			}
		}
	}
	return 0, false
}
