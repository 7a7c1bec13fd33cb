package monitoring

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

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

// alarm is a condition that subscribers are notified of. Bad is what is above the threshold; below it, if below is set.
type alarm struct {
	role       string
	meaning    string
	namespace  string
	metric     string
	dimensions pulumi.StringMap // those under which the metric is reported, no more and no fewer, or the alarm never sees a point
	statistic  string           // or a percentile
	below      bool
	threshold  float64
	missing    string
	period     int  // in seconds; 0: alarmPeriod
	periods    int  // bad points in a row; 0: alarmPeriods
	aside      bool // a release does not set it off
}

// all returns the alarms.
//
// Host counts are reported while targets are registered: without any, there are no unhealthy targets and too few healthy
// ones. Errors are reported only if there are any.
func (a *Args) all() []alarm {
	return slices.Concat(a.ofHosts(), a.ofErrors(), a.ofLatency(), a.ofSize(), a.ofCredits(), a.ofCertificate())
}

func (a *Args) ofHosts() []alarm {
	targets := pulumi.StringMap{"LoadBalancer": a.BalancerARNSuffix, "TargetGroup": a.TargetGroupARNSuffix}
	return []alarm{
		{
			role: "unhealthy", meaning: "Unhealthy targets", namespace: namespaces[a.Kind], metric: "UnHealthyHostCount",
			dimensions: targets, statistic: "Maximum", missing: good,
		},
		{
			role: "healthy", meaning: fmt.Sprintf("Fewer than %d healthy targets", a.Min), namespace: namespaces[a.Kind],
			metric: "HealthyHostCount", dimensions: targets, statistic: "Minimum", below: true, threshold: float64(a.Min), missing: bad,
		},
	}
}

func (a *Args) ofErrors() []alarm {
	balancer := pulumi.StringMap{"LoadBalancer": a.BalancerARNSuffix}
	errors := func(role, meaning, metric string, dimensions pulumi.StringMap) alarm {
		return alarm{
			role: role, meaning: meaning, namespace: namespaces[a.Kind], metric: metric, dimensions: dimensions,
			statistic: "Sum", threshold: tolerated, missing: good,
		}
	}
	if a.Kind != application {
		return []alarm{errors("resets", "Targets reset connections", "TCP_Target_Reset_Count", balancer)}
	}
	targets := pulumi.StringMap{"LoadBalancer": a.BalancerARNSuffix, "TargetGroup": a.TargetGroupARNSuffix}
	return []alarm{
		errors("target-errors", "Targets answer with server errors", "HTTPCode_Target_5XX_Count", targets),
		errors("balancer-errors", "The balancer gets no answer from targets", "HTTPCode_ELB_5XX_Count", balancer),
	}
}

func (a *Args) ofLatency() []alarm {
	if a.Latency == 0 {
		return nil
	}
	return []alarm{{
		role: "latency", meaning: fmt.Sprintf("One request in a hundred takes longer than %v s", a.Latency), namespace: namespaces[a.Kind],
		metric: "TargetResponseTime", statistic: "p99", threshold: a.Latency, missing: good,
		dimensions: pulumi.StringMap{"LoadBalancer": a.BalancerARNSuffix, "TargetGroup": a.TargetGroupARNSuffix},
	}}
}

// atMost is for how many minutes a group may want its maximum.
const atMost = 15

func (a *Args) ofSize() []alarm {
	if a.Max == 0 {
		return nil
	}
	return []alarm{{
		role: "at-most", meaning: fmt.Sprintf("At its maximum of %d for %d minutes: it can grow no more", a.Max, atMost),
		namespace: "AWS/AutoScaling", metric: "GroupDesiredCapacity", dimensions: pulumi.StringMap{"AutoScalingGroupName": a.GroupName},
		statistic: "Minimum", threshold: float64(a.Max) - 1, missing: good, periods: atMost, aside: true,
	}}
}

// creditPeriod is the period of a point of credits in seconds: EC2 reports them every five minutes.
const creditPeriod = 300

func (a *Args) ofCredits() []alarm {
	if !a.SurplusCredits {
		return nil
	}
	return []alarm{{
		role: "surplus-credits", meaning: "CPU time beyond what the instances earn is charged", namespace: "AWS/EC2",
		metric: "CPUSurplusCreditsCharged", dimensions: pulumi.StringMap{"AutoScalingGroupName": a.GroupName},
		statistic: "Sum", missing: good, period: creditPeriod, aside: true,
	}}
}

// lastDays is when a certificate should have been renewed: ACM begins 60 days before its end.
const lastDays = 30

func (a *Args) ofCertificate() []alarm {
	if a.CertificateARN == nil {
		return nil
	}
	return []alarm{{
		role: "certificate", meaning: fmt.Sprintf("The certificate ends in less than %d days and was not renewed", lastDays),
		namespace: "AWS/CertificateManager", metric: "DaysToExpiry", dimensions: pulumi.StringMap{"CertificateArn": a.CertificateARN},
		statistic: "Minimum", below: true, threshold: lastDays, missing: good, period: 24 * 60 * 60, periods: 1, aside: true,
	}}
}

// alarms creates the alarms. Their description names the group, so that people know where to look.
func (m *Monitoring) alarms(ctx *pulumi.Context, name string, args *Args) error {
	var actions pulumi.ArrayInput
	if args.TopicARN != nil {
		actions = pulumi.Array{args.TopicARN}
	}
	for _, a := range args.all() {
		in := &cloudwatch.MetricAlarmArgs{
			AlarmDescription:   pulumi.Sprintf("%s: %s", a.meaning, args.GroupName),
			Namespace:          pulumi.String(a.namespace),
			MetricName:         pulumi.String(a.metric),
			Dimensions:         a.dimensions,
			Period:             pulumi.Int(cmp.Or(a.period, alarmPeriod)),
			EvaluationPeriods:  pulumi.Int(cmp.Or(a.periods, alarmPeriods)),
			ComparisonOperator: pulumi.String(a.comparison()),
			Threshold:          pulumi.Float64(a.threshold),
			TreatMissingData:   pulumi.String(a.missing),
			AlarmActions:       actions,
			OkActions:          actions,
			Tags:               pulumi.ToStringMap(args.Tags),
		}
		if strings.HasPrefix(a.statistic, "p") {
			in.ExtendedStatistic = pulumi.String(a.statistic)
		} else {
			in.Statistic = pulumi.String(a.statistic)
		}
		alarm, err := cloudwatch.NewMetricAlarm(ctx, name+"-"+a.role, in, pulumi.Parent(m))
		if err != nil {
			return err
		}
		if !a.aside {
			m.AlarmNames = append(m.AlarmNames, alarm.Name)
		}
	}
	return nil
}

func (a alarm) comparison() string {
	if a.below {
		return "LessThanThreshold"
	}
	return "GreaterThanThreshold"
}
