package cloud

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Notification is a message to an SNS topic. Nobody is told here: it is kept for people to look at.
type Notification struct {
	Time    time.Time
	Topic   string // ARN
	Subject string
	Message string // JSON, in the sender's format
	Lost    string // why the topic didn't take it; empty when it did
}

// notificationsKept is how many notifications are kept.
const notificationsKept = 200

// Notifications lists the messages that were sent, the oldest first.
func (c *Cloud) Notifications() []Notification {
	var all []Notification
	c.view(func(s *state) { all = slices.Clone(s.Notifications) })
	return all
}

func (s *state) publish(now time.Time, topic, subject string, message any) {
	s.keep(Notification{Time: now, Topic: topic, Subject: subject, Message: text(message)})
}

func (s *state) keep(n Notification) {
	s.Notifications = append(s.Notifications, n)
	s.Notifications = s.Notifications[max(0, len(s.Notifications)-notificationsKept):]
}

// text is a message of strings, numbers and what is made of them.
func text(message any) string {
	data, _ := json.Marshal(message)
	return string(data)
}

// publishAs publishes if the topic's policy lets the sender, and returns why not.
func (s *state) publishAs(from sender, now time.Time, topic, subject string, message any) (lost string) {
	found := s.Topics[topic]
	switch {
	case found == nil:
		lost = "Topic does not exist"
	case !found.takes(from):
		lost = fmt.Sprintf("Resource: %s is not authorized to perform: SNS:Publish on resource: %s", from.source, topic)
	}
	s.keep(Notification{Time: now, Topic: topic, Subject: subject, Message: text(message), Lost: lost})
	return lost
}

// notifyAlarm tells a topic of an alarm's new state, and returns what the alarm's history says of it.
func (c *Cloud) notifyAlarm(s *state, topic string, a *Alarm, before string, now time.Time) string {
	subject := fmt.Sprintf("%s: \"%s\" in %s", a.State, a.Spec.Name, s.region)
	lost := s.publishAs(alarmSender(a.ARN), now, topic, subject, map[string]any{
		"AlarmName": a.Spec.Name, "AlarmDescription": a.Spec.Description, "AlarmArn": a.ARN, "AWSAccountId": Account,
		"OldStateValue": before, "NewStateValue": a.State, "NewStateReason": a.Reason, "Region": s.region,
		"StateChangeTime": now.UTC().Format(time.RFC3339),
		"Trigger": map[string]any{
			"Namespace": a.Spec.Namespace, "MetricName": a.Spec.Metric, "Dimensions": a.Spec.Dimensions, "Statistic": a.Spec.Statistic,
			"Period": int(a.Spec.Period.Seconds()), "EvaluationPeriods": a.Spec.EvaluationPeriods,
			"DatapointsToAlarm": a.Spec.DatapointsToAlarm, "Threshold": a.Spec.Threshold, "ComparisonOperator": a.Spec.Comparison,
		},
	})
	if lost != "" {
		return fmt.Sprintf("Failed to execute action %s. Received error: %q", topic, lost)
	}
	return "Successfully executed action " + topic
}
