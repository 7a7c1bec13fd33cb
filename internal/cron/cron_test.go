package cron_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/cron"
)

func TestParseTakesWhatCrontabDescribes(t *testing.T) {
	for _, text := range []string{
		"* * * * *", "0 0 1 1 0", "59 23 31 12 6", "*/5 * * * *", "0 9-17/2 * * 1-5", "0,30 8,20 1,15 * *",
		"0 0 1 JAN,Jul *", "0 20 * * MON-FRI", "0 20 * * sun",
		"0 0 * * 7",                                // Sunday's other number
		"0 0 * * 5-7",                              // Friday to Sunday
		"0  0 * * *", " 0 0 * * * ", "0\t0\t* * *", // fields are separated by white space, however much of it
		"*/31 * * * *", "0 0 */31 * *", "0 0 1 */12 *", "0 0 * * */7", // steps that leave the first number alone
	} {
		_, err := cron.Parse(text)
		assert.NoError(t, err, "%q", text)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{text: "", want: "five fields"},
		{text: "@daily", want: "five fields"},
		{text: "* * * *", want: "five fields"},
		{text: "0 * * * * *", want: "five fields"},
		{text: "0\n0 * * *", want: "five fields"},
		{text: "60 * * * *", want: "faulty minute (60)"},
		{text: "-1 * * * *", want: "faulty minute (-1)"},
		{text: "+1 * * * *", want: "faulty minute (+1)"},
		{text: "a * * * *", want: "faulty minute (a)"},
		{text: "*/0 * * * *", want: "faulty minute (*/0)"},
		{text: "*/60 * * * *", want: "faulty minute (*/60)"},
		{text: "*/+5 * * * *", want: "faulty minute (*/+5)"},
		{text: "5/2 * * * *", want: "faulty minute (5/2)"},
		{text: "5-1 * * * *", want: "faulty minute (5-1)"},
		{text: "*-5 * * * *", want: "faulty minute (*-5)"},
		{text: "1,,2 * * * *", want: "faulty minute ()"},
		{text: "* 24 * * *", want: "faulty hour (24)"},
		{text: "60,5,a 24 * 13 *", want: "has a faulty minute (60) and a faulty minute (a) and a faulty hour (24) and a faulty month (13)"},
		{text: "* 17-9 * * *", want: "faulty hour (17-9)"},
		{text: "* 1-2-3 * * *", want: "faulty hour (1-2-3)"},
		{text: "* * 0 * *", want: "faulty day of the month (0)"},
		{text: "* * 32 * *", want: "faulty day of the month (32)"},
		{text: "* * */32 * *", want: "faulty day of the month (*/32)"},
		{text: "* * L * *", want: "faulty day of the month (L)"},
		{text: "* * ? * *", want: "faulty day of the month (?)"},
		{text: "* * * 13 *", want: "faulty month (13)"},
		{text: "* * * */13 *", want: "faulty month (*/13)"},
		{text: "* * * MON *", want: "faulty month (MON)"},
		{text: "* * * * 8", want: "faulty day of the week (8)"},
		{text: "* * * * 1#2", want: "faulty day of the week (1#2)"},
		{text: "* * * * FRI-MON", want: "faulty day of the week (FRI-MON)"},
		{text: strings.Repeat("1,", 130) + "1 * * * *", want: "longer than 255 characters"},
	} {
		_, err := cron.Parse(test.text)
		assert.ErrorContains(t, err, test.want, "%q", test.text)
	}
}

func TestNext(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	for _, test := range []struct {
		text        string
		after, want string
		zone        *time.Location
	}{
		{text: "0 20 * * *", after: "2026-01-01T19:59:59Z", want: "2026-01-01T20:00:00Z"},
		{text: "0 20 * * *", after: "2026-01-01T20:00:00Z", want: "2026-01-02T20:00:00Z"},
		{text: "*/15 8-9 * * *", after: "2026-01-01T08:46:00Z", want: "2026-01-01T09:00:00Z"},
		{text: "*/15 8-9 * * *", after: "2026-01-01T09:45:00Z", want: "2026-01-02T08:00:00Z"},
		{text: "*/31 0 * * *", after: "2026-01-01T00:00:00Z", want: "2026-01-01T00:31:00Z"},
		{text: "0 0 */31 * *", after: "2026-01-01T00:00:00Z", want: "2026-02-01T00:00:00Z"},
		{text: "0 0 1 */12 *", after: "2026-01-01T00:00:00Z", want: "2027-01-01T00:00:00Z"},
		{text: "0 8 * * MON-FRI", after: "2026-01-02T08:00:00Z", want: "2026-01-05T08:00:00Z"}, // after a Friday
		{text: "0 0 * * 7", after: "2026-01-01T00:00:00Z", want: "2026-01-04T00:00:00Z"},
		{text: "0 0 * * */7", after: "2026-01-01T00:00:00Z", want: "2026-01-04T00:00:00Z"},
		{text: "0 0 13 * FRI", after: "2026-01-01T00:00:00Z", want: "2026-01-02T00:00:00Z"},  // either of the fields for days
		{text: "0 0 */2 * FRI", after: "2026-01-01T00:00:00Z", want: "2026-01-09T00:00:00Z"}, // both, where one begins with *
		{text: "0 0 29 2 *", after: "2026-03-01T00:00:00Z", want: "2028-02-29T00:00:00Z"},
		{text: "5,10 1 1 jan *", after: "2026-01-01T01:05:00Z", want: "2026-01-01T01:10:00Z"},
		{text: "30 18 * * *", after: "2026-07-01T00:00:00Z", want: "2026-07-01T16:30:00Z", zone: berlin},
		{text: "30 18 * * *", after: "2026-12-01T00:00:00Z", want: "2026-12-01T17:30:00Z", zone: berlin},
		// The night in which 2:00 is 3:00.
		{text: "30 3 * * *", after: "2026-03-29T00:00:00Z", want: "2026-03-29T01:30:00Z", zone: berlin},
	} {
		schedule, err := cron.Parse(test.text)
		require.NoError(t, err, test.text)
		after, err := time.Parse(time.RFC3339, test.after)
		require.NoError(t, err)
		if test.zone != nil {
			after = after.In(test.zone)
		}
		next, ok := schedule.Next(after)
		require.True(t, ok, test.text)
		assert.Equal(t, test.want, next.UTC().Format(time.RFC3339), test.text)
	}
}

func TestARecurrenceMayNeverBeDue(t *testing.T) {
	schedule, err := cron.Parse("0 0 30 2 *")
	require.NoError(t, err)
	_, ok := schedule.Next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	assert.False(t, ok)
}

func FuzzParseAndNext(f *testing.F) {
	for _, seed := range []string{
		"0 20 * * *", "*/7 1-5/2 1,15 JAN-MAR SUN", "59 23 31 12 6", "0 0 * * 7", "*/31  * * */12 *", "@daily", "1-/ * * * *",
	} {
		f.Add(seed, int64(1767225600))
	}
	f.Fuzz(func(t *testing.T, text string, from int64) {
		schedule, err := cron.Parse(text)
		if err != nil {
			return
		}
		fields := strings.Fields(text)
		require.Len(t, fields, 5)
		assert.Empty(t, strings.Trim(text, "0123456789*,-/ \tABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
		upper, err := cron.Parse(strings.ToUpper(text))
		require.NoError(t, err)
		assert.Equal(t, schedule, upper, "names have no case")

		after := time.Unix(from%4e9, 0).UTC()
		next, ok := schedule.Next(after)
		if !ok {
			return
		}
		assert.True(t, next.After(after))
		assert.Zero(t, next.Second())
		for i, value := range map[int]int{0: next.Minute(), 1: next.Hour(), 3: int(next.Month())} {
			if want, err := strconv.Atoi(fields[i]); err == nil {
				assert.Equal(t, want, value, text)
			}
		}
	})
}
