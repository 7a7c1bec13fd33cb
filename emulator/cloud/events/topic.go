package events

import (
	"net/mail"
	"regexp"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// Topic is a topic of SNS. The emulator keeps the messages that are published to it and delivers them to no one.
type Topic struct {
	ARN           string
	Policy        string                  // document; "" stands for the policy that SNS gives a new topic
	Subscriptions map[string]Subscription // by ARN
}

// Subscription is a receiver of a topic's messages.
type Subscription struct{ Protocol, Endpoint string }

// topicName matches names of topics (API: CreateTopic).
var topicName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// CreateTopic creates a standard topic. If the topic exists, it stays as it is.
func (s *Store) CreateTopic(name string) (Topic, error) {
	topic := Topic{ARN: s.region.ARN("sns", name), Subscriptions: map[string]Subscription{}}
	if !topicName.MatchString(name) {
		return Topic{}, aws.Refuse("InvalidParameter", "Invalid parameter: Topic Name")
	}
	if s.Topics[topic.ARN] == nil {
		copied := topic
		s.Topics[topic.ARN] = &copied
	}
	return topic, nil
}

// DeleteTopic deletes a topic with its subscriptions.
func (s *Store) DeleteTopic(arn string) error {
	delete(s.Topics, arn)
	return nil
}

// Subscribe adds a subscription and returns its ARN.
func (s *Store) Subscribe(topic string, subscription Subscription) (string, error) {
	arn := topic + ":" + aws.UUID()
	found := s.Topics[topic]
	if found == nil {
		return "", aws.Refuse("NotFound", "Topic does not exist")
	}
	if err := subscription.check(); err != nil {
		return "", err
	}
	found.Subscriptions[arn] = subscription
	return arn, nil
}

// Unsubscribe deletes a subscription.
func (s *Store) Unsubscribe(topic, arn string) error {
	if found := s.Topics[topic]; found != nil {
		delete(found.Subscriptions, arn)
	}
	return nil
}

// NeedsConfirmation reports whether SNS delivers messages only after the receiver has confirmed the subscription.
func (u Subscription) NeedsConfirmation() bool {
	return slices.Contains([]string{"email", "email-json", "http", "https"}, u.Protocol)
}

// phone matches telephone numbers in the format E.164.
var phone = regexp.MustCompile(`^\+[1-9][0-9]{1,14}$`)

// check checks the endpoint as the protocol wants it (API: Subscribe).
func (u Subscription) check() error {
	wrong := func(what string) error {
		return aws.Refuse("InvalidParameter", "Invalid parameter: %s: %s", what, u.Endpoint)
	}
	prefixes := map[string]string{
		"http": "http://", "https": "https://", "sqs": "arn:aws:sqs:", "lambda": "arn:aws:lambda:", "firehose": "arn:aws:firehose:",
		"application": "arn:aws:sns:",
	}
	switch u.Protocol {
	case "email", "email-json":
		if address, err := mail.ParseAddress(u.Endpoint); err != nil || address.Address != u.Endpoint {
			return wrong("Email address")
		}
	case "sms":
		if !phone.MatchString(u.Endpoint) {
			return wrong("SMS endpoint")
		}
	default:
		prefix, known := prefixes[u.Protocol]
		if !known {
			return aws.Refuse("InvalidParameter", "Invalid parameter: Does not support this protocol string: %s", u.Protocol)
		}
		if !strings.HasPrefix(u.Endpoint, prefix) {
			return wrong("Endpoint must match the specified protocol " + u.Protocol)
		}
	}
	return nil
}

// IsTopic reports whether an ARN is that of a topic.
func IsTopic(arn string) bool { return strings.HasPrefix(arn, "arn:aws:sns:") }
