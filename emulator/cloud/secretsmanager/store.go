// Package secretsmanager is AWS Secrets Manager: secrets with versions, among them those that other services own.
//
//	CreateSecret("api-key", "1") ──▶ version AWSCURRENT ──PutSecretValue("2")──▶ AWSPREVIOUS, and a new AWSCURRENT
//	DeleteSecret ──▶ marked for deletion ──▶ gone, after its recovery window
package secretsmanager

import (
	"maps"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// State is what survives a restart of the emulator.
type State struct {
	Secrets map[string]*Secret `left:"secret"` // by ARN
}

// Store holds the secrets of a region.
type Store struct {
	State
	region aws.Region
}

// New returns a region without secrets.
func New(region aws.Region) *Store {
	s := &Store{region: region}
	aws.MakeTables(&s.State)
	return s
}

// Reconcile removes secrets whose recovery window has passed, and reports whether there were any.
func (s *Store) Reconcile(now time.Time) bool {
	before := len(s.Secrets)
	maps.DeleteFunc(s.Secrets, func(_ string, secret *Secret) bool {
		return !secret.DeleteAt.IsZero() && !now.Before(secret.DeleteAt)
	})
	return len(s.Secrets) != before
}
