package scaling

import (
	"maps"
	"slices"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/autoscaling"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// predefined are the metrics that target tracking can follow, with AWS's names for them.
var predefined = map[string]string{
	"cpu": "ASGAverageCPUUtilization",
}

// TargetTracking keeps a metric near its target, adding instances quickly and removing them slowly. Type TargetTracking of
// package settings has the same fields.
type TargetTracking struct {
	Metric string        // "cpu": the average of the group, in percent
	Target float64       // above 0, at most 100
	Warmup time.Duration // whole seconds for which a new instance does not count; AWS's usual value is 300 s
}

func (t *TargetTracking) validate() error {
	var problems invalid.List
	if predefined[t.Metric] == "" {
		problems.Add("metric", t.Metric, "is not one of %v", slices.Sorted(maps.Keys(predefined)))
	}
	if !(t.Target > 0 && t.Target <= 100) {
		problems.Add("target", t.Target, "is not above 0 and at most 100")
	}
	problems.Include("", validDuration("warmup", t.Warmup))
	return problems.Err()
}

// track creates the policy. AWS creates the alarms.
func (g *Group) track(ctx *pulumi.Context, name string, t *TargetTracking) error {
	_, err := autoscaling.NewPolicy(ctx, name+"-"+t.Metric, &autoscaling.PolicyArgs{
		AutoscalingGroupName:    g.Name,
		PolicyType:              pulumi.String("TargetTrackingScaling"),
		EstimatedInstanceWarmup: pulumi.Int(int(t.Warmup.Seconds())),
		TargetTrackingConfiguration: &autoscaling.PolicyTargetTrackingConfigurationArgs{
			PredefinedMetricSpecification: &autoscaling.PolicyTargetTrackingConfigurationPredefinedMetricSpecificationArgs{
				PredefinedMetricType: pulumi.String(predefined[t.Metric]),
			},
			TargetValue: pulumi.Float64(t.Target),
		},
	}, pulumi.Parent(g))
	return err
}
