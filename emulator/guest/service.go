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

// service is a unit and its state:
//
//	Stopped ──start──▶ Starting ──▶ Running ──exit──▶ Stopped, Failed
//	                      ▲            │
//	                      └─RestartSec─┴─ Restarting
//
// A run begins with a start and ends when the unit is Stopped or Failed. It includes restarts. A service has at most one run at a time.
type service struct {
	instance *Instance
	unit     *unit
	startNow chan struct{} // ends the wait for RestartSec=

	mu       sync.Mutex
	status   ServiceStatus
	last     outcome            // the outcome of the last run
	job      *job               // the job of the last start
	abort    context.CancelFunc // ends the run; nil between runs
	stopping bool               // abort was called

	ended  chan struct{} // closed when the run ends
	starts []time.Time   // recent starts, for the start limit
}

// job is a request to start a unit. It is done when the unit has started or has failed to.
type job struct {
	done chan struct{}
	once sync.Once
	err  error
}

// finish ends the job, the first time that it is called.
func (j *job) finish(err error) {
	j.once.Do(func() {
		j.err = err
		close(j.done)
	})
}

// outcome describes the end of a unit's activation or of a command.
type outcome struct {
	text    string
	exit    int  // exit status of a process; 128 plus the signal's number, if a signal ended it
	clean   bool // a success by the default of systemd's SuccessExitStatus=
	skipped bool // a condition was not met, and no command was run
}

func newService(in *Instance, u *unit) *service {
	name := strings.TrimSuffix(u.name, ".service")
	return &service{instance: in, unit: u, startNow: make(chan struct{}, 1), status: ServiceStatus{Name: name, State: Stopped}}
}

// Status returns the status of the service.
func (s *service) Status() ServiceStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// lastOutcome returns the outcome of the last run.
func (s *service) lastOutcome() outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// update changes the status and logs a change of the state.
func (s *service) update(change func(*ServiceStatus)) {
	s.mu.Lock()
	before := s.status
	change(&s.status)
	after := s.status
	s.mu.Unlock()
	if before.State != after.State {
		s.instance.log.Info("service "+string(after.State), "service", after.Name, "pid", after.PID, "lastExit", after.LastExit)
	}
}

// start starts units and the units that they need, in their order, and returns a job for each.
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

// enqueue returns the job of a start and the context of its run. If a run is in progress, the start joins it and the context is nil.
func (s *service) enqueue() (*job, context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.abort != nil {
		if s.status.State == Restarting {
			s.job = &job{done: make(chan struct{})}
			select {
			case s.startNow <- struct{}{}:
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

// finishJob ends the job of the last start.
func (s *service) finishJob(err error) {
	s.mu.Lock()
	j := s.job
	s.mu.Unlock()
	j.finish(err)
}

// dependency is a job that must be done before the service starts. If it is required, it must succeed.
type dependency struct {
	unit     string
	job      *job
	required bool
}

// dependencies returns the jobs of running services that the service starts after.
func (s *service) dependencies() []dependency {
	var all []dependency
	for _, name := range s.unit.after {
		o := s.instance.services[name]
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

// awaitDependencies waits for jobs. It returns an error if a required job fails or ctx ends.
func awaitDependencies(ctx context.Context, dependencies []dependency) error {
	for _, d := range dependencies {
		select {
		case <-d.job.done:
		case <-ctx.Done():
			return ctx.Err()
		}
		if d.required && d.job.err != nil {
			return fmt.Errorf("not started, because %s is required and failed", d.unit)
		}
	}
	return nil
}

// run does a run, and starts the units of OnSuccess= after it.
func (s *service) run(ctx context.Context, dependencies []dependency) {
	defer s.instance.running.Done()
	var last outcome
	switch err := awaitDependencies(ctx, dependencies); {
	case err == nil:
		last = s.keepAlive(ctx)
	case ctx.Err() == nil:
		last = outcome{text: err.Error(), clean: true, skipped: true}
		s.finishJob(err)
	}
	stopped := ctx.Err() != nil
	s.endRun(last, stopped)
	if last.clean && !last.skipped && !stopped {
		_, _ = s.instance.start(s.unit.onSuccess...) // fails only while the instance shuts down
	}
}

// endRun sets the final status of a run.
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
	s.job.finish(errors.New("it was stopped before it had started"))
	s.abort()
	s.abort, s.stopping = nil, false
	close(s.ended)
	s.mu.Unlock()
	s.instance.log.Info("service "+string(now.State), "service", now.Name, "lastExit", now.LastExit)
}

// keepAlive activates the unit and restarts it as Restart= says, until it needs no restart or ctx ends.
func (s *service) keepAlive(ctx context.Context) outcome {
	var last outcome
	for {
		if !s.withinStartLimit() {
			last = outcome{text: strings.TrimSuffix("start-limit-hit after "+last.text, " after ")}
			s.finishJob(last.err())
			return last
		}
		last = s.activate(ctx)
		if ctx.Err() == nil {
			s.report(last)
		}
		s.finishJob(last.err())
		if ctx.Err() != nil || !s.restartsAfter(last) || !s.awaitRestart(ctx, last) {
			return last
		}
		s.update(func(now *ServiceStatus) { now.State = Starting; now.Restarts++ })
	}
}

// awaitRestart waits for RestartSec= or a start. It returns false if ctx ends first.
func (s *service) awaitRestart(ctx context.Context, last outcome) bool {
	select {
	case <-s.startNow: // from an earlier restart
	default:
	}
	s.update(func(now *ServiceStatus) { now.State, now.PID, now.LastExit = Restarting, 0, last.text })
	wait := s.instance.clock.NewTimer(s.unit.restartDelay)
	defer wait.Stop()
	select {
	case <-wait.Chan():
	case <-s.startNow:
	case <-ctx.Done():
		return false
	}
	return true
}

// err returns the outcome as an error, and nil for a success.
func (o outcome) err() error {
	if o.clean {
		return nil
	}
	return errors.New(o.text)
}

// restartsAfter reports whether Restart= demands a restart.
func (s *service) restartsAfter(last outcome) bool {
	return !last.skipped && (s.unit.restart == "always" || (s.unit.restart == "on-failure" && !last.clean))
}

// withinStartLimit counts a start and reports whether it is allowed.
func (s *service) withinStartLimit() bool {
	if s.unit.startInterval == 0 || s.unit.startBurst <= 0 {
		return true
	}
	now := s.instance.clock.Now()
	s.starts = slices.DeleteFunc(s.starts, func(t time.Time) bool { return now.Sub(t) > s.unit.startInterval })
	if len(s.starts) >= s.unit.startBurst {
		return false
	}
	s.starts = append(s.starts, now)
	return true
}

// activate runs the unit's commands and returns when the last command has ended.
func (s *service) activate(ctx context.Context) outcome {
	for _, c := range s.unit.conditions {
		if s.instance.root.exists(c.path) == c.absent {
			return outcome{text: "skipped, because " + c.String() + " is not met", clean: true, skipped: true}
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

// prepare runs the commands that must succeed, one after the other, within TimeoutStartSec=: ExecStartPre= and, if the service is oneshot,
// ExecStart=.
func (s *service) prepare(ctx context.Context) (last outcome, ok bool) {
	starting, cancel := context.WithCancel(ctx)
	defer cancel()
	defer s.instance.clock.AfterFunc(s.unit.startTimeout, cancel).Stop()
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

// cancel begins to end the run.
func (s *service) cancel() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.abort != nil {
		s.abort()
		s.stopping = true
	}
}

// awaitStop waits for the end of a run that is being stopped. A start after a stop needs this.
func (s *service) awaitStop() {
	s.mu.Lock()
	stopping, ended := s.stopping, s.ended
	s.mu.Unlock()
	if stopping {
		<-ended
	}
}

// stop ends the run and returns when it is over.
func (s *service) stop() {
	s.cancel()
	s.mu.Lock()
	active, ended := s.abort != nil, s.ended
	s.mu.Unlock()
	if active {
		<-ended
	}
}
