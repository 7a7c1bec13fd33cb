package nspawn_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/runtime/nspawn"
	"github.com/elastic-service/elastic-service/internal/graphtest"
	"github.com/elastic-service/elastic-service/internal/project"
	"github.com/elastic-service/elastic-service/stack"
)

// Of a machine in zone a of stack dev, and of one in zone b.
var (
	zoneA = netip.MustParseAddr("192.168.0.57")
	zoneB = netip.MustParseAddr("192.168.1.57")
)

// bootTime is more than a boot takes on a machine that does other things as well.
const bootTime = 60 * time.Second

// software is what a stack puts on a machine.
type software struct {
	userData []byte
	objects  map[string][]byte // by bucket/key
}

// deployed is what the stack's own program registers: the launch template's user data, byte for byte, and the objects
// beside it. The bucket has the name that the recorder gave it. Settings can be changed before: paths such as app.services
// and values.
func deployed(t *testing.T, name string, changes map[string]any) software {
	t.Helper()
	root, err := filepath.Abs("../../..")
	require.NoError(t, err)
	config, err := project.Config(root, name)
	require.NoError(t, err)
	for path, value := range changes {
		section, field, _ := strings.Cut(path, ".")
		key := "elastic-service:" + section
		fields := map[string]any{}
		require.NoError(t, json.Unmarshal([]byte(config[key]), &fields))
		fields[field] = value
		text, err := json.Marshal(fields)
		require.NoError(t, err)
		config[key] = string(text)
	}
	g, err := graphtest.Run(t, graphtest.World{Stack: name, Root: root, Config: config}, stack.Deploy)
	require.NoError(t, err)
	templates := g.OfType("LaunchTemplate")
	require.Len(t, templates, 1)
	document, err := base64.StdEncoding.DecodeString(templates[0].Inputs["userData"].StringValue())
	require.NoError(t, err)
	s := software{userData: document, objects: map[string][]byte{}}
	for _, object := range g.OfType("BucketObjectv2") {
		name := object.Inputs["bucket"].StringValue() + "/" + object.Inputs["key"].StringValue()
		s.objects[name] = content(t, object.Inputs["source"])
	}
	return s
}

func content(t *testing.T, source resource.PropertyValue) []byte {
	t.Helper()
	require.True(t, source.IsAsset())
	file, err := os.ReadFile(source.AssetValue().Path)
	require.NoError(t, err)
	return file
}

// dev is stack dev's software, rendered once.
var dev = struct {
	sync.Mutex
	*software
}{}

func devSoftware(t *testing.T) software {
	t.Helper()
	dev.Lock()
	defer dev.Unlock()
	if dev.software == nil {
		s := deployed(t, "dev", nil)
		dev.software = &s
	}
	return *dev.software
}

func (s software) fetch(_ context.Context, bucket, key string) (io.ReadCloser, error) {
	object, found := s.objects[bucket+"/"+key]
	if !found {
		return nil, fmt.Errorf("%s/%s: %w", bucket, key, fs.ErrNotExist)
	}
	return io.NopCloser(bytes.NewReader(object)), nil
}

// spec is a machine's that reads its artifacts with its role.
func (s software) spec(t *testing.T, address netip.Addr) nspawn.Spec {
	t.Helper()
	a := address.As4()
	return nspawn.Spec{
		ID:      fmt.Sprintf("i-0e5%02x%02x%02x%02x", a[0], a[1], a[2], a[3]),
		Address: address, Directory: t.TempDir(), UserData: s.userData, Role: "instance", Fetch: s.fetch,
	}
}

// needMachines skips the test where machines cannot be booted; in CI they must.
func needMachines(t *testing.T) {
	t.Helper()
	missing := nspawn.Missing()
	if missing == "" {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
}

// newVPC is stack dev's network: two subnets in two zones.
func newVPC(t *testing.T) *nspawn.VPC {
	t.Helper()
	needMachines(t)
	v, err := nspawn.NewVPC(t.Context(), nspawn.Config{
		Name: t.Name(), Region: "us-east-1", CIDR: netip.MustParsePrefix("192.168.0.0/23"),
		Subnets: []nspawn.Subnet{
			{CIDR: netip.MustParsePrefix("192.168.0.0/24"), Zone: "us-east-1a"},
			{CIDR: netip.MustParsePrefix("192.168.1.0/24"), Zone: "us-east-1b"},
		},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, v.Close()) })
	return v
}

// boot starts a machine, and shows what it said if the test fails.
func boot(t *testing.T, v *nspawn.VPC, spec nspawn.Spec) *nspawn.Machine {
	t.Helper()
	m, err := v.Boot(t.Context(), spec)
	require.NoError(t, err)
	t.Cleanup(func() {
		if t.Failed() {
			show(t, m)
		}
	})
	return m
}

func show(t *testing.T, m *nspawn.Machine) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	console, _ := os.ReadFile(m.Console())
	t.Logf("console of %s:\n%s", m.ID(), console)
	if journal, err := m.Exec(ctx, "journalctl", "--no-pager", "--boot", "--lines=60", "--output=short-monotonic"); err == nil {
		t.Logf("journal of %s:\n%s", m.ID(), journal.Stdout)
	}
	if log, err := m.Exec(ctx, "grep", "-E", "WARNING|ERROR", "/var/log/cloud-init.log"); err == nil {
		t.Logf("cloud-init of %s:\n%s", m.ID(), log.Stdout)
	}
}

// open reports whether a port of the machine takes connections, as a balancer's health check in the VPC sees it.
func open(v *nspawn.VPC, address netip.Addr, port uint16) bool {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := v.Dial(ctx, "tcp", netip.AddrPortFrom(address, port).String())
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// opens waits for a port, and returns how long that took.
func opens(t *testing.T, v *nspawn.VPC, address netip.Addr, port uint16) time.Duration {
	t.Helper()
	return eventually(t, bootTime, fmt.Sprintf("port %d of %s opens", port, address), func() bool { return open(v, address, port) })
}

func closes(t *testing.T, v *nspawn.VPC, address netip.Addr, port uint16) {
	t.Helper()
	eventually(t, bootTime, fmt.Sprintf("port %d of %s closes", port, address), func() bool { return !open(v, address, port) })
}

// staysShut watches for as long as it takes to be sure: several retries of what might open the port.
func staysShut(t *testing.T, v *nspawn.VPC, watch time.Duration, port uint16, addresses ...netip.Addr) {
	t.Helper()
	for end := time.Now().Add(watch); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		for _, address := range addresses {
			require.False(t, open(v, address, port), "port %d of %s", port, address)
		}
	}
}

func eventually(t *testing.T, limit time.Duration, what string, holds func() bool) time.Duration {
	t.Helper()
	start := time.Now()
	for !holds() {
		require.Less(t, time.Since(start), limit, what)
		time.Sleep(20 * time.Millisecond)
	}
	return time.Since(start)
}

// command runs in the machine, and must succeed.
func command(t *testing.T, m *nspawn.Machine, words ...string) string {
	t.Helper()
	r := attempt(t, m, words...)
	require.Zero(t, r.Code, "%s: %s%s", strings.Join(words, " "), r.Stdout, r.Stderr)
	return strings.TrimSpace(r.Stdout)
}

func attempt(t *testing.T, m *nspawn.Machine, words ...string) nspawn.Result {
	t.Helper()
	r, err := m.Exec(t.Context(), words...)
	require.NoError(t, err)
	return r
}

// assertBootedCleanly asks all that can tell, because none tells everything: cloud-init ends well on YAML that it could
// not read, with a warning in its log; and on a unit that does not start, which only systemd counts.
func assertBootedCleanly(t *testing.T, m *nspawn.Machine) {
	t.Helper()
	eventually(t, bootTime, "systemd has started", func() bool {
		state := strings.TrimSpace(attempt(t, m, "systemctl", "is-system-running", "--wait").Stdout)
		return state == "running" || state == "degraded"
	})
	assert.Contains(t, command(t, m, "cloud-init", "status", "--wait", "--long"), "status: done")
	complaints := attempt(t, m, "grep", "-E", "WARNING|ERROR|Traceback", "/var/log/cloud-init.log", "/var/log/cloud-init-output.log")
	assert.Empty(t, complaints.Stdout, "cloud-init's logs")
	assert.Equal(t, "running", strings.TrimSpace(attempt(t, m, "systemctl", "is-system-running").Stdout))
	assert.Empty(t, attempt(t, m, "systemctl", "--failed", "--no-legend", "--plain").Stdout)
}

func service(t *testing.T, m *nspawn.Machine, name string) nspawn.ServiceStatus {
	t.Helper()
	all, err := m.Services(t.Context())
	require.NoError(t, err)
	for _, s := range all {
		if s.Name == name {
			return s
		}
	}
	require.Failf(t, "no such unit", "%s in %v", name, all)
	return nspawn.ServiceStatus{}
}
