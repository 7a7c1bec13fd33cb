package controller

import (
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
)

// coresPerCPU is the part of a core of this machine that counts as one emulated virtual CPU. It is a tenth, so that a laptop can
// bring several instances to full load at once, and an idle service still is idle.
const coresPerCPU = 0.1

// unitsPerCPU is the number of CPU units into which ECS divides a virtual CPU.
const unitsPerCPU = 1024

// meter turns processor time, which only grows, into the number of cores in use since the last call of cores.
type meter struct {
	used time.Duration
	at   time.Time // real time
}

func (m *meter) cores(used time.Duration, now time.Time) float64 {
	elapsed, spent := now.Sub(m.at), used-m.used
	m.used, m.at = used, now
	if elapsed <= 0 {
		return 0
	}
	return float64(spent) / float64(elapsed)
}

// percentOf returns a use of cores in percent of virtual CPUs.
func percentOf(cores, virtualCPUs float64) float64 { return 100 * cores / (virtualCPUs * coresPerCPU) }

// Measure records the CPU that each task and each instance, with the tasks on it, has used since the last call, the memory of the tasks,
// and what databases use.
func (c *Controller) Measure() {
	c.measureDatabases()
	c.mu.Lock()
	defer c.mu.Unlock()
	types := map[string]string{}
	for _, i := range cloud.Get(c.cloud, func(m *cloud.Model) []ec2.Instance { return m.EC2.DescribeInstances() }) {
		types[i.ID] = i.Type
	}
	ofTasks := c.measureTasksLocked(types)
	for _, i := range cloud.Get(c.cloud, func(m *cloud.Model) []ec2.Instance { return m.EC2.DescribeInstances() }) {
		p := c.instances[i.ID]
		if p == nil || p.running == nil || i.State != ec2.Running {
			continue
		}
		cores := p.cpu.cores(p.running.CPUTime(), time.Now()) + ofTasks[i.ID]
		c.cloud.Update(func(m *cloud.Model) bool {
			return m.EC2.RecordCPU(i.ID, min(100, percentOf(cores, float64(ec2.VirtualCPUs(i.Type)))), m.Clock.Now())
		})
	}
}

// measureTasksLocked returns the cores that tasks used, by their instances. A task may use more than it reserves, as on ECS,
// but not more than its instance has. A task that reserves nothing is measured against its instance.
func (c *Controller) measureTasksLocked(types map[string]string) map[string]float64 {
	cores := map[string]float64{}
	for _, t := range cloud.Get(c.cloud, func(m *cloud.Model) []ecs.Task { return m.ECS.DescribeTasks() }) {
		p := c.tasks[t.ID]
		if p == nil {
			continue
		}
		spent, memory := p.useLocked()
		all := float64(ec2.VirtualCPUs(types[t.Instance]))
		used := min(p.cpu.cores(spent, time.Now()), all*coresPerCPU)
		cores[t.Instance] += used
		reserved := float64(t.CPUUnits) / unitsPerCPU
		if reserved == 0 {
			reserved = all
		}
		c.cloud.Update(func(m *cloud.Model) bool {
			return m.ECS.RecordTaskUse(t.ID, percentOf(used, reserved), memory, m.Clock.Now())
		})
	}
	return cores
}
