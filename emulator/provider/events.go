package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

type eventRuleInputs struct {
	Name               string            `pulumi:"name"`
	Description        string            `pulumi:"description"`
	EventBusName       string            `pulumi:"eventBusName"`
	EventPattern       string            `pulumi:"eventPattern"`
	ScheduleExpression string            `pulumi:"scheduleExpression"`
	State              string            `pulumi:"state"`
	Tags               map[string]string `pulumi:"tags"`
}

type eventTargetInputs struct {
	Rule         string `pulumi:"rule"`
	EventBusName string `pulumi:"eventBusName"`
	TargetID     string `pulumi:"targetId"`
	Arn          string `pulumi:"arn"`
}

type topicPolicyInputs struct {
	Arn    string `pulumi:"arn"`
	Policy string `pulumi:"policy"`
}

// defaultBus is the one that every account has, and the only one here.
const defaultBus = "default"

func init() {
	define(resourceType{
		token: "aws:cloudwatch/eventRule:EventRule", kind: Run, name: "name", nameMax: 64, replaceOn: []string{"name", "eventBusName"},
	}, handlers[eventRuleInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in eventRuleInputs) (string, map[string]any, error) {
			arn, err := in.put(c)
			return idUnless(err, in.Name), map[string]any{"arn": arn, "eventBusName": defaultBus}, err
		},
		update: func(_ context.Context, c *cloud.Cloud, _ string, _, now eventRuleInputs) (map[string]any, error) {
			_, err := now.put(c)
			return nil, err
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ eventRuleInputs) error {
			return c.DeleteEventRule(id)
		},
	})
	define(resourceType{
		token: "aws:cloudwatch/eventTarget:EventTarget", kind: Run, replaceOn: []string{"rule", "eventBusName", "targetId"},
	}, handlers[eventTargetInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in eventTargetInputs) (string, map[string]any, error) {
			id, err := in.add(c)
			return idUnless(err, in.Rule+"-"+id), map[string]any{"targetId": id, "eventBusName": defaultBus}, err
		},
		update: func(_ context.Context, c *cloud.Cloud, id string, _, now eventTargetInputs) (map[string]any, error) {
			return nil, c.PutEventTarget(now.Rule, now.idOf(id), now.Arn)
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, in eventTargetInputs) error {
			return c.DeleteEventTarget(in.Rule, in.idOf(id))
		},
	})
	define(resourceType{
		token: "aws:sns/topicPolicy:TopicPolicy", kind: Run, replaceOn: []string{"arn"},
	}, handlers[topicPolicyInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in topicPolicyInputs) (string, map[string]any, error) {
			err := c.SetTopicPolicy(in.Arn, in.Policy)
			return idUnless(err, in.Arn), map[string]any{"owner": cloud.Account}, err
		},
		update: func(_ context.Context, c *cloud.Cloud, id string, _, now topicPolicyInputs) (map[string]any, error) {
			return nil, c.SetTopicPolicy(id, now.Policy)
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ topicPolicyInputs) error {
			return c.ResetTopicPolicy(id)
		},
	})
}

func (in eventRuleInputs) put(c *cloud.Cloud) (string, error) {
	if err := checkBus(in.EventBusName); err != nil {
		return "", err
	}
	if in.ScheduleExpression != "" {
		return "", unsupported("scheduleExpression", in.ScheduleExpression, "event patterns")
	}
	switch in.State {
	case "", "ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS", "DISABLED":
		return c.PutEventRule(in.Name, in.EventPattern, in.State == "DISABLED")
	}
	return "", notOneOf("state", in.State, "ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
}

func checkBus(name string) error {
	if orDefault(name, defaultBus) != defaultBus {
		return fmt.Errorf("ResourceNotFoundException: Event bus %s does not exist", name)
	}
	return nil
}

// add makes the target's ID where none is given, as the provider does.
func (in eventTargetInputs) add(c *cloud.Cloud) (string, error) {
	if err := checkBus(in.EventBusName); err != nil {
		return "", err
	}
	id := in.TargetID
	if id == "" {
		made, err := resource.NewUniqueHex("terraform-", 26, 0)
		if err != nil {
			return "", err
		}
		id = made
	}
	return id, c.PutEventTarget(in.Rule, id, in.Arn)
}

// idOf is the target's ID in that of the resource.
func (in eventTargetInputs) idOf(id string) string { return strings.TrimPrefix(id, in.Rule+"-") }
