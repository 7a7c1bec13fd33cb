package userdata

import "slices"

// The CloudWatch agent, as Amazon Linux packages it. Its own file is not written: what fetch-config takes from
// elsewhere replaces it.
const (
	agentPackage = "amazon-cloudwatch-agent"
	agentFolder  = "/opt/aws/amazon-cloudwatch-agent"
	agentConfig  = agentFolder + "/etc/elastic-service.json"
	agentControl = agentFolder + "/bin/amazon-cloudwatch-agent-ctl"
)

// memoryConfig has the agent measure memory alone, once a minute, and sum it up by Auto Scaling group: a metric for
// each instance would be charged for, and stay behind when the instance goes. The agent finds the group in the
// instance's tags.
const memoryConfig = `{
  "agent": {"metrics_collection_interval": 60, "run_as_user": "cwagent"},
  "metrics": {
    "namespace": "CWAgent",
    "append_dimensions": {"AutoScalingGroupName": "${aws:AutoScalingGroupName}"},
    "aggregation_dimensions": [["AutoScalingGroupName"]],
    "metrics_collected": {"mem": {"measurement": ["mem_used_percent"]}}
  }
}
`

// clusterConfig is where the ECS agent, which starts when cloud-init has ended, finds its cluster.
const clusterConfig = "/etc/ecs/ecs.config"

// packages are those that were asked for and those that the machine's tasks need.
func (b Bootstrap) packages() []string {
	if b.MemoryMetric && !slices.Contains(b.Packages, agentPackage) {
		return append(slices.Clone(b.Packages), agentPackage)
	}
	return b.Packages
}

// agentFiles tell AWS's agents what to do.
func (b Bootstrap) agentFiles() []file {
	var files []file
	if b.Cluster != "" {
		files = append(files, file{clusterConfig, "0644", "ECS_CLUSTER=" + b.Cluster + "\n"})
	}
	if b.MemoryMetric {
		files = append(files, file{agentConfig, "0644", memoryConfig})
	}
	return files
}

// agentCommands start the CloudWatch agent and have it started at every later boot: -s enables its unit too.
// cloud-init runs commands after it has installed packages.
func (b Bootstrap) agentCommands() [][]string {
	if !b.MemoryMetric {
		return nil
	}
	return [][]string{{agentControl, "-a", "fetch-config", "-m", "ec2", "-s", "-c", "file:" + agentConfig}}
}
