package status

import (
	"maps"
	"slices"

	"github.com/elastic-service/elastic-service/emulator/api"
	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/dashboard"
)

// Dashboard adds to a status what only the dashboard shows.
func Dashboard(s api.Status, c *cloud.Cloud, stack string) api.DashboardStatus {
	var d api.DashboardStatus
	c.View(func(m *cloud.Model) { d = extend(s, m) })
	d.Stack = stack
	return d
}

func extend(s api.Status, m *cloud.Model) api.DashboardStatus {
	d := api.DashboardStatus{
		Status: s, Zones: zones(m), Subnets: map[string]string{}, Members: map[string]string{},
		Policies: map[string][]api.Policy{},
	}
	for _, i := range m.EC2.DescribeInstances() {
		d.Members[i.ID], d.Subnets[i.Subnet] = i.Group, i.Zone
	}
	for _, name := range m.AutoScaling.GroupNames() {
		g, _ := m.AutoScaling.Group(name)
		for _, subnet := range g.Spec.Subnets {
			if _, known := d.Subnets[subnet]; !known {
				d.Subnets[subnet] = ""
			}
		}
		for _, key := range slices.Sorted(maps.Keys(g.Policies)) {
			d.Policies[name] = append(d.Policies[name], policy(g, g.Policies[key]))
		}
	}
	return d
}

func policy(g autoscaling.Group, p *autoscaling.Policy) api.Policy {
	one := api.Policy{
		Name: p.Name, Type: p.Type, Warmup: g.WarmupOf(p).Seconds(), Disabled: p.Disabled, Target: p.Target, Adjustment: p.Adjustment,
		Steps: []api.Step{},
	}
	for _, s := range p.Steps {
		one.Steps = append(one.Steps, api.Step(s))
	}
	return one
}

// zones lists the zones of balancers and instances.
func zones(m *cloud.Model) []string {
	found := map[string]bool{}
	for _, forward := range m.ELB.Forwards() {
		for _, zone := range forward.Zones {
			found[zone] = true
		}
	}
	for _, i := range m.EC2.DescribeInstances() {
		found[i.Zone] = true
	}
	return slices.Sorted(maps.Keys(found))
}

// Sample returns what the charts are drawn from.
func Sample(d api.DashboardStatus) dashboard.Sample {
	s := dashboard.Sample{
		Time: d.Time, Requests: map[string]uint64{}, CPU: map[string]float64{}, Tasks: map[string]float64{},
		Groups: map[string]dashboard.Capacity{},
	}
	for _, b := range d.Balancers {
		for id, f := range b.Flows {
			s.Requests[id] += f.Total
			s.Refused += f.Refused
		}
	}
	inService := map[string]int{}
	for _, i := range d.Instances {
		if i.State == string(ec2.Running) {
			s.CPU[i.ID] = i.CPU
		}
		if i.Lifecycle == string(ec2.LifecycleInService) {
			inService[d.Members[i.ID]]++
		}
	}
	for _, t := range d.Tasks {
		if t.State == string(ecs.TaskRunning) {
			s.Tasks[t.ID] = t.CPU
		}
	}
	for _, g := range d.Groups {
		s.Groups[g.Name] = dashboard.Capacity{Min: g.Min, Desired: g.Desired, Max: g.Max, InService: inService[g.Name]}
	}
	return s
}
