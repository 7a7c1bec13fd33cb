package iam

import (
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

import "path"

// Profile hands a role to instances.
type Profile struct {
	Name string
	Role string
}

// CreateProfile makes an instance profile of a role.
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

// UpdateProfile gives an instance profile another role.
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

// DeleteProfile removes an instance profile.
func (s *Store) DeleteProfile(name string) error {
	delete(s.Profiles, name)
	return nil
}

// Profile finds an instance profile by its name or an ARN that ends with it.
func (s *Store) Profile(name string) *Profile { return s.Profiles[path.Base(name)] }

// PoliciesOf are the documents of an instance profile's role, its own and those of AWS.
func (s *Store) PoliciesOf(profile string) []string {
	found := s.Profile(profile)
	if found == nil || s.Roles[found.Role] == nil {
		return nil
	}
	role := s.Roles[found.Role]
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
