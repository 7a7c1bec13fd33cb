package aws

import (
	"context"
	"slices"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	model "github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
)

func (a *API) listMetrics(_ context.Context, in *cloudwatch.ListMetricsInput) (*cloudwatch.ListMetricsOutput, error) {
	found := []types.Metric{}
	for _, m := range cloud.Get(a.cloud, func(m *cloud.Model) []model.Metric { return m.CloudWatch.ListMetrics() }) {
		if (in.Namespace == nil || *in.Namespace == m.Namespace) && (in.MetricName == nil || *in.MetricName == m.Name) &&
			hasDimensions(m, in.Dimensions) {
			found = append(found, types.Metric{Namespace: &m.Namespace, MetricName: &m.Name, Dimensions: dimensions(m.Dimensions)})
		}
	}
	found, next, err := page(found, nil, in.NextToken, 500)
	return &cloudwatch.ListMetricsOutput{Metrics: found, NextToken: next}, err
}

// hasDimensions reports whether a metric has some dimensions, with any value where none is named.
func hasDimensions(m model.Metric, wanted []types.DimensionFilter) bool {
	return !slices.ContainsFunc(wanted, func(d types.DimensionFilter) bool {
		value, has := m.Dimensions[sdk.ToString(d.Name)]
		return !has || d.Value != nil && *d.Value != value
	})
}

func metricOf(namespace, name *string, of []types.Dimension) model.Metric {
	m := model.Metric{Namespace: sdk.ToString(namespace), Name: sdk.ToString(name), Dimensions: map[string]string{}}
	for _, d := range of {
		m.Dimensions[sdk.ToString(d.Name)] = sdk.ToString(d.Value)
	}
	return m
}

func (a *API) getMetricStatistics(
	_ context.Context, in *cloudwatch.GetMetricStatisticsInput,
) (*cloudwatch.GetMetricStatisticsOutput, error) {
	out := &cloudwatch.GetMetricStatisticsOutput{Label: in.MetricName, Datapoints: []types.Datapoint{}}
	asked := slices.Clone(in.ExtendedStatistics)
	for _, statistic := range in.Statistics {
		asked = append(asked, string(statistic))
	}
	if len(asked) == 0 || in.StartTime == nil || in.EndTime == nil {
		return nil, aws.Refuse("MissingParameter", "The parameters StartTime, EndTime and Statistics or ExtendedStatistics are required")
	}
	of := metricOf(in.Namespace, in.MetricName, in.Dimensions)
	period := time.Duration(sdk.ToInt32(in.Period)) * time.Second
	for _, statistic := range asked {
		points, err := cloud.Find(a.cloud, func(m *cloud.Model) ([]model.Point, error) {
			return m.CloudWatch.Points(of, statistic, period, *in.StartTime, *in.EndTime)
		})
		if err != nil {
			return nil, err
		}
		out.Datapoints = addPoints(out.Datapoints, statistic, points)
	}
	return out, nil
}

// addPoints adds a statistic to the data points of the same periods.
func addPoints(all []types.Datapoint, statistic string, points []model.Point) []types.Datapoint {
	for _, p := range points {
		at := slices.IndexFunc(all, func(d types.Datapoint) bool { return d.Timestamp.Equal(p.Start) })
		if at < 0 {
			at, all = len(all), append(all, types.Datapoint{Timestamp: &p.Start})
		}
		d := &all[at]
		switch types.Statistic(statistic) {
		case types.StatisticAverage:
			d.Average = &p.Value
		case types.StatisticMaximum:
			d.Maximum = &p.Value
		case types.StatisticMinimum:
			d.Minimum = &p.Value
		case types.StatisticSum:
			d.Sum = &p.Value
		case types.StatisticSampleCount:
			d.SampleCount = &p.Value
		default:
			if d.ExtendedStatistics == nil {
				d.ExtendedStatistics = map[string]float64{}
			}
			d.ExtendedStatistics[statistic] = p.Value
		}
	}
	return all
}

func (a *API) getMetricData(_ context.Context, in *cloudwatch.GetMetricDataInput) (*cloudwatch.GetMetricDataOutput, error) {
	if in.StartTime == nil || in.EndTime == nil {
		return nil, aws.Refuse("MissingParameter", "The parameters StartTime and EndTime are required")
	}
	out := &cloudwatch.GetMetricDataOutput{MetricDataResults: []types.MetricDataResult{}}
	for _, query := range in.MetricDataQueries {
		stat := query.MetricStat
		if stat == nil || stat.Metric == nil {
			return nil, unsupported("MetricDataQueries", "expressions: ask for a MetricStat")
		}
		points, err := cloud.Find(a.cloud, func(m *cloud.Model) ([]model.Point, error) {
			return m.CloudWatch.Points(metricOf(stat.Metric.Namespace, stat.Metric.MetricName, stat.Metric.Dimensions),
				sdk.ToString(stat.Stat), time.Duration(sdk.ToInt32(stat.Period))*time.Second, *in.StartTime, *in.EndTime)
		})
		if err != nil {
			return nil, err
		}
		result := types.MetricDataResult{Id: query.Id, Label: query.Label, StatusCode: types.StatusCodeComplete}
		if result.Label == nil {
			result.Label = stat.Metric.MetricName
		}
		if in.ScanBy != types.ScanByTimestampAscending {
			slices.Reverse(points)
		}
		for _, p := range points {
			result.Timestamps, result.Values = append(result.Timestamps, p.Start), append(result.Values, p.Value)
		}
		out.MetricDataResults = append(out.MetricDataResults, result)
	}
	return out, nil
}
