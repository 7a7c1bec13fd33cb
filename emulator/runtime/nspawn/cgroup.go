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

// cgroupPrefix begins the names of machines' cgroups: prefix, owner's process ID and start time, machine's ID.
const cgroupPrefix = "elastic-service-machine."

// cgroup is a folder in the unified hierarchy.
type cgroup string

// hierarchy is where the host has its unified hierarchy: /sys/fs/cgroup on most, /sys/fs/cgroup/unified beside the old one.
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

// executing is where commands are that were started in the machine from outside.
func (c cgroup) executing() string { return filepath.Join(string(c), "exec") }

// startTime is field 22 of stat: together with the ID it names a process for ever.
func startTime(pid int) (string, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", err
	}
	// The command's name, in parentheses, may have blanks.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 {
		return "", fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	return fields[19], nil
}

// folders are the cgroup's own and those below it, which come and go as they are looked at.
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

// pids are the processes of the cgroup and of those below it.
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

// leader is the process ID, outside, of the machine's systemd: of process 1 from when it has the machine's root.
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

// reaper waits for the end of its input, which comes when the process that started it is gone. It has a minute, should
// a process hang in the kernel.
const reaper = `read -r _
for try in $(seq 600); do
	[ -d "$1" ] || exit 0
	echo 1 >"$1/cgroup.kill"
	find "$1" -depth -type d -exec rmdir {} +
	sleep 0.1
done 2>/dev/null`

// guard has another process destroy the cgroup when this one ends without doing so, however that comes. nspawn's guest
// would outlive a nspawn that is killed.
func (c cgroup) guard() (release func(), err error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer read.Close()
	cmd := exec.Command("/bin/sh", "-c", reaper, "reaper", string(c)) //nolint:gosec // the name is made here
	cmd.Stdin = read
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true} // not the terminal's to interrupt
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

// remove deletes the folders, those within others first.
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

// cpuTime is what the processes have used, those that have ended included.
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

// Leftovers are the machines of processes that have ended without closing them: names of cgroups.
func Leftovers() ([]string, error) {
	root, err := hierarchy()
	if err != nil {
		return nil, err
	}
	found, err := filepath.Glob(filepath.Join(root, cgroupPrefix+"*"))
	return slices.DeleteFunc(found, ownerLives), err
}

// ownerLives also holds for names that are not as they should be: those are somebody else's.
func ownerLives(folder string) bool {
	parts := strings.SplitN(strings.TrimPrefix(filepath.Base(folder), cgroupPrefix), ".", 3)
	pid, err := strconv.Atoi(parts[0])
	if err != nil || len(parts) < 3 {
		return true
	}
	started, err := startTime(pid)
	return err == nil && started == parts[1]
}

// removeLeftovers kills what processes that have ended left running. Its mounts, namespaces and interfaces go with it.
func removeLeftovers() error {
	folders, err := Leftovers()
	for _, folder := range folders {
		err = errors.Join(err, cgroup(folder).destroy())
	}
	return err
}
