// Package cloudwatch is CloudWatch: alarms on metrics, log groups and dashboards.
//
//	Collector ──▶ a sample a minute ──┬─▶ alarm: OK, ALARM, INSUFFICIENT_DATA ──▶ Action, or a topic of package events
//	                                  └─▶ Points
//
// Services above this package hand in the metrics they publish with [Store.AddCollector] and the scaling policies that an alarm
// runs with [Store.AddAction]. [Store.Points] is what was measured.
package cloudwatch

import (
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/acm"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/events"
	"github.com/elastic-service/elastic-service/emulator/cloud/iam"
	"github.com/elastic-service/elastic-service/emulator/cloud/rds"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// State is what survives a restart of the emulator.
type State struct {
	Alarms     map[string]*Alarm    `left:"alarm"`     // by name
	LogGroups  map[string]*LogGroup `left:"log-group"` // by name
	MeasuredAt time.Time            // the last whole minute that was measured
}

// Store holds the alarms and log groups of a region.
type Store struct {
	State

	collectors []Collector
	metrics    map[string]*series // by key; what was measured before a restart is lost, but for the minutes that alarms have kept
	actions    []Action

	region aws.Region
	vpc    *vpc.Store
	iam    *iam.Store
	ec2    *ec2.Store
	elb    *elb.Store
	events *events.Store
	rds    *rds.Store
	acm    *acm.Store
}

// New returns a region without alarms, with the metrics of the services below it.
func New(
	region aws.Region, network *vpc.Store, access *iam.Store, compute *ec2.Store, balancers *elb.Store, bus *events.Store,
	databases *rds.Store, certificates *acm.Store,
) *Store {
	s := &Store{
		region: region, vpc: network, iam: access, ec2: compute, elb: balancers, events: bus, rds: databases, acm: certificates,
		metrics: map[string]*series{},
	}
	aws.MakeTables(&s.State)
	s.AddCollector(s.collectInstances)
	s.AddCollector(s.collectBalancers)
	s.AddCollector(s.collectRecorded)
	return s
}
