package controller

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/guest"
	"github.com/elastic-service/elastic-service/emulator/identity"
	"github.com/elastic-service/elastic-service/emulator/loopback"
	"github.com/elastic-service/elastic-service/emulator/proxy"
	"github.com/elastic-service/elastic-service/emulator/resolver"
)

// taskProcess is a task that runs, or is being started or stopped.
type taskProcess struct {
	instance   string // ID
	cancel     context.CancelFunc
	containers []*containerProcess // those that had not ended when the emulator was started
	stopping   bool
	killed     bool
	cpu        meter
}

// containerProcess is a container of a task.
type containerProcess struct {
	ecs.Container
	running *guest.Container // nil until it runs; guarded by the controller's mutex
	started chan struct{}    // closed when it runs, or never will
	ended   chan struct{}    // closed when it has ended, or never will run
	exit    guest.Exit       // after ended
}

// killLocked returns a function that ends the containers, or cancels their starts, and returns when they are gone.
func (t *taskProcess) killLocked() func() {
	t.cancel()
	var running []*guest.Container
	for _, c := range t.containers {
		if c.running != nil {
			running = append(running, c.running)
		}
	}
	return func() {
		for _, c := range running {
			c.Kill()
		}
	}
}

// useLocked returns the processor time that the containers have used, and the bytes that they have in memory.
func (t *taskProcess) useLocked() (spent time.Duration, memory int) {
	for _, c := range t.containers {
		if c.running != nil {
			spent += c.running.CPUTime()
			memory += c.running.Memory()
		}
	}
	return spent, memory
}

// byName returns a container, or nil if it had ended when the emulator was started.
func (t *taskProcess) byName(name string) *containerProcess {
	at := slices.IndexFunc(t.containers, func(c *containerProcess) bool { return c.Name == name })
	if at < 0 {
		return nil
	}
	return t.containers[at]
}

// reconcileTasks starts the tasks that should run and do not, and stops those that should not and do.
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
			c.work.Go(have.killLocked())
		}
	}
}

// canHostLocked reports whether an instance has booted and is not being shut down.
func (c *Controller) canHostLocked(instance string) bool {
	p := c.instances[instance]
	return p != nil && p.running != nil && !p.stopping
}

// startTaskLocked runs a task's containers in the background until they have ended.
func (c *Controller) startTaskLocked(ctx context.Context, t ecs.Task) {
	starting, cancel := context.WithCancel(ctx)
	p := &taskProcess{instance: t.Instance, cancel: cancel, cpu: meter{at: time.Now()}}
	for _, container := range t.Containers {
		if container.ExitCode == nil {
			p.containers = append(p.containers, &containerProcess{
				Container: container, started: make(chan struct{}), ended: make(chan struct{}),
			})
		}
	}
	c.tasks[t.ID] = p
	c.work.Go(func() {
		defer cancel()
		c.runTask(ctx, starting, t, p)
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.tasks, t.ID)
	})
}

// runTask runs a task's containers, each after those that it depends on, and returns when all have ended. The end of starting cancels
// the start of containers that do not run yet; the end of ctx is the emulator's.
func (c *Controller) runTask(ctx, starting context.Context, t ecs.Task, p *taskProcess) {
	var containers sync.WaitGroup
	for _, container := range p.containers {
		containers.Go(func() {
			c.runContainer(starting, t, p, container)
			if err := os.RemoveAll(filepath.Join(c.containerFolder(t.ID, container.Name), "root")); err != nil { // the log stays
				c.log.Warn("files of a container were not deleted", "task", t.ID, "container", container.Name, "error", err)
			}
			if ctx.Err() == nil { // otherwise the emulator ends, and the model still wants the task
				exit := container.exit
				c.cloud.Update(func(m *cloud.Model) bool {
					return m.ECS.ContainerEnded(t.ID, container.Name, exit.Code, exit.Reason, m.Clock.Now())
				})
			}
			close(container.ended)
		})
	}
	for _, container := range p.containers {
		<-container.started
	}
	if starting.Err() == nil {
		c.cloud.Update(func(m *cloud.Model) bool { return m.ECS.TaskRunning(t.ID, m.Clock.Now()) })
	}
	containers.Wait()
}

// Docker's exit codes for a container whose program could not be started, and ECS's for a container whose dependency failed: that of a
// process that SIGTERM ended.
const (
	cannotStart      = 127
	dependencyFailed = 143
)

// runContainer starts a container when those that it depends on allow it, and returns when it has ended.
func (c *Controller) runContainer(ctx context.Context, t ecs.Task, p *taskProcess, container *containerProcess) {
	start := sync.OnceFunc(func() { close(container.started) })
	defer start()
	if err := p.awaitDependencies(ctx, t, container); err != nil {
		container.exit = guest.Exit{Code: dependencyFailed, Reason: "CannotStartContainerError: " + err.Error()}
		return
	}
	running, port, err := c.startContainer(ctx, t, container.Container)
	if err != nil {
		if ctx.Err() == nil {
			c.log.Error("container was not started", "task", t.ID, "container", container.Name, "service", t.Service, "error", err)
		}
		container.exit = guest.Exit{Code: cannotStart, Reason: err.Error()}
		return
	}
	c.mu.Lock()
	container.running = running
	cancelled := ctx.Err() != nil // before there was a container to stop
	c.mu.Unlock()
	if cancelled {
		running.Kill()
	}
	start()
	<-running.Done()
	if port != nil {
		_ = port.Close() // fails only when the port is closed already
	}
	container.exit = running.Exit()
}

// awaitDependencies waits for what a container depends on. It returns an error if that cannot happen any more, in the words of ECS's
// agent.
func (t *taskProcess) awaitDependencies(ctx context.Context, task ecs.Task, container *containerProcess) error {
	for _, on := range container.DependsOn {
		exit := task.ByName(on.Container).ExitCode // of a container that ended before the emulator was started
		if other := t.byName(on.Container); other != nil {
			awaited := other.ended
			if on.Condition == ecs.ConditionStart {
				awaited = other.started
			}
			select {
			case <-awaited:
			case <-ctx.Done():
				return ctx.Err()
			}
			if other.running == nil {
				return fmt.Errorf("dependency graph: failed to resolve container ordering dependency [%s] for target [%s] because dependency "+
					"will never start", on.Container, container.Name)
			}
			if on.Condition != ecs.ConditionStart {
				exit = &other.exit.Code
			}
		}
		if on.Condition == ecs.ConditionSuccess && *exit != 0 {
			return fmt.Errorf("dependency graph: failed to resolve container ordering dependency [%s] for target [%s] as dependency did not "+
				"exit successfully", on.Container, container.Name)
		}
	}
	return nil
}

// startContainer starts a container, and forwards the instance's port to it if it has one.
func (c *Controller) startContainer(ctx context.Context, t ecs.Task, container ecs.Container) (*guest.Container, *proxy.Listener, error) {
	environment, err := c.secretsOf(t, container)
	if err != nil {
		return nil, nil, err
	}
	maps.Copy(environment, container.Environment)
	logs, err := c.logsOf(ctx, t, container)
	if err != nil {
		return nil, nil, err
	}
	api := c.options.API(aws.LastPart(t.TaskRole), t.ID, t.Instance)
	endpoint, err := identity.ServeTask(loopback.Address(container.Address), t.TaskRole, api)
	if err != nil {
		return nil, nil, err
	}
	for name, value := range endpoint.Environment() {
		if _, set := environment[name]; !set {
			environment[name] = value
		}
	}
	names, err := resolver.Open(c.linksOf(t, container))
	if err != nil {
		endpoint.Close()
		return nil, nil, err
	}
	end := func() { endpoint.Close(); _ = names.Close() } // fails only when it is closed already
	running, err := guest.RunContainer(ctx, guest.ContainerSpec{
		ID: t.ID + "-" + container.Name, Address: container.Address, Directory: c.containerFolder(t.ID, container.Name),
		Command: container.Command, Environment: environment, Find: c.options.Program, Trust: c.options.Trust, Logs: logs,
		StopTimeout: container.StopTimeout, Clock: c.clock, Log: c.log,
		Route: func(to netip.AddrPort) (netip.AddrPort, bool) {
			if to.Port() == resolverPort {
				return names.Address(), true
			}
			return c.Route(container.Address, to)
		},
	})
	if err != nil {
		end()
		return nil, nil, err
	}
	go func() {
		<-running.Done()
		end()
	}()
	if t.HostPort == 0 || t.Address != container.Address {
		return running, nil, nil
	}
	from := netip.AddrPortFrom(loopback.Address(t.HostAddress), uint16(t.HostPort))
	to := netip.AddrPortFrom(loopback.Address(t.Address), uint16(t.ContainerPort))
	port, err := guest.Forward(from, to, proxy.WithClock(c.clock), proxy.WithLog(c.log))
	if err != nil {
		running.Kill()
		return nil, nil, fmt.Errorf("CannotStartContainerError: driver failed programming external connectivity: %w", err)
	}
	return running, port, nil
}

// linksOf resolves the names of the containers that a container is linked with, which Docker writes into its /etc/hosts, and the names
// of its network.
func (c *Controller) linksOf(t ecs.Task, container ecs.Container) resolver.Lookup {
	return func(name string) (netip.Addr, bool) {
		for alias, linked := range container.Links {
			if strings.EqualFold(alias, name) {
				return t.ByName(linked).Address, true
			}
		}
		return c.databaseAddress(name)
	}
}

// stopTaskLocked ends a task's containers in the background as ECS does, each after those that depend on it.
func (c *Controller) stopTaskLocked(ctx context.Context, t ecs.Task, have *taskProcess) {
	switch {
	case have == nil:
		for _, container := range t.Containers {
			c.cloud.Update(func(m *cloud.Model) bool { return m.ECS.ContainerEnded(t.ID, container.Name, 0, "", m.Clock.Now()) })
		}
	case !have.stopping:
		have.stopping = true
		have.cancel()
		for _, container := range have.containers {
			if container.running != nil {
				c.work.Go(func() {
					have.awaitDependents(ctx, container.Name)
					_ = container.running.Stop(ctx) // fails only when the emulator ends before
				})
			}
		}
	}
}

// awaitDependents waits until the containers that depend on a container have ended.
func (t *taskProcess) awaitDependents(ctx context.Context, name string) {
	for _, other := range t.containers {
		if !slices.ContainsFunc(other.DependsOn, func(on ecs.Dependency) bool { return on.Container == name }) {
			continue
		}
		select {
		case <-other.ended:
		case <-ctx.Done():
			return
		}
	}
}

// containerFolder returns the folder of a container: root/ is its working folder, log/container.log its output.
func (c *Controller) containerFolder(task, name string) string {
	return filepath.Join(c.options.Folder, "tasks", task, name)
}
