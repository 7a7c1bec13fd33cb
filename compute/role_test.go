package compute

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
)

const secretARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:rds!db-0123-Abc123"

// bare are instances that need nothing of AWS.
func bare() *Args {
	a := args()
	a.Software.Artifacts = nil
	a.Software.Services[0].Command = []string{"/usr/bin/true"}
	return a
}

func TestARoleHasJustWhatIsAskedFor(t *testing.T) {
	for name, test := range map[string]struct {
		change   func(*Args)
		attached map[string]string // policies of AWS, by resource
		inline   map[string]string // policies of the role's own
	}{
		"Session Manager": {
			change: func(a *Args) { a.SessionManager = true },
			inline: map[string]string{"musicguru-session-manager": `{"Version": "2012-10-17", "Statement": [
				{"Sid": "OpenSessions", "Effect": "Allow", "Resource": "*", "Action": [
				 "ssm:UpdateInstanceInformation", "ssmmessages:CreateControlChannel", "ssmmessages:CreateDataChannel",
				 "ssmmessages:OpenControlChannel", "ssmmessages:OpenDataChannel"]}]}`},
		},
		"containers": {
			change: func(a *Args) { a.Cluster = pulumi.String("flask") },
			attached: map[string]string{
				"musicguru-containers": "arn:aws:iam::aws:policy/service-role/AmazonEC2ContainerServiceforEC2Role",
			},
		},
		"the memory metric": {
			change: func(a *Args) { a.MemoryMetric = true },
			inline: map[string]string{"musicguru-memory-metric": `{"Version": "2012-10-17", "Statement": [
				{"Sid": "PutMetrics", "Effect": "Allow", "Action": "cloudwatch:PutMetricData", "Resource": "*",
				 "Condition": {"StringEquals": {"cloudwatch:namespace": "CWAgent"}}},
				{"Sid": "FindGroup", "Effect": "Allow", "Action": "ec2:DescribeTags", "Resource": "*"}]}`},
		},
		"logs": {
			change: func(a *Args) { a.Software.Logs = &Logs{Group: "/musicguru/dev/instances", Retention: 7} },
			inline: map[string]string{"musicguru-write-logs": `{"Version": "2012-10-17", "Statement": [
				{"Sid": "WriteLogs", "Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
				 "Resource": "arn:aws:logs:us-east-1:123456789012:log-group:/musicguru/dev/instances:*"}]}`},
		},
		"a secret": {
			change: func(a *Args) { a.ReadSecret = pulumi.String(secretARN) },
			inline: map[string]string{"musicguru-read-secret": `{"Version": "2012-10-17", "Statement": [
				{"Sid": "ReadSecret", "Effect": "Allow", "Resource": "` + secretARN + `",
				 "Action": ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"]}]}`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := bare()
			test.change(a)
			g := mustDeploy(t, a)
			role := g.Find("Role", "musicguru-role")
			require.NotNil(t, role)
			attached, inline := map[string]string{}, g.OfType("RolePolicy")
			for _, r := range g.OfType("RolePolicyAttachment") {
				assert.Equal(t, role.Outputs["name"], r.Inputs["role"])
				attached[r.Name] = r.Inputs["policyArn"].StringValue()
			}
			assert.Len(t, attached, len(test.attached))
			for name, arn := range test.attached {
				assert.Equal(t, arn, attached[name])
			}
			require.Len(t, inline, len(test.inline))
			for _, r := range inline {
				assert.Equal(t, role.Outputs["name"], r.Inputs["role"])
				assert.JSONEq(t, test.inline[r.Name], r.Inputs["policy"].StringValue())
			}
			profile := g.OfType("LaunchTemplate")[0].Inputs["iamInstanceProfile"].ObjectValue()
			assert.Equal(t, g.Find("InstanceProfile", "musicguru-profile").Outputs["arn"], profile["arn"])
		})
	}
}

func TestEveryRightIsThereBeforeAnInstance(t *testing.T) {
	a := args()
	a.SessionManager, a.MemoryMetric, a.ReadSecret = true, true, pulumi.String(secretARN)
	a.Cluster = pulumi.String("flask")
	g, err := graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		template, err := New(ctx, "musicguru", a)
		if err != nil {
			return err
		}
		return ctx.RegisterComponentResource("elastic-service:test:Launcher", "launcher", &pulumi.ResourceState{},
			pulumi.DependsOn(template.Ready))
	})
	require.NoError(t, err)
	rights := append(g.OfType("RolePolicy"), g.OfType("RolePolicyAttachment")...)
	require.Len(t, rights, 5)
	for _, right := range rights {
		assert.True(t, g.Reaches(g.Find("Launcher", "launcher"), right), right.Name)
	}
}

func TestTheMemoryMetricNeedsNoHTTP(t *testing.T) {
	a := args()
	a.MemoryMetric = true
	g := mustDeploy(t, a)
	rules := g.OfType("SecurityGroupEgressRule")
	require.Len(t, rules, 1, "Amazon Linux's repositories come over HTTPS")
	assert.InDelta(t, 443, rules[0].Inputs["fromPort"].NumberValue(), 0)
	document := graphtest.UserData(g.OfType("LaunchTemplate")[0])
	assert.Contains(t, document, "- amazon-cloudwatch-agent\n")
	assert.Contains(t, document, "mem_used_percent")
}

func TestDetailedMonitoringIsOffUnlessAskedFor(t *testing.T) {
	assert.NotContains(t, mustDeploy(t, args()).OfType("LaunchTemplate")[0].Inputs, resource.PropertyKey("monitoring"))
	a := args()
	a.DetailedMonitoring = true
	in := mustDeploy(t, a).OfType("LaunchTemplate")[0].Inputs
	assert.Equal(t, map[string]any{"enabled": true}, in["monitoring"].Mappable())
}

func TestInstancesOfAClusterJoinItAndNeedNoSoftware(t *testing.T) {
	a := args()
	a.Software = Software{Region: "us-east-1"}
	a.Cluster = pulumi.String("flask-cluster-1a2b3c4")
	g := mustDeploy(t, a)
	template := g.OfType("LaunchTemplate")[0]
	assert.Contains(t, graphtest.UserData(template), "ECS_CLUSTER=flask-cluster-1a2b3c4\n")
	assert.Empty(t, g.OfType("BucketV2"))
	metadata := template.Inputs["metadataOptions"].ObjectValue()
	assert.InDelta(t, 1, metadata["httpPutResponseHopLimit"].NumberValue(), 0)
	require.Len(t, g.OfType("SecurityGroupEgressRule"), 1)
}

func TestWithoutAClusterServicesAreNeeded(t *testing.T) {
	a := args()
	a.Software.Services = nil
	g, err := deploy(t, a)
	require.ErrorContains(t, err, "software.services: needs at least one")
	assert.Empty(t, g.Resources)
}

// variables are the lines of the user data that set variables, by unit.
func variables(document string) map[string][]string {
	all, unit := map[string][]string{}, ""
	for line := range strings.Lines(document) {
		line = strings.TrimSpace(line)
		if path, found := strings.CutPrefix(line, "- path: /etc/systemd/system/"); found {
			unit = path
		}
		if variable, found := strings.CutPrefix(line, "Environment="); found && !strings.HasPrefix(unit, "artifact-") {
			all[unit] = append(all[unit], variable)
		}
	}
	return all
}
