package monitoring

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
)

func args(kind string) *Args {
	return &Args{
		Region:            "us-east-1",
		Kind:              kind,
		BalancerARNSuffix: pulumi.String("net/web/0123"),
		TargetGroups:      []TargetGroup{{ARNSuffix: pulumi.String("targetgroup/web/4567")}},
		GroupName:         pulumi.String("web-group"),
		Min:               2,
		Dashboard:         true,
		Alarms:            true,
		TopicARN:          pulumi.String("arn:aws:sns:us-east-1:123456789012:topic"),
		Tags:              map[string]string{"Service": "web"},
	}
}

func deployIn(t *testing.T, stack, name string, args *Args) (*Monitoring, *graphtest.Graph, error) {
	t.Helper()
	var m *Monitoring
	g, err := graphtest.Run(t, graphtest.World{Stack: stack}, func(ctx *pulumi.Context) (err error) {
		m, err = New(ctx, name, args)
		return err
	})
	return m, g, err
}

func made(t *testing.T, args *Args) (*Monitoring, *graphtest.Graph) {
	t.Helper()
	m, g, err := deployIn(t, "dev", "web", args)
	require.NoError(t, err)
	return m, g
}

func TestBadArgumentsRegisterNothing(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*Args)
		want   string
	}{
		{name: "no kind", change: func(a *Args) { a.Kind = "" }, want: `kind: "" is neither network nor application`},
		{name: "a kind unheard of", change: func(a *Args) { a.Kind = "gateway" }, want: `kind: "gateway" is neither network nor application`},
		{name: "no balancer", change: func(a *Args) { a.BalancerARNSuffix = nil }, want: "balancerArnSuffix: a value is needed"},
		{name: "no target group", change: func(a *Args) { a.TargetGroups = nil }, want: "targetGroups: a value is needed"},
		{name: "no group", change: func(a *Args) { a.GroupName = nil }, want: "groupName: a value is needed"},
		{
			name:   "a dashboard without region",
			change: func(a *Args) { a.Region = "" },
			want:   "region: a dashboard needs the region of its metrics",
		},
		{name: "the latency of a network balancer", change: func(a *Args) { a.Latency = 1 }, want: "latency: 1 is below 0, or not of an"},
		{name: "no NAT gateway", change: func(a *Args) { a.NATGatewayIDs = []pulumi.StringInput{nil} }, want: "natGatewayIds[0]: a value is"},
		{name: "no database", change: func(a *Args) { a.Database = &Database{StorageGiB: 20} }, want: "database.id: a value is needed"},
		{
			name:   "a database without storage",
			change: func(a *Args) { a.Database = &Database{ID: pulumi.String("db")} },
			want:   "database.storageGiB: 0 is below 1",
		},
		{name: "alarms without a minimum", change: func(a *Args) { a.Min = 0 }, want: "min: 0 is below 1"},
		{
			name:   "a service without a cluster",
			change: func(a *Args) { a.Service = pulumi.String("web") },
			want:   "service: a service and its cluster are given together",
		},
		{
			name:   "a cluster without a service",
			change: func(a *Args) { a.Cluster = pulumi.String("web") },
			want:   "service: a service and its cluster are given together",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := args(network)
			test.change(a)
			_, g, err := deployIn(t, "dev", "web", a)
			require.ErrorContains(t, err, "monitoring web: "+test.want)
			assert.Empty(t, g.Resources)
		})
	}
}

func TestEachTargetGroupHasAlarmsAndCharts(t *testing.T) {
	for kind, roles := range map[string][]string{
		network: {"unhealthy", "healthy"}, application: {"unhealthy", "healthy", "target-errors", "latency"},
	} {
		a := args(kind)
		if kind == application {
			a.Latency = 1
		}
		a.TargetGroups = append(a.TargetGroups, TargetGroup{Name: "admin", ARNSuffix: pulumi.String("targetgroup/admin/8910")})
		_, g := made(t, a)
		for _, role := range roles {
			for name, suffix := range map[string]string{"web-" + role: "targetgroup/web/4567", "web-admin-" + role: "targetgroup/admin/8910"} {
				alarm := g.Find("MetricAlarm", name)
				require.NotNil(t, alarm, name)
				assert.Equal(t, suffix, alarm.Inputs["dimensions"].ObjectValue()["TargetGroup"].StringValue(), name)
			}
		}
		body := g.OfType("Dashboard")[0].Inputs["dashboardBody"].StringValue()
		assert.Contains(t, body, `"Targets: admin"`)
		assert.Contains(t, body, "targetgroup/admin/8910")
	}
}

func TestANameTooLongForADashboardRegistersNothing(t *testing.T) {
	_, g, err := deployIn(t, "dev", strings.Repeat("w", 252), args(network))
	require.ErrorContains(t, err, "is longer than 255 characters")
	assert.Empty(t, g.Resources)
}

func TestWhatNobodyAskedForIsNotMade(t *testing.T) {
	a := args(network)
	a.Region, a.Dashboard = "", false
	m, g := made(t, a)
	assert.Empty(t, g.OfType("Dashboard"))
	assert.NotEmpty(t, g.OfType("MetricAlarm"))
	assert.Nil(t, m.DashboardName.OutputState)

	a = args(network)
	a.Min, a.Alarms = 0, false
	m, g = made(t, a)
	assert.NotEmpty(t, g.OfType("Dashboard"))
	assert.Empty(t, g.OfType("MetricAlarm"))
	assert.NotNil(t, m.DashboardName.OutputState)
}

func TestADashboardIsNamedAfterServiceAndStack(t *testing.T) {
	for stack, want := range map[string]string{
		"dev": "web-dev", "eu.prod_2": "web-eu-prod_2", "Prüf": "web-Pr-f",
	} {
		assert.Equal(t, want, dashboardName("web", stack))
	}
	_, g, err := deployIn(t, "eu.prod", "web", args(network))
	require.NoError(t, err)
	assert.Equal(t, "web-eu-prod", g.Find("Dashboard", "web-dashboard").Inputs["dashboardName"].StringValue())
}

func TestTheDashboardShowsWhatItWasGiven(t *testing.T) {
	a := args(application)
	a.Memory, a.Cluster, a.Service = true, pulumi.String("cluster"), pulumi.String("service")
	_, g := made(t, a)
	want, err := dashboardBody(view{
		region: "us-east-1", kind: application, memory: true,
		balancer: "net/web/0123", targets: []targets{{"", "targetgroup/web/4567"}}, group: "web-group", cluster: "cluster", service: "service",
	})
	require.NoError(t, err)
	assert.Equal(t, want, g.OfType("Dashboard")[0].Inputs["dashboardBody"].StringValue())
}

func TestAlarmsWatchTheRightNumbers(t *testing.T) {
	balancer := map[string]any{"LoadBalancer": "net/web/0123"}
	targets := map[string]any{"LoadBalancer": "net/web/0123", "TargetGroup": "targetgroup/web/4567"}
	topic := []any{"arn:aws:sns:us-east-1:123456789012:topic"}
	alarm := func(namespace, metric, statistic, comparison, missing, description string, threshold float64, of map[string]any) map[string]any {
		return map[string]any{
			"namespace": namespace, "metricName": metric, "dimensions": of, "statistic": statistic,
			"comparisonOperator": comparison, "threshold": threshold, "treatMissingData": missing,
			"period": 60.0, "evaluationPeriods": 3.0,
			"alarmDescription": description + ": web-group", "alarmActions": topic, "okActions": topic,
			"tags": map[string]any{"Service": "web"},
		}
	}
	for kind, want := range map[string]map[string]map[string]any{
		network: {
			"web-unhealthy": alarm("AWS/NetworkELB", "UnHealthyHostCount", "Maximum", "GreaterThanThreshold", "notBreaching",
				"Unhealthy targets", 0, targets),
			"web-healthy": alarm("AWS/NetworkELB", "HealthyHostCount", "Minimum", "LessThanThreshold", "breaching",
				"Fewer than 2 healthy targets", 2, targets),
			"web-resets": alarm("AWS/NetworkELB", "TCP_Target_Reset_Count", "Sum", "GreaterThanThreshold", "notBreaching",
				"Targets reset connections", 10, balancer),
			"web-rejected": alarm("AWS/NetworkELB", "RejectedFlowCount", "Sum", "GreaterThanThreshold", "notBreaching",
				"The balancer is full and rejects clients", 0, balancer),
		},
		application: {
			"web-unhealthy": alarm("AWS/ApplicationELB", "UnHealthyHostCount", "Maximum", "GreaterThanThreshold", "notBreaching",
				"Unhealthy targets", 0, targets),
			"web-healthy": alarm("AWS/ApplicationELB", "HealthyHostCount", "Minimum", "LessThanThreshold", "breaching",
				"Fewer than 2 healthy targets", 2, targets),
			"web-target-errors": alarm("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", "Sum", "GreaterThanThreshold", "notBreaching",
				"Targets answer with server errors", 10, targets),
			"web-balancer-errors": alarm("AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", "Sum", "GreaterThanThreshold", "notBreaching",
				"The balancer gets no answer from targets", 10, balancer),
			"web-rejected": alarm("AWS/ApplicationELB", "RejectedConnectionCount", "Sum", "GreaterThanThreshold", "notBreaching",
				"The balancer is full and rejects clients", 0, balancer),
		},
	} {
		_, g := made(t, args(kind))
		got := map[string]map[string]any{}
		for _, a := range g.OfType("MetricAlarm") {
			got[a.Name] = a.Inputs.Mappable()
		}
		assert.Equal(t, want, got, kind)
	}
}

func TestAlarmsWithoutATopicNotifyNobody(t *testing.T) {
	a := args(application)
	a.TopicARN = nil
	_, g := made(t, a)
	for _, alarm := range g.OfType("MetricAlarm") {
		assert.NotContains(t, alarm.Inputs, "alarmActions", alarm.Name)
		assert.NotContains(t, alarm.Inputs, "okActions", alarm.Name)
	}
}

func TestEverythingBelongsToTheComponent(t *testing.T) {
	_, g := made(t, args(network))
	for _, r := range g.Custom() {
		assert.Equal(t, "elastic-service:monitoring:Monitoring", g.Top(r).Type, r.Name)
	}
}

func TestAlarmsBesideAReleaseAreNotItsOwn(t *testing.T) {
	m, g := made(t, everyAlarm(application))
	var names []string
	for _, a := range g.OfType("MetricAlarm") {
		names = append(names, a.Name)
	}
	assert.Equal(t, []string{
		"web-at-most", "web-balancer-errors", "web-certificate", "web-database-connections", "web-database-cpu", "web-database-storage",
		"web-healthy", "web-latency", "web-nat-1", "web-nat-2", "web-rejected", "web-surplus-credits", "web-target-errors", "web-unhealthy",
	}, names)
	assert.Len(t, m.AlarmNames, 5)

	full := g.Find("MetricAlarm", "web-at-most")
	assert.Equal(t, []float64{3, 15}, []float64{full.Inputs["threshold"].NumberValue(), full.Inputs["evaluationPeriods"].NumberValue()})
	slow := g.Find("MetricAlarm", "web-latency")
	assert.Equal(t, "p99", slow.Inputs["extendedStatistic"].StringValue())
	assert.NotContains(t, slow.Inputs, "statistic")
	for name, want := range map[string][]any{
		"web-database-storage":     {"FreeStorageSpace", "LessThanThreshold", 0.1 * 20 * (1 << 30), 15.0},
		"web-database-cpu":         {"CPUUtilization", "GreaterThanThreshold", 90.0, 5.0},
		"web-database-connections": {"DatabaseConnections", "GreaterThanThreshold", 100.0, 5.0},
		"web-nat-2":                {"ErrorPortAllocation", "GreaterThanThreshold", 0.0, 3.0},
	} {
		in := g.Find("MetricAlarm", name).Inputs.Mappable()
		assert.Equal(t, want, []any{in["metricName"], in["comparisonOperator"], in["threshold"], in["evaluationPeriods"]}, name)
	}
	assert.Equal(t, "nat-b", g.Find("MetricAlarm", "web-nat-2").Inputs["dimensions"].ObjectValue()["NatGatewayId"].StringValue())
	renewal := g.Find("MetricAlarm", "web-certificate")
	assert.Equal(t, []float64{86400, 1}, []float64{renewal.Inputs["period"].NumberValue(), renewal.Inputs["evaluationPeriods"].NumberValue()})
}

func TestADatabaseOfUnknownMemoryHasNoAlarmForConnections(t *testing.T) {
	a := args(network)
	a.Database = &Database{ID: pulumi.String("db"), StorageGiB: 20}
	_, g := made(t, a)
	assert.NotNil(t, g.Find("MetricAlarm", "web-database-cpu"))
	for _, alarm := range g.OfType("MetricAlarm") {
		assert.NotEqual(t, "web-database-connections", alarm.Name)
	}
}

func TestTheDocumentListsTheAlarms(t *testing.T) {
	text, err := os.ReadFile("../docs/aws.md")
	require.NoError(t, err)
	_, table, _ := strings.Cut(string(text), "\n## Alarms\n")
	table, _, _ = strings.Cut(table, "\n## ")
	var want []string
	for kind := range namespaces {
		for _, a := range everyAlarm(kind).all() {
			if !slices.Contains(want, a.role) {
				want = append(want, a.role)
			}
			for row := range strings.Lines(table) {
				if cells := strings.Split(row, "|"); len(cells) > 3 && strings.Contains(cells[1], "`"+a.role+"`") {
					minutes := cmp.Or(a.period, alarmPeriod) * cmp.Or(a.periods, alarmPeriods) / 60
					assert.Contains(t, []string{fmt.Sprintf("%d min", minutes), "a day"}, strings.TrimSpace(cells[3]), a.role)
				}
			}
		}
	}
	var got []string
	for row := range strings.Lines(table) {
		if cells := strings.Split(row, "|"); len(cells) > 3 {
			for _, found := range regexp.MustCompile("`([a-z0-9-]+)`").FindAllStringSubmatch(cells[1], -1) {
				got = append(got, found[1])
			}
		}
	}
	assert.ElementsMatch(t, want, got)
}
