package rds

import (
	"encoding/json"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/secretsmanager"
)

// manageSecret creates or deletes the secret with the password of the master user that RDS manages, as the database asks for
// (RDS: "Password management with Amazon RDS and AWS Secrets Manager").
func (s *Store) manageSecret(d *Database, now time.Time) error {
	if !d.Spec.ManagedPassword {
		s.secrets.Remove(d.Secret)
		d.Secret = ""
		return nil
	}
	if d.Secret != "" {
		return nil
	}
	value, err := newPassword(d)
	if err != nil {
		return err
	}
	secret, err := s.secrets.CreateSecret(secretsmanager.Secret{
		Name: "rds!" + d.ID, Owner: "rds", Description: "The secret associated with the primary RDS DB instance: " + s.ARN(d.Spec),
	}, value, now)
	d.Secret = secret.ARN
	return err
}

// newPassword returns a value for the secret of a database with a new password.
func newPassword(d *Database) (secretsmanager.Version, error) {
	value, err := json.Marshal(map[string]string{"username": d.Spec.Username, "password": aws.RandomHex(14)})
	return secretsmanager.Version{Text: string(value)}, err
}

// RotatePassword gives the master user of a database a new password (API: ModifyDBInstance, RotateMasterUserPassword).
func (s *Store) RotatePassword(id string, now time.Time) error {
	d := s.Databases[id]
	if d == nil || d.Secret == "" {
		return aws.Refuse("InvalidParameterCombination", "RotateMasterUserPassword needs a password that RDS manages.")
	}
	value, err := newPassword(d)
	if err != nil {
		return err
	}
	s.secrets.Rotate(d.Secret, value, now)
	return nil
}

// ARN returns the ARN of a database.
func (s *Store) ARN(spec DatabaseSpec) string { return s.region.ARN("rds", "db:"+spec.Identifier) }
