// Package analyzer answers whether a connection is possible and what it passes, as VPC Reachability Analyzer does. It finds
// the network interfaces that a name stands for, and lets packages vpc and elb decide.
package analyzer

import (
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/rds"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// Store is what the analyzer looks at. It has no state of its own.
type Store struct {
	vpc *vpc.Store
	ec2 *ec2.Store
	elb *elb.Store
	rds *rds.Store
}

// New returns an analyzer of a region.
func New(network *vpc.Store, compute *ec2.Store, balancers *elb.Store, databases *rds.Store) *Store {
	return &Store{vpc: network, ec2: compute, elb: balancers, rds: databases}
}
