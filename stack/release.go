package stack

import (
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/release"
	"github.com/elastic-service/elastic-service/scaling"
)

// releaseComponent is the end of a deployment: it waits until the instances serve, and replaces them by those of a new version.
// Containers have a deployment of their own.
var releaseComponent = component{
	section:  "scaling.release",
	wanted:   func(p *plan) bool { return !p.hasContainers() },
	validate: func(p *plan) error { return p.strategy().Validate() },
	add:      (*plan).addRelease,
}

func (p *plan) strategy() release.Strategy {
	r := p.settings.Scaling.Release
	strategy := release.Strategy{
		MinHealthy:  scaling.MinHealthy,
		MaxHealthy:  scaling.MaxHealthy,
		Checkpoints: r.Checkpoints,
		Bake:        *r.Bake,
		Timeout:     r.Timeout + scaling.Held(p.groupArgs().Hooks),
	}
	if len(r.Checkpoints) > 0 {
		strategy.CheckpointDelay = r.CheckpointDelay
	}
	return strategy
}

// addRelease depends on everything that serving takes: the group, the listeners, and the paths between balancer and instances.
func (p *plan) addRelease(ctx *pulumi.Context, c *components) error {
	args := &release.Args{
		Service:         p.settings.Service,
		GroupName:       c.group.Name,
		TemplateID:      c.template.ID,
		TemplateVersion: c.template.LatestVersion,
		Ports:           p.answeredPorts(),
		Strategy:        p.strategy(),
		Tags:            p.tags,
	}
	for _, s := range p.software.Setup {
		args.Instances.Setup = append(args.Instances.Setup, release.Setup{Name: s.Name, Command: s.Command})
	}
	if p.software.Logs != nil {
		args.Instances.LogGroup = p.software.Logs.Group
	}
	for i, t := range p.settings.AllTargets() {
		args.TargetGroups = append(args.TargetGroups, release.TargetGroup{ARN: c.balancer.TargetGroups[i].ARN, Check: t.Health.Check()})
	}
	if len(c.template.Objects) > 0 {
		args.Bucket, args.Objects = c.template.Bucket, c.template.Objects
	}
	if c.monitoring != nil {
		args.AlarmNames = c.monitoring.AlarmNames
	}
	needs := slices.Concat(c.group.Ready, c.balancer.Ready, c.paths)
	_, err := release.New(ctx, p.settings.Service, args, pulumi.DependsOn(needs))
	return err
}

// servicePorts lists the ports of the services.
func (p *plan) servicePorts() []int {
	var ports []int
	for _, t := range p.settings.AllTargets() {
		ports = append(ports, t.Port)
	}
	return ports
}

// checkedPorts lists the ports of health checks other than the services' own.
func (p *plan) checkedPorts() []int {
	var ports []int
	services := p.servicePorts()
	for _, t := range p.settings.AllTargets() {
		for _, port := range []int{t.Health.Port, t.Health.FormerPort} {
			if port != 0 && !slices.Contains(services, port) && !slices.Contains(ports, port) {
				ports = append(ports, port)
			}
		}
	}
	return ports
}

// answeredPorts lists the ports on which the instances answer health checks.
func (p *plan) answeredPorts() []int { return append(p.checkedPorts(), p.servicePorts()...) }
