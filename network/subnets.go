package network

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// AWS's limits of the range of a VPC and of a subnet, as prefix lengths.
const (
	largest  = 16
	smallest = 28
)

// Subnets carves cidr into a range for each zone, all of one size: the largest power of two of which enough fit. A /23 gives
// two /24, or three /25 with the last quarter unused.
func Subnets(cidr netip.Prefix, zones int) ([]netip.Prefix, error) {
	if err := validRange("cidr", cidr); err != nil {
		return nil, err
	}
	length := subnetBits(cidr, zones)
	if zones < 1 || length > smallest {
		var problems invalid.List
		problems.Add("cidr", cidr, "has no room for %d subnets of at least /%d", zones, smallest)
		return nil, problems.Err()
	}
	subnets := make([]netip.Prefix, zones)
	for i := range subnets {
		subnets[i] = netip.PrefixFrom(offset(cidr.Addr(), uint32(i)<<(32-length)), length)
	}
	return subnets, nil
}

// subnetBits returns the prefix length of each of zones equal parts of cidr.
func subnetBits(cidr netip.Prefix, zones int) int {
	return cidr.Bits() + bits.Len(uint(max(zones, 1)-1))
}

func offset(addr netip.Addr, by uint32) netip.Addr {
	base := addr.As4()
	binary.BigEndian.PutUint32(base[:], binary.BigEndian.Uint32(base[:])+by)
	return netip.AddrFrom4(base)
}

// contains reports whether whole contains every address of part.
func contains(whole, part netip.Prefix) bool {
	return whole.Overlaps(part) && whole.Bits() <= part.Bits()
}

// validRange reports a range that AWS refuses for a VPC or a subnet, or that is not written as the network's own address.
func validRange(path string, cidr netip.Prefix) error {
	var problems invalid.List
	switch {
	case !cidr.IsValid() || !cidr.Addr().Is4():
		problems.Add(path, cidr, "is not an IPv4 range")
	case cidr.Bits() < largest || cidr.Bits() > smallest:
		problems.Add(path, cidr, "is not between /%d and /%d", largest, smallest)
	case cidr != cidr.Masked():
		problems.Add(path, cidr, "has host bits set, it should be %s", cidr.Masked())
	}
	return problems.Err()
}
