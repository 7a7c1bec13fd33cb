package scaling

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
)

func stepped() *Args {
	a := args()
	a.Min, a.Max = 2, 10
	a.Policies = []Policy{{Step: &Step{
		Metric: "cpu", Period: time.Minute, Warmup: 120 * time.Second,
		Above: 80, AboveFor: 5 * time.Minute, Add: 1,
		Below: 40, BelowFor: 10 * time.Minute, Remove: 2,
	}}}
	return a
}

func TestBadStepsRegisterNothing(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Step)
		want   string
	}{
		{name: "an unknown metric", change: func(s *Step) { s.Metric = "mood" }, want: `policies[0].step.metric: "mood" is not one of [cpu]`},
		{
			name:   "a period of 30 s",
			change: func(s *Step) { s.Period = 30 * time.Second },
			want:   "policies[0].step.period: 30s is not a multiple of 1m0s",
		},
		{name: "no period", change: func(s *Step) { s.Period = 0 }, want: "policies[0].step.period: 0s is not a multiple of 1m0s"},
		{
			name:   "a negative warm-up",
			change: func(s *Step) { s.Warmup = -time.Second },
			want:   "policies[0].step.warmup: -1s is not a number of whole seconds",
		},
		{name: "above 100", change: func(s *Step) { s.Above = 100 }, want: "policies[0].step.above: 100 is not between 0 and 100"},
		{
			name:   "below above above",
			change: func(s *Step) { s.Below = 80 },
			want:   "policies[0].step.below: 80 is not above 0 and below above (80)",
		},
		{name: "below nothing", change: func(s *Step) { s.Below = 0 }, want: "policies[0].step.below: 0 is not above 0"},
		{
			name:   "a part of a period",
			change: func(s *Step) { s.AboveFor = 90 * time.Second },
			want:   "policies[0].step.aboveFor: 1m30s is not a multiple of period (1m0s)",
		},
		{
			name:   "no time at all",
			change: func(s *Step) { s.BelowFor = 0 },
			want:   "policies[0].step.belowFor: 0s is not a multiple of period (1m0s)",
		},
		{
			name:   "more than a day",
			change: func(s *Step) { s.BelowFor = 25 * time.Hour },
			want:   "policies[0].step.belowFor: 25h0m0s is above 24h0m0s",
		},
		{name: "nothing added", change: func(s *Step) { s.Add = 0 }, want: "policies[0].step.add: 0 is below 1"},
		{name: "a negative number to remove", change: func(s *Step) { s.Remove = -1 }, want: "policies[0].step.remove: -1 is below 1"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := stepped()
			test.change(a.Policies[0].Step)
			g, err := deploy(t, a)
			require.ErrorContains(t, err, test.want)
			assert.Empty(t, g.Resources)
		})
	}
}

func TestTrackingAndStepsOnOneMetricFight(t *testing.T) {
	a := stepped()
	a.Policies = append(a.Policies, args().Policies...)
	g, err := deploy(t, a)
	require.ErrorContains(t, err, `policies[1].targetTracking.metric: "cpu" is followed by another policy`)
	assert.Empty(t, g.Resources)
	a.Policies[0].TargetTracking = args().Policies[0].TargetTracking
	require.ErrorContains(t, a.Validate(), "policies[0]: exactly one of targetTracking and step is needed")
}

func TestStepsAreBoundedByTheMetricMinusTheThreshold(t *testing.T) {
	g, err := deploy(t, stepped())
	require.NoError(t, err)
	group := g.Find("aws:autoscaling/group:Group", "musicguru-group").Outputs["name"].StringValue()
	assert.Equal(t, map[string]any{
		"autoscalingGroupName":    group,
		"policyType":              "StepScaling",
		"adjustmentType":          "ChangeInCapacity",
		"metricAggregationType":   "Average",
		"estimatedInstanceWarmup": 120.0,
		"stepAdjustments":         []any{map[string]any{"scalingAdjustment": 1.0, "metricIntervalLowerBound": "0"}},
	}, g.Find("aws:autoscaling/policy:Policy", "musicguru-cpu-out").Inputs.Mappable())
	assert.Equal(t, map[string]any{ // no warm-up: nothing warms up when instances go
		"autoscalingGroupName":  group,
		"policyType":            "StepScaling",
		"adjustmentType":        "ChangeInCapacity",
		"metricAggregationType": "Average",
		"stepAdjustments":       []any{map[string]any{"scalingAdjustment": -2.0, "metricIntervalUpperBound": "0"}},
	}, g.Find("aws:autoscaling/policy:Policy", "musicguru-cpu-in").Inputs.Mappable())
}

func TestAlarmsSetTheStepsOff(t *testing.T) {
	g, err := deploy(t, stepped())
	require.NoError(t, err)
	group := g.Find("aws:autoscaling/group:Group", "musicguru-group").Outputs["name"].StringValue()
	for name, want := range map[string]map[string]any{
		"musicguru-cpu-above": {
			"alarmDescription":   "cpu of musicguru above 80 % for 5m0s",
			"comparisonOperator": "GreaterThanThreshold", "threshold": 80.0, "evaluationPeriods": 5.0,
			"alarmActions": []any{policyARN(g, "musicguru-cpu-out")},
		},
		"musicguru-cpu-below": {
			"alarmDescription":   "cpu of musicguru below 40 % for 10m0s",
			"comparisonOperator": "LessThanThreshold", "threshold": 40.0, "evaluationPeriods": 10.0,
			"alarmActions": []any{policyARN(g, "musicguru-cpu-in")},
		},
	} {
		want["namespace"], want["metricName"], want["statistic"] = "AWS/EC2", "CPUUtilization", "Average"
		want["dimensions"], want["period"] = map[string]any{"AutoScalingGroupName": group}, 60.0
		want["tags"] = map[string]any{"Stack": "dev", "Service": "musicguru"}
		assert.Equal(t, want, g.Find("MetricAlarm", name).Inputs.Mappable(), name)
	}
}

func policyARN(g *graphtest.Graph, name string) string {
	return g.Find("aws:autoscaling/policy:Policy", name).Outputs["arn"].StringValue()
}

func TestAlarmsTellWhoIsToBeTold(t *testing.T) {
	a := stepped()
	a.Notify = []Subscription{{"email", "ops@example.com"}}
	g, err := deploy(t, a)
	require.NoError(t, err)
	topic := g.Find("Topic", "musicguru-notify")
	above := g.Find("MetricAlarm", "musicguru-cpu-above").Inputs.Mappable()
	assert.Equal(t, []any{policyARN(g, "musicguru-cpu-out"), topic.Outputs["arn"].StringValue()}, above["alarmActions"])
	assert.Equal(t, []any{topic.Outputs["arn"].StringValue()}, above["okActions"])

	below := g.Find("MetricAlarm", "musicguru-cpu-below").Inputs.Mappable()
	assert.Equal(t, []any{policyARN(g, "musicguru-cpu-in")}, below["alarmActions"], "idle instances are nothing to be told of")
	assert.NotContains(t, below, "okActions")
}

func TestShortPeriodsNeedDetailedMonitoring(t *testing.T) {
	step := func(period time.Duration) []Policy { return []Policy{{Step: &Step{Period: period}}} }
	assert.True(t, NeedsDetailedMonitoring(step(time.Minute)))
	assert.True(t, NeedsDetailedMonitoring(step(4*time.Minute)))
	assert.False(t, NeedsDetailedMonitoring(step(5*time.Minute)))
	assert.True(t, NeedsDetailedMonitoring(args().Policies), "target tracking")
	assert.False(t, NeedsDetailedMonitoring(nil))
}
