// Package stack composes a service out of its components.
//
//	settings ──▶ plan (zones, image, artifacts): every fault of both, before anything is registered
//	               │
//	               ▼            ┌──▶ template (instances) ◀─┐
//	            network (VPC) ──┤                           │ paths: service, health
//	                            └──▶ balancer ──────────────┘
//	                                  └ target group ◀── group of instances made from the template
//
// Balancer and group are created side by side: the group needs the target group, which is there within seconds, and
// not the balancer, which takes minutes.
//
// A stack's outputs are
//
//	address       where clients connect: DNS name and port of the first listener
//	balancer      ARN of the load balancer
//	targetGroup   ARN of the target group, for its targets' health
//	group         name of the Auto Scaling group
//	vpc           ID of the VPC
package stack

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/compute"
	"github.com/elastic-service/elastic-service/internal/fault"
	"github.com/elastic-service/elastic-service/loadbalancing"
	"github.com/elastic-service/elastic-service/network"
	"github.com/elastic-service/elastic-service/scaling"
	"github.com/elastic-service/elastic-service/settings"
)

// Deploy is the program of every stack.
func Deploy(ctx *pulumi.Context) error {
	p, err := load(ctx)
	if err != nil {
		return err
	}
	outputs, err := p.wire(ctx)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		ctx.Export(name, outputs[name])
	}
	return nil
}

// load reads the settings and plans with them as far as they can be read, so that one run shows every fault. What the
// plan has against a setting that is faulty by itself adds nothing.
func load(ctx *pulumi.Context) (*plan, error) {
	s, err := settings.Load(ctx)
	var faults, found fault.List
	faults.Include("", err)
	known := faults.Faults()
	if s == nil || slices.ContainsFunc(known, func(k fault.Fault) bool { return k.Path == "aws:region" }) {
		return nil, err // there is nobody to ask for zones and images
	}
	p := newPlan(ctx, s, &found)
	for _, f := range found.Faults() {
		if !slices.ContainsFunc(known, func(k fault.Fault) bool { return k.Path == f.Path }) {
			faults.Include("", f)
		}
	}
	return p, faults.Err()
}

// wire registers the components and returns the stack's outputs.
func (p *plan) wire(ctx *pulumi.Context) (pulumi.Map, error) {
	name := p.settings.Service
	net, err := network.New(ctx, name, p.network())
	if err != nil {
		return nil, err
	}
	template, err := compute.New(ctx, name, p.template(net))
	if err != nil {
		return nil, err
	}
	// Who maps public addresses depends on the whole network: subnets' IDs say nothing of the gateway, which cannot be
	// detached while an address is mapped.
	balancer, err := loadbalancing.New(ctx, name, p.balancer(net), pulumi.DependsOn(net.Ready))
	if err != nil {
		return nil, err
	}
	paths, err := p.paths(ctx, balancer, template)
	if err != nil {
		return nil, err
	}
	needs := slices.Concat(net.Ready, template.Ready, paths)
	group, err := scaling.New(ctx, name, p.group(net, template, balancer), pulumi.DependsOn(needs))
	if err != nil {
		return nil, err
	}
	return pulumi.Map{
		"address":     pulumi.Sprintf("%s:%d", balancer.DNSName, p.settings.Balancer.Listeners[0].Port),
		"balancer":    balancer.ARN,
		"targetGroup": balancer.TargetGroupARN,
		"group":       group.Name,
		"vpc":         net.VPCID,
	}, nil
}

// paths let the balancer reach the instances, for the service and for the health check.
func (p *plan) paths(
	ctx *pulumi.Context, from *loadbalancing.Balancer, to *compute.Template,
) ([]pulumi.Resource, error) {
	var rules []pulumi.Resource
	for _, path := range []struct {
		name        string
		port        int
		description string
	}{
		{"service", p.settings.App.Port, "Connections of clients"},
		{"health", p.settings.Health.Port, "Health checks"},
	} {
		pair, err := network.Allow(ctx, p.settings.Service+"-"+path.name, &network.AllowArgs{
			From:        from.SecurityGroupID,
			To:          to.SecurityGroupID,
			Port:        path.port,
			Description: path.description,
			Tags:        p.tags,
		}, pulumi.Parent(from))
		if err != nil {
			return nil, err
		}
		rules = append(rules, pair...)
	}
	return rules, nil
}

func (p *plan) network() *network.Args {
	return &network.Args{
		CIDR:    p.settings.Network.CIDR,
		Zones:   p.zones,
		Subnets: p.settings.Network.Subnets,
		Tags:    p.tags,
	}
}

func (p *plan) template(net *network.Network) *compute.Args {
	c := p.settings.Compute
	return &compute.Args{
		VPCID:         net.VPCID,
		ImageID:       pulumi.String(p.image.id),
		RootDevice:    pulumi.String(p.image.rootDevice),
		RootVolumeGiB: c.RootVolumeGiB,
		InstanceType:  c.InstanceType,
		KeyName:       c.KeyName,
		SSHFrom:       c.SSHFrom,
		PublicAddress: c.PublicAddress,
		Software:      p.software,
		Tags:          p.tags,
	}
}

func (p *plan) balancer(net *network.Network) *loadbalancing.Args {
	var listeners []loadbalancing.Listener
	for _, l := range p.settings.Balancer.Listeners {
		listeners = append(listeners, loadbalancing.Listener{Port: l.Port, Protocol: l.Protocol})
	}
	return &loadbalancing.Args{
		VPCID:      net.VPCID,
		SubnetIDs:  net.PublicSubnetIDs,
		Internal:   p.settings.Balancer.Internal,
		Listeners:  listeners,
		TargetPort: p.settings.App.Port,
		Check:      p.settings.Health,
		From:       p.clients(),
		Tags:       p.tags,
	}
}

// clients are everybody, or the VPC where the balancer is internal.
func (p *plan) clients() []netip.Prefix {
	if p.settings.Balancer.Internal {
		return []netip.Prefix{p.settings.Network.CIDR}
	}
	return []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}
}

func (p *plan) group(net *network.Network, t *compute.Template, b *loadbalancing.Balancer) *scaling.Args {
	var policies []scaling.Policy
	for _, policy := range p.settings.Scaling.Policies {
		policies = append(policies, scaling.Policy{TargetTracking: (*scaling.TargetTracking)(policy.TargetTracking)})
	}
	return &scaling.Args{
		SubnetIDs:       net.PublicSubnetIDs,
		TemplateID:      t.ID,
		TemplateVersion: t.LatestVersion,
		TargetGroupARNs: pulumi.StringArray{b.TargetGroupARN},
		Min:             p.settings.Scaling.Min,
		Max:             p.settings.Scaling.Max,
		Grace:           p.settings.Scaling.Grace,
		Policies:        policies,
		Tags:            p.tags,
	}
}
