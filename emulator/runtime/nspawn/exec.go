package nspawn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Result is how a command in a machine ended.
type Result struct {
	Stdout, Stderr string
	Code           int // of its exit; 128 and the signal's number if it was killed
}

// Exec runs a command in the machine as root. The failure of the command is part of the [Result] and not an error.
func (m *Machine) Exec(ctx context.Context, command ...string) (Result, error) {
	return m.exec(ctx, nil, command...)
}

func (m *Machine) exec(ctx context.Context, stdin io.Reader, command ...string) (Result, error) {
	group, leader, err := m.inside(ctx)
	if err != nil {
		return Result{}, err
	}
	folder, err := os.Open(group.executing())
	if err != nil {
		return Result{}, err
	}
	defer folder.Close()
	arguments := append([]string{
		"--target", strconv.Itoa(leader), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--",
	}, command...)
	cmd := exec.CommandContext(ctx, "nsenter", arguments...) //nolint:gosec // running commands is its purpose
	cmd.Env = []string{"PATH=" + searchPath, "LANG=C.UTF-8", "HOME=/root", "SYSTEMD_COLORS=0"}
	cmd.Dir = "/"
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true, UseCgroupFD: true, CgroupFD: int(folder.Fd())}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	err = cmd.Run()
	r := Result{Stdout: stdout.String(), Stderr: stderr.String()}
	var exit *exec.ExitError
	if errors.As(err, &exit) && ctx.Err() == nil {
		r.Code = exit.ExitCode()
		return r, nil
	}
	return r, errors.Join(err, ctx.Err())
}

// inside returns the machine's cgroup and its process 1. It waits for a machine that is about to start.
func (m *Machine) inside(ctx context.Context) (cgroup, int, error) {
	for wait := time.NewTicker(10 * time.Millisecond); ; {
		if !m.Running() {
			return "", 0, errors.New("the machine is off")
		}
		group := m.current().cgroup()
		if leader, found := group.leader(); found {
			return group, leader, nil
		}
		select {
		case <-ctx.Done():
			return "", 0, ctx.Err()
		case <-wait.C:
		}
	}
}

// Write puts a file into the machine while it runs.
func (m *Machine) Write(ctx context.Context, path string, content []byte) error {
	r, err := m.exec(ctx, bytes.NewReader(content), "tee", path)
	if err == nil && r.Code != 0 {
		err = errors.New(strings.TrimSpace(r.Stderr))
	}
	return err
}

// output returns what a command prints. The failure of the command is an error.
func (m *Machine) output(ctx context.Context, command ...string) (string, error) {
	r, err := m.Exec(ctx, command...)
	if err == nil && r.Code != 0 {
		err = fmt.Errorf("status %d: %s", r.Code, strings.TrimSpace(r.Stderr))
	}
	if err != nil {
		return "", fmt.Errorf("%s on %s: %w", strings.Join(command, " "), m.spec.ID, err)
	}
	return r.Stdout, nil
}

// ServiceStatus is what systemd says of a unit.
type ServiceStatus struct {
	Name     string // without .service
	Active   string // active, activating, inactive, failed …
	Sub      string // running, start, auto-restart, exited, dead …
	Result   string // success, exit-code, signal, timeout …: how it ended last
	PID      int    // of its main process; 0 without one
	Restarts int    // automatic ones
}

// Services returns the units that user data left in /etc/systemd/system, sorted by name.
func (m *Machine) Services(ctx context.Context) ([]ServiceStatus, error) {
	names, err := m.units()
	if err != nil || len(names) == 0 {
		return nil, err
	}
	out, err := m.output(ctx, append([]string{
		"systemctl", "show", "--property=Id,ActiveState,SubState,Result,MainPID,NRestarts"}, names...)...)
	if err != nil {
		return nil, err
	}
	var all []ServiceStatus
	for block := range strings.SplitSeq(strings.TrimSpace(out), "\n\n") {
		all = append(all, parseStatus(block))
	}
	return all, nil
}

func parseStatus(block string) ServiceStatus {
	var s ServiceStatus
	for line := range strings.Lines(block) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch name {
		case "Id":
			s.Name = strings.TrimSuffix(value, ".service")
		case "ActiveState":
			s.Active = value
		case "SubState":
			s.Sub = value
		case "Result":
			s.Result = value
		case "MainPID":
			s.PID, _ = strconv.Atoi(value)
		case "NRestarts":
			s.Restarts, _ = strconv.Atoi(value)
		}
	}
	return s
}

// units lists the regular files among the units on the machine's disk: links are aliases and what systemctl enabled.
func (m *Machine) units() ([]string, error) {
	files, err := filepath.Glob(filepath.Join(m.path(upperFolder), "etc/systemd/system", "*.service"))
	var names []string
	for _, file := range files {
		if info, err := os.Lstat(file); err == nil && info.Mode().IsRegular() {
			names = append(names, filepath.Base(file))
		}
	}
	slices.Sort(names)
	return names, err
}

// StopService stops a unit as `systemctl stop` does: it stays stopped until the next boot.
func (m *Machine) StopService(ctx context.Context, name string) error {
	_, err := m.output(ctx, "systemctl", "stop", unitName(name))
	return err
}

// StartService starts a unit as `systemctl start` does, and returns when it has started.
func (m *Machine) StartService(ctx context.Context, name string) error {
	_, err := m.output(ctx, "systemctl", "start", unitName(name))
	return err
}

func unitName(name string) string { return strings.TrimSuffix(name, ".service") + ".service" }

// Journal returns what units have logged since the boot, or without units the whole journal.
func (m *Machine) Journal(ctx context.Context, units ...string) (string, error) {
	command := []string{"journalctl", "--no-pager", "--boot", "--output=short-monotonic"}
	for _, name := range units {
		command = append(command, "--unit="+unitName(name))
	}
	return m.output(ctx, command...)
}

// Console returns the name of the file with everything that the machine has printed on its console, over all starts.
func (m *Machine) Console() string { return m.path(consoleFile) }
