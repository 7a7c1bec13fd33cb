package userdata

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAHostOfContainersJoinsItsClusterAndNeedsNoServices(t *testing.T) {
	m := read(t, Bootstrap{Cluster: "flask-cluster-1a2b3c4"})
	assert.Equal(t, map[string]string{"/etc/ecs/ecs.config": "ECS_CLUSTER=flask-cluster-1a2b3c4\n"}, m.files)
	assert.Empty(t, m.document.RunCommands, "the ECS agent starts by itself")
	assert.Empty(t, m.document.Packages)
	assert.Empty(t, m.units)
}

func TestAHostOfContainersMayRunServicesToo(t *testing.T) {
	b := dev()
	b.Cluster = "flask"
	m := read(t, b)
	assert.Len(t, m.units, 4)
	assert.Contains(t, m.files, "/etc/ecs/ecs.config")
}

// The names are CloudWatch's: a dashboard finds the metric by them.
func TestTheMemoryMetricIsTheGroupsAlone(t *testing.T) {
	m := read(t, measured())
	var config map[string]any
	require.NoError(t, json.Unmarshal([]byte(m.files[agentConfig]), &config))
	metrics := config["metrics"].(map[string]any)
	assert.Equal(t, "CWAgent", metrics["namespace"])
	assert.Equal(t, map[string]any{"mem": map[string]any{"measurement": []any{"mem_used_percent"}}}, metrics["metrics_collected"])
	assert.Equal(t, map[string]any{"AutoScalingGroupName": "${aws:AutoScalingGroupName}"}, metrics["append_dimensions"])
	assert.Equal(t, []any{[]any{"AutoScalingGroupName"}}, metrics["aggregation_dimensions"])
	assert.Equal(t, map[string]any{"metrics_collection_interval": 60.0, "run_as_user": "cwagent"}, config["agent"])
}

func TestTheAgentIsInstalledAndStartedWithItsFileAfterTheServices(t *testing.T) {
	m := read(t, measured())
	assert.Equal(t, []string{"amazon-cloudwatch-agent"}, m.document.Packages)
	assert.True(t, m.document.PackageUpdate)
	require.Len(t, m.document.RunCommands, 3)
	last := m.document.RunCommands[2]
	assert.Equal(t, []string{
		"/opt/aws/amazon-cloudwatch-agent/bin/amazon-cloudwatch-agent-ctl",
		"-a", "fetch-config", "-m", "ec2", "-s", "-c", "file:" + agentConfig,
	}, last)
	assert.Contains(t, m.files, agentConfig)
}

func TestTheAgentIsListedOnceAndTheBootstrapsOwnListStays(t *testing.T) {
	b := measured()
	b.Packages = make([]string, 1, 2)
	b.Packages[0] = "htop"
	assert.Equal(t, []string{"htop", "amazon-cloudwatch-agent"}, read(t, b).document.Packages)
	assert.Equal(t, []string{"htop"}, slices.DeleteFunc(b.Packages[:2], func(name string) bool { return name == "" }))
	b.Packages = []string{"amazon-cloudwatch-agent"}
	assert.Equal(t, []string{"amazon-cloudwatch-agent"}, read(t, b).document.Packages)
}
