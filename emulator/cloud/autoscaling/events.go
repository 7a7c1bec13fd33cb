package autoscaling

import (
	"strconv"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/events"
)

// The events of a group (EventBridge: "Amazon EC2 Auto Scaling events").
const (
	EventLaunch           = "EC2 Instance Launch Successful"
	EventLaunchError      = "EC2 Instance Launch Unsuccessful"
	EventTerminate        = "EC2 Instance Terminate Successful"
	EventTerminateError   = "EC2 Instance Terminate Unsuccessful"
	EventRefreshStarted   = "EC2 Auto Scaling Instance Refresh Started"
	EventRefreshSucceeded = "EC2 Auto Scaling Instance Refresh Succeeded"
	EventRefreshFailed    = "EC2 Auto Scaling Instance Refresh Failed"
	EventRefreshCancelled = "EC2 Auto Scaling Instance Refresh Cancelled"
	EventCheckpoint       = "EC2 Auto Scaling Instance Refresh Checkpoint Reached"
	EventRollbackStarted  = "EC2 Auto Scaling Instance Refresh Rollback Started"
	EventRolledBack       = "EC2 Auto Scaling Instance Refresh Rollback Succeeded"
	EventRollbackFailed   = "EC2 Auto Scaling Instance Refresh Rollback Failed"
)

// event returns an event of the group.
func (g *Group) event(now time.Time, what string, detail map[string]any, resources ...string) events.Event {
	detail["AutoScalingGroupName"] = g.Spec.Name
	return events.Event{
		Version: "0", ID: aws.UUID(), DetailType: what, Source: "aws.autoscaling", Account: aws.Account,
		Time: now.UTC().Format(time.RFC3339), Region: g.region(), Resources: append([]string{g.ARN}, resources...), Detail: detail,
	}
}

// region returns the region of the group.
func (g *Group) region() string { return strings.Split(g.ARN, ":")[3] }

// eventOf returns the type of the event of a finished activity.
func eventOf(a Activity) string {
	switch {
	case a.launches() && a.Status == "Successful":
		return EventLaunch
	case a.launches():
		return EventLaunchError
	case a.Status == "Successful":
		return EventTerminate
	}
	return EventTerminateError
}

// launches reports whether the activity is a launch.
func (a Activity) launches() bool { return strings.HasPrefix(a.Description, "Launching") }

// sendActivity sends the event of a finished activity (Auto Scaling User Guide: "Amazon EC2 Auto Scaling event
// reference").
func (s *Store) sendActivity(g *Group, what string, a Activity) {
	id, from, to := a.ID, "EC2", "AutoScalingGroup"
	if !a.launches() {
		from, to = to, from
	}
	status := a.Status
	if status == "Successful" {
		status = "InProgress" // as documented: the event comes before the activity's last status
	}
	var resources []string
	place := map[string]any{}
	if i := s.ec2.Instances[a.Instance]; i != nil {
		resources = []string{"arn:aws:ec2:" + g.region() + ":" + aws.Account + ":instance/" + i.ID}
		place = map[string]any{"Availability Zone": i.Zone, "Subnet ID": i.Subnet}
	}
	s.events.Send(a.End, g.event(a.End, what, map[string]any{
		"StatusCode": status, "StatusMessage": a.Message, "Description": a.Description, "Cause": a.Cause, "ActivityId": id,
		"RequestId": id, "EC2InstanceId": a.Instance, "Details": place, "Origin": from, "Destination": to,
		"StartTime": a.Start.UTC().Format(time.RFC3339), "EndTime": a.End.UTC().Format(time.RFC3339),
	}, resources...))
}

var refreshEvents = map[string]string{
	RefreshInProgress: EventRefreshStarted, RefreshSuccessful: EventRefreshSucceeded, RefreshFailed: EventRefreshFailed,
	RefreshCancelled: EventRefreshCancelled, RefreshRollbackInProgress: EventRollbackStarted,
	RefreshRollbackSuccessful: EventRolledBack, RefreshRollbackFailed: EventRollbackFailed,
}

// sendRefresh sends the event of a new status of an instance refresh (Auto Scaling User Guide: "Instance refresh
// example events and patterns").
func (s *Store) sendRefresh(g *Group, r *Refresh, now time.Time) {
	s.events.Send(now, g.event(now, refreshEvents[r.Status], map[string]any{"InstanceRefreshId": r.ID}))
}

// sendCheckpoint sends the event of a checkpoint of an instance refresh.
func (s *Store) sendCheckpoint(g *Group, r *Refresh, now time.Time) {
	s.events.Send(now, g.event(now, EventCheckpoint, map[string]any{
		"InstanceRefreshId": r.ID, "CheckpointPercentage": strconv.Itoa(r.Spec.Checkpoints[r.Checkpoint-1]),
		"CheckpointDelay": strconv.Itoa(int(r.Spec.CheckpointDelay.Seconds())),
	}))
}
