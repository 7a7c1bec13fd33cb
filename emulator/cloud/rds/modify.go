package rds

import (
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// Modification says how a database is changed (API: ModifyDBInstance).
type Modification struct {
	Immediately bool // now; otherwise some changes wait for the maintenance window
	AllowMajor  bool // another major version is meant
}

// storageRest is how long a volume cannot be changed after a change (RDS: "Working with storage").
const storageRest = 6 * time.Hour

// UpdateDatabase changes an RDS instance in place.
func (s *Store) UpdateDatabase(id string, spec DatabaseSpec, how Modification, now time.Time) error {
	database := s.Databases[id]
	if database == nil {
		return aws.Refuse("DBInstanceNotFound", "DBInstance %s not found.", spec.Identifier)
	}
	if err := s.checkUpdate(database, spec, how, now); err != nil {
		return err
	}
	s.vpc.RenameOwner(database.Spec.Owner(), spec.Owner())
	if err := s.setInterfaces(spec); err != nil {
		s.vpc.RenameOwner(spec.Owner(), database.Spec.Owner())
		return err
	}
	before := *database
	database.modify(spec, how, now)
	if spec.SubnetGroup != before.Spec.SubnetGroup {
		database.Subnet = s.firstSubnet(spec)
	}
	s.interruptFor(database, before, now)
	return s.manageSecret(database, now)
}

// interruptFor interrupts a database whose class or version has changed: a new class is made on the standby, which takes over; another
// version is installed on both, which leaves none to answer (RDS: "Settings for DB instances").
func (s *Store) interruptFor(d *Database, before Database, now time.Time) {
	switch {
	case d.Status == Failed, d.Status == Creating, !s.serves(d.Spec.Engine):
	case d.Running != before.Running:
		s.restart(d, Modifying, now)
	case d.Spec.Class != before.Spec.Class && before.Spec.MultiAZ && d.Spec.MultiAZ:
		s.failOver(d, Modifying, now)
	case d.Spec.Class != before.Spec.Class:
		s.restart(d, Modifying, now)
	}
}

func (s *Store) checkUpdate(database *Database, spec DatabaseSpec, how Modification, now time.Time) error {
	if err := s.checkDatabase(spec); err != nil {
		return err
	}
	if database.Status != Available {
		return aws.Refuse("InvalidDBInstanceState", "Database instance is not in available state.")
	}
	if err := database.checkUpgrade(spec, how); err != nil {
		return err
	}
	if err := s.checkFamily(spec, running(spec.Engine, spec.Version)); err != nil {
		return err
	}
	if err := database.checkStorage(spec, now); err != nil {
		return err
	}
	for _, other := range s.Databases {
		if other != database && other.Spec.Identifier == spec.Identifier {
			return aws.Refuse("DBInstanceAlreadyExists", "DB instance already exists")
		}
	}
	if old := database.Spec.SubnetGroup; old != spec.SubnetGroup && s.networkOf(old) == s.networkOf(spec.SubnetGroup) {
		return aws.Refuse("InvalidVPCNetworkStateFault", "You cannot move DB instance %s to subnet group %s. The specified DB subnet "+
			"group and DB instance are in the same VPC. Choose a DB subnet group in different VPC than the specified DB instance "+
			"and try again.", spec.Identifier, spec.SubnetGroup)
	}
	return nil
}

// checkStorage refuses a size to which RDS does not bring the present volume.
func (d *Database) checkStorage(spec DatabaseSpec, now time.Time) error {
	present := d.Spec.StorageGiB
	switch {
	case spec.StorageGiB == present:
	case spec.StorageGiB < present:
		return aws.Refuse("InvalidParameterCombination", "Requested storage size (%d) cannot be smaller than the current size (%d).",
			spec.StorageGiB, present)
	case spec.StorageGiB*10 < present*11:
		return aws.Refuse("InvalidParameterCombination", "Requested storage size (%d) must be at least 10%% more than the current size (%d).",
			spec.StorageGiB, present)
	case now.Before(d.StorageChanged.Add(storageRest)):
		return aws.Refuse("InvalidParameterCombination", "You can't currently modify the storage of this DB instance because the previous "+
			"storage change is being optimized.")
	}
	return nil
}

// modify changes the database. Class, storage, standby, and backups where they begin or end, wait for the maintenance window
// unless they are to be changed at once (RDS: "Settings for DB instances").
func (d *Database) modify(spec DatabaseSpec, how Modification, now time.Time) {
	before := d.Spec
	d.Spec = spec
	if !isPartOf(d.Running, spec.Version) {
		d.Running = running(spec.Engine, spec.Version)
	}
	wanted := waiting{spec.Class, spec.StorageGiB, spec.MultiAZ, spec.BackupDays}
	if how.Immediately {
		d.apply(before, wanted, now)
		return
	}
	d.Spec.Class, d.Spec.StorageGiB, d.Spec.MultiAZ = before.Class, before.StorageGiB, before.MultiAZ
	if (before.BackupDays == 0) != (spec.BackupDays == 0) {
		d.Spec.BackupDays = before.BackupDays
	}
	d.Pending, d.Due = nil, time.Time{}
	if wanted != (waiting{d.Spec.Class, d.Spec.StorageGiB, d.Spec.MultiAZ, d.Spec.BackupDays}) {
		d.Pending, d.Due = &wanted, nextWindow(now)
	}
}

// waiting is what waits for the maintenance window.
type waiting struct {
	Class      string
	StorageGiB int
	MultiAZ    bool
	BackupDays int
}

// Wanted returns the database as it will be when nothing waits any more.
func (d Database) Wanted() DatabaseSpec {
	spec := d.Spec
	if w := d.Pending; w != nil {
		spec.Class, spec.StorageGiB, spec.MultiAZ, spec.BackupDays = w.Class, w.StorageGiB, w.MultiAZ, w.BackupDays
	}
	return spec
}

// apply ends the waiting.
func (d *Database) apply(before DatabaseSpec, w waiting, now time.Time) {
	if w.StorageGiB != before.StorageGiB {
		d.StorageChanged = now
	}
	d.Spec.Class, d.Spec.StorageGiB, d.Spec.MultiAZ, d.Spec.BackupDays = w.Class, w.StorageGiB, w.MultiAZ, w.BackupDays
	d.Pending, d.Due = nil, time.Time{}
}

// nextWindow returns the beginning of the next maintenance window. RDS chooses a time of the week for each database; the
// emulator's is Sunday, 04:00.
func nextWindow(now time.Time) time.Time {
	now = now.UTC()
	window := time.Date(now.Year(), now.Month(), now.Day(), 4, 0, 0, 0, time.UTC).AddDate(0, 0, -int(now.Weekday()))
	if !window.After(now) {
		window = window.AddDate(0, 0, 7)
	}
	return window
}

// Reconcile makes the changes that waited for the maintenance window, and lets standbys take over.
func (s *Store) Reconcile(now time.Time) bool {
	changed := false
	for _, database := range s.Databases {
		if database.Pending != nil && !now.Before(database.Due) {
			before := *database
			database.apply(database.Spec, *database.Pending, now)
			s.interruptFor(database, before, now)
			changed = true
		}
	}
	return s.reconcileServers(now) || changed
}
