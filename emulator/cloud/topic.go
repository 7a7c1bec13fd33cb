package cloud

import (
	"encoding/json"
	"net/mail"
	"regexp"
	"slices"
	"strings"
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
func (c *Cloud) CreateTopic(name string) (Topic, error) {
	topic := Topic{ARN: c.ARN("sns", name), Subscriptions: map[string]Subscription{}}
	err := c.change(func(s *state) error {
		if !topicName.MatchString(name) {
			return refuse("InvalidParameter", "Invalid parameter: Topic Name")
		}
		if s.Topics[topic.ARN] == nil {
			copied := topic
			s.Topics[topic.ARN] = &copied
		}
		return nil
	})
	return topic, err
}

// DeleteTopic removes a topic with its subscriptions.
func (c *Cloud) DeleteTopic(arn string) error {
	return c.change(func(s *state) error {
		delete(s.Topics, arn)
		return nil
	})
}

// Subscribe adds a subscription.
func (c *Cloud) Subscribe(topic string, subscription Subscription) (string, error) {
	arn := topic + ":" + uuid()
	err := c.change(func(s *state) error {
		found := s.Topics[topic]
		if found == nil {
			return refuse("NotFound", "Topic does not exist")
		}
		if err := subscription.check(); err != nil {
			return err
		}
		found.Subscriptions[arn] = subscription
		return nil
	})
	return arn, err
}

// Unsubscribe removes a subscription.
func (c *Cloud) Unsubscribe(topic, arn string) error {
	return c.change(func(s *state) error {
		if found := s.Topics[topic]; found != nil {
			delete(found.Subscriptions, arn)
		}
		return nil
	})
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
		return refuse("InvalidParameter", "Invalid parameter: %s: %s", what, u.Endpoint)
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
			return refuse("InvalidParameter", "Invalid parameter: Does not support this protocol string: %s", u.Protocol)
		}
		if !strings.HasPrefix(u.Endpoint, prefix) {
			return wrong("Endpoint must match the specified protocol " + u.Protocol)
		}
	}
	return nil
}

// LogGroup is one of CloudWatch Logs.
type LogGroup struct {
	Name          string
	RetentionDays int // 0: for ever
}

var (
	logGroupName  = regexp.MustCompile(`^[.\-_/#A-Za-z0-9]{1,512}$`)
	logRetentions = []int{
		0, 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
	}
)

// CreateLogGroup makes a log group.
func (c *Cloud) CreateLogGroup(group LogGroup) error {
	return c.change(func(s *state) error {
		if s.LogGroups[group.Name] != nil {
			return refuse("ResourceAlreadyExistsException", "The specified log group already exists: %s", group.Name)
		}
		return s.putLogGroup(group)
	})
}

// UpdateLogGroup changes how long the logs are kept.
func (c *Cloud) UpdateLogGroup(group LogGroup) error {
	return c.change(func(s *state) error { return s.putLogGroup(group) })
}

func (s *state) putLogGroup(group LogGroup) error {
	switch {
	case !logGroupName.MatchString(group.Name):
		return refuse("InvalidParameterException", "1 validation error detected: Value '%s' at 'logGroupName' failed to satisfy "+
			"constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+", group.Name)
	case !slices.Contains(logRetentions, group.RetentionDays):
		return refuse("InvalidParameterException", "1 validation error detected: Value '%d' at 'retentionInDays' failed to satisfy "+
			"constraint: Member must satisfy enum value set: %v", group.RetentionDays, logRetentions[1:])
	}
	s.LogGroups[group.Name] = &group
	return nil
}

// DeleteLogGroup removes a log group.
func (c *Cloud) DeleteLogGroup(name string) error {
	return c.change(func(s *state) error {
		delete(s.LogGroups, name)
		return nil
	})
}

// CheckDashboard refuses a body that CloudWatch refuses: widgets of a known type within a grid of 24 columns (CloudWatch:
// "Dashboard body structure and syntax").
func CheckDashboard(body string) error {
	var dashboard struct {
		Widgets []struct {
			Type          string
			X, Y          int
			Width, Height int
			Properties    json.RawMessage
		}
	}
	wrong := func(message string) error {
		return refuse("InvalidParameterInput", "The dashboard body is invalid, there are 1 validation errors: %s", message)
	}
	if err := json.Unmarshal([]byte(body), &dashboard); err != nil {
		return wrong("the field DashboardBody must be a valid JSON object: " + err.Error())
	}
	kinds := []string{"metric", "text", "log", "alarm", "explorer"}
	for _, widget := range dashboard.Widgets {
		switch {
		case !slices.Contains(kinds, widget.Type):
			return wrong("the type of a widget is one of " + strings.Join(kinds, ", ") + ", not " + widget.Type)
		case widget.X < 0 || widget.Y < 0 || widget.X > 23 || widget.Width < 0 || widget.X+widget.Width > 24 || widget.Height > 1000:
			return wrong("a widget must lie within 24 columns")
		case len(widget.Properties) == 0:
			return wrong("should have required property 'properties'")
		}
	}
	return nil
}

// CreateFlowLog makes a flow log of a network or a subnet into a log group, written with a role.
func (c *Cloud) CreateFlowLog(vpc, subnet, group, role string) (string, error) {
	id := newID("fl")
	return id, c.change(func(s *state) error {
		switch {
		case vpc != "" && s.VPCs[vpc] == nil:
			return notFound("InvalidVpcId.NotFound", "vpc", vpc)
		case subnet != "" && s.Subnets[subnet] == nil:
			return notFound("InvalidSubnetId.NotFound", "subnet", subnet)
		case s.LogGroups[group] == nil:
			return refuse("InvalidParameter", "the log group '%s' does not exist", group)
		case s.Roles[role] == nil:
			return refuse("InvalidParameter", "DeliverLogsPermissionArn is required for log destination type cloud-watch-logs, and "+
				"must be a role's: '%s'", role)
		}
		return nil
	})
}
