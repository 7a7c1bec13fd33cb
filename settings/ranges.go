package settings

import (
	"fmt"
	"math"
	"net/netip"
	"slices"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// globalUnicast has all addresses of IPv6 that the internet routes.
var globalUnicast = netip.MustParsePrefix("2000::/3")

// almostAnywhere reports whether ranges together have half of the addresses of the internet or more: two of /1 are as open as /0.
func almostAnywhere(ranges []netip.Prefix) bool {
	v4, v6 := 0.0, 0.0
	for i, r := range ranges {
		rest := slices.Concat(ranges[:i], slices.DeleteFunc(slices.Clone(ranges[i+1:]), func(o netip.Prefix) bool { return o == r }))
		if !r.IsValid() || slices.ContainsFunc(rest, func(o netip.Prefix) bool { return o.IsValid() && covers(o, r) }) {
			continue // another range has it
		}
		switch {
		case r.Addr().Is4():
			v4 += math.Exp2(-float64(r.Bits()))
		case covers(r, globalUnicast):
			v6++
		case covers(globalUnicast, r):
			v6 += math.Exp2(float64(globalUnicast.Bits() - r.Bits()))
		}
	}
	return v4 >= 0.5 || v6 >= 0.5
}

// refuseWorld refuses a range of all addresses, and ranges that are about as much together.
func refuseWorld(l *invalid.List, at string, ranges []netip.Prefix, advice string) {
	whole := false
	for i, r := range ranges {
		if r.IsValid() && r.Bits() == 0 {
			whole = true
			l.Add(fmt.Sprintf("%s[%d]", at, i), r, "is the whole world: %s", advice)
		}
	}
	if !whole && almostAnywhere(ranges) {
		l.Missing(at, "has half of all addresses or more (%s): %s", list(ranges), advice)
	}
}

// mostRules is how many rules of each direction a security group takes for IPv4, and as many for IPv6, unless AWS has raised the quota
// (VPC User Guide, Amazon VPC quotas).
const mostRules = 60

// validateNumber refuses more ranges than fit into a security group beside its other rules.
func validateNumber(l *invalid.List, at string, ranges []netip.Prefix, others int) {
	v6 := 0
	for _, r := range ranges {
		if r.IsValid() && r.Addr().Is6() {
			v6++
		}
	}
	if most := mostRules - others; max(v6, len(ranges)-v6) > most {
		l.Add(at, len(ranges), "ranges are too many: a security group takes %d, beside %d other rules", most, others)
	}
}
