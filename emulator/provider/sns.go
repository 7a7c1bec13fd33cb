package provider

import (
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/events"
)

type topicInputs struct {
	Name           string            `pulumi:"name"`
	DisplayName    string            `pulumi:"displayName"`
	KmsMasterKeyID string            `pulumi:"kmsMasterKeyId"`
	Policy         string            `pulumi:"policy"`
	Tags           map[string]string `pulumi:"tags"`
}

type subscriptionInputs struct {
	Topic              string `pulumi:"topic"`
	Protocol           string `pulumi:"protocol"`
	Endpoint           string `pulumi:"endpoint"`
	RawMessageDelivery bool   `pulumi:"rawMessageDelivery"`
	FilterPolicy       string `pulumi:"filterPolicy"`
}

type topicPolicyInputs struct {
	Arn    string `pulumi:"arn"`
	Policy string `pulumi:"policy"`
}

type topicOutputs struct {
	ARN   string `pulumi:"arn"`
	Owner string `pulumi:"owner"`
}

func topic() resourceType {
	return define(resourceType{
		token: "aws:sns/topic:Topic", kind: Recorded, name: "name", nameMax: 256, replaceOn: []string{"name"},
	}, handlers[topicInputs, topicOutputs]{
		create: func(m *cloud.Model, in topicInputs) (string, topicOutputs, error) {
			made, err := m.Events.CreateTopic(in.Name)
			return made.ARN, topicOutputs{ARN: made.ARN, Owner: aws.Account}, err
		},
		remove: func(m *cloud.Model, id string, _ topicInputs) error { return m.Events.DeleteTopic(id) },
	})
}

type subscriptionOutputs struct {
	ARN                          string `pulumi:"arn"`
	ConfirmationWasAuthenticated bool   `pulumi:"confirmationWasAuthenticated"`
	OwnerID                      string `pulumi:"ownerId"`
	PendingConfirmation          bool   `pulumi:"pendingConfirmation"`
}

func topicSubscription() resourceType {
	return define(resourceType{
		token: "aws:sns/topicSubscription:TopicSubscription", kind: Recorded, replaceOn: []string{"topic", "protocol", "endpoint"},
	}, handlers[subscriptionInputs, subscriptionOutputs]{
		create: func(m *cloud.Model, in subscriptionInputs) (string, subscriptionOutputs, error) {
			subscription := events.Subscription{Protocol: in.Protocol, Endpoint: in.Endpoint}
			arn, err := m.Events.Subscribe(in.Topic, subscription)
			pending := subscription.NeedsConfirmation()
			return arn, subscriptionOutputs{
				ARN: arn, OwnerID: aws.Account, PendingConfirmation: pending, ConfirmationWasAuthenticated: !pending,
			}, err
		},
		remove: func(m *cloud.Model, id string, in subscriptionInputs) error {
			return m.Events.Unsubscribe(in.Topic, id)
		},
	})
}

type topicPolicyOutputs struct {
	Owner string `pulumi:"owner"`
}

func topicPolicy() resourceType {
	return define(resourceType{
		token: "aws:sns/topicPolicy:TopicPolicy", kind: Run, replaceOn: []string{"arn"},
	}, handlers[topicPolicyInputs, topicPolicyOutputs]{
		create: func(m *cloud.Model, in topicPolicyInputs) (string, topicPolicyOutputs, error) {
			return in.Arn, topicPolicyOutputs{aws.Account}, m.Events.SetTopicPolicy(in.Arn, in.Policy)
		},
		update: func(m *cloud.Model, id string, _, now topicPolicyInputs) (*topicPolicyOutputs, error) {
			return nil, m.Events.SetTopicPolicy(id, now.Policy)
		},
		remove: func(m *cloud.Model, id string, _ topicPolicyInputs) error { return m.Events.ResetTopicPolicy(id) },
	})
}
