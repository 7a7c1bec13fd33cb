package provider

import (
	"context"
	"maps"
	"slices"

	"github.com/elastic-service/elastic-service/emulator/cloud"
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

func (in endpointInputs) spec() (cloud.EndpointSpec, error) {
	kind := orDefault(in.VpcEndpointType, "Gateway")
	if kind != "Gateway" && kind != "Interface" {
		return cloud.EndpointSpec{}, unsupported("vpcEndpointType", kind, "Gateway and Interface")
	}
	if in.IPAddressType != "" && in.IPAddressType != "ipv4" {
		return cloud.EndpointSpec{}, unsupported("ipAddressType", in.IPAddressType, "ipv4")
	}
	return cloud.EndpointSpec{
		VPC: in.VpcID, Service: in.ServiceName, Interface: kind == "Interface", RouteTables: in.RouteTableIDs,
		Subnets: in.SubnetIDs, Groups: in.SecurityGroupIDs, PrivateDNS: in.PrivateDNSEnabled, Policy: in.Policy,
	}, nil
}

func endpointOutputs(c *cloud.Cloud, e cloud.VPCEndpoint) map[string]any {
	outputs := map[string]any{
		"arn": c.ARN("ec2", "vpc-endpoint/"+e.ID), "state": "available", "ownerId": cloud.Account, "requesterManaged": false,
		"prefixListId": e.PrefixList(),
	}
	var entries []any
	if e.Interface {
		entries = append(entries, map[string]any{
			"dnsName": e.ID + "-0a1b2c3d." + e.Name() + "." + c.Region() + ".vpce.amazonaws.com", "hostedZoneId": "Z7HUB22UULQXV",
		})
		if e.PrivateDNS {
			entries = append(entries, map[string]any{"dnsName": e.Name() + "." + c.Region() + ".amazonaws.com", "hostedZoneId": ""})
		}
	}
	outputs["dnsEntries"] = entries
	var interfaces []any
	for _, subnet := range slices.Sorted(maps.Keys(e.Interfaces)) {
		interfaces = append(interfaces, map[string]any{"subnetId": subnet, "ipv4": e.Interfaces[subnet].String()})
	}
	outputs["subnetConfigurations"] = interfaces
	return outputs
}

func init() {
	define(resourceType{
		token: "aws:ec2/vpcEndpoint:VpcEndpoint", kind: Run, replaceOn: []string{"vpcId", "serviceName", "vpcEndpointType"},
	}, handlers[endpointInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in endpointInputs) (string, map[string]any, error) {
			spec, err := in.spec()
			if err != nil {
				return "", nil, err
			}
			made, err := c.CreateEndpoint(spec)
			return idUnless(err, made.ID), endpointOutputs(c, made), err
		},
		update: func(_ context.Context, c *cloud.Cloud, id string, _, now endpointInputs) (map[string]any, error) {
			spec, err := now.spec()
			if err != nil {
				return nil, err
			}
			return nil, c.UpdateEndpoint(id, spec)
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ endpointInputs) error {
			return c.DeleteEndpoint(id)
		},
	})
}
