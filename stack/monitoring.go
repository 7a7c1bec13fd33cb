package stack

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/monitoring"
)

// monitoringComponent is the dashboard and the alarms.
var monitoringComponent = component{
	wanted: func(p *plan) bool { return p.settings.Monitoring.Dashboard || p.settings.Monitoring.Alarms },
	add: func(p *plan, ctx *pulumi.Context, c *components) (err error) {
		c.monitoring, err = monitoring.New(ctx, p.settings.Service, p.monitoringArgs(c))
		return err
	},
	outputs: func(p *plan, c *components) pulumi.Map {
		if !p.settings.Monitoring.Dashboard {
			return nil
		}
		return pulumi.Map{"dashboard": c.monitoring.DashboardName}
	},
}

func (p *plan) monitoringArgs(c *components) *monitoring.Args {
	args := &monitoring.Args{
		Region:               p.settings.Region,
		Kind:                 p.settings.Balancer.Type,
		BalancerARNSuffix:    c.balancer.ARNSuffix,
		TargetGroupARNSuffix: c.balancer.TargetGroupARNSuffix,
		GroupName:            c.group.Name,
		Min:                  p.settings.Scaling.Min,
		Dashboard:            p.settings.Monitoring.Dashboard,
		Alarms:               p.settings.Monitoring.Alarms,
		Memory:               p.settings.Compute.MemoryMetric,
		Tags:                 p.tags,
	}
	if c.containers != nil {
		args.Min = p.settings.Containers.Min
		args.Cluster, args.Service = c.cluster.Name, c.containers.Name
	}
	if len(p.settings.Scaling.Notify) > 0 {
		args.TopicARN = c.group.TopicARN
	}
	return args
}
