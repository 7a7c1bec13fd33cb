package nspawn_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/runtime/nspawn"
)

// booted is a machine of stack dev, over all of the life that the tests give it.
type booted struct {
	vpc     *nspawn.VPC
	machine *nspawn.Machine
	client  string // the program musicguru, on the host
}

func (b booted) ports(t *testing.T) {
	t.Helper()
	opens(t, b.vpc, b.machine.Address(), 5000)
	opens(t, b.vpc, b.machine.Address(), 5001)
}

// TestStackDev follows one machine with the user data of stack dev, unchanged, through everything that can happen to it.
func TestStackDev(t *testing.T) {
	needMachines(t)
	s := devSoftware(t)
	b := booted{vpc: newVPC(t), client: s.client(t)}
	start := time.Now()
	b.machine = boot(t, b.vpc, s.spec(t, zoneA))
	opens(t, b.vpc, zoneA, 5001)
	t.Logf("from start to the health port open: %.1f s", time.Since(start).Seconds())
	for _, step := range []struct {
		name string
		test func(*testing.T, booted)
	}{
		{"cloud-init, its log and systemd report a clean boot", bootsCleanly},
		{"the real client is answered with the machine's own address", answersTheClient},
		{"metadata takes a token and tells the instance's identity", metadataTakesTokens},
		{"units run unprivileged", runsUnprivileged},
		{"units are verified by systemd without a word, and exposed no more than is stated", isHardened},
		{"a service that is killed closes the health port and comes back", comesBackWhenKilled},
		{"a service that is stopped keeps the health port shut", staysStopped},
		{"stop and start bring both back, without user data running again", comesBackAfterStop},
		{"a reboot from inside does too", comesBackAfterReboot},
		{"a power cut does too", comesBackAfterPowerCut},
		{"what listens in the VPC is reached, by name", reachesTheVPC},
		{"nothing leads out", nothingLeadsOut},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.test(t, b) }) {
			return
		}
	}
	t.Logf("the machine used %.1f s of processor time", b.machine.CPUTime().Seconds())
}

// client is the program that the stack's instances get, as a file here: it is the client, too.
func (s software) client(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "musicguru")
	for name, object := range s.objects {
		if strings.Contains(name, "/musicguru/") {
			require.NoError(t, os.WriteFile(file, object, 0o700))
			return file
		}
	}
	require.Fail(t, "the stack has no such artifact")
	return ""
}

func bootsCleanly(t *testing.T, b booted) { assertBootedCleanly(t, b.machine) }

var answer = regexp.MustCompile(`^In 2004 the number \d+\. song was .+ - .+ \((.+)\)$`)

// ask runs `musicguru ask` in the VPC, as somebody behind its balancer.
func ask(t *testing.T, b booted, address netip.Addr) string {
	t.Helper()
	var out []byte
	require.NoError(t, b.vpc.Do(func() (err error) {
		out, err = exec.Command(b.client, "ask", address.String(), "5000", "2004").CombinedOutput()
		return err
	}), string(out))
	found := answer.FindStringSubmatch(strings.TrimSpace(string(out)))
	require.NotNil(t, found, string(out))
	return found[1]
}

func answersTheClient(t *testing.T, b booted) {
	assert.Equal(t, zoneA.String(), ask(t, b, zoneA))
}

func curl(t *testing.T, b booted, words ...string) (status, body string) {
	t.Helper()
	out := command(t, b.machine, append([]string{"curl", "--silent", "--max-time", "5", "--write-out", "\n%{http_code}"}, words...)...)
	at := strings.LastIndex(out, "\n")
	return out[at+1:], strings.TrimSpace(out[:max(at, 0)])
}

func metadataTakesTokens(t *testing.T, b booted) {
	const service = "http://169.254.169.254/latest"
	status, _ := curl(t, b, service+"/meta-data/local-ipv4")
	assert.Equal(t, "401", status, "without a token")
	status, _ = curl(t, b, "-X", "PUT", service+"/api/token")
	assert.Equal(t, "400", status, "a token without a lifetime")
	status, token := curl(t, b, "-X", "PUT", "-H", "X-aws-ec2-metadata-token-ttl-seconds: 60", service+"/api/token")
	require.Equal(t, "200", status)

	get := func(path string) string {
		status, body := curl(t, b, "-H", "X-aws-ec2-metadata-token: "+token, service+path)
		assert.Equal(t, "200", status, path)
		return body
	}
	assert.Equal(t, "192.168.0.57", get("/meta-data/local-ipv4"))
	assert.Equal(t, "us-east-1a", get("/meta-data/placement/availability-zone"))
	assert.Equal(t, "us-east-1", get("/meta-data/placement/region"))
	assert.Equal(t, "instance", get("/meta-data/iam/security-credentials/"))
	var identity map[string]string
	require.NoError(t, json.Unmarshal([]byte(get("/dynamic/instance-identity/document")), &identity))
	assert.Equal(t, b.machine.ID(), identity["instanceId"])
	assert.Equal(t, "192.168.0.57", identity["privateIp"])
	assert.Equal(t, "us-east-1", identity["region"])
	assert.Equal(t, "ip-192-168-0-57", command(t, b.machine, "hostname"))
}

func runsUnprivileged(t *testing.T, b booted) {
	for _, name := range []string{"musicguru", "healthcheck"} {
		pid := strconv.Itoa(service(t, b.machine, name).PID)
		uid, err := strconv.Atoi(command(t, b.machine, "stat", "--format=%u", "/proc/"+pid))
		require.NoError(t, err)
		assert.GreaterOrEqual(t, uid, 61184, "%s runs as a dynamic user", name)
		status := command(t, b.machine, "grep", "-E", "^(CapBnd|CapEff|NoNewPrivs|Seccomp):", "/proc/"+pid+"/status")
		assert.Equal(t, []string{"CapEff:", "0000000000000000", "CapBnd:", "0000000000000000", "NoNewPrivs:", "1", "Seccomp:", "2"},
			strings.Fields(status), name)
	}
}

// Exposure by systemd-analyze security, from 0 to 10: 2 is its word for OK; a unit without hardening has 9.6.
const (
	serviceExposure  = 1.3
	artifactExposure = 1.8 // as root, for it writes to /usr/local
)

func isHardened(t *testing.T, b booted) {
	var files []string
	all, err := b.machine.Services(t.Context())
	require.NoError(t, err)
	require.Len(t, all, 4)
	for _, s := range all {
		files = append(files, "/etc/systemd/system/"+s.Name+".service")
		most := serviceExposure
		if strings.HasPrefix(s.Name, "artifact-") {
			most = artifactExposure
		}
		assert.LessOrEqual(t, exposure(t, b.machine, s.Name), most, s.Name)
	}
	verified := attempt(t, b.machine, append([]string{"systemd-analyze", "verify"}, files...)...)
	assert.Zero(t, verified.Code)
	assert.Empty(t, verified.Stderr, "it ends well on directives that it doesn't know")
}

var overall = regexp.MustCompile(`Overall exposure level for \S+: ([0-9.]+)`)

func exposure(t *testing.T, m *nspawn.Machine, name string) float64 {
	t.Helper()
	found := overall.FindStringSubmatch(command(t, m, "systemd-analyze", "security", "--no-pager", name+".service"))
	require.NotNil(t, found)
	score, err := strconv.ParseFloat(found[1], 64)
	require.NoError(t, err)
	t.Logf("exposure of %s: %.1f", name, score)
	return score
}

func comesBackWhenKilled(t *testing.T, b booted) {
	before := service(t, b.machine, "musicguru")
	command(t, b.machine, "kill", "-KILL", strconv.Itoa(before.PID))
	start := time.Now()
	closes(t, b.vpc, zoneA, 5001)
	shut := time.Since(start)
	opens(t, b.vpc, zoneA, 5001)
	t.Logf("health port shut %.1f s after the kill, open %.1f s after it", shut.Seconds(), time.Since(start).Seconds())
	after := service(t, b.machine, "musicguru")
	assert.Equal(t, before.Restarts+1, after.Restarts)
	assert.NotEqual(t, before.PID, after.PID)
	assert.Equal(t, zoneA.String(), ask(t, b, zoneA))
}

func staysStopped(t *testing.T, b booted) {
	require.NoError(t, b.machine.StopService(t.Context(), "musicguru"))
	closes(t, b.vpc, zoneA, 5001)
	staysShut(t, b.vpc, 2*time.Second, 5001, zoneA)
	require.NoError(t, b.machine.StartService(t.Context(), "musicguru"))
	b.ports(t)
}

// onceOnly is what a second run of user data, or a second fetch, would change.
func onceOnly(t *testing.T, b booted) string {
	t.Helper()
	return command(t, b.machine, "stat", "--format=%n %i %Y", "/etc/systemd/system/musicguru.service",
		"/usr/local/bin/musicguru", "/var/lib/cloud/instance/sem/config_runcmd", "/var/lib/cloud/instance/sem/config_scripts_user")
}

func comesBackAfterStop(t *testing.T, b booted) {
	before := onceOnly(t, b)
	require.NoError(t, b.vpc.SetStoreReachable(false), "a later boot needs no bucket")
	start := time.Now()
	require.NoError(t, b.machine.Stop(t.Context()))
	t.Logf("shut down in %.1f s", time.Since(start).Seconds())
	assert.False(t, b.machine.Running())
	assert.False(t, open(b.vpc, zoneA, 5001))
	_, err := b.machine.Exec(t.Context(), "true")
	require.EqualError(t, err, "the machine is off")

	start = time.Now()
	require.NoError(t, b.machine.Start(t.Context()))
	b.ports(t)
	t.Logf("back after %.1f s", time.Since(start).Seconds())
	assert.Equal(t, before, onceOnly(t, b))
	assertBootedCleanly(t, b.machine)
	assert.Equal(t, zoneA.String(), ask(t, b, zoneA))
}

func comesBackAfterReboot(t *testing.T, b booted) {
	before, earlier := onceOnly(t, b), boots(t, b)
	attempt(t, b.machine, "systemctl", "reboot")
	closes(t, b.vpc, zoneA, 5001)
	b.ports(t)
	assert.True(t, b.machine.Running())
	assert.Equal(t, before, onceOnly(t, b))
	assert.Equal(t, earlier+1, boots(t, b))
}

// boots counts those that the machine's journal knows.
func boots(t *testing.T, b booted) int {
	t.Helper()
	return len(strings.Split(command(t, b.machine, "journalctl", "--list-boots", "--quiet"), "\n"))
}

func comesBackAfterPowerCut(t *testing.T, b booted) {
	used := b.machine.CPUTime()
	b.machine.Kill()
	assert.False(t, open(b.vpc, zoneA, 5001))
	require.NoError(t, b.machine.Start(t.Context()))
	b.ports(t)
	assert.Greater(t, b.machine.CPUTime(), used)
	require.NoError(t, b.vpc.SetStoreReachable(true))
}

func nothingLeadsOut(t *testing.T, b booted) {
	assert.Equal(t, []string{"ens5", "lo"}, strings.Fields(command(t, b.machine, "ls", "/sys/class/net")))
	r := attempt(t, b.machine, "curl", "--silent", "--show-error", "--max-time", "2", "http://1.1.1.1/")
	assert.NotZero(t, r.Code)

	var names []string
	require.NoError(t, b.vpc.Do(func() error {
		interfaces, err := net.Interfaces()
		for _, i := range interfaces {
			names = append(names, i.Name)
		}
		return err
	}))
	assert.ElementsMatch(t, []string{"lo", "subnet0", "subnet1", "mc0a80039"}, names, "and the last of them is the machine's")
}

func reachesTheVPC(t *testing.T, b booted) {
	l, err := b.vpc.Listen("tcp", "192.168.0.1:8000")
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Host+" asked by "+r.RemoteAddr)
	}))
	server.Listener = l
	server.Start()
	defer server.Close()
	b.vpc.SetName("balancer.example", netip.MustParseAddr("192.168.0.1"))
	assert.Contains(t, command(t, b.machine, "curl", "--silent", "http://balancer.example:8000/"),
		"balancer.example:8000 asked by 192.168.0.57:")
}
