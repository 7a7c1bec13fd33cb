package guest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// markVariable is an environment variable of every process of an instance. Its value is <emulator>/<instance>/<unit>.
const markVariable = "ELASTIC_SERVICE_PROCESS"

// emulatorMark returns a random text for this process.
var emulatorMark = sync.OnceValue(rand.Text)

// mark returns the environment variable with the mark of a unit.
func (in *Instance) mark(unit string) string {
	return markVariable + "=" + emulatorMark() + "/" + in.spec.ID + "/" + unit
}

// execute runs a command to its end: a program of the instance or a built-in program. It calls started with the process of the former.
func (s *service) execute(ctx context.Context, c command, started func(pid int)) outcome {
	log, err := s.openOutput()
	if err != nil {
		return outcome{text: err.Error()}
	}
	defer log.end()
	variables, err := s.readEnvironment()
	if err != nil {
		return failure(log, "%v", err)
	}
	for name, value := range s.unit.environment {
		if _, given := variables[name]; !given { // a file takes precedence
			variables[name] = value
		}
	}
	argv := c.argv
	if !c.literal {
		argv = append(slices.Clone(argv[:1]), expandVariables(argv[1:], variables)...)
	}
	if s.unit.shipsJournal() {
		if started != nil {
			started(0)
		}
		return s.shipJournal(ctx, argv, log)
	}
	if !s.unit.host && !s.instance.root.exists(argv[0]) {
		if builtin := builtinCommand(argv[0]); builtin != nil {
			return s.runBuiltin(ctx, builtin, argv, log)
		}
		if !s.installed(argv[0]) {
			return failure(log, "203/EXEC: %s does not exist on this instance", argv[0])
		}
	}
	cmd := &exec.Cmd{
		Path: s.program(argv[0]), Env: s.environment(variables), Dir: s.instance.root.path(s.unit.directory),
		Stdout: log, Stderr: log, SysProcAttr: &unix.SysProcAttr{Setpgid: true},
		WaitDelay: time.Second, // for a process that has escaped with the output
	}
	if info, err := os.Stat(cmd.Dir); err != nil || !info.IsDir() {
		return failure(log, "200/CHDIR: %s is not a folder on this instance", s.unit.directory)
	}
	for _, word := range argv {
		cmd.Args = append(cmd.Args, s.translate(word))
	}
	if c.argvZeroApart {
		cmd.Args = cmd.Args[1:]
	}
	return s.supervise(ctx, cmd, log, started)
}

// program returns the path on this machine of a unit's program.
func (s *service) program(name string) string {
	if s.unit.host || !s.instance.root.exists(name) {
		return name
	}
	return s.instance.root.path(name)
}

// imagePrograms are programs that the images have without a package: those of a shell, and Python, which cloud-init needs.
var imagePrograms = []string{
	"awk", "bash", "cat", "chmod", "chown", "cp", "cut", "date", "echo", "env", "false", "find", "grep", "gzip", "head", "ln", "ls",
	"mkdir", "mv", "nice", "nohup", "python3", "rm", "sed", "sh", "sleep", "sort", "stdbuf", "tail", "tar", "tee", "test", "timeout",
	"touch", "tr", "true", "xargs",
}

// inImage reports whether a program is one of imagePrograms.
func inImage(name string) bool {
	folder, file := path.Split(name)
	return (folder == "/bin/" || folder == "/usr/bin/") && slices.Contains(imagePrograms, file)
}

// installed reports whether a unit may use this machine's program, as if the image had it or a package had installed it.
func (s *service) installed(name string) bool {
	if !s.instance.installs && !inImage(name) {
		return false
	}
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}

// translate returns a path of the instance as a path on this machine, and other text unchanged.
func (s *service) translate(text string) string {
	if s.unit.host {
		return text
	}
	return s.instance.root.translate(text)
}

// failure logs and returns an outcome without a process.
func failure(log io.Writer, format string, args ...any) outcome {
	text := fmt.Sprintf(format, args...)
	fmt.Fprintln(log, text)
	return outcome{text: text}
}

// supervise starts a process and returns when it and all processes that it started have ended. If ctx ends, supervise ends them.
func (s *service) supervise(ctx context.Context, cmd *exec.Cmd, log io.Writer, started func(pid int)) outcome {
	if err := s.instance.spawner.Start(cmd); err != nil {
		return failure(log, "203/EXEC: %v", err)
	}
	pid := cmd.Process.Pid
	s.limit(pid)
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
	s.instance.cpu.add(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime())
	return outcome{text: cmd.ProcessState.String(), exit: exitStatus(cmd.ProcessState), clean: isClean(cmd.ProcessState)}
}

// limit sets LimitNOFILE= of a process that has just begun, as far as the emulator's own limit allows.
func (s *service) limit(pid int) {
	if s.unit.openFiles == 0 {
		return
	}
	limit := unix.Rlimit{Cur: s.unit.openFiles, Max: s.unit.openFiles}
	if unix.Prlimit(pid, unix.RLIMIT_NOFILE, &limit, nil) == nil {
		return
	}
	var own unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &own); err == nil { // only root may raise the hard limit
		limit = unix.Rlimit{Cur: min(limit.Cur, own.Max), Max: min(limit.Max, own.Max)}
		_ = unix.Prlimit(pid, unix.RLIMIT_NOFILE, &limit, nil) // the process may have ended
	}
}

// exitStatus returns the exit status as a shell reports it.
func exitStatus(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// awaitExit returns when a child has ended. It leaves the child a zombie, so that its number is not reused.
func awaitExit(pid int) {
	for unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
}

// isClean reports a success by systemd's default: exit status 0, or a signal that asks a process to end.
func isClean(state *os.ProcessState) bool {
	status, ok := state.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return state.Success()
	}
	return slices.Contains([]unix.Signal{unix.SIGHUP, unix.SIGINT, unix.SIGTERM, unix.SIGPIPE}, status.Signal())
}

// takeDown ends the processes of a process group and the processes that they started. It sends SIGTERM, and SIGKILL after TimeoutStopSec=.
// If the instance is killed, it sends SIGKILL at once.
func (s *service) takeDown(pid int, exited <-chan struct{}) {
	name := s.unit.name
	if s.hasEnded(exited) {
		return
	}
	timeout := s.instance.clock.NewTimer(s.unit.stopTimeout)
	defer timeout.Stop()
	if !isClosed(s.instance.killed) {
		s.instance.signal(pid, name, unix.SIGTERM)
	}
	late := isClosed(s.instance.killed)
	for !late && !s.hasEnded(exited) {
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
		case <-s.instance.killed:
			late = true
		}
	}
	if late {
		s.instance.signal(pid, name, unix.SIGKILL)
		<-exited
		s.instance.killAll(name)
	}
}

// hasEnded reports whether the main process and all processes that it started have ended.
func (s *service) hasEnded(exited <-chan struct{}) bool {
	return isClosed(exited) && len(s.instance.processes(s.unit.name)) == 0
}

// signal sends a signal to a process group and to the unit's processes that have left the group.
func (in *Instance) signal(group int, unit string, signal unix.Signal) {
	_ = unix.Kill(-group, signal) // the group may be gone
	for _, p := range in.processes(unit) {
		if p.PGRP != group {
			_ = unix.Kill(p.PID, signal)
		}
	}
}

// killAll kills the processes of a unit until there are none. An empty name stands for all units.
func (in *Instance) killAll(unit string) {
	const patience = 10 * time.Second // for a process in an uninterruptible call
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		left := in.processes(unit)
		if len(left) == 0 {
			return
		}
		if time.Since(began) > patience {
			in.log.Warn("processes do not end after SIGKILL", "first", left[0].PID, "count", len(left))
			return
		}
		for _, p := range left {
			_ = unix.Kill(p.PID, unix.SIGKILL)
		}
	}
}

// processes returns the live processes of a unit: those in its process group, those with its mark, and all their descendants. An empty name
// stands for all units. It reads the kernel's table anew.
func (in *Instance) processes(unit string) []procfs.ProcStat { return in.processesOf(unit, 0) }

// processesOf does the same with a table that may have an age.
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

// process is a live process of this machine.
type process struct {
	procfs.ProcStat

	mark string // see markVariable; "" if it belongs to no instance
}

// processTable reads the kernel's table once for all callers at the same time. Otherwise, each of a hundred instances that shut down would
// read the processes of all.
type processTable struct {
	mu    sync.Mutex
	began time.Time // the time before the table was read
	table []process
}

// kernel is the table of this machine.
var kernel processTable

// processes returns a table that was read after the call, or at most an age before it.
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

// markOf returns the mark of a process.
func markOf(p procfs.Proc) string {
	environment, err := p.Environ() // processes of other users cannot be read, and have no mark
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
	ended time.Duration // of processes that have ended
	last  time.Duration // the last result of read
}

// add counts a process that has ended.
func (m *cpuMeter) add(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ended += d
}

// read returns the time of ended and live processes. It never decreases, even if a process has ended and is not counted yet.
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

// environment returns the environment of a unit's processes, of which the variables are the unit's own. It has nothing of the emulator's
// environment.
func (s *service) environment(variables map[string]string) []string {
	all := map[string]string{
		"PATH":   "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
		"LANG":   "C.UTF-8",
		"HOME":   s.instance.root.path("root"),
		"TMPDIR": s.instance.root.path("tmp"),
	}
	if s.instance.spec.Trust != "" {
		all["SSL_CERT_FILE"] = s.instance.spec.Trust // Go's, OpenSSL's and curl's
	}
	if s.instance.spec.Route != nil {
		all["RES_OPTIONS"] = "use-vc" // over UDP, glibc takes answers from the address that it has asked alone
	}
	maps.Copy(all, s.instance.spec.Environment)
	for name, value := range variables {
		all[name] = s.translate(value)
	}
	for _, f := range s.unit.folders {
		all[f.variable] = strings.TrimPrefix(all[f.variable]+":"+s.instance.root.path(f.path), ":")
	}
	list := []string{s.instance.mark(s.unit.name)}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		list = append(list, name+"="+all[name])
	}
	return list
}

// makeFolders creates the unit's state, runtime and cache directories.
func (s *service) makeFolders() error {
	for _, f := range s.unit.folders {
		host := s.instance.root.path(f.path)
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

// logFile returns the path of the unit's log.
func (s *service) logFile() string {
	return filepath.Join(s.instance.logFolder(), s.unit.logName())
}

// isClosed reports whether a channel is closed.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
