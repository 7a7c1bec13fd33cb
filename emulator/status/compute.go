package status

import (
	"fmt"
	"slices"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/guest"
	"github.com/elastic-service/elastic-service/emulator/loopback"
)

func groups(m *cloud.Model) []api.Group {
	all := []api.Group{}
	for _, name := range m.AutoScaling.GroupNames() {
		g, found := m.AutoScaling.Group(name)
		if !found {
			continue
		}
		one := api.Group{
			Name: name, Min: g.Spec.Min, Desired: g.Desired, Max: g.Spec.Max, Healthy: m.AutoScaling.Capacity(name),
			Activities: []api.Activity{}, Refreshes: []api.Refresh{}, Alarms: []api.GroupAlarm{},
		}
		for _, a := range g.Activities {
			one.Activities = append(one.Activities, api.Activity{
				Description: a.Description, Cause: a.Cause, Status: a.Status, Message: a.Message, Instance: a.Instance,
				Start: a.Start, End: a.End,
			})
		}
		for _, r := range g.Refreshes {
			one.Refreshes = append(one.Refreshes, api.Refresh{
				ID: r.ID, Status: r.Status, Reason: r.Reason, Percent: r.Percent, ToUpdate: r.ToUpdate, Start: r.Start, End: r.End,
			})
		}
		for _, a := range g.Alarms() {
			one.Alarms = append(one.Alarms, api.GroupAlarm(a))
		}
		all = append(all, one)
	}
	return all
}

func instance(i ec2.Instance, health []elb.TargetHealth) api.Instance {
	one := api.Instance{
		ID: i.ID, State: string(i.State), Lifecycle: string(i.Lifecycle), Image: i.ImageID, Zone: i.Zone, Address: i.Address,
		Version: i.Version, Description: i.Reason, CPU: last(i.CPU), Launched: i.Launched,
	}
	targets := slices.DeleteFunc(slices.Clone(health), func(t elb.TargetHealth) bool { return t.ID != i.ID })
	if len(targets) == 0 {
		return one
	}
	worst := slices.MaxFunc(targets, func(a, b elb.TargetHealth) int {
		return slices.Index(severities, a.State) - slices.Index(severities, b.State)
	})
	one.Target, one.Description = string(worst.State), worst.Description
	if len(targets) > 1 && worst.Description != "" {
		one.Description = fmt.Sprintf("port %d: %s", worst.Port, worst.Description)
	}
	return one
}

// severities are the states of a target, the best first: an instance has the worst of its target groups.
var severities = []elb.TargetState{elb.TargetHealthy, elb.TargetInitial, elb.TargetUnused, elb.TargetDraining, elb.TargetUnhealthy}

func machineServices(found []guest.ServiceStatus) []api.MachineService {
	all := make([]api.MachineService, 0, len(found))
	for _, s := range found {
		all = append(all, api.MachineService{Name: s.Name, State: string(s.State), PID: s.PID, Restarts: s.Restarts, LastExit: s.LastExit})
	}
	return all
}

func task(t ecs.Task, health []elb.TargetHealth) api.Task {
	one := api.Task{
		ID: t.ID, Service: t.Service, Revision: t.Revision, Instance: t.Instance, State: string(t.State), Reason: t.Reason,
		Address: loopback.Address(t.Address), Port: t.HostPort, CPU: last(t.CPU), Started: t.Started,
	}
	for _, h := range health {
		if h.Instance == t.Instance && h.Port == t.HostPort && t.State != ecs.TaskStopped {
			one.Target, one.Description = string(h.State), h.Description
		}
	}
	return one
}

func services(m *cloud.Model) []api.Service {
	all := []api.Service{}
	for _, s := range m.ECS.DescribeServices() {
		one := api.Service{
			ARN: s.ARN, Name: s.Name, Cluster: s.Cluster, Status: s.Status, TaskDefinition: s.TaskDefinition,
			Desired: s.Desired, Running: s.Running, Pending: s.Pending, Steady: s.Steady,
			Deployments: []api.Deployment{}, Events: []api.ServiceEvent{},
		}
		for _, d := range s.Deployments {
			one.Deployments = append(one.Deployments, api.Deployment(d))
		}
		for _, e := range s.Events {
			one.Events = append(one.Events, api.ServiceEvent(e))
		}
		all = append(all, one)
	}
	return all
}

// last returns the newest of some points, or 0.
func last(points []float64) float64 {
	if len(points) == 0 {
		return 0
	}
	return points[len(points)-1]
}
