package vpc

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/iam"
)

// Endpoint connects a VPC to a service of AWS without the internet: a gateway endpoint by routes, an interface endpoint
// by network interfaces in subnets.
type Endpoint struct {
	ID          string
	VPC         string
	Service     string // e.g. com.amazonaws.us-east-1.s3
	Interface   bool   // an interface endpoint; otherwise a gateway endpoint
	RouteTables []string
	Interfaces  map[string]netip.Addr `json:"-"` // subnet → private address; of a copy
	Groups      []string
	PrivateDNS  bool   // the public name of the service resolves to the interfaces in the whole VPC
	Policy      string // document; empty: allows everything
}

// Name returns the short name of the service, e.g. s3 or ecr.api.
func (e *Endpoint) Name() string {
	parts := strings.SplitN(e.Service, ".", 4)
	return parts[len(parts)-1]
}

// PrefixList returns the ID of the prefix list that a gateway endpoint routes to. It returns "" for an interface
// endpoint.
func (e *Endpoint) PrefixList() string {
	if e.Interface {
		return ""
	}
	return prefixLists[e.Name()].ID
}

// prefixList is a named set of ranges of a service.
type prefixList struct {
	ID     string
	Ranges []netip.Prefix
}

// prefixLists holds the prefix lists of the services that have gateway endpoints. The IDs and ranges are examples from
// us-east-1 and serve for every region.
var prefixLists = map[string]prefixList{
	"s3":       {"pl-63a5400a", []netip.Prefix{netip.MustParsePrefix("52.216.0.0/15"), netip.MustParsePrefix("3.5.0.0/19")}},
	"dynamodb": {"pl-02cd2c6b", []netip.Prefix{netip.MustParsePrefix("52.94.0.0/22")}},
}

// prefixListByID returns a prefix list, or false.
func prefixListByID(id string) (prefixList, bool) {
	for _, list := range prefixLists {
		if list.ID == id {
			return list, true
		}
	}
	return prefixList{}, false
}

// PrefixListOf returns the service and the ranges of a prefix list of AWS, or false.
func PrefixListOf(id string) (service string, ranges []netip.Prefix, known bool) {
	for service, list := range prefixLists {
		if list.ID == id {
			return service, list.Ranges, true
		}
	}
	return "", nil, false
}

// contains reports whether a destination, which is a CIDR or the ID of a prefix list, contains an address, and the
// length of the range that does: the longest is the most specific.
func contains(destination string, address netip.Addr) (bits int, ok bool) {
	ranges := []netip.Prefix{}
	if list, known := prefixListByID(destination); known {
		ranges = list.Ranges
	} else if prefix, err := netip.ParsePrefix(destination); err == nil {
		ranges = append(ranges, prefix)
	}
	for _, prefix := range ranges {
		if prefix.Contains(address) {
			return prefix.Bits(), true
		}
	}
	return 0, false
}

// PublicService returns a service of AWS as a peer on the internet.
func PublicService(name string) Peer {
	address := netip.MustParseAddr("54.239.16.1")
	if list, ok := prefixLists[name]; ok {
		address = list.Ranges[0].Addr().Next()
	}
	return Peer{Name: ServicePrefix + name, Address: address}
}

// ServicePrefix begins the name of the peer that [PublicService] returns.
const ServicePrefix = "AWS service "

// EndpointSpec describes an endpoint.
type EndpointSpec struct {
	VPC         string
	Service     string
	Interface   bool
	RouteTables []string // of a gateway endpoint
	Subnets     []string // of an interface endpoint
	Groups      []string // security groups of an interface endpoint
	PrivateDNS  bool     // of an interface endpoint
	Policy      string
}

// CreateEndpoint creates an endpoint. For a gateway endpoint it adds the routes to the service's prefix list.
func (s *Store) CreateEndpoint(spec EndpointSpec) (Endpoint, error) {
	made := &Endpoint{ID: aws.NewID("vpce"), VPC: spec.VPC, Service: spec.Service, Interface: spec.Interface}
	if err := s.checkEndpoint(made, spec); err != nil {
		return Endpoint{}, err
	}
	if err := s.configure(made, spec); err != nil {
		return Endpoint{}, err
	}
	s.Endpoints[made.ID] = made
	return s.copyOf(made), nil
}

// UpdateEndpoint changes everything except the VPC, the service and the type.
func (s *Store) UpdateEndpoint(id string, spec EndpointSpec) error {
	found := s.Endpoints[id]
	if found == nil {
		return aws.NotFound("InvalidVpcEndpointId.NotFound", "Vpc Endpoint", id)
	}
	if err := s.checkEndpoint(found, spec); err != nil {
		return err
	}
	return s.configure(found, spec)
}

// configure sets the routes or interfaces of an endpoint from a valid spec.
func (s *Store) configure(e *Endpoint, spec EndpointSpec) error {
	if err := s.SetInterfaces(e.owner(), spec.Subnets, spec.Groups, false); err != nil {
		return err
	}
	s.deleteRoutes(e)
	e.RouteTables, e.Groups = slices.Clone(spec.RouteTables), slices.Clone(spec.Groups)
	e.PrivateDNS, e.Policy = spec.PrivateDNS, spec.Policy
	for _, table := range e.RouteTables {
		s.RouteTables[table].Routes[e.PrefixList()] = e.ID
	}
	return nil
}

// deleteRoutes deletes the routes of a gateway endpoint.
func (s *Store) deleteRoutes(e *Endpoint) {
	for _, id := range e.RouteTables {
		if table := s.RouteTables[id]; table != nil {
			maps.DeleteFunc(table.Routes, func(_, target string) bool { return target == e.ID })
		}
	}
}

// checkEndpoint refuses a spec that EC2 refuses (API: CreateVpcEndpoint).
func (s *Store) checkEndpoint(e *Endpoint, spec EndpointSpec) error {
	if s.VPCs[spec.VPC] == nil {
		return aws.NotFound("InvalidVpcId.NotFound", "Vpc", spec.VPC)
	}
	if !strings.HasPrefix(spec.Service, "com.amazonaws."+string(s.region)+".") {
		return aws.Refuse("InvalidServiceName", "The Vpc Peer Service '%s' does not exist", spec.Service)
	}
	if spec.Policy != "" {
		if err := iam.CheckPolicy(spec.Policy); err != nil {
			return err
		}
	}
	if spec.Interface {
		return s.checkInterfaces(e, spec)
	}
	return s.checkGatewayEndpoint(e, spec)
}

// checkGatewayEndpoint checks the service and the route tables of a gateway endpoint.
func (s *Store) checkGatewayEndpoint(e *Endpoint, spec EndpointSpec) error {
	list, ok := prefixLists[e.Name()]
	switch {
	case !ok:
		return aws.Refuse("InvalidParameter", "Peer type (Gateway) does not match available service types ([Interface]) of %s.",
			spec.Service)
	case len(spec.Subnets) > 0 || len(spec.Groups) > 0 || spec.PrivateDNS:
		return aws.Refuse("InvalidParameter", "A gateway endpoint takes route tables: it has no subnets, security groups or private DNS.")
	}
	for _, id := range spec.RouteTables {
		table := s.RouteTables[id]
		if table == nil || table.VPC != spec.VPC {
			return aws.NotFound("InvalidRouteTableId.NotFound", "route table", id)
		}
		if other := table.Routes[list.ID]; other != "" && other != e.ID {
			return aws.Refuse("RouteAlreadyExists", "route table %s already has a route with destination-prefix-list-id %s", id, list.ID)
		}
	}
	return nil
}

// checkInterfaces checks the subnets and security groups of an interface endpoint.
func (s *Store) checkInterfaces(e *Endpoint, spec EndpointSpec) error {
	if len(spec.RouteTables) > 0 {
		return aws.Refuse("InvalidParameter", "An interface endpoint takes subnets: it has no route tables.")
	}
	zones := map[string]bool{}
	for _, id := range spec.Subnets {
		subnet := s.Subnets[id]
		if subnet == nil || subnet.VPC != spec.VPC {
			return aws.NotFound("InvalidSubnetId.NotFound", "subnet", id)
		}
		if zones[subnet.Zone] {
			return aws.Refuse("DuplicateSubnetsInSameZone", "Found another VPC endpoint subnet in the availability zone of %s. "+
				"VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service.", id)
		}
		zones[subnet.Zone] = true
	}
	for _, id := range spec.Groups {
		if group := s.SecurityGroups[id]; group == nil || group.VPC != spec.VPC {
			return aws.NotFound("InvalidSecurityGroupId.NotFound", "security group", id)
		}
	}
	if len(spec.Groups) == 0 {
		return aws.Refuse("InvalidParameter", "an interface endpoint without a security group would take the default one of its VPC, "+
			"which the emulator doesn't have: name one")
	}
	for _, other := range s.Endpoints {
		if other != e && spec.PrivateDNS && other.VPC == spec.VPC && other.PrivateDNS && other.Service == spec.Service {
			return aws.Refuse("InvalidParameter", "private-dns-enabled cannot be set because there is already a conflicting DNS domain "+
				"for %s in the VPC %s", spec.Service, spec.VPC)
		}
	}
	return nil
}

// DeleteEndpoint deletes an endpoint with its routes and interfaces.
func (s *Store) DeleteEndpoint(id string) error {
	if e := s.Endpoints[id]; e != nil {
		s.deleteRoutes(e)
		s.DeleteInterfaces(e.owner())
	}
	delete(s.Endpoints, id)
	return nil
}

// owner returns the owner of the interfaces of an interface endpoint.
func (e *Endpoint) owner() Owner { return Owner{Kind: OwnerEndpoint, ID: e.ID} }

// copyOf returns a copy of an endpoint with the addresses of its interfaces.
func (s *Store) copyOf(e *Endpoint) Endpoint {
	copied := *e
	copied.Interfaces = map[string]netip.Addr{}
	for _, n := range s.InterfacesOf(e.owner()) {
		copied.Interfaces[n.Subnet] = n.Address
	}
	copied.RouteTables, copied.Groups = slices.Clone(e.RouteTables), slices.Clone(e.Groups)
	return copied
}

// Endpoint returns an endpoint, or false.
func (s *Store) Endpoint(id string) (Endpoint, bool) {
	found := s.Endpoints[id]
	if found == nil {
		return Endpoint{}, false
	}
	return s.copyOf(found), true
}

// ServicePeer returns the interface of an interface endpoint to which the name of a service resolves in a subnet: the
// interface in the same zone, or else the first. It returns nil if the name resolves to the service's public address.
func (s *Store) ServicePeer(service, subnet string) *Peer {
	for _, id := range aws.Keys(s.Endpoints) {
		e := s.Endpoints[id]
		candidates := s.InterfacesOf(e.owner())
		if !e.PrivateDNS || e.Name() != service || e.VPC != s.VPCOf(subnet) || len(candidates) == 0 {
			continue
		}
		chosen := candidates[0]
		for _, candidate := range candidates {
			if s.SameZone(candidate.Subnet, subnet) {
				chosen = candidate
			}
		}
		end := chosen.Peer()
		end.Name += " of " + service
		return &end
	}
	return nil
}
