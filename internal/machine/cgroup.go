package machine

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
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
		if err := os.Mkdir(folder, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
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

// pids are the processes of the cgroup and of those below it.
func (c cgroup) pids() []int {
	var pids []int
	_ = filepath.WalkDir(string(c), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.Name() != "cgroup.procs" {
			return nil //nolint:nilerr // a cgroup that goes while it is looked at has no processes
		}
		file, err := os.Open(path)
		if err != nil {
			return nil //nolint:nilerr // likewise
		}
		defer file.Close()
		for lines := bufio.NewScanner(file); lines.Scan(); {
			if pid, err := strconv.Atoi(lines.Text()); err == nil {
				pids = append(pids, pid)
			}
		}
		return nil
	})
	return pids
}

// leader is the process ID, outside, of the machine's process 1.
func (c cgroup) leader() (int, bool) {
	for _, pid := range c.pids() {
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

// destroy kills what is in the cgroup and removes it.
func (c cgroup) destroy() error {
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		err := os.WriteFile(filepath.Join(string(c), "cgroup.kill"), []byte("1"), 0)
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
	var folders []string
	_ = filepath.WalkDir(string(c), func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() {
			folders = append(folders, path)
		}
		return nil
	})
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
