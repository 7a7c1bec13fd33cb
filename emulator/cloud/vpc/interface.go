package vpc

import (
	"cmp"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// Interface is a network interface: it gives its owner an address in a subnet. Every address in a VPC belongs to an
// interface. So the list of interfaces answers who is in a subnet, which security groups are in use, which addresses
// are taken and what reaches what.
type Interface struct {
	ID      string
	Owner   Owner
	Subnet  string
	Address netip.Addr // private
	Groups  []string   // security groups
	Public  bool       // a public address is mapped to it
}

// Owner is a resource that has network interfaces.
type Owner struct {
	Kind string // one of the constants below
	ID   string // its ID, or a name that is unique
}

// The kinds of owners.
const (
	OwnerInstance = "instance"
	OwnerBalancer = "load balancer"
	OwnerNAT      = "NAT gateway"
	OwnerEndpoint = "endpoint"
	OwnerDatabase = "database"
)

// String names the owner for people, e.g. "instance i-0123".
func (o Owner) String() string { return o.Kind + " " + o.ID }

// SetInterfaces gives an owner one interface in each of the subnets and no others. An existing interface keeps its
// address. If one of the subnets has no free address, nothing changes.
func (s *Store) SetInterfaces(owner Owner, subnets, groups []string, public bool) error {
	have := s.InterfacesOf(owner)
	var wanted []*Interface
	for _, id := range subnets {
		if at := slices.IndexFunc(have, func(n *Interface) bool { return n.Subnet == id }); at >= 0 {
			wanted = append(wanted, have[at])
			continue
		}
		address, err := s.freeAddress(s.Subnets[id])
		if err != nil {
			return err
		}
		wanted = append(wanted, &Interface{ID: aws.NewID("eni"), Owner: owner, Subnet: id, Address: address})
	}
	s.DeleteInterfaces(owner)
	for _, n := range wanted {
		n.Groups, n.Public = slices.Clone(groups), public
		s.Interfaces[n.ID] = n
	}
	return nil
}

// DeleteInterfaces removes all interfaces of an owner.
func (s *Store) DeleteInterfaces(owner Owner) {
	maps.DeleteFunc(s.Interfaces, func(_ string, n *Interface) bool { return n.Owner == owner })
}

// RenameOwner passes the interfaces of an owner on to another.
func (s *Store) RenameOwner(from, to Owner) {
	for _, n := range s.InterfacesOf(from) {
		n.Owner = to
	}
}

// InterfacesOf returns the interfaces of an owner.
func (s *Store) InterfacesOf(owner Owner) []*Interface {
	return s.interfacesWhere(func(n *Interface) bool { return n.Owner == owner })
}

// interfacesWhere returns the interfaces that match, ordered by owner and subnet.
func (s *Store) interfacesWhere(match func(*Interface) bool) []*Interface {
	var found []*Interface
	for _, n := range s.Interfaces {
		if match(n) {
			found = append(found, n)
		}
	}
	slices.SortFunc(found, func(a, b *Interface) int {
		return cmp.Or(cmp.Compare(a.Owner.Kind, b.Owner.Kind), cmp.Compare(a.Owner.ID, b.Owner.ID), cmp.Compare(a.Subnet, b.Subnet))
	})
	return found
}

// ownerWhere names the owner of the first interface that matches, or returns "".
func (s *Store) ownerWhere(match func(*Interface) bool) string {
	for _, n := range s.interfacesWhere(match) {
		return n.Owner.String()
	}
	return ""
}

// AWS reserves the first four addresses and the last of each subnet (VPC User Guide: "Subnet CIDR blocks").
const reservedFirst, reservedAddresses = 4, 5

// freeAddress picks a free private address of a subnet at random, as EC2 seems to.
func (s *Store) freeAddress(subnet *Subnet) (netip.Addr, error) {
	taken := s.takenAddresses()
	base := subnet.CIDR.Addr().As4()
	size := 1 << (32 - subnet.CIDR.Bits())
	for _, n := range rand.Perm(size - reservedAddresses) {
		host := n + reservedFirst
		address := netip.AddrFrom4([4]byte{base[0], base[1], base[2] | byte(host>>8), base[3] | byte(host)})
		if !taken[address] && s.free(address) {
			return address, nil
		}
	}
	return netip.Addr{}, aws.Refuse("InsufficientFreeAddressesInSubnet",
		"There are not enough free addresses in subnet '%s' to satisfy the requested number of instances.", subnet.ID)
}

// takenAddresses returns the addresses of all interfaces.
func (s *Store) takenAddresses() map[netip.Addr]bool {
	taken := map[netip.Addr]bool{}
	for _, n := range s.Interfaces {
		taken[n.Address] = true
	}
	return taken
}

// FreeAddresses counts the addresses of a subnet that no interface has.
func (s *Store) FreeAddresses(subnet *Subnet) int {
	free := 1<<(32-subnet.CIDR.Bits()) - reservedAddresses
	for _, n := range s.Interfaces {
		if n.Subnet == subnet.ID {
			free--
		}
	}
	return free
}

// Peer returns the interface as an end of a connection.
func (n *Interface) Peer() Peer {
	return Peer{
		Name: n.Owner.String(), Address: n.Address, Groups: n.Groups, Subnet: n.Subnet, Public: n.Public, Back: n.Owner.answers(),
		Open: n.Owner.Kind == OwnerBalancer && len(n.Groups) == 0,
	}
}

// answers returns the ports on which the owner gets answers: an instance those of Linux, any other owner any port.
func (o Owner) answers() ports {
	if o.Kind == OwnerInstance {
		return linuxPorts
	}
	return anyPorts
}
