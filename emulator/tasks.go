package emulator

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/guest"
	"github.com/elastic-service/elastic-service/emulator/proxy"
)

// task is a container that runs, or is being started or stopped, with the port of its instance that leads to it.
type task struct {
	cancel    context.CancelFunc
	container *guest.Container // nil until it runs
	port      *proxy.Listener  // nil without one
	stopping  bool
	killed    bool
	cpu       meter
}

// kill ends the container, or its start, and returns when it is gone.
func (t *task) kill() {
	t.cancel()
	if t.container != nil {
		t.container.Kill()
	}
}

func (t *task) closePort() {
	if t.port != nil {
		_ = t.port.Close() // it only reports that its port is gone
	}
}

// followTasks starts the containers that should run and don't, and stops those that shouldn't and do.
func (e *Emulator) followTasks(ctx context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	wanted := map[string]bool{}
	for _, t := range cloud.Get(e.Cloud, func(m *cloud.Model) []ecs.Task { return m.ECS.DescribeTasks() }) {
		k := e.tasks[t.ID]
		switch t.State {
		case ecs.TaskPending, ecs.TaskRunning, ecs.TaskDeactivating:
			wanted[t.ID] = true
			if m := e.machines[t.Instance]; k == nil && m != nil && m.instance != nil && !m.stopping {
				e.start(ctx, t)
			}
		case ecs.TaskStopping:
			wanted[t.ID] = true
			switch {
			case k == nil:
				e.Cloud.Update(func(m *cloud.Model) bool { return m.ECS.TaskEnded(t.ID, 0, "", m.Clock.Now()) })
			case k.container == nil: // it ends itself when it sees that it is not to start
				k.cancel()
			case !k.stopping:
				e.stopTask(ctx, k)
			}
		case ecs.TaskStopped: // its host is gone
		}
	}
	for id, k := range e.tasks {
		if !wanted[id] && !k.killed {
			k.killed = true
			ended := *k
			e.work.Go(ended.kill)
		}
	}
}

// start runs a task's container in the background until its end. The lock is held.
func (e *Emulator) start(ctx context.Context, t ecs.Task) {
	starting, cancel := context.WithCancel(ctx)
	k := &task{cancel: cancel, cpu: meter{at: time.Now()}}
	e.tasks[t.ID] = k
	e.work.Go(func() {
		defer cancel()
		exit := e.runTask(starting, t, k)
		k.closePort()
		if err := os.RemoveAll(filepath.Join(e.taskFolder(t.ID), "root")); err != nil { // the log stays
			e.options.Log.Warn("container was not deleted", "task", t.ID, "error", err)
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		if ctx.Err() == nil { // else the emulator ends, and the model still wants it
			e.Cloud.Update(func(m *cloud.Model) bool { return m.ECS.TaskEnded(t.ID, exit.Code, exit.Reason, m.Clock.Now()) })
		}
		delete(e.tasks, t.ID)
	})
}

// cannotStart is Docker's exit code for a container whose program could not be started.
const cannotStart = 127

func (e *Emulator) runTask(ctx context.Context, t ecs.Task, k *task) guest.Exit {
	container, port, err := e.contain(ctx, t)
	if err != nil {
		if ctx.Err() == nil {
			e.options.Log.Error("container was not started", "task", t.ID, "service", t.Service, "error", err)
		}
		return guest.Exit{Code: cannotStart, Reason: err.Error()}
	}
	e.mu.Lock()
	k.container, k.port = container, port
	if ctx.Err() == nil {
		e.Cloud.Update(func(m *cloud.Model) bool { return m.ECS.TaskRunning(t.ID, m.Clock.Now()) })
	}
	e.mu.Unlock()
	if ctx.Err() != nil { // what called it off came before there was something to kill
		container.Kill()
	}
	<-container.Done()
	return container.Exit()
}

// contain starts a container and opens its instance's port to it.
func (e *Emulator) contain(ctx context.Context, t ecs.Task) (*guest.Container, *proxy.Listener, error) {
	container, err := guest.RunContainer(ctx, guest.ContainerSpec{
		ID: t.ID, Address: t.Address, Directory: e.taskFolder(t.ID), Command: t.Command, Environment: t.Environment,
		StopTimeout: t.StopTimeout, Clock: e.clock, Log: e.options.Log,
	})
	if err != nil || t.HostPort == 0 {
		return container, nil, err
	}
	from := onLoopback(netip.AddrPortFrom(t.HostAddress, uint16(t.HostPort)))
	to := onLoopback(netip.AddrPortFrom(t.Address, uint16(t.ContainerPort)))
	port, err := guest.Forward(from, to, proxy.WithClock(e.clock), proxy.WithLog(e.options.Log))
	if err != nil {
		container.Kill()
		return nil, nil, fmt.Errorf("CannotStartContainerError: driver failed programming external connectivity: %w", err)
	}
	return container, port, nil
}

// stopTask ends a container as Docker does, in the background. The lock is held.
func (e *Emulator) stopTask(ctx context.Context, k *task) {
	k.stopping = true
	container := k.container
	e.work.Go(func() { _ = container.Stop(ctx) }) // which fails only when the emulator ends before
}

func (e *Emulator) taskFolder(id string) string { return filepath.Join(e.options.Folder, "tasks", id) }
