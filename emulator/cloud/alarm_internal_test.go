package cloud

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The rows are those of the CloudWatch User Guide, "Configure how CloudWatch alarms treat missing data", and some more: the
// last five periods, the newest last, 0 within the threshold, X breaching, - missing. States are for missing, ignore,
// breaching and notBreaching; "" stays as it was.
func TestMissingDataIsTakenAsCloudWatchTakesIt(t *testing.T) {
	const stays, insufficient, okay, alarm = "", AlarmInsufficient, AlarmOK, AlarmAlarm
	for _, c := range []struct {
		points          string
		toAlarm, ofLast int
		want            [4]string
	}{
		{"0-X-X", 3, 3, [4]string{okay, okay, okay, okay}},
		{"0----", 3, 3, [4]string{okay, okay, okay, okay}},
		{"-----", 3, 3, [4]string{insufficient, stays, alarm, okay}},
		{"0XX-X", 3, 3, [4]string{alarm, alarm, alarm, alarm}},
		{"--X--", 3, 3, [4]string{alarm, stays, alarm, okay}},
		{"0-X-X", 2, 3, [4]string{alarm, alarm, alarm, alarm}},
		{"00X0X", 2, 3, [4]string{alarm, alarm, alarm, alarm}},
		{"0-X--", 2, 3, [4]string{okay, okay, alarm, okay}},
		{"----0", 2, 3, [4]string{okay, okay, alarm, okay}},
		{"---X-", 2, 3, [4]string{alarm, stays, alarm, okay}},
		{"----X", 3, 3, [4]string{stays, stays, alarm, okay}},
		{"000XX", 3, 3, [4]string{okay, okay, okay, okay}},
		{"00XXX", 3, 3, [4]string{alarm, alarm, alarm, alarm}},
		{"XXXX0", 3, 3, [4]string{okay, okay, okay, okay}},
	} {
		for n, treat := range []string{MissingIsMissing, MissingIsIgnored, MissingIsBreaching, MissingIsNotBreaching} {
			now := time.Date(2026, 1, 1, 0, 5, 0, 0, time.UTC)
			a := &Alarm{State: "before", Spec: AlarmSpec{
				Statistic: Average, Period: time.Minute, EvaluationPeriods: c.ofLast, DatapointsToAlarm: c.toAlarm,
				Threshold: 80, Comparison: Greater, TreatMissing: treat,
			}}
			for back, point := range c.points {
				sample := one(map[rune]float64{'0': 10, 'X': 90}[point])
				sample.At = now.Add(time.Duration(back-4) * time.Minute)
				if point != '-' {
					a.Samples = append(a.Samples, sample)
				}
			}
			want := c.want[n]
			if want == stays {
				want = "before"
			}
			state, reason := a.evaluate(now)
			assert.Equal(t, want, state, "%s, %d of %d, %s: %s", c.points, c.toAlarm, c.ofLast, treat, reason)
		}
	}
}

func TestAPeriodOfSeveralMinutesIsOnePoint(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 30, 0, 0, time.UTC)
	a := &Alarm{Spec: AlarmSpec{
		Statistic: Average, Period: 5 * time.Minute, EvaluationPeriods: 2, DatapointsToAlarm: 2, Threshold: 50,
		Comparison: GreaterOrEqual, TreatMissing: MissingIsMissing,
	}}
	for back, value := range []float64{0, 100, 50, 50, 50, 100, 100, 100, 100, 100} { // the newest first
		sample := one(value)
		sample.At = now.Add(-time.Duration(back) * time.Minute)
		a.Samples = append([]Sample{sample}, a.Samples...)
	}
	state, reason := a.evaluate(now)
	assert.Equal(t, AlarmAlarm, state)
	assert.InDelta(t, 50, a.Value, 0)
	assert.Contains(t, reason, "2 out of the last 2 datapoints [50 (01/01/26 00:30:00), 100 (01/01/26 00:25:00)] were greater "+
		"than or equal to the threshold (50) (minimum 2 datapoints for OK -> ALARM transition).")
	for statistic, want := range map[string]float64{Minimum: 0, Maximum: 100, Sum: 250, SampleCount: 5} {
		a.Spec.Statistic = statistic
		a.evaluate(now)
		assert.InDelta(t, want, a.Value, 0, statistic)
	}
}

func TestStepsAdjustAsAWSDoes(t *testing.T) {
	at := func(v float64) *float64 { return &v }
	steps := []Step{{at(0), at(10), 1}, {at(10), nil, 3}, {nil, at(-10), -3}, {at(-10), at(0), -1}}
	policy := Policy{Type: StepScaling, Adjustment: ChangeInCapacity, Steps: steps}
	require.NoError(t, policy.check())
	for past, want := range map[float64]int{0: 1, 9.9: 1, 10: 3, 100: 3, -0.1: -1, -9.9: -1, -10: -3, -50: -3} {
		for _, step := range steps {
			if step.contains(past) {
				assert.Equal(t, want, step.Adjustment, "%v", past)
			}
		}
	}
	for _, c := range []struct {
		capacity, adjustment, magnitude, want int
	}{
		{10, 10, 0, 11}, {10, 19, 0, 11}, {3, 10, 0, 4}, {3, -10, 0, 2}, {10, -67, 0, 4}, {4, 25, 2, 6}, {4, -25, 2, 2}, {4, 0, 2, 4},
	} {
		p := Policy{Adjustment: PercentChangeInCapacity, MinMagnitude: c.magnitude}
		assert.Equal(t, c.want, p.adjusted(c.capacity, c.adjustment), "%+v", c)
	}
	assert.Equal(t, 7, (&Policy{Adjustment: ExactCapacity}).adjusted(2, 7))
}

func TestRecurrencesComeWhenTheyAreDue(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	for _, c := range []struct {
		recurrence  string
		after, want string
		zone        *time.Location
	}{
		{"0 20 * * *", "2026-01-01T19:59:59Z", "2026-01-01T20:00:00Z", time.UTC},
		{"0 20 * * *", "2026-01-01T20:00:00Z", "2026-01-02T20:00:00Z", time.UTC},
		{"*/15 8-9 * * *", "2026-01-01T08:46:00Z", "2026-01-01T09:00:00Z", time.UTC},
		{"*/15 8-9 * * *", "2026-01-01T09:45:00Z", "2026-01-02T08:00:00Z", time.UTC},
		{"0 8 * * MON-FRI", "2026-01-02T08:00:00Z", "2026-01-05T08:00:00Z", time.UTC}, // a Friday
		{"0 0 * * 7", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z", time.UTC},
		{"0 0 13 * FRI", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", time.UTC}, // either
		{"0 0 29 2 *", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z", time.UTC},
		{"5,10 1 1 jan *", "2026-01-01T01:05:00Z", "2026-01-01T01:10:00Z", time.UTC},
		{"30 18 * * *", "2026-07-01T00:00:00Z", "2026-07-01T16:30:00Z", berlin},
		{"30 18 * * *", "2026-12-01T00:00:00Z", "2026-12-01T17:30:00Z", berlin},
		{"30 3 * * *", "2026-03-29T00:00:00Z", "2026-03-29T01:30:00Z", berlin}, // the night in which 2:00 is 3:00
	} {
		cron, err := parseCron(c.recurrence)
		require.NoError(t, err, c.recurrence)
		after, err := time.Parse(time.RFC3339, c.after)
		require.NoError(t, err)
		next, ok := cron.next(after.In(c.zone))
		require.True(t, ok, c.recurrence)
		assert.Equal(t, c.want, next.UTC().Format(time.RFC3339), c.recurrence)
	}
	never, err := parseCron("0 0 30 2 *")
	require.NoError(t, err)
	_, ok := never.next(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	assert.False(t, ok)
	for _, faulty := range []string{
		"", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *", "* * * * 8",
		"*/0 * * * *", "5-1 * * * *", "1/2 * * * *", "a * * * *", "@daily", "-1 * * * *", "1,,2 * * * *", "* * ? * *", "* * L * *",
	} {
		_, err := parseCron(faulty)
		assert.Error(t, err, faulty)
	}
}

func FuzzARecurrenceIsRefusedOrComesWhereItsFieldsSay(f *testing.F) {
	for _, seed := range []string{"0 20 * * *", "*/7 1-5/2 1,15 JAN-MAR SUN", "59 23 31 12 6"} {
		f.Add(seed, int64(1767225600))
	}
	f.Fuzz(func(t *testing.T, text string, from int64) {
		cron, err := parseCron(text)
		if err != nil {
			return
		}
		after := time.Unix(from%4e9, 0).UTC()
		next, ok := cron.next(after)
		if !ok {
			return
		}
		assert.True(t, next.After(after))
		assert.Zero(t, next.Second())
		fields := strings.Fields(text)
		for n, value := range map[int]int{0: next.Minute(), 1: next.Hour(), 3: int(next.Month())} {
			if wanted, err := strconv.Atoi(fields[n]); err == nil {
				assert.Equal(t, wanted, value, text)
			}
		}
	})
}
