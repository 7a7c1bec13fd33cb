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
	return release.Strategy{
		MinHealthy:      scaling.MinHealthy,
		MaxHealthy:      scaling.MaxHealthy,
		Checkpoints:     r.Checkpoints,
		CheckpointDelay: r.CheckpointDelay,
		Bake:            r.Bake,
		Timeout:         r.Timeout + scaling.Held(p.groupArgs().Hooks),
	}
}

// addRelease depends on everything that serving takes: the group, the listeners, and the paths between balancer and instances.
func (p *plan) addRelease(ctx *pulumi.Context, c *components) error {
	args := &release.Args{
		Service:         p.settings.Service,
		GroupName:       c.group.Name,
		TemplateID:      c.template.ID,
		TemplateVersion: c.template.LatestVersion,
		TargetGroupARNs: pulumi.StringArray{c.balancer.TargetGroupARN},
		Strategy:        p.strategy(),
		Tags:            p.tags,
	}
	if c.monitoring != nil {
		args.AlarmNames = c.monitoring.AlarmNames
	}
	needs := slices.Concat(c.group.Ready, c.balancer.Ready, c.paths)
	_, err := release.New(ctx, p.settings.Service, args, pulumi.DependsOn(needs))
	return err
}
