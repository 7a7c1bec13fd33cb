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

// Exec runs a command in the machine as root. A command that fails is a [Result], no error.
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
	cmd := exec.CommandContext(ctx, "nsenter", arguments...) //nolint:gosec // running commands is what it is for
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

// inside is the machine's process 1. A machine that is about to start is waited for.
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

// output is a command's, whose failure is an error.
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

// Services are the units that user data left in /etc/systemd/system, by name.
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

// units are regular files on the machine's disk: links are aliases and what systemctl enabled.
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

// StopService is `systemctl stop`: the unit stays stopped until the next boot.
func (m *Machine) StopService(ctx context.Context, name string) error {
	_, err := m.output(ctx, "systemctl", "stop", unitName(name))
	return err
}

// StartService is `systemctl start`: it returns when the unit has started.
func (m *Machine) StartService(ctx context.Context, name string) error {
	_, err := m.output(ctx, "systemctl", "start", unitName(name))
	return err
}

func unitName(name string) string { return strings.TrimSuffix(name, ".service") + ".service" }

// Journal is what units have said since the boot, or with no unit everything.
func (m *Machine) Journal(ctx context.Context, units ...string) (string, error) {
	command := []string{"journalctl", "--no-pager", "--boot", "--output=short-monotonic"}
	for _, name := range units {
		command = append(command, "--unit="+unitName(name))
	}
	return m.output(ctx, command...)
}

// Console is the file with what the machine has said on its console, over all of its lives.
func (m *Machine) Console() string { return m.path(consoleFile) }
