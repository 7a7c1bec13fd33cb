package scaling

import (
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graph"
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
		Policies:        []Policy{{&TargetTracking{Metric: "cpu", Target: 50, Warmup: 300 * time.Second}}},
		Tags:            map[string]string{"Stack": "dev", "Service": "musicguru"},
	}
}

func deploy(t *testing.T, args *Args) (*graph.Graph, error) {
	return graph.Run(t, graph.World{}, func(ctx *pulumi.Context) error {
		_, err := New(ctx, "musicguru", args)
		return err
	})
}

func TestBadArgumentsRegisterNothing(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*Args)
		want   string
	}{
		"nothing to launch from":      {func(a *Args) { a.TemplateID = nil }, "templateId: a value is needed"},
		"nowhere to launch":           {func(a *Args) { a.SubnetIDs = nil }, "subnetIds: a value is needed"},
		"no version":                  {func(a *Args) { a.TemplateVersion = nil }, "templateVersion: a value is needed"},
		"no target group":             {func(a *Args) { a.TargetGroupARNs = nil }, "targetGroupArns: a value is needed"},
		"min 0":                       {func(a *Args) { a.Min = 0 }, "min: 0 is below 1"},
		"max below min":               {func(a *Args) { a.Max = 1 }, "max: 1 is below min (2)"},
		"a negative grace period":     {func(a *Args) { a.Grace = -time.Second }, "grace: -1s is not a number of whole seconds"},
		"a grace period of fractions": {func(a *Args) { a.Grace = 1500 * time.Millisecond }, "grace: 1.5s is not a number of whole seconds"},
		"an empty policy":             {func(a *Args) { a.Policies[0].TargetTracking = nil }, "policies[0].targetTracking: a policy needs one kind"},
		"an unknown metric":           {func(a *Args) { a.Policies[0].TargetTracking.Metric = "mood" }, `policies[0].targetTracking.metric: "mood" is not one of [cpu]`},
		"a target above 100":          {func(a *Args) { a.Policies[0].TargetTracking.Target = 101 }, "policies[0].targetTracking.target: 101 is not above 0"},
		"a target of 0":               {func(a *Args) { a.Policies[0].TargetTracking.Target = 0 }, "policies[0].targetTracking.target: 0 is not above 0"},
		"a warm-up of fractions":      {func(a *Args) { a.Policies[0].TargetTracking.Warmup = 1 }, "policies[0].targetTracking.warmup: 1ns is not a number of whole seconds"},
		"one metric twice":            {func(a *Args) { a.Policies = append(a.Policies, a.Policies...) }, `policies[1].targetTracking.metric: "cpu" is followed by another policy`},
	} {
		t.Run(name, func(t *testing.T) {
			a := args()
			test.change(a)
			g, err := deploy(t, a)
			require.ErrorContains(t, err, test.want)
			assert.Empty(t, g.Resources)
		})
	}
}

func TestGroupReplacesTheDeadAndRollsWithoutLosingCapacity(t *testing.T) {
	g, err := deploy(t, args())
	require.NoError(t, err)
	full := map[string]any{"minHealthyPercentage": 100.0, "maxHealthyPercentage": 150.0}
	assert.Equal(t, map[string]any{
		"vpcZoneIdentifiers":        []any{"subnet-a", "subnet-b"},
		"launchTemplate":            map[string]any{"id": "lt-1", "version": "7"},
		"targetGroupArns":           []any{"arn:tg"},
		"minSize":                   2.0,
		"maxSize":                   3.0,
		"minElbCapacity":            2.0,
		"waitForCapacityTimeout":    "10m",
		"healthCheckType":           "ELB",
		"healthCheckGracePeriod":    120.0,
		"metricsGranularity":        "1Minute",
		"instanceRefresh":           map[string]any{"strategy": "Rolling", "preferences": full},
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
	policy := g.Find("Policy", "musicguru-cpu")
	assert.Equal(t, map[string]any{
		"autoscalingGroupName":    group.Outputs["name"].StringValue(),
		"policyType":              "TargetTrackingScaling",
		"estimatedInstanceWarmup": 300.0,
		"targetTrackingConfiguration": map[string]any{
			"targetValue":                   50.0,
			"predefinedMetricSpecification": map[string]any{"predefinedMetricType": "ASGAverageCPUUtilization"},
		},
	}, policy.Inputs.Mappable())
	assert.Equal(t, []*graph.Resource{group}, g.Dependencies(policy))
}

func TestWithoutPoliciesThereAreNone(t *testing.T) {
	a := args()
	a.Policies = nil
	g, err := deploy(t, a)
	require.NoError(t, err)
	assert.Empty(t, g.OfType("Policy"))
}
