package monitoring

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// alarmPeriod is the period of a point in seconds: that of the balancers' metrics.
	alarmPeriod = 60

	// alarmPeriods are how many bad points in a row raise an alarm. A target that is replaced after it failed its checks
	// is counted for a minute or two: that is routine.
	alarmPeriods = 3

	// tolerated is how many errors a minute raise no alarm.
	tolerated = 10
)

// What a missing point counts as.
const (
	good = "notBreaching"
	bad  = "breaching"
)

// alarm is a condition that subscribers are notified of.
type alarm struct {
	role      string
	meaning   string
	metric    string
	ofTargets bool // the metric is the target group's, not the whole balancer's
	statistic string
	above     bool // bad is what is above the threshold; otherwise what is below it
	threshold float64
	missing   string
}

// alarmsFor returns the alarms of a kind of balancer with at least the given number of healthy targets.
//
// Host counts are reported while targets are registered: without any, there are no unhealthy targets and too few healthy
// ones. Errors are reported only if there are any.
func alarmsFor(kind string, least int) []alarm {
	hosts := []alarm{
		{"unhealthy", "Unhealthy targets", "UnHealthyHostCount", true, "Maximum", true, 0, good},
		{"healthy", fmt.Sprintf("Fewer than %d healthy targets", least), "HealthyHostCount", true, "Minimum", false, float64(least), bad},
	}
	if kind == application {
		return append(hosts,
			alarm{"target-errors", "Targets answer with server errors", "HTTPCode_Target_5XX_Count", true, "Sum", true, tolerated, good},
			alarm{"balancer-errors", "The balancer gets no answer from targets", "HTTPCode_ELB_5XX_Count", false, "Sum", true, tolerated, good},
		)
	}
	return append(hosts,
		alarm{"resets", "Targets reset connections", "TCP_Target_Reset_Count", false, "Sum", true, tolerated, good},
	)
}

// alarms creates the alarms. Their description names the group, so that people know where to look.
func (m *Monitoring) alarms(ctx *pulumi.Context, name string, args *Args) error {
	var actions pulumi.ArrayInput
	if args.TopicARN != nil {
		actions = pulumi.Array{args.TopicARN}
	}
	for _, a := range alarmsFor(args.Kind, args.Min) {
		alarm, err := cloudwatch.NewMetricAlarm(ctx, name+"-"+a.role, &cloudwatch.MetricAlarmArgs{
			AlarmDescription:   pulumi.Sprintf("%s: %s", a.meaning, args.GroupName),
			Namespace:          pulumi.String(namespaces[args.Kind]),
			MetricName:         pulumi.String(a.metric),
			Dimensions:         a.dimensions(args),
			Statistic:          pulumi.String(a.statistic),
			Period:             pulumi.Int(alarmPeriod),
			EvaluationPeriods:  pulumi.Int(alarmPeriods),
			ComparisonOperator: pulumi.String(a.comparison()),
			Threshold:          pulumi.Float64(a.threshold),
			TreatMissingData:   pulumi.String(a.missing),
			AlarmActions:       actions,
			OkActions:          actions,
			Tags:               pulumi.ToStringMap(args.Tags),
		}, pulumi.Parent(m))
		if err != nil {
			return err
		}
		m.AlarmNames = append(m.AlarmNames, alarm.Name)
	}
	return nil
}

func (a alarm) comparison() string {
	if a.above {
		return "GreaterThanThreshold"
	}
	return "LessThanThreshold"
}

// dimensions must be those under which the metric is reported, no more and no fewer, or the alarm never sees a point.
func (a alarm) dimensions(args *Args) pulumi.StringMap {
	dimensions := pulumi.StringMap{"LoadBalancer": args.BalancerARNSuffix}
	if a.ofTargets {
		dimensions["TargetGroup"] = args.TargetGroupARNSuffix
	}
	return dimensions
}
