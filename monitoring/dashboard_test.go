package monitoring

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func views() map[string]view {
	all := map[string]view{}
	for _, kind := range []string{network, application} {
		v := view{region: "eu-west-1", kind: kind, balancer: "lb/1", targets: []targets{{"", "targetgroup/2"}}, group: "group-3"}
		all[kind] = v
		v.memory = true
		all[kind+" with memory"] = v
		v.cluster, v.service = "cluster-4", "service-5"
		all[kind+" with containers"] = v
		v.database = "database-6"
		all[kind+" with a database"] = v
	}
	return all
}

// shown is a widget as CloudWatch reads it.
type shown struct {
	Type                string
	X, Y, Width, Height int
	Properties          struct {
		Title, View, Region string
		Period              int
		Metrics             [][]any
	}
}

func decoded(t *testing.T, v view) []shown {
	t.Helper()
	text, err := dashboardBody(v)
	require.NoError(t, err)
	var dashboard struct{ Widgets []shown }
	require.NoError(t, json.Unmarshal([]byte(text), &dashboard))
	require.NotEmpty(t, dashboard.Widgets)
	return dashboard.Widgets
}

func TestWidgetsLieSideBySideOnTheGrid(t *testing.T) {
	for name, v := range views() {
		taken := map[[2]int]string{}
		for _, w := range decoded(t, v) {
			title := w.Properties.Title
			assert.True(t, w.X >= 0 && w.Y >= 0 && w.Width > 0 && w.Height > 0 && w.X+w.Width <= 24, "%s: %s", name, title)
			for x := w.X; x < w.X+w.Width; x++ {
				for y := w.Y; y < w.Y+w.Height; y++ {
					assert.Empty(t, taken[[2]int{x, y}], "%s: %s lies on another widget", name, title)
					taken[[2]int{x, y}] = title
				}
			}
		}
	}
}

// documented are metrics with the dimensions and the statistics that AWS documents for them. "p" is any percentile.
var documented = map[string]struct {
	dimensions []string
	statistics []string
}{
	"AWS/NetworkELB HealthyHostCount":       {[]string{"LoadBalancer", "TargetGroup"}, []string{"Maximum", "Minimum"}},
	"AWS/NetworkELB UnHealthyHostCount":     {[]string{"LoadBalancer", "TargetGroup"}, []string{"Maximum", "Minimum"}},
	"AWS/NetworkELB NewFlowCount":           {[]string{"LoadBalancer"}, []string{"Sum"}},
	"AWS/NetworkELB ActiveFlowCount":        {[]string{"LoadBalancer"}, []string{"Average", "Maximum", "Minimum"}},
	"AWS/NetworkELB ProcessedBytes":         {[]string{"LoadBalancer"}, []string{"Sum"}},
	"AWS/NetworkELB TCP_Client_Reset_Count": {[]string{"LoadBalancer"}, []string{"Sum"}},
	"AWS/NetworkELB TCP_Target_Reset_Count": {[]string{"LoadBalancer"}, []string{"Sum"}},
	"AWS/NetworkELB TCP_ELB_Reset_Count":    {[]string{"LoadBalancer"}, []string{"Sum"}},

	"AWS/ApplicationELB HealthyHostCount":          {[]string{"LoadBalancer", "TargetGroup"}, []string{"Average", "Maximum", "Minimum"}},
	"AWS/ApplicationELB UnHealthyHostCount":        {[]string{"LoadBalancer", "TargetGroup"}, []string{"Average", "Maximum", "Minimum"}},
	"AWS/ApplicationELB RequestCount":              {[]string{"LoadBalancer"}, []string{"Sum"}},
	"AWS/ApplicationELB NewConnectionCount":        {[]string{"LoadBalancer"}, []string{"Sum"}},
	"AWS/ApplicationELB ActiveConnectionCount":     {[]string{"LoadBalancer"}, []string{"Sum"}},
	"AWS/ApplicationELB ProcessedBytes":            {[]string{"LoadBalancer"}, []string{"Sum"}},
	"AWS/ApplicationELB TargetResponseTime":        {[]string{"LoadBalancer", "TargetGroup"}, []string{"Average", "p"}},
	"AWS/ApplicationELB HTTPCode_Target_2XX_Count": {[]string{"LoadBalancer", "TargetGroup"}, []string{"Sum"}},
	"AWS/ApplicationELB HTTPCode_Target_3XX_Count": {[]string{"LoadBalancer", "TargetGroup"}, []string{"Sum"}},
	"AWS/ApplicationELB HTTPCode_Target_4XX_Count": {[]string{"LoadBalancer", "TargetGroup"}, []string{"Sum"}},
	"AWS/ApplicationELB HTTPCode_Target_5XX_Count": {[]string{"LoadBalancer", "TargetGroup"}, []string{"Sum"}},
	"AWS/ApplicationELB HTTPCode_ELB_5XX_Count":    {[]string{"LoadBalancer"}, []string{"Sum"}},

	"AWS/AutoScaling GroupInServiceInstances":   {[]string{"AutoScalingGroupName"}, []string{"Average"}},
	"AWS/AutoScaling GroupDesiredCapacity":      {[]string{"AutoScalingGroupName"}, []string{"Average"}},
	"AWS/AutoScaling GroupPendingInstances":     {[]string{"AutoScalingGroupName"}, []string{"Average"}},
	"AWS/AutoScaling GroupTerminatingInstances": {[]string{"AutoScalingGroupName"}, []string{"Average"}},
	"AWS/AutoScaling GroupMinSize":              {[]string{"AutoScalingGroupName"}, []string{"Average"}},
	"AWS/AutoScaling GroupMaxSize":              {[]string{"AutoScalingGroupName"}, []string{"Average"}},

	"AWS/EC2 CPUUtilization":    {[]string{"AutoScalingGroupName"}, []string{"Average", "Maximum"}},
	"CWAgent mem_used_percent":  {[]string{"AutoScalingGroupName"}, []string{"Average", "Maximum"}},
	"AWS/ECS CPUUtilization":    {[]string{"ClusterName", "ServiceName"}, []string{"Average", "Maximum"}},
	"AWS/ECS MemoryUtilization": {[]string{"ClusterName", "ServiceName"}, []string{"Average", "Maximum"}},

	"AWS/RDS CPUUtilization":      {[]string{"DBInstanceIdentifier"}, []string{"Average"}},
	"AWS/RDS DatabaseConnections": {[]string{"DBInstanceIdentifier"}, []string{"Maximum"}},
	"AWS/RDS FreeStorageSpace":    {[]string{"DBInstanceIdentifier"}, []string{"Minimum"}},
}

func TestEveryLineIsOfAMetricThatAWSReports(t *testing.T) {
	values := map[string]string{
		"LoadBalancer": "lb/1", "TargetGroup": "targetgroup/2", "AutoScalingGroupName": "group-3",
		"ClusterName": "cluster-4", "ServiceName": "service-5", "DBInstanceIdentifier": "database-6",
	}
	seen := map[string]bool{}
	for name, v := range views() {
		for _, w := range decoded(t, v) {
			for _, m := range w.Properties.Metrics {
				metric := fmt.Sprint(m[0], " ", m[1])
				seen[metric] = true
				known, ok := documented[metric]
				require.True(t, ok, "%s: %s", name, metric)
				var dimensions []string
				for i := 2; i < len(m)-1; i += 2 {
					dimensions = append(dimensions, m[i].(string))
					assert.Equal(t, values[m[i].(string)], m[i+1], "%s: %s", name, metric)
				}
				slices.Sort(dimensions)
				assert.Equal(t, known.dimensions, dimensions, metric)
				assert.Contains(t, known.statistics, statistic(m), metric)
			}
		}
	}
	assert.ElementsMatch(t, slices.Collect(maps.Keys(documented)), slices.Collect(maps.Keys(seen)))
}

func TestAlarmsAreOnMetricsThatAWSReports(t *testing.T) {
	more := map[string]string{ // that no chart shows
		"AWS/AutoScaling GroupDesiredCapacity":       "AutoScalingGroupName Minimum",
		"AWS/EC2 CPUSurplusCreditsCharged":           "AutoScalingGroupName Sum",
		"AWS/CertificateManager DaysToExpiry":        "CertificateArn Minimum",
		"AWS/ApplicationELB TargetResponseTime":      "LoadBalancer,TargetGroup p99",
		"AWS/ApplicationELB RejectedConnectionCount": "LoadBalancer Sum",
		"AWS/NetworkELB RejectedFlowCount":           "LoadBalancer Sum",
		"AWS/NATGateway ErrorPortAllocation":         "NatGatewayId Sum",
	}
	for kind := range namespaces {
		for _, a := range everyAlarm(kind).all() {
			dimensions := slices.Sorted(maps.Keys(a.dimensions))
			if rest, ok := more[a.namespace+" "+a.metric]; ok {
				assert.Equal(t, rest, strings.Join(dimensions, ",")+" "+a.statistic, a.metric)
				continue
			}
			known, ok := documented[a.namespace+" "+a.metric]
			require.True(t, ok, a.metric)
			assert.Equal(t, known.dimensions, dimensions, a.metric)
			assert.Contains(t, known.statistics, a.statistic, a.metric)
		}
	}
}

// everyAlarm asks for all alarms of a kind of balancer.
func everyAlarm(kind string) *Args {
	a := args(kind)
	a.Max, a.SurplusCredits, a.CertificateARN = 4, true, pulumi.String("arn:certificate")
	a.NATGatewayIDs = []pulumi.StringInput{pulumi.String("nat-a"), pulumi.String("nat-b")}
	a.Database = &Database{ID: pulumi.String("db"), StorageGiB: 20, MaxConnections: 112}
	if kind == application {
		a.Latency = 0.5
	}
	return a
}

// statistic is that of a metric; percentiles are all alike.
func statistic(metric []any) string {
	stat := metric[len(metric)-1].(map[string]any)["stat"].(string)
	if strings.HasPrefix(stat, "p") {
		return "p"
	}
	return stat
}

func TestChartsSayWhereAndHowOften(t *testing.T) {
	for name, v := range views() {
		titles := map[string]bool{}
		for _, w := range decoded(t, v) {
			p := w.Properties
			assert.Equal(t, "metric", w.Type)
			assert.Equal(t, "timeSeries", p.View)
			assert.Equal(t, "eu-west-1", p.Region)
			want := 60
			if p.Metrics[0][0] == "AWS/EC2" { // every five minutes without detailed monitoring
				want = 300
			}
			assert.Equal(t, want, p.Period, p.Title)
			assert.NotEmpty(t, p.Title)
			assert.False(t, titles[p.Title], "%s: %s is there twice", name, p.Title)
			titles[p.Title] = true
		}
	}
}

func TestLinesOfOneChartAreToldApart(t *testing.T) {
	for name, v := range views() {
		for _, w := range decoded(t, v) {
			labels := map[any]bool{}
			for _, m := range w.Properties.Metrics {
				label := m[len(m)-1].(map[string]any)["label"]
				assert.False(t, labels[label], "%s: %s has %s twice", name, w.Properties.Title, label)
				labels[label] = true
			}
		}
	}
}

func TestOptionalChartsAreThereWhenTheirSourcesAre(t *testing.T) {
	has := func(v view, namespace string) bool {
		text, err := dashboardBody(v)
		require.NoError(t, err)
		return strings.Contains(text, `"`+namespace+`"`)
	}
	all := views()
	for _, kind := range []string{network, application} {
		assert.False(t, has(all[kind], "CWAgent"))
		assert.False(t, has(all[kind], "AWS/ECS"))
		assert.True(t, has(all[kind+" with memory"], "CWAgent"))
		assert.True(t, has(all[kind+" with containers"], "AWS/ECS"))
		assert.False(t, has(all[kind+" with containers"], "AWS/RDS"))
		assert.True(t, has(all[kind+" with a database"], "AWS/RDS"))
	}
	assert.False(t, has(all[network], "AWS/ApplicationELB"))
	assert.False(t, has(all[application], "AWS/NetworkELB"))
}

func TestTheSameViewGivesTheSameText(t *testing.T) {
	for _, v := range views() {
		first, err := dashboardBody(v)
		require.NoError(t, err)
		for range 5 {
			again, err := dashboardBody(v)
			require.NoError(t, err)
			assert.Equal(t, first, again)
		}
	}
}
