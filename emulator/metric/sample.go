// Package metric has what is counted and measured in a time: the values of a metric with their statistics, and the traffic of a
// balancer's listener.
package metric

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
)

// Sample has the values of a metric in a time, as far as statistics need them. Its size does not depend on their number.
type Sample struct {
	Sum      float64
	Min, Max float64
	Count    int
	Buckets  []Bucket `json:",omitempty"` // sorted; nil while all values are the same
}

// Bucket counts the values that round to the same power of [width].
type Bucket struct{ Index, Count int }

// One returns a sample of a single value.
func One(value float64) Sample { return Times(value, 1) }

// Times returns a sample of the same value several times. Without a value it is empty.
func Times(value float64, n int) Sample {
	if n <= 0 {
		return Sample{}
	}
	return Sample{Sum: value * float64(n), Min: value, Max: value, Count: n}
}

// Merge combines two samples.
func (m Sample) Merge(other Sample) Sample {
	switch {
	case m.Count == 0:
		return other
	case other.Count == 0:
		return m
	}
	merged := Sample{
		Sum: m.Sum + other.Sum, Min: min(m.Min, other.Min), Max: max(m.Max, other.Max), Count: m.Count + other.Count,
	}
	if merged.Min < merged.Max {
		merged.Buckets = mergeBuckets(m.buckets(), other.buckets())
	}
	return merged
}

// buckets returns the buckets, those of equal values included.
func (m Sample) buckets() []Bucket {
	if m.Buckets == nil {
		return []Bucket{{bucketOf(m.Min), m.Count}}
	}
	return m.Buckets
}

// mergeBuckets merges two sorted lists into a new one.
func mergeBuckets(a, b []Bucket) []Bucket {
	merged := make([]Bucket, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch order := cmp.Compare(a[0].Index, b[0].Index); {
		case order < 0:
			merged, a = append(merged, a[0]), a[1:]
		case order > 0:
			merged, b = append(merged, b[0]), b[1:]
		default:
			merged = append(merged, Bucket{a[0].Index, a[0].Count + b[0].Count})
			a, b = a[1:], b[1:]
		}
	}
	return slices.Concat(merged, a, b)
}

const (
	width = 1.02 // of a bucket: percentiles are right to 1 %
	zero  = 4096 // index of the value 1, so that smaller values have positive indexes too
)

// bucketOf returns the index of a value's bucket. Indexes are in the order of the values.
func bucketOf(value float64) int {
	if value == 0 {
		return 0
	}
	index := max(1, zero+int(math.Round(math.Log(math.Abs(value))/math.Log(width))))
	if value < 0 {
		return -index
	}
	return index
}

// valueOf returns the value in the middle of a bucket.
func valueOf(index int) float64 {
	switch {
	case index == 0:
		return 0
	case index < 0:
		return -valueOf(-index)
	}
	return math.Pow(width, float64(index-zero))
}

// The statistics of CloudWatch that are not percentiles.
const (
	Average     = "Average"
	Minimum     = "Minimum"
	Maximum     = "Maximum"
	Sum         = "Sum"
	SampleCount = "SampleCount"
)

// percentile matches a percentile from p0 to p100, with decimals (CloudWatch: "CloudWatch statistics definitions").
var percentile = regexp.MustCompile(`^p(\d{1,2}(?:\.\d{1,10})?|100)$`)

// CheckStatistic returns an error for what is not a statistic.
func CheckStatistic(name string) error {
	if !slices.Contains([]string{Average, Minimum, Maximum, Sum, SampleCount}, name) && !IsPercentile(name) {
		return fmt.Errorf("the statistic '%s' is not one of SampleCount, Average, Sum, Minimum, Maximum, and not a percentile from p0 to p100",
			name)
	}
	return nil
}

// IsPercentile reports whether a statistic is a percentile, such as p99 or p99.9.
func IsPercentile(name string) bool { return percentile.MatchString(name) }

// Statistic returns the value of a statistic, see [CheckStatistic]. The sample must not be empty.
func (m Sample) Statistic(name string) float64 {
	switch name {
	case Minimum:
		return m.Min
	case Maximum:
		return m.Max
	case Sum:
		return m.Sum
	case SampleCount:
		return float64(m.Count)
	case Average:
		return m.Sum / float64(m.Count)
	}
	percent, _ := strconv.ParseFloat(percentile.FindStringSubmatch(name)[1], 64) // the pattern lets numbers through only
	return m.percentile(percent)
}

// percentile returns the value that a percentage of the values does not exceed.
func (m Sample) percentile(percent float64) float64 {
	rank, seen := int(math.Ceil(percent/100*float64(m.Count))), 0
	for _, b := range m.buckets() {
		if seen += b.Count; seen >= rank {
			return min(max(valueOf(b.Index), m.Min), m.Max)
		}
	}
	return m.Max
}
