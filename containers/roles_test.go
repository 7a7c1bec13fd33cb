package containers

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
	"github.com/elastic-service/elastic-service/internal/iam"
)

const clusterARN = "arn:aws:ecs:us-east-1:123456789012:cluster/flask-1"

// policyOf returns the document of a policy.
func policyOf(t *testing.T, g *graphtest.Graph, name string) string {
	t.Helper()
	return g.Find("aws:iam/rolePolicy:RolePolicy", name).Inputs["policy"].StringValue()
}

func TestATaskWithoutNeedsHasNoRoles(t *testing.T) {
	g, err := deploy(t, "flask", args())
	require.NoError(t, err)
	assert.Empty(t, g.OfType("aws:iam/role:Role"))
	assert.NotContains(t, g.Find("TaskDefinition", "flask-task").Inputs, "executionRoleArn")
}

// The execution role reads the secrets of all containers and no other; it is ready before the first task starts.
func TestTheExecutionRoleReadsTheSecretsOfAllContainers(t *testing.T) {
	a := sidecars()
	a.ClusterARN = pulumi.String(clusterARN)
	a.Secrets = map[string]Secret{"TOKEN": {Parameter: "/web/token"}}
	a.Sidecars[0].Secrets["KEY"] = Secret{ARN: pulumi.String("arn:aws:secretsmanager:us-east-1:123456789012:secret:api-AbCdEf")}
	g, err := deploy(t, "flask", a)
	require.NoError(t, err)
	role := g.Find("aws:iam/role:Role", "flask-execution")
	task := g.Find("TaskDefinition", "flask-task")
	assert.Equal(t, role.Outputs["arn"], task.Inputs["executionRoleArn"])
	assert.NotContains(t, task.Inputs, "taskRoleArn")
	document := policyOf(t, g, "flask-read-secrets")
	assert.Contains(t, document, "arn:aws:secretsmanager:us-east-1:123456789012:secret:api-AbCdEf")
	assert.Contains(t, document, "arn:aws:ssm:us-east-1:123456789012:parameter/web/token")
	assert.Contains(t, document, "arn:aws:ssm:us-east-1:123456789012:parameter/token")
	service := g.Find("aws:ecs/service:Service", "flask-service")
	for _, policy := range g.OfType("aws:iam/rolePolicy:RolePolicy") {
		assert.True(t, g.Reaches(service, policy), policy.Name)
	}
	for _, attached := range g.OfType("RolePolicyAttachment") {
		assert.True(t, g.Reaches(service, attached), attached.Name)
	}
	assert.JSONEq(t, `{"Version": "2012-10-17", "Statement": [{
		"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ecs-tasks.amazonaws.com"},
		"Condition": {
			"ArnLike": {"aws:SourceArn": "arn:aws:ecs:us-east-1:123456789012:*"},
			"StringEquals": {"aws:SourceAccount": "123456789012"}
		}
	}]}`, role.Inputs["assumeRolePolicy"].StringValue())
}

func TestPermissionsAreOfTheTaskRoleAlone(t *testing.T) {
	a := args()
	a.ClusterARN = pulumi.String(clusterARN)
	a.Permissions = []iam.Statement{{Effect: "Allow", Action: "s3:GetObject", Resource: "arn:aws:s3:::a/*"}}
	g, err := deploy(t, "flask", a)
	require.NoError(t, err)
	task := g.Find("TaskDefinition", "flask-task")
	assert.Equal(t, g.Find("aws:iam/role:Role", "flask-task-role").Outputs["arn"], task.Inputs["taskRoleArn"])
	assert.NotContains(t, task.Inputs, "executionRoleArn")
	assert.Contains(t, policyOf(t, g, "flask-permissions"), "arn:aws:s3:::a/*")
}
