package stack

import (
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/scaling"
)

// groupComponent is the Auto Scaling group of the instances.
var groupComponent = component{
	section:  "scaling",
	reads:    []string{"app", "containers", "health"},
	validate: func(p *plan) error { return p.groupArgs().ValidatePlain() },
	add:      (*plan).addGroup,
	outputs: func(p *plan, c *components) pulumi.Map {
		out := pulumi.Map{"group": c.group.Name}
		if len(p.settings.Scaling.Notify) > 0 {
			out["topic"] = c.group.TopicARN
		}
		return out
	},
}

// groupArgs returns the arguments that come from the settings. Schedules, hooks, subscriptions and policies are converted
// from types of package settings with the same fields; the conversions do not compile if the fields differ.
func (p *plan) groupArgs() *scaling.Args {
	c := p.settings.Scaling
	args := &scaling.Args{
		Min:            c.Min,
		Max:            c.Max,
		Grace:          c.Grace,
		HealthCheck:    scaling.HealthCheck(c.HealthCheck),
		MaxLifetime:    c.MaxInstanceLifetime,
		Policies:       p.policies(),
		ContainerHosts: p.hasContainers(),
		Tags:           p.tags,
	}
	for _, schedule := range c.Schedules {
		args.Schedules = append(args.Schedules, scaling.Schedule(schedule))
	}
	for _, hook := range c.Hooks {
		args.Hooks = append(args.Hooks, scaling.Hook(hook))
	}
	for _, subscription := range c.Notify {
		args.Notify = append(args.Notify, scaling.Subscription(subscription))
	}
	return args
}

func (p *plan) policies() []scaling.Policy {
	var policies []scaling.Policy
	for _, policy := range p.settings.Scaling.Policies {
		policies = append(policies, scaling.Policy{
			TargetTracking: (*scaling.TargetTracking)(policy.TargetTracking),
			Step:           (*scaling.Step)(policy.Step),
		})
	}
	return policies
}

// addGroup creates the group in parallel with the balancer.
func (p *plan) addGroup(ctx *pulumi.Context, c *components) (err error) {
	args := p.groupArgs()
	args.TemplateID, args.TemplateVersion = c.template.ID, c.template.LatestVersion
	args.SubnetIDs = c.network.PublicSubnetIDs
	if p.settings.Network.InPrivate() {
		args.SubnetIDs = c.network.PrivateSubnetIDs
	}
	if !p.hasContainers() { // containers register themselves
		arns := pulumi.StringArray{}
		for _, group := range c.balancer.TargetGroups {
			arns = append(arns, group.ARN)
		}
		args.TargetGroupARNs, args.TargetsByRelease = arns, len(arns) > 1
	}
	needs := slices.Concat(c.network.Ready, c.template.Ready, c.paths)
	c.group, err = scaling.New(ctx, p.settings.Service, args, pulumi.DependsOn(needs))
	return err
}
