package vpc

import (
	"maps"
	"net/netip"
	"slices"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// Subnet is a range of a VPC in one availability zone.
type Subnet struct {
	ID          string
	VPC         string
	CIDR        netip.Prefix
	Zone        string
	MapPublicIP bool // new instances get a public address by default
}

// VPCOf returns the ID of the VPC that a subnet belongs to, or "".
func (s *Store) VPCOf(subnet string) string {
	if found := s.Subnets[subnet]; found != nil {
		return found.VPC
	}
	return ""
}

// CreateSubnet creates a subnet in a VPC. EC2 accepts ranges from /16 to /28 that lie inside the VPC and overlap no
// other subnet (API: CreateSubnet).
func (s *Store) CreateSubnet(vpc, cidr, zone string, mapPublicIP bool) (Subnet, error) {
	prefix, err := parseCIDR(cidr)
	if err != nil {
		return Subnet{}, err
	}
	subnet := &Subnet{ID: aws.NewID("subnet"), VPC: vpc, CIDR: prefix, Zone: zone, MapPublicIP: mapPublicIP}
	parent := s.VPCs[vpc]
	switch {
	case parent == nil:
		return Subnet{}, aws.NotFound("InvalidVpcID.NotFound", "vpc", vpc)
	case !prefix.Addr().Is4(), prefix.Bits() < 16 || prefix.Bits() > 28,
		prefix.Bits() < parent.CIDR.Bits() || !parent.CIDR.Contains(prefix.Addr()):
		return Subnet{}, aws.Refuse("InvalidSubnet.Range", "The CIDR '%s' is invalid.", cidr)
	case !slices.Contains(s.region.Zones(), zone):
		return Subnet{}, aws.Refuse("InvalidParameterValue", "Value (%s) for parameter availabilityZone is invalid. "+
			"Subnets can currently only be created in the following availability zones: %v.", zone, s.region.Zones())
	}
	beside := 0
	for _, other := range s.Subnets {
		if other.VPC != vpc {
			continue
		}
		beside++
		if other.CIDR.Overlaps(prefix) {
			return Subnet{}, aws.Refuse("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", cidr)
		}
	}
	if beside >= maxSubnets {
		return Subnet{}, aws.Refuse("SubnetLimitExceeded", "The maximum number of subnets has been reached.")
	}
	s.Subnets[subnet.ID] = subnet
	return *subnet, nil
}

// UpdateSubnet sets whether new instances get a public address by default. Running instances keep theirs.
func (s *Store) UpdateSubnet(id string, mapPublicIP bool) error {
	subnet := s.Subnets[id]
	if subnet == nil {
		return aws.NotFound("InvalidSubnetID.NotFound", "subnet", id)
	}
	subnet.MapPublicIP = mapPublicIP
	return nil
}

// DeleteSubnet deletes a subnet without network interfaces.
func (s *Store) DeleteSubnet(id string) error {
	if user := s.ownerWhere(func(n *Interface) bool { return n.Subnet == id }); user != "" {
		return aws.InUse("subnet", id, user)
	}
	delete(s.Subnets, id)
	delete(s.Tags, id)
	for _, table := range s.RouteTables { // AWS drops the associations with the subnet
		maps.DeleteFunc(table.Associations, func(_, subnet string) bool { return subnet == id })
	}
	for _, acl := range s.NetworkACLs {
		maps.DeleteFunc(acl.Associations, func(_, subnet string) bool { return subnet == id })
	}
	return nil
}

// SameZone reports whether two subnets exist and are in the same availability zone.
func (s *Store) SameZone(a, b string) bool {
	return s.Subnets[a] != nil && s.Subnets[b] != nil && s.Subnets[a].Zone == s.Subnets[b].Zone
}

// NetworkOf returns the VPC of a subnet with all subnets of that VPC, sorted by ID.
func (s *Store) NetworkOf(subnet string) (VPC, []Subnet) {
	var network VPC
	var subnets []Subnet
	if found := s.VPCs[s.VPCOf(subnet)]; found != nil {
		network = *found
	}
	for _, id := range aws.Keys(s.Subnets) {
		if s.Subnets[id].VPC == network.ID {
			subnets = append(subnets, *s.Subnets[id])
		}
	}
	return network, subnets
}

// Zones returns the names of the region's availability zones, sorted.
func (s *Store) Zones() []string { return s.region.Zones() }
