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
		TargetGroupARNs: pulumi.StringArray{c.balancer.TargetGroupARN},
		Check:           p.settings.Health.Check(),
		Ports:           append(p.responderPorts(), p.settings.TargetPort()),
		Strategy:        p.strategy(),
		Tags:            p.tags,
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

// responderPorts lists the ports of health checks other than the service's own.
func (p *plan) responderPorts() []int {
	return slices.DeleteFunc([]int{p.settings.Health.Port, p.settings.Health.FormerPort}, func(port int) bool {
		return port == 0 || port == p.settings.TargetPort()
	})
}
