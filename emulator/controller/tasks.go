package controller

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/guest"
	"github.com/elastic-service/elastic-service/emulator/identity"
	"github.com/elastic-service/elastic-service/emulator/loopback"
	"github.com/elastic-service/elastic-service/emulator/proxy"
)

// taskProcess is a container that runs, or is being started or stopped, with the port of its instance that leads to it.
type taskProcess struct {
	instance  string // ID
	cancel    context.CancelFunc
	container *guest.Container // nil until it runs
	port      *proxy.Listener  // of its instance; nil without a host port
	stopping  bool
	killed    bool
	cpu       meter
}

// kill ends the container, or cancels its start, and returns when it is gone.
func (t *taskProcess) kill() {
	t.cancel()
	if t.container != nil {
		t.container.Kill()
	}
}

func (t *taskProcess) closePort() {
	if t.port != nil {
		_ = t.port.Close() // fails only when the port is closed already
	}
}

// reconcileTasks starts the containers that should run and do not, and stops those that should not and do.
func (c *Controller) reconcileTasks(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wanted := map[string]bool{}
	for _, t := range cloud.Get(c.cloud, func(m *cloud.Model) []ecs.Task { return m.ECS.DescribeTasks() }) {
		switch have := c.tasks[t.ID]; t.State {
		case ecs.TaskPending, ecs.TaskRunning, ecs.TaskDeactivating:
			wanted[t.ID] = true
			if have == nil && c.canHostLocked(t.Instance) {
				c.startTaskLocked(ctx, t)
			}
		case ecs.TaskStopping:
			wanted[t.ID] = true
			c.stopTaskLocked(ctx, t, have)
		case ecs.TaskStopped: // the instance below it is gone
		}
	}
	for id, have := range c.tasks {
		if !wanted[id] && !have.killed {
			have.killed = true
			ended := *have
			c.work.Go(ended.kill)
		}
	}
}

// canHostLocked reports whether an instance has booted and is not being shut down.
func (c *Controller) canHostLocked(instance string) bool {
	p := c.instances[instance]
	return p != nil && p.running != nil && !p.stopping
}

// startTaskLocked runs a task's container in the background until the container ends.
func (c *Controller) startTaskLocked(ctx context.Context, t ecs.Task) {
	starting, cancel := context.WithCancel(ctx)
	p := &taskProcess{instance: t.Instance, cancel: cancel, cpu: meter{at: time.Now()}}
	c.tasks[t.ID] = p
	c.work.Go(func() {
		defer cancel()
		exit := c.runTask(starting, t, p)
		p.closePort()
		if err := os.RemoveAll(filepath.Join(c.taskFolder(t.ID), "root")); err != nil { // the log stays
			c.log.Warn("files of a container were not deleted", "task", t.ID, "error", err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if ctx.Err() == nil { // otherwise the emulator ends, and the model still wants the task
			c.cloud.Update(func(m *cloud.Model) bool { return m.ECS.TaskEnded(t.ID, exit.Code, exit.Reason, m.Clock.Now()) })
		}
		delete(c.tasks, t.ID)
	})
}

// cannotStart is Docker's exit code for a container whose program could not be started.
const cannotStart = 127

// runTask starts a task's container and returns when it has ended.
func (c *Controller) runTask(ctx context.Context, t ecs.Task, p *taskProcess) guest.Exit {
	container, port, err := c.startContainer(ctx, t)
	if err != nil {
		if ctx.Err() == nil {
			c.log.Error("container was not started", "task", t.ID, "service", t.Service, "error", err)
		}
		return guest.Exit{Code: cannotStart, Reason: err.Error()}
	}
	c.mu.Lock()
	p.container, p.port = container, port
	if ctx.Err() == nil {
		c.cloud.Update(func(m *cloud.Model) bool { return m.ECS.TaskRunning(t.ID, m.Clock.Now()) })
	}
	c.mu.Unlock()
	if ctx.Err() != nil { // it was cancelled before p had a container to kill
		container.Kill()
	}
	<-container.Done()
	return container.Exit()
}

// startContainer starts a container and forwards its instance's port to it.
func (c *Controller) startContainer(ctx context.Context, t ecs.Task) (*guest.Container, *proxy.Listener, error) {
	environment, err := c.secretsOf(t)
	if err != nil {
		return nil, nil, err
	}
	maps.Copy(environment, t.Environment)
	endpoint, err := identity.ServeTask(loopback.Address(t.Address), t.TaskRole, c.options.API(aws.LastPart(t.TaskRole), t.ID, t.Instance))
	if err != nil {
		return nil, nil, err
	}
	for name, value := range endpoint.Environment() {
		if _, set := environment[name]; !set {
			environment[name] = value
		}
	}
	container, err := guest.RunContainer(ctx, guest.ContainerSpec{
		ID: t.ID, Address: t.Address, Directory: c.taskFolder(t.ID), Command: t.Command, Environment: environment, Find: c.options.Program,
		StopTimeout: t.StopTimeout, Clock: c.clock, Log: c.log, Trust: c.options.Trust,
		Route: func(to netip.AddrPort) (netip.AddrPort, bool) { return c.Route(t.Address, to) },
	})
	if err != nil {
		endpoint.Close()
		return nil, nil, err
	}
	go func() {
		<-container.Done()
		endpoint.Close()
	}()
	if t.HostPort == 0 {
		return container, nil, nil
	}
	from := netip.AddrPortFrom(loopback.Address(t.HostAddress), uint16(t.HostPort))
	to := netip.AddrPortFrom(loopback.Address(t.Address), uint16(t.ContainerPort))
	port, err := guest.Forward(from, to, proxy.WithClock(c.clock), proxy.WithLog(c.log))
	if err != nil {
		container.Kill()
		return nil, nil, fmt.Errorf("CannotStartContainerError: driver failed programming external connectivity: %w", err)
	}
	return container, port, nil
}

// stopTaskLocked ends a task's container as Docker does, in the background.
func (c *Controller) stopTaskLocked(ctx context.Context, t ecs.Task, have *taskProcess) {
	switch {
	case have == nil:
		c.cloud.Update(func(m *cloud.Model) bool { return m.ECS.TaskEnded(t.ID, 0, "", m.Clock.Now()) })
	case have.container == nil: // runTask ends when it sees that its context has
		have.cancel()
	case !have.stopping:
		have.stopping = true
		container := have.container
		c.work.Go(func() { _ = container.Stop(ctx) }) // fails only when the emulator ends before
	}
}

func (c *Controller) taskFolder(id string) string {
	return filepath.Join(c.options.Folder, "tasks", id)
}
