package cloud

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"
)

// VPC is a virtual private cloud.
type VPC struct {
	ID   string
	CIDR netip.Prefix
}

// InternetGateway connects a VPC to the internet.
type InternetGateway struct {
	ID  string
	VPC string // empty while detached
}

// Subnet is a range of a VPC in one availability zone.
type Subnet struct {
	ID          string
	VPC         string
	CIDR        netip.Prefix
	Zone        string
	MapPublicIP bool
}

// RouteTable holds the routes of the subnets associated with it. Traffic within the VPC needs none.
type RouteTable struct {
	ID           string
	VPC          string
	Routes       map[string]string // destination, a CIDR or a prefix list's ID → gateway, NAT gateway or gateway endpoint
	Associations map[string]string // association ID → subnet ID
}

// Default quotas ("Amazon VPC quotas"). Internet gateways have the one of the VPCs.
const (
	maxVPCs       = 5   // a Region
	maxSubnets    = 200 // a VPC
	maxTables     = 200 // a VPC
	maxRoutes     = 500 // a route table
	maxRules      = 60  // a security group, each direction
	maxInterfaced = 5   // security groups of a network interface
)

// CreateVPC makes a VPC. EC2 takes /16 to /28 (API: CreateVpc).
func (c *Cloud) CreateVPC(cidr string) (VPC, error) {
	prefix, err := parseCIDR(cidr)
	if err != nil {
		return VPC{}, err
	}
	if !prefix.Addr().Is4() || prefix.Bits() < 16 || prefix.Bits() > 28 {
		return VPC{}, refuse("InvalidVpc.Range", "The CIDR '%s' is invalid: a VPC is between /16 and /28.", cidr)
	}
	vpc := &VPC{ID: newID("vpc"), CIDR: prefix}
	err = c.change(func(s *state) error {
		if len(s.VPCs) >= maxVPCs {
			return refuse("VpcLimitExceeded", "The maximum number of VPCs has been reached.")
		}
		s.VPCs[vpc.ID] = vpc
		return nil
	})
	return *vpc, err
}

// DeleteVPC removes an empty VPC.
func (c *Cloud) DeleteVPC(id string) error {
	return c.change(func(s *state) error {
		if found := s.contentOf(id); found != "" {
			return inUse("vpc", id, found)
		}
		delete(s.VPCs, id)
		return nil
	})
}

// contentOf names something that is in a VPC, or returns "" if it is empty.
func (s *state) contentOf(vpc string) string {
	return cmp.Or(
		firstIn(vpc, "subnet", s.Subnets, func(n *Subnet) string { return n.VPC }),
		firstIn(vpc, "internet gateway", s.Gateways, func(g *InternetGateway) string { return g.VPC }),
		firstIn(vpc, "route table", s.RouteTables, func(t *RouteTable) string { return t.VPC }),
		firstIn(vpc, "security group", s.Groups, func(g *SecurityGroup) string { return g.VPC }),
		firstIn(vpc, "network ACL", s.ACLs, func(a *NetworkACL) string { return a.VPC }),
		firstIn(vpc, "endpoint", s.Endpoints, func(e *VPCEndpoint) string { return e.VPC }),
	)
}

// firstIn names the first of some resources that is in a VPC.
func firstIn[T any](vpc, kind string, all map[string]*T, vpcOf func(*T) string) string {
	for _, id := range keys(all) {
		if vpcOf(all[id]) == vpc {
			return kind + " " + id
		}
	}
	return ""
}

// CreateGateway makes an internet gateway, attached to the VPC if one is named.
func (c *Cloud) CreateGateway(vpc string) (InternetGateway, error) {
	gateway := &InternetGateway{ID: newID("igw"), VPC: vpc}
	err := c.change(func(s *state) error {
		if len(s.Gateways) >= maxVPCs {
			return refuse("InternetGatewayLimitExceeded", "The maximum number of internet gateways has been reached.")
		}
		if err := s.checkAttachment(vpc); err != nil {
			return err
		}
		s.Gateways[gateway.ID] = gateway
		return nil
	})
	return *gateway, err
}

// DeleteGateway detaches and removes a gateway. It stays while anything in the VPC has a public address mapped through
// it: an instance, an internet-facing balancer, or a NAT gateway.
func (c *Cloud) DeleteGateway(id string) error {
	return c.change(func(s *state) error {
		gateway := s.Gateways[id]
		if gateway == nil {
			return nil
		}
		if s.mappedAddress(gateway.VPC) != "" {
			return s.mapped(gateway.VPC)
		}
		delete(s.Gateways, id)
		return nil
	})
}

// MoveGateway detaches a gateway and attaches it to another VPC, or to none.
func (c *Cloud) MoveGateway(id, vpc string) error {
	return c.change(func(s *state) error {
		gateway := s.Gateways[id]
		switch {
		case gateway == nil:
			return notFound("InvalidInternetGatewayID.NotFound", "internetGateway", id)
		case gateway.VPC == vpc:
			return nil
		case s.mappedAddress(gateway.VPC) != "":
			return s.mapped(gateway.VPC)
		}
		if err := s.checkAttachment(vpc); err != nil {
			return err
		}
		gateway.VPC = vpc
		return nil
	})
}

func (s *state) mapped(vpc string) error {
	return refuse("DependencyViolation", "Network %s has some mapped public address(es) (%s). "+
		"Please unmap those public address(es) before detaching the gateway.", vpc, s.mappedAddress(vpc))
}

// checkAttachment holds that a VPC has one internet gateway at most.
func (s *state) checkAttachment(vpc string) error {
	if vpc != "" && s.VPCs[vpc] == nil {
		return notFound("InvalidVpcID.NotFound", "vpc", vpc)
	}
	if vpc != "" && s.hasGateway(vpc) {
		return refuse("Resource.AlreadyAssociated", "network %s already has an internet gateway attached", vpc)
	}
	return nil
}

func (s *state) hasGateway(vpc string) bool {
	for _, gateway := range s.Gateways {
		if gateway.VPC == vpc {
			return true
		}
	}
	return false
}

// mappedAddress names the owner of a public address in the VPC, or returns "".
func (s *state) mappedAddress(vpc string) string {
	return s.ownerWhere(func(n *Interface) bool { return n.Public && s.vpcOf(n.Subnet) == vpc })
}

func (s *state) vpcOf(subnet string) string {
	if found := s.Subnets[subnet]; found != nil {
		return found.VPC
	}
	return ""
}

// CreateSubnet carves a subnet out of a VPC. EC2 takes /16 to /28, inside the VPC, beside the others (API: CreateSubnet).
func (c *Cloud) CreateSubnet(vpc, cidr, zone string, mapPublicIP bool) (Subnet, error) {
	prefix, err := parseCIDR(cidr)
	if err != nil {
		return Subnet{}, err
	}
	subnet := &Subnet{ID: newID("subnet"), VPC: vpc, CIDR: prefix, Zone: zone, MapPublicIP: mapPublicIP}
	err = c.change(func(s *state) error {
		parent := s.VPCs[vpc]
		switch {
		case parent == nil:
			return notFound("InvalidVpcID.NotFound", "vpc", vpc)
		case !prefix.Addr().Is4(), prefix.Bits() < 16 || prefix.Bits() > 28,
			prefix.Bits() < parent.CIDR.Bits() || !parent.CIDR.Contains(prefix.Addr()):
			return refuse("InvalidSubnet.Range", "The CIDR '%s' is invalid.", cidr)
		case !slices.Contains(c.Zones(), zone):
			return refuse("InvalidParameterValue", "Value (%s) for parameter availabilityZone is invalid. "+
				"Subnets can currently only be created in the following availability zones: %v.", zone, c.Zones())
		}
		beside := 0
		for _, other := range s.Subnets {
			if other.VPC != vpc {
				continue
			}
			beside++
			if other.CIDR.Overlaps(prefix) {
				return refuse("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", cidr)
			}
		}
		if beside >= maxSubnets {
			return refuse("SubnetLimitExceeded", "The maximum number of subnets has been reached.")
		}
		s.Subnets[subnet.ID] = subnet
		return nil
	})
	return *subnet, err
}

// UpdateSubnet changes whether instances get a public address unless they say otherwise; those that run keep theirs.
func (c *Cloud) UpdateSubnet(id string, mapPublicIP bool) error {
	return c.change(func(s *state) error {
		subnet := s.Subnets[id]
		if subnet == nil {
			return notFound("InvalidSubnetID.NotFound", "subnet", id)
		}
		subnet.MapPublicIP = mapPublicIP
		return nil
	})
}

// DeleteSubnet removes a subnet that has no network interface any more.
func (c *Cloud) DeleteSubnet(id string) error {
	return c.change(func(s *state) error {
		if user := s.ownerWhere(func(n *Interface) bool { return n.Subnet == id }); user != "" {
			return inUse("subnet", id, user)
		}
		delete(s.Subnets, id)
		for _, table := range s.RouteTables { // AWS drops the associations with the subnet
			maps.DeleteFunc(table.Associations, func(_, subnet string) bool { return subnet == id })
		}
		for _, acl := range s.ACLs {
			maps.DeleteFunc(acl.Associations, func(_, subnet string) bool { return subnet == id })
		}
		return nil
	})
}

func (s *state) sameZone(a, b string) bool {
	return s.Subnets[a] != nil && s.Subnets[b] != nil && s.Subnets[a].Zone == s.Subnets[b].Zone
}

// CreateRouteTable makes an empty table.
func (c *Cloud) CreateRouteTable(vpc string) (RouteTable, error) {
	table := &RouteTable{ID: newID("rtb"), VPC: vpc, Routes: map[string]string{}, Associations: map[string]string{}}
	err := c.change(func(s *state) error {
		beside := 0
		for _, other := range s.RouteTables {
			if other.VPC == vpc {
				beside++
			}
		}
		switch {
		case s.VPCs[vpc] == nil:
			return notFound("InvalidVpcID.NotFound", "vpc", vpc)
		case beside >= maxTables:
			return refuse("RouteTableLimitExceeded", "The maximum number of route tables has been reached.")
		}
		s.RouteTables[table.ID] = table
		return nil
	})
	return RouteTable{ID: table.ID, VPC: vpc}, err
}

// DeleteRouteTable removes a table without associations. Gateway endpoints lose it.
func (c *Cloud) DeleteRouteTable(id string) error {
	return c.change(func(s *state) error {
		if table := s.RouteTables[id]; table != nil {
			for association := range table.Associations {
				return inUse("routeTable", id, "association "+association)
			}
		}
		delete(s.RouteTables, id)
		for _, endpoint := range s.Endpoints {
			endpoint.RouteTables = slices.DeleteFunc(endpoint.RouteTables, func(table string) bool { return table == id })
		}
		return nil
	})
}

// CreateRoute sends traffic for the destination to an internet gateway or a NAT gateway.
func (c *Cloud) CreateRoute(table, destination, gateway string) error {
	return c.change(func(s *state) error {
		found := s.RouteTables[table]
		if found == nil {
			return notFound("InvalidRouteTableID.NotFound", "routeTable", table)
		}
		if err := s.checkRouteTarget(found.VPC, gateway); err != nil {
			return err
		}
		if found.Routes[destination] != "" {
			return refuse("RouteAlreadyExists", "The route identified by %s already exists.", destination)
		}
		if _, err := parseCIDR(destination); err != nil {
			return err
		}
		if len(found.Routes) >= maxRoutes {
			return refuse("RouteLimitExceeded", "The maximum number of routes in %s has been reached.", table)
		}
		found.Routes[destination] = gateway
		return nil
	})
}

// ReplaceRoute sends traffic for a destination elsewhere.
func (c *Cloud) ReplaceRoute(table, destination, gateway string) error {
	return c.change(func(s *state) error {
		found := s.RouteTables[table]
		if found == nil || found.Routes[destination] == "" {
			return refuse("InvalidRoute.NotFound", "no route with destination-cidr-block %s in route table %s", destination, table)
		}
		if err := s.checkRouteTarget(found.VPC, gateway); err != nil {
			return err
		}
		found.Routes[destination] = gateway
		return nil
	})
}

func (s *state) checkRouteTarget(vpc, gateway string) error {
	if strings.HasPrefix(gateway, "nat-") {
		if nat := s.NATs[gateway]; nat == nil || s.vpcOf(nat.Subnet) != vpc {
			return notFound("InvalidNatGatewayID.NotFound", "natGateway", gateway)
		}
		return nil
	}
	if found := s.Gateways[gateway]; found == nil || found.VPC != vpc {
		return notFound("InvalidGatewayID.NotFound", "internetGateway", gateway)
	}
	return nil
}

// DeleteRoute removes a route.
func (c *Cloud) DeleteRoute(table, destination string) error {
	return c.change(func(s *state) error {
		if found := s.RouteTables[table]; found != nil {
			delete(found.Routes, destination)
		}
		return nil
	})
}

// Associate makes a table the one of a subnet.
func (c *Cloud) Associate(table, subnet string) (string, error) {
	id := newID("rtbassoc")
	err := c.change(func(s *state) error {
		found := s.RouteTables[table]
		switch {
		case found == nil:
			return notFound("InvalidRouteTableID.NotFound", "routeTable", table)
		case s.Subnets[subnet] == nil:
			return notFound("InvalidSubnetID.NotFound", "subnet", subnet)
		case s.vpcOf(subnet) != found.VPC:
			return differentNetworks(table, subnet)
		case s.tableOf(subnet) != nil:
			return refuse("Resource.AlreadyAssociated", "the specified association for route table %s conflicts "+
				"with an existing association", table)
		}
		found.Associations[id] = subnet
		return nil
	})
	return id, err
}

// ReplaceAssociation gives the subnet of an association another table. Here the association keeps its ID, on AWS it gets
// a new one.
func (c *Cloud) ReplaceAssociation(association, table string) error {
	return c.change(func(s *state) error {
		found := s.RouteTables[table]
		if found == nil {
			return notFound("InvalidRouteTableID.NotFound", "routeTable", table)
		}
		for _, old := range s.RouteTables {
			subnet, here := old.Associations[association]
			switch {
			case !here:
				continue
			case s.vpcOf(subnet) != found.VPC:
				return differentNetworks(table, subnet)
			}
			delete(old.Associations, association)
			found.Associations[association] = subnet
			return nil
		}
		return notFound("InvalidAssociationID.NotFound", "association", association)
	})
}

func differentNetworks(table, subnet string) error {
	return refuse("InvalidParameterValue", "Route table %s and subnet %s belong to different networks", table, subnet)
}

// Disassociate takes a subnet's table away.
func (c *Cloud) Disassociate(association string) error {
	return c.change(func(s *state) error {
		for _, table := range s.RouteTables {
			delete(table.Associations, association)
		}
		return nil
	})
}

// tableOf is the route table associated with a subnet; nil stands for the VPC's main table, which has only the local
// route.
func (s *state) tableOf(subnet string) *RouteTable {
	for _, table := range s.RouteTables {
		for _, associated := range table.Associations {
			if associated == subnet {
				return table
			}
		}
	}
	return nil
}

func parseCIDR(text string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(text)
	if err != nil || prefix != prefix.Masked() {
		return netip.Prefix{}, refuse("InvalidParameterValue", "Value (%s) for parameter cidrBlock is invalid. "+
			"This is not a valid CIDR block.", text)
	}
	return prefix, nil
}

func notFound(code, kind, id string) error {
	return refuse(code, "The %s ID '%s' does not exist", kind, id)
}

func inUse(kind, id, by string) error {
	return refuse("DependencyViolation", "The %s '%s' has dependencies and cannot be deleted: %s.", kind, id, by)
}

// VPC finds a VPC by its ID.
func (c *Cloud) VPC(id string) (VPC, bool) {
	var found *VPC
	c.view(func(s *state) { found = s.VPCs[id] })
	if found == nil {
		return VPC{}, false
	}
	return *found, true
}

// NetworkOf is the VPC of a subnet, with all of its subnets, by ID.
func (c *Cloud) NetworkOf(subnet string) (VPC, []Subnet) {
	var network VPC
	var subnets []Subnet
	c.view(func(s *state) {
		if found := s.VPCs[s.vpcOf(subnet)]; found != nil {
			network = *found
		}
		for _, id := range keys(s.Subnets) {
			if s.Subnets[id].VPC == network.ID {
				subnets = append(subnets, *s.Subnets[id])
			}
		}
	})
	return network, subnets
}
