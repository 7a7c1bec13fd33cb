package cloudwatch

import "time"

// Action runs what an alarm's action names by its ARN and returns what the alarm's history says of it: "" when nothing changed. It
// does not know every ARN.
type Action func(arn string, a *Alarm, now time.Time) (result string, known bool)

// AddAction lets alarms run an action.
func (s *Store) AddAction(action Action) { s.actions = append(s.actions, action) }

// runAction runs the scaling policy that an alarm names.
func (s *Store) runAction(arn string, a *Alarm, now time.Time) string {
	for _, action := range s.actions {
		if result, known := action(arn, a, now); known {
			return result
		}
	}
	return "Failed to execute action " + arn + ": PolicyNotFound"
}
