// Package s3 is Simple Storage Service: buckets and their objects. The bytes of an object are in a file that the caller
// keeps. What an instance may read is decided by package ec2.
package s3

import "github.com/elastic-service/elastic-service/emulator/cloud/aws"

// State is what survives a restart of the emulator.
type State struct {
	Buckets map[string]*Bucket `left:"bucket"`
}

// Store holds the buckets of the account.
type Store struct{ State }

// New returns an account without buckets.
func New() *Store {
	s := &Store{}
	aws.MakeTables(&s.State)
	return s
}
