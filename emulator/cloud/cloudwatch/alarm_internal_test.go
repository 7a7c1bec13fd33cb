package cloudwatch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/elastic-service/elastic-service/emulator/metric"
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
				Statistic: metric.Average, Period: time.Minute, EvaluationPeriods: c.ofLast, DatapointsToAlarm: c.toAlarm,
				Threshold: 80, Comparison: Greater, TreatMissing: treat,
			}}
			for back, point := range c.points {
				sample := Minute{Sample: metric.One(map[rune]float64{'0': 10, 'X': 90}[point])}
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
		Statistic: metric.Average, Period: 5 * time.Minute, EvaluationPeriods: 2, DatapointsToAlarm: 2, Threshold: 50,
		Comparison: GreaterOrEqual, TreatMissing: MissingIsMissing,
	}}
	for back, value := range []float64{0, 100, 50, 50, 50, 100, 100, 100, 100, 100} { // the newest first
		sample := Minute{Sample: metric.One(value)}
		sample.At = now.Add(-time.Duration(back) * time.Minute)
		a.Samples = append([]Minute{sample}, a.Samples...)
	}
	state, reason := a.evaluate(now)
	assert.Equal(t, AlarmAlarm, state)
	assert.InDelta(t, 50, a.Value, 0)
	assert.Contains(t, reason, "2 out of the last 2 datapoints [50 (01/01/26 00:30:00), 100 (01/01/26 00:25:00)] were greater "+
		"than or equal to the threshold (50) (minimum 2 datapoints for OK -> ALARM transition).")
	for statistic, want := range map[string]float64{metric.Minimum: 0, metric.Maximum: 100, metric.Sum: 250, metric.SampleCount: 5} {
		a.Spec.Statistic = statistic
		a.evaluate(now)
		assert.InDelta(t, want, a.Value, 0, statistic)
	}
}
