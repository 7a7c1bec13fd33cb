package controller

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/fault"
	"github.com/elastic-service/elastic-service/emulator/guest"
)

// StartFault starts a fault in the model, and carries it out if it is over at once.
func (c *Controller) StartFault(spec fault.Spec) (fault.Fault, error) {
	f, err := cloud.Make(c.cloud, func(m *cloud.Model) (fault.Fault, error) { return m.Fault.Start(spec, m.Clock.Now()) })
	if err == nil && f.Action == fault.KillProcess {
		err = c.killProcess(f)
	}
	if err == nil {
		c.log.Info("fault started", "id", f.ID, "action", f.Action, "target", f.Target, "until", f.Until)
	}
	return f, err
}

func (c *Controller) killProcess(f fault.Fault) error {
	running := c.runningInstance(f.Target)
	if running == nil {
		return fmt.Errorf("instance %q has not booted", f.Target)
	}
	return running.SignalProcess(f.Parameters[fault.ParameterProcess], unix.SignalNum(f.Parameters[fault.ParameterSignal]))
}

// reconcileFaults puts instances under CPU stress where a fault wants it, and ends the stress with the fault. The model alone
// carries out the other faults that last.
func (c *Controller) reconcileFaults() {
	c.mu.Lock()
	defer c.mu.Unlock()
	wanted := map[string]bool{}
	for _, f := range cloud.Get(c.cloud, func(m *cloud.Model) []fault.Fault { return m.Fault.List() }) {
		p := c.instances[f.Target]
		if f.Action != fault.StressCPU || p == nil || p.running == nil || p.stopping {
			continue
		}
		wanted[f.ID] = true
		if _, started := c.stresses[f.ID]; !started {
			c.stresses[f.ID] = c.startStress(f, p)
		}
	}
	for id, stress := range c.stresses {
		if wanted[id] {
			continue
		}
		delete(c.stresses, id)
		if stress != nil {
			c.work.Go(stress.Stop)
		}
	}
}

// startStress puts an instance under stress. It returns nil where that fails, so that it is tried and logged once.
func (c *Controller) startStress(f fault.Fault, p *instanceProcess) *guest.Stress {
	i, err := cloud.Find(c.cloud, func(m *cloud.Model) (ec2.Instance, error) { return m.EC2.Instance(f.Target) })
	if err != nil {
		return nil
	}
	stress, err := p.running.Stress(f.VirtualCPUs(i.Type) * coresPerCPU)
	if err != nil {
		c.log.Error("instance was not put under CPU stress", "fault", f.ID, "instance", f.Target, "error", err)
		return nil
	}
	return stress
}
