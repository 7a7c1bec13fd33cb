package autoscaling

import (
	"fmt"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/internal/cron"
)

// Schedule is a scheduled action: it sets a group's sizes once or repeatedly.
type Schedule struct {
	ARN               string
	Name              string
	Recurrence        string // cron expression; "" to run once, at Start
	TimeZone          string // of Recurrence; "" stands for UTC
	Start, End        time.Time
	Min, Max, Desired *int      // nil: unchanged
	Next              time.Time // next run; zero: none
}

// PutSchedule creates or changes a scheduled action of a group and returns its ARN (API:
// PutScheduledUpdateGroupAction).
func (s *Store) PutSchedule(group string, schedule Schedule, now time.Time) (string, error) {
	g := s.Groups[group]
	if g == nil {
		return "", aws.Refuse("ValidationError", "AutoScalingGroup name not found - %s", group)
	}
	if err := schedule.check(now); err != nil {
		return "", err
	}
	if g.Schedules[schedule.Name] == nil && len(g.Schedules) >= maxSchedules {
		return "", tooMany("scheduled actions", maxSchedules)
	}
	schedule.ARN = s.region.ARN("autoscaling", "scheduledUpdateGroupAction:"+aws.RandomHex(16)+":autoScalingGroupName/"+group+
		":scheduledActionName/"+schedule.Name)
	if old := g.Schedules[schedule.Name]; old != nil {
		schedule.ARN = old.ARN
	}
	if g.Schedules == nil {
		g.Schedules = map[string]*Schedule{}
	}
	schedule.plan(now)
	g.Schedules[schedule.Name] = &schedule
	return schedule.ARN, nil
}

// check refuses a scheduled action that Auto Scaling refuses (API: PutScheduledUpdateGroupAction).
func (a *Schedule) check(now time.Time) error {
	switch {
	case a.Name == "" || len(a.Name) > 255:
		return aws.Refuse("ValidationError", "Scheduled action name '%s' must have 1 to 255 characters", a.Name)
	case a.Min == nil && a.Max == nil && a.Desired == nil:
		return aws.Refuse("ValidationError", "At least one of min size, max size or desired capacity must be specified")
	case a.Recurrence == "" && a.Start.IsZero():
		return aws.Refuse("ValidationError", "A start time or a recurrence must be specified")
	case !a.Start.IsZero() && a.Start.Before(now):
		return aws.Refuse("ValidationError", "Given start time %s is in the past", a.Start.Format(time.RFC3339))
	case !a.End.IsZero() && !a.End.After(later(now, a.Start)):
		return aws.Refuse("ValidationError", "End time %s must be after start time and now", a.End.Format(time.RFC3339))
	}
	for _, bounds := range [][2]*int{{a.Min, a.Max}, {a.Min, a.Desired}, {a.Desired, a.Max}} {
		if bounds[0] != nil && bounds[1] != nil && *bounds[0] > *bounds[1] {
			return aws.Refuse("ValidationError", "min size ≤ desired capacity ≤ max size doesn't hold: %d is above %d", *bounds[0], *bounds[1])
		}
	}
	if _, err := time.LoadLocation(a.TimeZone); err != nil || a.TimeZone == "Local" {
		return aws.Refuse("ValidationError", "Time zone '%s' is invalid", a.TimeZone)
	}
	if a.Recurrence == "" {
		return nil
	}
	if _, err := cron.Parse(a.Recurrence); err != nil {
		return aws.Refuse("ValidationError", "Given recurrence string: %s is invalid: it %v", a.Recurrence, err)
	}
	return nil
}

// plan sets the next time at which the scheduled action runs.
func (a *Schedule) plan(now time.Time) {
	a.Next = time.Time{}
	if a.Recurrence == "" {
		if a.Start.After(now) {
			a.Next = a.Start
		}
		return
	}
	recurrence, err := cron.Parse(a.Recurrence)
	zone, zoneErr := time.LoadLocation(a.TimeZone)
	if err != nil || zoneErr != nil { // checked by PutSchedule
		return
	}
	next, ok := recurrence.Next(later(now, a.Start.Add(-time.Second)).In(zone))
	if ok && (a.End.IsZero() || !next.After(a.End)) {
		a.Next = next.UTC()
	}
}

// later returns the later time.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// DeleteSchedule deletes a scheduled action.
func (s *Store) DeleteSchedule(group, name string) error {
	if g := s.Groups[group]; g != nil {
		delete(g.Schedules, name)
	}
	return nil
}

// runSchedules runs the scheduled actions that are due.
func (s *Store) runSchedules(g *Group, now time.Time) bool {
	changed := false
	for _, name := range aws.Keys(g.Schedules) {
		a := g.Schedules[name]
		if a.Next.IsZero() || now.Before(a.Next) || g.Deleting {
			continue
		}
		a.plan(now)
		s.runSchedule(g, a, now)
		changed = true
	}
	return changed
}

// runSchedule sets the sizes. If the minimum would exceed the maximum, it changes nothing and adds a failed activity.
func (s *Store) runSchedule(g *Group, a *Schedule, now time.Time) {
	lowest, highest, before := g.Spec.Min, g.Spec.Max, g.Desired
	if a.Min != nil {
		lowest = *a.Min
	}
	if a.Max != nil {
		highest = *a.Max
	}
	cause := causeAt(now, "a scheduled action "+a.Name+" was due.")
	if lowest > highest {
		n := g.startActivity(now, "Executing scheduled action: "+a.Name, cause, "")
		g.Activities[n].Status, g.Activities[n].End = "Failed", now
		g.Activities[n].Message = fmt.Sprintf("Max bound, %d, must be greater than or equal to min bound, %d", highest, lowest)
		return
	}
	g.Spec.Min, g.Spec.Max = lowest, highest
	desired := g.Desired
	if a.Desired != nil {
		desired = *a.Desired
	}
	g.Desired = min(max(desired, lowest), highest)
	if g.Desired != before {
		g.SetReason(now, constraints("a scheduled action", g, before))
	}
}
