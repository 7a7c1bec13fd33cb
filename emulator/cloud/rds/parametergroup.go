package rds

import "github.com/elastic-service/elastic-service/emulator/cloud/aws"

// ParameterGroup is a set of parameters for a major version of an engine.
type ParameterGroup struct {
	Name   string
	Family string // engine and major version: mysql8.4
}

// CreateParameterGroup creates a parameter group.
func (s *Store) CreateParameterGroup(group ParameterGroup) error {
	if s.ParameterGroups[group.Name] != nil {
		return aws.Refuse("DBParameterGroupAlreadyExists", "Parameter group %s already exists", group.Name)
	}
	s.ParameterGroups[group.Name] = &group
	return nil
}

// DeleteParameterGroup deletes a parameter group that no database uses.
func (s *Store) DeleteParameterGroup(name string) error {
	for _, database := range s.Databases {
		if database.Spec.ParameterGroup == name {
			return aws.Refuse("InvalidDBParameterGroupState", "One or more database instances are still members of this parameter group "+
				"%s, so the group cannot be deleted", name)
		}
	}
	delete(s.ParameterGroups, name)
	return nil
}

// checkFamily refuses a parameter group that does not exist or is for another version.
func (s *Store) checkFamily(spec DatabaseSpec, version string) error {
	if spec.ParameterGroup == "" {
		return nil
	}
	group := s.ParameterGroups[spec.ParameterGroup]
	if group == nil {
		return aws.Refuse("DBParameterGroupNotFound", "DBParameterGroup not found: %s", spec.ParameterGroup)
	}
	found, _ := releaseOf(spec.Engine, version)
	if wanted := spec.Engine + found.major; group.Family != wanted {
		return aws.Refuse("InvalidParameterCombination", "The Parameter Group %s with DBParameterGroupFamily %s cannot be used for this "+
			"instance. Please use a Parameter Group with DBParameterGroupFamily %s", group.Name, group.Family, wanted)
	}
	return nil
}
