package autoscaling

import (
	"fmt"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
)

// Activity is an entry of a group's history, in AWS's wording.
type Activity struct {
	ID          string
	Description string
	Cause       string
	Status      string // InProgress, Successful or Failed
	Message     string
	Instance    string
	Start, End  time.Time
}

// constraints words a change of a group's sizes, which may have changed the desired capacity.
func constraints(who string, g *Group, before int) string {
	return fmt.Sprintf("%s update of AutoScalingGroup constraints to min: %d, max: %d, desired: %d changing the desired capacity "+
		"from %d to %d.", who, g.Spec.Min, g.Spec.Max, g.Desired, before, g.Desired)
}

// causeAt returns a cause with its time, as activities show it.
func causeAt(now time.Time, cause string) string {
	return fmt.Sprintf("At %s %s", now.UTC().Format(time.RFC3339), cause)
}

// startActivity adds an activity to the history and returns its index.
func (g *Group) startActivity(now time.Time, description, cause, instance string) int {
	g.Activities = append(g.Activities, Activity{
		ID: aws.UUID(), Description: description, Cause: cause, Status: "InProgress", Instance: instance, Start: now,
	})
	return len(g.Activities) - 1
}

// SetReason keeps why the desired capacity changed, for the activities that follow.
func (g *Group) SetReason(now time.Time, reason string) { g.DesiredReason = causeAt(now, reason) }

// withReason returns the cause of an activity, after the reason for which the desired capacity changed.
func (g *Group) withReason(now time.Time, cause string) string {
	if g.DesiredReason == "" {
		return causeAt(now, cause)
	}
	return g.DesiredReason + "  " + causeAt(now, cause)
}

// endActivity ends the activity of an instance that is in progress and sends its event.
func (s *Store) endActivity(g *Group, i *ec2.Instance, now time.Time, status, message string) {
	for at := len(g.Activities) - 1; at >= 0; at-- {
		if a := &g.Activities[at]; a.Instance == i.ID && a.Status == "InProgress" {
			a.Status, a.Message, a.End = status, message, now
			s.sendActivity(g, eventOf(*a), *a)
			return
		}
	}
}

// Diagnose tells in a sentence why a group lacks capacity: the state of each member and the last failure.
func (s *Store) Diagnose(name string) string {
	var parts []string
	g := s.Groups[name]
	if g == nil {
		return strings.Join(parts, "; ")
	}
	for _, i := range s.members(g) {
		parts = append(parts, fmt.Sprintf("%s is %s", i.ID, s.describeMember(g, i)))
	}
	for at := len(g.Activities) - 1; at >= 0; at-- {
		if g.Activities[at].Status == "Failed" {
			parts = append(parts, g.Activities[at].Message)
			break
		}
	}
	if len(parts) == 0 {
		return "the group has no instances"
	}
	return strings.Join(parts, "; ")
}

// describeMember returns the state of a member for people.
func (s *Store) describeMember(g *Group, i *ec2.Instance) string {
	if i.State != ec2.Running {
		return strings.TrimSpace(string(i.State) + " " + i.Reason)
	}
	for _, arn := range g.Spec.TargetGroups {
		group := s.elb.TargetGroups[arn]
		if group == nil {
			continue
		}
		t := group.Target(i.ID, group.Spec.Port)
		switch {
		case t == nil:
			return "not registered with " + group.Spec.Name
		case t.State != elb.TargetHealthy:
			return strings.TrimSpace(string(t.State) + ": " + t.Description)
		}
	}
	return "healthy"
}
