package scaling

import (
	"fmt"
	"regexp"
	"time"
	_ "time/tzdata" // the names of time zones, on machines that have no list of them

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/autoscaling"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/cron"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

// unchanged leaves a size as it is. The provider takes a size that is not given for 0.
const unchanged = -1

// Schedule sets sizes at recurring times. At least one of them is given, 0 ≤ Min ≤ Desired ≤ Max. Type Schedule of package
// settings has the same fields.
type Schedule struct {
	Name     string // unique in the group: letters, digits, hyphens and underscores, at most 64
	Cron     string // minute, hour, day of the month, month, day of the week: "0 20 * * MON-FRI"
	TimeZone string // of the cron expression, as Europe/Berlin; UTC when empty

	Min, Max, Desired *int // instances; nil leaves it as it is
}

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// namedOnce reports a name that AWS would refuse, or that an earlier item has.
func namedOnce(path, name string, seen map[string]bool) error {
	var problems invalid.List
	if !validName.MatchString(name) {
		problems.Add(path, name, "is not made of letters, digits, hyphens and underscores, at most 64")
	}
	if seen[name] {
		problems.Add(path, name, "is used twice")
	}
	seen[name] = true
	return problems.Err()
}

func (a *Args) validSchedules() error {
	var problems invalid.List
	seen := map[string]bool{}
	for i, s := range a.Schedules {
		path := fmt.Sprintf("schedules[%d]", i)
		problems.Include("", namedOnce(path+".name", s.Name, seen))
		if _, err := cron.Parse(s.Cron); err != nil {
			problems.Add(path+".cron", s.Cron, "%v", err)
		}
		if !validZone(s.TimeZone) {
			problems.Add(path+".timeZone", s.TimeZone, "is not the name of a time zone such as Europe/Berlin")
		}
		problems.Include(path, s.validSizes(a.Min, a.Max))
	}
	return problems.Err()
}

// validZone refuses Local, which means another zone on every machine.
func validZone(name string) bool {
	_, err := time.LoadLocation(name)
	return err == nil && name != "Local"
}

// validSizes checks the sizes that a schedule sets against each other, and against the group's sizes that it leaves.
func (s *Schedule) validSizes(least, most int) error {
	var problems invalid.List
	if s.Min == nil && s.Max == nil && s.Desired == nil {
		problems.Missing("", "one of min, max and desired is needed")
		return problems.Err()
	}
	if s.Min != nil {
		least = *s.Min
	}
	if s.Max != nil {
		most = *s.Max
	}
	if least < 0 {
		problems.Add("min", least, "is below 0")
	}
	switch {
	case most >= least:
	case s.Max != nil:
		problems.Add("max", most, "is below min (%d)", least)
	default:
		problems.Add("min", least, "is above max (%d)", most)
	}
	if s.Desired != nil && (*s.Desired < least || *s.Desired > most) {
		problems.Add("desired", *s.Desired, "is not between min (%d) and max (%d)", least, most)
	}
	return problems.Err()
}

func (g *Group) schedules(ctx *pulumi.Context, name string, args *Args) error {
	for _, s := range args.Schedules {
		in := &autoscaling.ScheduleArgs{
			AutoscalingGroupName: g.Name,
			ScheduledActionName:  pulumi.String(s.Name),
			Recurrence:           pulumi.String(s.Cron),
			MinSize:              size(s.Min),
			MaxSize:              size(s.Max),
			DesiredCapacity:      size(s.Desired),
		}
		if s.TimeZone != "" {
			in.TimeZone = pulumi.String(s.TimeZone)
		}
		if _, err := autoscaling.NewSchedule(ctx, name+"-at-"+s.Name, in, pulumi.Parent(g)); err != nil {
			return err
		}
	}
	return nil
}

func size(n *int) pulumi.Int {
	if n == nil {
		return unchanged
	}
	return pulumi.Int(*n)
}
