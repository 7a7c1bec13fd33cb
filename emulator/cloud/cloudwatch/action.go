package cloudwatch

import "time"

// Action runs the action of an alarm that an ARN names and returns the entry for the alarm's history, or "" if nothing
// changed. It returns false for an ARN that it does not know.
type Action func(arn string, a *Alarm, now time.Time) (result string, known bool)

// AddAction adds an action that alarms can run.
func (s *Store) AddAction(action Action) { s.actions = append(s.actions, action) }

// runAction runs the scaling policy that an ARN names.
func (s *Store) runAction(arn string, a *Alarm, now time.Time) string {
	for _, action := range s.actions {
		if result, known := action(arn, a, now); known {
			return result
		}
	}
	return "Failed to execute action " + arn + ": PolicyNotFound"
}
