package rehearsal

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/engine"
	"github.com/elastic-service/elastic-service/emulator/engine/enginetest"
	"github.com/elastic-service/elastic-service/emulator/session"
	"github.com/elastic-service/elastic-service/internal/project"
)

// change is a row of the table in docs/aws.md: a change of a live stack, and what becomes of it.
type change struct {
	row      string // the first cell
	make     func(r *Rehearsal) error
	undo     func(r *Rehearsal) error // after a refusal
	refused  string                   // what the refusal says
	nothing  bool                     // it changes no resource
	replaced int                      // resources
	releases bool                     // all instances are new; otherwise all stay
	silent   bool                     // clients get no answer for a while
	moves    bool                     // the service has another address
}

func setting(value any, key string, path ...any) func(*Rehearsal) error {
	return func(r *Rehearsal) error { return r.deployment.Set(value, key, path...) }
}

// liveChanges lists the changes in the order in which they are made, each to what the one before has left.
func liveChanges() []change {
	return []change{
		{
			row: "nothing, but AWS has published a newer image", nothing: true,
			make: func(r *Rehearsal) error {
				_, err := publish(r.deployment.Cloud(), r.deployment.Settings.Image.Parameter)
				return err
			},
		},
		{row: "`image.update`, `image.parameter`, `image.id`", make: setting("May", "image", "update"), releases: true},
		{row: "`compute.bastion.update`", make: setting("May", "compute", "bastion", "update"), replaced: 1},
		{row: "`compute.instanceType`, `cpuCredits`", make: setting("t3.small", "compute", "instanceType"), releases: true},
		{row: "`health.path`, `matcher`, `port`, `protocol`, thresholds", make: setting(4, "health", "unhealthy")},
		{row: "`tags`", make: setting(map[string]string{"team": "a"}, "tags"), releases: true},
		{
			row: "`aws:defaultTags`",
			make: func(r *Rehearsal) error {
				o := r.deployment.Session.Options()
				return project.Set(o.Root, o.Stack, map[string]any{"tags": map[string]string{"cost": "b"}}, "aws:defaultTags")
			},
		},
		{
			row: "`scaling.min`, `max`, `policies`, `schedules`, `hooks`, `notify`; `monitoring`",
			make: func(r *Rehearsal) error {
				for key, value := range map[string]any{"max": 8, "notify": []map[string]string{{"protocol": "email", "endpoint": "a@example.com"}}} {
					if err := r.deployment.Set(value, "scaling", key); err != nil {
						return err
					}
				}
				return r.deployment.Set(map[string]bool{"alarms": true, "dashboard": true}, "monitoring")
			},
		},
		{row: "`network.nat`, from `single` to `perZone`; `flowLogs`", make: setting("perZone", "network", "nat")},
		{
			row: "`network.zones`, from a number to the names of the same zones", nothing: true,
			make: setting([]string{"us-east-1a", "us-east-1b"}, "network", "zones"),
		},
		{
			row: "`network.cidr`, `zones`, `subnets`, `private`", refused: "InvalidSubnet.Conflict",
			make: setting([]string{"us-east-1a", "us-east-1b", "us-east-1c"}, "network", "zones"),
			undo: setting([]string{"us-east-1a", "us-east-1b"}, "network", "zones"),
		},
		{row: "`app.logs`", make: setting(map[string]int{"retention": 30}, "app", "logs"), releases: true},
		{
			row: "`app.port`", replaced: 1, releases: true, silent: true,
			make: func(r *Rehearsal) error {
				if err := r.deployment.Set([]string{"/usr/local/bin/web", "serve", "-listen", ":8090"}, "app", "services", 0, "command"); err != nil {
					return err
				}
				return r.deployment.Set(8090, "app", "port")
			},
		},
		{row: "`balancer.internal`, `balancer.type`", make: setting(true, "balancer", "internal"), replaced: 2, silent: true, moves: true},
	}
}

// Each change of a live stack with a database, a bastion and private instances, one after the other. The database stays, and no change
// comes back in the next preview.
func TestWhatBecomesOfALiveStackThatIsChanged(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	r := opened(t, must(session.EnterProject("lamp"))(t), "lamp")
	d := r.deployment
	require.NoError(t, d.Set(map[string]any{"from": []string{"203.0.113.0/24"}}, "compute", "bastion"))
	require.NoError(t, d.Set(map[string]any{"bake": 0}, "scaling", "release"))
	require.NoError(t, d.Set(30, "scaling", "grace"))
	require.NoError(t, r.deploy(t.Context()))
	require.NoError(t, r.awaitHealthy(t.Context()))
	database := d.database().ID
	for _, c := range liveChanges() {
		c.try(t, r)
		assert.Equal(t, database, d.database().ID, "%s: the same database", c.row)
	}

	require.NoError(t, d.Set("shop", "service"))
	result := must(d.Up(t.Context()))(t)
	t.Logf("service: %s", result)
	assert.NotEqual(t, database, d.database().ID, "everything is new")
	assert.Regexp(t, `^lamp-database-[0-9a-f]{7}-final$`, d.snapshots()[0])
	require.NoError(t, d.Meet(result.Outputs["address"]))
	require.NoError(t, d.AwaitHealthy(t.Context()))
	require.NoError(t, r.askEveryTarget(t.Context()))
	assert.Zero(t, must(d.Up(t.Context()))(t).Changes())

	require.NoError(t, d.Set(false, "database", "finalSnapshot"))
	assert.Equal(t, 1, must(d.Up(t.Context()))(t).Changes(), "the database, which an up has to tell of it")
	require.NoError(t, r.destroy(t.Context()))
	assert.Len(t, d.snapshots(), 1, "the new database left none")
}

// try makes a change while clients are asking, and deploys once more.
func (c change) try(t *testing.T, r *Rehearsal) {
	t.Helper()
	d := r.deployment
	before := instanceIDs(d.Healthy())
	clients := r.startClients(t.Context())
	require.NoError(t, c.make(r), c.row)
	result, err := d.Up(t.Context())
	if c.refused != "" {
		require.ErrorContains(t, err, c.refused, c.row)
		require.NoError(t, c.undo(r), c.row)
	} else {
		require.NoError(t, err, c.row)
	}
	counts := clients.Stop()
	t.Logf("%s: %s; clients: %v", c.row, result, counts)

	assert.Equal(t, c.replaced, result.Replaced, "%s: replaced", c.row)
	if c.nothing {
		assert.Zero(t, result.Changes(), c.row)
	}
	if !c.silent {
		assert.Zero(t, counts.Failed, "%s: %v", c.row, counts)
	}
	assert.Positive(t, counts.Answered, c.row)
	if c.moves {
		require.NoError(t, d.Meet(result.Outputs["address"]), c.row)
	}
	require.NoError(t, d.AwaitHealthy(t.Context()), c.row)
	for _, id := range instanceIDs(d.Healthy()) {
		assert.NotEqual(t, c.releases, slices.Contains(before, id), "%s: %s", c.row, id)
	}
	_, err = d.Service.Ask(t.Context())
	require.NoError(t, err, c.row)
	if c.nothing {
		return
	}
	again := must(d.preview(t))(t)
	assert.Zero(t, again.Changes(), "%s: the next preview: %s", c.row, again)
}

// preview makes a preview, as `pulumi preview` does.
func (d *Deployment) preview(t *testing.T) (engine.Result, error) {
	t.Helper()
	return must(d.Session.Pulumi(t.Context()))(t).Preview(t.Context())
}

func instanceIDs(instances []api.Instance) []string {
	var ids []string
	for _, i := range instances {
		ids = append(ids, i.ID)
	}
	return ids
}

// rehearsedElsewhere are the rows that other tests rehearse.
var rehearsedElsewhere = map[string]string{
	"nothing, but the region has a new zone, or a zone is impaired": "stack: TestZonesStayAsTheyWereFoundFirst",
	"`service`":                "the end of TestWhatBecomesOfALiveStackThatIsChanged",
	"`app.targets`, one more":  "TestASecondServiceComesFailsAndGoes",
	"`app.targets`, one fewer": "TestASecondServiceComesFailsAndGoes",
	"`balancer.idleTimeout`, `drain`, `algorithm`, `crossZone`": "TestTheAttributesOfALive…BalancerChange",
}

func TestTheRowsOfTheDocumentAreRehearsed(t *testing.T) {
	text, err := os.ReadFile("../../docs/aws.md")
	require.NoError(t, err)
	_, table, _ := strings.Cut(string(text), "Some changes are more than a release, or less:\n")
	table, _, _ = strings.Cut(table, "\nThe database of a live stack:\n")
	var rows, rehearsed []string
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, " | "); strings.HasPrefix(line, "| ") && len(cells) > 1 {
			rows = append(rows, strings.TrimPrefix(cells[0], "| "))
		}
	}
	for _, c := range liveChanges() {
		rehearsed = append(rehearsed, c.row)
	}
	for row := range rehearsedElsewhere {
		rehearsed = append(rehearsed, row)
	}
	assert.ElementsMatch(t, rehearsed, rows[1:], "the first is the table's head: %q", rows[0])
}
