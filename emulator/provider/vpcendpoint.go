package provider

import (
	"cmp"
	"maps"
	"slices"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

type endpointInputs struct {
	VpcID             string            `pulumi:"vpcId"`
	ServiceName       string            `pulumi:"serviceName"`
	VpcEndpointType   string            `pulumi:"vpcEndpointType"`
	RouteTableIDs     []string          `pulumi:"routeTableIds"`
	SubnetIDs         []string          `pulumi:"subnetIds"`
	SecurityGroupIDs  []string          `pulumi:"securityGroupIds"`
	PrivateDNSEnabled bool              `pulumi:"privateDnsEnabled"`
	AutoAccept        bool              `pulumi:"autoAccept"`
	IPAddressType     string            `pulumi:"ipAddressType"`
	Policy            string            `pulumi:"policy"`
	Tags              map[string]string `pulumi:"tags"`
}

func (in endpointInputs) spec() (vpc.EndpointSpec, error) {
	kind := cmp.Or(in.VpcEndpointType, "Gateway")
	if kind != "Gateway" && kind != "Interface" {
		return vpc.EndpointSpec{}, unsupported("vpcEndpointType", kind, "Gateway and Interface")
	}
	if in.IPAddressType != "" && in.IPAddressType != "ipv4" {
		return vpc.EndpointSpec{}, unsupported("ipAddressType", in.IPAddressType, "ipv4")
	}
	return vpc.EndpointSpec{
		VPC: in.VpcID, Service: in.ServiceName, Interface: kind == "Interface", RouteTables: in.RouteTableIDs,
		Subnets: in.SubnetIDs, Groups: in.SecurityGroupIDs, PrivateDNS: in.PrivateDNSEnabled, Policy: in.Policy,
	}, nil
}

type endpointOutputs struct {
	ARN                  string               `pulumi:"arn"`
	DNSEntries           []endpointDNSEntry   `pulumi:"dnsEntries"`
	OwnerID              string               `pulumi:"ownerId"`
	PrefixListID         string               `pulumi:"prefixListId"`
	RequesterManaged     bool                 `pulumi:"requesterManaged"`
	State                string               `pulumi:"state"`
	SubnetConfigurations []endpointSubnetPart `pulumi:"subnetConfigurations"`
}

type endpointDNSEntry struct {
	DNSName      string `pulumi:"dnsName"`
	HostedZoneID string `pulumi:"hostedZoneId"`
}

type endpointSubnetPart struct {
	SubnetID string `pulumi:"subnetId"`
	IPv4     string `pulumi:"ipv4"`
}

func vpcEndpoint() resourceType {
	return define(resourceType{
		token: "aws:ec2/vpcEndpoint:VpcEndpoint", kind: Run, replaceOn: []string{"vpcId", "serviceName", "vpcEndpointType"},
	}, handlers[endpointInputs, endpointOutputs]{
		create: func(m *cloud.Model, in endpointInputs) (string, endpointOutputs, error) {
			spec, err := in.spec()
			if err != nil {
				return "", endpointOutputs{}, err
			}
			made, err := m.VPC.CreateEndpoint(spec)
			if err != nil {
				return "", endpointOutputs{}, err
			}
			return made.ID, outputsOfEndpoint(m, made), nil
		},
		update: func(m *cloud.Model, id string, _, now endpointInputs) (*endpointOutputs, error) {
			spec, err := now.spec()
			if err != nil {
				return nil, err
			}
			return nil, m.VPC.UpdateEndpoint(id, spec)
		},
		remove: func(m *cloud.Model, id string, _ endpointInputs) error { return m.VPC.DeleteEndpoint(id) },
	})
}

func outputsOfEndpoint(m *cloud.Model, e vpc.Endpoint) endpointOutputs {
	outputs := endpointOutputs{
		ARN: m.Region.ARN("ec2", "vpc-endpoint/"+e.ID), OwnerID: aws.Account, PrefixListID: e.PrefixList(), State: "available",
		DNSEntries: []endpointDNSEntry{}, SubnetConfigurations: []endpointSubnetPart{},
	}
	if e.Interface {
		outputs.DNSEntries = append(outputs.DNSEntries, endpointDNSEntry{
			DNSName: e.ID + "-0a1b2c3d." + e.Name() + "." + string(m.Region) + ".vpce.amazonaws.com", HostedZoneID: "Z7HUB22UULQXV",
		})
		if e.PrivateDNS {
			outputs.DNSEntries = append(outputs.DNSEntries, endpointDNSEntry{DNSName: e.Name() + "." + string(m.Region) + ".amazonaws.com"})
		}
	}
	for _, subnet := range slices.Sorted(maps.Keys(e.Interfaces)) {
		outputs.SubnetConfigurations = append(outputs.SubnetConfigurations, endpointSubnetPart{subnet, e.Interfaces[subnet].String()})
	}
	return outputs
}
