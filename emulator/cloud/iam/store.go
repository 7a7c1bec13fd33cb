// Package iam is Identity and Access Management: roles with their policies, and the instance profiles that hand a role to
// instances. [Store.Allows] decides whether an instance profile's role may do something.
package iam

import "github.com/elastic-service/elastic-service/emulator/cloud/aws"

// State is what survives a restart of the emulator.
type State struct {
	Roles    map[string]*Role    `left:"role"`
	Profiles map[string]*Profile `left:"instance profile"`
}

// Store holds the roles of the account.
type Store struct{ State }

// New returns an account without roles.
func New() *Store {
	s := &Store{}
	aws.MakeTables(&s.State)
	return s
}
