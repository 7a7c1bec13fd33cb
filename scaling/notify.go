package scaling

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/mail"
	"net/url"
	"regexp"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/cloudwatch"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/iam"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

// eventTypes are the events that subscribers get, by their names in EventBridge (EventBridge: "Amazon EC2 Auto Scaling
// events").
var eventTypes = []string{
	"EC2 Instance Launch Successful",
	"EC2 Instance Launch Unsuccessful",
	"EC2 Instance Terminate Successful",
	"EC2 Instance Terminate Unsuccessful",
	"EC2 Auto Scaling Instance Refresh Succeeded",
	"EC2 Auto Scaling Instance Refresh Failed",
	"EC2 Auto Scaling Instance Refresh Cancelled",
}

// Subscription is a subscriber to notifications. People confirm a subscription by a link that AWS sends; until then they get
// nothing. Type Subscription of package settings has the same fields.
type Subscription struct {
	// Protocol is "email", "sms", "https", "sqs" or "lambda".
	Protocol string

	// Endpoint is, in this order, an address such as ops@example.com, a number such as +14155550100, a URL, the ARN of
	// a queue or of a function. A queue's policy and a function's permission, which let the topic in, are their
	// owner's.
	Endpoint string
}

// endpoints are the rules for endpoints, by protocol.
var endpoints = map[string]struct {
	valid func(string) bool
	rule  string
}{
	"email":  {validAddress, "is not an address such as ops@example.com"},
	"sms":    {regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`).MatchString, "is not a number such as +14155550100"},
	"https":  {validURL, "is not a URL that begins with https://"},
	"sqs":    {arnOf("sqs", `[A-Za-z0-9_-]{1,80}`), "is not the ARN of a queue (a FIFO queue can't subscribe)"},
	"lambda": {arnOf("lambda", `function:[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_-]{1,128})?`), "is not the ARN of a function"},
}

func validAddress(text string) bool {
	address, err := mail.ParseAddress(text)
	return err == nil && address.Address == text
}

func validURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Scheme == "https" && u.Hostname() != ""
}

func arnOf(service, resource string) func(string) bool {
	prefix := `^arn:aws(-cn|-us-gov)?:` + service + `:[a-z0-9-]+:[0-9]{12}:`
	return regexp.MustCompile(prefix + resource + `$`).MatchString
}

func validSubscriptions(subscriptions []Subscription) error {
	var problems invalid.List
	for i, s := range subscriptions {
		path := fmt.Sprintf("notify[%d]", i)
		rule, known := endpoints[s.Protocol]
		switch {
		case !known:
			problems.Add(path+".protocol", s.Protocol, "is not one of %v", slices.Sorted(maps.Keys(endpoints)))
		case !rule.valid(s.Endpoint):
			problems.Add(path+".endpoint", s.Endpoint, "%s", rule.rule)
		case slices.Contains(subscriptions[:i], s):
			problems.Add(path+".endpoint", s.Endpoint, "is subscribed twice")
		}
	}
	return problems.Err()
}

// role returns the subscription's part of a resource name. It does not contain the address, because names are shown and
// logged, and a number or a URL with a key is private. It does not depend on the order: otherwise removing a subscriber
// would make others confirm again.
func (s Subscription) role() string {
	sum := sha256.Sum256([]byte(s.Endpoint))
	return s.Protocol + "-" + hex.EncodeToString(sum[:4])
}

// notify creates the topic with its subscriptions, and sends the group's events to it.
//
// The topic has no KMS key: with the available key, alias/aws/sns, CloudWatch could not publish, because the key's policy
// does not let alarms use it and cannot be changed. Messages contain names and numbers of instances, no secrets.
func (g *Group) notify(ctx *pulumi.Context, name string, args *Args) error {
	if len(args.Notify) == 0 {
		return nil
	}
	topic, err := sns.NewTopic(ctx, name+"-notify", &sns.TopicArgs{
		Tags: pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(g))
	if err != nil {
		return err
	}
	g.TopicARN = topic.Arn
	for _, s := range args.Notify {
		_, err := sns.NewTopicSubscription(ctx, name+"-notify-"+s.role(), &sns.TopicSubscriptionArgs{
			Topic:    topic.Arn,
			Protocol: pulumi.String(s.Protocol),
			Endpoint: pulumi.String(s.Endpoint),
		}, pulumi.Parent(g))
		if err != nil {
			return err
		}
	}
	policy, err := sns.NewTopicPolicy(ctx, name+"-notify", &sns.TopicPolicyArgs{
		Arn:    topic.Arn,
		Policy: topic.Arn.ApplyT(publishers).(pulumi.StringOutput),
	}, pulumi.Parent(g))
	if err != nil {
		return err
	}
	return g.events(ctx, name, args, policy)
}

// publishers returns the policy of a topic that accepts the alarms and events of its own account. It replaces the default
// policy of a topic, which lets alarms publish, but not EventBridge.
//
// The statement for EventBridge has no condition, because no condition would ever hold (EventBridge: "Using resource-based
// policies", "You can't use Condition blocks in Amazon SNS topic policies for EventBridge").
func publishers(topic string) (string, error) {
	arn, err := iam.ParseRegional(topic)
	if err != nil {
		return "", err
	}
	alarms := iam.ARN{Partition: arn.Partition, Service: "cloudwatch", Region: arn.Region, Account: arn.Account, Resource: "alarm:*"}
	publish := func(service string, condition iam.Condition) iam.Statement {
		return iam.Statement{
			Effect: iam.Allow, Principal: iam.Service(service), Action: "sns:Publish", Resource: topic, Condition: condition,
		}
	}
	text, err := iam.Policy(
		publish("cloudwatch.amazonaws.com", iam.Condition{
			"ArnLike":      {"aws:SourceArn": alarms.String()},
			"StringEquals": {"aws:SourceAccount": arn.Account},
		}),
		publish("events.amazonaws.com", nil),
	)
	if err != nil {
		return "", err
	}
	return sortedKeys(text)
}

// sortedKeys writes a JSON document with the keys of its objects in order. SNS gives a topic's policy back as it was set, so
// that another order would show as a change of every deployed topic.
func sortedKeys(text string) (string, error) {
	var document any
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		return "", err
	}
	sorted, err := json.Marshal(document)
	return string(sorted), err
}

// events sends the group's events from EventBridge to its topic. Auto Scaling's own notifications would do for launches and
// terminations, but do not cover instance refreshes, which end long after the deployment that began them
// (terraform-provider-aws #42355): a failed release would go unnoticed.
//
// The target waits for the topic's policy: events that are sent before it are lost.
func (g *Group) events(ctx *pulumi.Context, name string, args *Args, policy *sns.TopicPolicy) error {
	rule, err := cloudwatch.NewEventRule(ctx, name+"-events", &cloudwatch.EventRuleArgs{
		Description:  pulumi.Sprintf("launches, terminations and instance refreshes of %s", name),
		EventPattern: g.Name.ApplyT(eventPattern).(pulumi.StringOutput),
		Tags:         pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(g))
	if err != nil {
		return err
	}
	_, err = cloudwatch.NewEventTarget(ctx, name+"-events", &cloudwatch.EventTargetArgs{
		Rule: rule.Name,
		Arn:  g.TopicARN,
		InputTransformer: &cloudwatch.EventTargetInputTransformerArgs{
			InputPaths:    pulumi.ToStringMap(eventPaths),
			InputTemplate: pulumi.String(eventText),
		},
	}, pulumi.Parent(g), pulumi.DependsOn([]pulumi.Resource{policy}))
	return err
}

// eventText is what subscribers read of an event: lines in quotes, as EventBridge wants a text. A value that an event does not have
// is left out: refreshes have no instance, and no cause.
const eventText = `"<type>: <group> <instance><refresh>, <time>"
"<cause>"
"<status>"`

var eventPaths = map[string]string{
	"type":     "$.detail-type",
	"time":     "$.time",
	"group":    "$.detail.AutoScalingGroupName",
	"instance": "$.detail.EC2InstanceId",
	"refresh":  "$.detail.InstanceRefreshId",
	"cause":    "$.detail.Cause",
	"status":   "$.detail.StatusMessage",
}

// eventPattern matches the events of one group.
func eventPattern(group string) (string, error) {
	text, err := json.Marshal(map[string]any{
		"source":      []string{"aws.autoscaling"},
		"detail-type": eventTypes,
		"detail":      map[string]any{"AutoScalingGroupName": []string{group}},
	})
	return string(text), err
}
