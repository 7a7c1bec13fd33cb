// Package ecs is Elastic Container Service on EC2: clusters, task definitions, services and their tasks.
//
//	service ──▶ deployment ──▶ task: PENDING ──▶ RUNNING ──▶ DEACTIVATING ──▶ STOPPING ──▶ STOPPED
//	(scheduler.go)                   on a container instance (placement.go, host.go)
//
// Services are scaled by Application Auto Scaling, groups by the managed scaling of a capacity provider (scaling.go).
package ecs

import (
	"net/netip"

	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/iam"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// State is what survives a restart of the emulator.
type State struct {
	Clusters           map[string]*Cluster           `left:"cluster"`
	CapacityProviders  map[string]*CapacityProvider  `left:"capacity provider"`
	TaskDefinitions    map[string]*TaskDefinition    `left:"task definition"` // by ARN
	Services           map[string]*Service           `left:"service"`         // by ARN
	Tasks              map[string]*Task              `left:"task"`            // by ID
	ScalableTargets    map[string]*ScalableTarget    `left:"scalable target"` // by resource ID
	ContainerInstances map[string]*ContainerInstance // by the instance's ID
}

// Store holds the clusters of a region.
type Store struct {
	State

	region      aws.Region
	free        func(netip.Addr) bool
	vpc         *vpc.Store
	iam         *iam.Store
	ec2         *ec2.Store
	elb         *elb.Store
	cloudwatch  *cloudwatch.Store
	autoscaling *autoscaling.Store
}

// New returns a region without clusters. Containers get addresses that free finds free.
func New(
	region aws.Region, free func(netip.Addr) bool, network *vpc.Store, access *iam.Store, compute *ec2.Store, balancers *elb.Store,
	alarms *cloudwatch.Store, groups *autoscaling.Store,
) *Store {
	s := &Store{
		region: region, free: free, vpc: network, iam: access, ec2: compute, elb: balancers, cloudwatch: alarms, autoscaling: groups,
	}
	aws.MakeTables(&s.State)
	alarms.AddCollector(s.collect)
	alarms.AddAction(s.runPolicy)
	groups.Holds = s.Holds
	return s
}
