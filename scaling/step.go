package scaling

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/autoscaling"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// basicPeriod is how often EC2 measures an instance without detailed monitoring.
const basicPeriod = 5 * time.Minute

// longestAlarm is the longest time that an alarm may look back.
const longestAlarm = 24 * time.Hour

// measured are the metrics that a step can watch, with EC2's names for them.
var measured = map[string]string{
	"cpu": "CPUUtilization",
}

// Step adds instances while a metric is above a threshold and removes them while it is below another. Each direction is a
// policy and the alarm that triggers it. Type Step of package settings has the same fields.
type Step struct {
	Metric string        // "cpu": the average of the group, in percent
	Period time.Duration // of one point of the metric: a multiple of 60 s; below 300 s see [NeedsDetailedMonitoring]
	Warmup time.Duration // whole seconds for which a new instance does not count, so that it isn't added twice

	Above    float64       // percent, below 100
	AboveFor time.Duration // a multiple of Period, at most 24 h
	Add      int           // instances, at least 1

	Below    float64       // percent, above 0 and below Above
	BelowFor time.Duration // a multiple of Period, at most 24 h
	Remove   int           // instances, at least 1
}

func (s *Step) validate() error {
	var problems invalid.List
	if measured[s.Metric] == "" {
		problems.Add("metric", s.Metric, "is not one of %v", slices.Sorted(maps.Keys(measured)))
	}
	if s.Period < time.Minute || s.Period%time.Minute != 0 {
		problems.Add("period", s.Period, "is not a multiple of 1m0s")
	}
	problems.Include("", validDuration("warmup", s.Warmup))
	if !(s.Above > 0 && s.Above < 100) {
		problems.Add("above", s.Above, "is not between 0 and 100, without these")
	}
	if !(s.Below > 0 && s.Below < s.Above) {
		problems.Add("below", s.Below, "is not above 0 and below above (%v)", s.Above)
	}
	problems.Include("", s.validSpan("aboveFor", s.AboveFor))
	problems.Include("", s.validSpan("belowFor", s.BelowFor))
	if s.Add < 1 {
		problems.Add("add", s.Add, "is below 1")
	}
	if s.Remove < 1 {
		problems.Add("remove", s.Remove, "is below 1")
	}
	return problems.Err()
}

func (s *Step) validSpan(path string, span time.Duration) error {
	var problems invalid.List
	switch {
	case s.Period < time.Minute: // a problem of its own
	case span < s.Period || span%s.Period != 0:
		problems.Add(path, span, "is not a multiple of period (%v)", s.Period)
	case span > longestAlarm:
		problems.Add(path, span, "is above %v", longestAlarm)
	}
	return problems.Err()
}

// NeedsDetailedMonitoring reports whether a policy needs points more often than EC2 reports them. Without detailed
// monitoring of the instances the alarms of a step would lack data most of the time, and target tracking, whose alarms have points
// of a minute, would act late and on old data (Auto Scaling User Guide: "Target tracking scaling policies").
func NeedsDetailedMonitoring(policies []Policy) bool {
	return slices.ContainsFunc(policies, func(p Policy) bool {
		return p.TargetTracking != nil || p.Step != nil && p.Step.Period < basicPeriod
	})
}

// direction is a half of a Step: adding or removing.
type direction struct {
	way, side  string // of the policy's name, of the alarm's
	threshold  float64
	comparison string
	span       time.Duration
	adjustment int
	warmup     pulumi.IntPtrInput

	// The bounds of a step are the metric minus the alarm's threshold: from 0 up, or from 0 down.
	lower, upper pulumi.StringPtrInput
}

// directions returns both halves. Only the way out has a warm-up: nothing warms up when instances are removed.
func (s *Step) directions() []direction {
	return []direction{
		{
			way: "out", side: "above",
			threshold: s.Above, comparison: "GreaterThanThreshold", span: s.AboveFor,
			adjustment: s.Add, warmup: pulumi.Int(int(s.Warmup.Seconds())), lower: pulumi.String("0"),
		},
		{
			way: "in", side: "below",
			threshold: s.Below, comparison: "LessThanThreshold", span: s.BelowFor,
			adjustment: -s.Remove, upper: pulumi.String("0"),
		},
	}
}

func (g *Group) step(ctx *pulumi.Context, name string, args *Args, s *Step) error {
	for _, d := range s.directions() {
		policy, err := g.stepPolicy(ctx, fmt.Sprintf("%s-%s-%s", name, s.Metric, d.way), d)
		if err != nil {
			return err
		}
		if err := g.stepAlarm(ctx, name, args, s, d, policy); err != nil {
			return err
		}
	}
	return nil
}

func (g *Group) stepPolicy(ctx *pulumi.Context, name string, d direction) (*autoscaling.Policy, error) {
	return autoscaling.NewPolicy(ctx, name, &autoscaling.PolicyArgs{
		AutoscalingGroupName:    g.Name,
		PolicyType:              pulumi.String("StepScaling"),
		AdjustmentType:          pulumi.String("ChangeInCapacity"),
		MetricAggregationType:   pulumi.String("Average"),
		EstimatedInstanceWarmup: d.warmup,
		StepAdjustments: autoscaling.PolicyStepAdjustmentArray{
			&autoscaling.PolicyStepAdjustmentArgs{
				ScalingAdjustment:        pulumi.Int(d.adjustment),
				MetricIntervalLowerBound: d.lower,
				MetricIntervalUpperBound: d.upper,
			},
		},
	}, pulumi.Parent(g))
}

// stepAlarm sets the policy off once a minute for as long as it lasts. The lower alarm is the usual state of a group
// that has nothing to do: at Min its policy changes nothing, and its subscribers are not told.
func (g *Group) stepAlarm(
	ctx *pulumi.Context, name string, args *Args, s *Step, d direction, policy *autoscaling.Policy,
) error {
	in := &cloudwatch.MetricAlarmArgs{
		AlarmDescription:   pulumi.Sprintf("%s of %s %s %v %% for %v", s.Metric, name, d.side, d.threshold, d.span),
		Namespace:          pulumi.String("AWS/EC2"),
		MetricName:         pulumi.String(measured[s.Metric]),
		Dimensions:         pulumi.StringMap{"AutoScalingGroupName": g.Name},
		Statistic:          pulumi.String("Average"),
		ComparisonOperator: pulumi.String(d.comparison),
		Threshold:          pulumi.Float64(d.threshold),
		Period:             pulumi.Int(int(s.Period.Seconds())),
		EvaluationPeriods:  pulumi.Int(int(d.span / s.Period)),
		AlarmActions:       pulumi.Array{policy.Arn},
		Tags:               pulumi.ToStringMap(args.Tags),
	}
	if len(args.Notify) > 0 && d.adjustment > 0 {
		in.AlarmActions = pulumi.Array{policy.Arn, g.TopicARN}
		in.OkActions = pulumi.Array{g.TopicARN}
	}
	_, err := cloudwatch.NewMetricAlarm(ctx, fmt.Sprintf("%s-%s-%s", name, s.Metric, d.side), in, pulumi.Parent(g))
	return err
}
