package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/events"
)

// checkNotifications sums up what the subscribers of topics would have received. It fails if a topic did not accept a message.
func (r *Rehearsal) checkNotifications(context.Context) error {
	summary, err := sumUp(cloud.Get(r.deployment.Cloud(), func(m *cloud.Model) []events.Notification { return m.Events.ListNotifications() }))
	if summary != "" {
		r.say("notified", "%s", summary)
	}
	return err
}

// sumUp counts messages by their kind.
func sumUp(messages []events.Notification) (string, error) {
	counts := map[string]int{}
	for _, n := range messages {
		kind := kindOf(n)
		if n.Lost != "" {
			return "", fmt.Errorf("%s was not delivered: %s", kind, n.Lost)
		}
		counts[kind]++
	}
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d × %s", counts[kind], kind))
	}
	return strings.Join(parts, ", "), nil
}

// kindOf returns an event's type, with which its text begins, an alarm's new state, or otherwise the subject.
func kindOf(n events.Notification) string {
	var message struct {
		DetailType    string `json:"detail-type"`
		NewStateValue string
	}
	switch err := json.Unmarshal([]byte(n.Message), &message); {
	case err == nil && message.DetailType != "":
		return message.DetailType
	case err == nil && message.NewStateValue != "":
		return "alarm " + message.NewStateValue
	}
	if kind, _, isText := strings.Cut(n.Message, ": "); isText && strings.HasPrefix(kind, "EC2 ") {
		return kind
	}
	return n.Subject
}
