package scaling

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/internal/graph"
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

func TestLaunchesTerminationsAndFailuresAreReported(t *testing.T) {
	a := args()
	a.Notify = []Subscription{{"email", "ops@example.com"}, {"sms", "+14155550100"}}
	g, err := deploy(t, a)
	require.NoError(t, err)
	topic := g.Find("Topic", "musicguru-notify")
	arn := topic.Outputs["arn"].StringValue()
	assert.Equal(t, map[string]any{ // no KMS key: alarms could not publish
		"tags": map[string]any{"Stack": "dev", "Service": "musicguru"},
	}, topic.Inputs.Mappable())
	assert.Equal(t, map[string]any{
		"topicArn":   arn,
		"groupNames": []any{g.Find("aws:autoscaling/group:Group", "musicguru-group").Outputs["name"].StringValue()},
		"notifications": []any{
			"autoscaling:EC2_INSTANCE_LAUNCH", "autoscaling:EC2_INSTANCE_LAUNCH_ERROR",
			"autoscaling:EC2_INSTANCE_TERMINATE", "autoscaling:EC2_INSTANCE_TERMINATE_ERROR",
		},
	}, g.Find("Notification", "musicguru-notifications").Inputs.Mappable())
	var got []any
	for _, s := range g.OfType("TopicSubscription") {
		got = append(got, s.Inputs.Mappable())
	}
	assert.ElementsMatch(t, []any{
		map[string]any{"topic": arn, "protocol": "email", "endpoint": "ops@example.com"},
		map[string]any{"topic": arn, "protocol": "sms", "endpoint": "+14155550100"},
	}, got)
}

func TestTopicIsForOthersToUse(t *testing.T) {
	a := args()
	a.Notify = []Subscription{{"email", "ops@example.com"}}
	arn := make(chan string, 1)
	g, err := graph.Run(t, graph.World{}, func(ctx *pulumi.Context) error {
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
