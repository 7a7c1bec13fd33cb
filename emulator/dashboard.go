package emulator

import (
	"maps"
	"slices"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/autoscaling"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/ecs"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/dashboard"
)

// view is a status with what only its page needs.
type view struct {
	Status
	Stack    string
	Zones    []string                        // of balancers and instances
	Subnets  map[string]string               // of groups and instances, with their zones where instances tell them
	Members  map[string]string               // groups of instances
	Policies map[string][]autoscaling.Policy // of groups
}

// dashboardSource is what the page of a stack's emulator shows.
func (e *Emulator) dashboardSource(stack string) dashboard.Source {
	return func() (any, dashboard.Sample) {
		v := view{
			Status: e.Status(), Stack: stack, Zones: e.zones(), Subnets: map[string]string{}, Members: map[string]string{},
			Policies: map[string][]autoscaling.Policy{},
		}
		for _, i := range cloud.Get(e.Cloud, func(m *cloud.Model) []ec2.Instance { return m.EC2.DescribeInstances() }) {
			v.Members[i.ID], v.Subnets[i.Subnet] = i.Group, i.Zone
		}
		for _, name := range cloud.Get(e.Cloud, func(m *cloud.Model) []string { return m.AutoScaling.GroupNames() }) {
			g, _ := cloud.Find(e.Cloud, func(m *cloud.Model) (autoscaling.Group, bool) { return m.AutoScaling.Group(name) })
			for _, subnet := range g.Spec.Subnets {
				if _, known := v.Subnets[subnet]; !known {
					v.Subnets[subnet] = ""
				}
			}
			for _, policy := range slices.Sorted(maps.Keys(g.Policies)) {
				v.Policies[name] = append(v.Policies[name], *g.Policies[policy])
			}
		}
		return v, v.sample()
	}
}

func (e *Emulator) zones() []string {
	zones := map[string]bool{}
	for _, forward := range cloud.Get(e.Cloud, func(m *cloud.Model) []elb.Forward { return m.ELB.Forwards() }) {
		for _, zone := range forward.Zones {
			zones[zone] = true
		}
	}
	for _, i := range cloud.Get(e.Cloud, func(m *cloud.Model) []ec2.Instance { return m.EC2.DescribeInstances() }) {
		zones[i.Zone] = true
	}
	return slices.Sorted(maps.Keys(zones))
}

func (v view) sample() dashboard.Sample {
	s := dashboard.Sample{
		Time: v.Time, Requests: map[string]uint64{}, CPU: map[string]float64{}, Tasks: map[string]float64{},
		Groups: map[string]dashboard.Capacity{},
	}
	for _, b := range v.Balancers {
		for id, f := range b.Flows {
			s.Requests[id] += f.Total
			s.Refused += f.Refused
		}
	}
	inService := map[string]int{}
	for _, i := range v.Instances {
		if i.State == string(ec2.Running) {
			s.CPU[i.ID] = i.CPU
		}
		if i.Lifecycle == string(ec2.LifecycleInService) {
			inService[v.Members[i.ID]]++
		}
	}
	for _, t := range v.Tasks {
		if t.State == string(ecs.TaskRunning) {
			s.Tasks[t.ID] = t.CPU
		}
	}
	for _, g := range v.Groups {
		s.Groups[g.Name] = dashboard.Capacity{Min: g.Min, Desired: g.Desired, Max: g.Max, InService: inService[g.Name]}
	}
	return s
}
