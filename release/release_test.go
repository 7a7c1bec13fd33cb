package release

import (
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/healthcheck"
	"github.com/elastic-service/elastic-service/internal/graphtest"
)

func args() *Args {
	return &Args{
		Service:         "web",
		GroupName:       pulumi.String("web-group"),
		TemplateID:      pulumi.String("lt-1"),
		TemplateVersion: pulumi.String("7"),
		TargetGroups: []TargetGroup{{ARN: pulumi.String("arn:tg"), Check: healthcheck.Check{
			Protocol: healthcheck.HTTP, Path: "/ping", Interval: 10 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 3,
		}}},
		AlarmNames: pulumi.StringArray{pulumi.String("web-unhealthy")},
		Ports:      []int{8080},
		Strategy:   Strategy{MinHealthy: 100, MaxHealthy: 150, Checkpoints: []int{20, 50}, Timeout: 10 * time.Minute},
	}
}

func deploy(t *testing.T, args *Args) (*graphtest.Graph, error) {
	return graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		_, err := New(ctx, "web", args)
		return err
	})
}

func TestBadArgumentsRegisterNothing(t *testing.T) {
	graphtest.Refuses(t, args, deploy, []graphtest.Refusal[Args]{
		{Name: "no group", Change: func(a *Args) { a.GroupName = nil }, Want: "groupName: a value is needed"},
		{Name: "no version", Change: func(a *Args) { a.TemplateVersion = nil }, Want: "templateVersion: a value is needed"},
		{Name: "bounds too far apart", Change: func(a *Args) { a.Strategy.MinHealthy = 0 }, Want: "maxHealthy: 150 is more than 100 above"},
		{Name: "checkpoints that fall", Change: func(a *Args) { a.Strategy.Checkpoints[1] = 10 }, Want: "checkpoints[1]: 10 is not above"},
		{Name: "a checkpoint of nothing", Change: func(a *Args) { a.Strategy.Checkpoints[0] = 0 }, Want: "checkpoints[0]: 0 is not from 1"},
		{Name: "a bake time of days", Change: func(a *Args) { a.Strategy.Bake = 49 * time.Hour }, Want: "bake: 49h0m0s is not"},
		{Name: "no time", Change: func(a *Args) { a.Strategy.Timeout = time.Second }, Want: "timeout: 1s is below a minute"},
	})
}

func TestTheRecordHasTheCheckOfEachTargetGroup(t *testing.T) {
	a := args()
	a.TargetGroups = append(a.TargetGroups, TargetGroup{ARN: pulumi.String("arn:admin"), Check: healthcheck.Check{
		Protocol: healthcheck.TCP, Port: 8082, Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 3, Unhealthy: 3,
	}})
	g, err := deploy(t, a)
	require.NoError(t, err)
	record, err := recordOf(g.Find("aws:ssm/parameter:Parameter", "web-release").Inputs)
	require.NoError(t, err)
	assert.Equal(t, []string{"arn:tg", "arn:admin"}, record.TargetGroups)
	admin := Check{Protocol: "TCP", Port: 8082, Interval: 30, Timeout: 5, Healthy: 3, Unhealthy: 3}
	assert.Equal(t, recorded(a.TargetGroups[0].Check), record.checkOf("arn:tg"))
	assert.Equal(t, admin, record.checkOf("arn:admin"))
	assert.Equal(t, "health.formerPort", record.formerPortOf("arn:tg"))
	assert.Equal(t, "app.targets[0].health.formerPort", record.formerPortOf("arn:admin"))

	alone := record.within([]string{"arn:other", "arn:admin"})
	assert.Equal(t, []string{"arn:admin"}, alone.TargetGroups)
	assert.Equal(t, admin, alone.checkOf("arn:admin"))
}

func TestTheRecordSaysWhatIsReleased(t *testing.T) {
	g, err := deploy(t, args())
	require.NoError(t, err)
	record := g.Find("aws:ssm/parameter:Parameter", "web-release")
	assert.Regexp(t, `^/web/[a-z]+/release$`, record.Inputs["name"].StringValue())
	assert.JSONEq(t, `{"group": "web-group", "template": "lt-1", "version": "7", "targetGroups": ["arn:tg"], "alarms": ["web-unhealthy"],
		"check": {"protocol": "HTTP", "path": "/ping", "matcher": "200", "interval": 10, "timeout": 5, "healthy": 3, "unhealthy": 3},
		"ports": [8080]}`,
		record.Inputs["insecureValue"].StringValue())
	got, err := recordOf(record.Inputs)
	require.NoError(t, err)
	assert.Equal(t, Record{
		Group: "web-group", Template: "lt-1", Version: "7", TargetGroups: []string{"arn:tg"}, Alarms: []string{"web-unhealthy"},
		Check: Check{Protocol: "HTTP", Path: "/ping", Matcher: "200", Interval: 10, Timeout: 5, Healthy: 3, Unhealthy: 3}, Ports: []int{8080},
	}, got)
}
