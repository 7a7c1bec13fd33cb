package provider

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestNetworksAreFoundAsTheyAre(t *testing.T) {
	p := newProvider(t)
	tags := map[string]any{"Name": "shared"}
	vpc := string(p.created(t, "aws:ec2/vpc:Vpc", "v", map[string]any{
		"cidrBlock": "10.0.0.0/16", "enableDnsSupport": true, "tags": tags,
	}).ID)
	p.created(t, "aws:ec2/vpc:Vpc", "other", map[string]any{"cidrBlock": "10.1.0.0/16"})
	subnet := string(p.created(t, "aws:ec2/subnet:Subnet", "s", map[string]any{
		"vpcId": vpc, "cidrBlock": "10.0.1.0/28", "availabilityZone": "us-east-1b", "tags": tags,
	}).ID)
	table := string(p.created(t, "aws:ec2/routeTable:RouteTable", "s", map[string]any{"vpcId": vpc}).ID)
	p.created(t, "aws:ec2/routeTableAssociation:RouteTableAssociation", "s", map[string]any{"routeTableId": table, "subnetId": subnet})
	group := string(p.created(t, "aws:ec2/securityGroup:SecurityGroup", "g", map[string]any{"vpcId": vpc, "tags": tags}).ID)
	endpoint := string(p.created(t, "aws:ec2/vpcEndpoint:VpcEndpoint", "e", map[string]any{
		"vpcId": vpc, "serviceName": "com.amazonaws.us-east-1.s3", "vpcEndpointType": "Gateway", "routeTableIds": []any{table},
	}).ID)
	filter := func(name string, value any) []any { return []any{map[string]any{"name": name, "values": []any{value}}} }

	for name, c := range map[string]struct {
		token string
		args  map[string]any
		want  map[string]any
	}{
		"a VPC by its tags": {
			"aws:ec2/getVpc:getVpc", map[string]any{"tags": tags},
			map[string]any{"id": vpc, "cidrBlock": "10.0.0.0/16", "enableDnsSupport": true, "enableDnsHostnames": false},
		},
		"a VPC by its ID": {"aws:ec2/getVpc:getVpc", map[string]any{"id": vpc}, map[string]any{"id": vpc}},
		"subnets of a VPC": {
			"aws:ec2/getSubnets:getSubnets", map[string]any{"filters": filter("vpc-id", vpc), "tags": tags}, map[string]any{"ids": []any{subnet}},
		},
		"no subnet": {
			"aws:ec2/getSubnets:getSubnets", map[string]any{"filters": filter("vpc-id", "vpc-0"), "tags": tags}, map[string]any{"ids": []any{}},
		},
		"a subnet": {
			"aws:ec2/getSubnet:getSubnet", map[string]any{"id": subnet},
			map[string]any{"availabilityZone": "us-east-1b", "vpcId": vpc, "availableIpAddressCount": 11.0},
		},
		"a subnet's route table": {
			"aws:ec2/getRouteTables:getRouteTables", map[string]any{"vpcId": vpc, "filters": filter("association.subnet-id", subnet)},
			map[string]any{"ids": []any{table}},
		},
		"no main route table": {
			"aws:ec2/getRouteTables:getRouteTables", map[string]any{"vpcId": vpc, "filters": filter("association.main", "true")},
			map[string]any{"ids": []any{}},
		},
		"an endpoint": {
			"aws:ec2/getVpcEndpoint:getVpcEndpoint",
			map[string]any{"vpcId": vpc, "serviceName": "com.amazonaws.us-east-1.s3", "filters": filter("vpc-endpoint-type", "Gateway")},
			map[string]any{"id": endpoint, "routeTableIds": []any{table}},
		},
		"a security group": {"aws:ec2/getSecurityGroup:getSecurityGroup", map[string]any{"id": group}, map[string]any{"vpcId": vpc}},
		"groups by their tags": {
			"aws:ec2/getSecurityGroups:getSecurityGroups", map[string]any{"tags": tags}, map[string]any{"ids": []any{group}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := p.called(t, c.token, c.args)
			require.NoError(t, err)
			for key, want := range c.want {
				assert.Equal(t, want, found[key], key)
			}
		})
	}
	for name, c := range map[string]struct {
		token string
		args  map[string]any
		want  string
	}{
		"two VPCs": {"aws:ec2/getVpc:getVpc", nil, "multiple EC2 VPCs matched"},
		"no VPC":   {"aws:ec2/getVpc:getVpc", map[string]any{"tags": map[string]any{"Name": "none"}}, "no matching EC2 VPC found"},
		"no endpoint": {
			"aws:ec2/getVpcEndpoint:getVpcEndpoint", map[string]any{"vpcId": vpc, "serviceName": "com.amazonaws.us-east-1.ssm"},
			"no matching EC2 VPC Endpoint found",
		},
		"an unknown filter": {
			"aws:ec2/getSubnets:getSubnets", map[string]any{"filters": filter("owner-id", "1")}, `the emulator doesn't know the filter "owner-id"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := p.called(t, c.token, c.args)
			require.ErrorContains(t, err, c.want)
		})
	}
}
