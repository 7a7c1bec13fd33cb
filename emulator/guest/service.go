package guest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// service is a unit with its life:
//
//	Stopped ──start──▶ Starting ──▶ Running ──exit──▶ Stopped, Failed
//	                      ▲            │
//	                      └─RestartSec─┴─ Restarting
//
// A run goes from a start until the unit is Stopped or Failed, restarts included. There is one at a time.
type service struct {
	in   *Instance
	unit *unit
	kick chan struct{} // ends the wait for a restart

	mu     sync.Mutex
	status ServiceStatus
	last   outcome            // of the latest run
	job    *job               // of the latest start
	abort  context.CancelFunc // nil between runs
	going  bool               // abort has been called

	ended  chan struct{} // closed at the end of the run
	starts []time.Time   // for the start limit
}

// job is a wish that a unit be started. It is done when the unit has started or turned out not to.
type job struct {
	done chan struct{}
	once sync.Once
	err  error
}

func (j *job) finish(err error) {
	j.once.Do(func() {
		j.err = err
		close(j.done)
	})
}

// outcome is how an activation of a unit, or one of its commands, ended.
type outcome struct {
	text    string
	exit    int  // status of a process that was run; 128 and the number of a signal that ended it
	clean   bool // as systemd's SuccessExitStatus= has it
	skipped bool // a condition was not met: nothing was run
}

func newService(in *Instance, u *unit) *service {
	name := strings.TrimSuffix(u.name, ".service")
	return &service{in: in, unit: u, kick: make(chan struct{}, 1), status: ServiceStatus{Name: name, State: Stopped}}
}

// Status is what the service does now.
func (s *service) Status() ServiceStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

func (s *service) lastOutcome() outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

func (s *service) update(change func(*ServiceStatus)) {
	s.mu.Lock()
	before := s.status
	change(&s.status)
	after := s.status
	s.mu.Unlock()
	if before.State != after.State {
		s.in.log.Info("service "+string(after.State), "service", after.Name, "pid", after.PID, "lastExit", after.LastExit)
	}
}

// start starts units and all they need, in their order, and returns the units' jobs.
func (in *Instance) start(names ...string) (map[string]*job, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closing {
		return nil, errClosing
	}
	jobs := map[string]*job{}
	runs := map[*service]context.Context{}
	for queue := slices.Clone(names); len(queue) > 0; queue = queue[1:] {
		s := in.services[queue[0]]
		if s == nil || jobs[queue[0]] != nil {
			continue
		}
		j, run := s.enqueue()
		jobs[s.unit.name] = j
		if run != nil {
			runs[s] = run
		}
		queue = append(queue, s.unit.needs...)
	}
	for s, run := range runs {
		in.running.Add(1)
		go s.run(run, s.dependencies())
	}
	return jobs, nil
}

// enqueue returns the job of a start. The context is nil when a run is under way, which the start then joins.
func (s *service) enqueue() (*job, context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.abort != nil {
		if s.status.State == Restarting {
			s.job = &job{done: make(chan struct{})}
			select {
			case s.kick <- struct{}{}:
			default:
			}
		}
		return s.job, nil
	}
	run, abort := context.WithCancel(context.Background())
	s.abort, s.ended = abort, make(chan struct{})
	s.job = &job{done: make(chan struct{})}
	s.status.State = Starting
	return s.job, run
}

func (s *service) finishJob(err error) {
	s.mu.Lock()
	j := s.job
	s.mu.Unlock()
	j.finish(err)
}

// dependency is a job that has to be done before the service starts, and to have gone well if it is required.
type dependency struct {
	unit     string
	job      *job
	required bool
}

func (s *service) dependencies() []dependency {
	var all []dependency
	for _, name := range s.unit.after {
		o := s.in.services[name]
		if o == nil || o == s {
			continue
		}
		o.mu.Lock()
		if o.abort != nil {
			all = append(all, dependency{name, o.job, slices.Contains(s.unit.requires, name)})
		}
		o.mu.Unlock()
	}
	return all
}

func await(ctx context.Context, dependencies []dependency) error {
	for _, d := range dependencies {
		select {
		case <-d.job.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if d.required && d.job.err != nil {
			return fmt.Errorf("not started, as %s is required and failed", d.unit)
		}
	}
	return nil
}

func (s *service) run(ctx context.Context, dependencies []dependency) {
	defer s.in.running.Done()
	var last outcome
	switch err := await(ctx, dependencies); {
	case err == nil:
		last = s.keepAlive(ctx)
	case ctx.Err() == nil:
		last = outcome{text: err.Error(), clean: true, skipped: true}
		s.finishJob(err)
	}
	stopped := ctx.Err() != nil
	s.endRun(last, stopped)
	if last.clean && !last.skipped && !stopped {
		_, _ = s.in.start(s.unit.onSuccess...) // fails only on a machine that goes down
	}
}

func (s *service) endRun(last outcome, stopped bool) {
	s.mu.Lock()
	s.last = last
	s.status.PID, s.status.State = 0, Stopped
	if !last.clean && !stopped {
		s.status.State = Failed
	}
	if last.text != "" {
		s.status.LastExit = last.text
	}
	now := s.status
	s.job.finish(errors.New("stopped meanwhile"))
	s.abort()
	s.abort, s.going = nil, false
	close(s.ended)
	s.mu.Unlock()
	s.in.log.Info("service "+string(now.State), "service", now.Name, "lastExit", now.LastExit)
}

// keepAlive activates the unit and restarts it as it says, until it may rest or ctx ends.
func (s *service) keepAlive(ctx context.Context) outcome {
	var last outcome
	for {
		if !s.withinStartLimit() {
			last = outcome{text: strings.TrimSuffix("start-limit-hit after "+last.text, " after ")}
			s.finishJob(last.err())
			return last
		}
		last = s.activate(ctx)
		s.finishJob(last.err())
		if ctx.Err() != nil || !s.restarts(last) || !s.awaitRestart(ctx, last) {
			return last
		}
		s.update(func(now *ServiceStatus) { now.State = Starting; now.Restarts++ })
	}
}

// awaitRestart waits RestartSec=, or for a start; false when ctx ends before.
func (s *service) awaitRestart(ctx context.Context, last outcome) bool {
	select {
	case <-s.kick: // of the restart before
	default:
	}
	s.update(func(now *ServiceStatus) { now.State, now.PID, now.LastExit = Restarting, 0, last.text })
	wait := s.in.clock.NewTimer(s.unit.restartDelay)
	defer wait.Stop()
	select {
	case <-wait.Chan():
	case <-s.kick:
	case <-ctx.Done():
		return false
	}
	return true
}

func (o outcome) err() error {
	if o.clean {
		return nil
	}
	return errors.New(o.text)
}

func (s *service) restarts(last outcome) bool {
	return !last.skipped && (s.unit.restart == "always" || (s.unit.restart == "on-failure" && !last.clean))
}

// withinStartLimit counts a start and reports whether it is allowed.
func (s *service) withinStartLimit() bool {
	if s.unit.startInterval == 0 || s.unit.startBurst <= 0 {
		return true
	}
	now := s.in.clock.Now()
	s.starts = slices.DeleteFunc(s.starts, func(t time.Time) bool { return now.Sub(t) > s.unit.startInterval })
	if len(s.starts) >= s.unit.startBurst {
		return false
	}
	s.starts = append(s.starts, now)
	return true
}

// activate runs the unit's commands; it returns when the last one has ended.
func (s *service) activate(ctx context.Context) outcome {
	for _, c := range s.unit.conditions {
		if s.in.root.exists(c.path) == c.absent {
			return outcome{text: "skipped, as " + c.String() + " is not met", clean: true, skipped: true}
		}
	}
	if err := s.makeFolders(); err != nil {
		return outcome{text: err.Error()}
	}
	last, ok := s.prepare(ctx)
	if !ok || s.unit.oneshot {
		return last
	}
	main := s.unit.start[0]
	last = s.execute(ctx, main, func(pid int) {
		s.update(func(now *ServiceStatus) { now.State, now.PID = Running, pid })
		s.finishJob(nil)
	})
	last.clean = last.clean || main.mayFail
	return last
}

// prepare runs the commands that have to succeed, one after the other, within TimeoutStartSec=: ExecStartPre= and, of a
// oneshot service, ExecStart=.
func (s *service) prepare(ctx context.Context) (last outcome, ok bool) {
	starting, cancel := context.WithCancel(ctx)
	defer cancel()
	defer s.in.clock.AfterFunc(s.unit.startTimeout, cancel).Stop()
	commands := s.unit.startPre
	if s.unit.oneshot {
		commands = append(slices.Clone(commands), s.unit.start...)
	}
	for _, c := range commands {
		last = s.execute(starting, c, nil)
		switch {
		case ctx.Err() != nil:
			return last, false
		case starting.Err() != nil:
			return outcome{text: "timeout after " + s.unit.startTimeout.String()}, false
		case !last.clean && !c.mayFail:
			return last, false
		}
		last.clean = true
	}
	return last, true
}

// cancel ends the run without waiting for it.
func (s *service) cancel() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.abort != nil {
		s.abort()
		s.going = true
	}
}

// settle waits for the end of a run that is being stopped, as a start after a stop does.
func (s *service) settle() {
	s.mu.Lock()
	going, ended := s.going, s.ended
	s.mu.Unlock()
	if going {
		<-ended
	}
}

// stop ends the run and returns when it has ended.
func (s *service) stop() {
	s.cancel()
	s.mu.Lock()
	active, ended := s.abort != nil, s.ended
	s.mu.Unlock()
	if active {
		<-ended
	}
}
