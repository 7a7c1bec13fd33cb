package rds

import (
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// Snapshot is a copy of a database's storage. It stays when the database is deleted.
type Snapshot struct {
	Name     string
	Spec     DatabaseSpec // of the database, without its password
	Running  string       // its version
	Database string       // its resource ID
	Created  time.Time
	Status   Status // Creating, Available or Failed
	Content  bool   // it has the files of a server; without, the database was only recorded
}

// CreateSnapshot makes a snapshot of a database (API: CreateDBSnapshot).
func (s *Store) CreateSnapshot(identifier, name string, now time.Time) error {
	d, err := s.available(identifier)
	if err != nil {
		return err
	}
	return s.addSnapshot(d, name, now)
}

// addSnapshot adds a snapshot. The data plane copies the files of a server.
func (s *Store) addSnapshot(d *Database, name string, now time.Time) error {
	switch {
	case !validIdentifier(name, 255):
		return aws.Refuse("InvalidParameterValue", "The parameter DBSnapshotIdentifier is not a valid identifier: %s", name)
	case s.Snapshots[name] != nil:
		return aws.Refuse("DBSnapshotAlreadyExists", "Cannot create the snapshot because a snapshot with the identifier %s already "+
			"exists.", name)
	}
	snapshot := &Snapshot{
		Name: name, Spec: d.Spec, Running: d.Running, Database: d.ID, Created: now, Status: Available,
		Content: s.serves(d.Spec.Engine) && d.Status != Failed && d.Status != Creating,
	}
	snapshot.Spec.Password = ""
	if snapshot.Content {
		snapshot.Status = Creating
		d.Status = BackingUp
	}
	s.Snapshots[name] = snapshot
	return nil
}

// pendingSnapshot returns the name of the snapshot that is being made of a database, or "".
func (s *Store) pendingSnapshot(database string) string {
	for _, name := range aws.Keys(s.Snapshots) {
		if snapshot := s.Snapshots[name]; snapshot.Database == database && snapshot.Status == Creating {
			return name
		}
	}
	return ""
}

// PendingSnapshots returns the snapshots whose files are not copied yet.
func (s *Store) PendingSnapshots() []Snapshot {
	var all []Snapshot
	for _, name := range aws.Keys(s.Snapshots) {
		if s.Snapshots[name].Status == Creating {
			all = append(all, *s.Snapshots[name])
		}
	}
	return all
}

// SnapshotDone reports that the files of a snapshot are copied.
func (s *Store) SnapshotDone(name string) bool {
	snapshot := s.Snapshots[name]
	if snapshot == nil {
		return false
	}
	snapshot.Status = Available
	if d := s.Databases[snapshot.Database]; d != nil && d.Status == BackingUp {
		d.Status = Available
	}
	return true
}

// SnapshotFailed reports that the files of a snapshot could not be copied.
func (s *Store) SnapshotFailed(name string) bool {
	if !s.SnapshotDone(name) {
		return false
	}
	s.Snapshots[name].Status = Failed
	return true
}

// DeleteSnapshot deletes a snapshot (API: DeleteDBSnapshot).
func (s *Store) DeleteSnapshot(name string) (Snapshot, error) {
	snapshot := s.Snapshots[name]
	switch {
	case snapshot == nil:
		return Snapshot{}, aws.Refuse("DBSnapshotNotFound", "DBSnapshot %s not found.", name)
	case snapshot.Status == Creating:
		return Snapshot{}, aws.Refuse("InvalidDBSnapshotState", "Cannot delete the snapshot because it is not currently in the available "+
			"or failed state.")
	}
	for _, d := range s.Databases {
		if d.Origin == name && d.Status == Creating {
			return Snapshot{}, aws.Refuse("InvalidDBSnapshotState", "Cannot delete the snapshot: DB instance %s is being created from it.",
				d.Spec.Identifier)
		}
	}
	delete(s.Snapshots, name)
	return *snapshot, nil
}

// Restoration says what a database that is created from a snapshot has of its own. What is empty is that of the snapshot.
type Restoration struct {
	Identifier      string
	Class           string
	SubnetGroup     string
	ParameterGroup  string
	Zone            string
	Groups          []string
	MultiAZ         *bool
	ManagedPassword bool
	Protected       bool
}

// Restore creates a database from a snapshot (API: RestoreDBInstanceFromDBSnapshot). Without a managed password the master user keeps
// the password that it has in the snapshot.
func (s *Store) Restore(name string, own Restoration, now time.Time) (Database, error) {
	snapshot := s.Snapshots[name]
	switch {
	case snapshot == nil:
		return Database{}, aws.Refuse("DBSnapshotNotFound", "DBSnapshot %s not found.", name)
	case snapshot.Status != Available:
		return Database{}, aws.Refuse("InvalidDBSnapshotState", "Cannot restore from the snapshot %s: it is not in available state.", name)
	}
	made, err := s.create(own.apply(snapshot.Spec), origin{name, snapshot.Running}, now)
	return made, err
}

// apply returns a spec with what the restoration has of its own. The defaults of the request are not those of the snapshot:
// protection, backups and the standby are off, and groups are the network's own (API: RestoreDBInstanceFromDBSnapshot).
func (r Restoration) apply(spec DatabaseSpec) DatabaseSpec {
	spec.Identifier, spec.Groups, spec.Zone, spec.Protected = r.Identifier, r.Groups, r.Zone, r.Protected
	spec.ManagedPassword, spec.MultiAZ = r.ManagedPassword, r.MultiAZ != nil && *r.MultiAZ
	for _, given := range []struct {
		to   *string
		from string
	}{{&spec.Class, r.Class}, {&spec.SubnetGroup, r.SubnetGroup}, {&spec.ParameterGroup, r.ParameterGroup}} {
		if given.from != "" {
			*given.to = given.from
		}
	}
	return spec
}
