package scaling

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graphtest"
)

func TestEndpointsFitTheirProtocols(t *testing.T) {
	for _, test := range []struct {
		protocol, endpoint string
		ok                 bool
	}{
		{"email", "ops@example.com", true},
		{"email", "Ops <ops@example.com>", false},
		{"email", "ops", false},
		{"email", "", false},
		{"sms", "+14155550100", true},
		{"sms", "14155550100", false},
		{"sms", "+1 415 555 0100", false},
		{"sms", "+04155550100", false},
		{"https", "https://events.example.com/sns?key=1", true},
		{"https", "http://events.example.com", false},
		{"https", "https://", false},
		{"https", "https://:443/", false},
		{"sqs", "arn:aws:sqs:us-east-1:123456789012:alerts", true},
		{"sqs", "arn:aws:sqs:us-east-1:123456789012:alerts.fifo", false},
		{"sqs", "https://sqs.us-east-1.amazonaws.com/123456789012/alerts", false},
		{"lambda", "arn:aws:lambda:us-east-1:123456789012:function:page", true},
		{"lambda", "arn:aws:lambda:us-east-1:123456789012:function:page:live", true},
		{"lambda", "arn:aws:sqs:us-east-1:123456789012:page", false},
	} {
		err := validSubscriptions([]Subscription{{test.protocol, test.endpoint}})
		if test.ok {
			assert.NoError(t, err)
		} else {
			assert.ErrorContains(t, err, fmt.Sprintf("notify[0].endpoint: %q is not ", test.endpoint))
		}
	}
}

func TestBadSubscriptionsRegisterNothing(t *testing.T) {
	for want, list := range map[string][]Subscription{
		`notify[0].protocol: "pigeon" is not one of [email https lambda sms sqs]`: {{"pigeon", "x"}},
		`notify[0].protocol: "http" is not one of`:                                {{"http", "http://example.com"}},
		`notify[1].endpoint: "ops@example.com" is subscribed twice`:               {{"email", "ops@example.com"}, {"email", "ops@example.com"}},
	} {
		a := args()
		a.Notify = list
		g, err := deploy(t, a)
		require.ErrorContains(t, err, want)
		assert.Empty(t, g.Resources)
	}
}

func TestLaunchesTerminationsAndReleasesAreReported(t *testing.T) {
	a := args()
	a.Notify = []Subscription{{"email", "ops@example.com"}, {"sms", "+14155550100"}}
	g, err := deploy(t, a)
	require.NoError(t, err)
	topic := g.Find("Topic", "musicguru-notify")
	arn := topic.Outputs["arn"].StringValue()
	assert.Equal(t, map[string]any{ // no KMS key: alarms could not publish
		"tags": map[string]any{"Stack": "dev", "Service": "musicguru"},
	}, topic.Inputs.Mappable())
	paths := map[string]any{}
	for name, path := range eventPaths {
		paths[name] = path
		assert.Contains(t, eventText, "<"+name+">")
	}
	rule := g.Find("EventRule", "musicguru-events")
	assert.JSONEq(t, `{
		"source": ["aws.autoscaling"],
		"detail-type": [
			"EC2 Instance Launch Successful", "EC2 Instance Launch Unsuccessful",
			"EC2 Instance Terminate Successful", "EC2 Instance Terminate Unsuccessful",
			"EC2 Auto Scaling Instance Refresh Succeeded", "EC2 Auto Scaling Instance Refresh Failed",
			"EC2 Auto Scaling Instance Refresh Cancelled"
		],
		"detail": {"AutoScalingGroupName": ["`+g.Find("aws:autoscaling/group:Group", "musicguru-group").Outputs["name"].StringValue()+`"]}
	}`, rule.Inputs["eventPattern"].StringValue())
	assert.Equal(t, map[string]any{"Stack": "dev", "Service": "musicguru"}, rule.Inputs["tags"].Mappable())
	assert.Equal(t, map[string]any{ // no role: the topic's policy lets EventBridge publish
		"rule": rule.Outputs["name"].StringValue(), "arn": arn,
		"inputTransformer": map[string]any{"inputPaths": paths, "inputTemplate": eventText},
	}, g.Find("EventTarget", "musicguru-events").Inputs.Mappable())
	var got []any
	for _, s := range g.OfType("TopicSubscription") {
		got = append(got, s.Inputs.Mappable())
	}
	assert.ElementsMatch(t, []any{
		map[string]any{"topic": arn, "protocol": "email", "endpoint": "ops@example.com"},
		map[string]any{"topic": arn, "protocol": "sms", "endpoint": "+14155550100"},
	}, got)
}

// A policy of one's own replaces the topic's, which lets alarms publish.
func TestAlarmsAndEventsOfTheAccountMayPublish(t *testing.T) {
	for _, partition := range []string{"aws", "aws-cn", "aws-us-gov"} {
		topic := "arn:" + partition + ":sns:eu-west-1:123456789012:alerts"
		policy, err := publishers(topic)
		require.NoError(t, err)
		assert.JSONEq(t, `{
			"Version": "2012-10-17",
			"Statement": [{
				"Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Action": "sns:Publish", "Resource": "`+topic+`",
				"Condition": {
					"ArnLike": {"aws:SourceArn": "arn:`+partition+`:cloudwatch:eu-west-1:123456789012:alarm:*"},
					"StringEquals": {"aws:SourceAccount": "123456789012"}
				}
			}, {
				"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", "Resource": "`+topic+`"
			}]
		}`, policy)
	}
	_, err := publishers("alerts")
	require.EqualError(t, err, `"alerts" is not an ARN`)
}

func TestEventsAreSentOnceTheTopicTakesThem(t *testing.T) {
	a := args()
	a.Notify = []Subscription{{"email", "ops@example.com"}}
	g, err := deploy(t, a)
	require.NoError(t, err)
	policy := g.Find("TopicPolicy", "musicguru-notify")
	topic := g.Find("Topic", "musicguru-notify")
	want, err := publishers(topic.Outputs["arn"].StringValue())
	require.NoError(t, err)
	assert.Equal(t, map[string]any{"arn": topic.Outputs["arn"].StringValue(), "policy": want}, policy.Inputs.Mappable())
	assert.Contains(t, g.Dependencies(g.Find("EventTarget", "musicguru-events")), policy)
}

func TestTopicIsForOthersToUse(t *testing.T) {
	a := args()
	a.Notify = []Subscription{{"email", "ops@example.com"}}
	arn := make(chan string, 1)
	g, err := graphtest.Run(t, graphtest.World{}, func(ctx *pulumi.Context) error {
		group, err := New(ctx, "musicguru", a)
		if err == nil {
			group.TopicARN.ApplyT(func(text string) string { arn <- text; return text })
		}
		return err
	})
	require.NoError(t, err)
	assert.Equal(t, g.OfType("Topic")[0].Outputs["arn"].StringValue(), <-arn)
}

// Names are shown and logged; and whoever else is on the list must not have to confirm again.
func TestSubscriptionsNamesHideAddressesAndDoNotDependOnTheOrder(t *testing.T) {
	names := func(list ...Subscription) []string {
		a := args()
		a.Notify = list
		g, err := deploy(t, a)
		require.NoError(t, err)
		var names []string
		for _, s := range g.OfType("TopicSubscription") {
			assert.True(t, strings.HasPrefix(s.Name, "musicguru-notify-email-"), s.Name)
			assert.NotContains(t, s.Name, "example")
			names = append(names, s.Name)
		}
		return names
	}
	one, two := Subscription{"email", "one@example.com"}, Subscription{"email", "two@example.com"}
	assert.Equal(t, names(one, two), names(two, one))
	assert.Subset(t, names(one, two), names(two))
	assert.NotEqual(t, names(one), names(two))
}
