// Package autoscaling is EC2 Auto Scaling: groups that launch, watch, replace and terminate their instances.
//
//	policy, schedule, update ──▶ desired capacity ──▶ Pending ──▶ InService ──▶ Terminating ──▶ gone
//	(policy.go, schedule.go)     (group.go)       (launch.go)  └──── hooks ────┘ (member.go, hook.go)
//
// A group's template may be rolled out by an instance refresh (refresh.go), and its zones are kept even (rebalance.go).
// Everything happens in [Store.Reconcile], group by group.
package autoscaling

import (
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/events"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// State is what survives a restart of the emulator.
type State struct {
	Groups map[string]*Group `left:"auto scaling group"` // by name
}

// Store holds the Auto Scaling groups of a region.
type Store struct {
	State

	// Holds reports whether a member that is to be terminated has to wait, for its tasks to be drained. Nil stands for no.
	Holds func(*ec2.Instance) bool

	region     aws.Region
	vpc        *vpc.Store
	ec2        *ec2.Store
	elb        *elb.Store
	events     *events.Store
	cloudwatch *cloudwatch.Store
}

// New returns a region without groups. Their metrics and policies are known to the alarms.
func New(
	region aws.Region, network *vpc.Store, compute *ec2.Store, balancers *elb.Store, bus *events.Store, alarms *cloudwatch.Store,
) *Store {
	s := &Store{region: region, vpc: network, ec2: compute, elb: balancers, events: bus, cloudwatch: alarms}
	aws.MakeTables(&s.State)
	alarms.AddCollector(s.collect)
	alarms.AddAction(s.runPolicy)
	return s
}

// Reconcile moves the groups on and reports whether anything changed.
func (s *Store) Reconcile(now time.Time) bool {
	changed := false
	for _, name := range aws.Keys(s.Groups) {
		changed = s.reconcileGroup(s.Groups[name], now) || changed
	}
	return changed
}
