package provider

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// subnetBlocks returns for each zone the ranges of the specs, in the order of the specs, by awsx's strategy Auto. Ranges that
// the program chooses are taken as they are. Otherwise the VPC is divided evenly among the zones, their number rounded up to a
// power of two. The subnets of a zone follow each other from the start of its range, each at the next multiple of its size.
func subnetBlocks(args *vpcArgs) ([][]string, error) {
	for _, spec := range args.SubnetSpecs {
		if len(spec.CidrBlocks) > 0 {
			return chosenBlocks(args)
		}
	}
	whole, err := netip.ParsePrefix(args.CidrBlock)
	if err != nil || !whole.Addr().Is4() {
		return nil, fmt.Errorf("cidrBlock: %q is no IPv4 range", args.CidrBlock)
	}
	zoneBits := whole.Bits() + newBits(len(args.AvailabilityZoneNames))
	if err := checkMasks(args, whole, zoneBits); err != nil {
		return nil, err
	}
	base := whole.Addr().As4()
	var all [][]string
	for i := range args.AvailabilityZoneNames {
		next := binary.BigEndian.Uint32(base[:]) + uint32(i)<<(32-zoneBits)
		var zone []string
		for _, spec := range args.SubnetSpecs {
			size := uint32(1) << (32 - spec.mask(zoneBits, len(args.SubnetSpecs)))
			next = (next + size - 1) / size * size
			var start [4]byte
			binary.BigEndian.PutUint32(start[:], next)
			zone = append(zone, netip.PrefixFrom(netip.AddrFrom4(start), spec.mask(zoneBits, len(args.SubnetSpecs))).String())
			next += size
		}
		all = append(all, zone)
	}
	return all, nil
}

// newBits returns how many bits it takes to number count things.
func newBits(count int) int {
	bits := 0
	for 1<<bits < count {
		bits++
	}
	return bits
}

// mask returns the length of the spec's prefix: the spec's own, or that of an equal share of the zone.
func (s subnetSpec) mask(zoneBits, specs int) int {
	if s.CidrMask != nil {
		return *s.CidrMask
	}
	return zoneBits + newBits(specs)
}

// checkMasks refuses subnets that are larger than a zone's share of the VPC, one by one or together.
func checkMasks(args *vpcArgs, whole netip.Prefix, zoneBits int) error {
	total := uint64(0)
	for i, spec := range args.SubnetSpecs {
		mask := spec.mask(zoneBits, len(args.SubnetSpecs))
		if mask < zoneBits || mask > 32 {
			return fmt.Errorf("subnetSpecs[%d].cidrMask: /%d doesn't fit a zone's share of %s, a /%d", i, mask, whole, zoneBits)
		}
		total += 1 << (32 - mask)
	}
	if share := uint64(1) << (32 - zoneBits); total > share {
		return fmt.Errorf("subnets are too large for VPC. VPC has %d addresses, but subnets require %d addresses", share, total)
	}
	return nil
}

// chosenBlocks returns the ranges that the specs choose. Every spec must choose as many as there are zones.
func chosenBlocks(args *vpcArgs) ([][]string, error) {
	zones := len(args.AvailabilityZoneNames)
	all := make([][]string, zones)
	for i, spec := range args.SubnetSpecs {
		if len(spec.CidrBlocks) == 0 {
			return nil, fmt.Errorf("if any subnet spec has explicit cidrBlocks, all subnets must have explicit cidrBlocks")
		}
		if len(spec.CidrBlocks) != zones {
			return nil, fmt.Errorf("subnetSpecs[%d].cidrBlocks: %d blocks for %d zones", i, len(spec.CidrBlocks), zones)
		}
		for zone, block := range spec.CidrBlocks {
			if spec.CidrMask != nil && !hasMask(block, *spec.CidrMask) {
				return nil, fmt.Errorf("the cidrMask in subnetSpecs[%d] must match all cidrBlocks or be left undefined", i)
			}
			all[zone] = append(all[zone], block)
		}
	}
	return all, nil
}

func hasMask(block string, mask int) bool {
	prefix, err := netip.ParsePrefix(block)
	return err == nil && prefix.Bits() == mask
}
