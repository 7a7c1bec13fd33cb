package emulator

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/s3"
)

// machine is an instance that was booted, or is being booted or shut down.
type machine struct {
	cancel   context.CancelFunc
	instance instance // nil until it has booted
	stopping bool
	cpu      meter
}

func (m *machine) kill() {
	m.cancel()
	if m.instance != nil {
		m.instance.Kill()
	}
}

// followInstances boots what should run and doesn't, and shuts down what shouldn't and does.
func (e *Emulator) followInstances(ctx context.Context) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, i := range cloud.Get(e.Cloud, func(m *cloud.Model) []ec2.Instance { return m.EC2.DescribeInstances() }) {
		m := e.machines[i.ID]
		switch {
		case m == nil && (i.State == ec2.Pending || i.State == ec2.Running):
			e.boot(ctx, i)
		case m == nil && i.State == ec2.ShuttingDown:
			e.Cloud.Update(func(m *cloud.Model) bool { return m.EC2.InstanceEnded(i.ID, "", m.Clock.Now()) })
		case m != nil && i.State == ec2.ShuttingDown && !m.stopping:
			e.shutDown(ctx, i, m)
		}
	}
}

// boot starts an instance in the background. The lock is held.
func (e *Emulator) boot(ctx context.Context, i ec2.Instance) {
	ctx, cancel := context.WithCancel(ctx)
	m := &machine{cancel: cancel, cpu: meter{at: time.Now()}}
	e.machines[i.ID] = m
	e.work.Add(1)
	go func() {
		defer e.work.Done()
		instance, err := e.runtime.boot(ctx, i)
		e.mu.Lock()
		defer e.mu.Unlock()
		if err != nil {
			delete(e.machines, i.ID)
			if ctx.Err() == nil {
				e.options.Log.Error("instance failed to boot", "instance", i.ID, "error", err)
				e.Cloud.Update(func(m *cloud.Model) bool {
					return m.EC2.InstanceEnded(i.ID, "Server.InternalError: "+err.Error(), m.Clock.Now())
				})
			}
			return
		}
		m.instance = instance
		if ctx.Err() != nil {
			instance.Kill()
			return
		}
		e.Cloud.Update(func(m *cloud.Model) bool { return m.EC2.InstanceRunning(i.ID) })
	}()
}

// shutDown ends an instance as systemd does, or at once if its power is cut, in the background. The lock is held.
func (e *Emulator) shutDown(ctx context.Context, i ec2.Instance, m *machine) {
	id := i.ID
	m.stopping = true
	e.work.Add(1)
	go func() {
		defer e.work.Done()
		defer m.cancel()
		switch {
		case m.instance == nil:
		case i.PowerCut:
			m.instance.Kill()
		default:
			if err := m.instance.Shutdown(ctx); err != nil {
				e.options.Log.Warn("instance was killed", "instance", id, "error", err)
				m.instance.Kill()
			}
		}
		if err := e.runtime.remove(id); err != nil { // its volumes; the logs stay
			e.options.Log.Warn("volume was not deleted", "instance", id, "error", err)
		}
		e.mu.Lock()
		delete(e.machines, id)
		e.mu.Unlock()
		e.Cloud.Update(func(m *cloud.Model) bool { return m.EC2.InstanceEnded(id, "", m.Clock.Now()) })
	}()
}

// StopService stops a service of an instance as `systemctl stop` does: it stays stopped.
func (e *Emulator) StopService(instance, service string) error {
	e.mu.Lock()
	m := e.machines[instance]
	e.mu.Unlock()
	if m == nil || m.instance == nil {
		return fmt.Errorf("instance %q does not run", instance)
	}
	return m.instance.StopService(service)
}

func (e *Emulator) folder(instance string) string {
	return filepath.Join(e.options.Folder, "instances", instance)
}

// fetch reads an object with the rights of an instance.
func (e *Emulator) fetch(instance, bucket, key string) (io.ReadCloser, error) {
	object, err := cloud.Find(e.Cloud, func(m *cloud.Model) (s3.Object, error) { return m.EC2.Object(instance, bucket, key) })
	if err != nil {
		return nil, err
	}
	return os.Open(object.Source)
}

// sweep deletes the volumes of instances that are gone: of those that an emulator which was killed had no time to save or
// to delete.
func (e *Emulator) sweep() {
	keeps := map[string]bool{}
	for _, i := range cloud.Get(e.Cloud, func(m *cloud.Model) []ec2.Instance { return m.EC2.DescribeInstances() }) {
		keeps[i.ID] = i.State != ec2.Terminated
	}
	folders, err := os.ReadDir(filepath.Join(e.options.Folder, "instances"))
	if err != nil {
		return // there is none yet
	}
	for _, folder := range folders {
		if !keeps[folder.Name()] {
			volume := filepath.Join(e.folder(folder.Name()), "root")
			if err := os.RemoveAll(volume); err != nil {
				e.options.Log.Warn("volume was not deleted", "instance", folder.Name(), "error", err)
			}
		}
	}
}
