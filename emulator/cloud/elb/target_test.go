package elb_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud/acm"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/iam"
	"github.com/elastic-service/elastic-service/emulator/cloud/route53"
	"github.com/elastic-service/elastic-service/emulator/cloud/s3"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// Two tasks of a container service on one instance, as (instance, port).
func TestPortsOfOneInstanceAreTargetsOfTheirOwn(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	free := func(netip.Addr) bool { return true }
	network, storage := vpc.New("us-east-1", free), s3.New()
	instances := ec2.New(network, iam.New(), storage)
	s := elb.New("us-east-1", free, network, instances, acm.New("us-east-1", route53.New()), storage)
	parent, _ := network.CreateVPC("10.0.0.0/16")
	subnet, _ := network.CreateSubnet(parent.ID, "10.0.0.0/24", "us-east-1a", false)
	instances.Instances["i-1"] = &ec2.Instance{
		ID: "i-1", State: ec2.Running, Subnet: subnet.ID, Zone: subnet.Zone, Address: netip.MustParseAddr("10.0.0.4"),
	}
	s.LoadBalancers["lb"] = &elb.LoadBalancer{
		ARN: "lb", Spec: elb.LoadBalancerSpec{Kind: elb.Application, Subnets: []string{subnet.ID}},
	}
	group := &elb.TargetGroup{ARN: "tg", Spec: elb.TargetGroupSpec{
		Port: 80, Protocol: "HTTP", DeregistrationDelay: time.Minute,
		Check: elb.HealthCheck{Protocol: "HTTP", Port: "traffic-port", Path: "/ping", Matcher: "200", Healthy: 5, Unhealthy: 2},
	}}
	s.TargetGroups["tg"] = group
	s.Listeners["l"] = &elb.Listener{ARN: "l", Balancer: "lb", Port: 80, Protocol: "HTTP", TargetGroup: "tg"}

	s.Register(group, "i-1", 32768, now)
	s.Register(group, "i-1", 32769, now)
	probes := s.ProbeTargets()
	require.Len(t, probes, 2)
	assert.Equal(t, []int{32768, 32769}, []int{probes[0].Port, probes[1].Port}, "the traffic port is the target's own")
	assert.Equal(t, "/ping", probes[0].Check.Path)

	assert.True(t, s.Probe("tg", probes[0].Incarnation, nil, now))
	health := s.DescribeTargetHealth()
	assert.Equal(t, elb.TargetHealthy, health[0].State, "one success is enough for a new target")
	assert.Equal(t, elb.TargetInitial, health[1].State)
	forward := s.Forwards()[0]
	require.Len(t, forward.Targets, 1)
	assert.Equal(t, "i-1:32768", forward.Targets[0].ID)
	assert.Equal(t, netip.MustParseAddrPort("10.0.0.4:32768"), forward.Targets[0].Address)

	s.Deregister(group, "i-1", 32768, now, false)
	health = s.DescribeTargetHealth()
	assert.Equal(t, elb.TargetDraining, health[0].State)
	assert.Equal(t, "i-1:32769", health[1].ID)
	assert.Equal(t, elb.TargetInitial, health[1].State, "the other one stays")
	now = now.Add(time.Minute)
	s.Reconcile(now)
	require.Len(t, s.DescribeTargetHealth(), 1)

	s.Register(group, "i-1", 80, now)
	assert.Equal(t, "i-1", s.DescribeTargetHealth()[1].ID, "the group's own port goes without saying")
	s.Deregister(group, "i-1", 32769, now, true)
	s.Reconcile(now)
	assert.Len(t, s.DescribeTargetHealth(), 1, "what is gone has nothing to drain")
}
