package stack

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/route53"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/compute"
	"github.com/elastic-service/elastic-service/containers"
	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/loadbalancing"
	"github.com/elastic-service/elastic-service/network"
	"github.com/elastic-service/elastic-service/scaling"
	"github.com/elastic-service/elastic-service/settings"
)

// plan is everything that has to be known before anything is registered.
type plan struct {
	settings     *settings.Settings
	tags         map[string]string
	zones        []string // availability zones, one a subnet
	image        image    // of the instances
	bastionImage string
	zoneID       string // of the hosted zone that the alias is in, unless it is made
	software     compute.Software
}

// newPlan looks at what the settings can only name: the region's zones, images, the hosted zone, and local files. The
// plan is of use only if no problem was added.
func newPlan(ctx *pulumi.Context, s *settings.Settings, problems *invalid.List) *plan {
	p := &plan{settings: s, tags: map[string]string{"Service": s.Service, "Stack": ctx.Stack()}}
	p.planZones(ctx, problems)
	p.planImage(ctx, problems)
	p.planBastion(ctx, problems)
	p.planAlias(ctx, problems)
	p.planSoftware(ctx, problems)
	return p
}

// validate asks the components what they have against their arguments, before the first of them is registered. What comes
// from other components is not looked at, so that nothing stands in for it.
func (p *plan) validate() error {
	var problems invalid.List
	s := &parts{
		network: &network.Network{}, balancer: &loadbalancing.Balancer{}, template: &compute.Template{}, group: &scaling.Group{},
	}
	problems.Include("network", p.network().Validate())
	problems.Include("balancer", p.balancer(s).Validate())
	if p.settings.App != nil {
		problems.Include("app", p.software.Validate())
	}
	if p.settings.Database != nil {
		problems.Include("database", p.database(s).Validate())
	}
	if p.settings.Containers != nil {
		s.cluster = &containers.Cluster{}
		problems.Include("containers", p.containers(s).Validate())
	}
	problems.Include("scaling", p.group(s).Validate())
	return problems.Err()
}

// planZones takes the first zones by name, so that the same ones are taken every time.
func (p *plan) planZones(ctx *pulumi.Context, problems *invalid.List) {
	found, err := aws.GetAvailabilityZones(ctx, &aws.GetAvailabilityZonesArgs{
		State: pulumi.StringRef("available"),
		// Local zones and zones that an account has opted in to have neither balancers nor every instance type.
		Filters: []aws.GetAvailabilityZonesFilter{{Name: "opt-in-status", Values: []string{"opt-in-not-required"}}},
	})
	if err != nil {
		problems.Include("network.zones", fmt.Errorf("listing the zones of %s: %w", p.settings.Region, err))
		return
	}
	names := slices.Sorted(slices.Values(found.Names))
	if wanted := p.settings.Network.Zones; wanted > len(names) {
		problems.Add("network.zones", wanted, "is more than %s has (%d: %s)",
			p.settings.Region, len(names), strings.Join(names, ", "))
		return
	}
	p.zones = names[:max(p.settings.Network.Zones, 0)]
}

// planAlias finds the hosted zone of the balancer's name.
func (p *plan) planAlias(ctx *pulumi.Context, problems *invalid.List) {
	alias := p.settings.Balancer.Alias
	if alias == nil || alias.CreateZone || alias.Zone == "" {
		return
	}
	zone, err := route53.LookupZone(ctx, &route53.LookupZoneArgs{
		Name: &alias.Zone, PrivateZone: pulumi.BoolRef(false),
	})
	if err != nil {
		problems.Include("balancer.alias.zone", fmt.Errorf("finding the hosted zone %s (balancer.alias.createZone makes one): %w",
			alias.Zone, err))
		return
	}
	p.zoneID = zone.ZoneId
}
