// Package conformance states how AWS behaves around a load-balanced, auto-scaled service, case by case, each with the
// document that says so, and runs the cases against a cloud.
//
//	Cases ──▶ Suite ──▶ Cloud: create a service, break it, look at it
//	                      ├─ the emulator: this package's tests
//	                      └─ AWS: by whoever has an account, see docs/behaviour.md
//
// A case knows no cloud. It makes a service of a [Shape] and then does what an operator could do, and looks at what an
// operator could see: targets with their health, members, activities, alarms, refreshes, and answers to requests.
package conformance

import (
	"context"
	"time"
)

// Shape is the service that a case needs: a group of instances behind a network balancer over two zones. Each instance has
// two processes: the service, which answers each line with the instance's ID for as long as the connection is open, and a
// responder that accepts on the health port and closes.
type Shape struct {
	Min, Max int

	HealthType string        // of the group: EC2, or ELB when empty
	Grace      time.Duration // of the group's health check

	Interval, Timeout  time.Duration // of the balancer's TCP health check
	Healthy, Unhealthy int           // thresholds
	Draining           time.Duration // deregistration delay

	Tracking *Tracking
	Steps    *Steps

	Refresh     Refresh // the bounds of an instance refresh
	Maintenance bool    // an instance maintenance policy with the same bounds
}

// Tracking keeps the group's average CPU utilization near a target.
type Tracking struct {
	Target float64 // percent
	Warmup time.Duration
}

// Steps scale out by how far CPU utilization is above a threshold for a minute.
type Steps struct {
	Threshold float64 // percent, of the alarm
	Wide      float64 // above the threshold: from here on Large is added, below it Small
	Small     int
	Large     int
	Warmup    time.Duration
}

// Refresh are the bounds of an instance refresh, in percent of the desired capacity.
type Refresh struct {
	MinHealthy, MaxHealthy int
	Warmup                 time.Duration
}

// Member is an instance of the group.
type Member struct {
	ID, Zone  string
	Lifecycle string // as Auto Scaling names it: Pending, InService, Terminating, …
	Version   string // of the launch template
}

// Group is the group as it is.
type Group struct {
	Min, Desired, Max int
	Members           []Member // those that are terminated left out
}

// Target is a registered target.
type Target struct {
	ID                         string // of its instance
	State, Reason, Description string // as DescribeTargetHealth has them
}

// Activity is a scaling activity.
type Activity struct {
	Description, Cause, Status string
}

// Alarm is an alarm of the group's policies.
type Alarm struct {
	Name, State string
}

// RefreshStatus is an instance refresh.
type RefreshStatus struct{ ID, Status string }

// Flow is a connection through the balancer.
type Flow interface {
	Ask() (instance string, err error) // sends a line and reads the answer
	Close()
}

// Cloud is what is under test. It holds one service, which [Cloud.Create] makes. Durations are those of the cloud: where
// time runs faster, as in the emulator, Pause is shorter and Now runs ahead.
type Cloud interface {
	Create(ctx context.Context, shape Shape) error // and waits until Min targets are healthy
	Now() time.Time
	Pause(ctx context.Context, d time.Duration) error
	Slack() time.Duration // what a step may take beside its configured time: registration, boot, delayed metrics

	Group(ctx context.Context) (Group, error)
	Targets(ctx context.Context) ([]Target, error)
	Activities(ctx context.Context) ([]Activity, error) // the oldest first
	Alarms(ctx context.Context) ([]Alarm, error)
	Refreshes(ctx context.Context) ([]RefreshStatus, error) // the oldest first

	Open(ctx context.Context) (Flow, error) // a connection through the balancer

	SetSizes(ctx context.Context, lowest, highest int) error
	SetDesired(ctx context.Context, desired int) error
	StartRefresh(ctx context.Context) error // of a new version of the launch template, and after it another one is possible
	Terminate(ctx context.Context, instance string) error
	StopResponder(ctx context.Context, instance string) error // the service goes on
	Burn(ctx context.Context, instance string, percent int, d time.Duration) error
	DenyHealth(ctx context.Context) error                                  // takes the rule away that lets health checks into the instances' security group
	AllowHealth(ctx context.Context) error                                 // puts it back
	Explain(ctx context.Context, instance string) (code string, err error) // Reachability Analyzer's, from the balancer to the health port; "" if it is reached
}
