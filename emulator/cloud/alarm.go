package cloud

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// The states of an alarm.
const (
	AlarmOK           = "OK"
	AlarmAlarm        = "ALARM"
	AlarmInsufficient = "INSUFFICIENT_DATA"
)

// The comparisons of an alarm with its threshold.
const (
	Greater        = "GreaterThanThreshold"
	GreaterOrEqual = "GreaterThanOrEqualToThreshold"
	Less           = "LessThanThreshold"
	LessOrEqual    = "LessThanOrEqualToThreshold"
)

// The ways in which an alarm takes a point that isn't there.
const (
	MissingIsMissing      = "missing" // the default
	MissingIsIgnored      = "ignore"
	MissingIsBreaching    = "breaching"
	MissingIsNotBreaching = "notBreaching"
)

// AlarmSpec is what an alarm is made of.
type AlarmSpec struct {
	Name, Description   string
	Namespace, Metric   string
	Dimensions          map[string]string
	Statistic           string        // Average, Minimum, Maximum, Sum or SampleCount
	Period              time.Duration // of a point: a minute or a multiple
	EvaluationPeriods   int           // points that are looked at
	DatapointsToAlarm   int           // of those, how many breach; 0: all
	Threshold           float64
	Comparison          string
	Disabled            bool     // runs no action
	Actions             []string // when it goes off: ARNs of scaling policies and topics
	OKActions           []string
	InsufficientActions []string
	TreatMissing        string
}

// Alarm is a CloudWatch alarm of one metric.
type Alarm struct {
	ARN     string
	Spec    AlarmSpec
	Policy  string // ARN of the target tracking policy that made it
	State   string
	Reason  string
	Since   time.Time
	Value   float64  // the newest point
	Samples []Sample // the oldest first
	History []Transition
}

// Transition is a change of an alarm's state, or with From and To alike an action of it.
type Transition struct {
	Time     time.Time
	From, To string
	Reason   string
}

// historyLength is how many entries of an alarm's history are kept.
const historyLength = 100

// PutAlarm makes or overwrites an alarm; one that is there keeps its state (API: PutMetricAlarm).
func (c *Cloud) PutAlarm(spec AlarmSpec) (Alarm, error) {
	if spec.DatapointsToAlarm == 0 {
		spec.DatapointsToAlarm = spec.EvaluationPeriods
	}
	if spec.TreatMissing == "" {
		spec.TreatMissing = MissingIsMissing
	}
	var made Alarm
	err := c.change(func(s *state) error {
		if err := spec.check(); err != nil {
			return err
		}
		if a := s.Alarms[spec.Name]; a != nil {
			a.Spec = spec
			made = *a
			return nil
		}
		made = *s.addAlarm(c, spec, c.clock.Now())
		return nil
	})
	return made, err
}

func (s *state) addAlarm(c *Cloud, spec AlarmSpec, now time.Time) *Alarm {
	a := &Alarm{
		ARN: c.ARN("cloudwatch", "alarm:"+spec.Name), Spec: spec,
		State: AlarmInsufficient, Reason: "Unchecked: Initial alarm creation", Since: now,
	}
	s.Alarms[spec.Name] = a
	return a
}

// check holds the limits of the API (PutMetricAlarm), and what an alarm of the emulator can do.
func (spec AlarmSpec) check() error {
	switch {
	case spec.Name == "" || len(spec.Name) > 255:
		return refuse("ValidationError", "The alarm name '%s' must have 1 to 255 characters", spec.Name)
	case spec.Namespace == "" || spec.Metric == "":
		return refuse("ValidationError", "An alarm needs a metric and its namespace")
	case !slices.Contains([]string{Average, Minimum, Maximum, Sum, SampleCount}, spec.Statistic):
		return refuse("ValidationError", "The statistic '%s' is not one of SampleCount, Average, Sum, Minimum, Maximum", spec.Statistic)
	case !slices.Contains([]string{Greater, GreaterOrEqual, Less, LessOrEqual}, spec.Comparison):
		return refuse("ValidationError", "The comparison operator '%s' has no behaviour in the emulator", spec.Comparison)
	case spec.EvaluationPeriods < 1 || spec.DatapointsToAlarm < 1 || spec.DatapointsToAlarm > spec.EvaluationPeriods:
		return refuse("ValidationError", "Datapoints to alarm (%d) must be from 1 to the evaluation periods (%d)",
			spec.DatapointsToAlarm, spec.EvaluationPeriods)
	case !slices.Contains([]string{MissingIsMissing, MissingIsIgnored, MissingIsBreaching, MissingIsNotBreaching}, spec.TreatMissing):
		return refuse("ValidationError", "The option '%s' for treatMissingData is not one of breaching, notBreaching, ignore, missing",
			spec.TreatMissing)
	}
	if err := spec.checkPeriod(); err != nil {
		return err
	}
	return spec.checkActions()
}

func (spec AlarmSpec) checkPeriod() error {
	longest := 24 * time.Hour
	if spec.Period >= time.Hour {
		longest = 7 * 24 * time.Hour
	}
	switch {
	case spec.Period == 10*time.Second || spec.Period == 30*time.Second:
		return refuse("ValidationError", "A period of %v is for high-resolution metrics: no metric of the emulator is one", spec.Period)
	case spec.Period < time.Minute || spec.Period%time.Minute != 0:
		return refuse("ValidationError", "The period %v must be 10 s, 30 s or a multiple of 60 s", spec.Period)
	case time.Duration(spec.EvaluationPeriods)*spec.Period > longest:
		return refuse("ValidationError", "Metrics cannot be checked across more than %v (EvaluationPeriods * Period must be <= %d).",
			longest, int(longest.Seconds()))
	}
	return nil
}

func (spec AlarmSpec) checkActions() error {
	for _, actions := range [][]string{spec.Actions, spec.OKActions, spec.InsufficientActions} {
		if len(actions) > 5 {
			return refuse("ValidationError", "An alarm has at most 5 actions for a state, not %d", len(actions))
		}
		for _, arn := range actions {
			if !isTopic(arn) && !isScalingPolicy(arn) {
				return refuse("ValidationError", "The action '%s' has no behaviour in the emulator: the ARN of a scaling policy or "+
					"of an SNS topic", arn)
			}
		}
	}
	return nil
}

func isTopic(arn string) bool { return strings.HasPrefix(arn, "arn:aws:sns:") }

func isScalingPolicy(arn string) bool {
	return strings.HasPrefix(arn, "arn:aws:autoscaling:") && strings.Contains(arn, ":scalingPolicy:")
}

// DeleteAlarm removes an alarm.
func (c *Cloud) DeleteAlarm(name string) error {
	return c.change(func(s *state) error {
		delete(s.Alarms, name)
		return nil
	})
}

// Alarms lists all alarms by name, those that target tracking policies made included.
func (c *Cloud) Alarms() []Alarm {
	var all []Alarm
	c.view(func(s *state) {
		for _, name := range keys(s.Alarms) {
			copied := *s.Alarms[name]
			copied.Samples, copied.History = slices.Clone(copied.Samples), slices.Clone(copied.History)
			all = append(all, copied)
		}
	})
	return all
}

// reconcileAlarms measures the metrics and evaluates the alarms at the end of every minute.
func (c *Cloud) reconcileAlarms(s *state, now time.Time) bool {
	minute := now.Truncate(time.Minute)
	if !minute.After(s.Minute) {
		return false
	}
	s.Minute = minute
	for _, name := range keys(s.Alarms) {
		a := s.Alarms[name]
		a.measure(s, minute)
		before := a.State
		if state, reason := a.evaluate(minute); state != a.State {
			a.note(Transition{Time: now, From: a.State, To: state, Reason: reason})
			a.State, a.Reason, a.Since = state, reason, now
		}
		c.act(s, a, before, now)
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
func (a *Alarm) measure(s *state, minute time.Time) {
	sample, ok := a.sample(s, minute)
	if ok {
		sample.At = minute
		a.Samples = append(a.Samples, sample)
	}
	oldest := minute.Add(-time.Duration(a.Spec.EvaluationPeriods+extraPeriods) * a.Spec.Period)
	a.Samples = slices.DeleteFunc(a.Samples, func(m Sample) bool { return !m.At.After(oldest) })
}

// sample asks the metric. Target tracking sees each minute of the instances' CPU whatever their monitoring is: five times
// as fast as on AWS with basic monitoring.
func (a *Alarm) sample(s *state, minute time.Time) (Sample, bool) {
	if a.Policy != "" && a.Spec.Namespace == "AWS/EC2" {
		return s.groupCPU(a.Spec.Dimensions["AutoScalingGroupName"], minute, (*Instance).minuteCPU)
	}
	metric := metrics[a.Spec.Namespace+" "+a.Spec.Metric]
	if metric == nil {
		return Sample{}, false
	}
	return metric(s, a.Spec.Dimensions, minute)
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
		merged[age] = merged[age].merge(m)
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

// act runs the actions of an alarm's state: a topic is told of the change, a scaling policy is invoked at the change and
// each minute for as long as the state lasts (Auto Scaling: "How step scaling policies work").
func (c *Cloud) act(s *state, a *Alarm, before string, now time.Time) {
	if a.Spec.Disabled {
		return
	}
	actions := map[string][]string{
		AlarmAlarm: a.Spec.Actions, AlarmOK: a.Spec.OKActions, AlarmInsufficient: a.Spec.InsufficientActions,
	}[a.State]
	for _, arn := range actions {
		switch {
		case isScalingPolicy(arn):
			a.noteAction(s.execute(arn, a, now), now)
		case before != a.State:
			a.noteAction(c.notifyAlarm(s, arn, a, before, now), now)
		}
	}
}
