package cloudwatch

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/metric"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func after(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }

// measured is a store whose metric has a value for each minute from noon on, but for those below zero.
func measured(m Metric, values ...float64) *Store {
	s := &Store{metrics: map[string]*series{}, State: State{Alarms: map[string]*Alarm{}}}
	var value float64
	s.AddCollector(func(_ time.Time, put func(Metric, metric.Sample)) {
		if value >= 0 {
			put(m, metric.One(value))
		}
	})
	for n := range values {
		value = values[n]
		s.Reconcile(noon.Add(time.Duration(n+1) * time.Minute))
	}
	return s
}

var latency = Metric{Namespace: "App", Name: "Latency", Dimensions: map[string]string{"Host": "a", "Zone": "b"}}

func TestPointsAreStatisticsOfPeriods(t *testing.T) {
	s := measured(latency, 1, 2, 3, 4, 5, -1, -1, 6, -1, -1, -1, -1, -1, -1, -1, 8)
	at := func(minute int, value float64) Point { return Point{after(minute), value} }
	hour := noon.Add(time.Hour)
	for name, c := range map[string]struct {
		statistic   string
		period      time.Duration
		from, until time.Time
		want        []Point
	}{
		"sums of five minutes":                  {"Sum", 5 * time.Minute, noon, hour, []Point{at(0, 15), at(5, 6), at(15, 8)}},
		"averages":                              {"Average", 5 * time.Minute, noon, hour, []Point{at(0, 3), at(5, 6), at(15, 8)}},
		"minima":                                {"Minimum", 15 * time.Minute, noon, hour, []Point{at(0, 1), at(15, 8)}},
		"maxima":                                {"Maximum", 15 * time.Minute, noon, hour, []Point{at(0, 6), at(15, 8)}},
		"counts":                                {"SampleCount", time.Hour, noon, hour, []Point{at(0, 7)}},
		"minutes":                               {"p99", time.Minute, after(3), after(8), []Point{at(3, 4), at(4, 5), at(7, 6)}},
		"a start within a period":               {"Sum", 5 * time.Minute, after(2), after(5), []Point{at(0, 15)}},
		"an end at the start of the next point": {"Sum", time.Minute, noon, after(1), []Point{at(0, 1)}},
		"a time without data":                   {"Sum", time.Minute, after(9), after(15), []Point{}},
	} {
		points, err := s.Points(latency, c.statistic, c.period, c.from, c.until)
		require.NoError(t, err, name)
		assert.Equal(t, c.want, points, name)
	}
}

func TestAMetricIsThatOfAllItsDimensions(t *testing.T) {
	s := measured(latency, 1)
	for name, m := range map[string]Metric{
		"a dimension less":  {Namespace: "App", Name: "Latency", Dimensions: map[string]string{"Host": "a"}},
		"no dimension":      {Namespace: "App", Name: "Latency"},
		"another value":     {Namespace: "App", Name: "Latency", Dimensions: map[string]string{"Host": "a", "Zone": "c"}},
		"another name":      {Namespace: "App", Name: "Errors", Dimensions: latency.Dimensions},
		"another namespace": {Namespace: "Other", Name: "Latency", Dimensions: latency.Dimensions},
	} {
		points, err := s.Points(m, "Sum", time.Minute, noon, noon.Add(time.Hour))
		require.NoError(t, err)
		assert.Empty(t, points, name)
	}
	assert.Equal(t, []Metric{latency}, s.ListMetrics())
}

func TestPointsThatCloudWatchRefuses(t *testing.T) {
	s := measured(latency, 1)
	_, err := s.Points(latency, "Median", time.Minute, noon, noon.Add(time.Hour))
	require.ErrorContains(t, err, "the statistic 'Median'")
	for _, period := range []time.Duration{0, time.Second, 90 * time.Second} {
		_, err = s.Points(latency, "Sum", period, noon, noon.Add(time.Hour))
		require.ErrorContains(t, err, "must be a multiple of 60 s")
	}
}

func TestHistoryIsBounded(t *testing.T) {
	values := make([]float64, 2000)
	s := measured(latency, values...)
	assert.LessOrEqual(t, len(s.metrics[latency.key()].minutes), int(retention/time.Minute)*4/3+1)
	s.collectors = nil
	s.Reconcile(noon.Add(2000*time.Minute + retention))
	assert.Empty(t, s.ListMetrics(), "a metric without data for as long is forgotten")
}

func TestAnAlarmSeesTheMinutesBeforeIt(t *testing.T) {
	s := measured(latency, 1, 9, 9, 9)
	spec := AlarmSpec{
		Name: "slow", Namespace: latency.Namespace, Metric: latency.Name, Dimensions: latency.Dimensions, Statistic: "p90",
		Period: time.Minute, EvaluationPeriods: 3, Threshold: 5, Comparison: Greater,
	}
	_, err := s.PutAlarm(spec, noon)
	require.NoError(t, err)
	s.Reconcile(noon.Add(5 * time.Minute))
	assert.Equal(t, AlarmAlarm, s.Alarms["slow"].State)

	s.metrics = nil // after a restart
	spec.Description = "too slow"
	kept, err := s.PutAlarm(spec, noon)
	require.NoError(t, err)
	assert.NotEmpty(t, kept.Samples)

	spec.Metric = "Errors"
	changed, err := s.PutAlarm(spec, noon)
	require.NoError(t, err)
	assert.Empty(t, changed.Samples, "they were of another metric")
}
