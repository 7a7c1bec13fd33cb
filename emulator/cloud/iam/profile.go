package iam

import (
	"path"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// Profile is an instance profile: it gives instances a role.
type Profile struct {
	Name string
	Role string
}

// CreateProfile creates an instance profile for a role.
func (s *Store) CreateProfile(name, role string) error {
	if err := checkIAMName("instanceProfileName", name, maxIAMName); err != nil {
		return err
	}
	if s.Roles[role] == nil {
		return aws.Refuse("NoSuchEntity", "The role with name %s cannot be found.", role)
	}
	if s.Profiles[name] != nil {
		return aws.Refuse("EntityAlreadyExists", "Instance Profile %s already exists.", name)
	}
	s.Profiles[name] = &Profile{Name: name, Role: role}
	return nil
}

// UpdateProfile replaces the role of an instance profile.
func (s *Store) UpdateProfile(name, role string) error {
	found := s.Profiles[name]
	if found == nil {
		return aws.Refuse("NoSuchEntity", "Instance Profile %s cannot be found.", name)
	}
	if s.Roles[role] == nil {
		return aws.Refuse("NoSuchEntity", "The role with name %s cannot be found.", role)
	}
	found.Role = role
	return nil
}

// DeleteProfile deletes an instance profile.
func (s *Store) DeleteProfile(name string) error {
	delete(s.Profiles, name)
	return nil
}

// Profile returns an instance profile by its name, or by an ARN that ends with the name, or nil.
func (s *Store) Profile(name string) *Profile { return s.Profiles[path.Base(name)] }

// PoliciesOf returns the policy documents of an instance profile's role: inline policies and AWS managed policies.
func (s *Store) PoliciesOf(profile string) []string {
	found := s.Profile(profile)
	if found == nil {
		return nil
	}
	return s.PoliciesOfRole(found.Role)
}

// PoliciesOfRole returns the policy documents of a role: inline policies and AWS managed policies.
func (s *Store) PoliciesOfRole(name string) []string {
	role := s.Roles[name]
	if role == nil {
		return nil
	}
	var documents []string
	for _, name := range aws.Keys(role.Policies) {
		documents = append(documents, role.Policies[name])
	}
	for _, arn := range role.Attached {
		document, _ := managedPolicy(arn)
		documents = append(documents, document)
	}
	return documents
}
