package stack

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/route53"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/loadbalancing"
	"github.com/elastic-service/elastic-service/settings"
)

// balancerComponent is the load balancer with its target groups.
var balancerComponent = component{
	section:  "balancer",
	reads:    []string{"service", "network", "app", "containers", "health"},
	look:     (*plan).lookAroundBalancer,
	validate: func(p *plan) error { return p.balancerArgs().ValidatePlain() },
	add:      (*plan).addBalancer,
	outputs:  (*plan).balancerOutputs,
}

// lookAroundBalancer finds what the balancer needs and the stack does not create.
func (p *plan) lookAroundBalancer(ctx *pulumi.Context, problems *invalid.List) {
	p.findHostedZone(ctx, problems)
	p.findClients(ctx, problems)
}

// findHostedZone finds the hosted zone that the balancer's alias is in.
func (p *plan) findHostedZone(ctx *pulumi.Context, problems *invalid.List) {
	alias := p.settings.Balancer.Alias
	if alias == nil || alias.CreateZone || alias.Zone == "" {
		return
	}
	zone, err := route53.LookupZone(ctx, &route53.LookupZoneArgs{
		Name: &alias.Zone, PrivateZone: new(false),
	})
	if err != nil {
		problems.Include("balancer.alias.zone", fmt.Errorf("finding the hosted zone %s (balancer.alias.createZone makes one): %w",
			alias.Zone, err))
		return
	}
	p.zoneID = zone.ZoneId
}

func (p *plan) balancerArgs() *loadbalancing.Args {
	b := p.settings.Balancer
	args := &loadbalancing.Args{
		Kind:           loadbalancing.Kind(b.Type),
		Internal:       b.Internal,
		CheckByRelease: releaseComponent.wanted(p),
		CrossZone:      b.CrossZone,
		IdleTimeout:    b.IdleTimeout,
		Drain:          b.Drain,
		Algorithm:      b.Algorithm,
		AccessLogs:     b.AccessLogs,
		Protect:        p.settings.Protect,
		Tags:           p.tags,
	}
	args.From, args.FromLists, args.FromGroups = p.clients()
	for _, t := range p.settings.AllTargets() {
		args.Targets = append(args.Targets, loadbalancing.Target{Name: t.Name, Port: t.Port, Check: t.Health.Check()})
	}
	for _, l := range b.Listeners {
		args.Listeners = append(args.Listeners, loadbalancing.Listener(l))
	}
	if b.Certificate != "" {
		args.CertificateARN = pulumi.String(b.Certificate)
	}
	if a := b.Alias; a != nil {
		args.Alias = &loadbalancing.Alias{Zone: a.Zone, Name: a.Name, CreateZone: a.CreateZone}
		if !a.CreateZone {
			args.Alias.ZoneID = pulumi.String(p.zoneID)
		}
	}
	return args
}

// clients returns who may connect: those that the settings name, or else the VPC if the balancer is internal, and everybody if not.
func (p *plan) clients() (ranges []netip.Prefix, lists, groups []string) {
	switch {
	case len(p.settings.Balancer.From) > 0:
		return p.settings.Balancer.Clients()
	case p.settings.Balancer.Internal:
		return p.ranges(), nil, nil
	}
	return []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}, nil, nil
}

// findClients looks up the prefix lists and security groups of clients, and counts the rules that they take.
func (p *plan) findClients(ctx *pulumi.Context, problems *invalid.List) {
	entries := 0
	for i, from := range p.settings.Balancer.From {
		at := fmt.Sprintf("balancer.from[%d]", i)
		switch {
		case strings.HasPrefix(from, "pl-"):
			list, err := ec2.LookupManagedPrefixList(ctx, &ec2.LookupManagedPrefixListArgs{Id: &from})
			if err != nil {
				problems.Add(at, from, "is not found as a prefix list of %s: %v", p.settings.Region, err)
				continue
			}
			entries += list.MaxEntries
		case strings.HasPrefix(from, "sg-"):
			p.findGroup(ctx, at, from, problems)
			entries++
		default:
			entries++
		}
	}
	if rules := entries * len(p.settings.Balancer.Listeners); rules > mostRules {
		problems.Add("balancer.from", len(p.settings.Balancer.From), "with %d listeners and the entries of prefix lists are %d rules: "+
			"a security group takes %d", len(p.settings.Balancer.Listeners), rules, mostRules)
	}
}

// mostRules is how many rules of a direction a security group takes, unless AWS has raised the quota (VPC User Guide: "Amazon VPC quotas").
const mostRules = 60

// addBalancer depends on the internet gateway explicitly: the subnet IDs do not imply it, and AWS refuses to detach a gateway
// while a public address is mapped through it.
func (p *plan) addBalancer(ctx *pulumi.Context, c *components) (err error) {
	args := p.balancerArgs()
	args.VPCID, args.SubnetIDs = c.network.VPCID, c.network.PublicSubnetIDs
	if args.Internal && p.settings.Network.InPrivate() {
		args.SubnetIDs = c.network.PrivateSubnetIDs
	}
	c.balancer, err = loadbalancing.New(ctx, p.settings.Service, args, pulumi.DependsOn(c.network.Gateway))
	return err
}

func (p *plan) balancerOutputs(c *components) pulumi.Map {
	listeners := p.settings.Balancer.Listeners
	first := listeners[slices.IndexFunc(listeners, func(l settings.Listener) bool { return l.Target == "" })]
	out := pulumi.Map{
		"address":     pulumi.Sprintf("%s:%d", c.balancer.DNSName, first.Port),
		"balancer":    c.balancer.ARN,
		"targetGroup": c.balancer.TargetGroups[0].ARN,
	}
	if len(c.balancer.TargetGroups) > 1 {
		addresses := pulumi.Map{}
		for _, l := range p.settings.Balancer.Listeners {
			if _, named := addresses[l.Target]; l.Target != "" && !named {
				addresses[l.Target] = pulumi.Sprintf("%s:%d", c.balancer.DNSName, l.Port)
			}
		}
		out["targets"] = addresses
	}
	if scheme, port := p.scheme(); scheme != "" {
		out["url"] = pulumi.Sprintf("%s://%s%s", scheme, c.balancer.URLHost, port)
	}
	if alias := p.settings.Balancer.Alias; alias != nil && alias.CreateZone {
		out["nameServers"] = c.balancer.NameServers
	}
	return out
}

// scheme returns how a browser reaches the balancer, preferring HTTPS, and the port unless it is the scheme's own.
func (p *plan) scheme() (scheme, port string) {
	for _, known := range []struct {
		protocol, scheme string
		port             int
	}{{"HTTPS", "https", 443}, {"HTTP", "http", 80}} {
		at := slices.IndexFunc(p.settings.Balancer.Listeners, func(l settings.Listener) bool {
			return l.Protocol == known.protocol && l.Target == ""
		})
		if at < 0 {
			continue
		}
		if given := p.settings.Balancer.Listeners[at].Port; given != known.port {
			return known.scheme, fmt.Sprintf(":%d", given)
		}
		return known.scheme, ""
	}
	return "", ""
}
