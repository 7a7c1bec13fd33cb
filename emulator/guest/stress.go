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

// SignalProcess sends a signal to the processes of the service with a name or, if there is none, to the instance's processes with that
// name. If the signal ends a service, it restarts as its unit says.
func (in *Instance) SignalProcess(name string, signal unix.Signal) error {
	found := in.processes("")
	if s := in.services[unitName(name)]; s != nil {
		found = in.processes(s.unit.name)
	} else {
		found = slices.DeleteFunc(found, func(p procfs.ProcStat) bool { return !hasName(p, name) })
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

// hasName compares a process's name as pkill does: the kernel keeps 15 characters of it.
func hasName(p procfs.ProcStat, name string) bool { return p.Comm == name[:min(len(name), 15)] }

// Stress is an artificial load on the processors of an instance.
type Stress struct {
	stop func()
	done sync.WaitGroup
}

// stressUnit takes the place of a unit's name in the mark of stress processes.
const stressUnit = "stress"

// stressScript is the program of a stress. It needs this machine's shell, and no program of the instance.
const stressScript = "while :; do :; done"

// Stress keeps a number of this machine's cores busy; 0.2 is a fifth of a core. It starts processes on the instance and stops and continues
// them many times a second. They end with the stress or with the instance.
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

// Stop ends the stress and returns when its processes have ended.
func (s *Stress) Stop() {
	s.stop()
	s.done.Wait()
}

// startStress starts a process that keeps a core busy.
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

// throttleInterval is the interval at which a stress compares its processor time with its share.
const throttleInterval = 10 * time.Millisecond

// throttle lets a process run while it has used less than its share. It kills the process when stopped is closed.
func (in *Instance) throttle(cmd *exec.Cmd, share float64, stopped <-chan struct{}) {
	pid, began := cmd.Process.Pid, time.Now()
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		awaitExit(pid)
	}()
	look := time.NewTicker(throttleInterval)
	defer look.Stop()
	for running := true; running; {
		select {
		case <-exited:
			running = false
		case <-stopped:
			running = false
		case <-look.C:
			signal := unix.SIGSTOP
			if cpuTimeOf(pid) < time.Duration(share*float64(time.Since(began))) {
				signal = unix.SIGCONT
			}
			_ = unix.Kill(pid, signal) // until cmd.Wait, the number cannot be reused
		}
	}
	_ = unix.Kill(pid, unix.SIGKILL)
	<-exited
	if _ = cmd.Wait(); cmd.ProcessState != nil {
		in.cpu.add(cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime())
	}
}

// cpuTimeOf returns the processor time of a process, to a hundredth of a second.
func cpuTimeOf(pid int) time.Duration {
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
