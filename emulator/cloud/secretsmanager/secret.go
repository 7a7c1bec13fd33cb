package secretsmanager

import (
	"regexp"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// Secret is a secret with its versions.
type Secret struct {
	ARN         string
	Name        string
	Description string
	Owner       string    // service that manages it, e.g. rds; "" for none
	Versions    []Version // the oldest first
	Created     time.Time
	Changed     time.Time
	Deleted     time.Time // when it was marked for deletion
	DeleteAt    time.Time // end of its recovery window; zero unless it is marked for deletion
}

// Version is a value of a secret: a text, or bytes.
type Version struct {
	ID     string
	Text   string
	Bytes  []byte
	Stages []string // AWSCURRENT, AWSPREVIOUS
	Made   time.Time
}

// The stages of versions that Secrets Manager sets itself.
const (
	Current  = "AWSCURRENT"
	Previous = "AWSPREVIOUS"
)

// IsLeft reports whether the secret counts as left over. A secret that is marked for deletion goes by itself, and a secret that a
// service owns goes with what it belongs to.
func (s *Secret) IsLeft() bool { return s.DeleteAt.IsZero() && s.Owner == "" }

// copied returns a copy that shares nothing with the secret.
func (s *Secret) copied() Secret {
	c := *s
	c.Versions = slices.Clone(s.Versions)
	for n := range c.Versions {
		c.Versions[n].Stages = slices.Clone(c.Versions[n].Stages)
	}
	return c
}

// Limits of the API (CreateSecret).
const maxValue = 65536 // bytes

var secretName = regexp.MustCompile(`^[A-Za-z0-9/_+=.@!-]{1,512}$`)

// CreateSecret creates a secret. Without a value it has no version yet (API: CreateSecret).
func (s *Store) CreateSecret(secret Secret, value Version, now time.Time) (Secret, error) {
	if !secretName.MatchString(secret.Name) {
		return Secret{}, aws.Refuse("ValidationException", "Invalid name. Must be a valid name containing alphanumeric characters, or any of "+
			"the following: -/_+=.@!")
	}
	for _, other := range s.Secrets {
		switch {
		case other.Name != secret.Name:
		case !other.DeleteAt.IsZero():
			return Secret{}, aws.Refuse("InvalidRequestException", "You can't create this secret because a secret with this name is already "+
				"scheduled for deletion.")
		default:
			return Secret{}, aws.Refuse("ResourceExistsException", "The operation failed because the secret %s already exists.", secret.Name)
		}
	}
	if err := value.check(); err != nil {
		return Secret{}, err
	}
	secret.ARN = s.region.ARN("secretsmanager", "secret:"+secret.Name+"-"+aws.RandomHex(3))
	secret.Created, secret.Changed = now, now
	if !value.isEmpty() {
		secret.add(value, now)
	}
	s.Secrets[secret.ARN] = &secret
	return secret.copied(), nil
}

func (v Version) isEmpty() bool { return v.Text == "" && len(v.Bytes) == 0 }

func (v Version) check() error {
	switch {
	case v.Text != "" && len(v.Bytes) > 0:
		return aws.Refuse("InvalidParameterException", "You can't specify both a binary secret value and a string secret value "+
			"in the same secret.")
	case len(v.Text) > maxValue || len(v.Bytes) > maxValue:
		return aws.Refuse("ValidationException", "The value of a secret has at most %d bytes", maxValue)
	}
	return nil
}

// add makes a value the current version.
func (s *Secret) add(value Version, now time.Time) {
	for n := range s.Versions {
		version := &s.Versions[n]
		switch {
		case slices.Contains(version.Stages, Current):
			version.Stages = []string{Previous}
		case slices.Contains(version.Stages, Previous):
			version.Stages = nil
		}
	}
	if value.ID == "" {
		value.ID = aws.UUID()
	}
	value.Stages, value.Made = []string{Current}, now
	s.Versions, s.Changed = append(s.Versions, value), now
}

// find returns the secret of an ARN, also without its last six characters, or of a name.
func (s *Store) find(id string) (*Secret, error) {
	for _, arn := range aws.Keys(s.Secrets) {
		if secret := s.Secrets[arn]; id == arn || id == secret.Name || len(arn) > 7 && id == arn[:len(arn)-7] {
			return secret, nil
		}
	}
	return nil, aws.Refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret.")
}

// usable returns a secret that is not marked for deletion.
func (s *Store) usable(id string) (*Secret, error) {
	secret, err := s.find(id)
	if err == nil && !secret.DeleteAt.IsZero() {
		err = aws.Refuse("InvalidRequestException", "You can't perform this operation on the secret because it was marked for deletion.")
	}
	return secret, err
}

// Secret returns a secret by its ARN or name, also one that is marked for deletion (API: DescribeSecret).
func (s *Store) Secret(id string) (Secret, error) {
	secret, err := s.find(id)
	if err != nil {
		return Secret{}, err
	}
	return secret.copied(), nil
}

// Value returns a version of a secret: by its ID, or by its stage, which is the current one when empty (API: GetSecretValue).
func (s *Store) Value(id, version, stage string) (Secret, Version, error) {
	secret, err := s.usable(id)
	if err != nil {
		return Secret{}, Version{}, err
	}
	if version == "" && stage == "" {
		stage = Current
	}
	for _, v := range secret.Versions {
		if (version == "" || v.ID == version) && (stage == "" || slices.Contains(v.Stages, stage)) {
			return secret.copied(), v, nil
		}
	}
	if version != "" {
		return Secret{}, Version{}, aws.Refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for "+
			"VersionId: %s", version)
	}
	return Secret{}, Version{}, aws.Refuse("ResourceNotFoundException", "Secrets Manager can't find the specified secret value for staging "+
		"label: %s", stage)
}

// PutValue makes a value the current version of a secret and returns both (API: PutSecretValue).
func (s *Store) PutValue(id string, value Version, now time.Time) (Secret, Version, error) {
	secret, err := s.own(id, "modify")
	if err == nil {
		err = value.check()
	}
	if err == nil && value.isEmpty() {
		err = aws.Refuse("InvalidRequestException", "You must provide either SecretString or SecretBinary.")
	}
	if err != nil {
		return Secret{}, Version{}, err
	}
	secret.add(value, now)
	return secret.copied(), secret.Versions[len(secret.Versions)-1], nil
}

// own returns a secret that is neither marked for deletion nor managed by another service.
func (s *Store) own(id, verb string) (*Secret, error) {
	secret, err := s.usable(id)
	if err == nil && secret.Owner != "" {
		err = aws.Refuse("InvalidRequestException", "You can't %s this secret because it's managed by %s.", verb, secret.Owner)
	}
	return secret, err
}

// The bounds of a recovery window, in days (API: DeleteSecret).
const (
	minWindow      = 7
	standardWindow = 30
)

// DeleteSecret marks a secret for deletion after so many days, 0 for 30 of them, or deletes it at once (API: DeleteSecret).
func (s *Store) DeleteSecret(id string, days int, force bool, now time.Time) (Secret, error) {
	secret, err := s.own(id, "delete")
	switch {
	case err != nil:
		return Secret{}, err
	case force && days != 0:
		return Secret{}, aws.Refuse("InvalidParameterException", "You can't use ForceDeleteWithoutRecovery in conjunction with "+
			"RecoveryWindowInDays.")
	case days != 0 && (days < minWindow || days > standardWindow):
		return Secret{}, aws.Refuse("InvalidParameterException", "The RecoveryWindowInDays value must be between %d and %d days (inclusive).",
			minWindow, standardWindow)
	case days == 0:
		days = standardWindow
	}
	secret.Deleted, secret.DeleteAt = now, now.AddDate(0, 0, days)
	if force {
		secret.DeleteAt = now
		delete(s.Secrets, secret.ARN)
	}
	return secret.copied(), nil
}

// Describe changes the description of a secret (API: UpdateSecret).
func (s *Store) Describe(id, description string) error {
	secret, err := s.own(id, "update")
	if err == nil {
		secret.Description = description
	}
	return err
}

// Unlabel takes the stages of a version away, as the provider does to delete it, but for the current stage, which stays (API:
// UpdateSecretVersionStage).
func (s *Store) Unlabel(id, version string) error {
	secret, err := s.usable(id)
	if err != nil {
		return nil //nolint:nilerr // the secret is gone, or will go with all of its versions
	}
	for n := range secret.Versions {
		if v := &secret.Versions[n]; v.ID == version && !slices.Contains(v.Stages, Current) {
			v.Stages = nil
		}
	}
	return nil
}

// Rotate makes a value the current version of a secret that another service owns.
func (s *Store) Rotate(arn string, value Version, now time.Time) {
	if secret := s.Secrets[arn]; secret != nil {
		secret.add(value, now)
	}
}

// Remove deletes a secret that another service owns.
func (s *Store) Remove(arn string) { delete(s.Secrets, arn) }

// List returns the secrets that are not marked for deletion, the oldest first (API: ListSecrets).
func (s *Store) List() []Secret {
	var all []Secret
	for _, arn := range aws.Keys(s.Secrets) {
		if secret := s.Secrets[arn]; secret.DeleteAt.IsZero() {
			all = append(all, secret.copied())
		}
	}
	slices.SortStableFunc(all, func(a, b Secret) int { return a.Created.Compare(b.Created) })
	return all
}
