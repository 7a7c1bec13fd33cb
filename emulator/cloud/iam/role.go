package iam

import (
	"regexp"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// Role is an IAM role with its inline policies.
type Role struct {
	Name     string
	Trust    string            // policy document: who may assume the role
	Policies map[string]string // policy name → document
	Attached []string          // ARNs of AWS managed policies
}

// Lengths of names ("IAM and AWS STS quotas").
const maxRoleName, maxIAMName = 64, 128

var iamName = regexp.MustCompile(`^[\w+=,.@-]+$`)

// checkIAMName refuses a name that is too long or has characters that IAM does not allow.
func checkIAMName(parameter, name string, longest int) error {
	if len(name) > longest || !iamName.MatchString(name) {
		return aws.Refuse("ValidationError", "The specified value for %s is invalid. It must contain only alphanumeric characters and/or "+
			"the following: +=,.@_-, at most %d: %q", parameter, longest, name)
	}
	return nil
}

// CreateRole creates a role without permissions. The trust policy names who may assume it.
func (s *Store) CreateRole(name, trust string) error {
	if err := checkIAMName("roleName", name, maxRoleName); err != nil {
		return err
	}
	if s.Roles[name] != nil {
		return aws.Refuse("EntityAlreadyExists", "Role with name %s already exists.", name)
	}
	if _, err := parsePolicy(trust); err != nil {
		return err
	}
	s.Roles[name] = &Role{Name: name, Trust: trust, Policies: map[string]string{}}
	return nil
}

// UpdateTrust replaces the trust policy of a role.
func (s *Store) UpdateTrust(role, trust string) error {
	found := s.Roles[role]
	if found == nil {
		return aws.Refuse("NoSuchEntity", "The role with name %s cannot be found.", role)
	}
	if _, err := parsePolicy(trust); err != nil {
		return err
	}
	found.Trust = trust
	return nil
}

// DeleteRole deletes a role that has no policies and is in no instance profile.
func (s *Store) DeleteRole(name string) error {
	role := s.Roles[name]
	if role == nil {
		return nil
	}
	if len(role.Attached) > 0 {
		return aws.Refuse("DeleteConflict", "Cannot delete entity, must detach all policies first.")
	}
	if len(role.Policies) > 0 {
		return aws.Refuse("DeleteConflict", "Cannot delete entity, must delete policies first.")
	}
	for _, profile := range s.Profiles {
		if profile.Role == name {
			return aws.Refuse("DeleteConflict", "Cannot delete entity, must remove roles from instance profile first.")
		}
	}
	delete(s.Roles, name)
	return nil
}

// PutRolePolicy adds or replaces an inline policy of a role.
func (s *Store) PutRolePolicy(role, name, document string) error {
	found := s.Roles[role]
	if found == nil {
		return aws.Refuse("NoSuchEntity", "The role with name %s cannot be found.", role)
	}
	if _, err := parsePolicy(document); err != nil {
		return err
	}
	found.Policies[name] = document
	return nil
}

// DeleteRolePolicy deletes an inline policy of a role.
func (s *Store) DeleteRolePolicy(role, name string) error {
	if found := s.Roles[role]; found != nil {
		delete(found.Policies, name)
	}
	return nil
}
