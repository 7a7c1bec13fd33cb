package cloudwatch

import (
	"maps"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// Published are metrics that AWS publishes and the emulator has data for.
type Published struct {
	Namespace  string
	Names      []string
	Dimensions [][]string // the sets of dimensions under which each has data, sorted
	Source     string     // what the values are
}

// The sets of dimensions of load balancers.
var (
	ofBalancer = []string{dimensionBalancer}
	ofGroup    = []string{dimensionBalancer, dimensionTargetGroup}
	ofZone     = []string{dimensionZone, dimensionBalancer, dimensionTargetGroup}
)

// NeverHasData begins the Source of a metric that AWS reports in a case only that the emulator does not have. An alarm on it is quiet, as
// on AWS without the case.
const NeverHasData = "never has data: "

// Catalogue lists the metrics of AWS that have data, and those that alarms may watch without.
func Catalogue() []Published {
	return slices.Concat(networkMetrics, applicationMetrics, computeMetrics, recordedMetrics)
}

var networkMetrics = []Published{
	{
		NamespaceNetworkELB, []string{"ActiveFlowCount", "NewFlowCount"}, [][]string{ofBalancer},
		"flows of the listeners: open at some moments of the minute; for which a target was chosen",
	},
	{NamespaceNetworkELB, []string{"ProcessedBytes"}, [][]string{ofBalancer}, "what flows carried, without the headers of TCP and IP"},
	{
		NamespaceNetworkELB, []string{"TCP_Client_Reset_Count", "TCP_Target_Reset_Count", "TCP_ELB_Reset_Count"}, [][]string{ofBalancer},
		"flows that ended with a reset, by its sender. A target without a listener sends one; the balancer sends one when a flow is idle for " +
			"too long, has no target, or its target has become unhealthy",
	},
	{NamespaceNetworkELB, []string{"RejectedFlowCount"}, [][]string{ofBalancer}, "always 0: balancers are never full"},
	{
		NamespaceNetworkELB, []string{"HealthyHostCount", "UnHealthyHostCount"}, [][]string{ofGroup, ofZone},
		"results of health checks, while targets are registered",
	},
}

var applicationMetrics = []Published{
	{
		NamespaceApplicationELB, []string{"RequestCount"}, [][]string{ofBalancer, ofGroup}, "requests for which a target was chosen",
	},
	{
		NamespaceApplicationELB, []string{"RequestCountPerTarget"}, [][]string{{dimensionTargetGroup}, ofGroup},
		"the same, divided by the number of healthy targets",
	},
	{
		NamespaceApplicationELB,
		[]string{"HTTPCode_Target_2XX_Count", "HTTPCode_Target_3XX_Count", "HTTPCode_Target_4XX_Count", "HTTPCode_Target_5XX_Count"},
		[][]string{ofBalancer, ofGroup}, "answers of targets",
	},
	{
		NamespaceApplicationELB, []string{"TargetResponseTime"}, [][]string{ofBalancer, ofGroup},
		"from a request to the first byte of its answer, in seconds of real time: targets are real programs",
	},
	{
		NamespaceApplicationELB, []string{"TargetConnectionErrorCount"}, [][]string{ofBalancer, ofGroup},
		"connections to targets that failed",
	},
	{
		NamespaceApplicationELB,
		[]string{
			"HTTPCode_ELB_3XX_Count", "HTTPCode_ELB_4XX_Count", "HTTPCode_ELB_5XX_Count", "HTTPCode_ELB_502_Count",
			"HTTPCode_ELB_503_Count", "HTTPCode_ELB_504_Count", "HTTP_Redirect_Count",
		},
		[][]string{ofBalancer},
		"answers of the balancer itself; 4XX are malformed requests (400) and clients that gave up (460)",
	},
	{
		NamespaceApplicationELB, []string{"NewConnectionCount", "ActiveConnectionCount"}, [][]string{ofBalancer},
		"connections of clients and to targets: new; the most that were open at some moments of the minute",
	},
	{
		NamespaceApplicationELB, []string{"RejectedConnectionCount"}, [][]string{ofBalancer},
		NeverHasData + "balancers are never full, and AWS reports only that they were",
	},
	{NamespaceApplicationELB, []string{"ProcessedBytes"}, [][]string{ofBalancer}, "what connections of clients carried"},
	{
		NamespaceApplicationELB, []string{"HealthyHostCount", "UnHealthyHostCount"}, [][]string{ofGroup, ofZone},
		"results of health checks, while targets are registered",
	},
}

// The dimensions of instances and services.
var (
	ofInstances = [][]string{{"InstanceId"}, {"AutoScalingGroupName"}}
	ofGroups    = [][]string{{"AutoScalingGroupName"}}
	ofServices  = [][]string{{"ClusterName", "ServiceName"}}
)

var computeMetrics = []Published{
	{
		NamespaceEC2, []string{CPUUtilization}, ofInstances,
		"processor time of the instance's processes; every five minutes without detailed monitoring",
	},
	{
		NamespaceEC2, []string{"CPUCreditBalance", "CPUCreditUsage", "CPUSurplusCreditBalance", "CPUSurplusCreditsCharged"}, ofInstances,
		"computed from the CPU utilization of T2, T3, T3a and T4g instances, from their launch; every five minutes. In standard mode an " +
			"instance without credits reports its baseline at most, but its processes are not slowed down",
	},
	{
		"AWS/AutoScaling", []string{
			"GroupMinSize", "GroupMaxSize", "GroupDesiredCapacity", "GroupInServiceInstances", "GroupPendingInstances",
			"GroupTerminatingInstances", "GroupStandbyInstances", "GroupTotalInstances",
		}, ofGroups, "the group, if it has the metric enabled",
	},
	{
		"AWS/ECS", []string{CPUUtilization, "MemoryUtilization"}, ofServices,
		"processor time and resident memory of the tasks' processes, of what the tasks reserve",
	},
}

var recordedMetrics = []Published{
	{
		"AWS/RDS", []string{"FreeStorageSpace", CPUUtilization, "DatabaseConnections"}, [][]string{{"DBInstanceIdentifier"}},
		"the storage without the files of the server, its processor time, and connections of clients; without a server all of the storage, and 0",
	},
	{
		"AWS/NATGateway", []string{"ErrorPortAllocation", "PacketsDropCount"}, [][]string{{"NatGatewayId"}},
		"always 0: gateways are never full",
	},
	{
		"AWS/CertificateManager", []string{"DaysToExpiry"}, [][]string{{"CertificateArn"}},
		"395, twice a day: ACM renews a certificate in time",
	},
}

// checkPublished refuses an alarm on a metric of AWS that has no data in the emulator, or on AWS: it would stay in
// INSUFFICIENT_DATA. Other namespaces are those of programs.
func (spec AlarmSpec) checkPublished() error {
	if !strings.HasPrefix(spec.Namespace, "AWS/") {
		return nil
	}
	dimensions := slices.Sorted(maps.Keys(spec.Dimensions))
	var sets []string
	for _, p := range Catalogue() {
		if p.Namespace != spec.Namespace || !slices.Contains(p.Names, spec.Metric) {
			continue
		}
		for _, set := range p.Dimensions {
			if slices.Equal(set, dimensions) {
				return nil
			}
			sets = append(sets, strings.Join(set, " and "))
		}
	}
	if len(sets) == 0 {
		return aws.Refuse("ValidationError", "The emulator has no data for the metric %s of %s: the alarm would stay in "+
			"INSUFFICIENT_DATA. docs/emulator.md lists the metrics that have data", spec.Metric, spec.Namespace)
	}
	given := "without dimensions"
	if len(dimensions) > 0 {
		given = "by " + strings.Join(dimensions, " and ")
	}
	return aws.Refuse("ValidationError", "In the emulator, the metric %s of %s has data by %s, not %s: the alarm would stay in "+
		"INSUFFICIENT_DATA", spec.Metric, spec.Namespace, strings.Join(sets, ", or by "), given)
}
