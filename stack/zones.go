package stack

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/pin"
)

// findZones finds the availability zones: those that the settings name, or the first by name that offer the types of the instances.
// It asks for zones in any state: a zone that is impaired for a while stays a zone of the stack.
func (p *plan) findZones(ctx *pulumi.Context, problems *invalid.List) {
	found, err := aws.GetAvailabilityZones(ctx, &aws.GetAvailabilityZonesArgs{
		// Local zones and zones that an account has opted in to lack load balancers and many instance types.
		Filters: []aws.GetAvailabilityZonesFilter{{Name: "opt-in-status", Values: []string{"opt-in-not-required"}}},
	})
	if err != nil {
		problems.Include("network.zones", fmt.Errorf("listing the zones of %s: %w", p.settings.Region, err))
		return
	}
	zones := slices.Sorted(slices.Values(found.Names))
	if p.offering, err = p.findOffering(ctx, zones); err != nil {
		problems.Include("network.zones", err)
		return
	}
	if names := p.settings.Network.Zones.Names; names != nil {
		p.useZones(names, zones, problems)
		return
	}
	p.chooseZones(zones, problems)
}

// instanceTypes lists the types that every zone must offer.
func (p *plan) instanceTypes() []string {
	types := []string{p.settings.Compute.InstanceType}
	if bastion := p.settings.Compute.Bastion; bastion != nil && bastion.InstanceType != types[0] {
		types = append(types, bastion.InstanceType)
	}
	return types
}

// findOffering returns those of the zones that offer all types of the instances. us-east-1e, for one, has no t3.
func (p *plan) findOffering(ctx *pulumi.Context, zones []string) ([]string, error) {
	types := p.instanceTypes()
	offers, err := ec2.GetInstanceTypeOfferings(ctx, &ec2.GetInstanceTypeOfferingsArgs{
		LocationType: new("availability-zone"),
		Filters:      []ec2.GetInstanceTypeOfferingsFilter{{Name: "instance-type", Values: types}},
	})
	if err != nil {
		return nil, fmt.Errorf("asking which zones of %s offer %s: %w", p.settings.Region, strings.Join(types, " and "), err)
	}
	count := map[string]int{}
	for _, zone := range offers.Locations {
		count[zone]++
	}
	return slices.DeleteFunc(slices.Clone(zones), func(zone string) bool { return count[zone] < len(types) }), nil
}

// useZones takes the zones that the settings name.
func (p *plan) useZones(names, zones []string, problems *invalid.List) {
	for i, name := range names {
		switch at := fmt.Sprintf("network.zones[%d]", i); {
		case !slices.Contains(zones, name):
			problems.Add(at, name, "is not a zone of %s (%s)", p.settings.Region, strings.Join(zones, ", "))
		case !slices.Contains(p.offering, name):
			problems.Add(at, name, "%s", p.lacks())
		}
	}
	p.zones = names
}

// chooseZones takes the first zones by name.
func (p *plan) chooseZones(zones []string, problems *invalid.List) {
	switch wanted := p.settings.Network.Zones.Number; {
	case wanted > len(zones):
		problems.Add("network.zones", wanted, "is more than %s has (%d: %s)", p.settings.Region, len(zones), strings.Join(zones, ", "))
	case wanted > len(p.offering):
		problems.Add("network.zones", wanted, "is more than offer %s in %s (%d: %s)", strings.Join(p.instanceTypes(), " and "),
			p.settings.Region, len(p.offering), strings.Join(p.offering, ", "))
	default:
		p.zones = p.offering[:max(wanted, 0)]
	}
}

// lacks says what a zone has not, and which zones have it.
func (p *plan) lacks() string {
	others := "no zone does"
	if len(p.offering) > 0 {
		others = "those that do: " + strings.Join(p.offering, ", ")
	}
	return fmt.Sprintf("does not offer %s (%s)", strings.Join(p.instanceTypes(), " and "), others)
}

// keepZones replaces the zones that were chosen by those of the first deployment. The subnets of a running stack cannot move: a zone
// that is new, or that offers another type, must not shift them.
func (p *plan) keepZones(ctx *pulumi.Context) error {
	given := p.settings.Network.Zones
	if given.Names != nil {
		return nil
	}
	kept, err := pin.New(ctx, p.settings.Service+"-zones", &pin.Args{
		Found: pulumi.ToStringArray(p.zones), Trigger: pulumi.ToStringArray([]string{fmt.Sprint(given.Number)}),
	})
	if err != nil {
		return err
	}
	value, err := kept.Await(ctx)
	if err != nil {
		return err
	}
	if value != nil {
		if p.zones, err = textsOf(value); err != nil {
			return err
		}
	}
	var problems invalid.List
	for _, zone := range p.zones {
		if !slices.Contains(p.offering, zone) {
			problems.Add("compute.instanceType", p.settings.Compute.InstanceType, "is for other zones: %s, which the stack has been in since "+
				"its first deployment, %s", zone, p.lacks())
		}
	}
	return problems.Err()
}

// textsOf returns a list of texts that was kept.
func textsOf(kept any) ([]string, error) {
	list, _ := kept.([]any)
	var texts []string
	for _, element := range list {
		text, ok := element.(string)
		if !ok {
			return nil, fmt.Errorf("the stack's state keeps %v, which is no list of texts", kept)
		}
		texts = append(texts, text)
	}
	return texts, nil
}
