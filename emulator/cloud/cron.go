package cloud

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// cron is a recurrence of five fields: minute, hour, day of the month, month, day of the week. Each is the set of its
// numbers, as bits. As in every cron, a day is due if it is in either of the two fields for days, unless one of them begins with *.
type cron struct {
	minute, hour, day, month, weekday uint64
	anyDay, anyWeekday                bool
}

var cronFields = []struct {
	lowest, highest int
	names           []string // of the numbers from the lowest on
}{
	{0, 59, nil},
	{0, 23, nil},
	{1, 31, nil},
	{1, 12, []string{"JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"}},
	{0, 7, []string{"SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"}},
}

// parseCron reads lists of numbers, ranges and steps: "0 20 * * MON-FRI", "*/15 8-18 1,15 * *".
func parseCron(text string) (cron, error) {
	invalid := refuse("ValidationError", "Given recurrence string: %s is invalid", text)
	parts := strings.Fields(text)
	if len(parts) != len(cronFields) {
		return cron{}, invalid
	}
	var sets [5]uint64
	for n, part := range parts {
		for item := range strings.SplitSeq(part, ",") {
			set, ok := cronItem(item, cronFields[n].lowest, cronFields[n].highest, cronFields[n].names)
			if !ok {
				return cron{}, invalid
			}
			sets[n] |= set
		}
	}
	if sets[4]&(1<<7) != 0 { // Sunday has two numbers
		sets[4] |= 1
	}
	return cron{
		minute: sets[0], hour: sets[1], day: sets[2], month: sets[3], weekday: sets[4],
		anyDay: strings.HasPrefix(parts[2], "*"), anyWeekday: strings.HasPrefix(parts[4], "*"),
	}, nil
}

// cronItem reads *, 5, 1-5, */2 or 1-5/2.
func cronItem(item string, lowest, highest int, names []string) (set uint64, ok bool) {
	span, stepText, stepped := strings.Cut(item, "/")
	first, last, ranged := strings.Cut(span, "-")
	from, to, step := lowest, highest, 1
	if span != "*" {
		if from, ok = cronNumber(first, lowest, highest, names); !ok {
			return 0, false
		}
		to = from
		if ranged {
			if to, ok = cronNumber(last, lowest, highest, names); !ok || to < from {
				return 0, false
			}
		}
	}
	if stepped {
		n, err := strconv.Atoi(stepText)
		if err != nil || n < 1 || n > highest || span != "*" && !ranged {
			return 0, false
		}
		step = n
	}
	for n := from; n <= to; n += step {
		set |= 1 << n
	}
	return set, true
}

func cronNumber(text string, lowest, highest int, names []string) (int, bool) {
	if at := slices.Index(names, strings.ToUpper(text)); at >= 0 {
		return lowest + at, true
	}
	n, err := strconv.ParseUint(text, 10, 8)
	return int(n), err == nil && int(n) >= lowest && int(n) <= highest
}

func in(set uint64, n int) bool { return set&(1<<n) != 0 }

func (c cron) onDay(t time.Time) bool {
	day, weekday := in(c.day, t.Day()), in(c.weekday, int(t.Weekday()))
	if c.anyDay || c.anyWeekday {
		return day && weekday
	}
	return day || weekday
}

// furthest is how far ahead the next time is looked for: 29 February comes back after 8 years at the latest.
const furthest = 9

// next is the first minute after a time that is due, in the time's zone; false if there is none, as on 30 February.
func (c cron) next(after time.Time) (time.Time, bool) {
	t := after.Truncate(time.Minute).Add(time.Minute)
	for end := t.AddDate(furthest, 0, 0); t.Before(end); {
		switch {
		case !in(c.month, int(t.Month())) || !c.onDay(t):
			t = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, t.Location())
		case !in(c.hour, t.Hour()):
			t = t.Add(time.Duration(60-t.Minute()) * time.Minute)
		case !in(c.minute, t.Minute()):
			t = t.Add(time.Minute)
		default:
			return t, true
		}
	}
	return time.Time{}, false
}
