package nspawn_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/runtime/nspawn"
)

// withCommand is stack dev with another command of its service.
func withCommand(t *testing.T, words ...string) software {
	t.Helper()
	return deployed(t, "dev", map[string]any{"app.services": []map[string]any{{"name": "musicguru", "command": words}}})
}

// ill is a machine that must stay out of the balancer.
type ill struct {
	name    string
	address netip.Addr
	spec    func(*testing.T, netip.Addr) nspawn.Spec
	ready   func(*testing.T, *nspawn.Machine) bool // to be looked at
	look    func(*testing.T, *nspawn.Machine)
}

// TestFaultsKeepAMachineOutOfTheBalancer boots all of them at once, for they take their time with retries.
func TestFaultsKeepAMachineOutOfTheBalancer(t *testing.T) {
	needMachines(t)
	var repaired atomic.Bool // what the bucket has
	cases := []ill{
		{
			"wrong content in the bucket", netip.MustParseAddr("192.168.0.101"),
			func(t *testing.T, a netip.Addr) nspawn.Spec { return tampered(t, a, &repaired) },
			artifactFailed, wrongContent,
		},
		{
			"a role that may not read the bucket", netip.MustParseAddr("192.168.0.102"), forbidden,
			artifactFailed, noAccess,
		},
		{
			"a service that hangs before it listens", netip.MustParseAddr("192.168.0.103"),
			func(t *testing.T, a netip.Addr) nspawn.Spec {
				return withCommand(t, "/usr/bin/sleep", "infinity").spec(t, a)
			},
			func(t *testing.T, m *nspawn.Machine) bool { return service(t, m, "healthcheck").Sub == "running" },
			hangs,
		},
		{
			"a service that ends at once", netip.MustParseAddr("192.168.1.104"),
			func(t *testing.T, a netip.Addr) nspawn.Spec { return withCommand(t, "/usr/bin/false").spec(t, a) },
			func(t *testing.T, m *nspawn.Machine) bool { return service(t, m, "musicguru").Restarts > 1 },
			func(t *testing.T, m *nspawn.Machine) {
				assertSaid(t, m, "musicguru", "Failed with result 'exit-code'")
			},
		},
	}
	v := newVPC(t)
	machines := make([]*nspawn.Machine, len(cases))
	var addresses []netip.Addr
	for i, c := range cases {
		machines[i] = boot(t, v, c.spec(t, c.address))
		addresses = append(addresses, c.address)
	}
	for i, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			assert.Contains(t, command(t, machines[i], "cloud-init", "status", "--wait"), "status: done", "cloud-init doesn't tell")
			eventually(t, bootTime, "ready", func() bool { return c.ready(t, machines[i]) })
			c.look(t, machines[i])
			assert.False(t, open(v, c.address, 5001))
		})
	}
	staysShut(t, v, 3*time.Second, 5001, addresses...)

	repaired.Store(true)
	opens(t, v, cases[0].address, 5001)
	staysShut(t, v, 0, 5001, addresses[1:]...)
}

func artifactFailed(t *testing.T, m *nspawn.Machine) bool {
	return service(t, m, "artifact-musicguru").Restarts > 0
}

// tampered serves the service's program with one more byte than its hash knows, until it is repaired.
func tampered(t *testing.T, a netip.Addr, repaired *atomic.Bool) nspawn.Spec {
	s := devSoftware(t)
	spec := s.spec(t, a)
	spec.Fetch = func(ctx context.Context, bucket, key string) (io.ReadCloser, error) {
		object, err := s.fetch(ctx, bucket, key)
		if err != nil || repaired.Load() || !strings.Contains(key, "musicguru/") {
			return object, err
		}
		return struct {
			io.Reader
			io.Closer
		}{io.MultiReader(object, bytes.NewReader([]byte{0})), object}, nil
	}
	return spec
}

func wrongContent(t *testing.T, m *nspawn.Machine) {
	for _, name := range []string{"musicguru", "healthcheck"} {
		assert.Equal(t, "inactive", service(t, m, name).Active, "%s was never started", name)
	}
	assert.NotZero(t, attempt(t, m, "test", "-e", "/usr/local/bin/musicguru").Code, "the file is not there")
	assertSaid(t, m, "artifact-musicguru", "/var/lib/elastic-service/musicguru: FAILED")
	assertSaid(t, m, "artifact-musicguru", "Failed with result 'exit-code'")
	assertSaid(t, m, "musicguru", "Dependency failed for musicguru.service")
}

func forbidden(t *testing.T, a netip.Addr) nspawn.Spec {
	spec := devSoftware(t).spec(t, a)
	spec.Fetch = func(context.Context, string, string) (io.ReadCloser, error) {
		return nil, errors.New("not for this role")
	}
	return spec
}

func noAccess(t *testing.T, m *nspawn.Machine) {
	assertSaid(t, m, "artifact-musicguru", "An error occurred (403) when calling the HeadObject operation: Forbidden")
}

func hangs(t *testing.T, m *nspawn.Machine) {
	assert.Equal(t, "running", service(t, m, "musicguru").Sub, "to systemd it runs")
	assertSaid(t, m, "healthcheck", "the service does not listen")
}

// assertSaid looks for what is there for everybody to see: in the unit's journal.
func assertSaid(t *testing.T, m *nspawn.Machine, unit, text string) {
	t.Helper()
	journal, err := m.Journal(t.Context(), unit)
	require.NoError(t, err)
	assert.Contains(t, journal, text)
}

func TestABucketThatIsUnreachableForAWhileIsRetried(t *testing.T) {
	s := devSoftware(t)
	v := newVPC(t)
	require.NoError(t, v.SetStoreReachable(false))
	start := time.Now()
	m := boot(t, v, s.spec(t, zoneA))
	assertBootedCleanly(t, m)
	eventually(t, bootTime, "a retry", func() bool { return artifactFailed(t, m) })
	assert.False(t, open(v, zoneA, 5001))
	assertSaid(t, m, "artifact-musicguru", "Could not connect to the endpoint URL")
	away := time.Since(start)
	require.NoError(t, v.SetStoreReachable(true))
	opens(t, v, zoneA, 5001)
	t.Logf("the bucket was away for %.1f s; the health port opened %.1f s after the start", away.Seconds(), time.Since(start).Seconds())
}
