package scaling

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/mail"
	"net/url"
	"regexp"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/autoscaling"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/sns"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/fault"
)

// events are what the group itself reports.
var events = []string{
	"autoscaling:EC2_INSTANCE_LAUNCH",
	"autoscaling:EC2_INSTANCE_LAUNCH_ERROR",
	"autoscaling:EC2_INSTANCE_TERMINATE",
	"autoscaling:EC2_INSTANCE_TERMINATE_ERROR",
}

// Subscription is somebody who is told. People confirm theirs by a link that they are sent; until then they hear
// nothing.
type Subscription struct {
	// Protocol is "email", "sms", "https", "sqs" or "lambda".
	Protocol string

	// Endpoint is, in this order, an address such as ops@example.com, a number such as +14155550100, a URL, the ARN of
	// a queue or of a function. A queue's policy and a function's permission, which let the topic in, are their
	// owner's.
	Endpoint string
}

// endpoints are the rules of endpoints by protocol.
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
	var faults fault.List
	for i, s := range subscriptions {
		path := fmt.Sprintf("notify[%d]", i)
		rule, known := endpoints[s.Protocol]
		switch {
		case !known:
			faults.Add(path+".protocol", s.Protocol, "is not one of %v", slices.Sorted(maps.Keys(endpoints)))
		case !rule.valid(s.Endpoint):
			faults.Add(path+".endpoint", s.Endpoint, "%s", rule.rule)
		case slices.Contains(subscriptions[:i], s):
			faults.Add(path+".endpoint", s.Endpoint, "is subscribed twice")
		}
	}
	return faults.Err()
}

// role is the subscription's part of a resource name. It holds no address: names are shown and logged, and somebody's
// number or a URL with a key in it is nobody else's business. It does not depend on the order either, or who is taken
// off the list would make the others confirm again.
func (s Subscription) role() string {
	sum := sha256.Sum256([]byte(s.Endpoint))
	return s.Protocol + "-" + hex.EncodeToString(sum[:4])
}

// notify makes the topic, its subscriptions and the group's notifications.
//
// The topic has no KMS key: with the one at hand, alias/aws/sns, CloudWatch could not publish, for that key's policy
// doesn't let alarms use it and can't be changed. Messages hold names and numbers of instances, no secrets.
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
	_, err = autoscaling.NewNotification(ctx, name+"-notifications", &autoscaling.NotificationArgs{
		GroupNames:    pulumi.StringArray{g.Name},
		Notifications: pulumi.ToStringArray(events),
		TopicArn:      topic.Arn,
	}, pulumi.Parent(g))
	return err
}
