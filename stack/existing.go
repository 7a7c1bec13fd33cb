package stack

import (
	"encoding/json"
	"net/netip"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/loadbalancing"
	"github.com/elastic-service/elastic-service/network"
	"github.com/elastic-service/elastic-service/pin"
	"github.com/elastic-service/elastic-service/settings"
)

const existingPath = "network.existing"

// findNetwork finds where the stack's subnets are: in an existing VPC, or in the zones of one that the stack creates.
func (p *plan) findNetwork(ctx *pulumi.Context, problems *invalid.List) {
	if p.settings.Network.Existing == nil {
		p.findZones(ctx, problems)
		return
	}
	problems.Include(existingPath, p.findExisting(ctx))
}

// findExisting finds the existing subnets, and refuses those that do not fit what the stack puts into them.
func (p *plan) findExisting(ctx *pulumi.Context) error {
	e := p.settings.Network.Existing
	found, err := network.Find(ctx, &network.Existing{
		ID: e.VPC, Tags: e.Tags, Public: selection(e.Public), Private: selection(e.Private), Isolated: selection(e.Isolated),
	})
	if err != nil {
		return err
	}
	p.existing = found
	var problems invalid.List
	if !p.settings.Balancer.Internal || len(found.Private) == 0 {
		problems.Include("", found.ValidatePublic())
	}
	problems.Include("", found.ValidateEndpoints(ctx, p.settings.Region, p.endpoints()))
	problems.Include("", p.validateOffering(ctx))
	problems.Include("", p.validateBalanced())
	if running, err := p.isRunning(ctx); err != nil || !running { // a running stack has taken its addresses
		problems.Include("", err)
		problems.Include("", p.validateRoom())
	}
	return problems.Err()
}

// isRunning reports whether the stack has something in the VPC.
func (p *plan) isRunning(ctx *pulumi.Context) (bool, error) {
	groups, err := ec2.GetSecurityGroups(ctx, &ec2.GetSecurityGroupsArgs{
		Filters: []ec2.GetSecurityGroupsFilter{{Name: "vpc-id", Values: []string{p.existing.ID}}},
		Tags:    map[string]string{"Service": p.tags["Service"], "Stack": p.tags["Stack"]},
	})
	if err != nil {
		return false, err
	}
	return len(groups.Ids) > 0, nil
}

func selection(s *settings.ExistingSubnets) *network.Selection {
	if s == nil {
		return nil
	}
	return &network.Selection{IDs: s.Subnets, Tags: s.Tags}
}

// tierOfInstances returns the name of the tier that the instances are in.
func (p *plan) tierOfInstances() string {
	if p.settings.Network.InPrivate() {
		return "private"
	}
	return "public"
}

// tierOfBalancer returns the name of the tier that the balancer is in: an internal one is where the instances are.
func (p *plan) tierOfBalancer() string {
	if p.settings.Balancer.Internal {
		return p.tierOfInstances()
	}
	return "public"
}

// validateOffering refuses zones that do not offer the types of the instances.
func (p *plan) validateOffering(ctx *pulumi.Context) error {
	tier := p.tierOfInstances()
	subnets := p.existing.Tiers()[tier]
	var zones []string
	for _, s := range subnets {
		zones = append(zones, s.Zone)
	}
	var err error
	if p.offering, err = p.findOffering(ctx, zones); err != nil {
		return err
	}
	var problems invalid.List
	for _, s := range subnets {
		if !slices.Contains(p.offering, s.Zone) {
			problems.Add(tier, s.ID, "is in %s, which %s", s.Zone, p.lacks())
		}
	}
	return problems.Err()
}

// validateBalanced refuses instances in a zone without the balancer, which sends them nothing.
func (p *plan) validateBalanced() error {
	tiers, from := p.existing.Tiers(), p.tierOfBalancer()
	var problems invalid.List
	for _, s := range tiers[p.tierOfInstances()] {
		if !slices.ContainsFunc(tiers[from], func(b network.FoundSubnet) bool { return b.Zone == s.Zone }) {
			problems.Add(p.tierOfInstances(), s.ID, "is in %s, where the balancer has no %s subnet: it would send no connection there", s.Zone, from)
		}
	}
	return problems.Err()
}

// The addresses that a balancer needs in each of its subnets when it is created (ELB User Guide: "Subnets for your load balancer").
var neededByBalancer = map[loadbalancing.Kind]int{loadbalancing.Network: 1, loadbalancing.Application: 8}

// validateRoom refuses subnets without room for the balancer and the group's minimum.
func (p *plan) validateRoom() error {
	var problems invalid.List
	tiers := p.existing.Tiers()
	needed := neededByBalancer[loadbalancing.Kind(p.settings.Balancer.Type)]
	for _, s := range tiers[p.tierOfBalancer()] {
		if s.Free < needed {
			problems.Add(p.tierOfBalancer(), s.ID, "has %d free addresses: the balancer needs %d", s.Free, needed)
		}
	}
	places := 0
	for _, s := range tiers[p.tierOfInstances()] {
		places += s.Free
		if p.tierOfInstances() == p.tierOfBalancer() {
			places -= needed
		}
	}
	if least := p.settings.Scaling.Min; places < least {
		problems.Missing(p.tierOfInstances(), "has %d free addresses, and scaling.min wants %d instances", max(places, 0), least)
	}
	return problems.Err()
}

// keepExisting replaces the subnets that were found by those of the first deployment: a subnet that gets the tags later is none of a
// running stack until the settings change.
func (p *plan) keepExisting(ctx *pulumi.Context) error {
	given, err := json.Marshal(p.settings.Network.Existing)
	if err != nil {
		return err
	}
	found := pulumi.StringArrayMap{}
	for tier, subnets := range p.existing.Tiers() {
		ids := pulumi.StringArray{}
		for _, s := range subnets {
			ids = append(ids, pulumi.String(s.ID))
		}
		found[tier] = ids
	}
	kept, err := pin.New(ctx, p.settings.Service+"-subnets", &pin.Args{
		Found: found, Trigger: pulumi.StringArray{pulumi.String(string(given))},
	})
	if err != nil {
		return err
	}
	value, err := kept.Await(ctx)
	if err != nil {
		return err
	}
	return p.useKept(value)
}

func (p *plan) useKept(value any) error {
	kept, _ := value.(map[string]any)
	for tier, subnets := range map[string]*[]network.FoundSubnet{
		"public": &p.existing.Public, "private": &p.existing.Private, "isolated": &p.existing.Isolated,
	} {
		ids, err := textsOf(kept[tier])
		if err != nil {
			return err
		}
		if len(ids) == 0 {
			continue
		}
		*subnets = nil
		for _, id := range ids {
			*subnets = append(*subnets, network.FoundSubnet{ID: id})
		}
	}
	return nil
}

// ranges returns the ranges of the VPC.
func (p *plan) ranges() []netip.Prefix {
	if p.existing != nil {
		return p.existing.Ranges
	}
	return []netip.Prefix{p.settings.Network.CIDR}
}

// findGroup refuses a security group of others that is not there, or is of another VPC.
func (p *plan) findGroup(ctx *pulumi.Context, at, id string, problems *invalid.List) {
	group, err := ec2.LookupSecurityGroup(ctx, &ec2.LookupSecurityGroupArgs{Id: &id})
	switch {
	case err != nil:
		problems.Add(at, id, "is not found as a security group of %s: %v", p.settings.Region, err)
	case p.existing != nil && group.VpcId != p.existing.ID:
		problems.Add(at, id, "is a group of %s, not of %s", group.VpcId, p.existing.ID)
	}
}

// addNetwork registers the network that the stack creates, or the one that it uses.
func (p *plan) addNetwork(ctx *pulumi.Context, c *components) (err error) {
	if p.existing != nil {
		if err := p.keepExisting(ctx); err != nil {
			return err
		}
		c.network, err = network.Use(ctx, p.settings.Service, p.existing)
		return err
	}
	if err := p.keepZones(ctx); err != nil {
		return err
	}
	c.network, err = network.New(ctx, p.settings.Service, p.networkArgs())
	return err
}
