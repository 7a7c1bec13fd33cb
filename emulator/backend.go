package emulator

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/analyzer"
	"github.com/elastic-service/elastic-service/emulator/cloud/fault"
	"github.com/elastic-service/elastic-service/emulator/dashboard"
	"github.com/elastic-service/elastic-service/emulator/provider"
	"github.com/elastic-service/elastic-service/emulator/status"
)

// backend answers the control API for an emulator that runs a stack.
type backend struct {
	*Emulator
	stack string
}

// Serve opens the control API and the dashboard of an emulator that runs a stack.
func (e *Emulator) Serve(address, stack string) (*api.Server, error) {
	return api.Serve(address, backend{e, stack}, func() (any, dashboard.Sample) {
		d := status.Dashboard(e.Status(), e.Cloud, stack)
		return d, status.Sample(d)
	})
}

// AWS answers the requests that are signed for AWS.
func (b backend) AWS() http.Handler { return b.aws.API }

func (b backend) Attachment() api.Attachment {
	return api.Attachment{
		Stack: b.stack, Stacks: b.Providers.Stacks(), Folder: b.options.Folder, Environment: b.Environment(),
	}
}

// Status describes everything that runs.
func (e *Emulator) Status() api.Status {
	s := status.Describe(e.Cloud, e.controller)
	s.Speed, s.Folder, s.Authority = e.options.Speed, e.options.Folder, e.authorityFile()
	return s
}

// Path answers whether a connection can be opened. The ends are named as [analyzer.Store.Trace] describes.
func (e *Emulator) Path(from, to string, port int) (api.Path, error) {
	path, err := cloud.Find(e.Cloud, func(m *cloud.Model) (analyzer.Path, error) { return m.Analyzer.Trace(from, to, port) })
	return status.Path(path), err
}

// Faults lists the actions, and the faults that last.
func (e *Emulator) Faults() api.Faults {
	running := cloud.Get(e.Cloud, func(m *cloud.Model) []fault.Fault { return m.Fault.List() })
	return api.Faults{Actions: status.FaultActions(fault.Actions()), Running: status.Faults(running)}
}

// StartFault starts a fault.
func (e *Emulator) StartFault(r api.FaultRequest) (api.Fault, error) {
	const year = 365 * 24 * time.Hour // more than any action allows, and less than a time.Duration can hold
	if !(r.Duration >= 0 && r.Duration <= year.Seconds()) {
		return api.Fault{}, fmt.Errorf("duration: %v s is not between 0 and a year", r.Duration)
	}
	started, err := e.controller.StartFault(fault.Spec{
		Action: r.Action, Target: r.Target, Duration: time.Duration(r.Duration * float64(time.Second)), Parameters: r.Parameters,
	})
	return api.Fault(started), err
}

// StopFault ends a fault before its time.
func (e *Emulator) StopFault(id string) error {
	return e.Cloud.Change(func(m *cloud.Model) error { return m.Fault.Stop(id) })
}

// TerminateInstance terminates an instance.
func (e *Emulator) TerminateInstance(id string) error {
	return e.Cloud.Change(func(m *cloud.Model) error { return m.EC2.TerminateInstance(id) })
}

// StopService stops a service of an instance as `systemctl stop` does: it stays stopped.
func (e *Emulator) StopService(instance, service string) error {
	return e.controller.StopService(instance, service)
}

// StopTask stops a task of ECS. Its service replaces it.
func (e *Emulator) StopTask(id string) error {
	return e.Cloud.Change(func(m *cloud.Model) error { return m.ECS.StopTask(id, "", m.Clock.Now()) })
}

// DeleteOrphans deletes the resources of a stack that an engine created and that are not known, and returns them.
func (e *Emulator) DeleteOrphans(ctx context.Context, stack string, known []api.Resource) ([]api.Resource, error) {
	kept := make([]provider.Resource, 0, len(known))
	for _, r := range known {
		kept = append(kept, provider.Resource(r))
	}
	deleted, err := e.Providers.DeleteOrphans(ctx, stack, kept)
	all := make([]api.Resource, 0, len(deleted))
	for _, r := range deleted {
		all = append(all, api.Resource(r))
	}
	return all, err
}
