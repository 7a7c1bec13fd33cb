package nspawn_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/runtime/nspawn"
)

func TestTwoMachinesInTwoZones(t *testing.T) {
	needMachines(t)
	s := devSoftware(t)
	b := booted{vpc: newVPC(t), client: s.client(t)}
	start := time.Now()
	first, second := boot(t, b.vpc, s.spec(t, zoneA)), boot(t, b.vpc, s.spec(t, zoneB))
	opens(t, b.vpc, zoneA, 5001)
	opens(t, b.vpc, zoneB, 5001)
	t.Logf("from start to both health ports open: %.1f s", time.Since(start).Seconds())
	assert.Equal(t, zoneA.String(), ask(t, b, zoneA))
	assert.Equal(t, zoneB.String(), ask(t, b, zoneB))

	// Through the VPC's router, from one subnet to the other.
	inside := command(t, second, "/usr/local/bin/musicguru", "ask", zoneA.String(), "5000", "2004")
	assert.Contains(t, inside, "("+zoneA.String()+")")
	_, err := b.vpc.Boot(t.Context(), s.spec(t, zoneA))
	require.ErrorContains(t, err, "192.168.0.57 is the address of "+first.ID())

	require.NoError(t, first.Terminate())
	assert.False(t, open(b.vpc, zoneA, 5001))
	assert.True(t, open(b.vpc, zoneB, 5001))
	assert.Equal(t, zoneB.String(), ask(t, b, zoneB))
}

// TestServicesWithUsersAndLowPorts boots what stack dev doesn't have: two services of an artifact with users, directories and
// environments of their own, as stack swiftcode has, without the agent that is not in Debian; and stack cardweb's
// service on port 80.
func TestServicesWithUsersAndLowPorts(t *testing.T) {
	v := newVPC(t)
	process := func(name, address, role string) map[string]any {
		return map[string]any{
			"name": name, "command": []string{"/usr/local/bin/web", "serve", "-listen", address}, "user": name, "directory": "/var/lib/" + name,
			"environment": map[string]string{"RELEASE": "1", "ROLE": role},
		}
	}
	two := boot(t, v, deployed(t, "cardweb", map[string]any{
		"app.port":     8080,
		"app.services": []any{process("frontend", ":8080", ""), process("worker", "127.0.0.1:8081", "worker")},
	}).spec(t, zoneA))
	low := boot(t, v, deployed(t, "cardweb", nil).spec(t, zoneB))
	opens(t, v, zoneA, 8080)
	opens(t, v, zoneB, 80)
	assertBootedCleanly(t, two)
	assertBootedCleanly(t, low)

	for _, name := range []string{"frontend", "worker"} {
		pid := itoa(service(t, two, name).PID)
		assert.Equal(t, name, command(t, two, "stat", "--format=%U", "/proc/"+pid))
		assert.Equal(t, "/var/lib/"+name, command(t, two, "readlink", "/proc/"+pid+"/cwd"))
		assert.Equal(t, name+" 755", command(t, two, "stat", "--format=%U %a", "/var/lib/"+name))
		assert.Contains(t, command(t, two, "cat", "/proc/"+pid+"/environ"), "RELEASE=1\x00")
	}
	assert.Contains(t, command(t, two, "curl", "--silent", "--fail", "http://127.0.0.1:8081/"), "")
	assert.False(t, open(v, zoneA, 8081), "it listens for its own machine alone")

	pid := itoa(service(t, low, "web").PID)
	capabilities := command(t, low, "grep", "-E", "^Cap(Eff|Bnd):", "/proc/"+pid+"/status")
	const bindService = "0000000000000400"
	assert.Equal(t, []string{"CapEff:", bindService, "CapBnd:", bindService}, strings.Fields(capabilities))
}

func TestWhatEC2RefusesIsRefused(t *testing.T) {
	v := newVPC(t)
	for name, c := range map[string]struct {
		change func(*nspawn.Spec)
		want   string
	}{
		"user data of 16,385 bytes": {
			func(s *nspawn.Spec) { s.UserData = make([]byte, 16385) }, "user data has 16385 bytes: EC2 takes at most 16384",
		},
		"an address of no subnet": {
			func(s *nspawn.Spec) { s.Address = netip.MustParseAddr("10.0.0.7") }, "10.0.0.7 is not in a subnet of the VPC",
		},
		"an address that AWS keeps": {
			func(s *nspawn.Spec) { s.Address = netip.MustParseAddr("192.168.1.3") },
			"192.168.1.3 is one of the first four addresses of 192.168.1.0/24",
		},
		"an ID that is none": {func(s *nspawn.Spec) { s.ID = "web" }, `"web" is not the ID of an instance`},
	} {
		t.Run(name, func(t *testing.T) {
			spec := software{}.spec(t, zoneA)
			c.change(&spec)
			_, err := v.Boot(t.Context(), spec)
			require.EqualError(t, err, "boot "+spec.ID+": "+c.want)
		})
	}
}
