package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/procfs"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/engine/enginetest"
	"github.com/elastic-service/elastic-service/emulator/provider"
	"github.com/elastic-service/elastic-service/emulator/session"
	"github.com/elastic-service/elastic-service/internal/project"
)

// program is the emulator as its user starts it, in a copy of the project.
type program struct {
	t       *testing.T
	root    string
	address string
	process *exec.Cmd
	ended   chan error
	mu      sync.Mutex
	said    bytes.Buffer
}

func (c *program) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t.Log(strings.TrimRight(string(p), "\n"))
	return c.said.Write(p)
}

func (c *program) output() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.said.String()
}

func newProgram(t *testing.T) *program {
	t.Helper()
	listener := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	address := listener.Addr().String()
	require.NoError(t, listener.Close())
	c := &program{t: t, root: copyTree(t, must(session.EnterProject("dev"))(t)), address: address}
	t.Cleanup(func() {
		if c.process != nil {
			_ = c.process.Process.Kill() // it may have ended
		}
	})
	return c
}

// copyTree copies what `go build` and Pulumi need.
func copyTree(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	require.NoError(t, filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		name, _ := filepath.Rel(from, path)
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || name == "bin" || name == "tools"):
			return filepath.SkipDir
		case entry.IsDir():
			return os.MkdirAll(filepath.Join(to, name), 0o700)
		case strings.HasSuffix(name, "_test.go") || !entry.Type().IsRegular():
			return nil
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, name), content, 0o600)
	}))
	return to
}

func (c *program) start(args ...string) {
	c.t.Helper()
	c.said.Reset()
	c.process = exec.Command(os.Args[0], args...)
	c.process.Dir, c.process.Stdout, c.process.Stderr = c.root, c, c
	c.process.Env = append(os.Environ(), commandVariable+"=1", addressVariable+"="+c.address)
	c.process.WaitDelay = time.Second // what it started may have its output still
	require.NoError(c.t, c.process.Start())
	c.ended = make(chan error, 1)
	go func(process *exec.Cmd, ended chan<- error) { ended <- process.Wait() }(c.process, c.ended)
}

func (c *program) await(text string) {
	c.t.Helper()
	require.NoError(c.t, session.Poll(c.t.Context(), 2*time.Minute, func() bool {
		return strings.Contains(c.output(), text) || c.over()
	}))
	require.Contains(c.t, c.output(), text)
}

func (c *program) over() bool { return len(c.ended) > 0 }

func (c *program) signal(s syscall.Signal) { _ = c.process.Process.Signal(s) }

// kill ends the emulator as the kernel does where memory is short, and the Pulumi that it started with it, if wanted.
func (c *program) kill(pulumiToo bool) {
	c.t.Helper()
	var children []int
	for _, p := range must(procfs.AllProcs())(c.t) {
		if stat, err := p.Stat(); err == nil && stat.PPID == c.process.Process.Pid && strings.HasPrefix(stat.Comm, "pulumi") {
			children = append(children, stat.PID)
		}
	}
	c.signal(syscall.SIGKILL)
	for _, pid := range children {
		if pulumiToo {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	err := <-c.ended
	c.t.Log("killed: ", err)
}

func (c *program) runs(args ...string) string {
	c.t.Helper()
	c.start(args...)
	require.NoError(c.t, <-c.ended, c.output())
	return c.output()
}

func (c *program) folder() string { return filepath.Join(c.root, ".emulator", "dev") }

// processes are those of instances and of Pulumi that belong to this copy of the project.
func (c *program) processes() []string {
	var found []string
	for _, p := range must(procfs.AllProcs())(c.t) {
		line, err := p.CmdLine()
		stat, _ := p.Stat()
		if err == nil && strings.Contains(strings.Join(line, " "), c.root) && stat.State != "Z" && !strings.HasPrefix(stat.Comm, "go") {
			found = append(found, fmt.Sprintf("%d %v", p.PID, line))
		}
	}
	return found
}

// made counts what the cloud has saved of what engines asked for.
func (c *program) made() int {
	var saved struct{ Ledger []any }
	text, err := os.ReadFile(filepath.Join(c.folder(), "cloud.json"))
	if err != nil || json.Unmarshal(text, &saved) != nil {
		return 0
	}
	return len(saved.Ledger)
}

// remembered are the resources that Pulumi's state has, and those that the cloud made.
func (c *program) remembered() (pulumi, cloud []string) {
	c.t.Helper()
	var checkpoint struct {
		Checkpoint struct {
			Latest struct {
				Resources []struct{ Type, ID string }
				Pending   []any `json:"pending_operations"`
			}
		}
	}
	file := filepath.Join(c.folder(), "pulumi", "backend", ".pulumi", "stacks", "elastic-service", "dev.json")
	require.NoError(c.t, json.Unmarshal(must(os.ReadFile(file))(c.t), &checkpoint))
	assert.Empty(c.t, checkpoint.Checkpoint.Latest.Pending)
	for _, r := range checkpoint.Checkpoint.Latest.Resources {
		if _, ours := provider.KindOf(r.Type); ours && r.ID != "" {
			pulumi = append(pulumi, r.Type+" "+r.ID)
		}
	}
	var saved struct{ Ledger []struct{ Type, ID string } }
	require.NoError(c.t, json.Unmarshal(must(os.ReadFile(filepath.Join(c.folder(), "cloud.json")))(c.t), &saved))
	for _, r := range saved.Ledger {
		cloud = append(cloud, r.Type+" "+r.ID)
	}
	slices.Sort(pulumi)
	slices.Sort(cloud)
	return pulumi, cloud
}

func TestAnEmulatorThatIsKilledDuringUpGoesOnWithTheNext(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	c := newProgram(t)
	// The stack has 34 resources; the last is the group, which waits for its instances.
	for n, resources := range []int{1, 8, 16, 22, 27, 34} {
		c.start("up", "--speed", testSpeed)
		c.await("deploying stack dev")
		require.NoError(t, session.Poll(t.Context(), time.Minute, func() bool { return c.made() >= resources || c.over() }))
		require.False(t, c.over(), c.output())
		c.kill(n%2 == 1)
		require.NoError(t, session.Poll(t.Context(), 40*time.Second, func() bool { return len(c.processes()) == 0 }), "%v", c.processes())
	}
	c.start("up", "--speed", testSpeed)
	c.await("running; in another terminal")
	pulumi, cloud := c.remembered()
	assert.Equal(t, pulumi, cloud, "Pulumi remembers all that the cloud has made")
	status := must(api.Client{Address: c.address}.Status(t.Context()))(t)
	assert.Equal(t, 2, status.Groups[0].Healthy)
	for _, folder := range must(filepath.Glob(filepath.Join(c.folder(), "instances", "*", "root")))(t) {
		id := filepath.Base(filepath.Dir(folder))
		known := slices.ContainsFunc(status.Instances, func(i api.Instance) bool { return i.ID == id })
		assert.True(t, known, "%s belongs to no instance", folder)
	}
	c.signal(syscall.SIGINT)
	require.NoError(t, <-c.ended)
	c.runs("down", "--speed", testSpeed)
	assert.NoDirExists(t, c.folder())
	assert.Empty(t, c.processes())
}

func TestAnInterruptedUpCleansUpBehindItAndGoesOnWithTheNext(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	c := newProgram(t)
	for _, after := range []time.Duration{0, 300, 800, 1300, 1800, 2300} {
		c.start("up", "--speed", testSpeed)
		c.await("deploying stack dev")
		time.Sleep(after * time.Millisecond)
		c.signal(syscall.SIGINT)
		select {
		case err := <-c.ended:
			t.Log("ended: ", err)
		case <-time.After(time.Minute):
			t.Fatalf("it did not end after Ctrl-C, %v in", after)
		}
		require.NoError(t, session.Poll(t.Context(), 10*time.Second, func() bool { return len(c.processes()) == 0 }), "%v", c.processes())
	}
	c.start("up", "--speed", testSpeed)
	c.await("running; in another terminal")
	pulumi, cloud := c.remembered()
	assert.Equal(t, pulumi, cloud)
	c.signal(syscall.SIGINT)
	require.NoError(t, <-c.ended)
	c.runs("down", "--speed", testSpeed)
	assert.NoDirExists(t, c.folder())
}

func TestAForeignStateIsLeftAsItIsByUp(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	c := newProgram(t)
	require.NoError(t, os.MkdirAll(c.folder(), 0o700))
	file := filepath.Join(c.folder(), "cloud.json")
	require.NoError(t, os.WriteFile(file, []byte("{ not ours"), 0o600))
	for range 2 {
		c.start("up")
		require.Error(t, <-c.ended)
		assert.Contains(t, c.output(), file+": not a saved state")
		assert.Contains(t, c.output(), "move or delete it to start with an empty cloud")
		assert.Equal(t, "{ not ours", string(must(os.ReadFile(file))(t)))
	}
}

func TestAPortInUseEndsUpBeforeAnythingIsDeployed(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	c := newProgram(t)
	listener := must(net.Listen("tcp", c.address))(t)
	defer listener.Close()
	go func() { // another program, which takes no requests of ours
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("HTTP/1.0 200 OK\r\n\r\nhello"))
			_ = conn.Close()
		}
	}()
	c.start("up")
	require.Error(t, <-c.ended)
	assert.Contains(t, c.output(), c.address)
	assert.Contains(t, c.output(), "is not an emulator")
	assert.Contains(t, c.output(), "choose another address with --address")
	assert.NoDirExists(t, c.folder())
}

// A person has two stacks up, from one folder, and finds each by its address.
func TestTwoStacksAreUpBesideEachOther(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	first := newProgram(t)
	second := &program{t: t, root: first.root, address: first.address}
	t.Cleanup(func() {
		if second.process != nil {
			_ = second.process.Process.Kill() // it may have ended
		}
	})
	first.start("up", "--speed", testSpeed)
	second.start("up", "--speed", testSpeed, "--stack", "swiftcode", "--address", "127.0.0.1:0")
	first.await("running; in another terminal")
	second.await("running; in another terminal")
	chosen := regexp.MustCompile(`the dashboard is at http://(127\.0\.0\.1:\d+)`).FindStringSubmatch(second.output())
	require.NotNil(t, chosen)
	assert.NotEqual(t, first.address, chosen[1])
	assert.Contains(t, second.output(), "status --address "+chosen[1])

	command := func(code int, args ...string) string {
		var out bytes.Buffer
		t.Setenv(addressVariable, first.address)
		assert.Equal(t, code, run(t.Context(), args, &out, &out), out.String())
		return out.String()
	}
	assert.Contains(t, command(0, "call"), "song")
	assert.NotContains(t, command(0, "call", "--address", chosen[1]), "song")
	loopbacks := map[string]bool{}
	for _, address := range []string{first.address, chosen[1]} {
		for _, i := range must(api.Client{Address: address}.Status(t.Context()))(t).Instances {
			assert.False(t, loopbacks[i.Loopback.String()], "%s is given out twice", i.Loopback)
			loopbacks[i.Loopback.String()] = true
		}
	}

	third := &program{t: t, root: first.root, address: first.address}
	third.start("up", "--stack", "swiftcode")
	require.Error(t, <-third.ended)
	assert.Contains(t, third.output(), "has stack dev, not swiftcode: choose another address with --address")
	third.start("up", "--stack", "swiftcode", "--address", "127.0.0.1:0")
	require.Error(t, <-third.ended)
	assert.Contains(t, third.output(), "in use by another emulator: reach it with --address "+chosen[1])

	third.runs("down", "--speed", testSpeed, "--stack", "swiftcode", "--address", chosen[1])
	third.runs("down", "--speed", testSpeed)
	require.NoError(t, <-first.ended)
	require.NoError(t, <-second.ended)
	assert.NoDirExists(t, filepath.Join(first.root, ".emulator"))
}

func TestAStackJoinsTheEmulatorOfAnother(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	first := newProgram(t)
	dev := string(must(os.ReadFile(filepath.Join(first.root, "Pulumi.dev.yaml")))(t))
	network := regexp.MustCompile(`\n  elastic-service:network:\n(    .*\n)+`)
	require.Regexp(t, network, dev)
	page := string(must(os.ReadFile(filepath.Join(must(project.Root())(t), "docs", "network.md")))(t))
	existing := regexp.MustCompile("```yaml\n([^`]*)```").FindStringSubmatch(page)[1]
	guest := strings.Replace(network.ReplaceAllString(dev, "\n"+existing), "service: musicguru", "service: guest", 1)
	require.NoError(t, os.WriteFile(filepath.Join(first.root, "Pulumi.guest.yaml"), []byte(guest), 0o600))
	second := &program{t: t, root: first.root, address: first.address}
	second.start("up", "--stack", "guest", "--join")
	require.Error(t, <-second.ended)
	assert.Contains(t, second.output(), "--join: no emulator is running")

	first.start("up", "--speed", testSpeed)
	first.await("running; in another terminal")
	second.start("up", "--stack", "guest")
	require.Error(t, <-second.ended)
	assert.Contains(t, second.output(), "or deploy into the same cloud with --join")
	second.runs("up", "--stack", "guest", "--join")
	second.runs("up", "--stack", "guest")
	assert.Contains(t, second.output(), "unchanged")
	second.start("down")
	require.Error(t, <-second.ended)
	assert.Contains(t, second.output(), "the cloud of stack dev has other stacks in it: destroy them first, with down --stack guest")
	second.runs("down", "--stack", "guest")
	second.runs("down")
	require.NoError(t, <-first.ended)
	assert.NoDirExists(t, filepath.Join(first.root, ".emulator"))
}

func TestWhatIsRefusedLeavesNoFolder(t *testing.T) {
	if enginetest.Apart(t) {
		return
	}
	c := newProgram(t)
	file := filepath.Join(c.root, "Pulumi.dev.yaml")
	settings := string(must(os.ReadFile(file))(t))
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(settings, "us-east-1", "us-east-9", 1)), 0o600))
	for _, args := range [][]string{{"up"}, {"serve"}, {"up", "--runtime", "docker"}} {
		c.start(args...)
		require.Error(t, <-c.ended, "%v", args)
		assert.NoDirExists(t, filepath.Join(c.root, ".emulator"), "%v", args)
	}
	require.NoError(t, os.WriteFile(file, []byte(settings), 0o600))
	c.start("serve")
	c.await("pulumi up -s dev")
	c.signal(syscall.SIGINT)
	require.NoError(t, <-c.ended)
	assert.NoDirExists(t, filepath.Join(c.root, ".emulator"), "nothing was deployed")
}

func TestServicesThatDoNotRunAreNamedWithTheirEnd(t *testing.T) {
	s := api.Status{Instances: []api.Instance{
		{ID: "i-1", State: "running", Services: []api.MachineService{
			{Name: "web", State: api.ServiceRestarting, LastExit: "exit status 3", Restarts: 7},
			{Name: "artifact", State: api.ServiceStopped, LastExit: "exit status 0"},
			{Name: "healthcheck", State: api.ServiceRunning},
		}},
		{ID: "i-2", State: "terminated", Services: []api.MachineService{{Name: "web", State: api.ServiceStopped, LastExit: "signal: killed"}}},
	}}
	var said []string
	for _, err := range failedServices(s, "there") {
		said = append(said, err.Error())
	}
	assert.Equal(t, []string{"web on i-1: exit status 3, restarted 7 times; its output is in there/instances/i-1/log"}, said)
}
