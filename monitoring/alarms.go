package monitoring

import (
	"cmp"
	"fmt"
	"math"
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
	return slices.Concat(a.ofHosts(), a.ofErrors(), a.ofLatency(), a.ofFullness(), a.ofSize(), a.ofCredits(), a.ofCertificate(),
		a.ofGateways(), a.ofDatabase())
}

// ofTargets returns the dimensions of a target group's metrics.
func (a *Args) ofTargets(group TargetGroup) pulumi.StringMap {
	return pulumi.StringMap{"LoadBalancer": a.BalancerARNSuffix, "TargetGroup": group.ARNSuffix}
}

func (a *Args) ofHosts() []alarm {
	var alarms []alarm
	for _, group := range a.TargetGroups {
		alarms = append(alarms,
			alarm{
				role: group.role("unhealthy"), meaning: group.titled("Unhealthy targets"), namespace: namespaces[a.Kind],
				metric: "UnHealthyHostCount", dimensions: a.ofTargets(group), statistic: "Maximum", missing: good,
			},
			alarm{
				role: group.role("healthy"), meaning: group.titled(fmt.Sprintf("Fewer than %d healthy targets", a.Min)), namespace: namespaces[a.Kind],
				metric: "HealthyHostCount", dimensions: a.ofTargets(group), statistic: "Minimum", below: true, threshold: float64(a.Min), missing: bad,
			},
		)
	}
	return alarms
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
	var alarms []alarm
	for _, group := range a.TargetGroups {
		alarms = append(alarms, errors(group.role("target-errors"), group.titled("Targets answer with server errors"),
			"HTTPCode_Target_5XX_Count", a.ofTargets(group)))
	}
	return append(alarms, errors("balancer-errors", "The balancer gets no answer from targets", "HTTPCode_ELB_5XX_Count", balancer))
}

func (a *Args) ofLatency() []alarm {
	if a.Latency == 0 {
		return nil
	}
	var alarms []alarm
	for _, group := range a.TargetGroups {
		alarms = append(alarms, alarm{
			role: group.role("latency"), meaning: group.titled(fmt.Sprintf("One request in a hundred takes longer than %v s", a.Latency)),
			namespace: namespaces[a.Kind], metric: "TargetResponseTime", statistic: "p99", threshold: a.Latency, missing: good,
			dimensions: a.ofTargets(group),
		})
	}
	return alarms
}

// ofFullness watches for a balancer that takes no more. An application balancer reports rejected connections only if there are any.
func (a *Args) ofFullness() []alarm {
	full := alarm{
		role: "rejected", meaning: "The balancer is full and rejects clients", namespace: namespaces[a.Kind], metric: "RejectedFlowCount",
		dimensions: pulumi.StringMap{"LoadBalancer": a.BalancerARNSuffix}, statistic: "Sum", missing: good, aside: true,
	}
	if a.Kind == application {
		full.metric = "RejectedConnectionCount"
	}
	return []alarm{full}
}

// ofGateways watches for NAT gateways that cannot open more connections to a destination: each has 55,000 ports for one (VPC User
// Guide: "NAT gateway metrics").
func (a *Args) ofGateways() []alarm {
	var alarms []alarm
	for i, gateway := range a.NATGatewayIDs {
		alarms = append(alarms, alarm{
			role: fmt.Sprintf("nat-%d", i+1), meaning: "A NAT gateway has no port left for a destination", namespace: "AWS/NATGateway",
			metric: "ErrorPortAllocation", dimensions: pulumi.StringMap{"NatGatewayId": gateway}, statistic: "Sum", missing: good, aside: true,
		})
	}
	return alarms
}

// Limits of a database. They are those that AWS recommends (CloudWatch User Guide: "Recommended alarms", Amazon RDS), but for the time
// with little storage: a volume that grows by itself does so after five minutes.
const (
	freeShare     = 0.1 // of the storage
	freePeriods   = 15
	busyDatabase  = 90 // percent
	busyPeriods   = 5
	openShare     = 0.9 // of the connections
	bytesInAGiB   = 1 << 30
	databaseSpace = "AWS/RDS"
)

func (a *Args) ofDatabase() []alarm {
	if a.Database == nil {
		return nil
	}
	of := func(role, meaning, metric, statistic string, threshold float64, periods int) alarm {
		return alarm{
			role: "database-" + role, meaning: meaning, namespace: databaseSpace, metric: metric, statistic: statistic, threshold: threshold,
			dimensions: pulumi.StringMap{"DBInstanceIdentifier": a.Database.ID}, missing: good, periods: periods, aside: true,
		}
	}
	storage := of("storage", "Less than a tenth of the database's storage is free", "FreeStorageSpace", "Minimum",
		freeShare*bytesInAGiB*float64(a.Database.StorageGiB), freePeriods)
	storage.below = true
	alarms := []alarm{storage, of("cpu", "The database has no CPU time left", "CPUUtilization", "Average", busyDatabase, busyPeriods)}
	if most := a.Database.MaxConnections; most > 0 {
		alarms = append(alarms, of("connections", fmt.Sprintf("The database takes about %d connections, and nine in ten are open", most),
			"DatabaseConnections", "Maximum", math.Floor(openShare*float64(most)), busyPeriods))
	}
	return alarms
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
