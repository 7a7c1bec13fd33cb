package cloud

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Notification is a message to an SNS topic. Nobody is told here: it is kept for people to look at.
type Notification struct {
	Time    time.Time
	Topic   string // ARN
	Subject string
	Message string // JSON, in the sender's format
}

// notificationsKept is how many notifications are kept.
const notificationsKept = 200

// The events that a group notifies of.
const (
	EventLaunch         = "autoscaling:EC2_INSTANCE_LAUNCH"
	EventLaunchError    = "autoscaling:EC2_INSTANCE_LAUNCH_ERROR"
	EventTerminate      = "autoscaling:EC2_INSTANCE_TERMINATE"
	EventTerminateError = "autoscaling:EC2_INSTANCE_TERMINATE_ERROR"
	EventTest           = "autoscaling:TEST_NOTIFICATION"
)

// Notifications lists the messages that were sent, the oldest first.
func (c *Cloud) Notifications() []Notification {
	var all []Notification
	c.view(func(s *state) { all = slices.Clone(s.Notifications) })
	return all
}

func (s *state) publish(now time.Time, topic, subject string, message map[string]any) {
	text, _ := json.Marshal(message) // of strings and numbers
	s.Notifications = append(s.Notifications, Notification{now, topic, subject, string(text)})
	s.Notifications = s.Notifications[max(0, len(s.Notifications)-notificationsKept):]
}

// PutNotifications tells a topic of a group's events (API: PutNotificationConfiguration). A test message is sent to it.
func (c *Cloud) PutNotifications(group, topic string, events []string) error {
	return c.change(func(s *state) error {
		g := s.Scaling[group]
		if g == nil {
			return refuse("ValidationError", "AutoScalingGroup name not found - %s", group)
		}
		if err := s.checkTopic(topic); err != nil {
			return err
		}
		known := []string{EventLaunch, EventLaunchError, EventTerminate, EventTerminateError, EventTest}
		for _, event := range events {
			if !slices.Contains(known, event) {
				return refuse("ValidationError", "\"%s\" is not a valid notification type", event)
			}
		}
		if g.Notify[topic] == nil && len(g.Notify) >= maxTopics {
			return tooMany("SNS topics", maxTopics)
		}
		if g.Notify == nil {
			g.Notify = map[string][]string{}
		}
		g.Notify[topic] = events
		now := c.clock.Now()
		s.publish(now, topic, fmt.Sprintf("Auto Scaling: test notification for group \"%s\"", group), map[string]any{
			"AccountId": Account, "AutoScalingGroupName": group, "AutoScalingGroupARN": g.ARN, "Event": EventTest,
			"Time": now.UTC().Format(time.RFC3339),
		})
		return nil
	})
}

// checkTopic wants the ARN of a topic that exists.
func (s *state) checkTopic(topic string) error {
	if s.Topics[topic] == nil {
		return refuse("ValidationError", "Unable to publish test message to notification target %s. The topic does not exist.", topic)
	}
	return nil
}

// DeleteNotifications stops telling a topic of a group's events.
func (c *Cloud) DeleteNotifications(group, topic string) error {
	return c.change(func(s *state) error {
		if g := s.Scaling[group]; g != nil {
			delete(g.Notify, topic)
		}
		return nil
	})
}

// eventOf is the event of a finished activity.
func eventOf(a Activity) string {
	launch := strings.HasPrefix(a.Description, "Launching")
	switch {
	case launch && a.Status == "Successful":
		return EventLaunch
	case launch:
		return EventLaunchError
	case a.Status == "Successful":
		return EventTerminate
	}
	return EventTerminateError
}

var eventWords = map[string]string{
	EventLaunch: "launch", EventLaunchError: "failed launch", EventTerminate: "termination", EventTerminateError: "failed termination",
}

// tell sends a finished activity to the topics that want to know.
func (s *state) tell(g *Group, event string, a Activity) {
	for _, topic := range keys(g.Notify) {
		if !slices.Contains(g.Notify[topic], event) {
			continue
		}
		subject := fmt.Sprintf("Auto Scaling: %s for group \"%s\"", eventWords[event], g.Spec.Name)
		s.publish(a.End, topic, subject, map[string]any{
			"AccountId": Account, "AutoScalingGroupName": g.Spec.Name, "AutoScalingGroupARN": g.ARN, "Event": event,
			"EC2InstanceId": a.Instance, "Description": a.Description, "Cause": a.Cause, "StatusCode": a.Status,
			"StatusMessage": a.Message, "StartTime": a.Start.UTC().Format(time.RFC3339), "EndTime": a.End.UTC().Format(time.RFC3339),
		})
	}
}

// notifyAlarm tells a topic of an alarm's new state.
func (c *Cloud) notifyAlarm(s *state, topic string, a *Alarm, before string, now time.Time) {
	subject := fmt.Sprintf("%s: \"%s\" in %s", a.State, a.Spec.Name, c.region)
	s.publish(now, topic, subject, map[string]any{
		"AlarmName": a.Spec.Name, "AlarmDescription": a.Spec.Description, "AlarmArn": a.ARN, "AWSAccountId": Account,
		"OldStateValue": before, "NewStateValue": a.State, "NewStateReason": a.Reason, "Region": c.region,
		"StateChangeTime": now.UTC().Format(time.RFC3339),
		"Trigger": map[string]any{
			"Namespace": a.Spec.Namespace, "MetricName": a.Spec.Metric, "Dimensions": a.Spec.Dimensions, "Statistic": a.Spec.Statistic,
			"Period": int(a.Spec.Period.Seconds()), "EvaluationPeriods": a.Spec.EvaluationPeriods,
			"DatapointsToAlarm": a.Spec.DatapointsToAlarm, "Threshold": a.Spec.Threshold, "ComparisonOperator": a.Spec.Comparison,
		},
	})
}
