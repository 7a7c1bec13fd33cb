// Package ec2 is Elastic Compute Cloud: instances, launch templates and images.
//
//	template + image ──▶ instance: pending ──▶ running ──▶ shutting-down ──▶ terminated
//	                                  ▲                         ▲                ▲
//	                        the data plane booted it   it is to end   the data plane ended it
//
// An instance of an Auto Scaling group is launched and terminated by package autoscaling, which also keeps the lifecycle of
// its members in [Instance].
package ec2

import (
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/iam"
	"github.com/elastic-service/elastic-service/emulator/cloud/s3"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// State is what survives a restart of the emulator.
type State struct {
	LaunchTemplates map[string]*LaunchTemplate `left:"launch template"`
	Instances       map[string]*Instance       `left:"instance"`
	Images          map[string]*Image          // created from instances; they stay
	Snapshots       map[string]string          // ID → ID of the image that it was made for; they stay
	Published       map[string]int             // newer images in the catalogue, by the public parameter that names the newest
}

// Store holds the instances of a region.
type Store struct {
	State

	// Capacity refuses a launch in a zone that has no room. The group is empty for an instance outside of Auto Scaling
	// groups. Nil stands for room everywhere.
	Capacity func(group, zone, instanceType string) error

	vpc *vpc.Store
	iam *iam.Store
	s3  *s3.Store
}

// New returns a region without instances.
func New(network *vpc.Store, access *iam.Store, storage *s3.Store) *Store {
	s := &Store{vpc: network, iam: access, s3: storage}
	aws.MakeTables(&s.State)
	return s
}
