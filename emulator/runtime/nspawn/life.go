package nspawn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/internal/thread"
)

// life is the time of a machine from power on to power off, including reboots from inside.
type life struct {
	done chan struct{}

	mu     sync.Mutex
	ending bool   // a reboot from inside ends the life
	group  cgroup // of the session; "" between two sessions
}

// end keeps the machine from starting again.
func (l *life) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ending = true
}

func (l *life) cgroup() cgroup {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.group
}

func (l *life) kill() {
	if group := l.cgroup(); group != "" {
		_ = group.kill() // fails if the cgroup is gone; otherwise Kill tries again
	}
}

func (l *life) cpuTime() time.Duration {
	if group := l.cgroup(); group != "" {
		return group.cpuTime()
	}
	return 0
}

// begin sets the cgroup of a session. It returns false if the machine has been killed before.
func (l *life) begin(group cgroup) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.group = group
	return !l.ending
}

// exitReboot is nspawn's exit code after a reboot from inside.
const exitReboot = 133

// powerOff is SIGRTMIN+3, which makes systemd as process 1 shut down.
const powerOff = unix.Signal(37)

func (m *Machine) askToPowerOff() {
	l := m.current()
	if l == nil {
		return
	}
	l.end()
	if group := l.cgroup(); group != "" {
		if leader, found := group.leader(); found {
			_ = unix.Kill(leader, powerOff)
		}
	}
}

// live runs sessions until a session does not end in a reboot. It reports to started whether the first session has started.
func (m *Machine) live(l *life, started chan<- error) {
	defer close(l.done)
	tell := func(err error) {
		select {
		case started <- err:
		default: // a later session: nothing waits for its start
			if err != nil {
				m.vpc.config.Log.Error("machine did not reboot", "instance", m.spec.ID, "error", err)
			}
		}
	}
	for {
		err := m.session(l, func() { tell(nil) })
		var exit *exec.ExitError
		l.mu.Lock()
		again := errors.As(err, &exit) && exit.ExitCode() == exitReboot && !l.ending
		l.mu.Unlock()
		if !again {
			if err != nil && exit == nil {
				tell(err)
			}
			return
		}
	}
}

// session runs a machine from power on to power off or reboot.
func (m *Machine) session(l *life, started func()) (err error) {
	group, err := newCgroup(m.spec.ID)
	if err != nil {
		return err
	}
	release, err := group.guard()
	if err != nil {
		return errors.Join(err, group.destroy())
	}
	defer func() {
		m.endSession(l, group)
		err = errors.Join(err, group.destroy())
		release()
	}()
	if !l.begin(group) {
		return errors.New("the machine was killed before it started")
	}
	space, err := m.plug()
	if err != nil {
		return err
	}
	defer m.unplug(space)
	folder, err := os.Open(group.supervising()) // opened now, because the machine's own /sys will hide it
	if err != nil {
		return err
	}
	defer folder.Close()
	// The mounts go with the thread.
	return thread.Run(func() error {
		if err := m.isolate(space); err != nil {
			return err
		}
		return m.nspawn(folder, started)
	})
}

// endSession adds the processor time of a session that has ended to the machine's.
func (m *Machine) endSession(l *life, group cgroup) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used += group.cpuTime()
	l.begin("")
}

// plug returns a network namespace with the machine's end of a virtual cable. nspawn moves that end into the machine's own
// namespace.
func (m *Machine) plug() (*namespace, error) {
	space, err := newNamespace()
	if err != nil {
		return nil, err
	}
	commands := []string{
		fmt.Sprintf("link add %s type veth peer name ens5 address %s netns /proc/self/fd/3", m.link(), m.mac()),
		fmt.Sprintf("link set %s master %s up", m.link(), bridge(m.index)),
	}
	if err := m.vpc.space.ip(context.Background(), commands, space); err != nil {
		m.unplug(space)
		return nil, err
	}
	return space, nil
}

func (m *Machine) unplug(space *namespace) {
	// Fails if the machine's end, and with it this one, is gone already.
	_ = m.vpc.space.ip(context.Background(), []string{"link delete " + m.link()})
	space.close()
}

// isolate gives the calling thread its own mounts, among them the machine's root, and the machine's network.
func (m *Machine) isolate(space *namespace) error {
	if err := unix.Unshare(unix.CLONE_FS | unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("new mount namespace: %w", err)
	}
	if err := space.enter(); err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("private mounts: %w", err)
	}
	// If /sys were writable, nspawn would wait for udev to announce the interface. With its own mount of cgroup2, systemd in the
	// machine finds the unified hierarchy on every host.
	if err := unix.Mount("sysfs", "/sys", "sysfs", unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("mounting /sys: %w", err)
	}
	if err := unix.Mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, ""); err != nil {
		return fmt.Errorf("mounting /sys/fs/cgroup: %w", err)
	}
	return overlay(m.path(rootFolder), m.base, m.path(upperFolder), m.path(workFolder))
}

func overlay(at, lower, upper, work string) error {
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work)
	if err := unix.Mount("overlay", at, "overlay", 0, options); err != nil {
		return fmt.Errorf("mounting an overlay at %s: %w", at, err)
	}
	return nil
}

// nspawn runs the machine on the calling thread, in its namespaces.
func (m *Machine) nspawn(group *os.File, started func()) error {
	console, err := os.OpenFile(m.path(consoleFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer console.Close()
	//nolint:gosec // the arguments are the machine's own
	cmd := exec.Command("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--settings=no",
		"--machine="+m.spec.ID, "--hostname=localhost", "--directory="+m.path(rootFolder), "--network-interface=ens5",
		"--bind-ro="+m.path(hypervisorFolder)+":/sys/hypervisor",
		"--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=read-only")
	cmd.Env = []string{"PATH=" + searchPath}
	cmd.Stdout, cmd.Stderr = console, console
	cmd.SysProcAttr = &unix.SysProcAttr{
		Setsid: true, UseCgroupFD: true, CgroupFD: int(group.Fd()),
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	started()
	return cmd.Wait()
}

const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
