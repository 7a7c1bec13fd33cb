package controller

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/runtime"
)

// instanceProcess is an instance that was booted, or is being booted or shut down.
type instanceProcess struct {
	reboots  int // that were asked for before it was booted
	cancel   context.CancelFunc
	running  runtime.Instance // nil until it has booted
	stopping bool
	cpu      meter
}

func (p *instanceProcess) kill() {
	p.cancel()
	if p.running != nil {
		p.running.Kill()
	}
}

// reconcileInstances boots the instances that should run and do not, and shuts down those that should not and do.
func (c *Controller) reconcileInstances(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, i := range cloud.Get(c.cloud, func(m *cloud.Model) []ec2.Instance { return m.EC2.DescribeInstances() }) {
		have := c.instances[i.ID]
		switch {
		case have == nil && i.IsOn():
			c.bootLocked(ctx, i)
		case have == nil && i.State == ec2.ShuttingDown: // it was stopped, or the emulator was
			c.removeVolumes(i.ID)
			c.endedLocked(i.ID)
		case have == nil && i.State == ec2.Stopping:
			c.endedLocked(i.ID)
		case have == nil || have.stopping:
		case !i.IsOn():
			c.shutDownLocked(ctx, i, have)
		case i.State == ec2.Running && i.Reboots != have.reboots:
			c.rebootLocked(ctx, i, have)
		}
	}
}

// bootLocked boots an instance in the background.
func (c *Controller) bootLocked(ctx context.Context, i ec2.Instance) {
	ctx, cancel := context.WithCancel(ctx)
	p := &instanceProcess{reboots: i.Reboots, cancel: cancel, cpu: meter{at: time.Now()}}
	c.instances[i.ID] = p
	c.work.Go(func() {
		running, err := c.runtime.Boot(ctx, c.specOf(i))
		c.mu.Lock()
		defer c.mu.Unlock()
		if err != nil {
			delete(c.instances, i.ID)
			if ctx.Err() == nil {
				c.log.Error("instance failed to boot", "instance", i.ID, "error", err)
				c.cloud.Update(func(m *cloud.Model) bool {
					return m.EC2.InstanceEnded(i.ID, "Server.InternalError: "+err.Error(), m.Clock.Now())
				})
			}
			return
		}
		p.running = running
		if ctx.Err() != nil {
			running.Kill()
			return
		}
		c.cloud.Update(func(m *cloud.Model) bool { return m.EC2.InstanceRunning(i.ID) })
	})
}

func (c *Controller) specOf(i ec2.Instance) runtime.Spec {
	spec := runtime.Spec{
		ID: i.ID, Address: i.Address, Subnet: i.Subnet, Directory: c.instanceFolder(i.ID), Image: c.imageOf(i), ImageID: i.ImageID,
		Type: i.Type, UserData: i.Script(),
	}
	spec.Role = c.roleOf(i.ID)
	return spec
}

// shutDownLocked ends an instance in the background: as systemd does, or at once if its power is cut. Its volumes go unless it is
// only stopped.
func (c *Controller) shutDownLocked(ctx context.Context, i ec2.Instance, p *instanceProcess) {
	p.stopping = true
	c.work.Go(func() {
		defer p.cancel()
		c.powerOff(ctx, i, p)
		stopped := c.instanceState(i.ID) == ec2.Stopping
		if !stopped {
			c.removeVolumes(i.ID)
		}
		c.mu.Lock()
		c.endedLocked(i.ID)
		delete(c.instances, i.ID)
		c.mu.Unlock()
		if stopped && c.instanceState(i.ID) == ec2.Terminated { // in the meantime it was to be terminated
			c.removeVolumes(i.ID)
		}
	})
}

// rebootLocked ends an instance in the background, and the containers on it. The next look at the model finds that it should run,
// and boots it.
func (c *Controller) rebootLocked(ctx context.Context, i ec2.Instance, p *instanceProcess) {
	p.stopping = true
	for _, t := range c.tasks {
		if t.instance == i.ID {
			c.work.Go(t.killLocked())
		}
	}
	c.work.Go(func() {
		defer p.cancel()
		c.powerOff(ctx, i, p)
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.instances, i.ID)
	})
}

// powerOff ends all processes of an instance.
func (c *Controller) powerOff(ctx context.Context, i ec2.Instance, p *instanceProcess) {
	switch {
	case p.running == nil:
	case i.PowerCut:
		p.running.Kill()
	default:
		if err := p.running.Shutdown(ctx); err != nil {
			c.log.Warn("instance did not shut down in time and was killed", "instance", i.ID, "error", err)
			p.running.Kill()
		}
	}
}

// endedLocked reports that nothing of an instance runs any more.
func (c *Controller) endedLocked(id string) {
	c.cloud.Update(func(m *cloud.Model) bool { return m.EC2.InstanceEnded(id, "", m.Clock.Now()) })
}

// instanceState returns the state of an instance, or "".
func (c *Controller) instanceState(id string) ec2.InstanceState {
	i, _ := cloud.Find(c.cloud, func(m *cloud.Model) (ec2.Instance, error) { return m.EC2.Instance(id) }) // "" if there is none
	return i.State
}

func (c *Controller) removeVolumes(id string) {
	if err := c.runtime.RemoveVolumes(c.instanceFolder(id)); err != nil {
		c.log.Warn("volumes of an instance were not deleted", "instance", id, "error", err)
	}
}

// runningInstance returns an instance that has booted, or nil.
func (c *Controller) runningInstance(id string) runtime.Instance {
	c.mu.Lock()
	defer c.mu.Unlock()
	if p := c.instances[id]; p != nil {
		return p.running
	}
	return nil
}

// StopService stops a service of an instance as `systemctl stop` does: it stays stopped.
func (c *Controller) StopService(instance, service string) error {
	running := c.runningInstance(instance)
	if running == nil {
		return fmt.Errorf("instance %q does not run", instance)
	}
	return running.StopService(service)
}

func (c *Controller) instanceFolder(id string) string {
	return filepath.Join(c.options.Folder, "instances", id)
}

// removeOldVolumes deletes the volumes of instances that do not exist any more: an emulator that was killed had no time to
// delete them, or to save that the instances had been launched.
func (c *Controller) removeOldVolumes() {
	exists := map[string]bool{}
	for _, i := range cloud.Get(c.cloud, func(m *cloud.Model) []ec2.Instance { return m.EC2.DescribeInstances() }) {
		exists[i.ID] = i.State != ec2.Terminated
	}
	folders, err := os.ReadDir(filepath.Join(c.options.Folder, "instances"))
	if err != nil {
		return // no instance has been launched yet
	}
	for _, folder := range folders {
		if exists[folder.Name()] {
			continue
		}
		if err := os.RemoveAll(filepath.Join(c.instanceFolder(folder.Name()), "root")); err != nil {
			c.log.Warn("volumes of an instance were not deleted", "instance", folder.Name(), "error", err)
		}
	}
}
