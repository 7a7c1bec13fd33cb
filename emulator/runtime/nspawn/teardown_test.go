package nspawn_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/runtime/nspawn"
)

func itoa(n int) string { return strconv.Itoa(n) }

// traces are what machines could leave of themselves: mounts, interfaces, network namespaces, cgroups and processes.
func traces(t *testing.T) map[string][]string {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(t, err)
	interfaces, err := net.Interfaces()
	require.NoError(t, err)
	found := map[string][]string{}
	for line := range strings.Lines(string(mounts)) { // others mount things at the same time, but no roots of machines
		if strings.Contains(line, " - overlay ") || strings.Contains(line, "nspawn") || strings.Contains(line, "nsfs") {
			found["mounts"] = append(found["mounts"], line)
		}
	}
	for _, i := range interfaces {
		found["interfaces"] = append(found["interfaces"], i.Name)
	}
	// Others on this computer may boot machines at the same time: what is in no cgroup of ours is theirs.
	for _, pattern := range []string{"/proc/self/task/[0-9]*/ns/net", "/proc/self/fd/*"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			if name, err := os.Readlink(file); err == nil && strings.HasPrefix(name, "net:") {
				found["namespaces"] = append(found["namespaces"], name)
			}
		}
	}
	slices.Sort(found["namespaces"])
	found["namespaces"] = slices.Compact(found["namespaces"])
	found["cgroups"] = cgroups(t, os.Getpid())
	return found
}

// assertNoMore asserts that nothing is there that was not there before. What an earlier test has left to the kernel to close may go.
func assertNoMore(t require.TestingT, before, now map[string][]string) {
	for kind, found := range now {
		assert.Subset(t, before[kind], found, kind)
	}
}

// cgroups are those of the machines of a process.
func cgroups(t *testing.T, owner int) []string {
	t.Helper()
	var all []string
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		found, err := filepath.Glob(fmt.Sprintf("%s/elastic-service-machine.%d.*", root, owner))
		require.NoError(t, err)
		all = append(all, found...)
	}
	return all
}

func TestNothingRemainsAfterClose(t *testing.T) {
	needMachines(t)
	s := devSoftware(t)
	before := traces(t)
	ctx := context.Background()
	v, err := nspawn.NewVPC(ctx, nspawn.Config{
		CIDR:    netip.MustParsePrefix("192.168.0.0/24"),
		Subnets: []nspawn.Subnet{{CIDR: netip.MustParsePrefix("192.168.0.0/24"), Zone: "us-east-1a"}},
	})
	require.NoError(t, err)
	spec := s.spec(t, zoneA)
	_, err = v.Boot(ctx, spec)
	require.NoError(t, err)
	assert.NotEqual(t, before, traces(t))
	opens(t, v, zoneA, 22) // the machine is well under way
	start := time.Now()
	require.NoError(t, v.Close())
	t.Logf("closed in %.2f s", time.Since(start).Seconds())
	require.EventuallyWithT(t, func(now *assert.CollectT) { assertNoMore(now, before, traces(t)) }, 5*time.Second, 20*time.Millisecond)
	require.NoError(t, os.RemoveAll(spec.Directory))
}

// crash is the environment variable that has this test binary boot a machine and wait to be killed.
const crash = "MACHINE_TEST_CRASH"

func TestNothingRemainsOfAProcessThatIsKilled(t *testing.T) {
	if os.Getenv(crash) != "" {
		waitToBeKilled(t)
	}
	needMachines(t)
	before := traces(t)
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "-test.run=^TestNothingRemainsOfAProcessThatIsKilled$", "-test.v")
	cmd.Env = append(os.Environ(), crash+"="+t.TempDir())
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() && lines.Text() != crash {
	}
	owned := cgroups(t, cmd.Process.Pid)
	require.NotEmpty(t, owned, "%v", lines.Err())
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()

	require.EventuallyWithT(t, func(now *assert.CollectT) {
		assert.Empty(now, cgroups(t, cmd.Process.Pid))
		assertNoMore(now, before, traces(t))
	}, 10*time.Second, 20*time.Millisecond)
}

// TestLeftoversAreFoundByName makes what would be there if the guard had been killed, too.
func TestLeftoversAreFoundByName(t *testing.T) {
	needMachines(t)
	dead := exec.Command("true")
	require.NoError(t, dead.Run())
	root := "/sys/fs/cgroup"
	if _, err := os.Stat(root + "/unified"); err == nil {
		root += "/unified"
	}
	left := fmt.Sprintf("%s/elastic-service-machine.%d.1.i-0123456789", root, dead.Process.Pid)
	require.NoError(t, os.MkdirAll(left+"/payload", 0o755))
	folder, err := os.Open(left + "/payload")
	require.NoError(t, err)
	defer folder.Close()
	orphan := exec.Command("sleep", "infinity")
	orphan.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(folder.Fd())}
	require.NoError(t, orphan.Start())

	newVPC(t)
	require.EqualError(t, orphan.Wait(), "signal: killed")
	assert.NoDirExists(t, left)
	leftovers, err := nspawn.Leftovers()
	require.NoError(t, err)
	assert.NotContains(t, leftovers, left)
}

func waitToBeKilled(t *testing.T) {
	v := newVPC(t)
	spec := software{}.spec(t, zoneA)
	spec.Directory = os.Getenv(crash)
	_, err := v.Boot(t.Context(), spec)
	require.NoError(t, err)
	opens(t, v, zoneA, 22)
	fmt.Println(crash)
	select {}
}
