package aws

import (
	"context"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	model "github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/metric"
)

func (a *API) cloudWatch() *service {
	return &service{
		name: "monitoring", title: "CloudWatch", namespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
		operations: map[string]operation{
			"DescribeAlarms":      answering(a.describeAlarms),
			"GetMetricData":       answering(a.getMetricData),
			"GetMetricStatistics": answering(a.getMetricStatistics),
			"ListMetrics":         answering(a.listMetrics),
		},
	}
}

func (a *API) describeAlarms(_ context.Context, in *cloudwatch.DescribeAlarmsInput) (*cloudwatch.DescribeAlarmsOutput, error) {
	found := []types.MetricAlarm{}
	for _, alarm := range cloud.Get(a.cloud, func(m *cloud.Model) []model.Alarm { return m.CloudWatch.DescribeAlarms() }) {
		if isAsked(in.AlarmNames, alarm.Spec.Name) && (in.StateValue == "" || string(in.StateValue) == alarm.State) {
			found = append(found, describeAlarm(alarm))
		}
	}
	found, next, err := page(found, in.MaxRecords, in.NextToken, 50)
	return &cloudwatch.DescribeAlarmsOutput{MetricAlarms: found, NextToken: next}, err
}

func describeAlarm(a model.Alarm) types.MetricAlarm {
	s := a.Spec
	statistic, extended := s.Statistic, ""
	if metric.IsPercentile(s.Statistic) {
		statistic, extended = "", s.Statistic
	}
	return types.MetricAlarm{
		AlarmArn: &a.ARN, AlarmName: &s.Name, AlarmDescription: optional(s.Description), ActionsEnabled: sdk.Bool(!s.Disabled),
		AlarmActions: s.Actions, OKActions: s.OKActions, InsufficientDataActions: s.InsufficientActions,
		StateValue: types.StateValue(a.State), StateReason: &a.Reason, StateUpdatedTimestamp: &a.Since, StateTransitionedTimestamp: &a.Since,
		Namespace: &s.Namespace, MetricName: &s.Metric, Dimensions: dimensions(s.Dimensions), Statistic: types.Statistic(statistic),
		ExtendedStatistic: optional(extended),
		Period:            seconds(s.Period), EvaluationPeriods: count(s.EvaluationPeriods), DatapointsToAlarm: count(s.DatapointsToAlarm),
		Threshold: &s.Threshold, ComparisonOperator: types.ComparisonOperator(s.Comparison), TreatMissingData: optional(s.TreatMissing),
	}
}

func dimensions(all map[string]string) []types.Dimension {
	var described []types.Dimension
	for _, name := range aws.Keys(all) {
		described = append(described, types.Dimension{Name: &name, Value: sdk.String(all[name])})
	}
	return described
}
