package aws_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

// awsCommand is the AWS CLI as Debian packages it. It speaks the query protocol with CloudWatch, and knows EC2.
const awsCommand = "/usr/bin/aws"

// run runs the AWS CLI on the world and returns what it prints.
func (w *world) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	args = append([]string{"--endpoint-url", w.url, "--region", "us-east-1", "--output", "json"}, args...)
	command := exec.CommandContext(t.Context(), awsCommand, args...)
	command.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=any", "AWS_SECRET_ACCESS_KEY=key", "AWS_PAGER=", "AWS_CONFIG_FILE=/dev/null")
	out, err := command.CombinedOutput()
	return string(out), err
}

// waitCommand waits as `aws ec2 wait` does.
func (w *world) waitCommand(t *testing.T, state string, ids []string) {
	t.Helper()
	out, err := w.run(t, append([]string{"ec2", "wait", state, "--instance-ids"}, ids...)...)
	require.NoError(t, err, out)
}

func needAWSCommand(t *testing.T) {
	t.Helper()
	if _, err := os.Stat(awsCommand); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("the AWS CLI is not installed")
		}
		t.Skip("the AWS CLI is not installed (Debian: awscli)")
	}
}

func TestTheCommandOfAWSWorksUnchanged(t *testing.T) {
	needAWSCommand(t)
	w := newWorld(t)
	id := cloud.Get(w.cloud, func(m *cloud.Model) string { return m.EC2.DescribeInstances()[0].ID })
	for name, c := range map[string]struct {
		args   []string
		prints string // a part of the result of --query, as JSON
	}{
		"who am I": {[]string{"sts", "get-caller-identity", "--query", "Account"}, `"123456789012"`},
		"the group": {
			[]string{"autoscaling", "describe-auto-scaling-groups",
				"--query", "AutoScalingGroups[].[DesiredCapacity,length(Instances)]"}, `[[2,2]]`,
		},
		"its activities": {
			[]string{"autoscaling", "describe-scaling-activities", "--auto-scaling-group-name", "web", "--query", "Activities[].StatusCode"},
			`["Successful","Successful"]`,
		},
		"its refreshes, page by page": {
			[]string{"autoscaling", "describe-instance-refreshes", "--auto-scaling-group-name", "web", "--max-records", "1"},
			`{"InstanceRefreshes":[]}`,
		},
		"the targets' health": {
			[]string{"elbv2", "describe-target-health", "--target-group-arn", w.targets,
				"--query", "TargetHealthDescriptions[].TargetHealth.State"},
			`["healthy","healthy"]`,
		},
		"running instances": {
			[]string{"ec2", "describe-instances", "--filters", "Name=instance-state-name,Values=running",
				"--query", "length(Reservations[].Instances[])"}, `2`,
		},
		"an instance": {
			[]string{"ec2", "describe-instances", "--instance-ids", id, "--query", "Reservations[].Instances[].[InstanceId,State.Name]"},
			`[["` + id + `","running"]]`,
		},
		"the versions of a template": {
			[]string{"ec2", "describe-launch-template-versions", "--launch-template-id", w.template,
				"--query", "LaunchTemplateVersions[].VersionNumber"},
			`[1]`,
		},
		"an alarm": {
			[]string{"cloudwatch", "describe-alarms", "--alarm-names", "unhealthy", "--query", "MetricAlarms[].MetricName"},
			`["UnHealthyHostCount"]`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := w.run(t, c.args...)
			require.NoError(t, err, out)
			assert.JSONEq(t, c.prints, out)
		})
	}
	t.Run("a refusal", func(t *testing.T) {
		out, err := w.run(t, "ec2", "terminate-instances", "--instance-ids", "i-00000000000000000")
		require.Error(t, err)
		assert.Contains(t, out, "(InvalidInstanceID.NotFound) when calling the TerminateInstances operation")
	})
	t.Run("an operation that the emulator does not have", func(t *testing.T) {
		out, err := w.run(t, "autoscaling", "describe-lifecycle-hooks", "--auto-scaling-group-name", "web")
		require.Error(t, err)
		assert.Contains(t, out, "InvalidAction")
		assert.Contains(t, out, "DescribeLifecycleHooks")
	})
	t.Run("a stop, a start and a reboot", func(t *testing.T) {
		out, err := w.run(t, "ec2", "run-instances", "--launch-template", "LaunchTemplateName=web", "--count", "2", "--subnet-id", w.subnet,
			"--tag-specifications", "ResourceType=instance,Tags=[{Key=Name,Value=alone}]", "--query", "Instances[].InstanceId")
		require.NoError(t, err, out)
		var ids []string
		require.NoError(t, json.Unmarshal([]byte(out), &ids))
		require.Len(t, ids, 2)
		w.waitCommand(t, "instance-running", ids)
		out, err = w.run(t, "ec2", "stop-instances", "--instance-ids", ids[0], ids[1], "--query", "StoppingInstances[].CurrentState.Name")
		require.NoError(t, err, out)
		assert.JSONEq(t, `["stopping","stopping"]`, out)
		w.waitCommand(t, "instance-stopped", ids)
		out, err = w.run(t, "ec2", "describe-instances", "--filters", "Name=tag:Name,Values=alone",
			"--query", "Reservations[].Instances[].[PublicIpAddress,State.Code]")
		require.NoError(t, err, out)
		assert.JSONEq(t, `[[null,80],[null,80]]`, out)
		out, err = w.run(t, "ec2", "start-instances", "--instance-ids", ids[0], ids[1])
		require.NoError(t, err, out)
		w.waitCommand(t, "instance-running", ids)
		out, err = w.run(t, "ec2", "reboot-instances", "--instance-ids", ids[0])
		require.NoError(t, err, out)
		out, err = w.run(t, "ec2", "run-instances", "--launch-template", "LaunchTemplateName=web", "--subnet-id", w.subnet, "--key-name", "mine")
		require.Error(t, err)
		assert.Contains(t, out, "the emulator does not support the parameter KeyName of this operation")
	})
	t.Run("a termination", func(t *testing.T) {
		out, err := w.run(t, "ec2", "terminate-instances", "--instance-ids", id)
		require.NoError(t, err, out)
		var result struct {
			TerminatingInstances []struct{ CurrentState, PreviousState struct{ Name string } }
		}
		require.NoError(t, json.Unmarshal([]byte(out), &result))
		require.Len(t, result.TerminatingInstances, 1)
		assert.Equal(t, "shutting-down", result.TerminatingInstances[0].CurrentState.Name)
		_, err = w.run(t, "ec2", "wait", "instance-terminated", "--instance-ids", id)
		require.NoError(t, err)
	})
}
