package provider

import (
	"cmp"
	"fmt"
	"regexp"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/metric"
)

type metricAlarmInputs struct {
	Name                    string            `pulumi:"name"`
	AlarmDescription        string            `pulumi:"alarmDescription"`
	Namespace               string            `pulumi:"namespace"`
	MetricName              string            `pulumi:"metricName"`
	Dimensions              map[string]string `pulumi:"dimensions"`
	Statistic               string            `pulumi:"statistic"`
	ExtendedStatistic       string            `pulumi:"extendedStatistic"`
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

type dashboardInputs struct {
	DashboardName string `pulumi:"dashboardName"`
	DashboardBody string `pulumi:"dashboardBody"`
}

func metricAlarm() resourceType {
	return define(resourceType{
		token: "aws:cloudwatch/metricAlarm:MetricAlarm", kind: Run, name: "name", nameMax: 255, replaceOn: []string{"name"},
	}, handlers[metricAlarmInputs, arnOutput]{
		create: func(m *cloud.Model, in metricAlarmInputs) (string, arnOutput, error) {
			if err := in.checkStatistic(); err != nil {
				return "", arnOutput{}, err
			}
			made, err := m.CloudWatch.PutAlarm(in.spec(), m.Clock.Now())
			return in.Name, arnOutput{made.ARN}, err
		},
		update: func(m *cloud.Model, _ string, _, now metricAlarmInputs) (*arnOutput, error) {
			if err := now.checkStatistic(); err != nil {
				return nil, err
			}
			_, err := m.CloudWatch.PutAlarm(now.spec(), m.Clock.Now())
			return nil, err
		},
		remove: func(m *cloud.Model, id string, _ metricAlarmInputs) error { return m.CloudWatch.DeleteAlarm(id) },
	})
}

// checkStatistic refuses a percentile as a statistic, and another statistic as an extended one (API: PutMetricAlarm).
func (in metricAlarmInputs) checkStatistic() error {
	switch {
	case in.Statistic != "" && in.ExtendedStatistic != "":
		return aws.Refuse("InvalidParameterCombination", "Exactly one of Statistic and ExtendedStatistic must be set")
	case in.ExtendedStatistic != "" && !metric.IsPercentile(in.ExtendedStatistic):
		return aws.Refuse("ValidationError", "The extended statistic '%s' has no behaviour in the emulator: a percentile such as p99",
			in.ExtendedStatistic)
	case metric.IsPercentile(in.Statistic):
		return aws.Refuse("ValidationError", "The percentile '%s' is an extended statistic", in.Statistic)
	}
	return nil
}

func (in metricAlarmInputs) spec() cloudwatch.AlarmSpec {
	return cloudwatch.AlarmSpec{
		Name: in.Name, Description: in.AlarmDescription, Namespace: in.Namespace, Metric: in.MetricName,
		Dimensions: in.Dimensions, Statistic: cmp.Or(in.Statistic, in.ExtendedStatistic),
		Period: seconds(in.Period), EvaluationPeriods: in.EvaluationPeriods, DatapointsToAlarm: in.DatapointsToAlarm,
		Threshold: in.Threshold, Comparison: in.ComparisonOperator,
		Disabled: in.ActionsEnabled != nil && !*in.ActionsEnabled, Actions: in.AlarmActions, OKActions: in.OkActions,
		InsufficientActions: in.InsufficientDataActions, TreatMissing: in.TreatMissingData,
	}
}

type dashboardOutputs struct {
	ARN string `pulumi:"dashboardArn"`
}

func dashboard() resourceType {
	return define(resourceType{
		token: "aws:cloudwatch/dashboard:Dashboard", kind: Recorded, name: "dashboardName", nameMax: 255, replaceOn: []string{"dashboardName"},
	}, handlers[dashboardInputs, dashboardOutputs]{
		create: func(_ *cloud.Model, in dashboardInputs) (string, dashboardOutputs, error) {
			arn := "arn:aws:cloudwatch::" + aws.Account + ":dashboard/" + in.DashboardName
			return in.DashboardName, dashboardOutputs{arn}, in.check()
		},
		update: func(_ *cloud.Model, _ string, _, now dashboardInputs) (*dashboardOutputs, error) {
			return nil, now.check()
		},
	})
}

// dashboardName matches what the API takes as a name (PutDashboard).
var dashboardName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

func (in dashboardInputs) check() error {
	if !dashboardName.MatchString(in.DashboardName) {
		return fmt.Errorf("InvalidParameterValue: The value %s for field DashboardName contains invalid characters. It can only "+
			"contain alphanumerics, dash (-) and underscore (_)", in.DashboardName)
	}
	return cloudwatch.CheckDashboard(in.DashboardBody)
}
