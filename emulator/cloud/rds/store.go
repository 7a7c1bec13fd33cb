// Package rds is Relational Database Service: database instances, their subnet groups and snapshots.
//
//	creating ──▶ available ──▶ backing-up ──▶ available
//	                  │  ▲
//	                  ▼  │ the server is back, with a standby in the other zone
//	          rebooting, modifying
//
// The data plane runs the servers that [Store.Servers] lists, and copies the files of snapshots. A database whose server this machine
// does not have is only recorded: it is available at once, and nothing answers at its address.
package rds

import (
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/secretsmanager"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// State is what survives a restart of the emulator.
type State struct {
	Databases       map[string]*Database       // by resource ID
	SubnetGroups    map[string]*SubnetGroup    // by name
	ParameterGroups map[string]*ParameterGroup // by name
	Snapshots       map[string]*Snapshot       // by name; they stay
}

// Store holds the databases of a region.
type Store struct {
	State

	region  aws.Region
	vpc     *vpc.Store
	secrets *secretsmanager.Store

	// Serves reports whether the data plane runs servers of an engine. Nil: of none.
	Serves func(engine string) bool
	// HasPower reports whether the machines of a zone run. Nil: they do.
	HasPower func(zone string) bool
}

// New returns a region without databases.
func New(region aws.Region, network *vpc.Store, secrets *secretsmanager.Store) *Store {
	s := &Store{region: region, vpc: network, secrets: secrets}
	aws.MakeTables(&s.State)
	return s
}
