package stack

import (
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/containers"
)

func (p *plan) hasContainers() bool { return p.settings.Containers != nil }

// clusterComponent is the ECS cluster that the instances join.
var clusterComponent = component{
	wanted: (*plan).hasContainers,
	add: func(p *plan, ctx *pulumi.Context, c *components) (err error) {
		c.cluster, err = containers.NewCluster(ctx, p.settings.Service, &containers.ClusterArgs{Tags: p.tags})
		return err
	},
}

// containersComponent is the service of containers on the group's instances.
var containersComponent = component{
	section:  "containers",
	reads:    []string{"service", "scaling"},
	wanted:   (*plan).hasContainers,
	validate: func(p *plan) error { return p.containersArgs().ValidatePlain() },
	add: func(p *plan, ctx *pulumi.Context, c *components) (err error) {
		args := p.containersArgs()
		args.Secrets = containerSecrets(c, "", p.settings.Containers.Secrets)
		for i, s := range p.settings.Containers.Sidecars {
			args.Sidecars[i].Secrets = containerSecrets(c, s.Name, s.Secrets)
		}
		if c.database != nil {
			args.StackEnvironment = p.databaseEnvironment(c.database)
		}
		args.Cluster, args.ClusterARN = c.cluster.Name, c.cluster.ARN
		args.GroupARN, args.TargetGroupARN = c.group.ARN, c.balancer.TargetGroups[0].ARN
		// ECS refuses a target group that no listener forwards to.
		args.After = slices.Concat(c.balancer.Ready, c.paths)
		c.containers, err = containers.New(ctx, p.settings.Service, args)
		return err
	},
	outputs: func(_ *plan, c *components) pulumi.Map {
		return pulumi.Map{"cluster": c.cluster.Name, "service": c.containers.Name}
	},
}

func (p *plan) containersArgs() *containers.Args {
	c := p.settings.Containers
	args := &containers.Args{
		Region:      p.settings.Region,
		Image:       c.Image,
		Command:     c.Command,
		Environment: c.Environment,
		Links:       c.Links,
		DependsOn:   c.DependsOn,
		Permissions: statements(c.Permissions),
		Port:        c.Port,
		CPU:         c.CPU,
		Memory:      c.Memory,
		Min:         c.Min,
		Desired:     c.Desired,
		Max:         c.Max,
		TargetCPU:   c.TargetCPU,
		Wait:        c.Wait,
		Grace:       p.settings.Scaling.Grace,
		Tags:        p.tags,
	}
	for _, s := range c.Sidecars {
		args.Sidecars = append(args.Sidecars, containers.Sidecar{
			Name: s.Name, Image: s.Image, Command: s.Command, Environment: s.Environment, Links: s.Links, DependsOn: s.DependsOn,
			Essential: s.Essential, CPU: s.CPU, Memory: s.Memory,
		})
	}
	return args
}
