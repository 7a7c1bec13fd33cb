package cloudwatch

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// Reconcile collects the metrics and evaluates the alarms, once at the end of every minute. It reports whether it did.
func (s *Store) Reconcile(now time.Time) bool {
	minute := now.Truncate(time.Minute)
	if !minute.After(s.MeasuredAt) {
		return false
	}
	s.MeasuredAt = minute
	s.collect(minute)
	for _, name := range aws.Keys(s.Alarms) {
		a := s.Alarms[name]
		s.measure(a, minute)
		before := a.State
		if state, reason := a.evaluate(minute); state != a.State {
			a.note(Transition{Time: now, From: a.State, To: state, Reason: reason})
			a.State, a.Reason, a.Since = state, reason, now
		}
		s.runActions(a, before, now)
	}
	return len(s.Alarms) > 0
}

// note adds an entry to the history.
func (a *Alarm) note(t Transition) {
	a.History = append(a.History, t)
	a.History = a.History[max(0, len(a.History)-historyLength):]
}

// noteAction adds the result of an action to the history, and a failure that repeats only once.
func (a *Alarm) noteAction(result string, now time.Time) {
	last := len(a.History) - 1
	if result == "" || strings.HasPrefix(result, "Failed") && last >= 0 && a.History[last].Reason == result {
		return
	}
	a.note(Transition{Time: now, From: a.State, To: a.State, Reason: result})
}

// extraPeriods is how many older periods are considered, so that older data points make up for late or missing ones
// ("Configure how CloudWatch alarms treat missing data").
const extraPeriods = 2

// measure adds the last minute of the alarm's metric, if it has data, and drops minutes that no evaluation needs.
func (s *Store) measure(a *Alarm, minute time.Time) {
	watched := a.Spec.metric()
	watched.Unpublished = a.Policy != ""
	if s.metrics[watched.key()] == nil {
		watched.Unpublished = false
	}
	a.Samples = append(a.Samples, s.since(watched, minute.Add(-time.Minute))...)
	oldest := minute.Add(-a.Spec.lookBack())
	a.Samples = slices.DeleteFunc(a.Samples, func(m Minute) bool { return !m.At.After(oldest) })
}

// lookBack returns how old a minute may be to count.
func (spec AlarmSpec) lookBack() time.Duration {
	return time.Duration(spec.EvaluationPeriods+extraPeriods) * spec.Period
}

// point is the data point of a period.
type point struct {
	age      int // in periods; the newest is 1
	at       time.Time
	value    float64
	breaches bool
}

// points returns the data points, the newest first.
func (a *Alarm) points(minute time.Time) []point {
	merged := map[int]Minute{}
	for _, m := range a.Samples {
		age := 1 + int(minute.Sub(m.At)/a.Spec.Period)
		merged[age] = Minute{m.At, merged[age].Merge(m.Sample)}
	}
	var points []point
	for age := 1; age <= a.Spec.EvaluationPeriods+extraPeriods; age++ {
		if m, ok := merged[age]; ok {
			value := m.Statistic(a.Spec.Statistic)
			points = append(points, point{age, m.At, value, a.Spec.breaches(value)})
		}
	}
	return points
}

// breaches reports whether a value breaches the threshold.
func (spec AlarmSpec) breaches(value float64) bool {
	switch spec.Comparison {
	case Greater:
		return value > spec.Threshold
	case GreaterOrEqual:
		return value >= spec.Threshold
	case Less:
		return value < spec.Threshold
	}
	return value <= spec.Threshold
}

// evaluate returns the state that the data points call for, and why. If there are as many data points as the alarm
// evaluates, they decide; otherwise missing data is treated as the alarm says ("Configure how CloudWatch alarms treat
// missing data").
func (a *Alarm) evaluate(minute time.Time) (state, reason string) {
	points := a.points(minute)
	points = points[:min(len(points), a.Spec.EvaluationPeriods)]
	if len(points) > 0 {
		a.Value = points[0].value
	}
	breaching := 0
	for _, p := range points {
		if p.breaches {
			breaching++
		}
	}
	switch missing := a.Spec.EvaluationPeriods - len(points); {
	case breaching >= a.Spec.DatapointsToAlarm,
		a.Spec.TreatMissing == MissingIsBreaching && breaching+missing >= a.Spec.DatapointsToAlarm:
		state = AlarmAlarm
	case breaching < len(points), missing == 0, a.Spec.TreatMissing == MissingIsNotBreaching,
		a.Spec.TreatMissing == MissingIsBreaching:
		state = AlarmOK
	case a.Spec.TreatMissing == MissingIsIgnored:
		return a.State, a.Reason
	case len(points) == 0:
		return AlarmInsufficient, fmt.Sprintf("Insufficient Data: %d datapoints were unknown.", a.Spec.EvaluationPeriods)
	case points[len(points)-1].age >= a.Spec.DatapointsToAlarm: // all data points of so many periods breach
		state = AlarmAlarm
	default:
		return a.State, a.Reason
	}
	return state, a.Spec.reason(state, points)
}

// reason words the reason of a state as CloudWatch does.
func (spec AlarmSpec) reason(state string, points []point) string {
	if len(points) == 0 {
		return fmt.Sprintf("Threshold Crossed: no datapoints were received for %d periods and %d missing datapoints were treated "+
			"as [%s].", spec.EvaluationPeriods, spec.EvaluationPeriods, spec.TreatMissing)
	}
	shown := make([]string, 0, len(points))
	counted := 0
	for _, p := range points {
		if p.breaches == (state == AlarmAlarm) {
			counted++
			shown = append(shown, fmt.Sprintf("%v (%s)", p.value, p.at.UTC().Format("02/01/06 15:04:05")))
		}
	}
	negated, transition, least := "", "OK -> ALARM", spec.DatapointsToAlarm
	if state == AlarmOK {
		negated, transition, least = "not ", "ALARM -> OK", spec.EvaluationPeriods-spec.DatapointsToAlarm+1
	}
	return fmt.Sprintf("Threshold Crossed: %d out of the last %d datapoints [%s] %s %s%s the threshold (%v) (minimum %d "+
		"datapoint%s for %s transition).", counted, len(points), strings.Join(shown, ", "), plural(counted, "was", "were"), negated,
		comparisonWords[spec.Comparison], spec.Threshold, least, plural(least, "", "s"), transition)
}

var comparisonWords = map[string]string{
	Greater: "greater than", GreaterOrEqual: "greater than or equal to", Less: "less than", LessOrEqual: "less than or equal to",
}

// plural returns the form of a word for a number.
func plural(n int, singular, otherwise string) string {
	if n == 1 {
		return singular
	}
	return otherwise
}

// runActions runs the actions of an alarm's state. A topic is notified when the state changes. A scaling policy is run
// when the state changes, and then every minute while the state lasts (Auto Scaling: "How step scaling policies work").
func (s *Store) runActions(a *Alarm, before string, now time.Time) {
	if a.Spec.Disabled {
		return
	}
	actions := map[string][]string{
		AlarmAlarm: a.Spec.Actions, AlarmOK: a.Spec.OKActions, AlarmInsufficient: a.Spec.InsufficientActions,
	}[a.State]
	for _, arn := range actions {
		switch {
		case isScalingPolicy(arn):
			a.noteAction(s.runAction(arn, a, now), now)
		case before != a.State:
			a.noteAction(s.notifyAlarm(arn, a, before, now), now)
		}
	}
}
