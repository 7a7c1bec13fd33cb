package rehearsal

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/rds"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
	"github.com/elastic-service/elastic-service/emulator/database"
	"github.com/elastic-service/elastic-service/emulator/engine/enginetest"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// needServer skips a test without the server of an engine; in CI it fails.
func needServer(t *testing.T, engine string) {
	t.Helper()
	if _, err := database.Installed(engine); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// awaitPage waits until a page is answered, or until it is not.
func (r *Rehearsal) awaitPage(t *testing.T, path string, answered bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		_, err := r.deployment.Service.Get(t.Context(), path)
		return (err == nil) == answered
	}, 2*time.Minute, 50*time.Millisecond)
}

// reboot restarts the database's server, which cuts all connections, and waits until it answers.
func (r *Rehearsal) reboot(t *testing.T) {
	t.Helper()
	identifier := r.deployment.database().Spec.Identifier
	require.NoError(t, r.deployment.Cloud().Change(func(m *cloud.Model) error {
		_, err := m.RDS.Reboot(identifier, false, m.Clock.Now())
		return err
	}))
	require.Eventually(t, func() bool { return r.deployment.database().Status == rds.Available }, 2*time.Minute, 50*time.Millisecond)
}

func TestADatabaseIsReachedByThePathsAloneAndItsSnapshotIsRestored(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	needServer(t, "mysql")
	r := deployed(t, must(session.EnterProject("lamp"))(t), "lamp")
	d := r.deployment
	row := must(r.addRow(t.Context()))(t)
	require.NotEmpty(t, row)
	first := d.database()

	// With a rule of the security group for another port, no connection is opened any more.
	var rule vpc.Rule
	for _, found := range cloud.Get(d.Cloud(), func(m *cloud.Model) map[string]*vpc.Rule { return m.VPC.Rules }) {
		if !found.Egress && found.Group == first.Spec.Groups[0] {
			rule = *found
		}
	}
	require.NotEmpty(t, rule.ID)
	lead := func(port int) {
		changed := rule
		changed.From, changed.To = port, port
		require.NoError(t, d.Cloud().Change(func(m *cloud.Model) error { return m.VPC.UpdateRule(rule.ID, changed) }))
	}
	lead(1)
	r.reboot(t)
	r.awaitPage(t, "/visits/"+row, false)
	log := must(os.ReadFile(filepath.Join(d.Session.Options().Folder, "emulator.log")))(t)
	assert.Contains(t, string(log), "packets to a database are dropped")
	assert.Contains(t, string(log), "ENI_SG_RULES_MISMATCH")
	lead(first.Spec.Port())
	r.awaitPage(t, "/visits/"+row, true)

	// A rotated password is refused to new connections: the service ends, and its next start fetches the new one.
	require.NoError(t, d.Cloud().Change(func(m *cloud.Model) error { return m.RDS.RotatePassword(first.ID, m.Clock.Now()) }))
	r.reboot(t)
	r.awaitPage(t, "/visits/"+row, true)

	// A snapshot becomes a database of its own.
	require.NoError(t, d.Cloud().Change(func(m *cloud.Model) error {
		return m.RDS.CreateSnapshot(first.Spec.Identifier, "before", m.Clock.Now())
	}))
	require.Eventually(t, func() bool { return d.database().Status == rds.Available }, 2*time.Minute, 50*time.Millisecond)
	restored := must(cloud.Make(d.Cloud(), func(m *cloud.Model) (rds.Database, error) {
		return m.RDS.Restore("before", rds.Restoration{Identifier: "copy", ManagedPassword: true, Groups: first.Spec.Groups}, m.Clock.Now())
	}))(t)
	require.Eventually(t, func() bool {
		return cloud.Get(d.Cloud(), func(m *cloud.Model) bool { return m.RDS.Databases[restored.ID].Status == rds.Available })
	}, 2*time.Minute, 50*time.Millisecond)
	folder := filepath.Join(d.Session.Options().Folder, "databases")
	assert.DirExists(t, filepath.Join(folder, restored.ID))
	require.NoError(t, d.Cloud().Change(func(m *cloud.Model) error { return m.RDS.DeleteDatabase(restored.ID, "", m.Clock.Now()) }))
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(folder, restored.ID))
		return os.IsNotExist(err)
	}, 2*time.Minute, 50*time.Millisecond, "its files go with it")
	r.awaitPage(t, "/visits/"+row, true)

	require.NoError(t, r.destroy(t.Context()))
	require.Eventually(t, func() bool {
		_, err := os.Stat(folder)
		return os.IsNotExist(err)
	}, 2*time.Minute, 50*time.Millisecond)
	assert.Len(t, d.snapshots(), 2)
}
