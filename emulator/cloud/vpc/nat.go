package vpc

import (
	"net/netip"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// ElasticIP is a public address that belongs to the account until it is released.
type ElasticIP struct {
	ID      string
	Address netip.Addr // from 198.51.100.0/24, which RFC 5737 reserves: nothing answers there
	NAT     string     // ID of the NAT gateway that uses it, or ""
}

// NATGateway lets a VPC's private subnets open connections to the internet from one public address. It works only in a
// subnet that itself has a route through an internet gateway.
type NATGateway struct {
	ID      string
	Subnet  string
	Address netip.Addr // private, in its subnet
	EIP     string     // ID of its Elastic IP
}

// maxElasticIPs is the default quota ("Elastic IP addresses": 5 per region).
const maxElasticIPs = 5

// AllocateAddress allocates a public address.
func (s *Store) AllocateAddress() (ElasticIP, error) {
	eip := &ElasticIP{ID: aws.NewID("eipalloc")}
	if len(s.ElasticIPs) >= maxElasticIPs {
		return ElasticIP{}, aws.Refuse("AddressLimitExceeded", "The maximum number of addresses has been reached.")
	}
	taken := map[netip.Addr]bool{}
	for _, other := range s.ElasticIPs {
		taken[other.Address] = true
	}
	for n := byte(1); !eip.Address.IsValid() || taken[eip.Address]; n++ {
		eip.Address = netip.AddrFrom4([4]byte{198, 51, 100, n})
	}
	s.ElasticIPs[eip.ID] = eip
	return *eip, nil
}

// ReleaseAddress releases an address that is not in use.
func (s *Store) ReleaseAddress(id string) error {
	if eip := s.ElasticIPs[id]; eip != nil && eip.NAT != "" {
		return aws.Refuse("InvalidIPAddress.InUse", "Address %s is in use: %s.", eip.Address, eip.NAT)
	}
	delete(s.ElasticIPs, id)
	return nil
}

// CreateNAT creates a public NAT gateway. It fails if the VPC has no internet gateway (VPC User Guide: "Troubleshoot
// NAT gateways").
func (s *Store) CreateNAT(subnet, eip string) (NATGateway, error) {
	nat := &NATGateway{ID: aws.NewID("nat"), Subnet: subnet, EIP: eip}
	location, address := s.Subnets[subnet], s.ElasticIPs[eip]
	switch {
	case location == nil:
		return NATGateway{}, aws.NotFound("InvalidSubnetID.NotFound", "subnet", subnet)
	case address == nil:
		return NATGateway{}, aws.Refuse("InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist", eip)
	case address.NAT != "":
		return NATGateway{}, aws.Refuse("Resource.AlreadyAssociated", "Elastic IP address [%s] is already associated", eip)
	case !s.HasGateway(location.VPC):
		return NATGateway{}, aws.Refuse("Gateway.NotAttached", "Network %s has no Internet gateway attached", location.VPC)
	}
	if err := s.SetInterfaces(nat.owner(), []string{subnet}, nil, true); err != nil {
		return NATGateway{}, err
	}
	nat.Address = s.InterfacesOf(nat.owner())[0].Address
	s.NATGateways[nat.ID], address.NAT = nat, nat.ID
	return *nat, nil
}

// DeleteNAT deletes a NAT gateway and frees its Elastic IP. Routes to it stay and become black holes.
func (s *Store) DeleteNAT(id string) error {
	if nat := s.NATGateways[id]; nat != nil {
		s.ElasticIPs[nat.EIP].NAT = ""
		s.DeleteInterfaces(nat.owner())
	}
	delete(s.NATGateways, id)
	return nil
}

// owner returns the owner of the NAT gateway's network interface.
func (n *NATGateway) owner() Owner { return Owner{Kind: OwnerNAT, ID: n.ID} }

// PublicAddress returns the address from which a NAT gateway's traffic comes on the internet.
func (s *Store) PublicAddress(nat NATGateway) netip.Addr {
	if eip := s.ElasticIPs[nat.EIP]; eip != nil {
		return eip.Address
	}
	return netip.Addr{}
}
