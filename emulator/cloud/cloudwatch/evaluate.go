package cloudwatch

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// Reconcile measures the metrics and evaluates the alarms at the end of every minute.
func (s *Store) Reconcile(now time.Time) bool {
	minute := now.Truncate(time.Minute)
	if !minute.After(s.MeasuredAt) {
		return false
	}
	s.MeasuredAt = minute
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

func (a *Alarm) note(t Transition) {
	a.History = append(a.History, t)
	a.History = a.History[max(0, len(a.History)-historyLength):]
}

// noteAction keeps what came of an action, and a failure that goes on once.
func (a *Alarm) noteAction(result string, now time.Time) {
	last := len(a.History) - 1
	if result == "" || strings.HasPrefix(result, "Failed") && last >= 0 && a.History[last].Reason == result {
		return
	}
	a.note(Transition{Time: now, From: a.State, To: a.State, Reason: result})
}

// extraPeriods are looked at beside those to be evaluated, so that points that arrive late or not at all are made up for
// by older ones ("Configure how CloudWatch alarms treat missing data").
const extraPeriods = 2

// measure takes the metric's last minute, if it has one, and forgets what no evaluation needs.
func (s *Store) measure(a *Alarm, minute time.Time) {
	sample, ok := s.sample(a, minute)
	if ok {
		sample.At = minute
		a.Samples = append(a.Samples, sample)
	}
	oldest := minute.Add(-time.Duration(a.Spec.EvaluationPeriods+extraPeriods) * a.Spec.Period)
	a.Samples = slices.DeleteFunc(a.Samples, func(m Sample) bool { return !m.At.After(oldest) })
}

// point is one period's value.
type point struct {
	age      int // in periods; the newest is 1
	at       time.Time
	value    float64
	breaches bool
}

// points lists the periods that have data, the newest first.
func (a *Alarm) points(minute time.Time) []point {
	merged := map[int]Sample{}
	for _, m := range a.Samples {
		age := 1 + int(minute.Sub(m.At)/a.Spec.Period)
		merged[age] = merged[age].Merge(m)
	}
	var points []point
	for age := 1; age <= a.Spec.EvaluationPeriods+extraPeriods; age++ {
		if m, ok := merged[age]; ok {
			value := m.statistic(a.Spec.Statistic)
			points = append(points, point{age, m.At, value, a.Spec.breaches(value)})
		}
	}
	return points
}

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

// evaluate gives the state that the points call for, and why. With as many points as the alarm looks at, they decide;
// otherwise the missing ones are taken as the alarm is told to ("Configure how CloudWatch alarms treat missing data").
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
	case points[len(points)-1].age >= a.Spec.DatapointsToAlarm: // nothing but breaches for that long
		state = AlarmAlarm
	default:
		return a.State, a.Reason
	}
	return state, a.Spec.reason(state, points)
}

// reason words a state as CloudWatch does.
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

func plural(n int, singular, otherwise string) string {
	if n == 1 {
		return singular
	}
	return otherwise
}

// runActions runs the actions of an alarm's state: a topic is told of the change, a scaling policy is invoked at the change and
// each minute for as long as the state lasts (Auto Scaling: "How step scaling policies work").
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
