package cloud_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud/acm"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/metric"
	"github.com/elastic-service/elastic-service/internal/docstest"
)

// named is a metric without the values of its dimensions.
func named(namespace, name string, dimensions []string) string {
	return namespace + " " + name + " by " + strings.Join(slices.Sorted(slices.Values(dimensions)), ", ")
}

// catalogued are the metrics that the catalogue lists.
func catalogued() map[string]string {
	all := map[string]string{}
	for _, p := range cloudwatch.Catalogue() {
		for _, name := range p.Names {
			for _, set := range p.Dimensions {
				all[named(p.Namespace, name, set)] = p.Source
			}
		}
	}
	return all
}

// list adds the metrics that have data.
func list(into map[string]bool, s *cloudwatch.Store) {
	for _, m := range s.ListMetrics() {
		into[named(m.Namespace, m.Name, slices.Collect(maps.Keys(m.Dimensions)))] = true
	}
}

// everything is traffic that makes every metric of a balancer count.
func everything() metric.Traffic {
	t := metric.Traffic{
		Active: metric.One(2), New: 1, Bytes: 1, ClientResets: 1, TargetResets: 1, BalancerResets: 1, Requests: 1,
		TargetAnswers: [6]int{2: 1, 3: 1, 4: 1, 5: 1}, ConnectionErrors: 1, ResponseTime: metric.One(0.2),
	}
	for _, status := range []int{301, 460, 502, 503, 504} {
		t.Answer(status)
	}
	return t
}

func TestTheMetricsOfTheCatalogueHaveDataAndNoOthers(t *testing.T) {
	measured := map[string]bool{}
	w := newECS(t, 1)
	for _, m := range cloudwatch.Catalogue() {
		if m.Namespace == "AWS/AutoScaling" {
			w.AutoScaling.Groups[group].Spec.EnabledMetrics = m.Names
		}
	}
	w.load = 50
	w.startService(1)
	require.NoError(t, w.ELB.RegisterTarget(w.targets, w.members()[0].ID, 0, w.Now()))
	for range 15 {
		w.EC2.RecordCPU(w.members()[0].ID, 40, w.Now())
		for arn := range w.ELB.Listeners {
			w.ELB.Count(map[string]metric.Traffic{arn: everything()})
		}
		w.pass(time.Minute)
	}
	list(measured, w.CloudWatch)
	memory := must(w.CloudWatch.Points(cloudwatch.Metric{
		Namespace: "AWS/ECS", Name: "MemoryUtilization", Dimensions: map[string]string{"ClusterName": "flask", "ServiceName": "web"},
	}, metric.Average, time.Minute, w.Now().Add(-time.Minute), w.Now()))(t)
	assert.InDelta(t, 25, memory[0].Value, 0, "64 of 256 MiB")

	recorded := newTiered(t)
	recorded.subnetGroup()
	must(recorded.RDS.CreateDatabase(recorded.database(), recorded.Now()))(t)
	recorded.ACM.Certificates["certificate"] = &acm.Certificate{ARN: "certificate", Issued: true}
	recorded.clock.Advance(12 * time.Hour)
	recorded.Reconcile()
	list(measured, recorded.CloudWatch)

	want := catalogued()
	maps.DeleteFunc(want, func(_, source string) bool { return strings.HasPrefix(source, cloudwatch.NeverHasData) })
	assert.ElementsMatch(t, slices.Collect(maps.Keys(want)), slices.Collect(maps.Keys(measured)))
}

func TestTheDocumentListsTheMetrics(t *testing.T) {
	var rows [][]string
	for _, p := range cloudwatch.Catalogue() {
		var sets []string
		for _, set := range p.Dimensions {
			sets = append(sets, strings.Join(set, ", "))
		}
		rows = append(rows, []string{
			"`" + p.Namespace + "`", "`" + strings.Join(p.Names, "`, `") + "`", strings.Join(sets, "; "), p.Source,
		})
	}
	docstest.Section(t, "../../docs/emulator.md", "metrics", docstest.Table([]string{"namespace", "metrics", "by", "what is counted"}, rows))
}

// onDashboard matches a metric on a dashboard, up to its last dimension.
var onDashboard = regexp.MustCompile(`\["(AWS/\w+)","(\w+)"((?:,"\w+","[^"]*")+),\{`)

// The alarms of the stacks are refused if their metrics have no data; a dashboard is not.
func TestTheMetricsOnTheDashboardsOfTheStacksHaveData(t *testing.T) {
	files, err := filepath.Glob("../../stack/testdata/*.golden")
	require.NoError(t, err)
	known, shown := catalogued(), 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range onDashboard.FindAllStringSubmatch(strings.ReplaceAll(string(text), `\"`, `"`), -1) {
			var dimensions []string
			for i, part := range strings.Split(strings.Trim(m[3], `,"`), `","`) {
				if i%2 == 0 {
					dimensions = append(dimensions, part)
				}
			}
			assert.Contains(t, known, named(m[1], m[2], dimensions), "%s: %s by %v", file, m[2], dimensions)
			shown++
		}
	}
	assert.Greater(t, shown, 20)
}

// alarmed is a world whose group has all metrics enabled, with an alarm that rings at a threshold or above, for a point.
func alarmed(t *testing.T, namespace, name string, period time.Duration, threshold float64) *world {
	t.Helper()
	w := stepped(t, true)
	for _, m := range cloudwatch.Catalogue() {
		if m.Namespace == "AWS/AutoScaling" {
			w.AutoScaling.Groups[group].Spec.EnabledMetrics = m.Names
		}
	}
	must(w.CloudWatch.PutAlarm(cloudwatch.AlarmSpec{
		Name: name, Namespace: namespace, Metric: name, Dimensions: map[string]string{"AutoScalingGroupName": group},
		Statistic: metric.Maximum, Period: period, EvaluationPeriods: 1, Threshold: threshold, Comparison: cloudwatch.GreaterOrEqual,
	}, w.Now()))(t)
	return w
}

func TestAnAlarmRingsWhenAGroupHasReachedItsMaximum(t *testing.T) {
	w := alarmed(t, "AWS/AutoScaling", "GroupInServiceInstances", time.Minute, 5)
	w.minutes(5, 50)
	assert.Equal(t, cloudwatch.AlarmOK, w.alarm("GroupInServiceInstances").State)
	w.minutes(30, 95)
	assert.Equal(t, 5, w.desired())
	assert.Equal(t, cloudwatch.AlarmAlarm, w.alarm("GroupInServiceInstances").State)
}

// A t3.micro is charged when it has used more than it earns in a day: after 160 minutes at full load.
func TestAnAlarmRingsWhenCPUCreditsAreCharged(t *testing.T) {
	w := alarmed(t, "AWS/EC2", "CPUSurplusCreditsCharged", 5*time.Minute, 1)
	w.minutes(150, 100)
	assert.Equal(t, cloudwatch.AlarmOK, w.alarm("CPUSurplusCreditsCharged").State)
	w.minutes(20, 100)
	assert.Equal(t, cloudwatch.AlarmAlarm, w.alarm("CPUSurplusCreditsCharged").State)
}
