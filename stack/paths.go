package stack

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/network"
)

// pathsComponent is the rules of security groups between components.
var pathsComponent = component{add: (*plan).addPaths}

// path is a TCP port, or a range of them, from one security group to another.
type path struct {
	name        string
	parent      pulumi.Resource
	after       []pulumi.Resource
	from, to    pulumi.StringInput
	port, last  int // last is 0 for a single port
	description string
}

// ECS chooses the host's port of a container from this range (ECS: "PortMapping").
const (
	firstDynamicPort = 32768
	lastDynamicPort  = 65535
)

// addPaths opens the paths from the balancer to the instances, for the services and for the health checks, and from the
// instances to the database. Those of the balancer wait for its target groups: where a protected group refuses another port,
// the present port stays open.
func (p *plan) addPaths(ctx *pulumi.Context, c *components) error {
	from, to := c.balancer.SecurityGroupID, c.template.SecurityGroupID
	var targets []pulumi.Resource
	for _, group := range c.balancer.TargetGroups {
		targets = append(targets, group.Resource)
	}
	var paths []path
	for i, t := range p.settings.AllTargets() {
		service := path{
			name: "service", parent: c.balancer, after: targets[i : i+1], from: from, to: to, port: t.Port,
			description: "Connections of clients",
		}
		if t.Name != "" {
			service.name = t.Name + "-service"
		}
		if p.settings.Containers != nil {
			service.port, service.last = firstDynamicPort, lastDynamicPort
		}
		paths = append(paths, service)
	}
	for _, port := range p.checkedPorts() { // named by port: a rule stays when its port becomes the former one
		paths = append(paths, path{
			name: fmt.Sprintf("health-%d", port), parent: c.balancer, after: targets, from: from, to: to, port: port,
			description: "Health checks",
		})
	}
	if c.database != nil {
		paths = append(paths, path{
			name: "database", parent: c.database, from: c.template.SecurityGroupID, to: c.database.SecurityGroupID,
			port: c.database.Port, description: "Queries",
		})
	}
	return p.allow(ctx, c, paths...)
}

func (p *plan) allow(ctx *pulumi.Context, c *components, paths ...path) error {
	for _, path := range paths {
		pair, err := network.Allow(ctx, p.settings.Service+"-"+path.name, &network.AllowArgs{
			From: path.from, To: path.to, Port: path.port, ToPort: path.last,
			Description: path.description, Tags: p.tags,
		}, pulumi.Parent(path.parent), pulumi.DependsOn(path.after))
		if err != nil {
			return err
		}
		c.paths = append(c.paths, pair...)
	}
	return nil
}
