package emulator

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/cloudwatch"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/events"
	"github.com/elastic-service/elastic-service/emulator/cloud/fault"
	"github.com/elastic-service/elastic-service/emulator/guest"
	"github.com/elastic-service/elastic-service/emulator/loopback"
)

// Status is what the emulator looks like to a person.
type Status struct {
	Region    string
	Speed     float64
	Time      time.Time // of the cloud
	Folder    string
	Authority string // file with the certificate that clients of TLS and HTTPS listeners have to trust
	Balancers []BalancerStatus
	Groups    []GroupStatus
	Instances []InstanceStatus
	Services  []ecs.ServiceStatus // of ECS
	Tasks     []TaskStatus        // those that stopped within the last hour included, the oldest first
	Alarms    []cloudwatch.Alarm
	Faults    []fault.Fault // that last, the oldest first

	Notifications []events.Notification // the oldest first

	Skipped []string // of user data and images: what needs a whole machine
	Moved   []string // ports that are elsewhere here
}

// BalancerStatus is a listener of a balancer.
type BalancerStatus struct {
	Name     string
	Kind     string // network or application
	Protocol string // TCP, TLS, HTTP or HTTPS
	Address  string // where clients connect
	Redirect string // where they are sent, e.g. HTTPS:443
	Failure  string // why it doesn't take connections
	Flows    map[string]FlowStatus
}

// FlowStatus counts a target's flows, or its requests, through one listener. Requests without a target are those of "".
type FlowStatus struct {
	Total, Refused uint64
	Active         int
	Statuses       [6]uint64 // of requests, the target's answers by their first digit: Statuses[2] are 200 to 299
}

// GroupStatus is an Auto Scaling group.
type GroupStatus struct {
	Name              string
	Min, Desired, Max int
	Healthy           int
	Activities        []autoscaling.Activity // the oldest first
	Refreshes         []autoscaling.Refresh  // the oldest first
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
	Image       string
	Zone        string
	Address     netip.Addr // private
	Loopback    netip.Addr // where it is found on this machine
	Version     int        // of the launch template
	Target      string     // its state behind the balancer
	Description string     // why it isn't healthy
	CPU         float64    // percent, the last minute's
	Services    []guest.ServiceStatus
	Launched    time.Time
}

// TaskStatus is a task of ECS with its health.
type TaskStatus struct {
	ID, Service string
	Revision    int
	Instance    string
	State       string
	Reason      string     // why it stops or stopped
	Address     netip.Addr // where its container is found on this machine
	Port        int        // of its instance
	Target      string     // its state behind the balancer
	Description string     // why it isn't healthy
	CPU         float64    // percent of what it reserves, the last minute's
	Started     time.Time
}

// Status describes what is there now.
func (e *Emulator) Status() Status {
	status := Status{
		Region: e.options.Region, Speed: e.options.Speed, Time: e.Cloud.Now(), Folder: e.options.Folder, Authority: e.authorityFile(),
		Groups: e.groupStatus(), Instances: []InstanceStatus{}, Services: cloud.Get(e.Cloud, func(m *cloud.Model) []ecs.ServiceStatus { return m.ECS.DescribeServices() }), Alarms: cloud.Get(e.Cloud, func(m *cloud.Model) []cloudwatch.Alarm { return m.CloudWatch.DescribeAlarms() }),
		Notifications: cloud.Get(e.Cloud, func(m *cloud.Model) []events.Notification { return m.Events.ListNotifications() }), Faults: cloud.Get(e.Cloud, func(m *cloud.Model) []fault.Fault { return m.Fault.List() }),
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	health := cloud.Get(e.Cloud, func(m *cloud.Model) []elb.TargetHealth { return m.ELB.DescribeTargetHealth() })
	forwards := cloud.Get(e.Cloud, func(m *cloud.Model) []elb.Forward { return m.ELB.Forwards() })
	for _, forward := range forwards {
		status.Balancers = append(status.Balancers, e.balancerStatus(forward))
	}
	for _, i := range cloud.Get(e.Cloud, func(m *cloud.Model) []ec2.Instance { return m.EC2.DescribeInstances() }) {
		status.Instances = append(status.Instances, e.instanceStatus(i, health))
	}
	for _, t := range cloud.Get(e.Cloud, func(m *cloud.Model) []ecs.Task { return m.ECS.DescribeTasks() }) {
		status.Tasks = append(status.Tasks, taskStatus(t, health))
	}
	status.Skipped = e.skipped()
	status.Moved = moved(forwards, cloud.Get(e.Cloud, func(m *cloud.Model) []elb.ProbeTarget { return m.ELB.ProbeTargets() }))
	return status
}

func (e *Emulator) instanceStatus(i ec2.Instance, health []elb.TargetHealth) InstanceStatus {
	one := InstanceStatus{
		ID: i.ID, State: string(i.State), Lifecycle: string(i.Lifecycle), Image: i.ImageID, Zone: i.Zone, Address: i.Address,
		Loopback: e.runtime.found(i.Address), Version: i.Version, Description: i.Reason, CPU: last(i.CPU), Launched: i.Launched,
	}
	for _, t := range health {
		if t.ID == i.ID {
			one.Target, one.Description = string(t.State), t.Description
		}
	}
	if m := e.machines[i.ID]; m != nil && m.instance != nil {
		one.Services = m.instance.Services()
	}
	return one
}

func taskStatus(t ecs.Task, health []elb.TargetHealth) TaskStatus {
	one := TaskStatus{
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

func last(points []float64) float64 {
	if len(points) == 0 {
		return 0
	}
	return points[len(points)-1]
}

// skipped says what is not done here, each thing once. The lock is held.
func (e *Emulator) skipped() []string {
	var lines []string
	for _, m := range e.machines {
		if m.instance != nil {
			lines = append(lines, m.instance.Skipped()...)
		}
	}
	for _, t := range cloud.Get(e.Cloud, func(m *cloud.Model) []ecs.Task { return m.ECS.DescribeTasks() }) {
		if e.tasks[t.ID] != nil {
			lines = append(lines, fmt.Sprintf("image %s is not pulled: its command runs with this machine's programs", t.Image))
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// moved says which of the ports in use are root's, and where they are instead.
func moved(forwards []elb.Forward, probed []elb.ProbeTarget) []string {
	ports := map[uint16]bool{}
	for _, forward := range forwards {
		ports[forward.Address.Port()] = true
		for _, t := range forward.Targets {
			ports[t.Address.Port()] = true
		}
	}
	for _, target := range probed {
		ports[uint16(target.Port)] = true
	}
	var lines []string
	for _, port := range slices.Sorted(maps.Keys(ports)) {
		if at := loopback.Port(port); at != port {
			lines = append(lines, fmt.Sprintf("port %d is root's here: it is at %d", port, at))
		}
	}
	return lines
}

func (e *Emulator) balancerStatus(forward elb.Forward) BalancerStatus {
	at := netip.AddrPortFrom(forward.Address.Addr(), loopback.Port(forward.Address.Port()))
	b := BalancerStatus{
		Name: forward.Name, Kind: forward.Kind, Protocol: forward.Protocol, Address: at.String(), Flows: map[string]FlowStatus{},
	}
	if r := forward.Redirect; r != nil {
		b.Redirect = fmt.Sprintf("%s:%d", r.Protocol, r.Port)
	}
	if forward.Blocked != nil {
		b.Failure = forward.Blocked.Error()
	}
	l := e.listeners[forward.Listener]
	switch {
	case l == nil:
	case l.flows != nil:
		for id, s := range l.flows.Stats() {
			b.Flows[id] = FlowStatus{Total: s.Flows, Active: s.Active, Refused: s.Refused}
		}
	case l.requests != nil:
		for id, s := range l.requests.Stats() {
			b.Flows[id] = FlowStatus{Total: s.Requests, Active: s.Active, Refused: s.Errors, Statuses: s.Statuses}
		}
	case l.failure != "":
		b.Failure = l.failure
	}
	return b
}

func (e *Emulator) groupStatus() []GroupStatus {
	var groups []GroupStatus
	for _, name := range cloud.Get(e.Cloud, func(m *cloud.Model) []string { return m.AutoScaling.GroupNames() }) {
		g, ok := cloud.Find(e.Cloud, func(m *cloud.Model) (autoscaling.Group, bool) { return m.AutoScaling.Group(name) })
		if !ok {
			continue
		}
		one := GroupStatus{
			Name: name, Min: g.Spec.Min, Desired: g.Desired, Max: g.Spec.Max, Healthy: cloud.Get(e.Cloud, func(m *cloud.Model) int { return m.AutoScaling.Capacity(name) }),
			Activities: g.Activities, Refreshes: g.Refreshes,
		}
		for _, p := range g.Alarms() {
			one.Alarms = append(one.Alarms, AlarmStatus(p))
		}
		groups = append(groups, one)
	}
	return groups
}
