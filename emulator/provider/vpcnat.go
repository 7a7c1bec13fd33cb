package provider

import (
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

type eipInputs struct {
	Domain string            `pulumi:"domain"`
	Tags   map[string]string `pulumi:"tags"`
}

type natInputs struct {
	AllocationID     string            `pulumi:"allocationId"`
	SubnetID         string            `pulumi:"subnetId"`
	ConnectivityType string            `pulumi:"connectivityType"`
	Tags             map[string]string `pulumi:"tags"`
}

type eipOutputs struct {
	ARN          string `pulumi:"arn"`
	AllocationID string `pulumi:"allocationId"`
	Domain       string `pulumi:"domain"`
	PublicIP     string `pulumi:"publicIp"`
	PublicDNS    string `pulumi:"publicDns"`
}

func elasticIP() resourceType {
	return define(resourceType{token: "aws:ec2/eip:Eip", kind: Run, replaceOn: []string{"domain"}}, handlers[eipInputs, eipOutputs]{
		create: func(m *cloud.Model, in eipInputs) (string, eipOutputs, error) {
			if in.Domain != "" && in.Domain != "vpc" {
				return "", eipOutputs{}, unsupported("domain", in.Domain, "vpc")
			}
			made, err := m.VPC.AllocateAddress()
			address := made.Address.String()
			return made.ID, eipOutputs{
				ARN: m.Region.ARN("ec2", "elastic-ip/"+made.ID), AllocationID: made.ID, Domain: "vpc", PublicIP: address,
				PublicDNS: "ec2-" + strings.ReplaceAll(address, ".", "-") + ".compute-1.amazonaws.com",
			}, err
		},
		remove: func(m *cloud.Model, id string, _ eipInputs) error { return m.VPC.ReleaseAddress(id) },
	})
}

type natOutputs struct {
	AssociationID      string `pulumi:"associationId"`
	ConnectivityType   string `pulumi:"connectivityType"`
	NetworkInterfaceID string `pulumi:"networkInterfaceId"`
	PrivateIP          string `pulumi:"privateIp"`
	PublicIP           string `pulumi:"publicIp"`
}

// attach retries while the VPC has no internet gateway, for about as long as a NAT gateway is pending before it fails: awsx
// creates the two gateways in parallel.
var attach = retry{codes: []string{"Gateway.NotAttached"}, timeout: time.Minute}

func natGateway() resourceType {
	return define(resourceType{
		token: "aws:ec2/natGateway:NatGateway", kind: Run, replaceOn: []string{"allocationId", "subnetId", "connectivityType"},
	}, handlers[natInputs, natOutputs]{
		create: func(m *cloud.Model, in natInputs) (string, natOutputs, error) {
			if in.ConnectivityType != "" && in.ConnectivityType != "public" {
				return "", natOutputs{}, unsupported("connectivityType", in.ConnectivityType, "public")
			}
			made, err := m.VPC.CreateNAT(in.SubnetID, in.AllocationID)
			if err != nil {
				return "", natOutputs{}, err
			}
			number := strings.TrimPrefix(made.ID, "nat-")
			return made.ID, natOutputs{
				AssociationID: "eipassoc-" + number, ConnectivityType: "public", NetworkInterfaceID: "eni-" + number,
				PrivateIP: made.Address.String(), PublicIP: m.VPC.PublicAddress(made).String(),
			}, nil
		},
		retryCreate: attach,
		remove:      func(m *cloud.Model, id string, _ natInputs) error { return m.VPC.DeleteNAT(id) },
	})
}
