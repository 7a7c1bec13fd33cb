package database

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAChangeThatCostsDataOrIsRefusedByRDSIsRefusedBefore(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(*Args)
		running string // the instance's version; empty: unknown
		storage int    // the volume's size; 0: as at the last deployment
		want    string // part of the refusal; empty: none
	}{
		"nothing":       {change: func(*Args) {}},
		"another class": {change: func(a *Args) { a.InstanceClass = "db.m8g.large" }},
		"another engine": {
			change: func(a *Args) { a.Engine, a.Version = "mysql", "8.4" },
			want:   `database.engine: "mysql" is not "postgres", which the database was created with`,
		},
		"another name": {
			change: func(a *Args) { a.Name = "shop" },
			want:   `database.name: "shop" is not "app", which the database was created with: RDS would have to delete it with its data`,
		},
		"another owner": {change: func(a *Args) { a.Username = "me" }, want: `database.username: "me" is not "owner"`},

		"a newer major version": {
			change: func(a *Args) { a.Version = "18" }, running: "17.6",
			want: `database.version: "18" is another major version than 17.6, which runs`,
		},
		"a newer major version, allowed": {change: func(a *Args) { a.Version, a.AllowMajorUpgrade = "18", true }, running: "17.6"},
		"an older major version, allowed or not": {
			change: func(a *Args) { a.Version, a.AllowMajorUpgrade = "16", true }, running: "17.6",
			want: `database.version: "16" is older than 17.6, which runs: RDS does not go back. Set it to 17,`,
		},
		"an older minor version": {
			change: func(a *Args) { a.Version, a.ApplyImmediately = "17.4", true }, running: "17.6",
			want: `database.version: "17.4" is older than 17.6, which runs: RDS does not go back. Set it to 17.6,`,
		},
		"the minor version that runs": {change: func(a *Args) { a.Version = "17.6" }, running: "17.6"},
		"a newer minor version": {
			change: func(a *Args) { a.Version = "17.7" }, running: "17.6",
			want: `database.version: "17.7" is another minor version than 17.6, which runs: the database restarts. Set applyImmediately`,
		},
		"a newer minor version, at once":   {change: func(a *Args) { a.Version, a.ApplyImmediately = "17.7", true }, running: "17.6"},
		"an upgrade that was made outside": {change: func(a *Args) { a.Version = "18" }, running: "18.1"},
		"a version before anything runs": {
			change: func(a *Args) { a.Version = "16" }, want: `database.version: "16" is older than 17, which runs`,
		},

		"a smaller volume": {
			change: func(a *Args) { a.StorageGiB = 20 }, storage: 40,
			want: "database.storageGiB: 20 is below 40, the present size: a volume does not shrink",
		},
		"a smaller volume than was held back": {change: func(a *Args) { a.StorageGiB = 20 }, storage: 20},
		"a little more": {
			change: func(a *Args) { a.StorageGiB = 43 },
			want:   "database.storageGiB: 43 is less than 10 % above 40, the present size: RDS grows a volume to 44 at least",
		},
		"a tenth more":                        {change: func(a *Args) { a.StorageGiB = 44 }},
		"less than it has grown to by itself": {change: func(a *Args) { a.StorageGiB = 50 }, storage: 60},
	} {
		t.Run(name, func(t *testing.T) {
			a := args()
			a.StorageGiB = 40
			was := resource.PropertyMap{
				"engine": resource.NewProperty("postgres"), "version": resource.NewProperty("17"), "name": resource.NewProperty("app"),
				"username": resource.NewProperty("owner"), "storageGiB": resource.NewProperty(40.0),
			}
			now := resource.PropertyMap{"allocatedGiB": resource.NewProperty(40.0)}
			if test.running != "" {
				now["runningVersion"] = resource.NewProperty(test.running)
			}
			if test.storage != 0 {
				now["allocatedGiB"] = resource.NewProperty(float64(test.storage))
			}
			test.change(a)
			err := a.refuseChange(was, now)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestWhatInterruptsTheDatabaseIsHeldBackUnlessItIsAskedFor(t *testing.T) {
	a := args()
	g, err := deploy(t, "swiftcode", a)
	require.NoError(t, err)
	instance := g.OfType("aws:rds/instance:Instance")[0]
	assert.Equal(t, []string{"engineLifecycleSupport", "instanceClass", "allocatedStorage", "multiAz"}, instance.IgnoreChanges)
	a.ApplyImmediately = true
	g, err = deploy(t, "swiftcode", a)
	require.NoError(t, err)
	assert.Equal(t, []string{"engineLifecycleSupport"}, g.OfType("aws:rds/instance:Instance")[0].IgnoreChanges)
}

func TestWhatIsHeldBackIsSaid(t *testing.T) {
	a := args()
	a.InstanceClass, a.StorageGiB, a.MultiAZ = "db.t4g.small", 40, false
	assert.Equal(t, []string{
		"database.instanceClass: db.t4g.small instead of db.t4g.micro", "database.storageGiB: 40 instead of 20",
		"database.multiAZ: false instead of true",
	}, a.waiting(map[string]any{"instanceClass": "db.t4g.micro", "storageGiB": 20, "multiAZ": true}))
	assert.Empty(t, a.waiting(map[string]any{"instanceClass": "db.t4g.small", "storageGiB": 50, "multiAZ": false}))
}
