package settings

import (
	"cmp"
	"regexp"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Database is a relational database in subnets without a route to the internet, for the instances alone.
type Database struct {
	// The kind of database.
	// Limits: `postgres`, `mysql`, `mariadb`.
	Engine string `required:"true" enum:"postgres,mysql,mariadb"`

	// The version of the engine. Given a major version, RDS installs new minor versions. A newer major version needs
	// `allowMajorUpgrade`; an older version than the database has is refused.
	// Limits: a version that RDS has, such as `17`: PostgreSQL from 15, MySQL from 8.4, MariaDB from 10.11.
	Version string `required:"true"`

	// Lets another `version` upgrade the database to a newer major version, at once. It is away for minutes and cannot go back.
	AllowMajorUpgrade bool

	// Its type.
	InstanceClass string `default:"\"db.t4g.micro\""`

	// The size of its gp3 volume. It can grow by 10 % or more, once in 6 hours, and not shrink.
	// Limits: 20 to 65536 (RDS API Reference, CreateDBInstance).
	StorageGiB int `default:"20" minimum:"20" maximum:"65536" unit:"GiB"`

	// The size up to which the volume grows by itself when a tenth of it is left. Equal to `storageGiB`, it does not grow.
	// Default: five times `storageGiB`.
	// Limits: `storageGiB`, or from 10 % more to 65536.
	MaxStorageGiB int `minimum:"20" maximum:"65536" unit:"GiB"`

	// A standby in another zone, which takes over within one to two minutes.
	MultiAZ bool `default:"true"`

	// The first database. It cannot be changed later, nor can `engine` and `username`.
	// Limits: at most 63 of a–z, 0–9 and `_`, beginning with a letter.
	Name string `default:"\"app\""`

	// The owner of that database.
	// Limits: at most 16 of a–z, 0–9 and `_`, beginning with a letter; not reserved.
	Username string `default:"\"app\""`

	// How long backups are kept; 0 makes no backups.
	// Limits: 0 to 35 (CreateDBInstance).
	BackupDays int `default:"7" minimum:"0" maximum:"35" unit:"days"`

	// Keeps a last snapshot, and the backups until they expire, when the database is destroyed. They cost money. Set it to false,
	// and run `pulumi up`, for a database whose data may be lost.
	FinalSnapshot bool `default:"true"`

	// Makes changes of `instanceClass`, `storageGiB` and `multiAZ` in the `up` that finds them, and of a minor `version`. The
	// database may be away for minutes. Without it they are held back, and each `up` says so.
	ApplyImmediately bool
}

// growth is how many times its first size a volume may grow to by itself, unless the settings say how far.
const growth = 5

// GrowsTo returns the size in GiB up to which the volume grows by itself.
func (d Database) GrowsTo() int {
	return cmp.Or(d.MaxStorageGiB, min(growth*d.StorageGiB, mostStorage))
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
	if to := d.MaxStorageGiB; to != 0 && to != d.StorageGiB && (to*10 < d.StorageGiB*11 || to > mostStorage) {
		l.Add("database.maxStorageGiB", to, "is neither database.storageGiB (%d) nor from 10 %% more to %d", d.StorageGiB, mostStorage)
	}
	if d.BackupDays < 0 || d.BackupDays > longestBackup {
		l.Add("database.backupDays", d.BackupDays, "is not from 0 (no backups) to %d", longestBackup)
	}
}
