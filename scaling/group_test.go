package scaling

import (
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

func args() *Args {
	return &Args{
		SubnetIDs:       pulumi.ToStringArray([]string{"subnet-a", "subnet-b"}),
		TemplateID:      pulumi.String("lt-1"),
		TemplateVersion: pulumi.String("7"),
		TargetGroupARNs: pulumi.ToStringArray([]string{"arn:tg"}),
		Min:             2,
		Max:             3,
		Grace:           120 * time.Second,
		Policies:        []Policy{{TargetTracking: &TargetTracking{Metric: "cpu", Target: 50, Warmup: 300 * time.Second}}},
		Tags:            map[string]string{"Stack": "dev", "Service": "musicguru"},
	}
}

func deploy(t *testing.T, args *Args) (*graphtest.Graph, error) {
	return graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		_, err := New(ctx, "musicguru", args)
		return err
	})
}

func TestBadArgumentsRegisterNothing(t *testing.T) {
	graphtest.Refuses(t, args, deploy, []graphtest.Refusal[Args]{
		{Name: "nothing to launch from", Change: func(a *Args) { a.TemplateID = nil }, Want: "templateId: a value is needed"},
		{Name: "nowhere to launch", Change: func(a *Args) { a.SubnetIDs = nil }, Want: "subnetIds: a value is needed"},
		{Name: "no version", Change: func(a *Args) { a.TemplateVersion = nil }, Want: "templateVersion: a value is needed"},
		{Name: "min 0", Change: func(a *Args) { a.Min = 0 }, Want: "min: 0 is below 1"},
		{Name: "max below min", Change: func(a *Args) { a.Max = 1 }, Want: "max: 1 is below min (2)"},
		{Name: "another health check", Change: func(a *Args) { a.HealthCheck = "HTTP" }, Want: `healthCheck: "HTTP" is not ELB or EC2`},
		{
			Name: "too short a life", Change: func(a *Args) { a.MaxLifetime = time.Hour },
			Want: "maxLifetime: 1h0m0s is not 0, or whole seconds from a day to 365 days",
		},
		{Name: "a negative grace period", Change: func(a *Args) { a.Grace = -time.Second }, Want: "grace: -1s is not a number of whole seconds"},
		{
			Name:   "a grace period of fractions",
			Change: func(a *Args) { a.Grace = 1500 * time.Millisecond },
			Want:   "grace: 1.5s is not a number of whole seconds",
		},
		{
			Name:   "an empty policy",
			Change: func(a *Args) { a.Policies[0].TargetTracking = nil },
			Want:   "policies[0]: exactly one of targetTracking and step is needed",
		},
		{
			Name:   "an unknown metric",
			Change: func(a *Args) { a.Policies[0].TargetTracking.Metric = "mood" },
			Want:   `policies[0].targetTracking.metric: "mood" is not one of [cpu]`,
		},
		{
			Name:   "a target above 100",
			Change: func(a *Args) { a.Policies[0].TargetTracking.Target = 101 },
			Want:   "policies[0].targetTracking.target: 101 is not above 0",
		},
		{
			Name:   "a target of 0",
			Change: func(a *Args) { a.Policies[0].TargetTracking.Target = 0 },
			Want:   "policies[0].targetTracking.target: 0 is not above 0",
		},
		{
			Name:   "a warm-up of fractions",
			Change: func(a *Args) { a.Policies[0].TargetTracking.Warmup = 1 },
			Want:   "policies[0].targetTracking.warmup: 1ns is not a number of whole seconds",
		},
		{
			Name:   "one metric twice",
			Change: func(a *Args) { a.Policies = append(a.Policies, a.Policies...) },
			Want:   `policies[1].targetTracking.metric: "cpu" is followed by another policy`,
		},
	})
}

func TestGroupReplacesTheDeadWithoutLosingCapacity(t *testing.T) {
	g, err := deploy(t, args())
	require.NoError(t, err)
	full := map[string]any{"minHealthyPercentage": 100.0, "maxHealthyPercentage": 150.0}
	assert.Equal(t, map[string]any{
		"vpcZoneIdentifiers":        []any{"subnet-a", "subnet-b"},
		"launchTemplate":            map[string]any{"id": "lt-1", "version": "7"},
		"targetGroupArns":           []any{"arn:tg"},
		"minSize":                   2.0,
		"maxSize":                   3.0,
		"waitForCapacityTimeout":    "0",
		"healthCheckType":           "ELB",
		"healthCheckGracePeriod":    120.0,
		"defaultInstanceWarmup":     120.0,
		"metricsGranularity":        "1Minute",
		"instanceMaintenancePolicy": full,
		"enabledMetrics": []any{
			"GroupDesiredCapacity", "GroupInServiceInstances", "GroupMaxSize", "GroupMinSize",
			"GroupPendingInstances", "GroupStandbyInstances", "GroupTerminatingInstances", "GroupTotalInstances",
		},
		"tags": []any{
			map[string]any{"key": "Service", "value": "musicguru", "propagateAtLaunch": true},
			map[string]any{"key": "Stack", "value": "dev", "propagateAtLaunch": true},
		},
	}, g.Find("aws:autoscaling/group:Group", "musicguru-group").Inputs.Mappable())
}

// The group is moved to a new version when that has been released, so that what is launched before is of the one that works.
func TestTheDefaultWarmupIsAtMostAnHour(t *testing.T) {
	a := args()
	a.Grace = 2 * time.Hour
	g, err := deploy(t, a)
	require.NoError(t, err)
	assert.InDelta(t, 3600, g.Find("aws:autoscaling/group:Group", "musicguru-group").Inputs["defaultInstanceWarmup"].NumberValue(), 0)
	a.Grace = 0
	g, err = deploy(t, a)
	require.NoError(t, err)
	assert.NotContains(t, g.Find("aws:autoscaling/group:Group", "musicguru-group").Inputs.Mappable(), "defaultInstanceWarmup")
}

func TestHealthAndLifeOfTheInstancesAreThoseThatAreGiven(t *testing.T) {
	a := args()
	a.HealthCheck, a.MaxLifetime = ByEC2, 7*24*time.Hour
	g, err := deploy(t, a)
	require.NoError(t, err)
	in := g.Find("aws:autoscaling/group:Group", "musicguru-group").Inputs.Mappable()
	assert.Equal(t, "EC2", in["healthCheckType"])
	assert.InDelta(t, 604800, in["maxInstanceLifetime"], 0)
}

func TestOnlyAReleaseMovesTheGroupToANewVersion(t *testing.T) {
	g, err := deploy(t, args())
	require.NoError(t, err)
	group := g.Find("aws:autoscaling/group:Group", "musicguru-group")
	assert.Contains(t, group.IgnoreChanges, "launchTemplate.version")
	assert.NotContains(t, group.Inputs, "instanceRefresh")
}

// The keys that would undo what a policy scaled, or wait for an exact number of healthy members at each change.
func TestCapacityIsLeftToThePolicies(t *testing.T) {
	g, err := deploy(t, args())
	require.NoError(t, err)
	group := g.Find("aws:autoscaling/group:Group", "musicguru-group")
	assert.NotContains(t, group.Inputs, "desiredCapacity")
	assert.NotContains(t, group.Inputs, "waitForElbCapacity")
}

func TestPolicyTracksAverageCPU(t *testing.T) {
	g, err := deploy(t, args())
	require.NoError(t, err)
	group := g.Find("aws:autoscaling/group:Group", "musicguru-group")
	policy := g.Find("aws:autoscaling/policy:Policy", "musicguru-cpu")
	assert.Equal(t, map[string]any{
		"autoscalingGroupName":    group.Outputs["name"].StringValue(),
		"policyType":              "TargetTrackingScaling",
		"estimatedInstanceWarmup": 300.0,
		"targetTrackingConfiguration": map[string]any{
			"targetValue":                   50.0,
			"predefinedMetricSpecification": map[string]any{"predefinedMetricType": "ASGAverageCPUUtilization"},
		},
	}, policy.Inputs.Mappable())
	assert.Equal(t, []*graphtest.Resource{group}, g.Dependencies(policy))
}

func TestWithoutPoliciesThereAreNone(t *testing.T) {
	a := args()
	a.Policies = nil
	g, err := deploy(t, a)
	require.NoError(t, err)
	assert.Empty(t, g.OfType("Policy"))
}

func TestNothingIsMadeThatIsNotAskedFor(t *testing.T) {
	g, err := deploy(t, args())
	require.NoError(t, err)
	for _, r := range g.Custom() {
		assert.Contains(t, []string{"musicguru-group", "musicguru-cpu"}, r.Name)
	}
}

func TestWithoutTargetGroupsEC2WatchesTheInstances(t *testing.T) {
	for name, none := range map[string]pulumi.StringArrayInput{"nil": nil, "empty": pulumi.StringArray{}} {
		t.Run(name, func(t *testing.T) {
			a := args()
			a.TargetGroupARNs = none
			g, err := deploy(t, a)
			require.NoError(t, err)
			group := g.Find("aws:autoscaling/group:Group", "musicguru-group").Inputs.Mappable()
			assert.Equal(t, "EC2", group["healthCheckType"])
			assert.NotContains(t, group, "targetGroupArns")
		})
	}
}

func hosts() *Args {
	a := args()
	a.TargetGroupARNs, a.Policies, a.ContainerHosts = nil, nil, true
	return a
}

func TestContainerHostsAreMarkedAndNotWaitedFor(t *testing.T) {
	a := hosts()
	g, err := deploy(t, a)
	require.NoError(t, err)
	group := g.Find("aws:autoscaling/group:Group", "musicguru-group").Inputs.Mappable()
	assert.Equal(t, "0", group["waitForCapacityTimeout"]) // the capacity provider must be there before the first has booted
	assert.Equal(t, false, group["protectFromScaleIn"])
	assert.NotContains(t, group, "desiredCapacity")
	assert.Contains(t, group["tags"], map[string]any{"key": "AmazonECSManaged", "value": "true", "propagateAtLaunch": true})
	assert.NotContains(t, a.Tags, "AmazonECSManaged", "the caller's tags are the caller's")
}

func TestContainerHostsNeedNoOtherTags(t *testing.T) {
	a := hosts()
	a.Tags = nil
	g, err := deploy(t, a)
	require.NoError(t, err)
	assert.Len(t, g.Find("aws:autoscaling/group:Group", "musicguru-group").Inputs["tags"].ArrayValue(), 1)
}

func TestWhatFightsTheCapacityProviderRegistersNothing(t *testing.T) {
	graphtest.Refuses(t, hosts, deploy, []graphtest.Refusal[Args]{
		{
			Name:   "policies",
			Change: func(a *Args) { a.Policies = args().Policies },
			Want:   "policies: hosts of containers are scaled by their capacity provider",
		},
		{
			Name:   "target group",
			Change: func(a *Args) { a.TargetGroupARNs = args().TargetGroupARNs },
			Want:   "targetGroupArns: hosts of containers don't register",
		},
		{
			Name:   "a scheduled capacity",
			Change: func(a *Args) { a.Schedules = []Schedule{{Name: "night", Cron: "0 20 * * *", Desired: new(2)}} },
			Want:   "schedules[0].desired: 2 is for the hosts' capacity provider to say",
		},
	})
}

func TestEveryFaultIsReportedAtOnce(t *testing.T) {
	a := &Args{Min: 0, Max: -1, Policies: []Policy{{}}, Hooks: []Hook{{}}, Notify: []Subscription{{}}, Schedules: []Schedule{{}}}
	var problems invalid.List
	problems.Include("", a.Validate())
	var paths []string
	for _, f := range problems.Problems() {
		paths = append(paths, f.Path)
	}
	assert.Equal(t, []string{
		"subnetIds", "templateId", "templateVersion", "min", "max", "policies[0]",
		"schedules[0].name", "schedules[0].cron", "schedules[0]",
		"hooks[0].name", "hooks[0].transition", "hooks[0].timeout", "hooks[0].result", "notify[0].protocol",
	}, paths)
}
