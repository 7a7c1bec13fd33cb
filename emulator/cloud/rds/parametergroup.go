package rds

import (
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// ParameterGroup is a set of parameters for a major version of an engine.
type ParameterGroup struct {
	Name   string
	Family string // engine and major version: mysql8.4

	Parameters map[string]string // that differ from the engine's
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

// UpdateParameterGroup changes the parameters of a group. Those that the emulator knows are dynamic: they apply at once.
func (s *Store) UpdateParameterGroup(group ParameterGroup) {
	if found := s.ParameterGroups[group.Name]; found != nil {
		found.Parameters = group.Parameters
	}
}

// forcesTLS reports whether a database refuses connections without TLS. PostgreSQL does from version 15 on, unless its parameters say
// otherwise (RDS: "Requiring an SSL connection to a PostgreSQL DB instance"); MySQL and MariaDB do if theirs say so.
func (s *Store) forcesTLS(d *Database) bool {
	name, on := "require_secure_transport", false
	if d.Spec.Engine == "postgres" {
		name, on = "rds.force_ssl", compareVersions(d.Running, "15") >= 0
	}
	if group := s.ParameterGroups[d.Spec.ParameterGroup]; group != nil {
		if value, given := group.Parameters[name]; given {
			on = value == "1" || strings.EqualFold(value, "on")
		}
	}
	return on
}
