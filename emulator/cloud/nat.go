package cloud

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
func (c *Cloud) AllocateAddress() (ElasticIP, error) {
	eip := &ElasticIP{ID: newID("eipalloc")}
	err := c.change(func(s *state) error {
		if len(s.Addresses) >= maxElasticIPs {
			return refuse("AddressLimitExceeded", "The maximum number of addresses has been reached.")
		}
		taken := map[netip.Addr]bool{}
		for _, other := range s.Addresses {
			taken[other.Address] = true
		}
		for n := byte(1); !eip.Address.IsValid() || taken[eip.Address]; n++ {
			eip.Address = netip.AddrFrom4([4]byte{198, 51, 100, n})
		}
		s.Addresses[eip.ID] = eip
		return nil
	})
	return *eip, err
}

// ReleaseAddress gives an address back that nobody uses.
func (c *Cloud) ReleaseAddress(id string) error {
	return c.change(func(s *state) error {
		if eip := s.Addresses[id]; eip != nil && eip.NAT != "" {
			return refuse("InvalidIPAddress.InUse", "Address %s is in use: %s.", eip.Address, eip.NAT)
		}
		delete(s.Addresses, id)
		return nil
	})
}

// CreateNAT makes a public NAT gateway. Without an internet gateway in the VPC it fails (VPC User Guide: "Troubleshoot
// NAT gateways").
func (c *Cloud) CreateNAT(subnet, eip string) (NATGateway, error) {
	nat := &NATGateway{ID: newID("nat"), Subnet: subnet, EIP: eip}
	err := c.change(func(s *state) error {
		place, address := s.Subnets[subnet], s.Addresses[eip]
		switch {
		case place == nil:
			return notFound("InvalidSubnetID.NotFound", "subnet", subnet)
		case address == nil:
			return refuse("InvalidAllocationID.NotFound", "The allocation ID '%s' does not exist", eip)
		case address.NAT != "":
			return refuse("Resource.AlreadyAssociated", "Elastic IP address [%s] is already associated", eip)
		case !s.hasGateway(place.VPC):
			return refuse("Gateway.NotAttached", "Network %s has no Internet gateway attached", place.VPC)
		}
		if err := s.SetInterfaces(nat.owner(), []string{subnet}, nil, true); err != nil {
			return err
		}
		nat.Address = s.InterfacesOf(nat.owner())[0].Address
		s.NATs[nat.ID], address.NAT = nat, nat.ID
		return nil
	})
	return *nat, err
}

// DeleteNAT removes a NAT gateway and sets its address free. Routes to it stay, and lead nowhere.
func (c *Cloud) DeleteNAT(id string) error {
	return c.change(func(s *state) error {
		if nat := s.NATs[id]; nat != nil {
			s.Addresses[nat.EIP].NAT = ""
			s.DeleteInterfaces(nat.owner())
		}
		delete(s.NATs, id)
		return nil
	})
}

func (n *NATGateway) owner() Owner { return Owner{OwnerNAT, n.ID} }

// PublicAddress is the address under which a NAT gateway's traffic is seen on the internet.
func (c *Cloud) PublicAddress(nat NATGateway) netip.Addr {
	var address netip.Addr
	c.view(func(s *state) {
		if eip := s.Addresses[nat.EIP]; eip != nil {
			address = eip.Address
		}
	})
	return address
}
