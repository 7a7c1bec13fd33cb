package loopback_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/elastic-service/elastic-service/emulator/loopback"
)

func TestAnAddressIsClaimedByOneEmulatorAtATime(t *testing.T) {
	var first, second loopback.Claims
	defer second.Close()
	address, other := netip.MustParseAddr("127.99.0.1"), netip.MustParseAddr("127.99.0.2")
	assert.True(t, first.Claim(address))
	assert.True(t, first.Claim(address), "it has it already")
	assert.False(t, second.Claim(address))
	assert.True(t, second.Claim(other))
	first.Close()
	assert.True(t, second.Claim(address))
}

func TestAClaimEndsWhenItsAddressIsNotInUseAnyMore(t *testing.T) {
	var first, second loopback.Claims
	defer first.Close()
	defer second.Close()
	used, former := netip.MustParseAddr("127.99.0.3"), netip.MustParseAddr("127.99.0.4")
	assert.True(t, first.Claim(used))
	assert.True(t, first.Claim(former))
	first.Release([]netip.Addr{used})
	assert.False(t, second.Claim(former), "its use may be about to begin")
	first.Release([]netip.Addr{used})
	assert.True(t, second.Claim(former))
	assert.False(t, second.Claim(used))
}
