package vpc

import (
	"maps"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// RouteTable holds the routes of the subnets associated with it. The local route, for traffic within the VPC, is
// implied.
type RouteTable struct {
	ID           string
	VPC          string
	Routes       map[string]string // destination (CIDR or prefix list ID) → gateway, NAT gateway or gateway endpoint
	Associations map[string]string // association ID → subnet ID
}

// CreateRouteTable creates an empty table.
func (s *Store) CreateRouteTable(vpc string) (RouteTable, error) {
	table := &RouteTable{ID: aws.NewID("rtb"), VPC: vpc, Routes: map[string]string{}, Associations: map[string]string{}}
	beside := 0
	for _, other := range s.RouteTables {
		if other.VPC == vpc {
			beside++
		}
	}
	switch {
	case s.VPCs[vpc] == nil:
		return RouteTable{}, aws.NotFound("InvalidVpcID.NotFound", "vpc", vpc)
	case beside >= maxTables:
		return RouteTable{}, aws.Refuse("RouteTableLimitExceeded", "The maximum number of route tables has been reached.")
	}
	s.RouteTables[table.ID] = table
	return RouteTable{ID: table.ID, VPC: vpc}, nil
}

// DeleteRouteTable deletes a table without associations and removes it from gateway endpoints.
func (s *Store) DeleteRouteTable(id string) error {
	if table := s.RouteTables[id]; table != nil {
		for association := range table.Associations {
			return aws.InUse("routeTable", id, "association "+association)
		}
	}
	delete(s.RouteTables, id)
	for _, endpoint := range s.Endpoints {
		endpoint.RouteTables = slices.DeleteFunc(endpoint.RouteTables, func(table string) bool { return table == id })
	}
	return nil
}

// CreateRoute adds a route to an internet gateway or a NAT gateway.
func (s *Store) CreateRoute(table, destination, gateway string) error {
	found := s.RouteTables[table]
	if found == nil {
		return aws.NotFound("InvalidRouteTableID.NotFound", "routeTable", table)
	}
	if err := s.checkRouteTarget(found.VPC, gateway); err != nil {
		return err
	}
	if found.Routes[destination] != "" {
		return aws.Refuse("RouteAlreadyExists", "The route identified by %s already exists.", destination)
	}
	if _, err := parseCIDR(destination); err != nil {
		return err
	}
	if len(found.Routes) >= maxRoutes {
		return aws.Refuse("RouteLimitExceeded", "The maximum number of routes in %s has been reached.", table)
	}
	found.Routes[destination] = gateway
	return nil
}

// ReplaceRoute changes the target of a route.
func (s *Store) ReplaceRoute(table, destination, gateway string) error {
	found := s.RouteTables[table]
	if found == nil || found.Routes[destination] == "" {
		return aws.Refuse("InvalidRoute.NotFound", "no route with destination-cidr-block %s in route table %s", destination, table)
	}
	if err := s.checkRouteTarget(found.VPC, gateway); err != nil {
		return err
	}
	found.Routes[destination] = gateway
	return nil
}

// checkRouteTarget refuses a gateway that is not in the VPC.
func (s *Store) checkRouteTarget(vpc, gateway string) error {
	if strings.HasPrefix(gateway, "nat-") {
		if nat := s.NATGateways[gateway]; nat == nil || s.VPCOf(nat.Subnet) != vpc {
			return aws.NotFound("InvalidNatGatewayID.NotFound", "natGateway", gateway)
		}
		return nil
	}
	if found := s.InternetGateways[gateway]; found == nil || found.VPC != vpc {
		return aws.NotFound("InvalidGatewayID.NotFound", "internetGateway", gateway)
	}
	return nil
}

// DeleteRoute deletes a route.
func (s *Store) DeleteRoute(table, destination string) error {
	if found := s.RouteTables[table]; found != nil {
		delete(found.Routes, destination)
	}
	return nil
}

// Associate associates a table with a subnet that has none and returns the ID of the association.
func (s *Store) Associate(table, subnet string) (string, error) {
	id := aws.NewID("rtbassoc")
	found := s.RouteTables[table]
	switch {
	case found == nil:
		return "", aws.NotFound("InvalidRouteTableID.NotFound", "routeTable", table)
	case s.Subnets[subnet] == nil:
		return "", aws.NotFound("InvalidSubnetID.NotFound", "subnet", subnet)
	case s.VPCOf(subnet) != found.VPC:
		return "", differentNetworks(table, subnet)
	case s.tableOf(subnet) != nil:
		return "", aws.Refuse("Resource.AlreadyAssociated", "the specified association for route table %s conflicts "+
			"with an existing association", table)
	}
	found.Associations[id] = subnet
	return id, nil
}

// ReplaceAssociation gives the subnet of an association another table. The association keeps its ID; on AWS it gets a
// new ID.
func (s *Store) ReplaceAssociation(association, table string) error {
	found := s.RouteTables[table]
	if found == nil {
		return aws.NotFound("InvalidRouteTableID.NotFound", "routeTable", table)
	}
	for _, old := range s.RouteTables {
		subnet, has := old.Associations[association]
		switch {
		case !has:
			continue
		case s.VPCOf(subnet) != found.VPC:
			return differentNetworks(table, subnet)
		}
		delete(old.Associations, association)
		found.Associations[association] = subnet
		return nil
	}
	return aws.NotFound("InvalidAssociationID.NotFound", "association", association)
}

// differentNetworks refuses to associate a table with a subnet of another VPC.
func differentNetworks(table, subnet string) error {
	return aws.Refuse("InvalidParameterValue", "Route table %s and subnet %s belong to different networks", table, subnet)
}

// Disassociate ends an association. The subnet falls back to the main route table of its VPC.
func (s *Store) Disassociate(association string) error {
	for _, table := range s.RouteTables {
		delete(table.Associations, association)
	}
	return nil
}

// tableOf returns the route table associated with a subnet. Nil stands for the VPC's main table, which has only the
// local route.
func (s *Store) tableOf(subnet string) *RouteTable {
	for _, table := range s.RouteTables {
		for _, associated := range table.Associations {
			if associated == subnet {
				return table
			}
		}
	}
	return nil
}

// PublicByDefault reports whether new instances in a subnet get a public address by default.
func (s *Store) PublicByDefault(subnet string) bool {
	return s.Subnets[subnet] != nil && s.Subnets[subnet].MapPublicIP
}

// TableOf returns the route table that is associated with a subnet.
func (s *Store) TableOf(subnet string) (RouteTable, error) {
	return copyTable(s.tableOf(subnet))
}

// RouteTable returns a route table.
func (s *Store) RouteTable(id string) (RouteTable, error) {
	return copyTable(s.RouteTables[id])
}

// copyTable copies a table, or refuses nil in the words of the lookup.
func copyTable(table *RouteTable) (RouteTable, error) {
	if table == nil {
		return RouteTable{}, aws.Refuse("InvalidRouteTableID.NotFound",
			"query returned no results; please change your search criteria and try again")
	}
	copied := *table
	copied.Routes, copied.Associations = maps.Clone(table.Routes), maps.Clone(table.Associations)
	return copied, nil
}
