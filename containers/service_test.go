package containers

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

func args() *Args {
	return &Args{
		Cluster:        pulumi.String("flask-1"),
		ClusterARN:     pulumi.String("arn:cluster"),
		GroupARN:       pulumi.String("arn:group"),
		TargetGroupARN: pulumi.String("arn:tg"),
		Region:         "us-east-1",
		Image:          "123456789012.dkr.ecr.us-east-1.amazonaws.com/flask:1.2",
		Environment:    map[string]string{"RELEASE": "1.2", "MODE": "", "ZONE": "x"},
		Port:           5000,
		CPU:            256,
		Memory:         128,
		Min:            1, Desired: 1, Max: 2,
		TargetCPU: 75,
		Grace:     60 * time.Second,
		Tags:      map[string]string{"Service": "flask"},
	}
}

func deploy(t *testing.T, name string, args *Args) (*graphtest.Graph, error) {
	return graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		_, err := New(ctx, name, args)
		return err
	})
}

func TestBadArgumentsRegisterNothing(t *testing.T) {
	register := func(t *testing.T, a *Args) (*graphtest.Graph, error) { return deploy(t, "flask", a) }
	graphtest.Refuses(t, args, register, []graphtest.Refusal[Args]{
		{Name: "no cluster", Change: func(a *Args) { a.Cluster = nil }, Want: "cluster: a value is needed"},
		{Name: "no cluster's ARN", Change: func(a *Args) { a.ClusterARN = nil }, Want: "clusterArn: a value is needed"},
		{Name: "no group", Change: func(a *Args) { a.GroupARN = nil }, Want: "groupArn: a value is needed"},
		{Name: "no target group", Change: func(a *Args) { a.TargetGroupARN = nil }, Want: "targetGroupArn: a value is needed"},
		{Name: "no region", Change: func(a *Args) { a.Region = "" }, Want: "region: a value is needed"},
		{Name: "no image", Change: func(a *Args) { a.Image = "" }, Want: "image: a value is needed"},
		{Name: "a URL for an image", Change: func(a *Args) { a.Image = "https://x/y" }, Want: `image: "https://x/y" is not the name of an image`},
		{Name: "an image with a space", Change: func(a *Args) { a.Image = "nginx 1" }, Want: `image: "nginx 1" is not the name of an image`},
		{
			Name:   "a variable with a dash",
			Change: func(a *Args) { a.Environment["A-B"] = "" },
			Want:   `environment: "A-B" is not the name of a variable`,
		},
		{
			Name:   "a sidecar without a name",
			Change: func(a *Args) { a.Sidecars = []Sidecar{{Image: "agent:1", CPU: 2, Memory: 6}} },
			Want:   "sidecars[0].name: a value is needed",
		},
		{
			Name:   "a sidecar without an image",
			Change: func(a *Args) { a.Sidecars = []Sidecar{{Name: "agent", CPU: 2, Memory: 6}} },
			Want:   "sidecars[0].image: a value is needed",
		},
		{Name: "port 0", Change: func(a *Args) { a.Port = 0 }, Want: "port: 0 is not between 1 and 65535"},
		{Name: "too little CPU", Change: func(a *Args) { a.CPU = leastCPU - 1 }, Want: "cpu: "},
		{Name: "too much CPU", Change: func(a *Args) { a.CPU = mostCPU + 1 }, Want: "cpu: "},
		{Name: "too little memory", Change: func(a *Args) { a.Memory = 5 }, Want: "memory: 5 is below 6 MiB"},
		{Name: "min 0", Change: func(a *Args) { a.Min = 0 }, Want: "min: 0 is below 1"},
		{Name: "max below min", Change: func(a *Args) { a.Max = 0 }, Want: "max: 0 is below min (1)"},
		{Name: "desired below min", Change: func(a *Args) { a.Desired = 0 }, Want: "desired: 0 is not between min (1) and max (2)"},
		{Name: "desired above max", Change: func(a *Args) { a.Desired = 3 }, Want: "desired: 3 is not between min (1) and max (2)"},
		{Name: "a target above 100", Change: func(a *Args) { a.TargetCPU = 101 }, Want: "targetCpu: 101 is not above 0 and at most 100"},
		{Name: "a negative target", Change: func(a *Args) { a.TargetCPU = -1 }, Want: "targetCpu: -1 is not above 0"},
		{Name: "grace with fractions", Change: func(a *Args) { a.Grace = time.Millisecond }, Want: "grace: 1ms is not a number of whole seconds"},
		{Name: "grace beyond ECS's limit", Change: func(a *Args) { a.Grace = 1 << 31 * time.Second }, Want: "grace: "},
	})
}

func TestNamesThatAWSRefusesRegisterNothing(t *testing.T) {
	for name, want := range map[string]string{
		"aws-web": "begins with aws", "ECSweb": "begins with ecs", "fargate": "begins with fargate",
		"9web": "a letter first", "we.b": "is not made of", "": "is not made of",
		strings.Repeat("w", maxName+1): "is longer than 237 characters",
	} {
		g, err := deploy(t, name, args())
		require.ErrorContains(t, err, want, name)
		assert.Empty(t, g.Resources, name)
		g, err = deployCluster(t, name)
		require.ErrorContains(t, err, want, name)
		assert.Empty(t, g.Resources, name)
	}
}

func TestTheLongestNameFits(t *testing.T) {
	g, err := deploy(t, strings.Repeat("w", maxName), args()) // the recorder refuses longer physical names than AWS allows
	require.NoError(t, err)
	assert.Len(t, g.OfType("aws:appautoscaling/policy:Policy")[0].Outputs["name"].StringValue(), 255)
}

func TestEveryFaultIsReportedAtOnce(t *testing.T) {
	var problems invalid.List
	problems.Include("", (&Args{Max: -1, TargetCPU: -1, Grace: -1}).Validate())
	var paths []string
	for _, f := range problems.Problems() {
		paths = append(paths, f.Path)
	}
	assert.Equal(t, []string{
		"cluster", "clusterArn", "groupArn", "targetGroupArn", "region", "image", "cpu", "memory", "port",
		"min", "max", "desired", "targetCpu", "grace",
	}, paths)
}

func deployCluster(t *testing.T, name string) (*graphtest.Graph, error) {
	return graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		_, err := NewCluster(ctx, name, &ClusterArgs{Tags: map[string]string{"Service": "flask"}})
		return err
	})
}

func TestClusterHasNoPaidMetrics(t *testing.T) {
	g, err := deployCluster(t, "flask")
	require.NoError(t, err)
	assert.Equal(t, map[string]any{
		"settings": []any{map[string]any{"name": "containerInsights", "value": "disabled"}},
		"tags":     map[string]any{"Service": "flask"},
	}, g.Find("aws:ecs/cluster:Cluster", "flask-cluster").Inputs.Mappable())
}

func TestHostsAreTheGroupsAndDrainBeforeTheyGo(t *testing.T) {
	g, err := deploy(t, "flask", args())
	require.NoError(t, err)
	provider := g.Find("CapacityProvider", "flask-hosts")
	name := provider.Outputs["name"].StringValue()
	assert.Equal(t, map[string]any{
		"autoScalingGroupProvider": map[string]any{
			"autoScalingGroupArn":          "arn:group",
			"managedScaling":               map[string]any{"status": "ENABLED", "targetCapacity": 100.0},
			"managedDraining":              "ENABLED",
			"managedTerminationProtection": "DISABLED",
		},
		"tags": map[string]any{"Service": "flask"},
	}, provider.Inputs.Mappable())
	assert.Equal(t, map[string]any{
		"clusterName":                       "flask-1",
		"capacityProviders":                 []any{name},
		"defaultCapacityProviderStrategies": []any{map[string]any{"capacityProvider": name, "weight": 1.0}},
	}, g.Find("ClusterCapacityProviders", "flask-providers").Inputs.Mappable())
}

func TestServiceRollsWithoutAGapOverZonesAndHosts(t *testing.T) {
	g, err := deploy(t, "flask", args())
	require.NoError(t, err)
	service := g.Find("aws:ecs/service:Service", "flask-service")
	assert.Equal(t, map[string]any{
		"cluster":        "arn:cluster",
		"taskDefinition": g.Find("TaskDefinition", "flask-task").Outputs["arn"].StringValue(),
		"desiredCount":   1.0,
		"capacityProviderStrategies": []any{
			map[string]any{"capacityProvider": g.Find("CapacityProvider", "flask-hosts").Outputs["name"].StringValue(), "weight": 1.0},
		},
		"loadBalancers": []any{map[string]any{"targetGroupArn": "arn:tg", "containerName": "flask", "containerPort": 5000.0}},
		"orderedPlacementStrategies": []any{
			map[string]any{"type": "spread", "field": "attribute:ecs.availability-zone"},
			map[string]any{"type": "spread", "field": "instanceId"},
		},
		"availabilityZoneRebalancing":     "ENABLED",
		"deploymentMinimumHealthyPercent": 100.0,
		"deploymentMaximumPercent":        200.0,
		"deploymentCircuitBreaker":        map[string]any{"enable": true, "rollback": true},
		"healthCheckGracePeriodSeconds":   60.0,
		"waitForSteadyState":              false,
		"enableEcsManagedTags":            true,
		"propagateTags":                   "SERVICE",
		"tags":                            map[string]any{"Service": "flask"},
	}, service.Inputs.Mappable())
	assert.Equal(t, []string{"desiredCount"}, service.IgnoreChanges)
}

func TestContainerHasADynamicHostPortAndLogs(t *testing.T) {
	g, err := deploy(t, "flask", args())
	require.NoError(t, err)
	logs := g.Find("LogGroup", "flask-logs")
	assert.Equal(t, resource.NewProperty(30.0), logs.Inputs["retentionInDays"])
	task := g.Find("TaskDefinition", "flask-task")
	inputs := task.Inputs.Mappable()
	text, ok := inputs["containerDefinitions"].(string)
	require.True(t, ok)
	delete(inputs, "containerDefinitions")
	assert.Equal(t, map[string]any{
		"family": "flask", "networkMode": "bridge", "requiresCompatibilities": []any{"EC2"},
		"tags": map[string]any{"Service": "flask"},
	}, inputs)
	assert.JSONEq(t, `[{
		"name": "flask", "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/flask:1.2", "essential": true,
		"cpu": 256, "memory": 128,
		"environment": [{"name": "MODE", "value": ""}, {"name": "RELEASE", "value": "1.2"}, {"name": "ZONE", "value": "x"}],
		"portMappings": [{"containerPort": 5000, "hostPort": 0, "protocol": "tcp"}],
		"linuxParameters": {"initProcessEnabled": true},
		"stopTimeout": 30,
		"logConfiguration": {"logDriver": "awslogs", "options": {
			"awslogs-group": "`+logs.Outputs["name"].StringValue()+`",
			"awslogs-region": "us-east-1", "awslogs-stream-prefix": "flask"}}
	}]`, text)
}

func TestACommandIsTheContainersOnlyWhereOneIsGiven(t *testing.T) {
	a := args()
	a.Command, a.Environment = []string{"serve", "-port", "5000"}, nil
	text, err := definitions("flask", a, located{logGroup: "logs"})
	require.NoError(t, err)
	var list []map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &list))
	assert.Equal(t, []any{"serve", "-port", "5000"}, list[0]["command"])
	assert.NotContains(t, list[0], "environment")
}

func TestTheSameArgumentsGiveTheSameRevision(t *testing.T) {
	first, err := definitions("flask", args(), located{logGroup: "logs"})
	require.NoError(t, err)
	for range 50 { // the order of a map is another one each time
		again, err := definitions("flask", args(), located{logGroup: "logs"})
		require.NoError(t, err)
		require.Equal(t, first, again)
	}
}

func TestTasksAreScaledByTheirCPU(t *testing.T) {
	g, err := deploy(t, "flask", args())
	require.NoError(t, err)
	service := g.Find("aws:ecs/service:Service", "flask-service")
	id := "service/flask-1/" + service.Outputs["name"].StringValue()
	target := g.Find("Target", "flask-tasks")
	assert.Equal(t, map[string]any{
		"serviceNamespace": "ecs", "scalableDimension": "ecs:service:DesiredCount", "resourceId": id,
		"minCapacity": 1.0, "maxCapacity": 2.0, "tags": map[string]any{"Service": "flask"},
	}, target.Inputs.Mappable())
	policy := g.Find("aws:appautoscaling/policy:Policy", "flask-tasks-cpu")
	assert.Equal(t, map[string]any{
		"policyType": "TargetTrackingScaling", "serviceNamespace": "ecs",
		"scalableDimension": "ecs:service:DesiredCount", "resourceId": id,
		"targetTrackingScalingPolicyConfiguration": map[string]any{
			"predefinedMetricSpecification": map[string]any{"predefinedMetricType": "ECSServiceAverageCPUUtilization"},
			"targetValue":                   75.0, "scaleOutCooldown": 60.0, "scaleInCooldown": 300.0,
		},
	}, policy.Inputs.Mappable())
	assert.Equal(t, []*graphtest.Resource{target}, g.Dependencies(policy))
}

func TestWithoutScalingTheNumberOfTasksIsDesired(t *testing.T) {
	a := args()
	a.TargetCPU, a.Desired = 0, 2
	g, err := deploy(t, "flask", a)
	require.NoError(t, err)
	service := g.Find("aws:ecs/service:Service", "flask-service")
	assert.Empty(t, service.IgnoreChanges)
	assert.Equal(t, resource.NewProperty(2.0), service.Inputs["desiredCount"])
	assert.Empty(t, g.OfType("Target"))
	assert.Empty(t, g.OfType("aws:appautoscaling/policy:Policy"))
}

// A cluster refuses to forget a capacity provider that a service uses, and a group cannot go before its provider. And
// scaling that outlived the service's first step to zero would start tasks again.
func TestDeletionBeginsWithTheServiceAndItsScaling(t *testing.T) {
	a := args()
	g, err := graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		listener, err := sns.NewTopic(ctx, "listener", nil) // any resource will do
		if err != nil {
			return err
		}
		group, err := sns.NewTopic(ctx, "group", nil)
		if err != nil {
			return err
		}
		a.GroupARN, a.After = group.Arn, []pulumi.Resource{listener}
		_, err = New(ctx, "flask", a)
		return err
	})
	require.NoError(t, err)
	order := []*graphtest.Resource{
		g.Find("aws:appautoscaling/policy:Policy", "flask-tasks-cpu"),
		g.Find("Target", "flask-tasks"),
		g.Find("aws:ecs/service:Service", "flask-service"),
		g.Find("ClusterCapacityProviders", "flask-providers"),
		g.Find("CapacityProvider", "flask-hosts"),
		g.Find("Topic", "group"),
	}
	for i, r := range order[1:] {
		assert.True(t, g.Reaches(order[i], r), "%s goes before %s", order[i].Name, r.Name)
	}
	service, listener := order[2], g.Find("Topic", "listener")
	assert.True(t, g.Reaches(service, listener))
	// Instances that join the cluster before the provider is there may never be its own: nothing slow may come first.
	for _, r := range order[3:] {
		assert.False(t, g.Reaches(r, listener), "%s waits for the listener", r.Name)
	}
}

func TestADeploymentWaitsForTheTasksWhereThatIsWanted(t *testing.T) {
	a := args()
	a.Wait = true
	g, err := deploy(t, "flask", a)
	require.NoError(t, err)
	assert.True(t, g.OfType("aws:ecs/service:Service")[0].Inputs["waitForSteadyState"].BoolValue())
}

// rolledBack is AWS after the circuit breaker: the service is steady, with the revision before.
type rolledBack struct{}

func (rolledBack) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	out := args.Inputs.Copy()
	out["name"], out["arn"] = resource.NewProperty(args.Name), resource.NewProperty("arn:"+args.Name+":2")
	if args.TypeToken == "aws:ecs/service:Service" {
		out["taskDefinition"] = resource.NewProperty("arn:flask-task:1")
	}
	return args.Name, out, nil
}

func (rolledBack) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) { return nil, nil }

func TestADeploymentThatWasRolledBackIsAnError(t *testing.T) {
	err := pulumi.RunErr(func(ctx *pulumi.Context) error {
		_, err := New(ctx, "flask", args())
		return err
	}, pulumi.WithMocks("elastic-service", "test", rolledBack{}))
	require.ErrorContains(t, err, "the deployment of arn:flask-task:2 failed and was rolled back: arn:flask-task:1 runs")
}

func TestTheRevisionThatRunsIsAnOutput(t *testing.T) {
	arn := make(chan string, 1)
	g, err := graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		s, err := New(ctx, "flask", args())
		if err == nil {
			s.TaskDefinitionARN.ApplyT(func(text string) string { arn <- text; return text })
		}
		return err
	})
	require.NoError(t, err)
	assert.Equal(t, g.Find("TaskDefinition", "flask-task").Outputs["arn"].StringValue(), <-arn)
}

func sidecars() *Args {
	a := args()
	a.Links, a.DependsOn = []string{"agent"}, map[string]string{"migrate": "SUCCESS"}
	a.Sidecars = []Sidecar{
		{
			Name: "migrate", Image: "migrate:1", Command: []string{"migrate"}, CPU: 64, Memory: 64,
			Secrets: map[string]Secret{"TOKEN": {Parameter: "token"}, "KEY": {ARN: pulumi.String("arn:secret"), Key: "key"}},
		},
		{
			Name: "agent", Image: "agent:1", Environment: map[string]string{"A": "b"}, Essential: true, CPU: 32, Memory: 32,
			Links: []string{"cache"},
		},
	}
	return a
}

func TestSidecarsAreContainersOfTheTaskWithoutAPort(t *testing.T) {
	text, err := definitions("flask", sidecars(), located{
		logGroup: "logs", account: "123456789012", arns: map[string]string{"migrate.KEY": "arn:secret"},
		environment: map[string]string{"ALL": "1"},
	})
	require.NoError(t, err)
	var list []map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &list))
	require.Len(t, list, 3)
	assert.Equal(t, []any{"agent"}, list[0]["links"])
	assert.Equal(t, []any{map[string]any{"containerName": "migrate", "condition": "SUCCESS"}}, list[0]["dependsOn"])
	logs := map[string]any{"logDriver": "awslogs", "options": map[string]any{
		"awslogs-group": "logs", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "flask",
	}}
	assert.Equal(t, map[string]any{
		"name": "migrate", "image": "migrate:1", "command": []any{"migrate"}, "essential": false, "cpu": 64.0, "memory": 64.0,
		"environment": []any{map[string]any{"name": "ALL", "value": "1"}},
		"secrets": []any{
			map[string]any{"name": "KEY", "valueFrom": "arn:secret:key::"},
			map[string]any{"name": "TOKEN", "valueFrom": "arn:aws:ssm:us-east-1:123456789012:parameter/token"},
		},
		"linuxParameters": map[string]any{"initProcessEnabled": true}, "stopTimeout": 30.0, "logConfiguration": logs,
	}, list[1])
	assert.Equal(t, map[string]any{
		"name": "agent", "image": "agent:1", "essential": true, "cpu": 32.0, "memory": 32.0, "links": []any{"cache"},
		"environment":     []any{map[string]any{"name": "A", "value": "b"}, map[string]any{"name": "ALL", "value": "1"}},
		"linuxParameters": map[string]any{"initProcessEnabled": true}, "stopTimeout": 30.0, "logConfiguration": logs,
	}, list[2])
}
