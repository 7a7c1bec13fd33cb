package provider

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/analyzer"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/events"
)

// The functions below are what the tests ask of the model, and tell it in the place of a data plane.

func instances(c *cloud.Cloud) []ec2.Instance {
	return cloud.Get(c, func(m *cloud.Model) []ec2.Instance { return m.EC2.DescribeInstances() })
}

// moveInstances has pending instances run and ended ones end.
func moveInstances(c *cloud.Cloud) {
	for _, i := range instances(c) {
		switch i.State {
		case ec2.Pending:
			c.Update(func(m *cloud.Model) bool { return m.EC2.InstanceRunning(i.ID) })
		case ec2.ShuttingDown, ec2.Stopping:
			c.Update(func(m *cloud.Model) bool { return m.EC2.InstanceEnded(i.ID, "", m.Clock.Now()) })
		case ec2.Running, ec2.Stopped, ec2.Terminated:
		}
	}
}

// moveTasks has pending tasks run, unless they are of a broken image, and stopping ones end.
func moveTasks(c *cloud.Cloud, broken string) {
	ended := func(id string, code int, reason string) {
		c.Update(func(m *cloud.Model) bool { return m.ECS.ContainerEnded(id, "web", code, reason, m.Clock.Now()) })
	}
	for _, task := range cloud.Get(c, func(m *cloud.Model) []ecs.Task { return m.ECS.DescribeTasks() }) {
		switch {
		case task.State == ecs.TaskPending && task.Containers[0].Image == broken:
			ended(task.ID, 1, "exit status 1")
		case task.State == ecs.TaskPending:
			c.Update(func(m *cloud.Model) bool { return m.ECS.TaskRunning(task.ID, m.Clock.Now()) })
		case task.State == ecs.TaskStopping:
			ended(task.ID, 0, "")
		}
	}
}

// probe has every target that a balancer reaches answer its health check.
func probe(c *cloud.Cloud) {
	for _, target := range probeTargets(c) {
		var result error
		if target.Blocked != nil {
			result = target.Blocked
		}
		c.Update(func(m *cloud.Model) bool {
			return m.ELB.Probe(target.TargetGroup, target.Incarnation, result, m.Clock.Now())
		})
	}
}

func probeTargets(c *cloud.Cloud) []elb.ProbeTarget {
	return cloud.Get(c, func(m *cloud.Model) []elb.ProbeTarget { return m.ELB.ProbeTargets() })
}

func targetHealth(c *cloud.Cloud) []elb.TargetHealth {
	return cloud.Get(c, func(m *cloud.Model) []elb.TargetHealth { return m.ELB.DescribeTargetHealth() })
}

func forwards(c *cloud.Cloud) []elb.Forward {
	return cloud.Get(c, func(m *cloud.Model) []elb.Forward { return m.ELB.Forwards() })
}

func services(c *cloud.Cloud) []ecs.ServiceStatus {
	return cloud.Get(c, func(m *cloud.Model) []ecs.ServiceStatus { return m.ECS.DescribeServices() })
}

func serviceStatus(c *cloud.Cloud, arn string) ecs.ServiceStatus {
	status, _ := cloud.Find(c, func(m *cloud.Model) (ecs.ServiceStatus, bool) { return m.ECS.DescribeService(arn) })
	return status
}

func groupNamed(c *cloud.Cloud, name string) autoscaling.Group {
	group, _ := cloud.Find(c, func(m *cloud.Model) (autoscaling.Group, bool) { return m.AutoScaling.Group(name) })
	return group
}

func groupNames(c *cloud.Cloud) []string {
	return cloud.Get(c, func(m *cloud.Model) []string { return m.AutoScaling.GroupNames() })
}

func alarms(c *cloud.Cloud) []cloudwatch.Alarm {
	return cloud.Get(c, func(m *cloud.Model) []cloudwatch.Alarm { return m.CloudWatch.DescribeAlarms() })
}

func trace(c *cloud.Cloud, from, to string, port int) (analyzer.Path, error) {
	return cloud.Find(c, func(m *cloud.Model) (analyzer.Path, error) { return m.Analyzer.Trace(from, to, port) })
}

func newTopic(t *testing.T, c *cloud.Cloud, name string) events.Topic {
	t.Helper()
	topic, err := cloud.Make(c, func(m *cloud.Model) (events.Topic, error) { return m.Events.CreateTopic(name) })
	require.NoError(t, err)
	return topic
}
