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

// life is a machine's from power on to power off, reboots from inside included.
type life struct {
	done chan struct{}

	mu     sync.Mutex
	ending bool   // no reboot any more
	group  cgroup // of the session; "" between two
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
		_ = group.kill() // gone already, or killed again
	}
}

func (l *life) cpuTime() time.Duration {
	if group := l.cgroup(); group != "" {
		return group.cpuTime()
	}
	return 0
}

// begin is false when the machine was killed before.
func (l *life) begin(group cgroup) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.group = group
	return !l.ending
}

// exitReboot is how nspawn ends when its guest was rebooted from inside.
const exitReboot = 133

// powerOff is SIGRTMIN+3, at which systemd as process 1 shuts down.
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

// live runs sessions until one doesn't end in a reboot. The first one's start, or what kept it from it, is told.
func (m *Machine) live(l *life, started chan<- error) {
	defer close(l.done)
	tell := func(err error) {
		select {
		case started <- err:
		default: // a later session
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

// session is a machine's from power on to power off or reboot.
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
		m.settle(l, group)
		err = errors.Join(err, group.destroy())
		release()
	}()
	if !l.begin(group) {
		return errors.New("killed before it started")
	}
	space, err := m.plug()
	if err != nil {
		return err
	}
	defer m.unplug(space)
	folder, err := os.Open(group.supervising()) // which the machine's own /sys will hide
	if err != nil {
		return err
	}
	defer folder.Close()
	// The thread's mounts go with it.
	return thread.Run(func() error {
		if err := m.isolate(space); err != nil {
			return err
		}
		return m.nspawn(folder, started)
	})
}

// settle keeps the processor time of a session that has ended.
func (m *Machine) settle(l *life, group cgroup) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used += group.cpuTime()
	l.begin("")
}

// plug makes a network namespace with the machine's end of the cable. nspawn takes it from there into the machine's own.
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
	// Gone already if the machine's end is.
	_ = m.vpc.space.ip(context.Background(), []string{"link delete " + m.link()})
	space.close()
}

// isolate gives the calling thread mounts of its own, with the machine's root among them, and the machine's network.
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
	// Where /sys is writable, nspawn waits for a udev that would announce the interface. And whatever hierarchies the host
	// has, systemd in the machine finds the unified one.
	if err := unix.Mount("sysfs", "/sys", "sysfs", unix.MS_RDONLY, ""); err != nil {
		return fmt.Errorf("mounting /sys: %w", err)
	}
	if err := unix.Mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, ""); err != nil {
		return fmt.Errorf("mounting /sys/fs/cgroup: %w", err)
	}
	return overlay(m.path(rootFolder), m.vpc.base, m.path(upperFolder), m.path(workFolder))
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
