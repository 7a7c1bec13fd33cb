package stack

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/burstable"
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
		Region:            p.settings.Region,
		Kind:              p.settings.Balancer.Type,
		BalancerARNSuffix: c.balancer.ARNSuffix,
		GroupName:         c.group.Name,
		Min:               p.leastInstances(),
		Max:               p.mostInstances(),
		Latency:           p.settings.Monitoring.Latency,
		SurplusCredits:    p.settings.Compute.CPUCredits == burstable.Unlimited,
		Dashboard:         p.settings.Monitoring.Dashboard,
		Alarms:            p.settings.Monitoring.Alarms,
		Memory:            p.settings.Compute.MemoryMetric,
		Tags:              p.tags,
	}
	for _, group := range c.balancer.TargetGroups {
		args.TargetGroups = append(args.TargetGroups, monitoring.TargetGroup{Name: group.Name, ARNSuffix: group.ARNSuffix})
	}
	if c.containers != nil {
		args.Min = p.settings.Containers.Min
		args.Cluster, args.Service = c.cluster.Name, c.containers.Name
	}
	for _, id := range c.network.NATGatewayIDs {
		args.NATGatewayIDs = append(args.NATGatewayIDs, id)
	}
	if d := c.database; d != nil {
		args.Database = &monitoring.Database{
			ID: d.ID, StorageGiB: p.settings.Database.StorageGiB, MaxConnections: p.databaseArgs().MaxConnections(),
		}
	}
	if len(p.settings.Scaling.Notify) > 0 {
		args.TopicARN = c.group.TopicARN
	}
	if certificate := c.balancer.Certificate; certificate != nil {
		args.CertificateARN = certificate.ToStringPtrOutput().Elem()
	}
	return args
}

// leastInstances returns the lowest minimum that the group ever has: a schedule may lower it, such as at night.
func (p *plan) leastInstances() int {
	least := p.settings.Scaling.Min
	for _, s := range p.settings.Scaling.Schedules {
		if s.Min != nil {
			least = min(least, *s.Min)
		}
	}
	return max(least, 1)
}

// mostInstances returns the highest maximum that the group ever has; 0 if nothing moves the group there.
func (p *plan) mostInstances() int {
	most := p.settings.Scaling.Max
	for _, s := range p.settings.Scaling.Schedules {
		if s.Max != nil {
			most = max(most, *s.Max)
		}
	}
	if len(p.settings.Scaling.Policies) == 0 || most == p.settings.Scaling.Min {
		return 0
	}
	return most
}
