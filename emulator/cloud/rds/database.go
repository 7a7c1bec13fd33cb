package rds

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// DatabaseSpec describes a database.
type DatabaseSpec struct {
	Identifier      string
	Engine, Version string
	Class           string
	StorageGiB      int
	MaxStorageGiB   int    // up to which the volume grows by itself; 0: it does not
	Name            string // of the first database, or ""
	Username        string
	Password        string // of the master user, or ""
	ManagedPassword bool   // RDS generates the password and keeps it in Secrets Manager
	SubnetGroup     string
	Zone            string // in which it is created, or ""
	ParameterGroup  string // or ""
	Groups          []string
	MultiAZ         bool
	BackupDays      int
	Protected       bool // deletion protection
	ExtendedSupport bool // a version past its standard support is taken, and billed
}

// Database is an RDS instance.
type Database struct {
	ID      string       // resource ID
	Spec    DatabaseSpec // as it is at present
	Running string       // the version with its minor version
	Secret  string       // ARN of the secret with the password that RDS manages, or ""
	Created time.Time

	Status Status
	Reason string    // of a failure
	Subnet string    // in which the primary is; its standby is in a subnet of another zone
	Origin string    // the snapshot from which it was created, or ""
	Starts int       // starts of the server that were asked for after the first
	Back   time.Time // when the server starts that is being moved or restarted; zero: it is not
	Use    Use       // as measured last

	Pending        *waiting  // nil: nothing waits for the maintenance window
	Due            time.Time // when the window begins
	StorageChanged time.Time // zero: never
}

// Port returns the engine's default port.
func (s DatabaseSpec) Port() int {
	if s.Engine == "postgres" {
		return 5432
	}
	return 3306
}

// CreateDatabase creates an RDS instance.
func (s *Store) CreateDatabase(spec DatabaseSpec, now time.Time) (Database, error) {
	if err := spec.checkPassword(); err != nil {
		return Database{}, err
	}
	return s.create(spec, origin{version: running(spec.Engine, spec.Version)}, now)
}

// origin is what a new database begins with.
type origin struct {
	snapshot string // "" for an empty database
	version  string // with its minor version
}

func (s *Store) create(spec DatabaseSpec, from origin, now time.Time) (Database, error) {
	database := &Database{
		ID: "db-" + strings.ToUpper(aws.RandomHex(13)), Spec: spec, Created: now, Running: from.version, Origin: from.snapshot,
		Status: s.unless(spec.Engine, Creating),
	}
	for _, other := range s.Databases {
		if other.Spec.Identifier == spec.Identifier {
			return Database{}, aws.Refuse("DBInstanceAlreadyExists", "DB instance already exists")
		}
	}
	if err := s.checkDatabase(spec); err != nil {
		return Database{}, err
	}
	if err := spec.checkVersion(now); err != nil {
		return Database{}, err
	}
	if err := s.checkFamily(spec, database.Running); err != nil {
		return Database{}, err
	}
	if err := s.setInterfaces(spec); err != nil {
		return Database{}, err
	}
	if err := s.manageSecret(database, now); err != nil {
		return Database{}, err
	}
	database.Subnet = s.firstSubnet(spec)
	s.Databases[database.ID] = database
	return *database, nil
}

// Owner returns the owner of the database's network interfaces.
func (s DatabaseSpec) Owner() vpc.Owner { return vpc.Owner{Kind: vpc.OwnerDatabase, ID: s.Identifier} }

// setInterfaces gives a database a network interface in each subnet of its group. RDS creates an interface only in the
// subnet in which the database runs; but the database may move to any of them.
func (s *Store) setInterfaces(spec DatabaseSpec) error {
	return s.vpc.SetInterfaces(spec.Owner(), s.SubnetGroups[spec.SubnetGroup].Subnets, spec.Groups, false)
}

// DeleteDatabase deletes an RDS instance. It keeps a final snapshot unless the name of the snapshot is "".
func (s *Store) DeleteDatabase(id, snapshot string, now time.Time) error {
	database := s.Databases[id]
	switch {
	case database == nil:
		return nil
	case database.Spec.Protected:
		return aws.Refuse("InvalidParameterCombination", "Cannot delete protected DB Instance, please disable deletion protection "+
			"and try again.")
	case snapshot != "":
		if err := s.addSnapshot(database, snapshot, now); err != nil {
			return err
		}
	}
	s.vpc.DeleteInterfaces(database.Spec.Owner())
	s.secrets.Remove(database.Secret)
	delete(s.Databases, id)
	return nil
}

// Database returns a database by its identifier (API: DescribeDBInstances).
func (s *Store) Database(identifier string) (Database, error) {
	for _, d := range s.Databases {
		if d.Spec.Identifier == identifier {
			return *d, nil
		}
	}
	return Database{}, aws.Refuse("DBInstanceNotFound", "DBInstance %s not found.", identifier)
}

// List returns the databases, sorted by their identifiers.
func (s *Store) List() []Database {
	var all []Database
	for _, d := range s.Databases {
		all = append(all, *d)
	}
	slices.SortFunc(all, func(a, b Database) int { return strings.Compare(a.Spec.Identifier, b.Spec.Identifier) })
	return all
}

var identifier = regexp.MustCompile(`^[A-Za-z](-?[A-Za-z0-9])*$`)

// validIdentifier reports whether RDS accepts an identifier.
func validIdentifier(text string, longest int) bool {
	return len(text) <= longest && identifier.MatchString(text)
}

// databaseClass matches instance classes.
var databaseClass = regexp.MustCompile(`^db\.[a-z0-9-]+\.[a-z0-9]+$`)

// checkDatabase refuses a database that RDS refuses (API: CreateDBInstance).
func (s *Store) checkDatabase(spec DatabaseSpec) error {
	switch {
	case !validIdentifier(spec.Identifier, 63):
		return aws.Refuse("InvalidParameterValue", "The parameter DBInstanceIdentifier is not a valid identifier: %s. Identifiers must "+
			"begin with a letter; must contain only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two "+
			"consecutive hyphens.", spec.Identifier)
	case engines[spec.Engine] == nil:
		return aws.Refuse("InvalidParameterValue", "Invalid DB engine: %s (the emulator knows %s)", spec.Engine,
			strings.Join(aws.Keys(engines), ", "))
	case !databaseClass.MatchString(spec.Class):
		return aws.Refuse("InvalidParameterValue", "Invalid DB Instance class: %s", spec.Class)
	case spec.StorageGiB < 20 || spec.StorageGiB > 65536:
		return aws.Refuse("InvalidParameterValue", "Invalid storage size for engine name %s and storage type gp3: %d", spec.Engine,
			spec.StorageGiB)
	case spec.MaxStorageGiB != 0 && spec.MaxStorageGiB*10 < spec.StorageGiB*11:
		return aws.Refuse("InvalidParameterCombination", "Invalid max storage size for engine name %s and storage type gp3: %d", spec.Engine,
			spec.MaxStorageGiB)
	case spec.BackupDays < 0 || spec.BackupDays > 35:
		return aws.Refuse("InvalidParameterValue", "Invalid backup retention period. %d is not between 0 and 35.", spec.BackupDays)
	}
	if err := spec.checkOwner(); err != nil {
		return err
	}
	return s.checkGroups(spec)
}

// reserved holds the user names that an engine reserves (API: CreateDBInstance, MasterUsername).
var reserved = map[string][]string{
	"postgres": {"admin", "rdsadmin", "rdsrepladmin", "rds_superuser"},
	"mysql":    {"rdsadmin", "rdsrepladmin", "root", "mysql"},
	"mariadb":  {"rdsadmin", "rdsrepladmin", "root", "mysql"},
}

var plainName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// checkOwner checks the master user, the name of the database and how the password is given.
func (s DatabaseSpec) checkOwner() error {
	longest := 16
	if s.Engine == "postgres" {
		longest = 63
	}
	switch {
	case slices.Contains(reserved[s.Engine], strings.ToLower(s.Username)):
		return aws.Refuse("InvalidParameterValue", "MasterUsername %s cannot be used as it is a reserved word used by the engine", s.Username)
	case !plainName.MatchString(s.Username) || len(s.Username) > longest:
		return aws.Refuse("InvalidParameterValue", "The parameter MasterUsername must begin with a letter and have at most %d letters, "+
			"digits and underscores: %q", longest, s.Username)
	case s.Name != "" && (!plainName.MatchString(s.Name) || len(s.Name) > 63):
		return aws.Refuse("InvalidParameterValue", "DBName must begin with a letter and contain only alphanumeric characters: %s", s.Name)
	case s.Password != "" && s.ManagedPassword:
		return aws.Refuse("InvalidParameterCombination", "You can't specify MasterUserPassword for an instance with "+
			"ManageMasterUserPassword enabled.")
	}
	return nil
}

// checkPassword refuses a new database without a password. A database from a snapshot has one.
func (s DatabaseSpec) checkPassword() error {
	if s.Password == "" && !s.ManagedPassword {
		return aws.Refuse("InvalidParameterValue", "Invalid master password")
	}
	return nil
}

// checkGroups checks the subnet group and the security groups.
func (s *Store) checkGroups(spec DatabaseSpec) error {
	group := s.SubnetGroups[spec.SubnetGroup]
	if group == nil {
		return aws.Refuse("DBSubnetGroupNotFoundFault", "DB subnet group '%s' does not exist. (The emulator has no default one.)",
			spec.SubnetGroup)
	}
	if spec.Zone != "" && s.subnetIn(group, spec.Zone) == "" {
		return aws.Refuse("InvalidVPCNetworkStateFault", "The DB subnet group %s has no subnet in the Availability Zone %s.", group.Name,
			spec.Zone)
	}
	for _, id := range spec.Groups {
		found := s.vpc.SecurityGroups[id]
		if found == nil {
			return aws.Refuse("InvalidParameterValue", "Invalid security group , groupId= %s, groupName=.", id)
		}
		if vpc := s.vpc.VPCOf(group.Subnets[0]); found.VPC != vpc {
			return aws.Refuse("InvalidVPCNetworkStateFault", "The DB instance and EC2 security group are in different VPCs. The DB "+
				"instance is in %s and the EC2 security group is in %s", vpc, found.VPC)
		}
	}
	return nil
}

// DatabaseAddress returns the DNS name that RDS would give the database.
func (s *Store) DatabaseAddress(spec DatabaseSpec) string {
	return fmt.Sprintf("%s.c9akciq32rgh.%s.rds.amazonaws.com", spec.Identifier, s.region)
}
