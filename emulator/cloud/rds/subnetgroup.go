package rds

import (
	"regexp"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// SubnetGroup is a set of subnets that databases may run in.
type SubnetGroup struct {
	Name    string
	Subnets []string
}

// CreateSubnetGroup creates a subnet group. It must cover two availability zones, even for a database in one zone.
func (s *Store) CreateSubnetGroup(group SubnetGroup) error {
	if s.SubnetGroups[group.Name] != nil {
		return aws.Refuse("DBSubnetGroupAlreadyExists", "The DB subnet group '%s' already exists.", group.Name)
	}
	if err := s.checkSubnetGroup(group); err != nil {
		return err
	}
	s.SubnetGroups[group.Name] = &group
	return nil
}

// subnetGroupName matches names of subnet groups (API: CreateDBSubnetGroup).
var subnetGroupName = regexp.MustCompile(`^[a-z0-9 ._-]{1,255}$`)

// checkSubnetGroup refuses a subnet group that RDS refuses.
func (s *Store) checkSubnetGroup(group SubnetGroup) error {
	if !subnetGroupName.MatchString(group.Name) || group.Name == "default" {
		return aws.Refuse("InvalidParameterValue", "The parameter DBSubnetGroupName is not a valid identifier: %s", group.Name)
	}
	zones, vpc := map[string]bool{}, ""
	for _, id := range group.Subnets {
		subnet := s.vpc.Subnets[id]
		if subnet == nil {
			return aws.Refuse("InvalidSubnet", "The subnet ID '%s' does not exist", id)
		}
		if vpc != "" && subnet.VPC != vpc {
			return aws.Refuse("InvalidSubnet", "The subnets of DB subnet group %s are in different networks", group.Name)
		}
		zones[subnet.Zone], vpc = true, subnet.VPC
	}
	if len(zones) < 2 {
		return aws.Refuse("DBSubnetGroupDoesNotCoverEnoughAZs", "The DB subnet group doesn't meet Availability Zone (AZ) coverage "+
			"requirement. Current AZ coverage: %s. Add subnets to cover at least 2 AZs.", strings.Join(aws.Keys(zones), ", "))
	}
	return nil
}

// UpdateSubnetGroup replaces the subnets of a group.
func (s *Store) UpdateSubnetGroup(group SubnetGroup) error {
	if s.SubnetGroups[group.Name] == nil {
		return aws.Refuse("DBSubnetGroupNotFoundFault", "DB subnet group '%s' does not exist.", group.Name)
	}
	if err := s.checkSubnetGroup(group); err != nil {
		return err
	}
	for _, database := range s.Databases {
		if database.Spec.SubnetGroup != group.Name {
			continue
		}
		if !slices.Contains(group.Subnets, database.Subnet) {
			return aws.Refuse("SubnetAlreadyInUse", "Some input subnets in :[%s] are currently in use by DB instance %s.", database.Subnet,
				database.Spec.Identifier)
		}
		if err := s.vpc.SetInterfaces(database.Spec.Owner(), group.Subnets, database.Spec.Groups, false); err != nil {
			return err
		}
	}
	s.SubnetGroups[group.Name] = &group
	return nil
}

// DeleteSubnetGroup deletes a group that no database uses.
func (s *Store) DeleteSubnetGroup(name string) error {
	for _, database := range s.Databases {
		if database.Spec.SubnetGroup == name {
			return aws.Refuse("InvalidDBSubnetGroupStateFault", "Cannot delete the subnet group '%s' because at least one database "+
				"instance: %s is still using it.", name, database.Spec.Identifier)
		}
	}
	delete(s.SubnetGroups, name)
	return nil
}

// networkOf returns the ID of the VPC of a subnet group, or "".
func (s *Store) networkOf(subnetGroup string) string {
	if group := s.SubnetGroups[subnetGroup]; group != nil {
		return s.vpc.VPCOf(group.Subnets[0])
	}
	return ""
}
