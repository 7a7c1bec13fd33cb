package events

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/iam"
)

type sender struct {
	service string            // principal
	source  string            // ARN of the alarm or rule on whose behalf it publishes
	context map[string]string // condition key in lower case → value
}

// AlarmSender returns CloudWatch as a sender on behalf of an alarm.
func AlarmSender(arn string) sender {
	return sender{"cloudwatch.amazonaws.com", arn, map[string]string{
		"aws:sourcearn": arn, "aws:sourceaccount": aws.Account, "aws:sourceowner": aws.Account,
	}}
}

// eventSender returns EventBridge as a sender on behalf of a rule. It meets no condition (EventBridge User Guide:
// "Using resource-based policies for Amazon EventBridge": "You can't use Condition blocks in Amazon SNS topic policies
// for EventBridge").
func eventSender(rule string) sender { return sender{"events.amazonaws.com", rule, nil} }

// grant is a statement of a topic's policy.
type grant struct {
	Effect    string
	Principal principal
	Action    iam.Patterns
	Resource  iam.Patterns
	Condition map[string]map[string]iam.Patterns // values by operator and key

	NotPrincipal, NotAction, NotResource json.RawMessage
}

// principal holds the principals of a statement by kind: AWS, Service.
type principal map[string]iam.Patterns

func (p *principal) UnmarshalJSON(data []byte) error {
	var everybody string
	if err := json.Unmarshal(data, &everybody); err == nil {
		*p = principal{"AWS": {everybody}}
		return nil
	}
	return json.Unmarshal(data, (*map[string]iam.Patterns)(p))
}

// includes reports whether a service is a principal. The wildcard under AWS includes services, which is how the default
// policy of a topic lets alarms publish.
func (p principal) includes(service string) bool {
	return slices.Contains(p["AWS"], "*") || slices.Contains(p["Service"], service)
}

// operators are the condition operators that the emulator knows. They compare with wildcards, or are the same without.
var operators = []string{"StringEquals", "StringLike", "ArnEquals", "ArnLike"}

// SetTopicPolicy replaces the policy of a topic (API: SetTopicAttributes).
func (s *Store) SetTopicPolicy(topic, document string) error {
	found := s.Topics[topic]
	if found == nil {
		return aws.Refuse("NotFound", "Topic does not exist")
	}
	grants, err := parseGrants(document)
	if err != nil {
		return err
	}
	for _, g := range grants {
		if err := g.check(); err != nil {
			return err
		}
	}
	found.Policy = document
	return nil
}

// ResetTopicPolicy gives a topic its default policy again. A topic always has a policy.
func (s *Store) ResetTopicPolicy(topic string) error {
	if found := s.Topics[topic]; found != nil {
		found.Policy = ""
	}
	return nil
}

// parseGrants reads the statements of a topic's policy.
func parseGrants(document string) ([]grant, error) {
	var policy struct{ Statement []grant }
	if err := json.Unmarshal([]byte(document), &policy); err != nil || len(policy.Statement) == 0 {
		return nil, aws.Refuse("InvalidParameter", "Invalid parameter: Policy Error: it is no JSON document with statements")
	}
	return policy.Statement, nil
}

// check refuses a statement that SNS refuses or that the emulator does not know.
func (g grant) check() error {
	switch {
	case g.NotPrincipal != nil, g.NotAction != nil, g.NotResource != nil:
		return aws.Refuse("InvalidParameter", "the emulator does not know NotPrincipal, NotAction and NotResource in a topic's policy")
	case g.Effect != "Allow" && g.Effect != "Deny":
		return aws.Refuse("InvalidParameter", "Invalid parameter: Policy Error: an effect is Allow or Deny, not %q", g.Effect)
	case len(g.Principal) == 0:
		return aws.Refuse("InvalidParameter", "Invalid parameter: Policy Error: a statement needs a principal")
	case len(g.Resource) == 0:
		return aws.Refuse("InvalidParameter", "Invalid parameter: Policy Error: a statement needs a resource")
	case len(g.Action) == 0 || slices.ContainsFunc(g.Action, func(a string) bool { return !strings.HasPrefix(strings.ToLower(a), "sns:") }):
		return aws.Refuse("InvalidParameter", "Invalid parameter: Policy statement action out of service scope!")
	}
	for operator := range maps.Keys(g.Condition) {
		if !slices.Contains(operators, operator) {
			return aws.Refuse("InvalidParameter", "the emulator does not know the condition operator %q: it knows %v", operator, operators)
		}
	}
	return nil
}

// allows decides by the topic's policy: an explicit deny wins, and what no statement allows is denied.
func (t *Topic) allows(from sender) bool {
	document := t.Policy
	if document == "" {
		document = t.ownPolicy()
	}
	grants, err := parseGrants(document)
	if err != nil {
		return false // invalid documents were refused
	}
	allowed := false
	for _, g := range grants {
		if !g.covers(t.ARN, from) {
			continue
		}
		if g.Effect == "Deny" {
			return false
		}
		allowed = true
	}
	return allowed
}

// ownPolicy returns the policy that SNS gives a new topic: the account may publish.
func (t *Topic) ownPolicy() string {
	return text(map[string]any{"Statement": []any{map[string]any{
		"Effect": "Allow", "Principal": map[string]any{"AWS": "*"}, "Action": "SNS:Publish", "Resource": t.ARN,
		"Condition": map[string]any{"StringEquals": map[string]any{"AWS:SourceOwner": aws.Account}},
	}}})
}

// covers reports whether a statement applies to a sender that publishes.
func (g grant) covers(topic string, from sender) bool {
	actions := iam.Patterns{}
	for _, action := range g.Action {
		actions = append(actions, strings.ToLower(action))
	}
	if !g.Principal.includes(from.service) || !actions.Match("sns:publish") || !g.Resource.Match(topic) {
		return false
	}
	for operator, keys := range g.Condition {
		for key, values := range keys {
			value, known := from.context[strings.ToLower(key)]
			if !known || operator == "StringEquals" && !slices.Contains(values, value) || !values.Match(value) {
				return false
			}
		}
	}
	return true
}
