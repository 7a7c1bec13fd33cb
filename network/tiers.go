package network

import (
	"net/netip"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// tierRanges holds the ranges of the subnets of a VPC with private subnets. Each list has a range for each zone.
type tierRanges struct {
	Public, Private, Isolated []netip.Prefix
}

// carve divides the equal share that [Subnets] gives each zone: the first half is private, because most addresses are those
// of instances, the third quarter public, the last quarter isolated. The isolated quarter is set aside without a database
// too, so that a database can be added later without moving anything. A /23 for two zones gives a /25, a /26 and a /26 in
// each.
func carve(cidr netip.Prefix, zones int) (tierRanges, error) {
	if err := validRange("cidr", cidr); err != nil {
		return tierRanges{}, err
	}
	shares, err := Subnets(cidr, zones)
	if err != nil || shares[0].Bits()+2 > smallest {
		var problems invalid.List
		problems.Add("cidr", cidr, "has no room for public, private and isolated subnets of at least /%d in %d zones",
			smallest, zones)
		return tierRanges{}, problems.Err()
	}
	var tiers tierRanges
	for _, share := range shares {
		half, quarter := share.Bits()+1, share.Bits()+2
		at := func(quarters uint32) netip.Addr { return offset(share.Addr(), quarters<<(32-quarter)) }
		tiers.Private = append(tiers.Private, netip.PrefixFrom(at(0), half))
		tiers.Public = append(tiers.Public, netip.PrefixFrom(at(2), quarter))
		tiers.Isolated = append(tiers.Isolated, netip.PrefixFrom(at(3), quarter))
	}
	return tiers, nil
}
