package guest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/guest"
	"github.com/elastic-service/elastic-service/emulator/internal/testprocess"
)

func TestTwoInstancesServeOnTheSamePortSideBySide(t *testing.T) {
	userData := document(service("web", "", "Environment=SERVE=:5000"))
	a := boot(t, newMachine(t, "10.1.0.10", userData))
	b := boot(t, newMachine(t, "10.1.0.11", userData))
	assert.Equal(t, "web 127.1.0.10:5000", a.ask(5000, "who"))
	assert.Equal(t, "web 127.1.0.11:5000", b.ask(5000, "who"))
	assert.NotZero(t, a.eventually("web", guest.Running).PID)
}

func TestCrashedServiceIsRestartedAfterRestartSec(t *testing.T) {
	r := boot(t, newMachine(t, "10.1.0.12", document(service("web", "", "Environment=SERVE=:5000\nRestart=always\nRestartSec=4"))))
	r.ask(5000, "who")
	before := r.eventually("web", guest.Running)
	began := r.machine.Clock.Now()
	r.ask(5000, "exit 3")
	assert.Equal(t, "exit status 3", r.eventually("web", guest.Restarting).LastExit)
	after := r.eventually("web", guest.Running)
	assert.GreaterOrEqual(t, r.machine.Clock.Since(began), 4*time.Second)
	assert.NotEqual(t, before.PID, after.PID)
	assert.Equal(t, 1, after.Restarts)
	r.ask(5000, "who")
}

func TestRestartPolicyDecides(t *testing.T) {
	for i, c := range []struct {
		policy, exit string
		restarts     bool
		then         guest.State
	}{
		{"always", "exit 0", true, ""},
		{"on-failure", "exit 1", true, ""},
		{"on-failure", "exit 0", false, guest.Stopped},
		{"no", "exit 1", false, guest.Failed},
		{"no", "exit 0", false, guest.Stopped},
	} {
		t.Run(c.policy+" "+c.exit, func(t *testing.T) {
			unit := service("web", "", "Environment=SERVE=:5000\nRestartSec=0\nRestart="+c.policy)
			r := boot(t, newMachine(t, "10.1.1."+strconv.Itoa(10+i), document(unit)))
			r.ask(5000, c.exit)
			if c.restarts {
				require.Eventually(t, func() bool { return r.status("web").Restarts == 1 }, 5*time.Second, time.Millisecond)
				return
			}
			assert.Equal(t, "exit status "+strings.Fields(c.exit)[1], r.eventually("web", c.then).LastExit)
			assert.Zero(t, r.status("web").PID)
		})
	}
}

func TestServiceThatKeepsFailingHitsTheStartLimit(t *testing.T) {
	failing := func(lines string) string {
		return document([2]string{"web", "[Unit]\n" + lines + "\n[Service]\nExecStart=/bin/sh-is-not-here\nRestart=always\nRestartSec=100ms"})
	}
	r := boot(t, newMachine(t, "10.1.0.13", failing("StartLimitIntervalSec=1h")))
	assert.Equal(t, "start-limit-hit after 203/EXEC: /bin/sh-is-not-here does not exist on this instance",
		r.eventually("web", guest.Failed).LastExit)
	assert.Equal(t, 5, r.status("web").Restarts, "the fifth is counted and refused, as in systemd's log")
	require.EqualError(t, r.StartService("web"), "start web.service: start-limit-hit")

	r = boot(t, newMachine(t, "10.1.0.14", failing("StartLimitIntervalSec=0")))
	require.Eventually(t, func() bool { return r.status("web").Restarts > 20 }, 5*time.Second, time.Millisecond)
}

func TestUnitsStartInOrderAndStopInReverse(t *testing.T) {
	r := boot(t, newMachine(t, "10.1.0.15", document(
		service("c", "After=b.service network-online.target\nWants=network-online.target", "Environment=WAIT=1"),
		service("b", "", "Environment=WAIT=1"),
		[2]string{"prepare", "[Unit]\nBefore=b.service\n[Service]\nType=oneshot\nExecStart=/bin/mkdir /made\nExecStart=/bin/mkdir /made/here"},
	)))
	for _, name := range []string{"b", "c"} {
		r.eventually(name, guest.Running)
	}
	assert.DirExists(t, r.machine.Directory+"/root/made/here")
	r.awaitJournal("b started") // Type=exec counts as started when its program runs, whatever it does first
	r.awaitJournal("c started")
	require.NoError(t, r.Shutdown(t.Context()))
	assert.Equal(t, []string{"c stopped", "b stopped"}, r.journal()[2:])
	assert.True(t, closed(r.Done()))
	for _, s := range r.Services() {
		assert.Equal(t, guest.Stopped, s.State, s.Name)
		assert.Equal(t, "exit status 0", s.LastExit, s.Name)
	}
	assert.Error(t, r.StartService("b"), "nothing starts on a machine that is down")
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestRequiredUnitThatFailsKeepsItsDependentFromStarting(t *testing.T) {
	r := boot(t, newMachine(t, "10.1.0.16", document(
		service("web", "Requires=first.service\nAfter=first.service", "Environment=WAIT=1"),
		service("loose", "Wants=first.service\nAfter=first.service", "Environment=WAIT=1"),
		[2]string{"first", "[Service]\nType=oneshot\nExecStart=/bin/rm /nowhere"},
	)))
	assert.Equal(t, "exit status 1: rm: /nowhere: no such file or directory", r.eventually("first", guest.Failed).LastExit)
	require.Eventually(t, func() bool { return r.status("web").LastExit != "" }, 5*time.Second, time.Millisecond)
	assert.Equal(t, guest.ServiceStatus{
		Name: "web", State: guest.Stopped, LastExit: "not started, because first.service is required and failed",
	}, r.status("web"))
	r.eventually("loose", guest.Running)
}

// artifact is a unit as user data has it: fetch, check, put in place.
func artifact() [][2]string {
	return [][2]string{
		{"artifact", `[Unit]
After=network-online.target
ConditionPathExists=!/usr/local/bin/app
StartLimitIntervalSec=0
OnSuccess=app.service
[Service]
Type=oneshot
StateDirectory=staging
ExecStartPre=/bin/mkdir -p /etc/sums
ExecStart=/usr/bin/aws s3 cp --only-show-errors --no-progress s3://bucket/app/key /var/lib/staging/app
ExecStart=/usr/bin/sha256sum --check --status --strict /etc/app.sha256
ExecStart=/usr/bin/install -D -m 0755 /var/lib/staging/app /usr/local/bin/.app.new
ExecStart=/usr/bin/mv -T /usr/local/bin/.app.new /usr/local/bin/app
Restart=on-failure
RestartSec=5
[Install]
WantedBy=multi-user.target`},
		{"app", "[Unit]\nRequires=artifact.service\nAfter=artifact.service\n[Service]\nExecStart=/usr/local/bin/app\n" +
			"Environment=SERVE=:5000 NAME=app\nRestart=always\nRestartSec=1\n[Install]\nWantedBy=multi-user.target"},
	}
}

func withSum(userData, hash string) string {
	file := "- {path: /etc/app.sha256, content: \"" + hash + "  /var/lib/staging/app\\n\"}"
	return strings.Replace(userData, "write_files:", "write_files:\n"+file, 1)
}

func TestArtifactIsFetchedCheckedAndRun(t *testing.T) {
	hash := hashOf(t, testprocess.Program())
	m := newMachine(t, "10.1.0.17", withSum(document(artifact()...), hash))
	var asked []string
	fetch := m.Fetch
	m.Fetch = func(ctx context.Context, bucket, key string) (io.ReadCloser, error) {
		asked = append(asked, bucket+" "+key)
		return fetch(ctx, bucket, key)
	}
	r := boot(t, m)
	assert.Equal(t, "app 127.1.0.17:5000", r.ask(5000, "who"))
	assert.Equal(t, []string{"bucket app/key"}, asked)
	assert.Equal(t, hash, hashOf(t, m.Directory+"/root/usr/local/bin/app"), "unchanged, byte for byte")

	t.Run("a reboot does not fetch again", func(t *testing.T) {
		require.NoError(t, r.Shutdown(t.Context()))
		again := boot(t, m)
		assert.Equal(t, "app 127.1.0.17:5000", again.ask(5000, "who"))
		assert.Equal(t, "skipped, because ConditionPathExists=!/usr/local/bin/app is not met",
			again.eventually("artifact", guest.Stopped).LastExit)
		assert.Len(t, asked, 1)
	})
}

func TestUserDataRunsOnceAndARebootStartsWhatIsEnabled(t *testing.T) {
	const enabled = "\n[Install]\nWantedBy=multi-user.target"
	m := newMachine(t, "10.1.0.31", document(
		service("web", "", "Environment=SERVE=:5000"+enabled), service("once", "", "Environment=SERVE=:5001"),
	))
	r := boot(t, m)
	r.ask(5000, "who")
	r.ask(5001, "who")
	changed := filepath.Join(m.Directory, "root/etc/systemd/system/web.service")
	unit, err := os.ReadFile(changed)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(changed, []byte(strings.Replace(string(unit), ":5000", ":6000", 1)), 0o600))
	inMemory := filepath.Join(m.Directory, "root/run/state")
	require.NoError(t, os.MkdirAll(inMemory, 0o700))
	require.NoError(t, r.Shutdown(t.Context()))

	again := boot(t, m)
	assert.Equal(t, "web 127.1.0.31:6000", again.ask(6000, "who"), "the file is as it was left")
	assert.Equal(t, guest.Stopped, again.status("once").State, "it was started, not enabled")
	assert.NoDirExists(t, inMemory)
}

func TestFetchThatFailsAtFirstIsRetriedAndTheServiceStarts(t *testing.T) {
	hash := hashOf(t, testprocess.Program())
	m := newMachine(t, "10.1.0.18", withSum(document(artifact()...), hash))
	var tries atomic.Int32
	fetch := m.Fetch
	m.Fetch = func(ctx context.Context, bucket, key string) (io.ReadCloser, error) {
		if tries.Add(1) < 3 {
			return nil, errors.New("access denied")
		}
		return fetch(ctx, bucket, key)
	}
	r := boot(t, m)
	assert.Contains(t, r.eventually("artifact", guest.Restarting).LastExit, "download failed: s3://bucket/app/key: access denied")
	assert.Contains(t, r.eventually("app", guest.Stopped).LastExit, "artifact.service is required and failed")
	r.ask(5000, "who")
	assert.Equal(t, 2, r.status("artifact").Restarts)
}

func TestArtifactWithAnotherHashIsNeverRun(t *testing.T) {
	wrong := strings.Repeat("0", 64)
	r := boot(t, newMachine(t, "10.1.0.19", withSum(document(artifact()...), wrong)))
	require.Eventually(t, func() bool { return r.status("artifact").Restarts >= 3 }, 10*time.Second, time.Millisecond)
	assert.Contains(t, r.eventually("artifact", guest.Restarting).LastExit,
		"/var/lib/staging/app: FAILED: its SHA-256 is "+hashOf(t, testprocess.Program()))
	assert.Equal(t, guest.Stopped, r.status("app").State)
	assert.NoFileExists(t, r.machine.Directory+"/root/usr/local/bin/app")
}

func TestStoppedServiceStaysStoppedUntilStarted(t *testing.T) {
	r := boot(t, newMachine(t, "10.1.0.20", document(
		service("web", "", "Environment=SERVE=:5000\nRestart=always\nRestartSec=0"),
		service("needy", "Requires=web.service\nAfter=web.service", "Environment=WAIT=1\nRestart=always\nRestartSec=0"),
		service("other", "After=web.service", "Environment=WAIT=1"),
	)))
	r.ask(5000, "who")
	r.eventually("needy", guest.Running)
	require.NoError(t, r.StopService("web"))
	assert.Equal(t, guest.Stopped, r.status("web").State)
	assert.Equal(t, guest.Stopped, r.status("needy").State, "it requires web")
	r.eventually("other", guest.Running)
	time.Sleep(50 * time.Millisecond)
	assert.Equal(t, guest.Stopped, r.status("web").State)
	require.NoError(t, r.StopService("web.service"), "stopping twice is fine")

	require.NoError(t, r.StartService("web"))
	assert.Equal(t, guest.Running, r.status("web").State)
	r.ask(5000, "who")
	assert.ErrorContains(t, r.StopService("wbe"), `no service "wbe"`)
}

func TestStartServiceSaysWhyItDidNotStart(t *testing.T) {
	r := boot(t, newMachine(t, "10.1.0.21", document([2]string{"web", "[Service]\nExecStart=/opt/web --now\n"})))
	r.eventually("web", guest.Failed)
	assert.EqualError(t, r.StartService("web"), "start web.service: 203/EXEC: /opt/web does not exist on this instance")
}

func TestStartDuringTheWaitForARestartDoesNotWait(t *testing.T) {
	r := boot(t, newMachine(t, "10.1.0.22", document(service("web", "", "Environment=SERVE=:5000\nRestart=always\nRestartSec=1h"))))
	r.ask(5000, "exit 1")
	r.eventually("web", guest.Restarting)
	require.NoError(t, r.StartService("web"))
	assert.Equal(t, guest.Running, r.status("web").State)
}

func TestStubbornServiceIsKilledAfterTimeoutStopSec(t *testing.T) {
	r := boot(t, newMachine(t, "10.1.0.23", document(service("web", "", "Environment=WAIT=1 STUBBORN=1\nTimeoutStopSec=6"))))
	r.awaitJournal("web started")
	began := r.machine.Clock.Now()
	require.NoError(t, r.Shutdown(t.Context()))
	took := r.machine.Clock.Since(began)
	assert.GreaterOrEqual(t, took, 6*time.Second)
	assert.Less(t, took, 60*time.Second)
	assert.Equal(t, "signal: killed", r.status("web").LastExit)
}

func TestShutdownWithoutTimeKills(t *testing.T) {
	r := boot(t, newMachine(t, "10.1.0.24", document(service("web", "", "Environment=WAIT=1 STUBBORN=1\nTimeoutStopSec=infinity"))))
	r.eventually("web", guest.Running)
	r.awaitJournal("web started")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, r.Shutdown(ctx), context.DeadlineExceeded)
	assert.Empty(t, r.processes())
}

func TestWhatAServiceForkedEndsWithIt(t *testing.T) {
	for i, end := range []struct {
		name string
		do   func(*rig)
	}{
		{"killed", func(r *rig) { r.Kill() }},
		{"shut down", func(r *rig) { assert.NoError(r.t, r.Shutdown(r.t.Context())) }},
		{"stopped", func(r *rig) { assert.NoError(r.t, r.StopService("web")) }},
		{"crashed", func(r *rig) { r.ask(5000, "exit 1"); r.eventually("web", guest.Failed) }},
	} {
		t.Run(end.name, func(t *testing.T) {
			r := boot(t, newMachine(t, "10.1.2."+strconv.Itoa(10+i), document(service("web", "", "Environment=SERVE=:5000"))))
			daemon, err := strconv.Atoi(strings.TrimPrefix(r.ask(5000, "fork"), "<nil> "))
			require.NoError(t, err)
			require.Contains(t, r.processes(), daemon)
			end.do(r)
			assert.Empty(t, r.processes())
		})
	}
}

func TestCPUTimeCountsTheInstancesProcessesAndNeverDecreases(t *testing.T) {
	m := newMachine(t, "10.1.0.25", document(service("web", "", "Environment=SERVE=:5000\nRestart=always\nRestartSec=0")))
	r := boot(t, m)
	r.ask(5000, "who")
	idle := r.CPUTime()
	r.ask(5000, "burn 300ms")
	busy := r.CPUTime()
	assert.InDelta(t, 0.3, (busy - idle).Seconds(), 0.1)
	r.ask(5000, "exit 1")
	r.eventually("web", guest.Running)
	assert.GreaterOrEqual(t, r.CPUTime(), busy, "what ended still counts")
	last := r.CPUTime()
	r.Kill()
	assert.GreaterOrEqual(t, r.CPUTime(), last)
}

func TestEnvironmentIsTheInstancesOwn(t *testing.T) {
	t.Setenv("SECRET", "of the emulator's user")
	r := boot(t, newMachine(t, "10.1.0.26", document([2]string{"web", `[Service]
ExecStart=@/bin/service shown-name "two words" /etc/systemd /absent ${NAME}-x $WORDS $$HOME
Environment=SERVE=:5000 NAME=web "WORDS=a b" CONFIG=/etc/systemd/system/web.service
Environment='QUOTED=it is 100%%'
WorkingDirectory=/var/lib/web
StateDirectory=web`})))
	got := strings.Split(r.ask(5000, "environment"), "\n")
	root := r.machine.Directory + "/root"
	for _, want := range []string{
		"CONFIG=" + root + "/etc/systemd/system/web.service", "QUOTED=it is 100%", "HOME=" + root + "/root", "LANG=C.UTF-8",
		"STATE_DIRECTORY=" + root + "/var/lib/web", "CWD=" + root + "/var/lib/web", "TMPDIR=" + root + "/tmp",
	} {
		assert.Contains(t, got, want)
	}
	for _, entry := range got {
		assert.False(t, strings.HasPrefix(entry, "SECRET="))
	}
}

func TestArgumentsAreExpandedAndTranslated(t *testing.T) {
	script := "#cloud-config\nwrite_files:\n" +
		"- {path: /bin/show, permissions: '0755', content: \"#!/bin/sh\\nfor a; do echo \\\"<$a>\\\"; done\\n\"}\n" +
		"- path: /etc/systemd/system/show.service\n  content: |\n    [Service]\n    Type=oneshot\n    Environment=NAME=web \"WORDS=a b\"\n" +
		"    ExecStart=/bin/show \"two words\" /bin/show /absent / ${NAME}-x $WORDS $$HOME 5%% \\\n      continued\n" +
		"    ExecStart=:/bin/show ${NAME}\nruncmd:\n- systemctl start --no-block show\n"
	r := boot(t, newMachine(t, "10.1.0.27", script))
	require.Eventually(t, func() bool { return r.status("show").LastExit == "exit status 0" }, 5*time.Second, time.Millisecond)
	log, err := os.ReadFile(r.machine.Directory + "/log/show.log")
	require.NoError(t, err)
	assert.Equal(t, "<two words>\n<"+r.machine.Directory+"/root/bin/show>\n</absent>\n</>\n"+
		"<web-x>\n<a>\n<b>\n<$HOME>\n<5%>\n<continued>\n<${NAME}>\n", string(log))
}

func TestFailingCommandWithADashIsPassedOver(t *testing.T) {
	unit := [2]string{"web", "[Service]\nType=oneshot\nExecStartPre=-/bin/rm /nowhere\nExecStart=/bin/mkdir /made"}
	r := boot(t, newMachine(t, "10.1.0.28", document(unit)))
	require.Eventually(t, func() bool { return r.status("web").LastExit == "exit status 0" }, 5*time.Second, time.Millisecond)
	assert.DirExists(t, r.machine.Directory+"/root/made")
}

func TestInstancesThatAreGoneLeaveNothingInTheEmulator(t *testing.T) {
	userData := document(service("web", "", "Environment=SERVE=:5000"))
	cycle := func() {
		m := newMachine(t, "10.1.0.30", userData)
		in, err := guest.Boot(t.Context(), m)
		require.NoError(t, err)
		(&rig{Instance: in, t: t, machine: m}).ask(5000, "who")
		in.Kill()
	}
	threads := func() int {
		entries, err := os.ReadDir("/proc/self/task")
		require.NoError(t, err)
		return len(entries)
	}
	for range 3 { // the watchdog and the runtime's own threads
		cycle()
	}
	descriptors, before := testprocess.Descriptors(t), threads()
	for range 20 {
		cycle()
	}
	// The watchdog goes after its last instance.
	assert.Eventually(t, func() bool { return testprocess.Descriptors(t) <= descriptors }, 10*time.Second, 10*time.Millisecond)
	assert.Less(t, threads(), before+10, "a thread an instance stays")
}

// emulate is the emulator that gets killed: it boots an instance in folder and says so.
func emulate(folder string) {
	if err := os.Unsetenv("EMULATOR"); err != nil {
		panic(err)
	}
	in, err := guest.Boot(context.Background(), newEmulatorMachine(folder))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for in.Services()[0].State != guest.Running {
		time.Sleep(time.Millisecond)
	}
	fmt.Println("up")
	select {}
}

func TestNothingSurvivesTheEmulator(t *testing.T) {
	folder := t.TempDir()
	emulator := exec.Command(testprocess.Program())
	emulator.Env = append(os.Environ(), "EMULATOR="+folder)
	output, err := emulator.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, emulator.Start())
	defer func() { _ = emulator.Process.Kill() }()
	said := make([]byte, 3)
	_, err = io.ReadFull(output, said)
	require.NoError(t, err)
	require.Equal(t, "up\n", string(said))
	r := &rig{t: t, machine: newEmulatorMachine(folder)}
	r.ask(5000, "fork")
	require.Len(t, r.processes(), 2, "the service and its daemon")

	require.NoError(t, emulator.Process.Signal(syscall.SIGKILL))
	_ = emulator.Wait()
	began := time.Now()
	require.Eventually(t, func() bool { return len(r.processes()) == 0 }, 5*time.Second, time.Millisecond)
	t.Logf("all gone %v after the emulator", time.Since(began).Round(time.Millisecond))
}

// Packages are not installed: their programs are this machine's. An instance that installs no packages has only those of every image.
func TestAProgramOfAPackageOrOfTheImageIsThisMachines(t *testing.T) {
	unit := func(command string) [2]string {
		return [2]string{"program", "[Service]\nExecStart=" + command + "\nWorkingDirectory=/"}
	}
	r := boot(t, newMachine(t, "10.1.0.41", document(unit("/usr/bin/tty"))+"packages: [coreutils]\n"))
	assert.Equal(t, "exit status 1", r.eventually("program", guest.Failed).LastExit, "standard input is not a terminal")
	r = boot(t, newMachine(t, "10.1.0.42", document(unit("/usr/bin/tty"))))
	assert.Equal(t, "203/EXEC: /usr/bin/tty does not exist on this instance", r.eventually("program", guest.Failed).LastExit)
	r = boot(t, newMachine(t, "10.1.0.43", document(unit("/bin/sleep 60"))))
	r.eventually("program", guest.Running)
}
