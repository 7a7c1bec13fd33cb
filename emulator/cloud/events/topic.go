package events

import (
	"net/mail"
	"regexp"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// Topic is one of SNS. What is sent to it is kept, and delivered to nobody.
type Topic struct {
	ARN           string
	Policy        string                  // document; empty: the one that SNS gives a new topic
	Subscriptions map[string]Subscription // by ARN
}

// Subscription is who gets a topic's messages.
type Subscription struct{ Protocol, Endpoint string }

var topicName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// CreateTopic makes a standard topic; one that exists is returned as it is.
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

// DeleteTopic removes a topic with its subscriptions.
func (s *Store) DeleteTopic(arn string) error {
	delete(s.Topics, arn)
	return nil
}

// Subscribe adds a subscription.
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

// Unsubscribe removes a subscription.
func (s *Store) Unsubscribe(topic, arn string) error {
	if found := s.Topics[topic]; found != nil {
		delete(found.Subscriptions, arn)
	}
	return nil
}

// NeedsConfirmation reports whether nothing is delivered before the receiver agrees.
func (u Subscription) NeedsConfirmation() bool {
	return slices.Contains([]string{"email", "email-json", "http", "https"}, u.Protocol)
}

// phone is E.164.
var phone = regexp.MustCompile(`^\+[1-9][0-9]{1,14}$`)

// check holds what the protocols want of their endpoints (API: Subscribe).
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
