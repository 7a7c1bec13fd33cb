package controller

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// Three targets in one zone and one in the other: with cross-zone on each gets a quarter of the flows, with it off each
// zone gets half of them (ELB: "Cross-zone load balancing").
func TestFlowsSpreadEvenlyOverTargetsOrOverZones(t *testing.T) {
	zones := []string{"us-east-1a", "us-east-1a", "us-east-1a", "us-east-1b"}
	var targets []elb.ForwardTarget
	for n, zone := range zones {
		targets = append(targets, elb.ForwardTarget{
			ID: fmt.Sprint(n), Zone: zone, Address: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(n + 4)}), 5000),
		})
	}
	quarters := map[string]float64{"0": .25, "1": .25, "2": .25, "3": .25}
	halves := map[string]float64{"0": 1. / 6, "1": 1. / 6, "2": 1. / 6, "3": .5}
	const flows = 40_000
	for name, c := range map[string]struct {
		crossZone bool
		nodes     []string
		targets   []elb.ForwardTarget
		want      map[string]float64
	}{
		"cross-zone on":             {true, []string{"us-east-1a", "us-east-1b"}, targets, quarters},
		"cross-zone off":            {false, []string{"us-east-1a", "us-east-1b"}, targets, halves},
		"a node that is out":        {true, []string{"us-east-1b"}, targets, quarters},
		"off, and a node is out":    {false, []string{"us-east-1b"}, targets, map[string]float64{"3": 1}},
		"a single target":           {true, []string{"us-east-1a", "us-east-1b"}, targets[:1], map[string]float64{"0": 1}},
		"off, and one zone's alone": {false, []string{"us-east-1a"}, targets[:3], map[string]float64{"0": 1. / 3, "1": 1. / 3, "2": 1. / 3}},
	} {
		t.Run(name, func(t *testing.T) {
			l := &listener{}
			l.forward.Store(&elb.Forward{CrossZone: c.crossZone, Zones: []string{"us-east-1a", "us-east-1b"}, Nodes: c.nodes, Targets: c.targets})
			got := map[string]int{}
			for n := range flows {
				client := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, byte(1 + n%5)}), uint16(32768+n/5))
				target, ok := l.pick(client)
				assert.True(t, ok)
				again, _ := l.pick(client)
				assert.Equal(t, target, again, "a flow stays on its target")
				got[target.ID]++
			}
			for id, want := range c.want {
				assert.InDelta(t, want, float64(got[id])/flows, 0.02, "target %s of %v", id, got) // eight standard deviations
			}
			assert.Len(t, got, len(c.want))
		})
	}
}

func TestAFlowToATargetThatIsBlockedIsDroppedAndOneWithoutATargetReset(t *testing.T) {
	l := &listener{}
	forward := elb.Forward{CrossZone: true, Nodes: []string{"us-east-1a"}, Targets: []elb.ForwardTarget{{
		ID: "a", Address: netip.MustParseAddrPort("10.0.0.4:80"), Blocked: &vpc.Blocked{Code: "SUBNET_ACL_RESTRICTION"},
	}}}
	l.forward.Store(&forward)
	target, ok := l.pick(netip.MustParseAddrPort("127.0.0.1:40000"))
	assert.True(t, ok)
	assert.True(t, target.Dropped)
	l.forward.Store(&elb.Forward{CrossZone: true})
	_, ok = l.pick(netip.MustParseAddrPort("127.0.0.1:40000"))
	assert.False(t, ok)
}
