package aws_test

import (
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	model "github.com/elastic-service/elastic-service/emulator/cloud/ecs"
)

func TestTheSDKKeepsSecrets(t *testing.T) {
	w := newWorld(t)
	client := secretsmanager.NewFromConfig(w.config())
	made, err := client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{
		Name: sdk.String("api-key"), Description: sdk.String("of the shop"), SecretString: sdk.String("1"),
	})
	require.NoError(t, err)
	assert.Regexp(t, `^arn:aws:secretsmanager:us-east-1:123456789012:secret:api-key-.{6}$`, *made.ARN)
	_, err = client.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: sdk.String("api-key")})
	var exists *smtypes.ResourceExistsException
	require.ErrorAs(t, err, &exists)
	_, err = client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: made.ARN, SecretString: sdk.String("2")})
	require.NoError(t, err)
	value := func(stage string) string {
		got, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{
			SecretId: sdk.String("api-key"), VersionStage: &stage,
		})
		require.NoError(t, err)
		assert.WithinDuration(t, w.cloud.Now(), *got.CreatedDate, time.Hour)
		return *got.SecretString
	}
	assert.Equal(t, "2", value("AWSCURRENT"))
	assert.Equal(t, "1", value("AWSPREVIOUS"))
	described, err := client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: sdk.String("api-key")})
	require.NoError(t, err)
	assert.Len(t, described.VersionIdsToStages, 2)
	_, err = client.PutSecretValue(t.Context(), &secretsmanager.PutSecretValueInput{SecretId: made.ARN, SecretBinary: []byte{1, 2}})
	require.NoError(t, err)
	binary, err := client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: made.ARN})
	require.NoError(t, err)
	assert.Equal(t, []byte{1, 2}, binary.SecretBinary)
	list := func() []smtypes.SecretListEntry {
		page, err := secretsmanager.NewListSecretsPaginator(client, &secretsmanager.ListSecretsInput{}).NextPage(t.Context())
		require.NoError(t, err)
		return page.SecretList
	}
	assert.Len(t, list(), 1)
	deleted, err := client.DeleteSecret(t.Context(), &secretsmanager.DeleteSecretInput{SecretId: made.ARN, RecoveryWindowInDays: sdk.Int64(7)})
	require.NoError(t, err)
	assert.WithinDuration(t, w.cloud.Now().AddDate(0, 0, 7), *deleted.DeletionDate, time.Hour)
	assert.Empty(t, list())
	_, err = client.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: made.ARN})
	var invalid *smtypes.InvalidRequestException
	require.ErrorAs(t, err, &invalid)
	w.clock.Advance(8 * 24 * time.Hour)
	w.wait(t, func(m *cloud.Model) bool { return len(m.Secrets.Secrets) == 0 })
	_, err = client.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: made.ARN})
	var none *smtypes.ResourceNotFoundException
	require.ErrorAs(t, err, &none)
}

func TestTheSDKKeepsParameters(t *testing.T) {
	w := newWorld(t)
	client := ssm.NewFromConfig(w.config())
	put := func(name, value string, overwrite bool) (*ssm.PutParameterOutput, error) {
		return client.PutParameter(t.Context(), &ssm.PutParameterInput{
			Name: &name, Value: &value, Type: ssmtypes.ParameterTypeString, Overwrite: &overwrite,
		})
	}
	for _, name := range []string{"/web/dev/release", "/web/dev/note", "/web/dev/deep/er", "/other"} {
		_, err := put(name, "1", false)
		require.NoError(t, err)
	}
	_, err := put("/other", "2", false)
	var exists *ssmtypes.ParameterAlreadyExists
	require.ErrorAs(t, err, &exists)
	changed, err := put("/other", "2", true)
	require.NoError(t, err)
	assert.EqualValues(t, 2, changed.Version)
	got, err := client.GetParameter(t.Context(), &ssm.GetParameterInput{Name: sdk.String("/other"), WithDecryption: sdk.Bool(true)})
	require.NoError(t, err)
	assert.Equal(t, "2", *got.Parameter.Value)
	assert.WithinDuration(t, w.cloud.Now(), *got.Parameter.LastModifiedDate, time.Hour)
	below := func(recursive bool) int {
		pages := ssm.NewGetParametersByPathPaginator(client, &ssm.GetParametersByPathInput{
			Path: sdk.String("/web/dev"), Recursive: &recursive, MaxResults: sdk.Int32(1),
		})
		found := 0
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			require.NoError(t, err)
			found += len(page.Parameters)
		}
		return found
	}
	assert.Equal(t, 2, below(false))
	assert.Equal(t, 3, below(true))
	const public = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64"
	several, err := client.GetParameters(t.Context(), &ssm.GetParametersInput{Names: []string{"/other", "/none", public}})
	require.NoError(t, err)
	require.Len(t, several.Parameters, 2)
	assert.Regexp(t, "^ami-", *several.Parameters[1].Value)
	assert.Equal(t, []string{"/none"}, several.InvalidParameters)
	all, err := client.DescribeParameters(t.Context(), &ssm.DescribeParametersInput{})
	require.NoError(t, err)
	assert.Len(t, all.Parameters, 4)
	_, err = client.DeleteParameter(t.Context(), &ssm.DeleteParameterInput{Name: sdk.String("/other")})
	require.NoError(t, err)
	_, err = client.GetParameter(t.Context(), &ssm.GetParameterInput{Name: sdk.String("/other")})
	var none *ssmtypes.ParameterNotFound
	require.ErrorAs(t, err, &none)
}

func TestTheSDKReadsMetrics(t *testing.T) {
	w := newWorld(t)
	client := cloudwatch.NewFromConfig(w.config())
	w.wait(t, func(m *cloud.Model) bool { return len(m.CloudWatch.ListMetrics()) > 0 })
	w.clock.Advance(time.Minute)
	from, name := w.cloud.Now().Add(-time.Hour), sdk.String("HealthyHostCount")
	var metrics []cwtypes.Metric
	require.Eventually(t, func() bool {
		found, err := client.ListMetrics(t.Context(), &cloudwatch.ListMetricsInput{
			Namespace: sdk.String("AWS/NetworkELB"), MetricName: name, Dimensions: []cwtypes.DimensionFilter{{Name: sdk.String("AvailabilityZone")}},
		})
		require.NoError(t, err)
		metrics = found.Metrics
		return len(metrics) == 2
	}, 20*time.Second, 10*time.Millisecond)
	until := w.cloud.Now().Add(time.Minute)
	statistics, err := client.GetMetricStatistics(t.Context(), &cloudwatch.GetMetricStatisticsInput{
		Namespace: metrics[0].Namespace, MetricName: name, Dimensions: metrics[0].Dimensions, StartTime: &from, EndTime: &until,
		Period: sdk.Int32(60), Statistics: []cwtypes.Statistic{cwtypes.StatisticMaximum, cwtypes.StatisticSampleCount},
		ExtendedStatistics: []string{"p50"},
	})
	require.NoError(t, err)
	require.NotEmpty(t, statistics.Datapoints)
	last := statistics.Datapoints[len(statistics.Datapoints)-1]
	assert.InDelta(t, 1, *last.Maximum, 0)
	assert.InDelta(t, 1, last.ExtendedStatistics["p50"], 0)
	assert.Nil(t, last.Minimum)
	data, err := client.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
		StartTime: &from, EndTime: &until, MetricDataQueries: []cwtypes.MetricDataQuery{{
			Id: sdk.String("healthy"), MetricStat: &cwtypes.MetricStat{Metric: &metrics[0], Period: sdk.Int32(60), Stat: sdk.String("Maximum")},
		}},
	})
	require.NoError(t, err)
	require.Len(t, data.MetricDataResults, 1)
	result := data.MetricDataResults[0]
	require.NotEmpty(t, result.Values)
	assert.Len(t, result.Timestamps, len(result.Values))
	assert.InDelta(t, 1, result.Values[0], 0, "the newest comes first")
	_, err = client.GetMetricData(t.Context(), &cloudwatch.GetMetricDataInput{
		StartTime: &from, EndTime: &until, MetricDataQueries: []cwtypes.MetricDataQuery{{Id: sdk.String("e"), Expression: sdk.String("1+1")}},
	})
	require.ErrorContains(t, err, "the emulator does not support expressions")
}

// containers adds a service that wants two tasks and has one, which runs, and returns the task's ARN.
func (w *world) containers(t *testing.T) string {
	t.Helper()
	const task = "arn:aws:ecs:us-east-1:123456789012:task/shop/0123"
	require.NoError(t, w.cloud.Change(func(m *cloud.Model) error {
		if _, err := m.ECS.CreateCluster("shop"); err != nil {
			return err
		}
		definition, err := m.ECS.RegisterTaskDefinition(model.TaskDefinitionSpec{
			Family: "web", Containers: []model.ContainerDefinition{{Name: "web", Image: "web:1", Memory: 64}},
		})
		if err != nil {
			return err
		}
		made, err := m.ECS.CreateService(model.ServiceSpec{
			Name: "web", Cluster: "shop", TaskDefinition: definition.ARN, Desired: 2, MinHealthy: 100, MaxHealthy: 200,
		}, m.Clock.Now())
		host := m.EC2.DescribeInstances()[0].ID
		m.ECS.ContainerInstances[host] = &model.ContainerInstance{ID: "host", Cluster: "shop", Instance: host, CPU: 1, Memory: 64}
		m.ECS.Tasks["0123"] = &model.Task{
			ID: "0123", ARN: task, Cluster: "shop", Service: "web", ServiceARN: made.ARN, Definition: definition.ARN, Instance: host,
			Containers: []model.Container{{Name: "web", Image: "web:1", Essential: true}},
			Deployment: made.Deployments[0].ID, State: model.TaskRunning, DesiredStatus: "RUNNING",
			Memory: 64, Created: m.Clock.Now(), Started: m.Clock.Now(),
		}
		return err
	}))
	return task
}

func TestTheSDKDescribesAndChangesContainers(t *testing.T) {
	w := newWorld(t)
	task := w.containers(t)
	client := ecs.NewFromConfig(w.config())
	clusters, err := client.DescribeClusters(t.Context(), &ecs.DescribeClustersInput{Clusters: []string{"shop", "none"}})
	require.NoError(t, err)
	require.Len(t, clusters.Clusters, 1)
	assert.EqualValues(t, 1, clusters.Clusters[0].RunningTasksCount)
	assert.Equal(t, "MISSING", *clusters.Failures[0].Reason)
	listed, err := ecs.NewListServicesPaginator(client, &ecs.ListServicesInput{Cluster: sdk.String("shop")}).NextPage(t.Context())
	require.NoError(t, err)
	require.Len(t, listed.ServiceArns, 1)
	describe := func() *ecs.DescribeServicesOutput {
		found, err := client.DescribeServices(t.Context(), &ecs.DescribeServicesInput{Cluster: sdk.String("shop"), Services: listed.ServiceArns})
		require.NoError(t, err)
		require.Len(t, found.Services, 1)
		return found
	}
	service := describe().Services[0]
	assert.EqualValues(t, 2, service.DesiredCount)
	require.Len(t, service.Deployments, 1)
	assert.WithinDuration(t, w.cloud.Now(), *service.Deployments[0].CreatedAt, time.Hour)
	definition, err := client.DescribeTaskDefinition(t.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: sdk.String("web:1")})
	require.NoError(t, err)
	assert.Equal(t, "web:1", *definition.TaskDefinition.ContainerDefinitions[0].Image)

	tasks, err := client.ListTasks(t.Context(), &ecs.ListTasksInput{Cluster: sdk.String("shop"), ServiceName: sdk.String("web")})
	require.NoError(t, err)
	assert.Equal(t, []string{task}, tasks.TaskArns)
	_, err = client.UpdateService(t.Context(), &ecs.UpdateServiceInput{
		Cluster: sdk.String("shop"), Service: sdk.String("web"), DesiredCount: sdk.Int32(1), ForceNewDeployment: true,
	})
	require.NoError(t, err)
	service = describe().Services[0]
	assert.EqualValues(t, 1, service.DesiredCount)
	assert.Len(t, service.Deployments, 2)
	_, err = client.StopTask(t.Context(), &ecs.StopTaskInput{Cluster: sdk.String("shop"), Task: &task, Reason: sdk.String("a test")})
	require.NoError(t, err)
	found, err := client.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: sdk.String("shop"), Tasks: tasks.TaskArns})
	require.NoError(t, err)
	require.Len(t, found.Tasks, 1)
	assert.Equal(t, "STOPPED", *found.Tasks[0].DesiredStatus)
	assert.Equal(t, "a test", *found.Tasks[0].StoppedReason)
	_, err = client.UpdateService(t.Context(), &ecs.UpdateServiceInput{Cluster: sdk.String("shop"), Service: sdk.String("none")})
	require.ErrorContains(t, err, "ServiceNotFoundException")
}
