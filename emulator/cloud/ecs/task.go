package ecs

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
)

// TaskState is the state of a task (Developer Guide: "Task lifecycle").
type TaskState string

// The states of a task.
const (
	TaskPending      TaskState = "PENDING"      // placed; the containers are to be started
	TaskRunning      TaskState = "RUNNING"      // all containers have started
	TaskDeactivating TaskState = "DEACTIVATING" // being drained; the containers go on serving
	TaskStopping     TaskState = "STOPPING"     // the containers are to be stopped
	TaskStopped      TaskState = "STOPPED"      // the containers have ended
)

// The desired statuses of a task.
const (
	desiredRunning = "RUNNING"
	desiredStopped = "STOPPED"
)

// Task is a copy of a task definition on a container instance. One of its containers listens at Address and ContainerPort, and
// is reached through its instance: HostAddress and HostPort.
type Task struct {
	ID, ARN       string
	Cluster       string // name
	Service       string // name
	ServiceARN    string
	Deployment    string // ID of the deployment that started it
	Definition    string // ARN of the task definition
	Family        string
	Revision      int
	Containers    []Container
	TaskRole      string     // ARN
	ExecutionRole string     // ARN
	ContainerPort int        // 0: none
	HostPort      int        // 0: none
	Address       netip.Addr // of the container with the port, or of the first one
	Instance      string     // i-…
	HostAddress   netip.Addr // private address of the instance
	State         TaskState
	DesiredStatus string    // RUNNING or STOPPED
	Reason        string    // why it stops or stopped
	Unhealthy     bool      // ELB found it unhealthy: it is to be replaced
	Settled       bool      // it has been healthy
	CPUUnits      int       // reserved, 1024 a virtual CPU
	Memory        int       // MiB that it reserves
	CPU           []float64 // percent of CPUUnits, one value per minute, the newest last
	MemoryUse     float64   // percent of Memory
	Measured      time.Time // time of MemoryUse and of the newest value of CPU
	Created       time.Time
	Started       time.Time
	Stopped       time.Time
}

// keepStopped is how long ECS shows a stopped task (API: DescribeTasks, at least an hour).
const keepStopped = time.Hour

// DescribeTasks returns copies of all tasks, including those that stopped within the last hour, the oldest first.
//
// The data plane starts the containers of a task that is PENDING, each after those that it depends on, and then calls
// [Store.TaskRunning]. After a restart it starts those containers of tasks that are RUNNING or DEACTIVATING again that have not
// ended. It stops the containers of a task that is STOPPING (SIGTERM, after StopTimeout SIGKILL), each before those that it depends
// on. It kills the containers of a task that is STOPPED or gone, because its host is gone. It calls [Store.ContainerEnded] for each
// container that ends or cannot be started.
func (s *Store) DescribeTasks() []Task {
	var all []Task
	for _, t := range s.tasks() {
		copied := *t
		copied.Containers, copied.CPU = slices.Clone(t.Containers), slices.Clone(t.CPU)
		all = append(all, copied)
	}
	return all
}

// tasks returns all tasks, the oldest first.
func (s *Store) tasks() []*Task {
	return slices.SortedFunc(maps.Values(s.Tasks), func(a, b *Task) int {
		if order := a.Created.Compare(b.Created); order != 0 {
			return order
		}
		return a.Address.Compare(b.Address)
	})
}

// TaskRunning reports that all containers of a task have started, and registers the task with its target groups.
func (s *Store) TaskRunning(id string, now time.Time) (changed bool) {
	t := s.Tasks[id]
	if t == nil || t.State != TaskPending {
		return false
	}
	t.State, t.Started = TaskRunning, now
	svc := s.Services[t.ServiceARN]
	if svc == nil {
		return true
	}
	for _, group := range s.targetGroups(svc) {
		s.elb.Register(group, t.Instance, t.HostPort, now)
		svc.event(now, "registered 1 targets in (target-group %s)", group.ARN)
	}
	return true
}

// ContainerEnded reports that a container of a task ended or could not be started, and why if that is known. The end of an essential
// container stops the task (Developer Guide: "essential"); the end of the last container ends it.
func (s *Store) ContainerEnded(id, name string, exitCode int, reason string, now time.Time) (changed bool) {
	t := s.Tasks[id]
	if t == nil || t.State == TaskStopped {
		return false
	}
	c := t.ByName(name)
	if c == nil || c.ExitCode != nil {
		return false
	}
	c.ExitCode = &exitCode
	if c.Essential && t.DesiredStatus == desiredRunning {
		t.State, t.DesiredStatus, t.Reason = TaskStopping, desiredStopped, endedBecause(reason)
		s.taskFailed(t, now)
		s.deregisterTask(t, now, false)
	}
	if !slices.ContainsFunc(t.Containers, func(c Container) bool { return c.ExitCode == nil }) {
		s.taskGone(t, now)
	}
	return true
}

// endedBecause words why a task stopped whose essential container ended.
func endedBecause(reason string) string {
	switch {
	case strings.HasPrefix(reason, "CannotStartContainerError"):
		return reason
	case reason == "":
		return "Essential container in task exited"
	}
	return "Essential container in task exited: " + reason
}

// StopTask drains and stops a task. Its service replaces it (API: StopTask).
func (s *Store) StopTask(id, reason string, now time.Time) error {
	t := s.Tasks[id]
	if t == nil {
		return aws.Refuse("InvalidParameterException", "The referenced task was not found: %s", id)
	}
	if t.DesiredStatus == desiredRunning {
		s.stopTask(t, cmp.Or(reason, "Task stopped by user"), now)
	}
	return nil
}

// RecordTaskUse adds a task's average CPU use of a minute, in percent of the CPU units that it reserves, and sets its use of
// memory in bytes. The CPU use is over 100 while the task uses units that others leave. For a task that reserves none it is in
// percent of the instance.
func (s *Store) RecordTaskUse(id string, percent float64, memory int, now time.Time) (changed bool) {
	t := s.Tasks[id]
	if t == nil {
		return false
	}
	t.CPU = append(t.CPU, percent)
	t.CPU = t.CPU[max(0, len(t.CPU)-ec2.CPUPoints):]
	t.Measured, t.MemoryUse = now, 0
	if t.Memory > 0 {
		t.MemoryUse = 100 * float64(memory) / float64(t.Memory<<20)
	}
	return true
}

// stopTask starts to stop a task. A running task is drained first.
func (s *Store) stopTask(t *Task, reason string, now time.Time) {
	t.DesiredStatus, t.Reason = desiredStopped, reason
	if t.State == TaskPending {
		t.State = TaskStopping
		return
	}
	t.State = TaskDeactivating
	s.deregisterTask(t, now, false)
}

// taskGone ends a task whose containers no longer run.
func (s *Store) taskGone(t *Task, now time.Time) {
	t.State, t.DesiredStatus, t.Stopped = TaskStopped, desiredStopped, now
	s.deregisterTask(t, now, true)
}

// deregisterTask deregisters a task from its target groups.
func (s *Store) deregisterTask(t *Task, now time.Time, gone bool) {
	svc := s.Services[t.ServiceARN]
	if svc == nil {
		return
	}
	for _, group := range s.targetGroups(svc) {
		if target := group.Target(t.Instance, t.HostPort); target != nil {
			if target.State != elb.TargetDraining {
				svc.event(now, "deregistered 1 targets in (target-group %s)", group.ARN)
			}
			s.elb.Deregister(group, t.Instance, t.HostPort, now, gone)
		}
	}
}

// advanceTasks ends tasks whose host is gone, stops tasks that have been drained, and removes old ones.
func (s *Store) advanceTasks(now time.Time) bool {
	changed := false
	for _, id := range aws.Keys(s.Tasks) {
		t := s.Tasks[id]
		switch {
		case t.State == TaskStopped:
			if now.Sub(t.Stopped) > keepStopped {
				delete(s.Tasks, id)
				changed = true
			}
		case s.ContainerInstances[t.Instance] == nil:
			t.Reason, changed = fmt.Sprintf("Host EC2 (instance %s) terminated.", t.Instance), true
			s.taskGone(t, now)
		case t.State == TaskDeactivating && s.drainedTask(t):
			t.State, changed = TaskStopping, true
		}
	}
	return changed
}

// drainedTask reports whether a task's targets have been drained.
func (s *Store) drainedTask(t *Task) bool {
	svc := s.Services[t.ServiceARN]
	if svc == nil {
		return true
	}
	return !slices.ContainsFunc(s.targetGroups(svc), func(group *elb.TargetGroup) bool {
		return group.Target(t.Instance, t.HostPort) != nil
	})
}

// active reports whether a task runs or will run, and is meant to.
func (t *Task) active() bool { return t.DesiredStatus == desiredRunning && t.State != TaskStopped }

// IsLeft reports whether the task counts as left over: a stopped task does not.
func (t *Task) IsLeft() bool { return t.State != TaskStopped }
