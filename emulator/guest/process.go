package guest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// markVariable is in the environment of every process of an instance: <emulator>/<instance>/<unit>.
const markVariable = "ELASTIC_SERVICE_PROCESS"

var emulatorMark = sync.OnceValue(rand.Text)

func (in *Instance) mark(unit string) string {
	return markVariable + "=" + emulatorMark() + "/" + in.spec.ID + "/" + unit
}

// execute runs a command to its end: a program of the instance or a built-in one. started is told the former's process.
func (s *service) execute(ctx context.Context, c command, started func(pid int)) outcome {
	log, err := os.OpenFile(s.logFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return outcome{text: err.Error()}
	}
	defer log.Close()
	argv := c.argv
	if !c.literal {
		argv = append(slices.Clone(argv[:1]), expandVariables(argv[1:], s.unit.environment)...)
	}
	if !s.unit.host && !s.in.root.exists(argv[0]) {
		if builtin := builtinCommand(argv[0]); builtin != nil {
			return s.runBuiltin(ctx, builtin, argv, log)
		}
		if !s.installed(argv[0]) {
			return failure(log, "203/EXEC: %s is not on this instance", argv[0])
		}
	}
	cmd := &exec.Cmd{
		Path: s.program(argv[0]), Env: s.environment(), Dir: s.in.root.path(s.unit.directory),
		Stdout: log, Stderr: log, SysProcAttr: &unix.SysProcAttr{Setpgid: true},
	}
	if info, err := os.Stat(cmd.Dir); err != nil || !info.IsDir() {
		return failure(log, "200/CHDIR: %s is no folder on this instance", s.unit.directory)
	}
	for _, word := range argv {
		cmd.Args = append(cmd.Args, s.translate(word))
	}
	if c.argvZeroApart {
		cmd.Args = cmd.Args[1:]
	}
	return s.supervise(ctx, cmd, log, started)
}

// program is where this machine has a unit's program.
func (s *service) program(name string) string {
	if s.unit.host || !s.in.root.exists(name) {
		return name
	}
	return s.in.root.path(name)
}

// installed reports whether a program is there that a package would have brought: this machine's own one.
func (s *service) installed(name string) bool {
	if !s.in.installs {
		return false
	}
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

func (s *service) translate(text string) string {
	if s.unit.host {
		return text
	}
	return s.in.root.translate(text)
}

func failure(log io.Writer, format string, args ...any) outcome {
	text := fmt.Sprintf(format, args...)
	fmt.Fprintln(log, text)
	return outcome{text: text}
}

// supervise starts cmd and returns when it and all that it started are gone. When ctx ends they are made to go.
func (s *service) supervise(ctx context.Context, cmd *exec.Cmd, log io.Writer, started func(pid int)) outcome {
	if err := s.in.spawner.Start(cmd); err != nil {
		return failure(log, "203/EXEC: %v", err)
	}
	pid := cmd.Process.Pid
	s.update(func(now *ServiceStatus) { now.PID = pid })
	if started != nil {
		started(pid)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		awaitExit(pid)
	}()
	select {
	case <-exited:
	case <-ctx.Done():
	}
	s.takeDown(pid, exited)
	s.update(func(now *ServiceStatus) { now.PID = 0 })
	err := cmd.Wait()
	if cmd.ProcessState == nil {
		return failure(log, "%v", err)
	}
	s.in.cpu.add(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime())
	return outcome{text: cmd.ProcessState.String(), exit: exitStatus(cmd.ProcessState), clean: isClean(cmd.ProcessState)}
}

func exitStatus(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// awaitExit returns when a child has ended but leaves it a zombie, so that its number stays its own.
func awaitExit(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
}

// isClean is systemd's default: exit status 0, or a signal that asks to end.
func isClean(state *os.ProcessState) bool {
	status, ok := state.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return state.Success()
	}
	return slices.Contains([]unix.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGTERM, unix.SIGPIPE}, status.Signal())
}

// takeDown ends what is left of the process group pid and of what it started: SIGTERM, and SIGKILL after
// TimeoutStopSec= or at once on a machine that is killed.
func (s *service) takeDown(pid int, exited <-chan struct{}) {
	name := s.unit.name
	if s.gone(exited) {
		return
	}
	timeout := s.in.clock.NewTimer(s.unit.stopTimeout)
	defer timeout.Stop()
	if !isClosed(s.in.killed) {
		s.in.signal(pid, name, unix.SIGTERM)
	}
	late := isClosed(s.in.killed)
	for !late && !s.gone(exited) {
		wait := exited
		var poll <-chan time.Time
		if isClosed(exited) {
			wait, poll = nil, time.After(20*time.Millisecond)
		}
		select {
		case <-wait:
		case <-poll:
		case <-timeout.Chan():
			late = true
		case <-s.in.killed:
			late = true
		}
	}
	if late {
		s.in.signal(pid, name, unix.SIGKILL)
		<-exited
		s.in.destroy(name)
	}
}

// gone reports whether the main process has ended and has left none behind.
func (s *service) gone(exited <-chan struct{}) bool {
	return isClosed(exited) && len(s.in.processes(s.unit.name)) == 0
}

// signal sends to the process group and to whatever has left it.
func (in *Instance) signal(group int, unit string, signal unix.Signal) {
	_ = unix.Kill(-group, signal) // the group may be gone
	for _, p := range in.processes(unit) {
		if p.PGRP != group {
			_ = unix.Kill(p.PID, signal)
		}
	}
}

// sweep ends every process of the instance.
func (in *Instance) sweep() { in.destroy("") }

// destroy kills the processes of a unit, or all with an empty name, until there are none.
func (in *Instance) destroy(unit string) {
	const patience = 10 * time.Second // for a process in an uninterruptible call
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		left := in.processes(unit)
		if len(left) == 0 {
			return
		}
		if time.Since(began) > patience {
			in.log.Warn("processes do not end", "first", left[0].PID, "count", len(left))
			return
		}
		for _, p := range left {
			_ = unix.Kill(p.PID, unix.SIGKILL)
		}
	}
}

// processes are the live ones of a unit, or of the instance with an empty name: those in its process group, those that
// carry its mark, and all their descendants. The kernel's table is read anew.
func (in *Instance) processes(unit string) []procfs.ProcStat { return in.processesOf(unit, 0) }

// processesOf is the same by a table that may be so old.
func (in *Instance) processesOf(unit string, age time.Duration) []procfs.ProcStat {
	groups := map[int]bool{}
	for name, s := range in.services {
		if pid := s.Status().PID; pid != 0 && (unit == "" || unit == name) {
			groups[pid] = true
		}
	}
	mark := in.mark(unit)
	table, err := kernel.processes(age)
	if err != nil {
		in.log.Warn("process table", "error", err)
		return nil
	}
	found := map[int]procfs.ProcStat{}
	for _, p := range table {
		if groups[p.PGRP] || p.mark == mark || unit == "" && strings.HasPrefix(p.mark, mark) {
			found[p.PID] = p.ProcStat
		}
	}
	for grown := len(found) > 0; grown; {
		grown = false
		for _, p := range table {
			_, counted := found[p.PID]
			if _, child := found[p.PPID]; child && !counted {
				found[p.PID], grown = p.ProcStat, true
			}
		}
	}
	return slices.Collect(maps.Values(found))
}

// process is a live one, with the mark that it carries: that of an instance's unit, or none.
type process struct {
	procfs.ProcStat

	mark string
}

// processTable reads the kernel's table once for all who ask at the same time: with a hundred instances that are shut
// down, each would read the processes of all.
type processTable struct {
	mu    sync.Mutex
	began time.Time // when it was read
	table []process
}

var kernel processTable

// processes returns a table that was read after the call, or at most so long before it.
func (t *processTable) processes(age time.Duration) ([]process, error) {
	called := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.began.After(called.Add(-age)) {
		return t.table, nil
	}
	began := time.Now()
	all, err := procfs.AllProcs()
	if err != nil {
		return nil, err
	}
	table := make([]process, 0, len(all))
	for _, p := range all {
		if stat, err := p.Stat(); err == nil && stat.State != "Z" && stat.State != "X" {
			table = append(table, process{stat, markOf(p)})
		}
	}
	t.began, t.table = began, table
	return table, nil
}

func markOf(p procfs.Proc) string {
	environment, err := p.Environ() // another user's cannot be read, and is none of ours
	if err != nil {
		return ""
	}
	for _, entry := range environment {
		if strings.HasPrefix(entry, markVariable+"=") {
			return entry
		}
	}
	return ""
}

// cpuMeter adds up processor time.
type cpuMeter struct {
	mu    sync.Mutex
	ended time.Duration
	last  time.Duration
}

func (m *cpuMeter) add(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended += d
}

// read holds its value while a process between its end and its being counted is missing.
func (m *cpuMeter) read(live []procfs.ProcStat) time.Duration {
	const tick = time.Second / 100 // USER_HZ, the same on all architectures
	m.mu.Lock()
	defer m.mu.Unlock()
	total := m.ended
	for _, p := range live {
		total += time.Duration(int(p.UTime)+int(p.STime)+int(p.CUTime)+int(p.CSTime)) * tick
	}
	m.last = max(m.last, total)
	return m.last
}

// environment is clean: nothing of the emulator's own.
func (s *service) environment() []string {
	all := map[string]string{
		"PATH":   "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
		"LANG":   "C.UTF-8",
		"HOME":   s.in.root.path("root"),
		"TMPDIR": s.in.root.path("tmp"),
	}
	for name, value := range s.unit.environment {
		all[name] = s.translate(value)
	}
	for _, f := range s.unit.folders {
		all[f.variable] = strings.TrimPrefix(all[f.variable]+":"+s.in.root.path(f.path), ":")
	}
	list := []string{s.in.mark(s.unit.name)}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, name+"="+all[name])
	}
	return list
}

func (s *service) makeFolders() error {
	for _, f := range s.unit.folders {
		host := s.in.root.path(f.path)
		if err := os.MkdirAll(host, folderMode); err != nil {
			return err
		}
		if f.variable == "STATE_DIRECTORY" {
			if err := os.Chmod(host, s.unit.stateMode); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *service) logFile() string {
	return filepath.Join(s.in.logFolder(), strings.TrimSuffix(s.unit.name, ".service")+".log")
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
