package cloud_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/s3"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// tiered is a network as awsx makes it with one NAT gateway: a public, a private and an isolated subnet in each zone, an
// instance in the first private one and a bastion in the first public one.
type tiered struct {
	*cloud.Cloud
	*cloud.Model
	t     *testing.T
	clock *clockwork.FakeClock

	vpc, gateway, eip, nat   string
	public, private, islands []string
	tables                   map[string]string // by subnet
	group, bastionGroup      string
	rules                    map[string]string // by what they let through
	instance, bastion        string

	named, naming, databaseID string // of what some tests add
}

func newTiered(t *testing.T) *tiered {
	t.Helper()
	clock := clockwork.NewFakeClockAt(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	c, err := cloud.New("us-east-1", clock, always)
	require.NoError(t, err)
	w := &tiered{Cloud: c, Model: modelOf(c), t: t, clock: clock, tables: map[string]string{}, rules: map[string]string{}}
	w.vpc = must(w.VPC.CreateVPC("192.168.0.0/23"))(t).ID
	w.gateway = must(w.VPC.CreateGateway(w.vpc))(t).ID
	w.public = w.subnets(true, "192.168.0.128/26", "192.168.1.128/26")
	w.private = w.subnets(false, "192.168.0.0/25", "192.168.1.0/25")
	w.islands = w.subnets(false, "192.168.0.192/26", "192.168.1.192/26")
	w.eip = must(w.VPC.AllocateAddress())(t).ID
	w.nat = must(w.VPC.CreateNAT(w.public[0], w.eip))(t).ID
	for i := range w.public {
		require.NoError(t, w.VPC.CreateRoute(w.tables[w.public[i]], "0.0.0.0/0", w.gateway))
		require.NoError(t, w.VPC.CreateRoute(w.tables[w.private[i]], "0.0.0.0/0", w.nat))
	}
	w.machines()
	return w
}

func (w *tiered) subnets(public bool, cidrs ...string) []string {
	var ids []string
	for i, cidr := range cidrs {
		subnet := must(w.VPC.CreateSubnet(w.vpc, cidr, w.Cloud.Region().Zones()[i], public))(w.t)
		table := must(w.VPC.CreateRouteTable(w.vpc))(w.t)
		must(w.VPC.Associate(table.ID, subnet.ID))(w.t)
		w.tables[subnet.ID] = table.ID
		ids = append(ids, subnet.ID)
	}
	return ids
}

func (w *tiered) machines() {
	w.group = must(w.VPC.CreateSecurityGroup("instances", w.vpc))(w.t).ID
	w.bastionGroup = must(w.VPC.CreateSecurityGroup("bastion", w.vpc))(w.t).ID
	for name, rule := range map[string]vpc.Rule{
		"https out":   {Group: w.group, Egress: true, From: 443, To: 443, CIDR: "0.0.0.0/0"},
		"ssh out":     {Group: w.bastionGroup, Egress: true, From: 22, To: 22, Peer: w.group},
		"ssh in":      {Group: w.group, From: 22, To: 22, Peer: w.bastionGroup},
		"people in":   {Group: w.bastionGroup, From: 22, To: 22, CIDR: "203.0.113.0/24"},
		"anything in": {Group: w.group, From: 80, To: 80, CIDR: "0.0.0.0/0"},
	} {
		rule.Protocol = "tcp"
		w.rules[name] = must(w.VPC.CreateRule(rule))(w.t).ID
	}
	w.instance = w.run(w.private[0], w.group, false)
	w.bastion = w.run(w.public[0], w.bastionGroup, true)
}

func (w *tiered) spec(subnet, group string, public bool) ec2.InstanceSpec {
	return ec2.InstanceSpec{Subnet: subnet, TemplateData: ec2.TemplateData{
		ImageID: "ami-0e1a5c20f3d400001", InstanceType: "t3.micro", SecurityGroups: []string{group}, Public: public,
	}}
}

func (w *tiered) run(subnet, group string, public bool) string {
	made := must(w.EC2.RunInstance(w.spec(subnet, group, public), w.Now()))(w.t)
	w.EC2.InstanceRunning(made.ID)
	return made.ID
}

// endpoint makes an endpoint of a service.
func (w *tiered) endpoint(service string, change func(*vpc.EndpointSpec)) (vpc.Endpoint, error) {
	spec := vpc.EndpointSpec{VPC: w.vpc, Service: "com.amazonaws.us-east-1." + service}
	change(&spec)
	return w.VPC.CreateEndpoint(spec)
}

func (w *tiered) gatewayEndpoint(s *vpc.EndpointSpec) {
	s.RouteTables = []string{w.tables[w.private[0]], w.tables[w.private[1]]}
}

func (w *tiered) interfaces(s *vpc.EndpointSpec) {
	s.Interface, s.PrivateDNS, s.Subnets, s.Groups = true, true, w.private, []string{w.group}
}

// acl gives subnets a network ACL of these rules.
func (w *tiered) acl(subnets []string, rules ...vpc.ACLRule) string {
	id := must(w.VPC.CreateACL(w.vpc))(w.t).ID
	for i, rule := range rules {
		rule.Number = 100 + 10*i
		require.NoError(w.t, w.VPC.PutACLRule(id, rule))
	}
	for _, subnet := range subnets {
		must(w.VPC.AssociateACL(id, subnet))(w.t)
	}
	return id
}

func pass(egress bool, cidr string, from, to int) vpc.ACLRule {
	return vpc.ACLRule{Egress: egress, Protocol: "tcp", Allow: true, CIDR: cidr, From: from, To: to}
}

const anywhere = "0.0.0.0/0"

// Each case changes one thing of a network in which an instance in a private subnet reaches S3 and the internet through a
// NAT gateway, and tells what the way to S3 then meets.
func TestTheWayOutOfAPrivateSubnet(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*tiered)
		code   string
		reason string
	}{
		"nothing changed": {func(*tiered) {}, "", ""},
		"no rule of the security group": {func(w *tiered) {
			require.NoError(w.t, w.VPC.DeleteRule(w.rules["https out"]))
		}, "ENI_SG_RULES_MISMATCH", "TCP 443 out to AWS service s3"},
		"no route of the private subnet": {func(w *tiered) {
			require.NoError(w.t, w.VPC.DeleteRoute(w.tables[w.private[0]], anywhere))
		}, "NO_ROUTE_TO_DESTINATION", "instance"},
		"no route of the NAT gateway's own subnet": {func(w *tiered) {
			require.NoError(w.t, w.VPC.DeleteRoute(w.tables[w.public[0]], anywhere))
		}, "NO_ROUTE_TO_DESTINATION", "NAT gateway"},
		"the NAT gateway sends to itself": {func(w *tiered) {
			require.NoError(w.t, w.VPC.ReplaceRoute(w.tables[w.public[0]], anywhere, w.nat))
		}, "NO_ROUTE_TO_DESTINATION", "NAT gateway"},
		"the NAT gateway is gone": {func(w *tiered) {
			require.NoError(w.t, w.VPC.DeleteNAT(w.nat))
		}, "BAD_STATE_ROUTE", "instance"},
		"a route to the internet gateway instead": {func(w *tiered) {
			require.NoError(w.t, w.VPC.ReplaceRoute(w.tables[w.private[0]], anywhere, w.gateway))
		}, "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", "no public address"},
		"an endpoint without a NAT gateway": {func(w *tiered) {
			must(w.endpoint("s3", w.gatewayEndpoint))(w.t)
			require.NoError(w.t, w.VPC.DeleteNAT(w.nat))
		}, "", ""},
		"an endpoint of another service without a NAT gateway": {func(w *tiered) {
			must(w.endpoint("dynamodb", w.gatewayEndpoint))(w.t)
			require.NoError(w.t, w.VPC.DeleteNAT(w.nat))
		}, "BAD_STATE_ROUTE", ""},
		"an endpoint that lost its table": {func(w *tiered) {
			e := must(w.endpoint("s3", w.gatewayEndpoint))(w.t)
			require.NoError(w.t, w.VPC.DeleteNAT(w.nat))
			require.NoError(w.t, w.VPC.UpdateEndpoint(e.ID, vpc.EndpointSpec{
				VPC: w.vpc, Service: e.Service, RouteTables: []string{w.tables[w.private[1]]},
			}))
		}, "BAD_STATE_ROUTE", ""},
		"an ACL that lets both ways pass": {func(w *tiered) {
			w.acl(w.private, pass(true, anywhere, 443, 443), pass(false, anywhere, 32768, 60999))
		}, "", ""},
		"an ACL without the way there": {func(w *tiered) {
			w.acl(w.private, pass(false, anywhere, 32768, 60999))
		}, "SUBNET_ACL_RESTRICTION", "does not let TCP 443 out to AWS service s3: rule *"},
		"an ACL without the way back": {func(w *tiered) {
			w.acl(w.private, pass(true, anywhere, 443, 443))
		}, "SUBNET_ACL_RESTRICTION", "the answers on TCP 32768–60999 in from AWS service s3"},
		"an ACL with a hole in the way back": {func(w *tiered) {
			deny := pass(false, anywhere, 40000, 40000)
			deny.Allow = false
			w.acl(w.private, pass(true, anywhere, 443, 443), deny, pass(false, anywhere, 32768, 60999))
		}, "SUBNET_ACL_RESTRICTION", "the answers on TCP 32768–60999 in from AWS service s3: rule 110"},
		"an ACL whose later rule denies what passed before": {func(w *tiered) {
			deny := pass(false, anywhere, 0, 65535)
			deny.Allow = false
			w.acl(w.private, pass(true, anywhere, 443, 443), pass(false, anywhere, 32768, 60999), deny)
		}, "", ""},
		"an ACL of the NAT gateway that lets its four ways pass": {func(w *tiered) {
			w.acl(w.public[:1], pass(false, "192.168.0.0/23", 443, 443), pass(true, anywhere, 443, 443),
				pass(false, anywhere, 1024, 65535), pass(true, "192.168.0.0/23", 32768, 60999))
		}, "", ""},
		"an ACL of the NAT gateway without answers to Linux only": {func(w *tiered) {
			w.acl(w.public[:1], pass(false, "192.168.0.0/23", 443, 443), pass(true, anywhere, 443, 443),
				pass(false, anywhere, 32768, 60999), pass(true, "192.168.0.0/23", 32768, 60999))
		}, "SUBNET_ACL_RESTRICTION", "the answers on TCP 1024–65535 in from AWS service s3"},
		"an ACL of the NAT gateway without the instances": {func(w *tiered) {
			w.acl(w.public[:1], pass(true, anywhere, 443, 443), pass(false, anywhere, 1024, 65535), pass(true, anywhere, 1024, 65535))
		}, "SUBNET_ACL_RESTRICTION", "TCP 443 in from instance"},
		"an interface endpoint that takes the name and lets nobody in": {func(w *tiered) {
			must(w.endpoint("s3", w.interfaces))(w.t)
		}, "ENI_SG_RULES_MISMATCH", "no ingress rule of endpoint"},
		"an interface endpoint that lets the instances in": {func(w *tiered) {
			must(w.endpoint("s3", w.interfaces))(w.t)
			must(w.VPC.CreateRule(vpc.Rule{Group: w.group, Protocol: "tcp", From: 443, To: 443, Peer: w.group}))(w.t)
			require.NoError(w.t, w.VPC.DeleteNAT(w.nat))
		}, "", ""},
		"a rule to the prefix list alone": {func(w *tiered) {
			require.NoError(w.t, w.VPC.DeleteRule(w.rules["https out"]))
			must(w.VPC.CreateRule(vpc.Rule{Group: w.group, Egress: true, Protocol: "tcp", From: 443, To: 443, List: "pl-63a5400a"}))(w.t)
		}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTiered(t)
			c.change(w)
			blocked := w.Analyzer.Analyze(w.instance, "s3", 443)
			if c.code == "" {
				assert.Nil(t, blocked)
				return
			}
			require.NotNil(t, blocked)
			assert.Equal(t, c.code, blocked.Code, blocked.Reason)
			assert.Contains(t, blocked.Reason, c.reason)
		})
	}
}

func TestOnlyABastionIsReachedFromTheInternetAndOnlyItReachesTheInstances(t *testing.T) {
	w := newTiered(t)
	code := func(from, to string, port int) string {
		if blocked := w.Analyzer.Analyze(from, to, port); blocked != nil {
			return blocked.Code
		}
		return ""
	}
	assert.Empty(t, code("internet", w.bastion, 22))
	assert.Empty(t, code(w.bastion, w.instance, 22))
	assert.Equal(t, "NO_ROUTE_TO_DESTINATION", code("internet", w.instance, 80), "a NAT gateway lets nothing in")
	assert.Equal(t, "ENI_SG_RULES_MISMATCH", code("internet", w.bastion, 80))
	assert.Equal(t, "ENI_SG_RULES_MISMATCH", code(w.instance, w.bastion, 22))

	hidden := w.run(w.public[0], w.group, false)
	assert.Equal(t, "IGW_PRIVATE_IP_ASSOCIATION_FOR_INGRESS", code("internet", hidden, 80))
	assert.Equal(t, "IGW_PUBLIC_IP_ASSOCIATION_FOR_EGRESS", code(hidden, "internet", 443))
	assert.Empty(t, code(w.bastion, hidden, 22), "within a subnet")

	w.acl(w.public[:1])
	assert.Equal(t, "SUBNET_ACL_RESTRICTION", code("internet", w.bastion, 22))
	assert.Equal(t, "SUBNET_ACL_RESTRICTION", code(w.bastion, w.instance, 22))
	assert.Empty(t, code(w.bastion, hidden, 22), "a network ACL sees nothing of what stays in its subnet")
}

func TestObjectsAreReadOverAPathToS3Alone(t *testing.T) {
	w := newTiered(t)
	require.NoError(t, w.S3.CreateBucket("artifacts"))
	require.NoError(t, w.S3.PutObject("artifacts", s3.Object{Key: "a", SHA256: "sum"}))
	require.NoError(t, w.IAM.CreateRole("r", `{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}`))
	require.NoError(t, w.IAM.AttachRolePolicy("r", "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"))
	require.NoError(t, w.IAM.CreateProfile("p", "r"))
	spec := w.spec(w.private[0], w.group, false)
	spec.Profile = "p"
	reader := must(w.EC2.RunInstance(spec, w.Now()))(t).ID

	object, err := w.EC2.Object(reader, "artifacts", "a")
	require.NoError(t, err)
	assert.Equal(t, "sum", object.SHA256)

	require.NoError(t, w.VPC.DeleteNAT(w.nat))
	_, err = w.EC2.Object(reader, "artifacts", "a")
	require.ErrorContains(t, err, "connect timeout on endpoint URL https://artifacts.s3.amazonaws.com/a: BAD_STATE_ROUTE")

	e := must(w.endpoint("s3", w.gatewayEndpoint))(t)
	_, err = w.EC2.Object(reader, "artifacts", "a")
	require.NoError(t, err)

	narrow := vpc.EndpointSpec{VPC: w.vpc, Service: e.Service, RouteTables: e.RouteTables,
		Policy: `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::other/*"}]}`}
	require.NoError(t, w.VPC.UpdateEndpoint(e.ID, narrow))
	_, err = w.EC2.Object(reader, "artifacts", "a")
	refused(t, "AccessDenied", err)
}

// A network balancer's flows carry the clients' addresses, its probes its own.
func TestTheTargetsACLSeesTheClientsOfANetworkBalancer(t *testing.T) {
	probes := func(w *world) *vpc.Blocked { return w.ELB.ProbeTargets()[0].Blocked }
	flows := func(w *world) *vpc.Blocked { return w.ELB.Forwards()[0].Targets[0].Blocked }
	both := func(w *world, rules ...vpc.ACLRule) {
		inside := must(w.VPC.CreateSubnet(w.vpc, "192.168.1.128/25", w.Cloud.Region().Zones()[0], false))(w.t)
		acl := must(w.VPC.CreateACL(w.vpc))(w.t)
		for i, rule := range rules {
			rule.Number = i + 1
			require.NoError(w.t, w.VPC.PutACLRule(acl.ID, rule))
		}
		must(w.VPC.AssociateACL(acl.ID, inside.ID))(w.t)
		spec := w.spec(1, 1)
		spec.Subnets = []string{inside.ID}
		must(w.AutoScaling.CreateGroup(spec, w.Now()))(w.t)
		w.pass(5 * time.Second)
	}
	const vpc = "192.168.0.0/23"
	t.Run("rules for the VPC alone let the probes in and no flow", func(t *testing.T) {
		w := newHalf(t)
		both(w, pass(false, vpc, 5000, 5001), pass(true, vpc, 1024, 65535))
		assert.Nil(t, probes(w))
		require.NotNil(t, flows(w))
		assert.Equal(t, "SUBNET_ACL_RESTRICTION", flows(w).Code)
		assert.Contains(t, flows(w).Reason, "TCP 5000 in from the clients of load balancer musicguru-lb")
	})
	t.Run("rules for everybody let both in", func(t *testing.T) {
		w := newHalf(t)
		both(w, pass(false, vpc, 5001, 5001), pass(false, anywhere, 5000, 5000), pass(true, anywhere, 1024, 65535))
		assert.Nil(t, probes(w))
		assert.Nil(t, flows(w))
	})
	t.Run("the clients' answers need a way back", func(t *testing.T) {
		w := newHalf(t)
		both(w, pass(false, anywhere, 5000, 5001), pass(true, vpc, 1024, 65535))
		assert.Nil(t, probes(w))
		assert.Contains(t, flows(w).Reason, "out to the clients of load balancer")
	})
}

func TestClientsMustReachEveryNodeOfABalancer(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.VPC.DeleteRoute(w.tables[1], anywhere))
	blocked := w.ELB.Forwards()[0].Blocked
	require.NotNil(t, blocked)
	assert.Equal(t, "NO_ROUTE_TO_DESTINATION", blocked.Code)
	assert.Contains(t, blocked.Reason, w.subnets[1])
}

// newHalf is the world with room left in its network.
func newHalf(t *testing.T) *world {
	t.Helper()
	return newWorldOf(t, "192.168.0.0/24", "192.168.1.0/25")
}

func always(netip.Addr) bool { return true }
