package monitoring

import "slices"

// Seconds of a point: balancers and groups report every minute, EC2 every five unless it is paid for more.
const (
	minute      = 60
	fiveMinutes = 300
)

// namespaces are those of the balancers' metrics, by kind.
var namespaces = map[string]string{
	network:     "AWS/NetworkELB",
	application: "AWS/ApplicationELB",
}

// view is what a dashboard looks at.
type view struct {
	region, kind     string
	balancer, group  string    // as their metrics name them
	targets          []targets // at least one
	cluster, service string    // of ECS; empty for none
	database         string    // of RDS; empty for none
	memory           bool
}

// targets are a target group: its name, empty for the first, and how its metrics name it.
type targets struct{ name, arnSuffix string }

// chart is the content of a widget.
type chart struct {
	title   string
	stacked bool
	period  int
	metrics []metric
}

// line is a metric of a source: its name, the statistic and its label.
type line struct{ name, stat, label string }

// source is a namespace with the dimensions under which it reports.
type source struct {
	namespace  string
	dimensions []dimension
}

func (s source) lines(lines ...line) []metric {
	metrics := make([]metric, len(lines))
	for i, l := range lines {
		metrics[i] = metric{namespace: s.namespace, name: l.name, dimensions: s.dimensions, stat: l.stat, label: l.label}
	}
	return metrics
}

func (v view) ofBalancer() source {
	return source{namespaces[v.kind], []dimension{{"LoadBalancer", v.balancer}}}
}

func (v view) ofTargets(t targets) source {
	return source{namespaces[v.kind], []dimension{{"TargetGroup", t.arnSuffix}, {"LoadBalancer", v.balancer}}}
}

// eachTargets returns a chart for each target group.
func (v view) eachTargets(title string, stacked bool, lines ...line) []chart {
	var charts []chart
	for _, t := range v.targets {
		charts = append(charts, chart{titled(title, t.name), stacked, minute, v.ofTargets(t).lines(lines...)})
	}
	return charts
}

func (v view) ofGroup(namespace string) source {
	return source{namespace, []dimension{{"AutoScalingGroupName", v.group}}}
}

// charts returns the dashboard's charts, from the clients to the machines.
func (v view) charts() []chart {
	all := v.eachTargets("Targets", false,
		line{"HealthyHostCount", "Minimum", "healthy"},
		line{"UnHealthyHostCount", "Maximum", "unhealthy"},
	)
	if v.kind == application {
		all = append(all, v.requests()...)
	} else {
		all = append(all, v.flows()...)
	}
	all = append(all, v.instances()...)
	return slices.Concat(all, v.containers(), v.ofDatabase())
}

// flows returns the charts of a network load balancer.
func (v view) flows() []chart {
	return []chart{
		{"Flows", false, minute, v.ofBalancer().lines(
			line{"NewFlowCount", "Sum", "new"},
			line{"ActiveFlowCount", "Average", "active"},
		)},
		{"Bytes", false, minute, v.ofBalancer().lines(
			line{"ProcessedBytes", "Sum", "processed"},
		)},
		{"Resets", false, minute, v.ofBalancer().lines(
			line{"TCP_Client_Reset_Count", "Sum", "by clients"},
			line{"TCP_Target_Reset_Count", "Sum", "by targets"},
			line{"TCP_ELB_Reset_Count", "Sum", "by the balancer"},
		)},
	}
}

// requests returns the charts of an application load balancer.
func (v view) requests() []chart {
	all := []chart{{"Requests", false, minute, v.ofBalancer().lines(
		line{"RequestCount", "Sum", "requests"},
	)}}
	all = append(all, v.eachTargets("Response time (s)", false,
		line{"TargetResponseTime", "Average", "average"},
		line{"TargetResponseTime", "p90", "p90"},
		line{"TargetResponseTime", "p99", "p99"},
	)...)
	all = append(all, v.eachTargets("Responses of targets", true,
		line{"HTTPCode_Target_2XX_Count", "Sum", "2xx"},
		line{"HTTPCode_Target_3XX_Count", "Sum", "3xx"},
		line{"HTTPCode_Target_4XX_Count", "Sum", "4xx"},
		line{"HTTPCode_Target_5XX_Count", "Sum", "5xx"},
	)...)
	return append(all, []chart{
		{"Errors of the balancer", false, minute, v.ofBalancer().lines(
			line{"HTTPCode_ELB_5XX_Count", "Sum", "5xx"},
		)},
		{"Connections", false, minute, v.ofBalancer().lines(
			line{"NewConnectionCount", "Sum", "new"},
			line{"ActiveConnectionCount", "Sum", "active"},
		)},
		{"Bytes", false, minute, v.ofBalancer().lines(
			line{"ProcessedBytes", "Sum", "processed"},
		)},
	}...)
}

// instances returns the charts of the group's size and of its instances' load.
func (v view) instances() []chart {
	all := []chart{
		{"Instances", false, minute, v.ofGroup("AWS/AutoScaling").lines(
			line{"GroupInServiceInstances", "Average", "in service"},
			line{"GroupDesiredCapacity", "Average", "desired"},
			line{"GroupPendingInstances", "Average", "pending"},
			line{"GroupTerminatingInstances", "Average", "terminating"},
			line{"GroupMinSize", "Average", "min"},
			line{"GroupMaxSize", "Average", "max"},
		)},
		{"CPU of instances (%)", false, fiveMinutes, v.ofGroup("AWS/EC2").lines(
			line{"CPUUtilization", "Average", "average"},
			line{"CPUUtilization", "Maximum", "maximum"},
		)},
	}
	if v.memory {
		all = append(all, chart{"Memory of instances (%)", false, minute, v.ofGroup("CWAgent").lines(
			line{"mem_used_percent", "Average", "average"},
			line{"mem_used_percent", "Maximum", "maximum"},
		)})
	}
	return all
}

// containers returns the charts of an ECS service's use of what its tasks reserve.
func (v view) containers() []chart {
	if v.service == "" {
		return nil
	}
	of := source{"AWS/ECS", []dimension{{"ClusterName", v.cluster}, {"ServiceName", v.service}}}
	return []chart{
		{"CPU of containers (%)", false, minute, of.lines(
			line{"CPUUtilization", "Average", "average"},
			line{"CPUUtilization", "Maximum", "maximum"},
		)},
		{"Memory of containers (%)", false, minute, of.lines(
			line{"MemoryUtilization", "Average", "average"},
			line{"MemoryUtilization", "Maximum", "maximum"},
		)},
	}
}

// ofDatabase returns the charts of a database.
func (v view) ofDatabase() []chart {
	if v.database == "" {
		return nil
	}
	of := source{databaseSpace, []dimension{{"DBInstanceIdentifier", v.database}}}
	return []chart{
		{"CPU of the database (%)", false, minute, of.lines(
			line{"CPUUtilization", "Average", "average"},
		)},
		{"Connections to the database", false, minute, of.lines(
			line{"DatabaseConnections", "Maximum", "open"},
		)},
		{"Free storage of the database (bytes)", false, minute, of.lines(
			line{"FreeStorageSpace", "Minimum", "free"},
		)},
	}
}
