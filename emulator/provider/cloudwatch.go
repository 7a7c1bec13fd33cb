package provider

import (
	"context"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

type metricAlarmInputs struct {
	Name                    string            `pulumi:"name"`
	AlarmDescription        string            `pulumi:"alarmDescription"`
	Namespace               string            `pulumi:"namespace"`
	MetricName              string            `pulumi:"metricName"`
	Dimensions              map[string]string `pulumi:"dimensions"`
	Statistic               string            `pulumi:"statistic"`
	Period                  int               `pulumi:"period"` // seconds
	EvaluationPeriods       int               `pulumi:"evaluationPeriods"`
	DatapointsToAlarm       int               `pulumi:"datapointsToAlarm"`
	Threshold               float64           `pulumi:"threshold"`
	ComparisonOperator      string            `pulumi:"comparisonOperator"`
	ActionsEnabled          *bool             `pulumi:"actionsEnabled"`
	AlarmActions            []string          `pulumi:"alarmActions"`
	OkActions               []string          `pulumi:"okActions"`
	InsufficientDataActions []string          `pulumi:"insufficientDataActions"`
	TreatMissingData        string            `pulumi:"treatMissingData"`
	Tags                    map[string]string `pulumi:"tags"`
}

func init() {
	define(resourceType{
		token: "aws:cloudwatch/metricAlarm:MetricAlarm", kind: Run, name: "name", nameMax: 255, replaceOn: []string{"name"},
	}, handlers[metricAlarmInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in metricAlarmInputs) (string, map[string]any, error) {
			alarm, err := c.PutAlarm(in.spec())
			return idUnless(err, in.Name), map[string]any{"arn": alarm.ARN}, err
		},
		update: func(_ context.Context, c *cloud.Cloud, _ string, _, now metricAlarmInputs) (map[string]any, error) {
			_, err := c.PutAlarm(now.spec())
			return nil, err
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ metricAlarmInputs) error {
			return c.DeleteAlarm(id)
		},
	})
}

func (in metricAlarmInputs) spec() cloud.AlarmSpec {
	return cloud.AlarmSpec{
		Name: in.Name, Description: in.AlarmDescription, Namespace: in.Namespace, Metric: in.MetricName,
		Dimensions: in.Dimensions, Statistic: in.Statistic, Period: seconds(in.Period), EvaluationPeriods: in.EvaluationPeriods,
		DatapointsToAlarm: in.DatapointsToAlarm, Threshold: in.Threshold, Comparison: in.ComparisonOperator,
		Disabled: in.ActionsEnabled != nil && !*in.ActionsEnabled, Actions: in.AlarmActions, OKActions: in.OkActions,
		InsufficientActions: in.InsufficientDataActions, TreatMissing: in.TreatMissingData,
	}
}
