package rehearsal

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/rds"
	"github.com/elastic-service/elastic-service/emulator/engine/enginetest"
	"github.com/elastic-service/elastic-service/emulator/session"
)

// Each change of a live database, one after the other: what is refused and leaves everything as it is, what waits, what is made.
// Clients are answered while nothing is made, a row outlives what is made, and no change comes back in the next deployment.
func TestALiveDatabaseLosesNothing(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	r := opened(t, must(session.EnterProject("lamp"))(t), "lamp")
	d := r.deployment
	set := func(values map[string]any) {
		for key, value := range values {
			require.NoError(t, d.Set(value, "database", key))
		}
	}
	first := map[string]any{"engine": "mariadb", "version": "11.4", "name": "lamp", "username": "lamp", "storageGiB": 40, "maxStorageGiB": 100}
	set(first)
	require.NoError(t, r.deploy(t.Context()))
	require.NoError(t, r.awaitHealthy(t.Context()))
	before := d.database()
	assert.Equal(t, "11.4.9", before.Running)
	clients := r.startClients(t.Context())

	for _, test := range []struct {
		name    string
		change  map[string]any
		refused []string
	}{
		{
			name:   "another engine, name and owner",
			change: map[string]any{"engine": "mysql", "version": "8.4", "name": "shop", "username": "shop"},
			refused: []string{
				`database.engine: "mysql" is not "mariadb"`, `database.name: "shop" is not "lamp"`, `database.username: "shop" is not "lamp"`,
			},
		},
		{
			name:    "an older version and a smaller volume",
			change:  map[string]any{"version": "10.11", "storageGiB": 20},
			refused: []string{`database.version: "10.11" is older than 11.4.9`, "database.storageGiB: 20 is below 40"},
		},
		{
			name:    "a newer major version that is not allowed",
			change:  map[string]any{"version": "11.8"},
			refused: []string{`database.version: "11.8" is another major version than 11.4.9`},
		},
		{
			name:   "another class, more storage and a standby, which wait",
			change: map[string]any{"instanceClass": "db.t4g.small", "storageGiB": 60, "multiAZ": true},
		},
	} {
		set(test.change)
		result, err := d.Up(t.Context())
		for _, text := range test.refused {
			require.ErrorContains(t, err, text, test.name)
		}
		if test.refused != nil {
			_, err = d.preview(t)
			require.ErrorContains(t, err, test.refused[0], "%s: in the preview", test.name)
		}
		if test.refused == nil {
			require.NoError(t, err, test.name)
		}
		assert.Zero(t, result.Changes(), test.name)
		assert.Equal(t, before, d.database(), test.name)
		if test.refused != nil {
			set(first)
		}
	}

	counts := clients.Stop()
	t.Log(counts)
	assert.Zero(t, counts.Failed)
	row := must(r.addRow(t.Context()))(t)

	set(map[string]any{"applyImmediately": true, "allowMajorUpgrade": true, "version": "11.8", "backupDays": 14})
	result := must(d.Up(t.Context()))(t)
	assert.Equal(t, 1, result.Replaced, "the parameter group, by another for the new version")
	after := d.database()
	assert.Equal(t, before.ID, after.ID, "the same database")
	assert.Equal(t, "11.8.5", after.Running)
	assert.Equal(t, "db.t4g.small", after.Spec.Class)
	assert.Equal(t, 60, after.Spec.StorageGiB)
	assert.True(t, after.Spec.MultiAZ)
	assert.Equal(t, 14, after.Spec.BackupDays)
	assert.Zero(t, must(d.Up(t.Context()))(t).Changes(), "nothing comes back")

	if row != "" { // its server runs
		assert.Equal(t, 1, after.Starts, "another class and version interrupt it")
		require.NoError(t, r.findRow(t.Context(), "the upgrade", row))
	}
	require.NoError(t, r.destroy(t.Context()))
	assert.Regexp(t, `^lamp-database-[0-9a-f]{7}-final$`, d.snapshots()[0])
}

// database returns the stack's database without what is measured of it.
func (d *Deployment) database() rds.Database {
	return cloud.Get(d.Cloud(), func(m *cloud.Model) rds.Database {
		found := *m.RDS.Databases[aws.Keys(m.RDS.Databases)[0]]
		found.Use = rds.Use{}
		return found
	})
}
