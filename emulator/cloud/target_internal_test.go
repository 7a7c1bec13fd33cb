package cloud

import (
	"net/netip"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Two tasks of a container service on one instance, as (instance, port).
func TestPortsOfOneInstanceAreTargetsOfTheirOwn(t *testing.T) {
	clock := clockwork.NewFakeClock()
	c, err := New("us-east-1", clock, func(netip.Addr) bool { return true })
	require.NoError(t, err)
	s, now := &c.state, clock.Now()
	vpc, _ := c.CreateVPC("10.0.0.0/16")
	subnet, _ := c.CreateSubnet(vpc.ID, "10.0.0.0/24", "us-east-1a", false)
	s.Instances["i-1"] = &Instance{ID: "i-1", State: Running, Subnet: subnet.ID, Zone: subnet.Zone, Address: netip.MustParseAddr("10.0.0.4")}
	s.Balancers["lb"] = &LoadBalancer{ARN: "lb", Spec: LoadBalancerSpec{Kind: ApplicationBalancer, Subnets: []string{subnet.ID}}}
	group := &TargetGroup{ARN: "tg", Spec: TargetGroupSpec{
		Port: 80, Protocol: "HTTP", DeregistrationDelay: time.Minute,
		Check: HealthCheck{Protocol: "HTTP", Port: "traffic-port", Path: "/ping", Matcher: "200", Healthy: 5, Unhealthy: 2},
	}}
	s.Targets["tg"] = group
	s.Listeners["l"] = &Listener{ARN: "l", Balancer: "lb", Port: 80, Protocol: "HTTP", TargetGroup: "tg"}

	s.register(group, "i-1", 32768, now)
	s.register(group, "i-1", 32769, now)
	probes := c.ProbeTargets()
	require.Len(t, probes, 2)
	assert.Equal(t, []int{32768, 32769}, []int{probes[0].Port, probes[1].Port}, "the traffic port is the target's own")
	assert.Equal(t, "/ping", probes[0].Check.Path)

	c.Probe("tg", probes[0].Incarnation, nil)
	health := c.TargetHealth()
	assert.Equal(t, TargetHealthy, health[0].State, "one success is enough for a new target")
	assert.Equal(t, TargetInitial, health[1].State)
	forward := c.Forwards()[0]
	require.Len(t, forward.Targets, 1)
	assert.Equal(t, "i-1:32768", forward.Targets[0].ID)
	assert.Equal(t, netip.MustParseAddrPort("10.0.0.4:32768"), forward.Targets[0].Address)

	s.deregister(group, "i-1", 32768, now, false)
	health = c.TargetHealth()
	assert.Equal(t, TargetDraining, health[0].State)
	assert.Equal(t, "i-1:32769", health[1].ID)
	assert.Equal(t, TargetInitial, health[1].State, "the other one stays")
	clock.Advance(time.Minute)
	c.Reconcile()
	require.Len(t, c.TargetHealth(), 1)

	s.register(group, "i-1", 80, now)
	assert.Equal(t, "i-1", c.TargetHealth()[1].ID, "the group's own port goes without saying")
	s.deregister(group, "i-1", 32769, clock.Now(), true)
	c.Reconcile()
	assert.Len(t, c.TargetHealth(), 1, "what is gone has nothing to drain")
}
