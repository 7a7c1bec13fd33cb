package cloud_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/cloud/fault"
	"github.com/elastic-service/elastic-service/emulator/cloud/rds"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// served returns a network with a database whose server the test plays: it answers after its start.
func served(t *testing.T, change func(*rds.DatabaseSpec)) (*tiered, *rds.Database) {
	t.Helper()
	w := newTiered(t)
	w.RDS.Serves = func(string) bool { return true }
	w.subnetGroup()
	spec := w.database()
	if change != nil {
		change(&spec)
	}
	made := must(w.RDS.CreateDatabase(spec, w.Now()))(t)
	assert.Equal(t, rds.Creating, made.Status)
	require.True(t, w.RDS.ServerRunning(made.ID, 0))
	return w, w.RDS.Databases[made.ID]
}

func multiAZ(s *rds.DatabaseSpec) { s.MultiAZ = true }

func (w *tiered) server() rds.Server { return w.RDS.Servers()[0] }

// recovers lets emulated time pass until the data plane is to start the server again, and returns how long that took.
func (w *tiered) recovers(d *rds.Database) time.Duration {
	began := w.Now()
	require.False(w.t, w.server().On)
	for !w.server().On {
		w.clock.Advance(time.Second)
		w.RDS.Reconcile(w.Now())
	}
	assert.NotEqual(w.t, rds.Available, d.Status, "the server does not answer yet")
	require.True(w.t, w.RDS.ServerRunning(d.ID, d.Starts))
	assert.Equal(w.t, rds.Available, d.Status)
	return w.Now().Sub(began)
}

func TestAStandbyTakesOverInTheOtherZone(t *testing.T) {
	for range 5 {
		w, d := served(t, multiAZ)
		before := w.server()
		assert.Equal(t, w.islands[0], d.Subnet)
		assert.Equal(t, w.islands[1], w.RDS.Standby(*d))
		must(w.RDS.Reboot(d.Spec.Identifier, true, w.Now()))(t)
		assert.Equal(t, rds.Rebooting, d.Status)
		assert.Equal(t, w.islands[1], d.Subnet)
		assert.NotEqual(t, before.Address, w.server().Address)
		assert.False(t, w.RDS.ServerRunning(d.ID, 0), "the report of the former start")
		took := w.recovers(d)
		assert.GreaterOrEqual(t, took, time.Minute)
		assert.LessOrEqual(t, took, 2*time.Minute+time.Second)
		assert.Equal(t, w.islands[0], w.RDS.Standby(*d))
	}
}

func TestAReasonForAFailover(t *testing.T) {
	for name, f := range map[string]fault.Spec{
		"power":   {Action: fault.PowerInterruption, Target: "us-east-1a"},
		"network": {Action: fault.DisruptConnectivity, Target: "us-east-1a", Duration: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			w, d := served(t, multiAZ)
			must(w.Fault.Start(f, w.Now()))(t)
			require.True(t, w.RDS.Reconcile(w.Now()))
			assert.Equal(t, w.islands[1], d.Subnet)
			w.recovers(d)
			assert.False(t, w.RDS.Reconcile(w.Now()), "it stays there")
		})
	}
}

func TestAFaultRebootsADatabase(t *testing.T) {
	w, d := served(t, multiAZ)
	f := fault.Spec{Action: fault.RebootDatabases, Target: d.Spec.Identifier, Parameters: map[string]string{fault.ParameterForce: "yes"}}
	_, err := w.Fault.Start(f, w.Now())
	refused(t, "ValidationException", err)
	f.Parameters[fault.ParameterForce] = "true"
	must(w.Fault.Start(f, w.Now()))(t)
	assert.Equal(t, w.islands[1], d.Subnet)
	w.recovers(d)
	f.Parameters = nil
	must(w.Fault.Start(f, w.Now()))(t)
	assert.Equal(t, w.islands[1], d.Subnet)
	f.Target = "none"
	_, err = w.Fault.Start(f, w.Now())
	refused(t, "DBInstanceNotFound", err)
}

func TestADatabaseWithoutAStandbyIsGoneUntilItsZoneIsBack(t *testing.T) {
	w, d := served(t, nil)
	f := must(w.Fault.Start(fault.Spec{Action: fault.PowerInterruption, Target: "us-east-1a"}, w.Now()))(t)
	w.RDS.Reconcile(w.Now())
	assert.Equal(t, w.islands[0], d.Subnet)
	assert.False(t, w.server().On)
	require.NoError(t, w.Fault.Stop(f.ID))
	assert.True(t, w.server().On)
	must(w.RDS.Reboot(d.Spec.Identifier, false, w.Now()))(t)
	assert.Less(t, w.recovers(d), time.Minute)
}

func TestChangesThatInterruptADatabase(t *testing.T) {
	for name, c := range map[string]struct {
		multiAZ bool
		change  func(*rds.DatabaseSpec)
		starts  int
		moves   bool
	}{
		"another class":                {false, func(s *rds.DatabaseSpec) { s.Class = "db.t4g.small" }, 1, false},
		"another class with a standby": {true, func(s *rds.DatabaseSpec) { s.Class = "db.t4g.small" }, 1, true},
		"another version":              {true, func(s *rds.DatabaseSpec) { s.Version = "18" }, 1, false},
		"a standby":                    {false, multiAZ, 0, false},
		"more storage":                 {false, func(s *rds.DatabaseSpec) { s.StorageGiB = 40 }, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			w, d := served(t, func(s *rds.DatabaseSpec) { s.MultiAZ = c.multiAZ })
			spec := d.Spec
			c.change(&spec)
			require.NoError(t, w.RDS.UpdateDatabase(d.ID, spec, rds.Modification{Immediately: true, AllowMajor: true}, w.Now()))
			assert.Equal(t, c.starts, d.Starts)
			assert.Equal(t, c.moves, d.Subnet != w.islands[0])
			if c.starts > 0 {
				assert.Equal(t, rds.Modifying, d.Status)
				refused(t, "InvalidDBInstanceState", w.RDS.UpdateDatabase(d.ID, spec, rds.Modification{Immediately: true}, w.Now()))
				w.recovers(d)
			}
		})
	}
}

func TestASnapshotHasItsFilesBeforeItIsAvailable(t *testing.T) {
	w, d := served(t, nil)
	require.NoError(t, w.RDS.CreateSnapshot(d.Spec.Identifier, "monday", w.Now()))
	assert.Equal(t, rds.BackingUp, d.Status)
	assert.Equal(t, "monday", w.server().Freeze)
	_, err := w.RDS.Restore("monday", rds.Restoration{Identifier: "copy"}, w.Now())
	refused(t, "InvalidDBSnapshotState", err)
	_, err = w.RDS.DeleteSnapshot("monday")
	refused(t, "InvalidDBSnapshotState", err)
	require.True(t, w.RDS.SnapshotDone("monday"))
	assert.Equal(t, rds.Available, d.Status)
	assert.Empty(t, w.server().Freeze)

	restored := must(w.RDS.Restore("monday", rds.Restoration{Identifier: "copy", Groups: d.Spec.Groups}, w.Now()))(t)
	assert.Equal(t, "monday", restored.Origin)
	assert.Equal(t, d.Running, restored.Running)
	assert.Equal(t, d.Spec.Name, restored.Spec.Name)
	_, err = w.RDS.DeleteSnapshot("monday")
	refused(t, "InvalidDBSnapshotState", err)
	require.True(t, w.RDS.ServerRunning(restored.ID, 0))
	must(w.RDS.DeleteSnapshot("monday"))(t)

	require.NoError(t, w.RDS.DeleteDatabase(d.ID, "final", w.Now()))
	require.Len(t, w.RDS.PendingSnapshots(), 1)
	require.True(t, w.RDS.SnapshotDone("final"))
	assert.Equal(t, rds.Available, w.RDS.Snapshots["final"].Status)
}

func TestARotatedPasswordIsTheSecretsCurrentOne(t *testing.T) {
	w, d := served(t, nil)
	before := w.server().Password
	require.NotEmpty(t, before)
	require.NoError(t, w.RDS.RotatePassword(d.ID, w.Now()))
	assert.NotEqual(t, before, w.server().Password)
	_, previous, err := w.Secrets.Value(d.Secret, "", "AWSPREVIOUS")
	require.NoError(t, err)
	assert.Contains(t, previous.Text, before)
}

func TestTLSIsForcedAsTheParametersSay(t *testing.T) {
	for name, c := range map[string]struct {
		engine, version string
		parameters      map[string]string
		want            bool
	}{
		"PostgreSQL":            {"postgres", "17", nil, true},
		"PostgreSQL, not":       {"postgres", "17", map[string]string{"rds.force_ssl": "0"}, false},
		"PostgreSQL 14":         {"postgres", "14", nil, false},
		"MySQL":                 {"mysql", "8.4", nil, false},
		"MySQL, forced":         {"mysql", "8.4", map[string]string{"require_secure_transport": "1"}, true},
		"MariaDB, in its words": {"mariadb", "11.4", map[string]string{"require_secure_transport": "ON"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTiered(t)
			w.RDS.Serves = func(string) bool { return true }
			w.subnetGroup()
			spec := w.database()
			spec.Engine, spec.Version, spec.ExtendedSupport, spec.ParameterGroup = c.engine, c.version, true, "mine"
			require.NoError(t, w.RDS.CreateParameterGroup(rds.ParameterGroup{
				Name: "mine", Family: c.engine + c.version, Parameters: c.parameters,
			}))
			must(w.RDS.CreateDatabase(spec, w.Now()))(t)
			assert.Equal(t, c.want, w.server().TLS)
		})
	}
}

func TestOnlyThePrimaryIsFoundAtItsAddress(t *testing.T) {
	w, d := served(t, multiAZ)
	network := w.VPC.VPCOf(d.Subnet)
	primary := w.RDS.Primary(*d)
	_, is, found := w.RDS.AtAddress(network, primary.Address)
	assert.True(t, is)
	assert.True(t, found)
	must(w.RDS.Reboot(d.Spec.Identifier, true, w.Now()))(t)
	_, is, found = w.RDS.AtAddress(network, primary.Address)
	assert.False(t, is)
	assert.True(t, found)
	_, _, found = w.RDS.AtAddress("vpc-1", primary.Address)
	assert.False(t, found, "another network may have the address too")
	assert.Equal(t, vpc.Owner{Kind: vpc.OwnerDatabase, ID: d.Spec.Identifier}, primary.Owner)
}

func TestADatabaseThatOnlyIsRecordedIsAvailableAtOnce(t *testing.T) {
	w := newTiered(t)
	w.subnetGroup()
	spec := w.database()
	spec.MultiAZ = true
	made := must(w.RDS.CreateDatabase(spec, w.Now()))(t)
	assert.Equal(t, rds.Available, made.Status)
	assert.Empty(t, w.RDS.Servers())
	require.NoError(t, w.RDS.CreateSnapshot(spec.Identifier, "monday", w.Now()))
	assert.Equal(t, rds.Available, w.RDS.Snapshots["monday"].Status)
	must(w.RDS.Reboot(spec.Identifier, true, w.Now()))(t)
	w.clock.Advance(3 * time.Minute)
	w.RDS.Reconcile(w.Now())
	assert.Equal(t, rds.Available, w.RDS.Databases[made.ID].Status)
}

func TestWhatAServerUsesIsMeasured(t *testing.T) {
	w, d := served(t, nil)
	require.True(t, w.RDS.RecordUse(d.ID, rds.Use{CPU: 12.5, Connections: 3, Stored: 1 << 30}))
	assert.False(t, w.RDS.RecordUse("db-1", rds.Use{}))
	w.clock.Advance(2 * time.Minute)
	w.CloudWatch.Reconcile(w.Now())
	for name, want := range map[string]float64{"CPUUtilization": 12.5, "DatabaseConnections": 3, "FreeStorageSpace": 19 << 30} {
		points := must(w.CloudWatch.Points(cloudwatch.Metric{
			Namespace: "AWS/RDS", Name: name, Dimensions: map[string]string{"DBInstanceIdentifier": d.Spec.Identifier},
		}, "Average", time.Minute, w.Now().Add(-time.Hour), w.Now()))(t)
		require.NotEmpty(t, points, name)
		assert.InDelta(t, want, points[len(points)-1].Value, 1e-9, name)
	}
}
