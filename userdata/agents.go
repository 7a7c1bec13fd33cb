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

// memoryConfig makes the agent measure memory only, once a minute, and aggregate it by Auto Scaling group: AWS charges for a
// metric per instance, and the metric would outlive the instance. The agent finds the group in the instance's tags.
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

// clusterConfig is the file that tells the ECS agent its cluster. The agent starts when cloud-init has ended.
const clusterConfig = "/etc/ecs/ecs.config"

// packages returns the packages that were asked for, and those that the machine's tasks need.
func (b Bootstrap) packages() []string {
	if b.MemoryMetric && !slices.Contains(b.Packages, agentPackage) {
		return append(slices.Clone(b.Packages), agentPackage)
	}
	return b.Packages
}

// agentFiles returns the configuration of AWS's agents.
func (b Bootstrap) agentFiles() []file {
	var files []file
	if b.Cluster != "" {
		files = append(files, file{Path: clusterConfig, Permissions: "0644", Content: "ECS_CLUSTER=" + b.Cluster + "\n"})
	}
	if b.MemoryMetric {
		files = append(files, file{Path: agentConfig, Permissions: "0644", Content: memoryConfig})
	}
	return files
}

// agentCommands starts the CloudWatch agent now and, with -s, at every later boot. cloud-init runs commands after it has
// installed packages.
func (b Bootstrap) agentCommands() [][]string {
	if !b.MemoryMetric {
		return nil
	}
	return [][]string{{agentControl, "-a", "fetch-config", "-m", "ec2", "-s", "-c", "file:" + agentConfig}}
}
