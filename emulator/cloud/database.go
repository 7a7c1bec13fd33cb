package cloud

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// SubnetGroup is a set of subnets that databases may be in.
type SubnetGroup struct {
	Name    string
	Subnets []string
}

// DatabaseSpec is what an RDS instance is made of.
type DatabaseSpec struct {
	Identifier      string
	Engine, Version string
	Class           string
	StorageGiB      int
	Name            string // of the first database; none when empty
	Username        string
	Password        bool // one is given
	ManagedPassword bool // RDS makes one and keeps it in Secrets Manager
	SubnetGroup     string
	ParameterGroup  string // none when empty
	Groups          []string
	MultiAZ         bool
	BackupDays      int
	Protected       bool // deletion protection
}

// Database is an RDS instance. It is recorded: nothing answers at its address.
type Database struct {
	ID   string // resource ID
	Spec DatabaseSpec
}

// Port is the engine's own.
func (s DatabaseSpec) Port() int {
	if s.Engine == "postgres" {
		return 5432
	}
	return 3306
}

// CreateSubnetGroup makes a subnet group. It must cover two zones, even for a database in one.
func (c *Cloud) CreateSubnetGroup(group SubnetGroup) error {
	return c.change(func(s *state) error {
		if s.SubnetGroups[group.Name] != nil {
			return refuse("DBSubnetGroupAlreadyExists", "The DB subnet group '%s' already exists.", group.Name)
		}
		if err := s.checkSubnetGroup(group); err != nil {
			return err
		}
		s.SubnetGroups[group.Name] = &group
		return nil
	})
}

// subnetGroupName is the rule of the API (CreateDBSubnetGroup).
var subnetGroupName = regexp.MustCompile(`^[a-z0-9 ._-]{1,255}$`)

func (s *state) checkSubnetGroup(group SubnetGroup) error {
	if !subnetGroupName.MatchString(group.Name) || group.Name == "default" {
		return refuse("InvalidParameterValue", "The parameter DBSubnetGroupName is not a valid identifier: %s", group.Name)
	}
	zones, vpc := map[string]bool{}, ""
	for _, id := range group.Subnets {
		subnet := s.Subnets[id]
		if subnet == nil {
			return refuse("InvalidSubnet", "The subnet ID '%s' does not exist", id)
		}
		if vpc != "" && subnet.VPC != vpc {
			return refuse("InvalidSubnet", "The subnets of DB subnet group %s are in different networks", group.Name)
		}
		zones[subnet.Zone], vpc = true, subnet.VPC
	}
	if len(zones) < 2 {
		return refuse("DBSubnetGroupDoesNotCoverEnoughAZs", "The DB subnet group doesn't meet Availability Zone (AZ) coverage "+
			"requirement. Current AZ coverage: %s. Add subnets to cover at least 2 AZs.", strings.Join(keys(zones), ", "))
	}
	return nil
}

// UpdateSubnetGroup changes the subnets.
func (c *Cloud) UpdateSubnetGroup(group SubnetGroup) error {
	return c.change(func(s *state) error {
		if s.SubnetGroups[group.Name] == nil {
			return refuse("DBSubnetGroupNotFoundFault", "DB subnet group '%s' does not exist.", group.Name)
		}
		if err := s.checkSubnetGroup(group); err != nil {
			return err
		}
		s.SubnetGroups[group.Name] = &group
		for _, database := range s.Databases {
			if database.Spec.SubnetGroup == group.Name {
				if err := s.placeDatabase(database.Spec); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// DeleteSubnetGroup removes a group without databases.
func (c *Cloud) DeleteSubnetGroup(name string) error {
	return c.change(func(s *state) error {
		for _, database := range s.Databases {
			if database.Spec.SubnetGroup == name {
				return refuse("InvalidDBSubnetGroupStateFault", "Cannot delete the subnet group '%s' because at least one database "+
					"instance: %s is still using it.", name, database.Spec.Identifier)
			}
		}
		delete(s.SubnetGroups, name)
		return nil
	})
}

// CheckParameterGroupUnused holds that a parameter group may be deleted: no database has it.
func (c *Cloud) CheckParameterGroupUnused(name string) error {
	var err error
	c.view(func(s *state) {
		for _, database := range s.Databases {
			if database.Spec.ParameterGroup == name {
				err = refuse("InvalidDBParameterGroupState", "One or more database instances are still members of this parameter group "+
					"%s, so the group cannot be deleted", name)
			}
		}
	})
	return err
}

// CreateDatabase makes an RDS instance.
func (c *Cloud) CreateDatabase(spec DatabaseSpec) (Database, error) {
	database := &Database{ID: "db-" + strings.ToUpper(randomHex(13)), Spec: spec}
	err := c.change(func(s *state) error {
		for _, other := range s.Databases {
			if other.Spec.Identifier == spec.Identifier {
				return refuse("DBInstanceAlreadyExists", "DB instance already exists")
			}
		}
		if err := s.checkDatabase(spec); err != nil {
			return err
		}
		if err := s.placeDatabase(spec); err != nil {
			return err
		}
		s.Databases[database.ID] = database
		return nil
	})
	return *database, err
}

// UpdateDatabase changes what can be changed in place.
func (c *Cloud) UpdateDatabase(id string, spec DatabaseSpec) error {
	return c.change(func(s *state) error {
		database := s.Databases[id]
		if database == nil {
			return refuse("DBInstanceNotFound", "DBInstance %s not found.", spec.Identifier)
		}
		if err := s.checkDatabase(spec); err != nil {
			return err
		}
		if spec.StorageGiB < database.Spec.StorageGiB {
			return refuse("InvalidParameterCombination", "Requested storage size (%d) cannot be smaller than the current size (%d).",
				spec.StorageGiB, database.Spec.StorageGiB)
		}
		for _, other := range s.Databases {
			if other != database && other.Spec.Identifier == spec.Identifier {
				return refuse("DBInstanceAlreadyExists", "DB instance already exists")
			}
		}
		if old := database.Spec.SubnetGroup; old != spec.SubnetGroup && s.networkOf(old) == s.networkOf(spec.SubnetGroup) {
			return refuse("InvalidVPCNetworkStateFault", "You cannot move DB instance %s to subnet group %s. The specified DB subnet "+
				"group and DB instance are in the same VPC. Choose a DB subnet group in different VPC than the specified DB instance "+
				"and try again.", spec.Identifier, spec.SubnetGroup)
		}
		s.RenameOwner(database.Spec.owner(), spec.owner())
		if err := s.placeDatabase(spec); err != nil {
			s.RenameOwner(spec.owner(), database.Spec.owner())
			return err
		}
		database.Spec = spec
		return nil
	})
}

func (s DatabaseSpec) owner() Owner { return Owner{OwnerDatabase, s.Identifier} }

// placeDatabase gives a database a network interface in each subnet of its group. RDS has one interface at a time, in the
// subnet where the database runs; but it may move to any of them.
func (s *state) placeDatabase(spec DatabaseSpec) error {
	return s.SetInterfaces(spec.owner(), s.SubnetGroups[spec.SubnetGroup].Subnets, spec.Groups, false)
}

// networkOf is the VPC of a subnet group.
func (s *state) networkOf(subnetGroup string) string {
	if group := s.SubnetGroups[subnetGroup]; group != nil {
		return s.vpcOf(group.Subnets[0])
	}
	return ""
}

// DeleteDatabase removes an RDS instance, keeping a final snapshot unless its name is empty.
func (c *Cloud) DeleteDatabase(id, snapshot string) error {
	return c.change(func(s *state) error {
		database := s.Databases[id]
		switch {
		case database == nil:
			return nil
		case database.Spec.Protected:
			return refuse("InvalidParameterCombination", "Cannot delete protected DB Instance, please disable deletion protection "+
				"and try again.")
		case snapshot != "" && !validIdentifier(snapshot, 255):
			return refuse("InvalidParameterValue", "The parameter FinalDBSnapshotIdentifier is not a valid identifier: %s", snapshot)
		case s.Snapshots[snapshot]:
			return refuse("DBSnapshotAlreadyExists", "Cannot create the snapshot because a snapshot with the identifier %s already "+
				"exists.", snapshot)
		case snapshot != "":
			s.Snapshots[snapshot] = true
		}
		s.DeleteInterfaces(database.Spec.owner())
		delete(s.Databases, id)
		return nil
	})
}

var identifier = regexp.MustCompile(`^[A-Za-z](-?[A-Za-z0-9])*$`)

func validIdentifier(text string, longest int) bool {
	return len(text) <= longest && identifier.MatchString(text)
}

// engines are the ones that are known here, with the versions that RDS still makes new instances of ("Release calendars").
var engines = map[string]*regexp.Regexp{
	"postgres": regexp.MustCompile(`^1[3-8](\.[0-9]+)?$`),
	"mysql":    regexp.MustCompile(`^8\.[04](\.[0-9]+)?$`),
	"mariadb":  regexp.MustCompile(`^(10\.(6|11)|11\.[48])(\.[0-9]+)?$`),
}

// databaseClass is the pattern of instance classes.
var databaseClass = regexp.MustCompile(`^db\.[a-z0-9-]+\.[a-z0-9]+$`)

func (s *state) checkDatabase(spec DatabaseSpec) error {
	versions := engines[spec.Engine]
	switch {
	case !validIdentifier(spec.Identifier, 63):
		return refuse("InvalidParameterValue", "The parameter DBInstanceIdentifier is not a valid identifier: %s. Identifiers must "+
			"begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two "+
			"consecutive hyphens.", spec.Identifier)
	case versions == nil:
		return refuse("InvalidParameterValue", "Invalid DB engine: %s (the emulator knows %s)", spec.Engine,
			strings.Join(keys(engines), ", "))
	case spec.Version != "" && !versions.MatchString(spec.Version):
		return refuse("InvalidParameterCombination", "Cannot find version %s for %s", spec.Version, spec.Engine)
	case !databaseClass.MatchString(spec.Class):
		return refuse("InvalidParameterValue", "Invalid DB Instance class: %s", spec.Class)
	case spec.StorageGiB < 20 || spec.StorageGiB > 65536:
		return refuse("InvalidParameterValue", "Invalid storage size for engine name %s and storage type gp3: %d", spec.Engine,
			spec.StorageGiB)
	case spec.BackupDays < 0 || spec.BackupDays > 35:
		return refuse("InvalidParameterValue", "Invalid backup retention period. %d is not between 0 and 35.", spec.BackupDays)
	}
	if err := spec.checkOwner(); err != nil {
		return err
	}
	return s.checkDatabasePlace(spec)
}

// reserved are user names that the engines keep for themselves (RDS User Guide: "CreateDBInstance", MasterUsername).
var reserved = map[string][]string{
	"postgres": {"admin", "rdsadmin", "rdsrepladmin", "rds_superuser"},
	"mysql":    {"rdsadmin", "rdsrepladmin", "root", "mysql"},
	"mariadb":  {"rdsadmin", "rdsrepladmin", "root", "mysql"},
}

var plainName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

func (s DatabaseSpec) checkOwner() error {
	longest := 16
	if s.Engine == "postgres" {
		longest = 63
	}
	switch {
	case slices.Contains(reserved[s.Engine], strings.ToLower(s.Username)):
		return refuse("InvalidParameterValue", "MasterUsername %s cannot be used as it is a reserved word used by the engine", s.Username)
	case !plainName.MatchString(s.Username) || len(s.Username) > longest:
		return refuse("InvalidParameterValue", "The parameter MasterUsername must begin with a letter and have at most %d letters, "+
			"digits and underscores: %q", longest, s.Username)
	case s.Name != "" && (!plainName.MatchString(s.Name) || len(s.Name) > 63):
		return refuse("InvalidParameterValue", "DBName must begin with a letter and contain only alphanumeric characters: %s", s.Name)
	case s.Password && s.ManagedPassword:
		return refuse("InvalidParameterCombination", "You can't specify MasterUserPassword for an instance with "+
			"ManageMasterUserPassword enabled.")
	case !s.Password && !s.ManagedPassword:
		return refuse("InvalidParameterValue", "Invalid master password")
	}
	return nil
}

func (s *state) checkDatabasePlace(spec DatabaseSpec) error {
	group := s.SubnetGroups[spec.SubnetGroup]
	if group == nil {
		return refuse("DBSubnetGroupNotFoundFault", "DB subnet group '%s' does not exist. (The emulator has no default one.)",
			spec.SubnetGroup)
	}
	for _, id := range spec.Groups {
		found := s.Groups[id]
		if found == nil {
			return refuse("InvalidParameterValue", "Invalid security group , groupId= %s, groupName=.", id)
		}
		if vpc := s.vpcOf(group.Subnets[0]); found.VPC != vpc {
			return refuse("InvalidVPCNetworkStateFault", "The DB instance and EC2 security group are in different VPCs. The DB "+
				"instance is in %s and the EC2 security group is in %s", vpc, found.VPC)
		}
	}
	return nil
}

// DatabaseAddress is the name under which RDS would make the database reachable.
func (c *Cloud) DatabaseAddress(spec DatabaseSpec) string {
	return fmt.Sprintf("%s.c9akciq32rgh.%s.rds.amazonaws.com", spec.Identifier, c.state.region)
}
