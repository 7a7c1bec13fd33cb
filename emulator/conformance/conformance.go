// Package conformance states how AWS behaves around a load-balanced, auto-scaled service, case by case, each with the
// document that says so, and runs the cases against a cloud.
//
//	Cases ──▶ Suite ──▶ Cloud: create a service, break it, look at it
//	                      ├─ the emulator: this package's tests
//	                      └─ AWS: for readers with an account, see docs/behaviour.md
//
// A case is independent of the cloud. It makes a service of a [Shape], does what an operator could do, and checks what an
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
	Wide      float64 // above the threshold: Large is added from this value on, Small below it
	Small     int
	Large     int
	Warmup    time.Duration
}

// Refresh are the bounds of an instance refresh, in percent of the desired capacity.
type Refresh struct {
	MinHealthy, MaxHealthy int
	Warmup                 time.Duration
}

// Release is a new version of the launch template, and how it is released.
type Release struct {
	Broken bool // its instances run nothing, and never get healthy
	Bake   time.Duration
}

// Member is an instance of the group.
type Member struct {
	ID, Zone  string
	Lifecycle string // as Auto Scaling names it: Pending, InService, Terminating, …
	Version   string // of the launch template
}

// Group is the present state of the group.
type Group struct {
	Min, Desired, Max int
	Version           string   // of the launch template, for what is launched
	Members           []Member // without those that are terminated
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

// Cloud is the cloud under test. It has one service, which [Cloud.Create] makes. Durations are in the cloud's time: in the
// emulator, where time runs faster, Pause is shorter and Now runs ahead.
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
	// Metric returns a statistic of a metric of AWS/NetworkELB for each minute since a time, the oldest first: of the balancer's
	// metrics that of the balancer, of HealthyHostCount and UnHealthyHostCount that of its target group.
	Metric(ctx context.Context, name, statistic string, since time.Time) ([]float64, error)

	Open(ctx context.Context) (Flow, error) // a connection through the balancer

	SetSizes(ctx context.Context, lowest, highest int) error
	SetDesired(ctx context.Context, desired int) error
	StartRefresh(ctx context.Context) error // to a new version of the launch template; may be called again
	// Release starts a refresh whose desired configuration is a new version of the launch template, with automatic rollback.
	Release(ctx context.Context, release Release) error
	// RollBack takes the refresh that is under way back.
	RollBack(ctx context.Context) error
	Terminate(ctx context.Context, instance string) error
	StopResponder(ctx context.Context, instance string) error // the service goes on
	Burn(ctx context.Context, instance string, percent int, d time.Duration) error
	// DenyHealth removes the rule that lets health checks into the instances' security group.
	DenyHealth(ctx context.Context) error
	// AllowHealth adds that rule again.
	AllowHealth(ctx context.Context) error
	// Explain returns Reachability Analyzer's code for the path from the balancer to the health port, or "" if the port is reached.
	Explain(ctx context.Context, instance string) (code string, err error)
}
