package provider

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/events"
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

	InputTransformer *inputTransformer `pulumi:"inputTransformer"`
}

type inputTransformer struct {
	InputPaths    map[string]string `pulumi:"inputPaths"`
	InputTemplate string            `pulumi:"inputTemplate"`
}

func (in eventTargetInputs) target() events.Target {
	target := events.Target{Topic: in.Arn}
	if t := in.InputTransformer; t != nil {
		target.Transformer = &events.Transformer{Paths: t.InputPaths, Template: t.InputTemplate}
	}
	return target
}

// defaultBus is the event bus that every account has. The emulator has no other.
const defaultBus = "default"

type eventRuleOutputs struct {
	ARN          string `pulumi:"arn"`
	EventBusName string `pulumi:"eventBusName"`
}

func eventRule() resourceType {
	return define(resourceType{
		token: "aws:cloudwatch/eventRule:EventRule", kind: Run, name: "name", nameMax: 64, replaceOn: []string{"name", "eventBusName"},
	}, handlers[eventRuleInputs, eventRuleOutputs]{
		create: func(m *cloud.Model, in eventRuleInputs) (string, eventRuleOutputs, error) {
			arn, err := in.put(m)
			return in.Name, eventRuleOutputs{ARN: arn, EventBusName: defaultBus}, err
		},
		update: func(m *cloud.Model, _ string, _, now eventRuleInputs) (*eventRuleOutputs, error) {
			_, err := now.put(m)
			return nil, err
		},
		remove: func(m *cloud.Model, id string, _ eventRuleInputs) error { return m.Events.DeleteRule(id) },
	})
}

func (in eventRuleInputs) put(m *cloud.Model) (string, error) {
	if err := checkBus(in.EventBusName); err != nil {
		return "", err
	}
	if in.ScheduleExpression != "" {
		return "", unsupported("scheduleExpression", in.ScheduleExpression, "event patterns")
	}
	switch in.State {
	case "", "ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS", "DISABLED":
		return m.Events.PutRule(in.Name, in.EventPattern, in.State == "DISABLED")
	}
	return "", notOneOf("state", in.State, "ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")
}

func checkBus(name string) error {
	if cmp.Or(name, defaultBus) != defaultBus {
		return fmt.Errorf("ResourceNotFoundException: Event bus %s does not exist", name)
	}
	return nil
}

type eventTargetOutputs struct {
	TargetID     string `pulumi:"targetId"`
	EventBusName string `pulumi:"eventBusName"`
}

func eventTarget() resourceType {
	return define(resourceType{
		token: "aws:cloudwatch/eventTarget:EventTarget", kind: Run, replaceOn: []string{"rule", "eventBusName", "targetId"},
	}, handlers[eventTargetInputs, eventTargetOutputs]{
		create: createEventTarget,
		update: func(m *cloud.Model, id string, _, now eventTargetInputs) (*eventTargetOutputs, error) {
			return nil, m.Events.PutTarget(now.Rule, now.targetID(id), now.target())
		},
		remove: func(m *cloud.Model, id string, in eventTargetInputs) error {
			return m.Events.DeleteTarget(in.Rule, in.targetID(id))
		},
	})
}

// createEventTarget chooses the ID of a target that has none, as the provider does.
func createEventTarget(m *cloud.Model, in eventTargetInputs) (string, eventTargetOutputs, error) {
	if err := checkBus(in.EventBusName); err != nil {
		return "", eventTargetOutputs{}, err
	}
	id := in.TargetID
	if id == "" {
		chosen, err := resource.NewUniqueHex("terraform-", 26, 0)
		if err != nil {
			return "", eventTargetOutputs{}, err
		}
		id = chosen
	}
	return in.Rule + "-" + id, eventTargetOutputs{TargetID: id, EventBusName: defaultBus}, m.Events.PutTarget(in.Rule, id, in.target())
}

// targetID returns the ID of the target, with which the ID of its resource ends.
func (in eventTargetInputs) targetID(resourceID string) string {
	return strings.TrimPrefix(resourceID, in.Rule+"-")
}
