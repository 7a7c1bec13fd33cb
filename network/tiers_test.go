package network

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEachZoneIsHalfPrivateAQuarterPublicAndAQuarterIsolated(t *testing.T) {
	for name, test := range map[string]struct {
		cidr                      string
		zones                     int
		private, public, isolated []string
	}{
		"two zones of a /23": {
			"192.168.0.0/23", 2,
			[]string{"192.168.0.0/25", "192.168.1.0/25"},
			[]string{"192.168.0.128/26", "192.168.1.128/26"},
			[]string{"192.168.0.192/26", "192.168.1.192/26"},
		},
		"three zones leave a quarter of the VPC free": {
			"10.0.0.0/16", 3,
			[]string{"10.0.0.0/19", "10.0.64.0/19", "10.0.128.0/19"},
			[]string{"10.0.32.0/20", "10.0.96.0/20", "10.0.160.0/20"},
			[]string{"10.0.48.0/20", "10.0.112.0/20", "10.0.176.0/20"},
		},
		"the smallest that two zones share": {
			"10.0.0.128/25", 2,
			[]string{"10.0.0.128/27", "10.0.0.192/27"},
			[]string{"10.0.0.160/28", "10.0.0.224/28"},
			[]string{"10.0.0.176/28", "10.0.0.240/28"},
		},
		"one zone at the end of all addresses": {
			"255.255.255.192/26", 1, []string{"255.255.255.192/27"}, []string{"255.255.255.224/28"}, []string{"255.255.255.240/28"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := carve(netip.MustParsePrefix(test.cidr), test.zones)
			require.NoError(t, err)
			assert.Equal(t, test.private, texts(got.Private))
			assert.Equal(t, test.public, texts(got.Public))
			assert.Equal(t, test.isolated, texts(got.Isolated))
		})
	}
}

func TestCarveRefusesWhatHasNoRoomForThreeTiers(t *testing.T) {
	for name, test := range map[string]struct {
		cidr  string
		zones int
		want  string
	}{
		"quarters below /28": {
			"10.0.0.0/26", 2, "cidr: 10.0.0.0/26 has no room for public, private and isolated subnets of at least /28 in 2 zones",
		},
		"no zones": {
			"10.0.0.0/16", 0, "cidr: 10.0.0.0/16 has no room for public, private and isolated subnets of at least /28 in 0 zones",
		},
		"a VPC above /16": {"10.0.0.0/15", 2, "cidr: 10.0.0.0/15 is not between /16 and /28"},
		"host bits":       {"10.0.1.1/16", 2, "cidr: 10.0.1.1/16 has host bits set, it should be 10.0.0.0/16"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := carve(netip.MustParsePrefix(test.cidr), test.zones)
			require.EqualError(t, err, test.want)
			assert.Equal(t, tierRanges{}, got)
		})
	}
}

func FuzzTiersShareEachZonesPartWithoutOverlapOrGap(f *testing.F) {
	f.Add(uint32(0xc0a80000), 23, 2)
	f.Add(uint32(0x0a000000), 16, 6)
	f.Add(uint32(0x0a000000), 27, 2)
	f.Fuzz(func(t *testing.T, addr uint32, bits, zones int) {
		cidr, err := netip.AddrFrom4([4]byte{byte(addr >> 24), byte(addr >> 16), byte(addr >> 8), byte(addr)}).Prefix(bits)
		if err != nil || zones > 64 { // no region has ten, and thousands are slow to check
			return
		}
		tiers, err := carve(cidr, zones)
		shares, without := Subnets(cidr, zones)
		if err != nil {
			require.True(t, without != nil || shares[0].Bits() > smallest-2, "%s has room for %d zones", cidr, zones)
			return
		}
		require.NoError(t, without)
		for _, list := range [][]netip.Prefix{tiers.Private, tiers.Public, tiers.Isolated} {
			require.Len(t, list, zones)
		}
		for i, share := range shares {
			size := 0
			parts := []netip.Prefix{tiers.Private[i], tiers.Public[i], tiers.Isolated[i]}
			for j, part := range parts {
				require.True(t, contains(share, part), "%s in %s", part, share)
				require.NoError(t, validRange("part", part))
				size += 1 << (32 - part.Bits())
				for _, other := range parts[:j] {
					require.False(t, part.Overlaps(other), "%s and %s", part, other)
				}
			}
			require.Equal(t, 1<<(32-share.Bits()), size)
			require.Equal(t, tiers.Public[i].Bits(), tiers.Private[i].Bits()+1)
		}
	})
}
