package metric_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/metric"
)

func sampleOf(values ...float64) metric.Sample {
	var s metric.Sample
	for _, v := range values {
		s = s.Merge(metric.One(v))
	}
	return s
}

func TestEachStatistic(t *testing.T) {
	hundred := make([]float64, 100)
	for i := range hundred {
		hundred[i] = float64(i + 1)
	}
	for name, c := range map[string]struct {
		values []float64
		want   map[string]float64
	}{
		"a single value": {[]float64{3.7}, map[string]float64{
			"Sum": 3.7, "Average": 3.7, "Minimum": 3.7, "Maximum": 3.7, "SampleCount": 1, "p0": 3.7, "p50": 3.7, "p99.9": 3.7, "p100": 3.7,
		}},
		"the same value": {[]float64{1, 1, 1, 1}, map[string]float64{
			"Sum": 4, "Average": 1, "Minimum": 1, "Maximum": 1, "SampleCount": 4, "p90": 1,
		}},
		"from 1 to 100": {hundred, map[string]float64{
			"Sum": 5050, "Average": 50.5, "Minimum": 1, "Maximum": 100, "SampleCount": 100, "p10": 10, "p50": 50, "p90": 90, "p99": 99, "p100": 100,
		}},
		"zeros and an outlier": {[]float64{0, 0, 0, 0, 0, 0, 0, 0, 0, 5}, map[string]float64{
			"Sum": 5, "Average": .5, "Minimum": 0, "Maximum": 5, "SampleCount": 10, "p50": 0, "p90": 0, "p91": 5,
		}},
		"negative values": {[]float64{-4, -2, 2}, map[string]float64{
			"Sum": -4, "Minimum": -4, "Maximum": 2, "p10": -4, "p50": -2, "p99": 2,
		}},
	} {
		s := sampleOf(c.values...)
		for statistic, want := range c.want {
			require.NoError(t, metric.CheckStatistic(statistic))
			tolerance := 1e-9
			if metric.IsPercentile(statistic) {
				tolerance = 0.01*max(want, -want) + 1e-9
			}
			assert.InDelta(t, want, s.Statistic(statistic), tolerance, "%s of %s", statistic, name)
		}
	}
}

func TestTheOrderOfMergesMakesNoDifference(t *testing.T) {
	values := make([]float64, 5000)
	for i := range values {
		values[i] = rand.ExpFloat64() / 20
	}
	one, two := sampleOf(values...), sampleOf(values[2500:]...).Merge(sampleOf(values[:2500]...))
	assert.Equal(t, one.Buckets, two.Buckets)
	assert.Less(t, len(one.Buckets), 1000, "a sample does not grow with the number of its values")
	slices.Sort(values)
	assert.InEpsilon(t, values[4949], one.Statistic("p99"), 0.011)
}

func TestAnEmptySampleChangesNothing(t *testing.T) {
	assert.Equal(t, metric.One(3), metric.Sample{}.Merge(metric.One(3)))
	assert.Equal(t, metric.One(3), metric.One(3).Merge(metric.Times(7, 0)))
}

func TestWhatIsNoStatistic(t *testing.T) {
	for _, name := range []string{"", "average", "p", "p101", "p-1", "p99.", "tm99", "IQM", "xp90"} {
		assert.ErrorContains(t, metric.CheckStatistic(name), "not a percentile from p0 to p100")
	}
}

func TestTrafficOfTwoTimesIsAdded(t *testing.T) {
	var sum metric.Traffic
	for n := 1; n <= 2; n++ {
		part := metric.Traffic{
			Active: metric.One(float64(n)), New: n, Bytes: n, ClientResets: n, TargetResets: n, BalancerResets: n, Requests: n,
			TargetAnswers: [6]int{5: n}, ConnectionErrors: n, ResponseTime: metric.One(float64(n)),
		}
		part.Answer(502)
		sum.Add(part)
	}
	want := metric.Traffic{
		Active: sampleOf(1, 2), New: 3, Bytes: 3, ClientResets: 3, TargetResets: 3, BalancerResets: 3, Requests: 3,
		TargetAnswers: [6]int{5: 3}, BalancerAnswers: map[int]int{502: 2}, ConnectionErrors: 3, ResponseTime: sampleOf(1, 2),
	}
	assert.Equal(t, want, sum)
}
