package cloud

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
)

// busEvent is one of EventBridge's default bus.
type busEvent struct {
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

// The events of a group (EventBridge: "Amazon EC2 Auto Scaling events").
const (
	EventLaunch           = "EC2 Instance Launch Successful"
	EventLaunchError      = "EC2 Instance Launch Unsuccessful"
	EventTerminate        = "EC2 Instance Terminate Successful"
	EventTerminateError   = "EC2 Instance Terminate Unsuccessful"
	EventRefreshStarted   = "EC2 Auto Scaling Instance Refresh Started"
	EventRefreshSucceeded = "EC2 Auto Scaling Instance Refresh Succeeded"
	EventRefreshFailed    = "EC2 Auto Scaling Instance Refresh Failed"
	EventRefreshCancelled = "EC2 Auto Scaling Instance Refresh Cancelled"
)

// EventRule sends the events that match its pattern to its targets.
type EventRule struct {
	Name     string
	ARN      string
	Pattern  string // JSON
	Disabled bool
	Targets  map[string]string // ARNs of topics by target ID
}

// eventName is the form of a rule's name and a target's ID (API: PutRule, Target).
var eventName = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`)

// maxEventTargets is the quota of a rule ("Amazon EventBridge quotas").
const maxEventTargets = 5

// PutEventRule makes or changes a rule of the default bus.
func (c *Cloud) PutEventRule(name, pattern string, disabled bool) (string, error) {
	arn := c.ARN("events", "rule/"+name)
	return arn, c.change(func(s *state) error {
		if !eventName.MatchString(name) {
			return badEventName("name", name)
		}
		if pattern == "" {
			return refuse("ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified.")
		}
		if err := checkPattern(pattern); err != nil {
			return err
		}
		rule := EventRule{Name: name, ARN: arn, Pattern: pattern, Disabled: disabled, Targets: map[string]string{}}
		if old := s.EventRules[name]; old != nil {
			rule.Targets = old.Targets
		}
		s.EventRules[name] = &rule
		return nil
	})
}

func badEventName(what, is string) error {
	return refuse("ValidationException", "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must "+
		"satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+, 1 to 64 characters", is, what)
}

// DeleteEventRule removes a rule without targets.
func (c *Cloud) DeleteEventRule(name string) error {
	return c.change(func(s *state) error {
		if rule := s.EventRules[name]; rule != nil && len(rule.Targets) > 0 {
			return refuse("ValidationException", "Rule can't be deleted since it has targets.")
		}
		delete(s.EventRules, name)
		return nil
	})
}

// PutEventTarget adds a topic to a rule, or replaces the target of that ID. As on AWS the topic need not exist: what is sent
// to it then is lost.
func (c *Cloud) PutEventTarget(rule, id, topic string) error {
	return c.change(func(s *state) error {
		found := s.EventRules[rule]
		if found == nil {
			return refuse("ResourceNotFoundException", "Rule %s does not exist on EventBus default.", rule)
		}
		if !eventName.MatchString(id) {
			return badEventName("targets.1.member.id", id)
		}
		if !isTopic(topic) {
			return refuse("ValidationException", "the emulator delivers events to SNS topics, not to %q", topic)
		}
		if _, there := found.Targets[id]; !there && len(found.Targets) >= maxEventTargets {
			return refuse("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
		}
		found.Targets[id] = topic
		return nil
	})
}

// DeleteEventTarget takes a target from its rule.
func (c *Cloud) DeleteEventTarget(rule, id string) error {
	return c.change(func(s *state) error {
		if found := s.EventRules[rule]; found != nil {
			delete(found.Targets, id)
		}
		return nil
	})
}

// send delivers an event to the targets of the rules that match. What a topic doesn't take is lost; where SNS sends mail
// without a subject it has this one.
func (s *state) send(now time.Time, event busEvent) {
	is := parsed(text(event))
	for _, name := range keys(s.EventRules) {
		rule := s.EventRules[name]
		if rule.Disabled || !matches(parsed(rule.Pattern), is) {
			continue
		}
		for _, id := range keys(rule.Targets) {
			s.publishAs(eventSender(rule.ARN), now, rule.Targets[id], "AWS Notification Message", event)
		}
	}
}

// parsed reads JSON that is known to be some.
func parsed(text string) any {
	var value any
	_ = json.Unmarshal([]byte(text), &value)
	return value
}

// event is one of a group's.
func (g *Group) event(now time.Time, what string, detail map[string]any, resources ...string) busEvent {
	detail["AutoScalingGroupName"] = g.Spec.Name
	return busEvent{
		Version: "0", ID: uuid(), DetailType: what, Source: "aws.autoscaling", Account: Account,
		Time: now.UTC().Format(time.RFC3339), Region: g.region(), Resources: append([]string{g.ARN}, resources...), Detail: detail,
	}
}

func (g *Group) region() string { return strings.Split(g.ARN, ":")[3] }

// eventOf is the event of a finished activity.
func eventOf(a Activity) string {
	switch {
	case a.launches() && a.Status == "Successful":
		return EventLaunch
	case a.launches():
		return EventLaunchError
	case a.Status == "Successful":
		return EventTerminate
	}
	return EventTerminateError
}

func (a Activity) launches() bool { return strings.HasPrefix(a.Description, "Launching") }

// tell sends a finished activity (Auto Scaling User Guide: "Amazon EC2 Auto Scaling event reference").
func (s *state) tell(g *Group, what string, a Activity) {
	id, from, to := uuid(), "EC2", "AutoScalingGroup"
	if !a.launches() {
		from, to = to, from
	}
	status := a.Status
	if status == "Successful" {
		status = "InProgress" // as documented: the event comes before the activity's last status
	}
	var resources []string
	place := map[string]any{}
	if i := s.Instances[a.Instance]; i != nil {
		resources = []string{"arn:aws:ec2:" + g.region() + ":" + Account + ":instance/" + i.ID}
		place = map[string]any{"Availability Zone": i.Zone, "Subnet ID": i.Subnet}
	}
	s.send(a.End, g.event(a.End, what, map[string]any{
		"StatusCode": status, "StatusMessage": a.Message, "Description": a.Description, "Cause": a.Cause, "ActivityId": id,
		"RequestId": id, "EC2InstanceId": a.Instance, "Details": place, "Origin": from, "Destination": to,
		"StartTime": a.Start.UTC().Format(time.RFC3339), "EndTime": a.End.UTC().Format(time.RFC3339),
	}, resources...))
}

var refreshEvents = map[string]string{
	RefreshInProgress: EventRefreshStarted, RefreshSuccessful: EventRefreshSucceeded, RefreshFailed: EventRefreshFailed,
	RefreshCancelled: EventRefreshCancelled,
}

// tellRefresh sends an instance refresh's new status (Auto Scaling User Guide: "Instance refresh example events and
// patterns").
func (s *state) tellRefresh(g *Group, r *Refresh, now time.Time) {
	s.send(now, g.event(now, refreshEvents[r.Status], map[string]any{"InstanceRefreshId": r.ID}))
}
