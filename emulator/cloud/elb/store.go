// Package elb is Elastic Load Balancing: network and application load balancers, listeners and target groups.
//
//	clients ──▶ listener ──▶ target group ──▶ target: initial ──▶ healthy ◀──▶ unhealthy
//	             (forward.go)                            └──────────┴─▶ draining ──▶ gone
//	                                                                (target.go, health.go)
//
// [Store.Forwards] says where a flow or request may go, [Store.ProbeTargets] what is to be asked for its health, and
// [Store.Probe] takes the answer. A target that is deregistered drains for the deregistration delay of its target group:
// [Store.Deregister] starts it, [Store.Reconcile] ends it.
package elb

import (
	"net/netip"

	"github.com/elastic-service/elastic-service/emulator/cloud/acm"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/s3"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// State is what survives a restart of the emulator.
type State struct {
	LoadBalancers map[string]*LoadBalancer `left:"load balancer"` // by ARN
	TargetGroups  map[string]*TargetGroup  `left:"target group"`  // by ARN
	Listeners     map[string]*Listener     `left:"listener"`      // by ARN
}

// Store holds the load balancers of a region.
type Store struct {
	State

	traffic Traffic // of the minute that has not ended

	region aws.Region
	free   func(netip.Addr) bool
	vpc    *vpc.Store
	ec2    *ec2.Store
	acm    *acm.Store
	s3     *s3.Store
}

// New returns a region without load balancers. They get addresses that free finds free.
func New(
	region aws.Region, free func(netip.Addr) bool, network *vpc.Store, compute *ec2.Store, certificates *acm.Store, storage *s3.Store,
) *Store {
	s := &Store{traffic: newTraffic(), region: region, free: free, vpc: network, ec2: compute, acm: certificates, s3: storage}
	aws.MakeTables(&s.State)
	certificates.User = s.certificateUser
	return s
}
