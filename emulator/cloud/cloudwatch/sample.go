package cloudwatch

import (
	"time"
)

// Sample is a minute of a metric, with what each statistic needs.
type Sample struct {
	At       time.Time // the minute's end
	Sum      float64
	Min, Max float64
	Count    int
}

// One returns a sample of a single value.
func One(value float64) Sample { return Sample{Sum: value, Min: value, Max: value, Count: 1} }

// Merge combines two samples.
func (m Sample) Merge(other Sample) Sample {
	if m.Count == 0 {
		return other
	}
	return Sample{
		At: other.At, Sum: m.Sum + other.Sum, Min: min(m.Min, other.Min), Max: max(m.Max, other.Max), Count: m.Count + other.Count,
	}
}

// The statistics of CloudWatch that are not percentiles.
const (
	Average     = "Average"
	Minimum     = "Minimum"
	Maximum     = "Maximum"
	Sum         = "Sum"
	SampleCount = "SampleCount"
)

// statistic returns the value of a statistic.
func (m Sample) statistic(name string) float64 {
	switch name {
	case Minimum:
		return m.Min
	case Maximum:
		return m.Max
	case Sum:
		return m.Sum
	case SampleCount:
		return float64(m.Count)
	}
	return m.Sum / float64(m.Count)
}
