package events

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Notification is a message to an SNS topic. The emulator keeps it for people to look at and delivers it to no one.
type Notification struct {
	Time    time.Time
	Topic   string // ARN
	Subject string
	Message string // JSON in the sender's format
	Lost    string // why the topic did not accept it, or ""
}

// notificationsKept is how many notifications are kept.
const notificationsKept = 200

// ListNotifications returns the messages that were sent, the oldest first.
func (s *Store) ListNotifications() []Notification {
	return slices.Clone(s.Notifications)
}

// Publish sends a message to a topic, whatever its policy.
func (s *Store) Publish(now time.Time, topic, subject string, message any) {
	s.addNotification(Notification{Time: now, Topic: topic, Subject: subject, Message: text(message)})
}

// addNotification adds a message and drops the oldest beyond the limit.
func (s *Store) addNotification(n Notification) {
	s.Notifications = append(s.Notifications, n)
	s.Notifications = s.Notifications[max(0, len(s.Notifications)-notificationsKept):]
}

// text returns text as it is, and a message of strings, numbers and what is made of them as JSON.
func text(message any) string {
	if plain, is := message.(string); is {
		return plain
	}
	data, _ := json.Marshal(message)
	return string(data)
}

// PublishAs sends a message to a topic if the topic's policy allows the sender. Otherwise it returns why the message is
// lost.
func (s *Store) PublishAs(from sender, now time.Time, topic, subject string, message any) (lost string) {
	found := s.Topics[topic]
	switch {
	case found == nil:
		lost = "Topic does not exist"
	case !found.allows(from):
		lost = fmt.Sprintf("Resource: %s is not authorized to perform: SNS:Publish on resource: %s", from.source, topic)
	}
	s.addNotification(Notification{Time: now, Topic: topic, Subject: subject, Message: text(message), Lost: lost})
	return lost
}
