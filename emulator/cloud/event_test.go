package cloud_test

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/cloud/events"
)

// open is the policy of a topic that takes what EventBridge sends.
func open(topic string) string {
	return `{"Statement":[{"Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"sns:Publish",` +
		`"Resource":"` + topic + `"}]}`
}

// told makes a topic that is told of what matches a pattern.
func (w *world) told(pattern string) string {
	w.t.Helper()
	topic := must(w.Events.CreateTopic("alerts"))(w.t).ARN
	require.NoError(w.t, w.Events.SetTopicPolicy(topic, open(topic)))
	must(w.Events.PutRule("events", pattern, false))(w.t)
	require.NoError(w.t, w.Events.PutTarget("events", "topic", events.Target{Topic: topic}))
	return topic
}

const ofTheGroup = `{"source":["aws.autoscaling"],"detail":{"AutoScalingGroupName":["` + group + `"]}}`

// event is one as its receivers read it.
type event struct {
	Version, ID, Source, Account, Region string
	DetailType                           string `json:"detail-type"`
	Time                                 time.Time
	Resources                            []string
	Detail                               map[string]any
}

// events reads those that reached their topic.
func (w *world) events() []event {
	w.t.Helper()
	var all []event
	for _, n := range w.Events.ListNotifications() {
		if n.Lost != "" {
			continue
		}
		assert.Equal(w.t, "AWS Notification Message", n.Subject)
		var e event
		require.NoError(w.t, json.Unmarshal([]byte(n.Message), &e))
		all = append(all, e)
	}
	return all
}

func (w *world) eventTypes() []string {
	var types []string
	for _, e := range w.events() {
		types = append(types, e.DetailType)
	}
	return types
}

func TestAGroupsLaunchesAndTerminationsAreEvents(t *testing.T) {
	w := newWorld(t)
	w.told(ofTheGroup)
	must(w.AutoScaling.CreateGroup(w.spec(1, 2), w.Now()))(t)
	w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 1 })
	first := w.members()[0]
	require.NoError(t, w.EC2.TerminateInstance(first.ID))
	w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 1 })
	require.NoError(t, w.EC2.DeleteLaunchTemplate(w.template))
	require.NoError(t, w.EC2.TerminateInstance(w.members()[0].ID))
	w.pass(30 * time.Second)
	assert.Equal(t, []string{
		autoscaling.EventLaunch, autoscaling.EventLaunch, autoscaling.EventTerminate, autoscaling.EventLaunchError, autoscaling.EventTerminate,
	}, w.eventTypes())

	g, _ := w.AutoScaling.Group(group)
	sent := w.events()
	launch, failed, gone := sent[0], sent[3], sent[2]
	assert.Equal(t, []string{"0", "aws.autoscaling", aws.Account, "us-east-1"},
		[]string{launch.Version, launch.Source, launch.Account, launch.Region})
	assert.Regexp(t, `^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`, launch.ID)
	assert.WithinDuration(t, g.Activities[0].End, launch.Time, time.Second)
	assert.Equal(t, []string{g.ARN, "arn:aws:ec2:us-east-1:" + aws.Account + ":instance/" + first.ID}, launch.Resources)
	id := launch.Detail["ActivityId"]
	assert.NotEmpty(t, id)
	assert.Equal(t, map[string]any{
		"StatusCode": "InProgress", "StatusMessage": "", "AutoScalingGroupName": group, "ActivityId": id, "RequestId": id,
		"Description": "Launching a new EC2 instance: " + first.ID, "Cause": g.Activities[0].Cause, "EC2InstanceId": first.ID,
		"Details":   map[string]any{"Availability Zone": first.Zone, "Subnet ID": first.Subnet},
		"StartTime": g.Activities[0].Start.Format(time.RFC3339), "EndTime": g.Activities[0].End.Format(time.RFC3339),
		"Origin": "EC2", "Destination": "AutoScalingGroup",
	}, launch.Detail)
	assert.Equal(t, []any{"AutoScalingGroup", "EC2", first.ID},
		[]any{gone.Detail["Origin"], gone.Detail["Destination"], gone.Detail["EC2InstanceId"]})
	assert.Equal(t, "Failed", failed.Detail["StatusCode"])
	assert.Contains(t, failed.Detail["StatusMessage"], "Launching EC2 instance failed.")
	assert.Equal(t, []string{g.ARN}, failed.Resources, "no instance came of it")
}

func TestTheEndOfAnInstanceRefreshIsAnEvent(t *testing.T) {
	w := newWorld(t)
	w.told(`{"detail-type":["` + strings.Join([]string{
		autoscaling.EventRefreshStarted, autoscaling.EventRefreshSucceeded, autoscaling.EventRefreshFailed, autoscaling.EventRefreshCancelled,
	}, `","`) + `"]}`)
	w.start(2, 3)
	release := func(script string) {
		template := must(w.EC2.UpdateLaunchTemplate(w.template, w.templateData(script), true))(t)
		spec := w.spec(2, 3)
		spec.Version = strconv.Itoa(template.Latest())
		require.NoError(t, w.AutoScaling.UpdateGroup(spec, true, w.Now()))
	}
	ended := func() bool {
		g, _ := w.AutoScaling.Group(group)
		return !g.Refreshes[len(g.Refreshes)-1].End.IsZero()
	}
	release("two")
	w.pass(10 * time.Second)
	release("three")
	w.within(30*time.Minute, ended)
	release("broken")
	w.within(2*time.Hour, func() bool {
		for _, i := range w.members() {
			if i.Version == 4 {
				w.health[i.ID] = errRefused
			}
		}
		return ended()
	})
	release("five")
	w.pass(10 * time.Second)
	require.NoError(t, w.AutoScaling.DeleteGroup(group, w.Now()))
	g, _ := w.AutoScaling.Group(group)
	assert.Equal(t, []string{
		autoscaling.EventRefreshStarted, autoscaling.EventRefreshCancelled,
		autoscaling.EventRefreshStarted, autoscaling.EventRefreshSucceeded,
		autoscaling.EventRefreshStarted, autoscaling.EventRefreshFailed,
		autoscaling.EventRefreshStarted, autoscaling.EventRefreshCancelled,
	}, w.eventTypes())
	for i, e := range w.events() {
		assert.Equal(t, map[string]any{"AutoScalingGroupName": group, "InstanceRefreshId": g.Refreshes[i/2].ID}, e.Detail)
		assert.Equal(t, []string{g.ARN}, e.Resources)
	}
}

func TestEventsGoWhereTheirRulesSendThem(t *testing.T) {
	for name, c := range map[string]struct {
		pattern string
		is      bool
	}{
		"of one kind":                      {`{"detail-type":["EC2 Instance Launch Successful"]}`, true},
		"of one of two kinds":              {`{"detail-type":["x","EC2 Instance Launch Successful"]}`, true},
		"of another kind":                  {`{"detail-type":["EC2 Instance Terminate Successful"]}`, false},
		"of another group":                 {`{"source":["aws.autoscaling"],"detail":{"AutoScalingGroupName":["other"]}}`, false},
		"of another service":               {`{"source":["aws.ec2"]}`, false},
		"with one of its resources":        {`{"resources":["x","GROUP"]}`, true},
		"with a field that isn't there":    {`{"detail":{"Nothing":["x"]}}`, false},
		"with null for what isn't there":   {`{"detail":{"Nothing":[null]}}`, false},
		"with an object for a text":        {`{"source":{"name":["aws.autoscaling"]}}`, false},
		"with a text for an object":        {`{"detail":["x"]}`, false},
		"with a number for a text":         {`{"version":[0]}`, false},
		"two levels down":                  {`{"detail":{"Details":{"Availability Zone":["us-east-1a","us-east-1b"]}}}`, true},
		"two levels down, of another zone": {`{"detail":{"Details":{"Availability Zone":["us-east-1c"]}}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			arn := must(w.AutoScaling.CreateGroup(w.spec(1, 1), w.Now()))(t).ARN
			w.told(strings.ReplaceAll(c.pattern, "GROUP", arn))
			w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 1 })
			if c.is {
				assert.Equal(t, []string{autoscaling.EventLaunch}, w.eventTypes())
			} else {
				assert.Empty(t, w.Events.ListNotifications())
			}
		})
	}
}

func TestADisabledRuleSendsNothing(t *testing.T) {
	w := newWorld(t)
	w.told(ofTheGroup)
	must(w.Events.PutRule("events", ofTheGroup, true))(t)
	w.start(1, 1)
	assert.Empty(t, w.Events.ListNotifications())
	must(w.Events.PutRule("events", ofTheGroup, false))(t)
	require.NoError(t, w.EC2.TerminateInstance(w.members()[0].ID))
	w.within(time.Minute, func() bool { return w.AutoScaling.Capacity(group) == 1 })
	assert.Contains(t, w.eventTypes(), autoscaling.EventLaunch, "its targets are still there")
	assert.Contains(t, w.Left(), "event rule events")
	require.NoError(t, w.Events.DeleteTarget("events", "topic"))
	require.NoError(t, w.Events.DeleteRule("events"))
	assert.NotContains(t, w.Left(), "event rule events")
}

// statement is a policy of one statement with these fields replaced.
func statement(topic, fields string) string {
	return `{"Statement":[{"Effect":"Allow","Action":"SNS:Publish","Resource":"` + topic + `",` + fields + `}]}`
}

func TestATopicTakesWhatItsPolicyLets(t *testing.T) {
	const alarms = "arn:aws:cloudwatch:us-east-1:" + aws.Account + ":alarm:*"
	service := func(name, condition string) string {
		return fmt.Sprintf(`"Principal":{"Service":%q},"Condition":{%s}`, name+".amazonaws.com", condition)
	}
	for name, c := range map[string]struct {
		fields        string // of the statement; empty for the policy that a topic has by itself
		event, alarms bool
	}{
		"its own policy":               {"", false, true},
		"one for EventBridge":          {service("events", ""), true, false},
		"one for CloudWatch":           {service("cloudwatch", ""), false, true},
		"one for both":                 {`"Principal":{"Service":["events.amazonaws.com","cloudwatch.amazonaws.com"]}`, true, true},
		"one for all":                  {`"Principal":"*"`, true, true},
		"one for the account's alarms": {service("cloudwatch", `"ArnLike":{"aws:SourceArn":"`+alarms+`"}`), false, true},
		"one for another's alarms":     {service("cloudwatch", `"StringEquals":{"aws:SourceAccount":["1","2"]}`), false, false},
		"one for the account":          {service("cloudwatch", `"StringEquals":{"AWS:SourceAccount":"`+aws.Account+`"}`), false, true},
		"wildcards where none are":     {service("cloudwatch", `"StringEquals":{"aws:SourceArn":"`+alarms+`"}`), false, false},
		"a condition for EventBridge":  {service("events", `"StringLike":{"aws:SourceArn":"*"}`), false, false},
		"another action":               {`"Principal":"*","Action":"sns:Subscribe"`, false, false},
		"another topic":                {`"Principal":"*","Resource":"arn:aws:sns:us-east-1:123456789012:other"`, false, false},
		"a denial": {
			`"Principal":"*"},{"Effect":"Deny","Action":"sns:*","Resource":"*",` + service("events", ""), false, true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			topic := w.told(ofTheGroup)
			if c.fields != "" {
				require.NoError(t, w.Events.SetTopicPolicy(topic, statement(topic, c.fields)))
			} else {
				require.NoError(t, w.Events.ResetTopicPolicy(topic))
			}
			w.start(2, 2)
			must(w.CloudWatch.PutAlarm(w.healthAlarm("HealthyHostCount", cloudwatch.Less, 2, topic), w.Now()))(t)
			w.within(10*time.Minute, func() bool { return w.alarm("HealthyHostCount").State == "OK" })
			sent := w.Events.ListNotifications()
			require.Len(t, sent, 3)
			if c.event {
				assert.Empty(t, sent[0].Lost)
			} else {
				assert.Equal(t, "Resource: arn:aws:events:us-east-1:"+aws.Account+":rule/events is not authorized to perform: SNS:Publish on "+
					"resource: "+topic, sent[0].Lost)
			}
			history := w.alarm("HealthyHostCount").History
			if c.alarms {
				assert.Empty(t, sent[2].Lost)
				assert.Equal(t, "Successfully executed action "+topic, history[len(history)-1].Reason)
			} else {
				assert.Contains(t, sent[2].Lost, "is not authorized to perform: SNS:Publish")
				assert.Contains(t, history[len(history)-1].Reason, "Failed to execute action "+topic)
			}
		})
	}
}

func TestWhatIsSentToATopicThatIsGoneIsLost(t *testing.T) {
	w := newWorld(t)
	topic := w.told(ofTheGroup)
	require.NoError(t, w.Events.DeleteTopic(topic))
	w.start(1, 1)
	require.Len(t, w.Events.ListNotifications(), 1)
	assert.Equal(t, "Topic does not exist", w.Events.ListNotifications()[0].Lost)
}

const (
	putRule    = "EventBridge API: PutRule"
	putTargets = "EventBridge API: PutTargets"
	patternsOf = "EventBridge User Guide: Creating Amazon EventBridge event patterns"
	attributes = "SNS API: SetTopicAttributes"
)

func eventRefusals(t *testing.T) refusals[*world] {
	rule := func(name, pattern string) func(*world) error {
		return func(w *world) error { _, err := w.Events.PutRule(name, pattern, false); return err }
	}
	pattern := func(text string) func(*world) error { return rule("r", text) }
	target := func(rule, id, arn string) func(*world) error {
		return func(w *world) error {
			w.told(ofTheGroup)
			return w.Events.PutTarget(rule, id, events.Target{Topic: arn})
		}
	}
	const topic = "arn:aws:sns:us-east-1:123456789012:alerts"
	policy := func(document string) func(*world) error {
		return func(w *world) error {
			return w.Events.SetTopicPolicy(must(w.Events.CreateTopic("alerts"))(t).ARN, document)
		}
	}
	transformed := func(paths map[string]string, template string) func(*world) error {
		return func(w *world) error {
			topic := must(w.Events.CreateTopic("topic"))(w.t).ARN
			must(w.Events.PutRule("transformed", `{"source":["a"]}`, false))(w.t)
			return w.Events.PutTarget("transformed", "t", events.Target{
				Topic: topic, Transformer: &events.Transformer{Paths: paths, Template: template},
			})
		}
	}
	return refusals[*world]{
		"a template with a value that has no path": {"ValidationException", "EventBridge User Guide: Input transformation",
			transformed(nil, `"<who>"`)},
		"a value of a template whose name begins with AWS": {"ValidationException", "EventBridge API: InputTransformer",
			transformed(map[string]string{"awsome": "$.a"}, `"x"`)},
		"a template that is not lines in quotes": {"ValidationException", emulatorsOwn, transformed(nil, `{"a": 1}`)},
		"a path of an event with brackets": {"ValidationException", emulatorsOwn,
			transformed(map[string]string{"a": "$.a[0]"}, `"<a>"`)},
		"a rule's name with a space":                   {"ValidationException", putRule, rule("a b", ofTheGroup)},
		"a rule's name of 65 characters":               {"ValidationException", putRule, rule(strings.Repeat("a", 65), ofTheGroup)},
		"a rule without a pattern":                     {"ValidationException", putRule, pattern("")},
		"a pattern that is not JSON":                   {"InvalidEventPatternException", putRule, pattern(`{"source":`)},
		"a pattern that is a list":                     {"InvalidEventPatternException", patternsOf, pattern(`["aws.autoscaling"]`)},
		"a pattern with text after it":                 {"InvalidEventPatternException", putRule, pattern(ofTheGroup + "{}")},
		"a pattern that is null":                       {"InvalidEventPatternException", patternsOf, pattern(`null`)},
		"an empty pattern":                             {"InvalidEventPatternException", patternsOf, pattern(`{}`)},
		"a pattern with an empty list":                 {"InvalidEventPatternException", patternsOf, pattern(`{"source":[]}`)},
		"a pattern with an empty object":               {"InvalidEventPatternException", patternsOf, pattern(`{"detail":{}}`)},
		"a pattern with a value that is not in a list": {"InvalidEventPatternException", patternsOf, pattern(`{"source":"aws.autoscaling"}`)},
		"a pattern with a list within a list":          {"InvalidEventPatternException", patternsOf, pattern(`{"source":[["aws.autoscaling"]]}`)},
		"a pattern with a prefix":                      {"InvalidEventPatternException", emulatorsOwn, pattern(`{"source":[{"prefix":"aws."}]}`)},
		"a pattern with alternatives of fields": {"InvalidEventPatternException", emulatorsOwn,
			pattern(`{"$or":[{"source":["a"]},{"source":["b"]}]}`)},
		"a target of a rule that does not exist": {"ResourceNotFoundException", putTargets, target("other", "topic", topic)},
		"a target's ID with a space":             {"ValidationException", putTargets, target("events", "a b", topic)},
		"a rule's target that is not a topic": {"ValidationException", emulatorsOwn,
			target("events", "queue", "arn:aws:sqs:us-east-1:123456789012:q")},
		"a sixth target of a rule": {"LimitExceededException", "EventBridge User Guide: Amazon EventBridge quotas", func(w *world) error {
			w.told(ofTheGroup)
			return upTo(t, 4, func(n int) error { return w.Events.PutTarget("events", strconv.Itoa(n), events.Target{Topic: topic}) })
		}},
		"deleting a rule with targets": {"ValidationException", "EventBridge API: DeleteRule", func(w *world) error {
			w.told(ofTheGroup)
			return w.Events.DeleteRule("events")
		}},
		"a policy for a topic that does not exist": {"NotFound", attributes, func(w *world) error {
			return w.Events.SetTopicPolicy(topic, open(topic))
		}},
		"an empty policy of a topic":          {"InvalidParameter", attributes, policy("")},
		"a topic's policy that is not JSON":   {"InvalidParameter", attributes, policy("yes")},
		"a topic's policy without statements": {"InvalidParameter", attributes, policy(`{"Statement":[]}`)},
		"a topic's policy with another effect": {"InvalidParameter", attributes,
			policy(statement(topic, `"Principal":"*","Effect":"Maybe"`))},
		"a topic's policy without a principal": {"InvalidParameter", attributes, policy(statement(topic, `"Sid":"nobody"`))},
		"a topic's policy without a resource": {"InvalidParameter", attributes,
			policy(statement(topic, `"Principal":"*","Resource":[]`))},
		"a topic's policy with an action of another service": {"InvalidParameter", attributes,
			policy(statement(topic, `"Principal":"*","Action":"sqs:SendMessage"`))},
		"a topic's policy with NotPrincipal": {"InvalidParameter", emulatorsOwn, policy(statement(topic, `"NotPrincipal":"*"`))},
		"a topic's policy with a condition operator that the emulator does not know": {"InvalidParameter", emulatorsOwn,
			policy(statement(topic, `"Principal":"*","Condition":{"Bool":{"aws:SecureTransport":"true"}}`))},
	}
}

func TestWhatAWSRefusesOfEventsIsRefused(t *testing.T) {
	for name, c := range eventRefusals(t) {
		t.Run(name, func(t *testing.T) { refused(t, c.code, c.try(newWorld(t))) })
	}
}

func TestARefusedChangeOfARuleOrAPolicyLeavesTheOldOne(t *testing.T) {
	w := newWorld(t)
	topic := w.told(ofTheGroup)
	_, err := w.Events.PutRule("events", `{}`, true)
	refused(t, "InvalidEventPatternException", err)
	refused(t, "InvalidParameter", w.Events.SetTopicPolicy(topic, "{}"))
	w.start(1, 1)
	assert.Equal(t, []string{autoscaling.EventLaunch}, w.eventTypes())
}

func TestATransformerMakesTextForPeople(t *testing.T) {
	w := newWorld(t)
	w.told(`{"source":["aws.autoscaling"]}`)
	topic := w.Events.Rules["events"].Targets["topic"].Topic
	require.NoError(t, w.Events.PutTarget("events", "topic", events.Target{Topic: topic, Transformer: &events.Transformer{
		Paths:    map[string]string{"type": "$.detail-type", "group": "$.detail.AutoScalingGroupName", "refresh": "$.detail.InstanceRefreshId"},
		Template: `"<type>: <group><refresh>"` + "\n" + `"\"quoted\""`,
	}}))
	w.Events.Send(w.Now(), events.Event{
		Source: "aws.autoscaling", DetailType: "EC2 Instance Launch Successful", Detail: map[string]any{"AutoScalingGroupName": "web"},
	})
	sent := w.Events.ListNotifications()
	assert.Equal(t, "EC2 Instance Launch Successful: web\n\"quoted\"", sent[len(sent)-1].Message)
}
