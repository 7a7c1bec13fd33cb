package settings

import (
	"fmt"
	"math/bits"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// Network is the VPC.
type Network struct {
	// The addresses of the VPC.
	// Limits: /16 to /28 (VPC User Guide, VPC CIDR blocks), without host bits, within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16
	// or 100.64.0.0/10. Each zone needs room for a /28, or for four of them with `private`. An application balancer needs
	// subnets of /27 (ELB User Guide, subnets for your load balancer).
	CIDR netip.Prefix `default:"\"192.168.0.0/23\"" unit:"IPv4 range"`

	// The availability zones, each with one public subnet: their number, or a list of their names. For a number the stack takes
	// the first zones by name that offer the types of its instances, at its first deployment, and keeps them.
	// Limits: 2 to 6, and no more than the region has; names such as `us-east-1a`, each once; each offers the types of the
	// instances.
	Zones Zones `default:"2" minimum:"2" maximum:"6" unit:"zones"`

	// The ranges of the public subnets, in the order of the zones.
	// Default: equal parts of `cidr`.
	// Limits: one a zone, or none at all; each /16 to /28 (VPC User Guide, subnet CIDR blocks), within `cidr`, not overlapping;
	// not with `private`.
	Subnets []netip.Prefix `unit:"IPv4 ranges"`

	// Puts the instances into private subnets, one a zone, where nothing from the internet reaches them.
	// Limits: needs `nat` or `endpoints`.
	Private bool

	// NAT gateways, through which private subnets reach the internet: `none`, a `single` gateway for all zones, or a gateway
	// `perZone`.
	// Limits: `none`, `single`, `perZone`; needs `private`.
	NAT string `default:"\"none\"" enum:"none,single,perZone"`

	// VPC endpoints in the private subnets, for the AWS services that the instances need: Systems Manager, CloudWatch, ECS and
	// Secrets Manager, depending on the other settings.
	// Limits: needs `private`.
	Endpoints bool

	// Network ACLs: a second, stateless filter at the border of each subnet. It lets in the balancer's ports, SSH to a bastion,
	// and answers.
	ACL bool

	// Ways out of the instances beside those that they need: databases, mail, caches of others. They open the security group, and the
	// network ACLs with `acl`.
	// Limits: at most 12, each once.
	Egress []Egress

	// Logs which addresses exchanged traffic, in a CloudWatch log group, for 30 days.
	FlowLogs bool

	// A VPC that is there, for example another stack's, instead of one that the stack creates. The stack changes nothing of it.
	// Default: the stack creates a VPC.
	// Limits: not with other settings of the network, but `egress`.
	Existing *ExistingNetwork
}

// Zones are availability zones.
type Zones struct {
	Number int
	Names  []string // nil if the stack may choose
}

var zonePattern = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[1-9][0-9]?[a-z]$`)

const (
	minZones = 2
	maxZones = 6 // of the largest region, us-east-1
)

// AWS creates VPCs and subnets of /16 to /28, and reserves 5 addresses of each subnet.
const (
	largestRange  = 16
	smallestRange = 28
)

// privateRanges are not routed on the internet. A VPC with other addresses could not reach the part of the internet that has them.
var privateRanges = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"),
}

// The values of nat.
const (
	noNAT      = "none"
	singleNAT  = "single"
	natPerZone = "perZone"
)

// smallestALB is the smallest subnet that a balancer of type application takes (ELB: "Subnets for your load balancer").
const smallestALB = 27

// share returns the prefix length of a public subnet: a zone's whole part of the VPC, or a quarter of it with private subnets.
func (n Network) share() int {
	size := n.CIDR.Bits() + bits.Len(uint(max(n.Zones.Number, 1)-1))
	if n.Private {
		size += 2
	}
	return size
}

// ofInstances returns the prefix lengths of the subnets in which the instances are; none if the ranges do not fit, or the subnets exist.
func (n Network) ofInstances() []int {
	zones := n.Zones.Number
	switch {
	case n.Existing != nil, !n.CIDR.IsValid(), n.share() > smallestRange, n.CIDR.Bits() < largestRange, zones < minZones, zones > maxZones:
		return nil
	}
	var lengths []int
	for _, subnet := range n.Subnets {
		if subnet.Bits() < largestRange || subnet.Bits() > smallestRange {
			return nil
		}
		lengths = append(lengths, subnet.Bits())
	}
	if len(lengths) == 0 && n.Private {
		return slices.Repeat([]int{n.share() - 1}, zones) // half of the zone's part
	}
	if len(lengths) == 0 {
		return slices.Repeat([]int{n.share()}, zones)
	}
	return lengths
}

func (n Network) validate(l *invalid.List) {
	if n.Existing != nil {
		n.validateExisting(l)
		return
	}
	zonesFit := validateZones(l, n.Zones)
	rangeFits := validateRange(l, "network.cidr", n.CIDR)
	switch {
	case rangeFits && !slices.ContainsFunc(privateRanges, func(p netip.Prefix) bool { return covers(p, n.CIDR) }):
		l.Add("network.cidr", n.CIDR, "is not in a private range: %s", list(privateRanges))
	case rangeFits && zonesFit && len(n.Subnets) == 0 && n.share() > smallestRange:
		l.Add("network.cidr", n.CIDR, "is too small for %d zones: each needs a subnet of /%d at least", n.Zones.Number, smallestRange)
	}
	if zonesFit && len(n.Subnets) > 0 && len(n.Subnets) != n.Zones.Number {
		l.Add("network.subnets", len(n.Subnets), "are given for %d zones: there must be one a zone, or none", n.Zones.Number)
	}
	for i := range n.Subnets {
		n.validateSubnet(l, i, rangeFits)
	}
	n.validatePrivate(l)
}

// validatePrivate refuses private subnets without a way out, and settings for private subnets without private subnets.
func (n Network) validatePrivate(l *invalid.List) {
	known := n.NAT == noNAT || n.NAT == singleNAT || n.NAT == natPerZone
	switch {
	case !known:
		l.Add("network.nat", n.NAT, "is not none, single or perZone")
	case n.NAT != noNAT && !n.Private:
		l.Add("network.nat", n.NAT, "needs network.private: public subnets have a way out")
	case n.Private && n.NAT == noNAT && !n.Endpoints:
		l.Missing("network.private", "needs a way out to AWS: network.nat single or perZone, or network.endpoints")
	}
	if n.Endpoints && !n.Private {
		l.Add("network.endpoints", n.Endpoints, "needs network.private: public subnets have a way out")
	}
	if n.Private && len(n.Subnets) > 0 {
		l.Missing("network.subnets", "cannot be chosen with network.private: all subnets are parts of network.cidr")
	}
}

// validateZones reports whether the number of zones is possible.
func validateZones(l *invalid.List, zones Zones) bool {
	for i, name := range zones.Names {
		switch at := fmt.Sprintf("network.zones[%d]", i); {
		case !zonePattern.MatchString(name):
			l.Add(at, name, "is not an availability zone such as us-east-1a")
		case slices.Contains(zones.Names[:i], name):
			l.Add(at, name, "is listed twice")
		}
	}
	switch {
	case zones.Number < minZones:
		l.Add("network.zones", zones.Number, "is below %d: a zone can fail as a whole", minZones)
	case zones.Number > maxZones:
		l.Add("network.zones", zones.Number, "is above %d, which no region has", maxZones)
	default:
		return true
	}
	return false
}

func (n Network) validateSubnet(l *invalid.List, i int, rangeFits bool) {
	at, subnet := fmt.Sprintf("network.subnets[%d]", i), n.Subnets[i]
	if !validateRange(l, at, subnet) {
		return
	}
	if rangeFits && !covers(n.CIDR, subnet) {
		l.Add(at, subnet, "is not within network.cidr (%s)", n.CIDR)
	}
	for j, other := range n.Subnets[:i] {
		if other.IsValid() && subnet.Overlaps(other) {
			l.Add(at, subnet, "overlaps network.subnets[%d] (%s)", j, other)
		}
	}
}

// validateRange reports whether a VPC or a subnet can have the range.
func validateRange(l *invalid.List, at string, p netip.Prefix) bool {
	switch {
	case !p.IsValid():
		l.Missing(at, "must be set")
	case !p.Addr().Is4():
		l.Add(at, p, "is IPv6: it must be IPv4")
	case p != p.Masked():
		l.Add(at, p, "has bits set beyond /%d: write %s", p.Bits(), p.Masked())
	case p.Bits() < largestRange || p.Bits() > smallestRange:
		l.Add(at, p, "is not from /%d to /%d, which AWS demands", largestRange, smallestRange)
	default:
		return true
	}
	return false
}

// covers reports whether the outer range contains the whole inner range.
func covers(outer, inner netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

func list(ranges []netip.Prefix) string {
	var texts []string
	for _, r := range ranges {
		texts = append(texts, r.String())
	}
	return strings.Join(texts, ", ")
}
