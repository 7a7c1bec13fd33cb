package vpc

import (
	"cmp"
	"net/netip"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// VPC is a virtual private cloud.
type VPC struct {
	ID   string
	CIDR netip.Prefix
	DNS  DNS
}

// DNS says which names a VPC resolves.
type DNS struct {
	Support   bool // AWS's resolver answers
	Hostnames bool // instances with public addresses have names
}

// SetDNS changes which names a VPC resolves (API: ModifyVpcAttribute).
func (s *Store) SetDNS(id string, dns DNS) error {
	found := s.VPCs[id]
	if found == nil {
		return aws.NotFound("InvalidVpcID.NotFound", "vpc", id)
	}
	found.DNS = dns
	return nil
}

// Default quotas ("Amazon VPC quotas"). The quota of internet gateways is that of VPCs.
const (
	maxVPCs              = 5   // per region
	maxSubnets           = 200 // per VPC
	maxTables            = 200 // per VPC
	maxRoutes            = 500 // per route table
	maxRules             = 60  // per security group and direction
	MaxGroupsOfInterface = 5   // security groups per network interface
)

// CreateVPC creates a VPC. EC2 accepts ranges from /16 to /28 (API: CreateVpc).
func (s *Store) CreateVPC(cidr string) (VPC, error) {
	prefix, err := parseCIDR(cidr)
	if err != nil {
		return VPC{}, err
	}
	if !prefix.Addr().Is4() || prefix.Bits() < 16 || prefix.Bits() > 28 {
		return VPC{}, aws.Refuse("InvalidVpc.Range", "The CIDR '%s' is invalid: a VPC is between /16 and /28.", cidr)
	}
	vpc := &VPC{ID: aws.NewID("vpc"), CIDR: prefix}
	if len(s.VPCs) >= maxVPCs {
		return VPC{}, aws.Refuse("VpcLimitExceeded", "The maximum number of VPCs has been reached.")
	}
	s.VPCs[vpc.ID] = vpc
	return *vpc, nil
}

// DeleteVPC deletes an empty VPC.
func (s *Store) DeleteVPC(id string) error {
	if found := s.contentOf(id); found != "" {
		return aws.InUse("vpc", id, found)
	}
	delete(s.VPCs, id)
	delete(s.Tags, id)
	return nil
}

// contentOf names a resource in a VPC, or returns "" if the VPC is empty.
func (s *Store) contentOf(vpc string) string {
	return cmp.Or(
		firstIn(vpc, "subnet", s.Subnets, func(n *Subnet) string { return n.VPC }),
		firstIn(vpc, "internet gateway", s.InternetGateways, func(g *InternetGateway) string { return g.VPC }),
		firstIn(vpc, "route table", s.RouteTables, func(t *RouteTable) string { return t.VPC }),
		firstIn(vpc, "security group", s.SecurityGroups, func(g *SecurityGroup) string { return g.VPC }),
		firstIn(vpc, "network ACL", s.NetworkACLs, func(a *NetworkACL) string { return a.VPC }),
		firstIn(vpc, "endpoint", s.Endpoints, func(e *Endpoint) string { return e.VPC }),
	)
}

// firstIn names the first of some resources of a kind that is in a VPC, or returns "".
func firstIn[T any](vpc, kind string, all map[string]*T, vpcOf func(*T) string) string {
	for _, id := range aws.Keys(all) {
		if vpcOf(all[id]) == vpc {
			return kind + " " + id
		}
	}
	return ""
}

// parseCIDR reads a range. It refuses one with bits set beyond its length.
func parseCIDR(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil || prefix != prefix.Masked() {
		return netip.Prefix{}, aws.Refuse("InvalidParameterValue", "Value (%s) for parameter cidrBlock is invalid. "+
			"This is not a valid CIDR block.", text)
	}
	return prefix, nil
}

// VPC returns a VPC, or false.
func (s *Store) VPC(id string) (VPC, bool) {
	found := s.VPCs[id]
	if found == nil {
		return VPC{}, false
	}
	return *found, true
}
