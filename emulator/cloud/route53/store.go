// Package route53 is Route 53: hosted zones and their record sets. They are checked and kept; no server answers for the
// names.
package route53

import "github.com/elastic-service/elastic-service/emulator/cloud/aws"

// State is what survives a restart of the emulator.
type State struct {
	HostedZones map[string]*HostedZone // by ID
}

// Store holds the hosted zones of the account.
type Store struct{ State }

// New returns an account without hosted zones.
func New() *Store {
	s := &Store{}
	aws.MakeTables(&s.State)
	return s
}
