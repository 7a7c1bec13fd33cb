package emulator

import (
	"net/netip"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/dataplane"
)

// Status is what the emulator looks like to a person.
type Status struct {
	Region    string
	Speed     float64
	Time      time.Time // of the cloud
	Folder    string
	Balancers []BalancerStatus
	Groups    []GroupStatus
	Instances []InstanceStatus
	Skipped   []string // of user data: what needs a whole machine
}

// BalancerStatus is a listener of a balancer.
type BalancerStatus struct {
	Name    string
	Address string // where clients connect
	Failure string // why it doesn't take connections
	Flows   map[string]FlowStatus
}

// FlowStatus counts a target's flows through one listener.
type FlowStatus struct {
	Total, Refused uint64
	Active         int
}

// GroupStatus is an Auto Scaling group.
type GroupStatus struct {
	Name              string
	Min, Desired, Max int
	Healthy           int
	Activities        []cloud.Activity // the oldest first
	Refreshes         []cloud.Refresh  // the oldest first
	Alarms            []AlarmStatus
}

// AlarmStatus is an alarm of a policy.
type AlarmStatus struct {
	Name, State string
}

// InstanceStatus is an instance with its health.
type InstanceStatus struct {
	ID          string
	State       string
	Lifecycle   string
	Zone        string
	Address     netip.Addr // private
	Loopback    netip.Addr // where it is found on this machine
	Version     int        // of the launch template
	Target      string     // its state behind the balancer
	Description string     // why it isn't healthy
	CPU         float64    // percent, the last minute's
	Services    []dataplane.ServiceStatus
	Launched    time.Time
}

// Status describes what is there now.
func (e *Emulator) Status() Status {
	status := Status{
		Region: e.options.Region, Speed: e.options.Speed, Time: e.Cloud.Now(), Folder: e.options.Folder,
		Groups: e.groupStatus(), Instances: []InstanceStatus{},
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, forward := range e.Cloud.Forwards() {
		status.Balancers = append(status.Balancers, e.balancerStatus(forward))
	}
	skipped := map[string]bool{}
	health := map[string]cloud.TargetHealth{}
	for _, t := range e.Cloud.TargetHealth() {
		health[t.Instance] = t
	}
	for _, i := range e.Cloud.Instances() {
		one := InstanceStatus{
			ID: i.ID, State: string(i.State), Lifecycle: string(i.Lifecycle), Zone: i.Zone, Address: i.Address,
			Loopback: dataplane.Loopback(i.Address), Version: i.Version, Description: i.Reason, Launched: i.Launched,
		}
		if t, ok := health[i.ID]; ok {
			one.Target, one.Description = string(t.State), t.Description
		}
		if len(i.CPU) > 0 {
			one.CPU = i.CPU[len(i.CPU)-1]
		}
		if m := e.machines[i.ID]; m != nil && m.instance != nil {
			one.Services = m.instance.Services()
			for _, line := range m.instance.Skipped() {
				if !skipped[line] {
					skipped[line] = true
					status.Skipped = append(status.Skipped, line)
				}
			}
		}
		status.Instances = append(status.Instances, one)
	}
	return status
}

func (e *Emulator) balancerStatus(forward cloud.Forward) BalancerStatus {
	b := BalancerStatus{Name: forward.Name, Address: forward.Address.String(), Flows: map[string]FlowStatus{}}
	if forward.Blocked != nil {
		b.Failure = forward.Blocked.Error()
	}
	l := e.listeners[forward.Listener]
	if l == nil || l.proxy == nil {
		if l != nil && l.failure != "" {
			b.Failure = l.failure
		}
		return b
	}
	for id, s := range l.proxy.Stats() {
		b.Flows[id] = FlowStatus{Total: s.Flows, Active: s.Active, Refused: s.Refused}
	}
	return b
}

func (e *Emulator) groupStatus() []GroupStatus {
	var groups []GroupStatus
	for _, name := range e.Cloud.GroupNames() {
		g, _, ok := e.Cloud.Group(name)
		if !ok {
			continue
		}
		one := GroupStatus{
			Name: name, Min: g.Spec.Min, Desired: g.Desired, Max: g.Spec.Max, Healthy: e.Cloud.Capacity(name),
			Activities: g.Activities, Refreshes: g.Refreshes,
		}
		for _, p := range g.Alarms() {
			one.Alarms = append(one.Alarms, AlarmStatus(p))
		}
		groups = append(groups, one)
	}
	return groups
}
