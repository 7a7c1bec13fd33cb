package provider

import (
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// attempt is what a create of these inputs ends with, checks included.
func (p *awsProvider) attempt(t *testing.T, token, logical string, inputs map[string]any) error {
	t.Helper()
	checked := p.checked(t, token, logical, nil, inputs)
	require.Empty(t, checked.Failures)
	_, err := p.Create(t.Context(), plugin.CreateRequest{
		URN: name(token, logical), Name: logical, Type: tokens.Type(token), Properties: checked.Properties,
	})
	return err
}

func (p *awsProvider) removed(t *testing.T, token string, made plugin.CreateResponse) error {
	t.Helper()
	_, err := p.Delete(t.Context(), plugin.DeleteRequest{Type: tokens.Type(token), ID: made.ID, Inputs: made.Properties})
	return err
}

func (p *awsProvider) called(t *testing.T, token string, args map[string]any) (map[string]any, error) {
	t.Helper()
	response, err := p.Invoke(t.Context(), plugin.InvokeRequest{Tok: tokens.ModuleMember(token), Args: properties(args)})
	return response.Properties.Mappable(), err
}

// ground is a network of two zones with a security group.
type ground struct{ vpc, gateway, group, subnets, tables []any }

func newGround(t *testing.T, p *awsProvider) ground {
	t.Helper()
	made := ground{}
	vpc := p.created(t, "aws:ec2/vpc:Vpc", "v", map[string]any{"cidrBlock": "10.0.0.0/16"}).ID
	made.vpc = []any{string(vpc)}
	gateway := p.created(t, "aws:ec2/internetGateway:InternetGateway", "v", map[string]any{"vpcId": string(vpc)})
	made.gateway = []any{string(gateway.ID)}
	made.group = []any{string(p.created(t, "aws:ec2/securityGroup:SecurityGroup", "g", map[string]any{"vpcId": string(vpc)}).ID)}
	for zone, cidr := range map[string]string{"us-east-1a": "10.0.0.0/24", "us-east-1b": "10.0.1.0/24"} {
		subnet := p.created(t, "aws:ec2/subnet:Subnet", zone, map[string]any{
			"vpcId": string(vpc), "cidrBlock": cidr, "availabilityZone": zone,
		}).ID
		table := p.created(t, "aws:ec2/routeTable:RouteTable", zone, map[string]any{"vpcId": string(vpc)}).ID
		p.created(t, "aws:ec2/routeTableAssociation:RouteTableAssociation", zone, map[string]any{
			"routeTableId": string(table), "subnetId": string(subnet),
		})
		made.subnets, made.tables = append(made.subnets, string(subnet)), append(made.tables, string(table))
	}
	return made
}

func TestADatabaseLooksAsRDSMakesIt(t *testing.T) {
	p := newProvider(t)
	net := newGround(t, p)
	const token, groups = "aws:rds/instance:Instance", "aws:rds/subnetGroup:SubnetGroup"
	group := p.created(t, groups, "db", map[string]any{"subnetIds": net.subnets})
	inputs := map[string]any{
		"engine": "postgres", "engineVersion": "17", "instanceClass": "db.t4g.micro", "allocatedStorage": 20, "storageType": "gp3",
		"storageEncrypted": true, "username": "swiftcode", "manageMasterUserPassword": true, "dbSubnetGroupName": string(group.ID),
		"vpcSecurityGroupIds": net.group, "multiAz": true, "copyTagsToSnapshot": true, "finalSnapshotIdentifier": "swiftcode-final",
	}
	made := p.created(t, token, "swiftcode-db", inputs)
	outputs := made.Properties.Mappable()
	assert.Regexp(t, `^swiftcode-db-[0-9a-f]{7}$`, outputs["identifier"])
	assert.Regexp(t, `^swiftcode-db-[0-9a-f]{7}\.c9akciq32rgh\.us-east-1\.rds\.amazonaws\.com$`, outputs["address"])
	assert.Equal(t, outputs["address"].(string)+":5432", outputs["endpoint"])
	secret := outputs["masterUserSecrets"].([]any)[0].(map[string]any)["secretArn"]
	assert.Regexp(t, `^arn:aws:secretsmanager:us-east-1:123456789012:secret:rds!db-[0-9A-F]{26}-`, secret)

	require.ErrorContains(t, p.removed(t, groups, group), "still using it")
	without := made
	without.Properties = properties(map[string]any{"skipFinalSnapshot": false})
	require.ErrorContains(t, p.removed(t, token, without), "final_snapshot_identifier is required")
	require.NoError(t, p.removed(t, token, made))
	require.NoError(t, p.removed(t, groups, group))
	for _, left := range p.left() {
		assert.NotContains(t, left, "rds")
	}
}

func TestACertificateIsValidatedByItsRecord(t *testing.T) {
	p := newProvider(t)
	zone := p.created(t, "aws:route53/zone:Zone", "z", map[string]any{"name": "example.com"})
	assert.Len(t, zone.Properties["nameServers"].ArrayValue(), 4)
	certificate := p.created(t, "aws:acm/certificate:Certificate", "c", map[string]any{
		"domainName": "www.example.com", "validationMethod": "DNS",
	})
	validation := map[string]any{"certificateArn": string(certificate.ID)}
	require.ErrorContains(t, p.attempt(t, "aws:acm/certificateValidation:CertificateValidation", "v", validation), "is not issued")

	option := certificate.Properties["domainValidationOptions"].ArrayValue()[0].ObjectValue().Mappable()
	record := p.created(t, "aws:route53/record:Record", "r", map[string]any{
		"zoneId": string(zone.ID), "name": option["resourceRecordName"], "type": option["resourceRecordType"],
		"records": []any{option["resourceRecordValue"]}, "ttl": 60,
	})
	p.created(t, "aws:acm/certificateValidation:CertificateValidation", "v", validation)
	require.ErrorContains(t, p.removed(t, "aws:route53/zone:Zone", zone), "HostedZoneNotEmpty")
	require.NoError(t, p.removed(t, "aws:route53/record:Record", record))
	require.NoError(t, p.removed(t, "aws:route53/zone:Zone", zone))
}

// As with the real provider, what waits for the maintenance window comes back in each preview until then.
func TestAnUpdateOfADatabaseIsDueUntilTheDatabaseIsAsItShouldBe(t *testing.T) {
	p := newProvider(t)
	net := newGround(t, p)
	const token = "aws:rds/instance:Instance"
	group := p.created(t, "aws:rds/subnetGroup:SubnetGroup", "db", map[string]any{"subnetIds": net.subnets})
	inputs := map[string]any{
		"identifier": "db", "engine": "postgres", "engineVersion": "17", "instanceClass": "db.t4g.micro", "allocatedStorage": 40,
		"maxAllocatedStorage": 100, "username": "swiftcode", "manageMasterUserPassword": true, "dbSubnetGroupName": string(group.ID),
		"vpcSecurityGroupIds": net.group, "multiAz": false, "skipFinalSnapshot": true, "applyImmediately": false,
	}
	made := p.created(t, token, "db", inputs)
	changed := func(key string, value any) (changed []resource.PropertyKey) {
		wanted := properties(inputs)
		wanted[resource.PropertyKey(key)] = resource.NewPropertyValue(value)
		urn := name(token, "db")
		update, err := p.Update(t.Context(), plugin.UpdateRequest{
			URN: urn, Type: token, ID: made.ID, OldInputs: properties(inputs), OldOutputs: made.Properties, NewInputs: wanted,
		})
		require.NoError(t, err)
		diff, err := p.Diff(t.Context(), plugin.DiffRequest{
			URN: urn, Type: token, ID: made.ID, OldInputs: wanted, OldOutputs: update.Properties, NewInputs: wanted,
		})
		require.NoError(t, err)
		return diff.ChangedKeys
	}
	assert.Equal(t, []resource.PropertyKey{"instanceClass"}, changed("instanceClass", "db.t4g.small"))
	assert.Empty(t, changed("allocatedStorage", 20.0), "a volume that may grow is not made smaller")
	inputs["applyImmediately"] = true
	assert.Empty(t, changed("instanceClass", "db.t4g.small"))
}

func TestAliasesAndRecordsExcludeEachOther(t *testing.T) {
	p := newProvider(t)
	zone, err := p.called(t, "aws:route53/getZone:getZone", map[string]any{"name": "example.com"})
	require.NoError(t, err)
	alias := []any{map[string]any{"name": "lb.example.net", "zoneId": "Z1", "evaluateTargetHealth": true}}
	for what, inputs := range map[string]map[string]any{
		"both":             {"records": []any{"1.2.3.4"}, "ttl": 60, "aliases": alias},
		"an alias's TTL":   {"aliases": alias, "ttl": 60},
		"a record without": {"records": []any{"1.2.3.4"}},
	} {
		inputs["zoneId"], inputs["name"], inputs["type"] = zone["zoneId"], "www.example.com", "A"
		require.Error(t, p.attempt(t, "aws:route53/record:Record", "r", inputs), what)
	}
	made := p.created(t, "aws:route53/record:Record", "r", map[string]any{
		"zoneId": zone["zoneId"], "name": "www.example.com", "type": "A", "aliases": alias,
	})
	assert.Equal(t, "www.example.com", made.Properties["fqdn"].StringValue())
}

func TestWhatTheProviderRefusesOfRecordedTypes(t *testing.T) {
	p := newProvider(t)
	net := newGround(t, p)
	for _, c := range []struct {
		name, token string
		inputs      map[string]any
		message     string
	}{
		{
			name: "a dashboard name with a dot", token: "aws:cloudwatch/dashboard:Dashboard",
			inputs: map[string]any{"dashboardName": "a.b", "dashboardBody": "{}"}, message: "DashboardName",
		},
		{
			name: "a dashboard that is not JSON", token: "aws:cloudwatch/dashboard:Dashboard",
			inputs: map[string]any{"dashboardName": "a", "dashboardBody": "{"}, message: "InvalidParameterInput",
		},
		{
			name: "a flow log of nothing", token: "aws:ec2/flowLog:FlowLog", inputs: map[string]any{"trafficType": "ALL"},
			message: "must be specified",
		},
		{
			name: "a flow log of a type of traffic that does not exist", token: "aws:ec2/flowLog:FlowLog",
			inputs: map[string]any{"vpcId": net.vpc[0], "trafficType": "SOME"}, message: "trafficType",
		},
		{
			name:    "a lifecycle rule without an action",
			token:   "aws:s3/bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2",
			inputs:  map[string]any{"bucket": "b", "rules": []any{map[string]any{"id": "a", "status": "Enabled"}}},
			message: "at least one action",
		},
		{
			name: "an ACL rule that neither allows nor denies", token: "aws:ec2/networkAclRule:NetworkAclRule",
			inputs: map[string]any{"ruleAction": "drop"}, message: "expected action",
		},
		{
			name: "a certificate validated by e-mail", token: "aws:acm/certificate:Certificate",
			inputs: map[string]any{"domainName": "example.com", "validationMethod": "EMAIL"}, message: "DNS",
		},
		{
			name: "a private NAT gateway", token: "aws:ec2/natGateway:NatGateway",
			inputs: map[string]any{"subnetId": net.subnets[0], "connectivityType": "private"}, message: "public",
		},
	} {
		require.ErrorContains(t, p.attempt(t, c.token, "x", c.inputs), c.message, c.name)
	}
}

func TestANetworkACLIsChangedInPlaceAndGivesItsSubnetsBack(t *testing.T) {
	p := newProvider(t)
	net := newGround(t, p)
	const token = "aws:ec2/networkAcl:NetworkAcl"
	entry := func(number int, port int) map[string]any {
		return map[string]any{
			"ruleNo": number, "action": "allow", "protocol": "tcp", "cidrBlock": "0.0.0.0/0", "fromPort": port, "toPort": port,
		}
	}
	made := p.created(t, token, "a", map[string]any{
		"vpcId": net.vpc[0], "subnetIds": net.subnets[:1], "ingress": []any{entry(100, 80)}, "egress": []any{entry(100, 443)},
	})
	news := made.Properties.Copy()
	news["ingress"] = properties(map[string]any{"x": []any{entry(100, 8080), entry(110, 80)}})["x"]
	news["subnetIds"] = properties(map[string]any{"x": net.subnets[1:]})["x"]
	_, err := p.Update(t.Context(), plugin.UpdateRequest{
		Type: token, ID: made.ID, OldInputs: made.Properties, OldOutputs: made.Properties, NewInputs: news,
	})
	require.NoError(t, err)
	made.Properties = news
	require.NoError(t, p.removed(t, token, made))
	for _, left := range p.left() {
		assert.NotContains(t, left, "ACL")
	}
}

// boot is the data plane of a test: machines boot and end at once.
func boot(t *testing.T, c *cloud.Cloud) {
	t.Helper()
	go func() {
		for {
			changed := c.Changed()
			moveInstances(c)
			select {
			case <-changed:
			case <-t.Context().Done():
				return
			}
		}
	}()
}

func TestABastionRunsAndAnImageIsMadeOfIt(t *testing.T) {
	p := newProvider(t)
	boot(t, p.cloud)
	net := newGround(t, p)
	const token, images = "aws:ec2/instance:Instance", "aws:ec2/amiFromInstance:AmiFromInstance"
	bastion := p.created(t, token, "bastion", map[string]any{
		"ami": "ami-0e1a5c20f3d400001", "instanceType": "t3.nano", "subnetId": net.subnets[0], "vpcSecurityGroupIds": net.group,
		"associatePublicIpAddress": true, "metadataOptions": map[string]any{"httpTokens": "required"},
		"rootBlockDevice": map[string]any{"encrypted": true, "volumeType": "gp3"}, "tags": map[string]any{"Name": "bastion"},
	})
	assert.Regexp(t, `^127\.0\.[01]\.`, bastion.Properties["publicIp"].StringValue(), "where it listens on this machine")
	assert.Equal(t, "running", bastion.Properties["instanceState"].StringValue())

	found, err := p.called(t, "aws:ec2/getInstance:getInstance", map[string]any{"instanceId": string(bastion.ID)})
	require.NoError(t, err)
	assert.Equal(t, "ami-0e1a5c20f3d400001", found["ami"])
	tagged, err := p.called(t, "aws:ec2/getInstance:getInstance", map[string]any{
		"instanceTags": map[string]any{"Name": "bastion"},
		"filters":      []any{map[string]any{"name": "instance-state-name", "values": []any{"running"}}},
	})
	require.NoError(t, err)
	assert.Equal(t, found["id"], tagged["id"])
	_, err = p.called(t, "aws:ec2/getInstance:getInstance", map[string]any{"instanceId": "i-1"})
	require.ErrorContains(t, err, "no results")

	image := p.created(t, images, "web", map[string]any{"sourceInstanceId": string(bastion.ID), "snapshotWithoutReboot": true})
	ami, err := p.called(t, "aws:ec2/getAmi:getAmi", map[string]any{
		"filters": []any{map[string]any{"name": "image-id", "values": []any{string(image.ID)}}},
	})
	require.NoError(t, err)
	assert.Equal(t, "/dev/xvda", ami["rootDeviceName"])

	require.NoError(t, p.removed(t, token, bastion))
	_, err = p.called(t, "aws:ec2/getInstance:getInstance", map[string]any{"instanceId": string(bastion.ID)})
	require.Error(t, err, "a terminated instance isn't found")
	require.NoError(t, p.removed(t, images, image))
}

func TestATypeIsOfferedByTheZonesThatHaveIt(t *testing.T) {
	p := newProvider(t)
	const token = "aws:ec2/getInstanceTypeOfferings:getInstanceTypeOfferings"
	named := map[string]any{"name": "instance-type", "values": []any{"t3.micro", "t2.micro"}}
	there := map[string]any{"name": "location", "values": []any{"us-east-1d", "us-east-1e"}}
	found, err := p.called(t, token, map[string]any{"locationType": "availability-zone", "filters": []any{named, there}})
	require.NoError(t, err)
	assert.Equal(t, []any{"t3.micro", "t2.micro", "t2.micro"}, found["instanceTypes"])
	assert.Equal(t, []any{"us-east-1d", "us-east-1d", "us-east-1e"}, found["locations"])
	for name, args := range map[string]map[string]any{
		"by region": {"locationType": "region", "filters": []any{named}},
		"all types": {"locationType": "availability-zone"},
	} {
		_, err := p.called(t, token, args)
		require.ErrorContains(t, err, "the emulator knows the offerings by availability-zone", name)
	}
}

func TestWhatNeedsAnInstanceStoppedIsRefused(t *testing.T) {
	p := newProvider(t)
	olds := properties(map[string]any{"instanceType": "t3.nano"})
	_, err := p.Update(t.Context(), plugin.UpdateRequest{
		Type: "aws:ec2/instance:Instance", ID: "i-1", OldInputs: olds, NewInputs: properties(map[string]any{"instanceType": "t3.micro"}),
	})
	require.ErrorContains(t, err, "instanceType")
}

func TestRouteTablesAreFoundBySubnetWithTheRoutesOfEndpoints(t *testing.T) {
	p := newProvider(t)
	net := newGround(t, p)
	p.created(t, "aws:ec2/vpcEndpoint:VpcEndpoint", "s3", map[string]any{
		"vpcId": net.vpc[0], "serviceName": "com.amazonaws.us-east-1.s3", "vpcEndpointType": "Gateway", "routeTableIds": net.tables,
	})
	found, err := p.called(t, "aws:ec2/getRouteTable:getRouteTable", map[string]any{"subnetId": net.subnets[0]})
	require.NoError(t, err)
	assert.Equal(t, net.tables[0], found["routeTableId"])
	route := found["routes"].([]any)[0].(map[string]any)
	assert.Equal(t, "pl-63a5400a", route["destinationPrefixListId"])
	assert.Regexp(t, "^vpce-", route["gatewayId"])
	_, err = p.called(t, "aws:ec2/getRouteTable:getRouteTable", map[string]any{"subnetId": "subnet-1"})
	require.ErrorContains(t, err, "no results")
}

func TestANATGatewayWaitsForTheInternetGatewayThatIsMadeBesideIt(t *testing.T) {
	p := newProvider(t)
	net := newGround(t, p)
	require.NoError(t, p.cloud.Change(func(m *cloud.Model) error { return m.VPC.DeleteGateway(net.gateway[0].(string)) }))
	address := p.created(t, "aws:ec2/eip:Eip", "n", nil)
	go func() {
		time.Sleep(50 * time.Millisecond)
		_, _ = cloud.Make(p.cloud, func(m *cloud.Model) (vpc.InternetGateway, error) { return m.VPC.CreateGateway(net.vpc[0].(string)) })
	}()
	const token = "aws:ec2/natGateway:NatGateway"
	nat := p.created(t, token, "n", map[string]any{"subnetId": net.subnets[0], "allocationId": string(address.ID)})
	assert.Equal(t, address.Properties["publicIp"], nat.Properties["publicIp"])
	require.ErrorContains(t, p.removed(t, "aws:ec2/eip:Eip", address), "InvalidIPAddress.InUse")
	require.NoError(t, p.removed(t, token, nat))
	require.NoError(t, p.removed(t, "aws:ec2/eip:Eip", address))
}

func TestAnInternetGatewayIsDetachedOnceNoAddressIsMapped(t *testing.T) {
	p := newProvider(t)
	net := newGround(t, p)
	eip, err := cloud.Make(p.cloud, func(m *cloud.Model) (vpc.ElasticIP, error) { return m.VPC.AllocateAddress() })
	require.NoError(t, err)
	nat, err := cloud.Make(p.cloud, func(m *cloud.Model) (vpc.NATGateway, error) { return m.VPC.CreateNAT(net.subnets[0].(string), eip.ID) })
	require.NoError(t, err)
	go func() {
		time.Sleep(50 * time.Millisecond)
		_ = p.cloud.Change(func(m *cloud.Model) error { return m.VPC.DeleteNAT(nat.ID) })
	}()
	gateway := plugin.CreateResponse{ID: resource.ID(net.gateway[0].(string)), Properties: properties(map[string]any{})}
	require.NoError(t, p.removed(t, "aws:ec2/internetGateway:InternetGateway", gateway))
	for _, left := range p.left() {
		assert.NotContains(t, left, "gateway")
	}
}

func TestARecordedResourceIsKeptUnderItsTypeAndID(t *testing.T) {
	p := newProvider(t)
	p.created(t, "aws:cloudwatch/logGroup:LogGroup", "same", map[string]any{"name": "same"}) // a type that runs
	dashboard := p.created(t, "aws:cloudwatch/dashboard:Dashboard", "same", map[string]any{
		"dashboardName": "same", "dashboardBody": `{"widgets":[]}`,
	})
	assert.Equal(t, []string{"log-group same", "aws:cloudwatch/dashboard:Dashboard same"}, p.left())
	require.NoError(t, p.removed(t, "aws:cloudwatch/dashboard:Dashboard", dashboard))
	assert.Equal(t, []string{"log-group same"}, p.left())
}
