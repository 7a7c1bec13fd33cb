package vpc

import (
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

import (
	"net/netip"
)

// ElasticIP is a public address that stays the account's until it is released.
type ElasticIP struct {
	ID      string
	Address netip.Addr // of RFC 5737's 198.51.100.0/24, where nobody is: nothing on this machine answers there
	NAT     string     // the NAT gateway that uses it; empty while nobody does
}

// NATGateway lets a VPC's private subnets open connections to the internet under one public address. It works only in a
// subnet that has itself a route through an internet gateway, see [Blocked].
type NATGateway struct {
	ID      string
	Subnet  string
	Address netip.Addr // private, in its subnet
	EIP     string     // ID
}

// maxElasticIPs is a region's default quota ("Elastic IP addresses": 5 a Region).
const maxElasticIPs = 5

// AllocateAddress gives the account a public address.
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

// ReleaseAddress gives an address back that nobody uses.
func (s *Store) ReleaseAddress(id string) error {
	if eip := s.ElasticIPs[id]; eip != nil && eip.NAT != "" {
		return aws.Refuse("InvalidIPAddress.InUse", "Address %s is in use: %s.", eip.Address, eip.NAT)
	}
	delete(s.ElasticIPs, id)
	return nil
}

// CreateNAT makes a public NAT gateway. Without an internet gateway in the VPC it fails (VPC User Guide: "Troubleshoot
// NAT gateways").
func (s *Store) CreateNAT(subnet, eip string) (NATGateway, error) {
	nat := &NATGateway{ID: aws.NewID("nat"), Subnet: subnet, EIP: eip}
	place, address := s.Subnets[subnet], s.ElasticIPs[eip]
	switch {
	case place == nil:
		return NATGateway{}, aws.NotFound("InvalidSubnetID.NotFound", "subnet", subnet)
	case address == nil:
		return NATGateway{}, aws.Refuse("InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist", eip)
	case address.NAT != "":
		return NATGateway{}, aws.Refuse("Resource.AlreadyAssociated", "Elastic IP address [%s] is already associated", eip)
	case !s.HasGateway(place.VPC):
		return NATGateway{}, aws.Refuse("Gateway.NotAttached", "Network %s has no Internet gateway attached", place.VPC)
	}
	if err := s.SetInterfaces(nat.owner(), []string{subnet}, nil, true); err != nil {
		return NATGateway{}, err
	}
	nat.Address = s.InterfacesOf(nat.owner())[0].Address
	s.NATGateways[nat.ID], address.NAT = nat, nat.ID
	return *nat, nil
}

// DeleteNAT removes a NAT gateway and sets its address free. Routes to it stay, and lead nowhere.
func (s *Store) DeleteNAT(id string) error {
	if nat := s.NATGateways[id]; nat != nil {
		s.ElasticIPs[nat.EIP].NAT = ""
		s.DeleteInterfaces(nat.owner())
	}
	delete(s.NATGateways, id)
	return nil
}

func (n *NATGateway) owner() Owner { return Owner{Kind: OwnerNAT, ID: n.ID} }

// PublicAddress is the address under which a NAT gateway's traffic is seen on the internet.
func (s *Store) PublicAddress(nat NATGateway) netip.Addr {
	var address netip.Addr
	if eip := s.ElasticIPs[nat.EIP]; eip != nil {
		address = eip.Address
	}
	return address
}
