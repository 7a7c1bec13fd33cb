package network

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Existing names a VPC that is there, and the subnets in it that a service gets.
type Existing struct {
	// ID is the VPC's ID. If it is empty, Tags are those of exactly one VPC.
	ID   string
	Tags map[string]string

	// Public, Private and Isolated select the subnets of each tier; nil for a tier that the service does not use.
	Public, Private, Isolated *Selection
}

// Selection selects subnets of a VPC.
type Selection struct {
	// IDs lists the subnets. If it is empty, Tags select them.
	IDs  []string
	Tags map[string]string
}

// Found is what AWS says of an existing VPC.
type Found struct {
	ID     string
	Ranges []netip.Prefix // of the VPC

	// Public, Private and Isolated are the subnets of each tier, sorted by zone.
	Public, Private, Isolated []FoundSubnet
}

// FoundSubnet is an existing subnet.
type FoundSubnet struct {
	ID, Zone string
	Free     int // addresses that nothing has

	table   string // ID of its route table
	gateway string // where its route table sends what is for the internet; "" for nowhere
}

// Tiers returns the subnets of each tier by its name in the settings of [Existing].
func (f *Found) Tiers() map[string][]FoundSubnet {
	return map[string][]FoundSubnet{"public": f.Public, "private": f.Private, "isolated": f.Isolated}
}

// Find looks the VPC and its subnets up. It refuses subnets of other VPCs, of a single zone, several of a zone, and subnets whose routes
// do not fit their tier. The problems have the paths of Existing: vpc, public.subnets[0].
func Find(ctx *pulumi.Context, e *Existing) (*Found, error) {
	f, err := findVPC(ctx, e)
	if err != nil {
		return nil, err
	}
	var problems invalid.List
	for _, tier := range []struct {
		name   string
		wanted *Selection
		found  *[]FoundSubnet
	}{{"public", e.Public, &f.Public}, {"private", e.Private, &f.Private}, {"isolated", e.Isolated, &f.Isolated}} {
		if tier.wanted == nil {
			continue
		}
		found, err := f.subnets(ctx, tier.wanted)
		problems.Include(tier.name, err)
		if err == nil {
			problems.Include(tier.name, validZones(found))
		}
		*tier.found = found
	}
	problems.Include("private", f.validPrivate())
	return f, problems.Err()
}

func findVPC(ctx *pulumi.Context, e *Existing) (*Found, error) {
	var problems invalid.List
	args, path, value := &ec2.LookupVpcArgs{Tags: e.Tags}, "tags", tagText(e.Tags)
	if e.ID != "" {
		args, path, value = &ec2.LookupVpcArgs{Id: &e.ID}, "vpc", e.ID
	}
	vpc, err := ec2.LookupVpc(ctx, args)
	switch {
	case err != nil:
		problems.Add(path, value, "is not found as a VPC of the region: %v", err)
	case !vpc.EnableDnsSupport:
		problems.Add(path, value, "has enableDnsSupport off: no instance could resolve a name")
	default:
		f := &Found{ID: vpc.Id}
		for _, text := range append([]string{vpc.CidrBlock}, associated(vpc.CidrBlockAssociations)...) {
			if prefix, err := netip.ParsePrefix(text); err == nil && !slices.Contains(f.Ranges, prefix) {
				f.Ranges = append(f.Ranges, prefix)
			}
		}
		return f, nil
	}
	return nil, problems.Err()
}

// associated returns the ranges that a VPC has, the first and those that were added.
func associated(associations []ec2.GetVpcCidrBlockAssociation) []string {
	var ranges []string
	for _, a := range associations {
		if a.State == "associated" {
			ranges = append(ranges, a.CidrBlock)
		}
	}
	return ranges
}

// tagText returns tags as they are written in a stack file.
func tagText(tags map[string]string) string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint(tags), "map[", "{"), "]") + "}"
}

// subnets finds the subnets of a tier, and the routes that they have.
func (f *Found) subnets(ctx *pulumi.Context, wanted *Selection) ([]FoundSubnet, error) {
	var problems invalid.List
	ids := wanted.IDs
	if len(ids) == 0 {
		found, err := ec2.GetSubnets(ctx, &ec2.GetSubnetsArgs{
			Filters: []ec2.GetSubnetsFilter{{Name: "vpc-id", Values: []string{f.ID}}}, Tags: wanted.Tags,
		})
		if err != nil {
			return nil, err
		}
		if len(found.Ids) == 0 {
			problems.Add("tags", tagText(wanted.Tags), "are those of no subnet of %s", f.ID)
		}
		ids = found.Ids
	}
	var all []FoundSubnet
	for i, id := range ids {
		path := "tags"
		if len(wanted.IDs) > 0 {
			path = fmt.Sprintf("subnets[%d]", i)
		}
		subnet, err := f.subnet(ctx, id)
		problems.Include(path, err)
		all = append(all, subnet)
	}
	slices.SortFunc(all, func(a, b FoundSubnet) int { return strings.Compare(a.Zone, b.Zone) })
	return all, problems.Err()
}

func (f *Found) subnet(ctx *pulumi.Context, id string) (FoundSubnet, error) {
	var problems invalid.List
	subnet, err := ec2.LookupSubnet(ctx, &ec2.LookupSubnetArgs{Id: &id})
	switch {
	case err != nil:
		problems.Add("", id, "is not found as a subnet of the region: %v", err)
		return FoundSubnet{}, problems.Err()
	case subnet.VpcId != f.ID:
		problems.Add("", id, "is in %s, not in %s", subnet.VpcId, f.ID)
		return FoundSubnet{}, problems.Err()
	}
	found := FoundSubnet{ID: id, Zone: subnet.AvailabilityZone, Free: subnet.AvailableIpAddressCount}
	found.table, found.gateway, err = f.routes(ctx, id)
	return found, err
}

// routes returns the route table of a subnet, which may be the VPC's main table, and where it sends what is for the internet.
func (f *Found) routes(ctx *pulumi.Context, subnet string) (table, gateway string, err error) {
	for _, by := range []ec2.GetRouteTablesFilter{
		{Name: "association.subnet-id", Values: []string{subnet}}, {Name: "association.main", Values: []string{"true"}},
	} {
		tables, err := ec2.GetRouteTables(ctx, &ec2.GetRouteTablesArgs{VpcId: &f.ID, Filters: []ec2.GetRouteTablesFilter{by}})
		if err != nil {
			return "", "", err
		}
		if len(tables.Ids) == 0 {
			continue
		}
		found, err := ec2.LookupRouteTable(ctx, &ec2.LookupRouteTableArgs{RouteTableId: &tables.Ids[0]})
		if err != nil {
			return "", "", err
		}
		for _, route := range found.Routes {
			if route.CidrBlock == "0.0.0.0/0" {
				gateway = targetOf(route)
			}
		}
		return found.RouteTableId, gateway, nil
	}
	return "", "", nil
}

// targetOf returns the ID of what a route leads to.
func targetOf(r ec2.GetRouteTableRoute) string {
	return cmp.Or(r.GatewayId, r.NatGatewayId, r.TransitGatewayId, r.NetworkInterfaceId, r.InstanceId, r.VpcPeeringConnectionId,
		"another target")
}

// validZones refuses subnets of a single zone, and several of a zone.
func validZones(found []FoundSubnet) error {
	var problems invalid.List
	for i := 1; i < len(found); i++ {
		if found[i].Zone == found[i-1].Zone {
			problems.Add("", found[i].ID, "is in %s, as %s is: there may be one subnet a zone", found[i].Zone, found[i-1].ID)
		}
	}
	if len(found) == 1 {
		problems.Add("", found[0].ID, "is the only subnet found: two zones are needed at least")
	}
	return problems.Err()
}

// isInternet reports whether a subnet has a route to and from the internet.
func (s FoundSubnet) isInternet() bool { return strings.HasPrefix(s.gateway, "igw-") }

// validPrivate refuses private subnets with a route that only public addresses can use.
func (f *Found) validPrivate() error {
	var problems invalid.List
	for _, s := range f.Private {
		if s.isInternet() {
			problems.Add("", s.ID, "leads to the internet by %s, which an instance without a public address cannot use: it is a public subnet",
				s.gateway)
		}
	}
	return problems.Err()
}

// ValidatePublic refuses public subnets without a route from the internet.
func (f *Found) ValidatePublic() error {
	var problems invalid.List
	for _, s := range f.Public {
		if !s.isInternet() {
			problems.Add("public", s.ID, "has no route to an internet gateway in %s: nobody outside of the VPC would reach what is in it", s.table)
		}
	}
	return problems.Err()
}

// ValidateEndpoints refuses private subnets that reach neither the internet nor the endpoints of services of AWS, S3 among them. The
// services are named by the last part of their endpoint's name, as in [Args].
func (f *Found) ValidateEndpoints(ctx *pulumi.Context, region string, services []string) error {
	var problems invalid.List
	var secluded []FoundSubnet
	for _, s := range f.Private {
		if s.gateway == "" {
			secluded = append(secluded, s)
		}
	}
	if len(secluded) == 0 {
		return nil
	}
	bucket, err := f.endpoint(ctx, region, "s3", "Gateway")
	if err != nil {
		return err
	}
	for _, s := range secluded {
		if bucket == nil || !slices.Contains(bucket.RouteTableIds, s.table) {
			problems.Add("private", s.ID, "has no route to the internet, and none to S3 by a gateway endpoint in %s", s.table)
		}
	}
	for _, service := range services {
		found, err := f.endpoint(ctx, region, service, "Interface")
		if err != nil {
			return err
		}
		if found == nil || !found.PrivateDnsEnabled {
			problems.Add("private", secluded[0].ID, "has no route to the internet, and %s no endpoint of com.amazonaws.%s.%s with private DNS, "+
				"which the settings need", f.ID, region, service)
		}
	}
	return problems.Err()
}

// endpoint returns the VPC's endpoint of a service, nil if it has none.
func (f *Found) endpoint(ctx *pulumi.Context, region, service, kind string) (*ec2.LookupVpcEndpointResult, error) {
	found, err := ec2.LookupVpcEndpoint(ctx, &ec2.LookupVpcEndpointArgs{
		VpcId: &f.ID, ServiceName: new("com.amazonaws." + region + "." + service), State: new("available"),
		Filters: []ec2.GetVpcEndpointFilter{{Name: "vpc-endpoint-type", Values: []string{kind}}},
	})
	if err != nil && strings.Contains(err.Error(), "no matching") {
		return nil, nil //nolint:nilnil // there is none, and that is no error
	}
	return found, err
}

// Use registers a network of subnets that exist. It creates nothing at AWS.
func Use(ctx *pulumi.Context, name string, f *Found, opts ...pulumi.ResourceOption) (*Network, error) {
	n := &Network{}
	if err := ctx.RegisterComponentResource("elastic-service:network:Network", name, n, opts...); err != nil {
		return nil, fmt.Errorf("network %s: %w", name, err)
	}
	n.VPCID = pulumi.String(f.ID).ToStringOutput()
	n.PublicSubnetIDs, n.PrivateSubnetIDs, n.IsolatedSubnetIDs = idsOf(f.Public), idsOf(f.Private), idsOf(f.Isolated)
	return n, n.registerOutputs(ctx)
}

func idsOf(subnets []FoundSubnet) pulumi.StringArrayOutput {
	ids := pulumi.StringArray{}
	for _, s := range subnets {
		ids = append(ids, pulumi.String(s.ID))
	}
	return ids.ToStringArrayOutput()
}
