package provider

import (
	"cmp"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/events"
)

const (
	eventRuleToken   = "aws:cloudwatch/eventRule:EventRule"
	eventTargetToken = "aws:cloudwatch/eventTarget:EventTarget"
	topicPolicyToken = "aws:sns/topicPolicy:TopicPolicy"
)

// replace ends the instances that are shut down, and starts what comes in their place.
func (p *awsProvider) replace() {
	for range 4 {
		moveInstances(p.cloud)
		p.cloud.Reconcile()
	}
}

// launches lists what became of the events of a replacement's launch: the topic that took it, or why none did.
func (p *awsProvider) launches(t *testing.T) []string {
	t.Helper()
	before := len(cloud.Get(p.cloud, func(m *cloud.Model) []events.Notification { return m.Events.ListNotifications() }))
	for _, i := range instances(p.cloud) {
		if i.State == ec2.Running {
			require.NoError(t, p.cloud.Change(func(m *cloud.Model) error { return m.EC2.TerminateInstance(i.ID) }))
		}
	}
	p.replace()
	var all []string
	for _, n := range cloud.Get(p.cloud, func(m *cloud.Model) []events.Notification { return m.Events.ListNotifications() })[before:] {
		if strings.Contains(n.Message, autoscaling.EventLaunch) {
			all = append(all, cmp.Or(n.Lost, n.Topic))
		}
	}
	return all
}

func publisher(service, topic string) string {
	return fmt.Sprintf(`{"Statement":[{"Effect":"Allow","Principal":{"Service":%q},"Action":"sns:Publish","Resource":%q}]}`, service, topic)
}

func TestEventsReachTheirTopic(t *testing.T) {
	p := newProvider(t)
	group := newGroup(t, p)
	group["waitForCapacityTimeout"], group["name"] = "0", "web"
	p.created(t, groupToken, "web", group)
	topic := newTopic(t, p.cloud, "alerts")

	policyInputs := map[string]any{"arn": topic.ARN, "policy": publisher("events.amazonaws.com", topic.ARN)}
	policy := p.created(t, topicPolicyToken, "p", policyInputs)
	ruleInputs := map[string]any{
		"description": "d", "eventPattern": `{"detail":{"AutoScalingGroupName":["web"]}}`, "tags": map[string]any{"a": "b"},
	}
	rule := p.created(t, eventRuleToken, "web-events", ruleInputs)
	assert.Regexp(t, `^arn:aws:events:us-east-1:123456789012:rule/web-events-[0-9a-f]{7}$`, rule.Properties["arn"].StringValue())
	ruleInputs["name"] = string(rule.ID)
	targetInputs := map[string]any{"rule": string(rule.ID), "arn": topic.ARN}
	target := p.created(t, eventTargetToken, "web-events", targetInputs)
	id := target.Properties["targetId"].StringValue()
	assert.Regexp(t, `^terraform-[0-9a-f]{26}$`, id)
	assert.Equal(t, string(rule.ID)+"-"+id, string(target.ID))
	assert.Equal(t, []string{topic.ARN}, p.launches(t))

	disabled := maps.Clone(ruleInputs)
	disabled["state"] = "DISABLED"
	require.NoError(t, p.updated(t, eventRuleToken, rule, ruleInputs, disabled))
	assert.Empty(t, p.launches(t))
	require.NoError(t, p.updated(t, eventRuleToken, rule, disabled, ruleInputs))

	elsewhere := map[string]any{"rule": string(rule.ID), "arn": "arn:aws:sns:us-east-1:123456789012:other"}
	require.NoError(t, p.updated(t, eventTargetToken, target, targetInputs, elsewhere))
	assert.Equal(t, []string{"Topic does not exist"}, p.launches(t))
	require.NoError(t, p.updated(t, eventTargetToken, target, elsewhere, targetInputs))

	denied := "Resource: " + rule.Properties["arn"].StringValue() + " is not authorized to perform: SNS:Publish on resource: " + topic.ARN
	alarmsOnly := map[string]any{"arn": topic.ARN, "policy": publisher("cloudwatch.amazonaws.com", topic.ARN)}
	require.NoError(t, p.updated(t, topicPolicyToken, policy, policyInputs, alarmsOnly))
	assert.Equal(t, []string{denied}, p.launches(t))
	require.NoError(t, p.updated(t, topicPolicyToken, policy, alarmsOnly, policyInputs))
	assert.Equal(t, []string{topic.ARN}, p.launches(t))
	require.NoError(t, p.deleted(t, topicPolicyToken, policy, policyInputs))
	assert.Equal(t, []string{denied}, p.launches(t), "the policy that a topic has by itself")

	require.ErrorContains(t, p.deleted(t, eventRuleToken, rule, ruleInputs), "Rule can't be deleted since it has targets.")
	require.NoError(t, p.deleted(t, eventTargetToken, target, targetInputs))
	require.NoError(t, p.deleted(t, eventRuleToken, rule, ruleInputs))
	assert.NotContains(t, p.left(), "event rule "+string(rule.ID))
}
