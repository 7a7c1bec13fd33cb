package guest

import (
	"errors"
	"fmt"
	"math"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/procfs"
	"golang.org/x/sys/unix"
)

// SignalProcess sends a signal to the processes of the instance that have a name, or belong to the service of that name.
// What follows is the service's own affair: systemd restarts it if its unit says so.
func (in *Instance) SignalProcess(name string, signal unix.Signal) error {
	found := in.processes("")
	if s := in.services[unitName(name)]; s != nil {
		found = in.processes(s.unit.name)
	} else {
		found = slices.DeleteFunc(found, func(p procfs.ProcStat) bool { return !named(p, name) })
	}
	if len(found) == 0 {
		return fmt.Errorf("no process %q runs on %s, which has %s", name, in.spec.ID, strings.Join(in.order, ", "))
	}
	for _, p := range found {
		if err := unix.Kill(p.PID, signal); err != nil && !errors.Is(err, unix.ESRCH) {
			return fmt.Errorf("process %d (%s): %w", p.PID, p.Comm, err)
		}
	}
	return nil
}

// named compares as pkill does: the kernel keeps 15 characters of a name.
func named(p procfs.ProcStat, name string) bool { return p.Comm == name[:min(len(name), 15)] }

// Stress is a load on an instance's processors.
type Stress struct {
	stop func()
	done sync.WaitGroup
}

// stressUnit is what the processes of a stress are marked with.
const stressUnit = "stress"

// stressScript is all that a stress runs: it needs this machine's shell and no program of the instance's.
const stressScript = "while :; do :; done"

// Stress keeps as many cores of this machine busy as is said, 0.2 being a fifth of one, with processes of the instance's
// that are held and let go many times a second. They end with the stress or with the instance.
func (in *Instance) Stress(cores float64) (*Stress, error) {
	stopped := make(chan struct{})
	s := &Stress{stop: sync.OnceFunc(func() { close(stopped) })}
	count := max(1, int(math.Ceil(cores)))
	for range count {
		cmd, err := in.startStress()
		if err != nil {
			s.Stop()
			return nil, fmt.Errorf("stress of %s: %w", in.spec.ID, err)
		}
		s.done.Go(func() { in.throttle(cmd, cores/float64(count), stopped) })
	}
	return s, nil
}

// Stop ends the stress and returns when its processes are gone.
func (s *Stress) Stop() {
	s.stop()
	s.done.Wait()
}

func (in *Instance) startStress() (*exec.Cmd, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closing {
		return nil, errClosing
	}
	cmd := &exec.Cmd{
		Path: "/bin/sh", Args: []string{"stress", "-c", stressScript}, Env: []string{in.mark(stressUnit)}, Dir: "/",
		SysProcAttr: &unix.SysProcAttr{Setpgid: true},
	}
	return cmd, in.spawner.Start(cmd)
}

// throttled is how often a stress looks at what it has used.
const throttled = 10 * time.Millisecond

// throttle lets a process run whenever it has used less than its share so far, and ends it when it is told to.
func (in *Instance) throttle(cmd *exec.Cmd, share float64, stopped <-chan struct{}) {
	pid, began := cmd.Process.Pid, time.Now()
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		awaitExit(pid)
	}()
	look := time.NewTicker(throttled)
	defer look.Stop()
	for going := true; going; {
		select {
		case <-exited:
			going = false
		case <-stopped:
			going = false
		case <-look.C:
			signal := unix.SIGSTOP
			if used(pid) < time.Duration(share*float64(time.Since(began))) {
				signal = unix.SIGCONT
			}
			_ = unix.Kill(pid, signal) // a zombie until it is waited for: the number is its own
		}
	}
	_ = unix.Kill(pid, unix.SIGKILL)
	<-exited
	if _ = cmd.Wait(); cmd.ProcessState != nil {
		in.cpu.add(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime())
	}
}

// used is the processor time of a process, to a hundredth of a second.
func used(pid int) time.Duration {
	p, err := procfs.NewProc(pid)
	if err != nil {
		return 0
	}
	stat, err := p.Stat()
	if err != nil {
		return 0
	}
	return time.Duration(stat.UTime+stat.STime) * (time.Second / 100)
}
