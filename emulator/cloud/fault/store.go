// Package fault is Fault Injection Service: the faults that can be started, and those that last.
//
//	Start ──▶ at once: an instance or task ends, the power of a zone fails     (actions.go)
//	      └─▶ for a time: no capacity, no network                              (effects.go: asked by lower services)
//	                      a busy CPU, and signals to processes                 (carried out by the data plane)
package fault

import (
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/cloud/rds"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// State is what survives a restart of the emulator.
type State struct {
	Faults map[string]*Fault // that last
}

// Store holds the faults of a region.
type Store struct {
	State

	region      aws.Region
	vpc         *vpc.Store
	ec2         *ec2.Store
	autoscaling *autoscaling.Store
	ecs         *ecs.Store
	rds         *rds.Store
}

// New returns a region without faults. Networks, launches and databases ask it what is disrupted.
func New(
	region aws.Region, network *vpc.Store, compute *ec2.Store, databases *rds.Store, groups *autoscaling.Store, containers *ecs.Store,
) *Store {
	s := &Store{region: region, vpc: network, ec2: compute, autoscaling: groups, ecs: containers, rds: databases}
	aws.MakeTables(&s.State)
	network.Disruption, compute.Capacity, databases.HasPower = s.disruption, s.checkCapacity, s.hasPower
	return s
}
