package cloud_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/rds"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// Each case is something that AWS refuses in a network with private subnets, with the code that it gives.
func tieredRefusals(*testing.T) refusals[*tiered] {
	endpoint := func(service string, changes ...func(*tiered, *vpc.EndpointSpec)) func(*tiered) error {
		return func(w *tiered) error {
			_, err := w.endpoint(service, func(s *vpc.EndpointSpec) {
				for _, change := range changes {
					change(w, s)
				}
			})
			return err
		}
	}
	gateway := func(w *tiered, s *vpc.EndpointSpec) { w.gatewayEndpoint(s) }
	interfaces := func(w *tiered, s *vpc.EndpointSpec) { w.interfaces(s) }
	rule := func(change func(*vpc.ACLRule)) func(*tiered) error {
		return func(w *tiered) error {
			acl := w.acl(nil, pass(false, anywhere, 80, 80))
			added := pass(false, anywhere, 443, 443)
			added.Number = 200
			change(&added)
			return w.VPC.PutACLRule(acl, added)
		}
	}
	run := func(change func(*tiered, *ec2.InstanceSpec)) func(*tiered) error {
		return func(w *tiered) error {
			spec := w.spec(w.private[0], w.group, false)
			change(w, &spec)
			_, err := w.EC2.RunInstance(spec, w.Now())
			return err
		}
	}
	return refusals[*tiered]{
		"a VPC with an IPv6 range": {"InvalidVpc.Range", "EC2 API: CreateVpc", func(w *tiered) error {
			_, err := w.VPC.CreateVPC("fd00::/24")
			return err
		}},
		"a sixth Elastic IP address": {"AddressLimitExceeded", "EC2 User Guide: Elastic IP address quota", func(w *tiered) error {
			for range 4 {
				must(w.VPC.AllocateAddress())(w.t)
			}
			_, err := w.VPC.AllocateAddress()
			return err
		}},
		"a NAT gateway with the address of another NAT gateway": {"Resource.AlreadyAssociated", "EC2 API: CreateNatGateway",
			func(w *tiered) error {
				_, err := w.VPC.CreateNAT(w.public[1], w.eip)
				return err
			}},
		"a NAT gateway with an address that does not exist": {"InvalidAllocationID.NotFound", "EC2 API: CreateNatGateway", func(w *tiered) error {
			_, err := w.VPC.CreateNAT(w.public[1], "eipalloc-1")
			return err
		}},
		"a NAT gateway in a subnet that does not exist": {"InvalidSubnetID.NotFound", "EC2 API: CreateNatGateway", func(w *tiered) error {
			_, err := w.VPC.CreateNAT("subnet-1", must(w.VPC.AllocateAddress())(w.t).ID)
			return err
		}},
		"a NAT gateway in a VPC without an internet gateway": {"Gateway.NotAttached", "VPC User Guide: Troubleshoot NAT gateways",
			func(w *tiered) error {
				other := must(w.VPC.CreateVPC("10.0.0.0/16"))(w.t).ID
				subnet := must(w.VPC.CreateSubnet(other, "10.0.0.0/24", "us-east-1a", true))(w.t).ID
				_, err := w.VPC.CreateNAT(subnet, must(w.VPC.AllocateAddress())(w.t).ID)
				return err
			}},
		"a route to a NAT gateway that does not exist": {"InvalidNatGatewayID.NotFound", "EC2 API: CreateRoute", func(w *tiered) error {
			return w.VPC.CreateRoute(w.tables[w.islands[0]], anywhere, "nat-1")
		}},
		"replacing a route that does not exist": {"InvalidRoute.NotFound", "EC2 API: ReplaceRoute", func(w *tiered) error {
			return w.VPC.ReplaceRoute(w.tables[w.islands[0]], anywhere, w.nat)
		}},
		"an endpoint for a service that does not exist": {"InvalidServiceName", "EC2 API: CreateVpcEndpoint",
			endpoint("x", func(_ *tiered, s *vpc.EndpointSpec) { s.Service = "s3" })},
		"an endpoint for a service of another region": {"InvalidServiceName", "EC2 API: CreateVpcEndpoint",
			endpoint("x", func(_ *tiered, s *vpc.EndpointSpec) { s.Service = "com.amazonaws.eu-west-1.s3" })},
		"a gateway endpoint for a service that has none": {"InvalidParameter", "EC2 API: CreateVpcEndpoint", endpoint("ssm", gateway)},
		"a gateway endpoint with subnets": {"InvalidParameter", "EC2 API: CreateVpcEndpoint",
			endpoint("s3", gateway, func(w *tiered, s *vpc.EndpointSpec) { s.Subnets = w.private })},
		"a second gateway endpoint in a route table": {"RouteAlreadyExists", "EC2 API: CreateVpcEndpoint", func(w *tiered) error {
			must(w.endpoint("s3", w.gatewayEndpoint))(w.t)
			return endpoint("s3", gateway)(w)
		}},
		"an interface endpoint with route tables": {"InvalidParameter", "EC2 API: CreateVpcEndpoint", endpoint("ssm", interfaces, gateway)},
		"an interface endpoint without a security group": {"InvalidParameter", emulatorsOwn,
			endpoint("ssm", interfaces, func(_ *tiered, s *vpc.EndpointSpec) { s.Groups = nil })},
		"an interface endpoint with two subnets of one zone": {"DuplicateSubnetsInSameZone", "EC2 API: CreateVpcEndpoint",
			endpoint("ssm", interfaces, func(w *tiered, s *vpc.EndpointSpec) {
				s.Subnets = []string{w.private[0], w.public[0]}
			})},
		"a second interface endpoint with the same private DNS name": {"InvalidParameter", "EC2 API: CreateVpcEndpoint", func(w *tiered) error {
			must(w.endpoint("ssm", w.interfaces))(w.t)
			return endpoint("ssm", interfaces)(w)
		}},
		"an endpoint's policy that is not a policy document": {"MalformedPolicyDocument", "EC2 API: CreateVpcEndpoint",
			endpoint("s3", gateway, func(_ *tiered, s *vpc.EndpointSpec) { s.Policy = "{}" })},
		"a second network ACL rule with the same number": {"NetworkAclEntryAlreadyExists", "EC2 API: CreateNetworkAclEntry",
			rule(func(r *vpc.ACLRule) {
				r.Number = 100
			})},
		"a network ACL rule's number over 32766": {"InvalidParameterValue", "EC2 API: CreateNetworkAclEntry", rule(func(r *vpc.ACLRule) {
			r.Number = 32767
		})},
		"a network ACL rule whose first port is above its last port": {"InvalidParameterValue", "EC2 API: CreateNetworkAclEntry",
			rule(func(r *vpc.ACLRule) {
				r.From = 444
			})},
		"a network ACL rule's range with host bits": {"InvalidParameterValue", emulatorsOwn, rule(func(r *vpc.ACLRule) {
			r.CIDR = "10.0.0.1/8"
		})},
		"a 21st rule of a network ACL": {"NetworkAclEntryLimitExceeded", "VPC User Guide: Amazon VPC quotas", func(w *tiered) error {
			acl := w.acl(nil, make20()...)
			return w.VPC.PutACLRule(acl, vpc.ACLRule{Number: 1, Protocol: "-1", CIDR: anywhere})
		}},
		"a network ACL of another VPC": {"InvalidParameterValue", "EC2 API: ReplaceNetworkAclAssociation", func(w *tiered) error {
			other := must(w.VPC.CreateVPC("10.0.0.0/16"))(w.t).ID
			_, err := w.VPC.AssociateACL(must(w.VPC.CreateACL(other))(w.t).ID, w.public[0])
			return err
		}},
		"a rule to a prefix list that does not exist": {"InvalidPrefixListID.NotFound", "EC2 API: AuthorizeSecurityGroupEgress",
			func(w *tiered) error {
				_, err := w.VPC.CreateRule(vpc.Rule{Group: w.group, Egress: true, Protocol: "tcp", From: 443, To: 443, List: "pl-1"})
				return err
			}},
		"a rule with both a range and a security group": {"InvalidParameterCombination", "EC2 API: AuthorizeSecurityGroupEgress",
			func(w *tiered) error {
				_, err := w.VPC.CreateRule(vpc.Rule{Group: w.group, Protocol: "tcp", From: 443, To: 443, CIDR: anywhere, Peer: w.group})
				return err
			}},
		"an instance in a subnet that does not exist": {"InvalidSubnetID.NotFound", "EC2 API: RunInstances",
			run(func(_ *tiered, s *ec2.InstanceSpec) {
				s.Subnet = "subnet-1"
			})},
		"an instance without a security group": {"InvalidParameterCombination", emulatorsOwn, run(func(_ *tiered, s *ec2.InstanceSpec) {
			s.SecurityGroups = nil
		})},
		"an instance of a type that does not exist": {"InvalidParameterValue", "EC2 API: RunInstances", run(func(_ *tiered, s *ec2.InstanceSpec) {
			s.InstanceType = "micro"
		})},
		"an instance in a zone that does not offer its type": {"Unsupported", "EC2 API: RunInstances", run(func(w *tiered, s *ec2.InstanceSpec) {
			other := must(w.VPC.CreateVPC("10.0.0.0/16"))(w.t).ID
			s.Subnet = must(w.VPC.CreateSubnet(other, "10.0.0.0/24", "us-east-1e", false))(w.t).ID
			s.SecurityGroups = []string{must(w.VPC.CreateSecurityGroup("other", other))(w.t).ID}
		})},
		"an option for CPU credits for an instance that earns none": {"InstanceCreditSpecification.NotSupported", "EC2 API: RunInstances",
			run(func(_ *tiered, s *ec2.InstanceSpec) {
				s.InstanceType, s.CPUCredits = "m5.large", "unlimited"
			})},
		"an instance with a profile that does not exist": {"InvalidParameterValue", "EC2 API: RunInstances",
			run(func(_ *tiered, s *ec2.InstanceSpec) {
				s.Profile = "p"
			})},
		"an instance with a security group of another VPC": {"InvalidParameter", "EC2 API: RunInstances",
			run(func(w *tiered, s *ec2.InstanceSpec) {
				other := must(w.VPC.CreateVPC("10.0.0.0/16"))(w.t).ID
				s.SecurityGroups = []string{must(w.VPC.CreateSecurityGroup("other", other))(w.t).ID}
			})},
		"an image of an instance that does not exist": {"InvalidInstanceID.NotFound", "EC2 API: CreateImage", func(w *tiered) error {
			_, err := w.EC2.CreateImage("web", "i-1", nil)
			return err
		}},
		"an image of a terminated instance": {"IncorrectState", "EC2 API: CreateImage", func(w *tiered) error {
			w.EC2.InstanceEnded(w.instance, "", w.Now())
			_, err := w.EC2.CreateImage("web", w.instance, nil)
			return err
		}},
		"an image's name of two letters": {"InvalidAMIName.Malformed", "EC2 API: CreateImage", func(w *tiered) error {
			_, err := w.EC2.CreateImage("ab", w.instance, nil)
			return err
		}},
		"a second image with the same name": {"InvalidAMIName.Duplicate", "EC2 API: CreateImage", func(w *tiered) error {
			must(w.EC2.CreateImage("web", w.instance, nil))(w.t)
			_, err := w.EC2.CreateImage("web", w.instance, nil)
			return err
		}},
		"an image that does not exist, to be deregistered": {"InvalidAMIID.NotFound", "EC2 API: DeregisterImage", func(w *tiered) error {
			return w.EC2.DeregisterImage("ami-1")
		}},
		"a snapshot of an image that exists, to be deleted": {"InvalidSnapshot.InUse", "EC2 API: DeleteSnapshot", func(w *tiered) error {
			w.EC2.InstanceRunning(w.instance)
			return w.EC2.DeleteSnapshot(must(w.EC2.CreateImage("web", w.instance, nil))(w.t).Snapshot)
		}},
		"a snapshot that does not exist, to be deleted": {"InvalidSnapshot.NotFound", "EC2 API: DeleteSnapshot", func(w *tiered) error {
			return w.EC2.DeleteSnapshot("snap-1")
		}},
		"an instance that boots, to be stopped": {"IncorrectInstanceState", "EC2 API: StopInstances", func(w *tiered) error {
			id := must(w.EC2.RunInstance(w.spec(w.private[0], w.group, false), w.Now()))(w.t).ID
			return w.EC2.StopInstances(id)
		}},
		"a terminated instance, to be started": {"IncorrectInstanceState", "EC2 API: StartInstances", func(w *tiered) error {
			w.EC2.InstanceEnded(w.instance, "", w.Now())
			return w.EC2.StartInstances(w.Now(), w.instance)
		}},
		"a stopped instance, to be rebooted": {"IncorrectInstanceState", "EC2 API: RebootInstances", func(w *tiered) error {
			w.EC2.InstanceRunning(w.instance)
			require.NoError(w.t, w.EC2.StopInstances(w.instance))
			return w.EC2.RebootInstances(w.instance)
		}},
		"a managed policy that does not exist": {"NoSuchEntity", "IAM API: AttachRolePolicy", func(w *tiered) error {
			require.NoError(w.t, w.IAM.CreateRole("r", trust))
			return w.IAM.AttachRolePolicy("r", "arn:aws:iam::aws:policy/Everything")
		}},
		"a policy for a role that does not exist": {"NoSuchEntity", "IAM API: AttachRolePolicy", func(w *tiered) error {
			return w.IAM.AttachRolePolicy("r", "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")
		}},
	}
}

func TestWhatAWSRefusesInATieredNetworkIsRefused(t *testing.T) {
	for name, c := range tieredRefusals(t) {
		t.Run(name, func(t *testing.T) {
			w := newTiered(t)
			refused(t, c.code, c.try(w))
		})
	}
}

const trust = `{"Statement":[{"Effect":"Allow","Action":"sts:AssumeRole"}]}`

func make20() []vpc.ACLRule {
	rules := make([]vpc.ACLRule, 20)
	for i := range rules {
		rules[i] = pass(false, anywhere, i, i)
	}
	return rules
}

// Each case deletes too early, as AWS would notice, and succeeds once what is in the way has gone.
func tieredOrderRefusals(*testing.T) refusals[*tiered] {
	return refusals[*tiered]{
		"an address of a NAT gateway": {"InvalidIPAddress.InUse", "EC2 API: ReleaseAddress",
			func(w *tiered) error { return w.VPC.ReleaseAddress(w.eip) }},
		"a subnet with a NAT gateway": {"DependencyViolation", "EC2 API: DeleteSubnet",
			func(w *tiered) error { return w.VPC.DeleteSubnet(w.public[0]) }},
		"an internet gateway of a NAT gateway": {"DependencyViolation", "EC2 API: DetachInternetGateway",
			func(w *tiered) error { return w.VPC.DeleteGateway(w.gateway) }},
		"moving an internet gateway that a NAT gateway uses": {"DependencyViolation", "EC2 API: DetachInternetGateway",
			func(w *tiered) error { return w.VPC.MoveGateway(w.gateway, "") }},
		"a subnet with an endpoint": {"DependencyViolation", "EC2 API: DeleteSubnet",
			func(w *tiered) error { return w.VPC.DeleteSubnet(w.private[1]) }},
		"a security group of an endpoint": {"DependencyViolation", "EC2 API: DeleteSecurityGroup",
			func(w *tiered) error { return w.VPC.DeleteSecurityGroup(w.group) }},
		"a security group that a rule of another group names": {"DependencyViolation", "EC2 API: DeleteSecurityGroup",
			func(w *tiered) error { return w.VPC.DeleteSecurityGroup(w.named) }},
		"a subnet group with a database": {"InvalidDBSubnetGroupStateFault", "RDS API: DeleteDBSubnetGroup",
			func(w *tiered) error { return w.RDS.DeleteSubnetGroup("db") }},
		"a parameter group with a database": {"InvalidDBParameterGroupState", "RDS API: DeleteDBParameterGroup",
			func(w *tiered) error { return w.RDS.DeleteParameterGroup("postgres") }},
		"a subnet with a database": {"DependencyViolation", "EC2 API: DeleteSubnet",
			func(w *tiered) error { return w.VPC.DeleteSubnet(w.islands[0]) }},
		"a protected database": {"InvalidParameterCombination", "RDS API: DeleteDBInstance", func(w *tiered) error {
			protected := w.database()
			protected.Identifier, protected.Protected = "protected", true
			id := must(w.RDS.CreateDatabase(protected, w.Now()))(w.t).ID
			err := w.RDS.DeleteDatabase(id, "", w.Now())
			protected.Protected = false
			require.NoError(w.t, w.RDS.UpdateDatabase(id, protected, rds.Modification{}, w.Now()))
			require.NoError(w.t, w.RDS.DeleteDatabase(id, "", w.Now()))
			return err
		}},
		"a VPC with an endpoint": {"DependencyViolation", "EC2 API: DeleteVpc", func(w *tiered) error {
			other := must(w.VPC.CreateVPC("10.0.0.0/16"))(w.t)
			made := must(w.VPC.CreateEndpoint(vpc.EndpointSpec{VPC: other.ID, Service: "com.amazonaws.us-east-1.s3"}))(w.t)
			err := w.VPC.DeleteVPC(other.ID)
			require.NoError(w.t, w.VPC.DeleteEndpoint(made.ID))
			require.NoError(w.t, w.VPC.DeleteVPC(other.ID))
			return err
		}},
		"a VPC with a network ACL": {"DependencyViolation", "EC2 API: DeleteVpc", func(w *tiered) error {
			other := must(w.VPC.CreateVPC("10.0.0.0/16"))(w.t)
			acl := must(w.VPC.CreateACL(other.ID))(w.t)
			err := w.VPC.DeleteVPC(other.ID)
			require.NoError(w.t, w.VPC.DeleteACL(acl.ID))
			require.NoError(w.t, w.VPC.DeleteVPC(other.ID))
			return err
		}},
		"a network ACL of a subnet": {"DependencyViolation", "EC2 API: DeleteNetworkAcl", func(w *tiered) error {
			id := w.acl(w.private)
			err := w.VPC.DeleteACL(id)
			require.NoError(w.t, w.VPC.ReleaseACL(id))
			require.NoError(w.t, w.VPC.DeleteACL(id))
			return err
		}},
		"a protected instance": {"OperationNotPermitted", "EC2 API: TerminateInstances", func(w *tiered) error {
			require.NoError(w.t, w.EC2.UpdateInstance(w.instance, []string{w.group}, "", nil, true))
			err := w.EC2.TerminateInstance(w.instance)
			require.NoError(w.t, w.EC2.UpdateInstance(w.instance, []string{w.group}, "", nil, false))
			require.NoError(w.t, w.EC2.TerminateInstance(w.instance))
			return err
		}},
		"a role with a policy of AWS": {"DeleteConflict", "IAM API: DeleteRole", func(w *tiered) error {
			const policy = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
			require.NoError(w.t, w.IAM.CreateRole("r", trust))
			require.NoError(w.t, w.IAM.AttachRolePolicy("r", policy))
			err := w.IAM.DeleteRole("r")
			require.NoError(w.t, w.IAM.DetachRolePolicy("r", policy))
			require.NoError(w.t, w.IAM.DeleteRole("r"))
			return err
		}},
	}
}

// makeRoom takes away what is in the way of a deletion; the others show that it goes then themselves.
var makeRoom = map[string]func(*tiered){
	"an address of a NAT gateway":                         (*tiered).dropNAT,
	"a subnet with a NAT gateway":                         (*tiered).dropNAT,
	"an internet gateway of a NAT gateway":                (*tiered).dropNAT,
	"moving an internet gateway that a NAT gateway uses":  (*tiered).dropNAT,
	"a subnet with an endpoint":                           (*tiered).dropEndpoints,
	"a security group that a rule of another group names": func(w *tiered) { require.NoError(w.t, w.VPC.DeleteRule(w.naming)) },
	"a subnet group with a database":                      (*tiered).dropDatabase,
	"a parameter group with a database":                   (*tiered).dropDatabase,
	"a subnet with a database":                            (*tiered).dropDatabase,
	"a security group of an endpoint": func(w *tiered) {
		w.dropEndpoints()
		require.NoError(w.t, w.VPC.DeleteRule(w.rules["ssh out"]))
		w.EC2.InstanceEnded(w.instance, "", w.Now())
		w.dropDatabase()
	},
}

func (w *tiered) dropNAT() {
	require.NoError(w.t, w.VPC.DeleteNAT(w.nat))
	w.EC2.InstanceEnded(w.bastion, "", w.Now())
}

func (w *tiered) dropDatabase() {
	require.NoError(w.t, w.RDS.DeleteDatabase(w.databaseID, "", w.Now()))
}

func TestDeletingATieredNetworkInAWrongOrderFails(t *testing.T) {
	rows := tieredOrderRefusals(t)
	for what := range makeRoom {
		require.Contains(t, rows, what)
	}
	for name, c := range rows {
		t.Run(name, func(t *testing.T) {
			w := newTiered(t)
			must(w.endpoint("ssm", w.interfaces))(t)
			w.named = must(w.VPC.CreateSecurityGroup("named", w.vpc))(t).ID
			w.naming = must(w.VPC.CreateRule(vpc.Rule{Group: w.group, Protocol: "tcp", From: 1, To: 1, Peer: w.named}))(t).ID
			w.subnetGroup()
			spec := w.database()
			spec.ParameterGroup = "postgres"
			require.NoError(t, w.RDS.CreateParameterGroup(rds.ParameterGroup{Name: "postgres", Family: "postgres17"}))
			w.databaseID = must(w.RDS.CreateDatabase(spec, w.Now()))(t).ID
			refused(t, c.code, c.try(w))
			if room := makeRoom[name]; room != nil {
				room(w)
				require.NoError(t, c.try(w))
			}
		})
	}
}

func (w *tiered) dropEndpoints() {
	data := must(w.Save())(w.t)
	require.Contains(w.t, string(data), "vpce-")
	for _, line := range w.Left() {
		if id, ok := cutKind(line, "endpoint "); ok {
			require.NoError(w.t, w.VPC.DeleteEndpoint(id))
		}
	}
}

func cutKind(line, kind string) (string, bool) {
	if len(line) > len(kind) && line[:len(kind)] == kind {
		return line[len(kind):], true
	}
	return "", false
}

func TestATieredNetworkLeavesNothingButItsImages(t *testing.T) {
	w := newTiered(t)
	must(w.endpoint("s3", w.gatewayEndpoint))(t)
	image := must(w.EC2.CreateImage("web", w.instance, nil))(t)
	w.dropEndpoints()
	for _, id := range []string{w.instance, w.bastion} {
		require.NoError(t, w.EC2.TerminateInstance(id))
		w.EC2.InstanceEnded(id, "", w.Now())
	}
	require.NoError(t, w.VPC.DeleteNAT(w.nat))
	require.NoError(t, w.VPC.ReleaseAddress(w.eip))
	require.NoError(t, w.VPC.DeleteGateway(w.gateway))
	for subnet, table := range w.tables {
		require.NoError(t, w.VPC.DeleteSubnet(subnet))
		require.NoError(t, w.VPC.DeleteRouteTable(table))
	}
	require.NoError(t, w.VPC.DeleteRule(w.rules["ssh out"]))
	require.NoError(t, w.VPC.DeleteSecurityGroup(w.group))
	require.NoError(t, w.VPC.DeleteSecurityGroup(w.bastionGroup))
	require.NoError(t, w.VPC.DeleteVPC(w.vpc))
	assert.Empty(t, w.Left())

	again := must(cloud.New("us-east-1", w.clock, always))(t)
	require.NoError(t, again.Restore(must(w.Save())(t)))
	assert.Equal(t, []ec2.Image{image}, cloud.Get(again, func(m *cloud.Model) []ec2.Image { return m.EC2.DescribeImages() }))
}

func TestAnImageRemembersItsSourceAndOutlivesIt(t *testing.T) {
	w := newTiered(t)
	image := must(w.EC2.CreateImage("web", w.instance, nil))(t)
	assert.Equal(t, w.instance, image.Source)
	assert.Equal(t, "x86_64", image.Architecture)
	require.NoError(t, w.EC2.TerminateInstance(w.instance))
	w.EC2.InstanceEnded(w.instance, "", w.Now())

	spec := w.spec(w.private[0], w.group, false)
	spec.ImageID = image.ID
	made := must(w.EC2.RunInstance(spec, w.Now()))(t)
	assert.Equal(t, image.ID, made.ImageID)

	require.NoError(t, w.EC2.DeregisterImage(image.ID))
	_, err := w.EC2.RunInstance(spec, w.Now())
	refused(t, "InvalidAMIID.NotFound", err)
}

func TestAnInstanceOutsideOfGroupsIsForgottenAnHourAfterItsEnd(t *testing.T) {
	w := newTiered(t)
	require.NoError(t, w.EC2.TerminateInstance(w.bastion))
	w.EC2.InstanceEnded(w.bastion, "", w.Now())
	w.clock.Advance(time.Hour)
	w.Reconcile()
	must(w.EC2.Instance(w.bastion))(t)
	w.clock.Advance(time.Second)
	w.Reconcile()
	_, err := w.EC2.Instance(w.bastion)
	refused(t, "InvalidInstanceID.NotFound", err)
}
