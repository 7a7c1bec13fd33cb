package settings

import (
	"regexp"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Database is a relational database in subnets without a route to the internet, for the instances alone.
type Database struct {
	// The kind of database.
	// Limits: `postgres`, `mysql`, `mariadb`.
	Engine string `required:"true" enum:"postgres,mysql,mariadb"`

	// The version of the engine. Given a major version, RDS installs new minor versions.
	// Limits: a version that RDS has, such as `17`.
	Version string `required:"true"`

	// Its type.
	InstanceClass string `default:"\"db.t4g.micro\""`

	// The size of its gp3 volume.
	// Limits: 20 to 65536 (RDS API Reference, CreateDBInstance).
	StorageGiB int `default:"20" minimum:"20" maximum:"65536" unit:"GiB"`

	// A standby in another zone, which takes over within one to two minutes.
	MultiAZ bool `default:"true"`

	// The first database.
	// Limits: at most 63 of a–z, 0–9 and `_`, beginning with a letter.
	Name string `default:"\"app\""`

	// The owner of that database.
	// Limits: at most 16 of a–z, 0–9 and `_`, beginning with a letter; not reserved.
	Username string `default:"\"app\""`

	// How long backups are kept; 0 makes no backups.
	// Limits: 0 to 35 (CreateDBInstance).
	BackupDays int `default:"7" minimum:"0" maximum:"35" unit:"days"`
}

// RDS's bounds for gp3 volumes and backups (API: CreateDBInstance).
const (
	leastStorage  = 20
	mostStorage   = 65536
	longestBackup = 35
)

var (
	enginePattern   = regexp.MustCompile(`^(postgres|mysql|mariadb)$`)
	versionPattern  = regexp.MustCompile(`^[0-9]+(\.[0-9]+){0,2}$`)
	classPattern    = regexp.MustCompile(`^db\.[a-z0-9]+\.[a-z0-9]+$`)
	databasePattern = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)
	masterPattern   = regexp.MustCompile(`^[a-z][a-z0-9_]{0,15}$`)
	reservedPattern = regexp.MustCompile(`^(admin|administrator|rdsadmin|root|user|database|master|public|pg_.*)$`)
)

func (d Database) validate(l *invalid.List) {
	for _, text := range []struct {
		key, value string
		pattern    *regexp.Regexp
		rule       string
	}{
		{"engine", d.Engine, enginePattern, "is not postgres, mysql or mariadb"},
		{"version", d.Version, versionPattern, "is not a version such as 17"},
		{"instanceClass", d.InstanceClass, classPattern, "is not an instance class such as db.t4g.micro"},
		{"name", d.Name, databasePattern, "is not a name of a–z, 0–9 and _, at most 63, beginning with a letter"},
		{"username", d.Username, masterPattern, "is not a name of a–z, 0–9 and _, at most 16, beginning with a letter"},
	} {
		if !text.pattern.MatchString(text.value) {
			l.Add("database."+text.key, text.value, "%s", text.rule)
		}
	}
	if reservedPattern.MatchString(d.Username) {
		l.Add("database.username", d.Username, "is reserved by one of the engines")
	}
	if d.StorageGiB < leastStorage || d.StorageGiB > mostStorage {
		l.Add("database.storageGiB", d.StorageGiB, "is not from %d to %d", leastStorage, mostStorage)
	}
	if d.BackupDays < 0 || d.BackupDays > longestBackup {
		l.Add("database.backupDays", d.BackupDays, "is not from 0 (no backups) to %d", longestBackup)
	}
}
