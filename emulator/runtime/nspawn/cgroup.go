package nspawn

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cgroupPrefix begins the names of machines' cgroups, which go on with the owner's process ID and start time and the machine's
// ID.
const cgroupPrefix = "elastic-service-machine."

// cgroup is a folder in the unified hierarchy.
type cgroup string

// hierarchy returns where the host has its unified hierarchy: /sys/fs/cgroup on most hosts, /sys/fs/cgroup/unified beside the old
// hierarchy.
func hierarchy() (string, error) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(mounts)) {
		before, after, _ := strings.Cut(line, " - ")
		if fields := strings.Fields(before); strings.HasPrefix(after, "cgroup2 ") && len(fields) > 4 {
			return fields[4], nil
		}
	}
	return "", errors.New("no cgroup2 hierarchy is mounted")
}

func newCgroup(id string) (cgroup, error) {
	root, err := hierarchy()
	if err != nil {
		return "", err
	}
	started, err := startTime(os.Getpid())
	if err != nil {
		return "", err
	}
	c := cgroup(filepath.Join(root, fmt.Sprintf("%s%d.%s.%s", cgroupPrefix, os.Getpid(), started, id)))
	// nspawn moves itself and its guest into children of its own; what is executed in the machine has one beside them.
	for _, folder := range []string{string(c), c.executing()} {
		if err := os.Mkdir(folder, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
			return "", err
		}
	}
	return c, nil
}

// supervising is where nspawn is started.
func (c cgroup) supervising() string { return string(c) }

// executing returns the child for commands that are started in the machine from outside.
func (c cgroup) executing() string { return filepath.Join(string(c), "exec") }

// startTime returns field 22 of a process's stat. Process ID and start time together are never used again.
func startTime(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The name of the command, in parentheses, may contain blanks.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	return fields[19], nil
}

// folders lists the cgroup's own folder and those below it, which may come and go meanwhile.
func (c cgroup) folders() []string {
	var folders []string
	_ = filepath.WalkDir(string(c), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			folders = append(folders, path)
		}
		return nil
	})
	return folders
}

// pids lists the processes of the cgroup and of those below it.
func (c cgroup) pids() []int {
	var pids []int
	for _, folder := range c.folders() {
		lines, err := os.ReadFile(filepath.Join(folder, "cgroup.procs"))
		if err != nil {
			continue
		}
		for text := range strings.FieldsSeq(string(lines)) {
			if pid, err := strconv.Atoi(text); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// leader returns the host's process ID of the machine's process 1, once that is systemd.
func (c cgroup) leader() (int, bool) {
	for _, pid := range c.pids() {
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		if err != nil || string(name) != "systemd\n" {
			continue
		}
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(status)) {
			ids, found := strings.CutPrefix(line, "NSpid:")
			if fields := strings.Fields(ids); found && len(fields) == 2 && fields[1] == "1" {
				return pid, true
			}
		}
	}
	return 0, false
}

// reaper waits for the end of its input, which comes when the process that started it is gone. Then it tries for a minute to
// kill the cgroup, because a process may hang in the kernel.
const reaper = `read -r _
for try in $(seq 600); do
	[ -d "$1" ] || exit 0
	echo 1 >"$1/cgroup.kill"
	find "$1" -depth -type d -exec rmdir {} +
	sleep 0.1
done 2>/dev/null`

// guard starts a process that destroys the cgroup when this process ends without doing so. The guest of a killed nspawn would
// outlive it.
func (c cgroup) guard() (release func(), err error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	cmd := exec.Command("/bin/sh", "-c", reaper, "reaper", string(c)) //nolint:gosec // the name comes from newCgroup
	cmd.Stdin = read
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true} // so that Ctrl-C at the terminal does not reach it
	if err := cmd.Start(); err != nil {
		_ = write.Close()
		return nil, err
	}
	return func() {
		_ = write.Close()
		_ = cmd.Wait()
	}, nil
}

// kill ends all processes of the cgroup and of those below it at once.
func (c cgroup) kill() error {
	return os.WriteFile(filepath.Join(string(c), "cgroup.kill"), []byte("1"), 0)
}

// destroy kills what is in the cgroup and removes it.
func (c cgroup) destroy() error {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := c.kill()
		if err == nil || errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) {
			err = c.remove()
		}
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("removing cgroup %s with processes %v: %w", c, c.pids(), err)
		}
	}
}

// remove deletes the folders, the innermost first.
func (c cgroup) remove() error {
	folders := c.folders()
	slices.Reverse(folders)
	for _, folder := range folders {
		if err := os.Remove(folder); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// cpuTime returns the processor time that the processes have used, including those that have ended.
func (c cgroup) cpuTime() time.Duration {
	stat, err := os.ReadFile(filepath.Join(string(c), "cpu.stat"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(stat)) {
		if text, found := strings.CutPrefix(line, "usage_usec "); found {
			used, _ := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
			return time.Duration(used) * time.Microsecond
		}
	}
	return 0
}

// Leftovers lists the cgroups of machines whose owner has ended without closing them.
func Leftovers() ([]string, error) {
	root, err := hierarchy()
	if err != nil {
		return nil, err
	}
	found, err := filepath.Glob(filepath.Join(root, cgroupPrefix+"*"))
	return slices.DeleteFunc(found, ownerLives), err
}

// ownerLives reports whether the owner of a cgroup runs. It returns true for names of another form, because those cgroups belong
// to another program.
func ownerLives(folder string) bool {
	parts := strings.SplitN(strings.TrimPrefix(filepath.Base(folder), cgroupPrefix), ".", 3)
	pid, err := strconv.Atoi(parts[0])
	if err != nil || len(parts) < 3 {
		return true
	}
	started, err := startTime(pid)
	return err == nil && started == parts[1]
}

// removeLeftovers kills the machines whose owner has ended. Their mounts, namespaces and interfaces go with them.
func removeLeftovers() error {
	folders, err := Leftovers()
	for _, folder := range folders {
		err = errors.Join(err, cgroup(folder).destroy())
	}
	return err
}
