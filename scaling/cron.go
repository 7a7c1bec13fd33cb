package scaling

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxCron is the longest expression that AWS takes.
const maxCron = 255

// cronField is one of the five, with its least and greatest number. Names, where there are any, begin at least.
type cronField struct {
	name        string
	least, most int
	names       []string
}

var cronFields = []cronField{
	{name: "minute", most: 59},
	{name: "hour", most: 23},
	{name: "day of the month", least: 1, most: 31},
	{name: "month", least: 1, most: 12, names: []string{
		"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
	}},
	{name: "day of the week", most: 6, names: []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
}

// validCron says what AWS would refuse: it takes five fields, each a list of numbers, ranges and steps. Neither
// seconds, years nor the extensions of other crons (@daily, ?, L, W, #) are among them.
func validCron(text string) error {
	if len(text) > maxCron {
		return fmt.Errorf("is longer than %d characters", maxCron)
	}
	fields := strings.Split(text, " ")
	if len(fields) != len(cronFields) || slices.Contains(fields, "") {
		return fmt.Errorf("does not have five fields with one space between them")
	}
	for i, field := range fields {
		for item := range strings.SplitSeq(field, ",") {
			if !cronFields[i].valid(item) {
				return fmt.Errorf("has a faulty %s (%s)", cronFields[i].name, item)
			}
		}
	}
	return nil
}

// valid takes *, 5, 1-5, and */2 or 1-5/2.
func (f cronField) valid(item string) bool {
	span, step, stepped := strings.Cut(item, "/")
	first, last, ranged := strings.Cut(span, "-")
	if stepped {
		n, err := strconv.ParseUint(step, 10, 8)
		if err != nil || n < 1 || int(n) > f.most-f.least || span != "*" && !ranged {
			return false
		}
	}
	if span == "*" {
		return true
	}
	from, ok := f.number(first)
	if !ok || !ranged {
		return ok
	}
	to, ok := f.number(last)
	return ok && from <= to
}

func (f cronField) number(text string) (int, bool) {
	if i := slices.Index(f.names, strings.ToUpper(text)); i >= 0 {
		return f.least + i, true
	}
	n, err := strconv.ParseUint(text, 10, 8)
	return int(n), err == nil && int(n) >= f.least && int(n) <= f.most
}
