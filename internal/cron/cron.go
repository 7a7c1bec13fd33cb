// Package cron reads the recurrences of EC2 Auto Scaling's scheduled actions and finds the times at which they are due.
//
//	┌ minute 0–59
//	│ ┌ hour 0–23
//	│ │ ┌ day of the month 1–31
//	│ │ │ ┌ month 1–12 or JAN–DEC
//	│ │ │ │ ┌ day of the week 0–7 or SUN–SAT; 0 and 7 are Sunday
//	0 20 * * MON-FRI
//
// The API (PutScheduledUpdateGroupAction) takes "Unix cron syntax": five fields separated by white space, as crontab(5)
// describes them. A field is * or a list of numbers and ranges. A step follows * or a range: */15, 8-18/2. Seconds, years and the
// extensions of other crons (@daily, ?, L, W, #) are not part of it. The syntax of Application Auto Scaling and EventBridge,
// which has six fields, is another one.
package cron

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxLength is the number of characters that the API allows in a recurrence.
const maxLength = 255

// Schedule is a parsed recurrence.
type Schedule struct {
	minute, hour, day, month, weekday numbers

	// anyDay and anyWeekday tell that the field begins with *. Where neither does, a day is due if either field has it.
	anyDay, anyWeekday bool
}

// numbers is the set of a field's numbers, as bits.
type numbers uint64

func (s numbers) has(n int) bool { return s&(1<<n) != 0 }

// field describes one of the five fields. Its names, if it has any, stand for the numbers from lowest on.
type field struct {
	name            string
	lowest, highest int
	names           []string
}

var fields = [5]field{
	{name: "minute", lowest: 0, highest: 59},
	{name: "hour", lowest: 0, highest: 23},
	{name: "day of the month", lowest: 1, highest: 31},
	{name: "month", lowest: 1, highest: 12, names: []string{
		"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
	}},
	{name: "day of the week", lowest: 0, highest: 7, names: []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
}

// Parse reads a recurrence. Its error completes a sentence that begins with the text and names every fault: "has a faulty minute (60)
// and a faulty hour (24)".
func Parse(text string) (Schedule, error) {
	if len(text) > maxLength {
		return Schedule{}, fmt.Errorf("is longer than %d characters", maxLength)
	}
	parts := strings.FieldsFunc(text, func(r rune) bool { return r == ' ' || r == '\t' })
	if len(parts) != len(fields) {
		return Schedule{}, fmt.Errorf("does not have five fields: minute, hour, day of the month, month, day of the week")
	}
	var sets [len(fields)]numbers
	var faults []string
	for i, part := range parts {
		for item := range strings.SplitSeq(part, ",") {
			set, ok := fields[i].parse(item)
			if !ok {
				faults = append(faults, fmt.Sprintf("a faulty %s (%s)", fields[i].name, item))
			}
			sets[i] |= set
		}
	}
	if len(faults) > 0 {
		return Schedule{}, fmt.Errorf("has %s", strings.Join(faults, " and "))
	}
	if sets[4].has(7) { // Sunday, which time.Weekday counts as 0
		sets[4] |= 1
	}
	return Schedule{
		minute: sets[0], hour: sets[1], day: sets[2], month: sets[3], weekday: sets[4],
		anyDay: strings.HasPrefix(parts[2], "*"), anyWeekday: strings.HasPrefix(parts[4], "*"),
	}, nil
}

// parse reads an item of a field's list: *, 5, 1-5, */2 or 1-5/2.
func (f field) parse(item string) (numbers, bool) {
	span, stepText, stepped := strings.Cut(item, "/")
	first, last, ranged := strings.Cut(span, "-")
	from, to, step := f.lowest, f.highest, 1
	var ok bool
	if span != "*" {
		if from, ok = f.number(first); !ok {
			return 0, false
		}
		to = from
	}
	if ranged {
		if to, ok = f.number(last); !ok || to < from {
			return 0, false
		}
	}
	if stepped {
		if step, ok = digits(stepText); !ok || step < 1 || step > f.highest || span != "*" && !ranged {
			return 0, false
		}
	}
	var set numbers
	for n := from; n <= to; n += step {
		set |= 1 << n
	}
	return set, true
}

// number reads a number or a name of the field. Names have no case.
func (f field) number(text string) (int, bool) {
	if i := slices.Index(f.names, strings.ToUpper(text)); i >= 0 {
		return f.lowest + i, true
	}
	n, ok := digits(text)
	return n, ok && n >= f.lowest && n <= f.highest
}

// digits reads a number without a sign, below 256.
func digits(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 8)
	return int(n), err == nil
}

// horizon is how many years ahead Next looks. 29 February comes back after eight years at the latest (1896, 1904).
const horizon = 9

// Next returns the first due minute after a time, in that time's zone. It returns false if there is none, as on 30 February.
func (s Schedule) Next(after time.Time) (time.Time, bool) {
	t := after.Truncate(time.Minute).Add(time.Minute)
	for end := t.AddDate(horizon, 0, 0); t.Before(end); {
		switch {
		case !s.month.has(int(t.Month())) || !s.onDay(t):
			t = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, t.Location())
		case !s.hour.has(t.Hour()):
			t = t.Add(time.Duration(60-t.Minute()) * time.Minute)
		case !s.minute.has(t.Minute()):
			t = t.Add(time.Minute)
		default:
			return t, true
		}
	}
	return time.Time{}, false
}

func (s Schedule) onDay(t time.Time) bool {
	day, weekday := s.day.has(t.Day()), s.weekday.has(int(t.Weekday()))
	if s.anyDay || s.anyWeekday {
		return day && weekday
	}
	return day || weekday
}
