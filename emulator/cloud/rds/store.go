// Package rds is Relational Database Service: database instances and their subnet groups. A database has network interfaces,
// so that paths to it are decided; no server answers at its address.
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
	Snapshots       map[string]string          // name → identifier of the database; they stay
}

// Store holds the databases of a region.
type Store struct {
	State

	region  aws.Region
	vpc     *vpc.Store
	secrets *secretsmanager.Store
}

// New returns a region without databases.
func New(region aws.Region, network *vpc.Store, secrets *secretsmanager.Store) *Store {
	s := &Store{region: region, vpc: network, secrets: secrets}
	aws.MakeTables(&s.State)
	return s
}
