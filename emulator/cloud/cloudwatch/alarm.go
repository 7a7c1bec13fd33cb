package cloudwatch

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/events"
	"github.com/elastic-service/elastic-service/emulator/metric"
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

// How an alarm treats missing data points.
const (
	MissingIsMissing      = "missing" // the default
	MissingIsIgnored      = "ignore"
	MissingIsBreaching    = "breaching"
	MissingIsNotBreaching = "notBreaching"
)

// AlarmSpec describes an alarm.
type AlarmSpec struct {
	Name, Description   string
	Namespace, Metric   string
	Dimensions          map[string]string
	Statistic           string        // Average, Minimum, Maximum, Sum, SampleCount or a percentile
	Period              time.Duration // of a data point: a multiple of a minute
	EvaluationPeriods   int           // data points that are evaluated
	DatapointsToAlarm   int           // how many of those must breach; 0: all
	Threshold           float64
	Comparison          string
	Disabled            bool     // no action is run
	Actions             []string // for ALARM: ARNs of scaling policies and topics
	OKActions           []string
	InsufficientActions []string
	TreatMissing        string
}

// Alarm is a CloudWatch alarm on one metric.
type Alarm struct {
	ARN     string
	Spec    AlarmSpec
	Policy  string // ARN of the target tracking policy that created it, or ""
	State   string
	Reason  string
	Since   time.Time
	Value   float64  // newest data point
	Samples []Minute // the oldest first
	History []Transition
}

// Transition is an entry of an alarm's history: a change of state, or an action if From and To are the same.
type Transition struct {
	Time     time.Time
	From, To string
	Reason   string
}

// historyLength is how many entries of an alarm's history are kept.
const historyLength = 100

// PutAlarm creates or changes an alarm. An existing alarm keeps its state (API: PutMetricAlarm). The minutes before count: on
// AWS an alarm on a metric that has data leaves INSUFFICIENT_DATA with its first evaluation.
func (s *Store) PutAlarm(spec AlarmSpec, now time.Time) (Alarm, error) {
	if spec.DatapointsToAlarm == 0 {
		spec.DatapointsToAlarm = spec.EvaluationPeriods
	}
	if spec.TreatMissing == "" {
		spec.TreatMissing = MissingIsMissing
	}
	if err := spec.check(); err != nil {
		return Alarm{}, err
	}
	if a := s.Alarms[spec.Name]; a != nil {
		other := spec.metric().key() != a.Spec.metric().key()
		a.Spec = spec
		if known := s.history(spec); other || len(known) > len(a.Samples) {
			a.Samples = known
		}
		return *a, nil
	}
	a := s.AddAlarm(spec, now)
	a.Samples = s.history(spec)
	return *a, nil
}

// AddAlarm creates an alarm without checking it, for a service that makes its own.
func (s *Store) AddAlarm(spec AlarmSpec, now time.Time) *Alarm {
	a := &Alarm{
		ARN: s.region.ARN("cloudwatch", "alarm:"+spec.Name), Spec: spec,
		State: AlarmInsufficient, Reason: "Unchecked: Initial alarm creation", Since: now,
	}
	s.Alarms[spec.Name] = a
	return a
}

// metric returns the metric of an alarm.
func (spec AlarmSpec) metric() Metric {
	return Metric{Namespace: spec.Namespace, Name: spec.Metric, Dimensions: spec.Dimensions}
}

// history returns the minutes of an alarm's metric that may count.
func (s *Store) history(spec AlarmSpec) []Minute {
	return slices.Clone(s.since(spec.metric(), s.MeasuredAt.Add(-spec.lookBack())))
}

// check checks the limits of the API (PutMetricAlarm) and refuses what the emulator cannot evaluate.
func (spec AlarmSpec) check() error {
	switch {
	case spec.Name == "" || len(spec.Name) > 255:
		return aws.Refuse("ValidationError", "The alarm name '%s' must have 1 to 255 characters", spec.Name)
	case spec.Namespace == "" || spec.Metric == "":
		return aws.Refuse("ValidationError", "An alarm needs a metric and its namespace")
	case metric.CheckStatistic(spec.Statistic) != nil:
		return aws.Refuse("ValidationError", "%v", metric.CheckStatistic(spec.Statistic))
	case !slices.Contains([]string{Greater, GreaterOrEqual, Less, LessOrEqual}, spec.Comparison):
		return aws.Refuse("ValidationError", "The comparison operator '%s' has no behaviour in the emulator", spec.Comparison)
	case spec.EvaluationPeriods < 1 || spec.DatapointsToAlarm < 1 || spec.DatapointsToAlarm > spec.EvaluationPeriods:
		return aws.Refuse("ValidationError", "Datapoints to alarm (%d) must be from 1 to the evaluation periods (%d)",
			spec.DatapointsToAlarm, spec.EvaluationPeriods)
	case !slices.Contains([]string{MissingIsMissing, MissingIsIgnored, MissingIsBreaching, MissingIsNotBreaching}, spec.TreatMissing):
		return aws.Refuse("ValidationError", "The option '%s' for treatMissingData is not one of breaching, notBreaching, ignore, missing",
			spec.TreatMissing)
	}
	if err := spec.checkPeriod(); err != nil {
		return err
	}
	if err := spec.checkPublished(); err != nil {
		return err
	}
	return spec.checkActions()
}

// checkPeriod checks the period and the evaluation range.
func (spec AlarmSpec) checkPeriod() error {
	longest := 24 * time.Hour
	if spec.Period >= time.Hour {
		longest = 7 * 24 * time.Hour
	}
	switch {
	case spec.Period == 10*time.Second || spec.Period == 30*time.Second:
		return aws.Refuse("ValidationError", "A period of %v is for high-resolution metrics: no metric of the emulator is one", spec.Period)
	case spec.Period < time.Minute || spec.Period%time.Minute != 0:
		return aws.Refuse("ValidationError", "The period %v must be 10 s, 30 s or a multiple of 60 s", spec.Period)
	case time.Duration(spec.EvaluationPeriods)*spec.Period > longest:
		return aws.Refuse("ValidationError", "Metrics cannot be checked across more than %v (EvaluationPeriods * Period must be <= %d).",
			longest, int(longest.Seconds()))
	}
	return nil
}

// checkActions refuses actions other than scaling policies and topics.
func (spec AlarmSpec) checkActions() error {
	for _, actions := range [][]string{spec.Actions, spec.OKActions, spec.InsufficientActions} {
		if len(actions) > 5 {
			return aws.Refuse("ValidationError", "An alarm has at most 5 actions for a state, not %d", len(actions))
		}
		for _, arn := range actions {
			if !events.IsTopic(arn) && !isScalingPolicy(arn) {
				return aws.Refuse("ValidationError", "The action '%s' has no behaviour in the emulator: the ARN of a scaling policy or "+
					"of an SNS topic", arn)
			}
		}
	}
	return nil
}

// isScalingPolicy reports whether an ARN is that of a scaling policy.
func isScalingPolicy(arn string) bool {
	return strings.HasPrefix(arn, "arn:aws:autoscaling:") && strings.Contains(arn, ":scalingPolicy:")
}

// DeleteAlarm deletes an alarm.
func (s *Store) DeleteAlarm(name string) error {
	delete(s.Alarms, name)
	return nil
}

// DescribeAlarms returns copies of all alarms, sorted by name, including those that target tracking policies created.
func (s *Store) DescribeAlarms() []Alarm {
	var all []Alarm
	for _, name := range aws.Keys(s.Alarms) {
		copied := *s.Alarms[name]
		copied.Samples, copied.History = slices.Clone(copied.Samples), slices.Clone(copied.History)
		all = append(all, copied)
	}
	return all
}

// DeleteAlarmsOf deletes the alarms that a target tracking policy created.
func (s *Store) DeleteAlarmsOf(policy string) {
	maps.DeleteFunc(s.Alarms, func(_ string, a *Alarm) bool { return a.Policy == policy })
}

// IsLeft reports whether the alarm counts as left over: an alarm of a target tracking policy goes with the policy.
func (a *Alarm) IsLeft() bool { return a.Policy == "" }
