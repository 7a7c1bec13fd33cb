package cloud_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud/analyzer"
	"github.com/elastic-service/elastic-service/emulator/cloud/elb"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// components are what a path passes, without what people read beside it.
func components(path analyzer.Path) []string {
	var names []string
	for _, hop := range path.Hops {
		names = append(names, hop.Component)
	}
	return names
}

func TestAPathNamesEveryComponentThatItPasses(t *testing.T) {
	w := newTiered(t)
	path := must(w.Analyzer.Trace("internet", "bastion", 22))(t)
	require.Nil(t, path.Blocked)
	assert.Equal(t, []string{
		"internet", "route table " + w.tables[w.public[0]], "internet gateway " + w.gateway, "security group " + w.bastionGroup,
		"instance " + w.bastion,
	}, components(path))
	assert.Contains(t, path.Hops[3].By, w.rules["people in"])
	assert.Contains(t, path.Hops[3].By, "TCP 22 from 203.0.113.0/24")

	path = must(w.Analyzer.Trace(w.instance, "s3", 443))(t)
	require.Nil(t, path.Blocked)
	assert.Equal(t, []string{
		"instance " + w.instance, "security group " + w.group, "route table " + w.tables[w.private[0]], "NAT gateway " + w.nat,
		"route table " + w.tables[w.public[0]], "internet gateway " + w.gateway, "AWS service s3",
	}, components(path))

	w.acl(w.private, pass(true, anywhere, 443, 443), pass(false, anywhere, 32768, 60999))
	path = must(w.Analyzer.Trace(w.instance, "s3", 443))(t)
	require.Nil(t, path.Blocked)
	assert.Contains(t, components(path), "network ACL "+must(w.aclOf(w.private[0]))(t))

	e := must(w.endpoint("s3", w.gatewayEndpoint))(t)
	path = must(w.Analyzer.Trace(w.instance, "s3", 443))(t)
	require.Nil(t, path.Blocked)
	assert.Contains(t, components(path), "endpoint "+e.ID)
}

// aclOf finds the ACL of a subnet by what is saved of it.
func (w *tiered) aclOf(string) (string, error) {
	for _, line := range w.Left() {
		if id, ok := cutKind(line, "network ACL "); ok {
			return id, nil
		}
	}
	return "", assert.AnError
}

func TestAPathEndsWhereItIsStopped(t *testing.T) {
	w := newTiered(t)
	path := must(w.Analyzer.Trace("internet", "bastion", 80))(t)
	require.NotNil(t, path.Blocked)
	assert.Equal(t, "ENI_SG_RULES_MISMATCH", path.Blocked.Code)
	assert.Equal(t, "internet gateway "+w.gateway, path.Hops[len(path.Hops)-1].Component)
}

func TestEndsAreFoundByTheirNamesOrRefused(t *testing.T) {
	w := newTiered(t)
	for _, ends := range [][2]string{{"i-1", "internet"}, {"internet", "database"}, {"balancer", "internet"}, {"internet", "s4"}} {
		_, err := w.Analyzer.Trace(ends[0], ends[1], 443)
		refused(t, "InvalidParameterValue", err)
		assert.Equal(t, "NO_PATH", w.Analyzer.Analyze(ends[0], ends[1], 443).Code, "what isn't there reaches nothing")
	}
	_, err := w.Analyzer.Trace("internet", "bastion", 65536)
	refused(t, "InvalidParameterValue", err)
	w.EC2.InstanceEnded(w.instance, "", w.Now())
	_, err = w.Analyzer.Trace(w.instance, "internet", 443)
	refused(t, "IncorrectInstanceState", err)

	w.subnetGroup()
	d := must(w.RDS.CreateDatabase(w.database(), w.Now()))(t)
	for _, name := range []string{"database", d.ID, d.Spec.Identifier} {
		path := must(w.Analyzer.Trace("bastion", name, 5432))(t)
		assert.Equal(t, "database "+d.Spec.Identifier, path.To)
	}
}

func TestABalancerStandsForItsNodesAndItsListeners(t *testing.T) {
	w := newWorld(t)
	w.start(1, 1)
	for _, name := range []string{"balancer", "musicguru-lb", w.balancer} {
		path := must(w.Analyzer.Trace("internet", name, servicePort))(t)
		assert.Nil(t, path.Blocked)
		assert.Equal(t, "load balancer musicguru-lb", path.To)
	}
	must(w.VPC.CreateRule(vpc.Rule{Group: w.balancerSG, Protocol: "tcp", From: 80, To: 80, CIDR: anywhere}))(t)
	assert.Equal(t, "ELBV2_LISTENERS_MISMATCH", w.Analyzer.Analyze("internet", "balancer", 80).Code, "the way is open, and nobody listens")
	assert.Equal(t, "ENI_SG_RULES_MISMATCH", w.Analyzer.Analyze("internet", "balancer", 81).Code)

	instance := w.members()[0].ID
	assert.Nil(t, w.Analyzer.Analyze("balancer", instance, healthPort))
	assert.Equal(t, "ENI_SG_RULES_MISMATCH", w.Analyzer.Analyze("balancer", instance, 22).Code)
}

func TestWithoutCrossZoneABalancerReachesItsOwnZonesOnly(t *testing.T) {
	w := newHalf(t)
	inside := must(w.VPC.CreateSubnet(w.vpc, "192.168.1.128/25", w.Cloud.Region().Zones()[2], true))(t).ID
	alone := must(w.ELB.CreateLoadBalancer(elb.LoadBalancerSpec{
		Name: "alone", Subnets: w.subnets, SecurityGroups: []string{w.balancerSG},
	}, w.Now()))(t)
	spec := w.spec(1, 1)
	spec.Subnets = []string{inside}
	must(w.AutoScaling.CreateGroup(spec, w.Now()))(t)
	w.pass(5 * time.Second)
	instance := w.members()[0].ID
	assert.Nil(t, w.Analyzer.Analyze("musicguru-lb", instance, servicePort))
	assert.Equal(t, "ELB_INSTALLED_AZ_RESTRICTION", w.Analyzer.Analyze(alone.ARN, instance, servicePort).Code)
}
