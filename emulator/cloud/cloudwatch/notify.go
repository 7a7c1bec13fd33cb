package cloudwatch

import (
	"fmt"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/events"
)

// notifyAlarm notifies a topic of an alarm's new state and returns the entry for the alarm's history.
func (s *Store) notifyAlarm(topic string, a *Alarm, before string, now time.Time) string {
	subject := fmt.Sprintf("%s: \"%s\" in %s", a.State, a.Spec.Name, s.region)
	lost := s.events.PublishAs(events.AlarmSender(a.ARN), now, topic, subject, map[string]any{
		"AlarmName": a.Spec.Name, "AlarmDescription": a.Spec.Description, "AlarmArn": a.ARN, "AWSAccountId": aws.Account,
		"OldStateValue": before, "NewStateValue": a.State, "NewStateReason": a.Reason, "Region": s.region,
		"StateChangeTime": now.UTC().Format(time.RFC3339),
		"Trigger": map[string]any{
			"Namespace": a.Spec.Namespace, "MetricName": a.Spec.Metric, "Dimensions": a.Spec.Dimensions, "Statistic": a.Spec.Statistic,
			"Period": int(a.Spec.Period.Seconds()), "EvaluationPeriods": a.Spec.EvaluationPeriods,
			"DatapointsToAlarm": a.Spec.DatapointsToAlarm, "Threshold": a.Spec.Threshold, "ComparisonOperator": a.Spec.Comparison,
		},
	})
	if lost != "" {
		return fmt.Sprintf("Failed to execute action %s. Received error: %q", topic, lost)
	}
	return "Successfully executed action " + topic
}
