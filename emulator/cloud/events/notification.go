package events

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

// ListNotifications lists the messages that were sent, the oldest first.
func (s *Store) ListNotifications() []Notification {
	var all []Notification
	all = slices.Clone(s.Notifications)
	return all
}

func (s *Store) Publish(now time.Time, topic, subject string, message any) {
	s.addNotification(Notification{Time: now, Topic: topic, Subject: subject, Message: text(message)})
}

func (s *Store) addNotification(n Notification) {
	s.Notifications = append(s.Notifications, n)
	s.Notifications = s.Notifications[max(0, len(s.Notifications)-notificationsKept):]
}

// text is a message of strings, numbers and what is made of them.
func text(message any) string {
	data, _ := json.Marshal(message)
	return string(data)
}

// PublishAs publishes if the topic's policy lets the sender, and returns why not.
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
