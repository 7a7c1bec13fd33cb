// Package acm is Certificate Manager: certificates that are issued once their domains are proved by records of Route 53.
package acm

import (
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/route53"
)

// State is what survives a restart of the emulator.
type State struct {
	Certificates map[string]*Certificate // by ARN
}

// Store holds the certificates of a region.
type Store struct {
	State

	// User returns the ARN of what uses a certificate, or "". Nil stands for no users.
	User func(certificate string) string

	region  aws.Region
	route53 *route53.Store
}

// New returns a region without certificates.
func New(region aws.Region, dns *route53.Store) *Store {
	s := &Store{region: region, route53: dns}
	aws.MakeTables(&s.State)
	return s
}
