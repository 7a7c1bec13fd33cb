package cloudwatch

import (
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/metric"
)

// Metric names a metric of a resource.
type Metric struct {
	Namespace, Name string
	Dimensions      map[string]string
	// Unpublished metrics have the minutes that an instance measures and publishes only with detailed monitoring. Target
	// tracking sees them: five times as often as on AWS.
	Unpublished bool
}

// key tells metrics apart: two are the same if namespace, name and all dimensions are.
func (m Metric) key() string {
	parts := []string{m.Namespace, m.Name}
	for _, dimension := range aws.Keys(m.Dimensions) {
		parts = append(parts, dimension, m.Dimensions[dimension])
	}
	if m.Unpublished {
		parts = append(parts, "unpublished")
	}
	return strings.Join(parts, "\x00")
}

// Collector hands in the last minute of the metrics that it has data for. CloudWatch does not aggregate over dimensions: a
// metric is put once for every set of dimensions under which AWS publishes it.
type Collector func(minute time.Time, put func(Metric, metric.Sample))

// AddCollector adds a collector, which is called at the end of every minute.
func (s *Store) AddCollector(c Collector) { s.collectors = append(s.collectors, c) }

// Minute is a minute of a metric.
type Minute struct {
	At time.Time // the minute's end
	metric.Sample
}

// series is the history of a metric, the oldest minute first.
type series struct {
	metric  Metric
	minutes []Minute
}

// retention is for how long minutes are kept. AWS keeps them for 15 days.
const retention = 6 * time.Hour

// collect adds a minute to the history of every metric that has data, and forgets what is older than the retention.
func (s *Store) collect(minute time.Time) {
	for _, collector := range s.collectors {
		collector(minute, func(m Metric, sample metric.Sample) {
			if sample.Count > 0 {
				s.put(m, Minute{minute, sample})
			}
		})
	}
	oldest := minute.Add(-retention)
	for key, kept := range s.metrics {
		first := slices.IndexFunc(kept.minutes, func(m Minute) bool { return m.At.After(oldest) })
		switch {
		case first < 0:
			delete(s.metrics, key)
		case first > len(kept.minutes)/4: // not at every minute: the rest is copied
			kept.minutes = slices.Clone(kept.minutes[first:])
		}
	}
}

// put adds a minute to the history of a metric. What several collectors put for a minute is merged.
func (s *Store) put(m Metric, minute Minute) {
	key := m.key()
	kept := s.metrics[key]
	if kept == nil {
		kept = &series{metric: m}
		s.metrics[key] = kept
	}
	if last := len(kept.minutes) - 1; last >= 0 && kept.minutes[last].At.Equal(minute.At) {
		kept.minutes[last].Sample = kept.minutes[last].Merge(minute.Sample)
		return
	}
	kept.minutes = append(kept.minutes, minute)
}

// since returns the minutes of a metric that ended after a time.
func (s *Store) since(m Metric, start time.Time) []Minute {
	kept := s.metrics[m.key()]
	if kept == nil {
		return nil
	}
	first, _ := slices.BinarySearchFunc(kept.minutes, start, func(m Minute, start time.Time) int {
		if m.At.After(start) {
			return 1
		}
		return -1
	})
	return kept.minutes[first:]
}

// Point is the value of a statistic in a period.
type Point struct {
	Start time.Time // of the period
	Value float64
}

// Points returns the statistic of a metric in each period from a time, rounded down to a period, until another, the oldest
// first. Periods without data have no point, and neither have periods that began more than six hours ago (API:
// GetMetricStatistics, GetMetricData).
func (s *Store) Points(m Metric, statistic string, period time.Duration, from, until time.Time) ([]Point, error) {
	if err := metric.CheckStatistic(statistic); err != nil {
		return nil, aws.Refuse("InvalidParameterValue", "%v", err)
	}
	if period < time.Minute || period%time.Minute != 0 {
		return nil, aws.Refuse("InvalidParameterValue", "The period %v must be a multiple of 60 s", period)
	}
	var starts []time.Time
	var samples []metric.Sample
	for _, minute := range s.since(m, from.Truncate(period)) {
		start := minute.At.Add(-time.Minute).Truncate(period)
		if !start.Before(until) {
			break
		}
		if last := len(starts) - 1; last >= 0 && starts[last].Equal(start) {
			samples[last] = samples[last].Merge(minute.Sample)
			continue
		}
		starts, samples = append(starts, start), append(samples, minute.Sample)
	}
	points := make([]Point, len(starts))
	for i, sample := range samples {
		points[i] = Point{starts[i], sample.Statistic(statistic)}
	}
	return points, nil
}

// ListMetrics returns the metrics that have data, sorted (API: ListMetrics).
func (s *Store) ListMetrics() []Metric {
	var all []Metric
	for _, key := range aws.Keys(s.metrics) {
		if m := s.metrics[key].metric; !m.Unpublished {
			all = append(all, m)
		}
	}
	return all
}
