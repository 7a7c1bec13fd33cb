package events

import (
	"encoding/json"
	"regexp"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// Event is an event of the default bus of EventBridge.
type Event struct {
	Version    string         `json:"version"`
	ID         string         `json:"id"`
	DetailType string         `json:"detail-type"`
	Source     string         `json:"source"`
	Account    string         `json:"account"`
	Time       string         `json:"time"`
	Region     string         `json:"region"`
	Resources  []string       `json:"resources"`
	Detail     map[string]any `json:"detail"`
}

// Rule sends the events that match its pattern to its targets.
type Rule struct {
	Name     string
	ARN      string
	Pattern  string // JSON
	Disabled bool
	Targets  map[string]Target // by their IDs
}

// Target is where a rule sends events.
type Target struct {
	Topic       string       // its ARN
	Transformer *Transformer // nil: the whole event
}

// eventName matches the names of rules and the IDs of targets (API: PutRule, Target).
var eventName = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`)

// maxEventTargets is the quota per rule ("Amazon EventBridge quotas").
const maxEventTargets = 5

// PutRule creates or changes a rule of the default bus and returns its ARN.
func (s *Store) PutRule(name, pattern string, disabled bool) (string, error) {
	arn := s.region.ARN("events", "rule/"+name)
	if !eventName.MatchString(name) {
		return "", badEventName("name", name)
	}
	if pattern == "" {
		return "", aws.Refuse("ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified.")
	}
	if err := checkPattern(pattern); err != nil {
		return "", err
	}
	rule := Rule{Name: name, ARN: arn, Pattern: pattern, Disabled: disabled, Targets: map[string]Target{}}
	if old := s.Rules[name]; old != nil {
		rule.Targets = old.Targets
	}
	s.Rules[name] = &rule
	return arn, nil
}

// badEventName refuses a name of a rule or an ID of a target.
func badEventName(what, is string) error {
	return aws.Refuse("ValidationException", "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must "+
		"satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+, 1 to 64 characters", is, what)
}

// DeleteRule deletes a rule without targets.
func (s *Store) DeleteRule(name string) error {
	if rule := s.Rules[name]; rule != nil && len(rule.Targets) > 0 {
		return aws.Refuse("ValidationException", "Rule can't be deleted since it has targets.")
	}
	delete(s.Rules, name)
	return nil
}

// PutTarget adds a topic to a rule, or replaces the target with the ID. As on AWS the topic need not exist: events for
// it are then lost.
func (s *Store) PutTarget(rule, id string, target Target) error {
	found := s.Rules[rule]
	if found == nil {
		return aws.Refuse("ResourceNotFoundException", "Rule %s does not exist on EventBus default.", rule)
	}
	if !eventName.MatchString(id) {
		return badEventName("targets.1.member.id", id)
	}
	if !IsTopic(target.Topic) {
		return aws.Refuse("ValidationException", "the emulator delivers events to SNS topics, not to %q", target.Topic)
	}
	if target.Transformer != nil {
		if err := target.Transformer.check(); err != nil {
			return err
		}
	}
	if _, there := found.Targets[id]; !there && len(found.Targets) >= maxEventTargets {
		return aws.Refuse("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
	}
	found.Targets[id] = target
	return nil
}

// DeleteTarget removes a target from its rule.
func (s *Store) DeleteTarget(rule, id string) error {
	if found := s.Rules[rule]; found != nil {
		delete(found.Targets, id)
	}
	return nil
}

// Send delivers an event to the targets of the rules that match it. An event that a topic does not accept is lost. The
// subject is the one with which SNS sends mail that has none.
func (s *Store) Send(now time.Time, event Event) {
	is := parsed(text(event))
	for _, name := range aws.Keys(s.Rules) {
		rule := s.Rules[name]
		if rule.Disabled || !matches(parsed(rule.Pattern), is) {
			continue
		}
		for _, id := range aws.Keys(rule.Targets) {
			target := rule.Targets[id]
			var message any = event
			if target.Transformer != nil {
				message = target.Transformer.apply(is)
			}
			s.PublishAs(eventSender(rule.ARN), now, target.Topic, "AWS Notification Message", message)
		}
	}
}

// parsed reads valid JSON.
func parsed(text string) any {
	var value any
	_ = json.Unmarshal([]byte(text), &value)
	return value
}
