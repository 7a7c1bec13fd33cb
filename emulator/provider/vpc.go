package provider

import (
	"fmt"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

type vpcInputs struct {
	CidrBlock          string            `pulumi:"cidrBlock"`
	EnableDNSHostnames bool              `pulumi:"enableDnsHostnames"`
	EnableDNSSupport   bool              `pulumi:"enableDnsSupport"`
	Tags               map[string]string `pulumi:"tags"`
}

type gatewayInputs struct {
	VpcID string            `pulumi:"vpcId"`
	Tags  map[string]string `pulumi:"tags"`
}

type subnetInputs struct {
	VpcID               string            `pulumi:"vpcId"`
	CidrBlock           string            `pulumi:"cidrBlock"`
	AvailabilityZone    string            `pulumi:"availabilityZone"`
	MapPublicIPOnLaunch bool              `pulumi:"mapPublicIpOnLaunch"`
	Tags                map[string]string `pulumi:"tags"`
}

type routeTableInputs struct {
	VpcID string            `pulumi:"vpcId"`
	Tags  map[string]string `pulumi:"tags"`
}

type routeInputs struct {
	RouteTableID         string `pulumi:"routeTableId"`
	DestinationCidrBlock string `pulumi:"destinationCidrBlock"`
	GatewayID            string `pulumi:"gatewayId"`
	NatGatewayID         string `pulumi:"natGatewayId"`
}

type associationInputs struct {
	RouteTableID string `pulumi:"routeTableId"`
	SubnetID     string `pulumi:"subnetId"`
}

func vpcNetwork() resourceType {
	return define(resourceType{
		token: "aws:ec2/vpc:Vpc", kind: Run, replaceOn: []string{"cidrBlock"},
	}, handlers[vpcInputs, arnOutput]{
		create: func(m *cloud.Model, in vpcInputs) (string, arnOutput, error) {
			made, err := m.VPC.CreateVPC(in.CidrBlock)
			if err != nil {
				return "", arnOutput{}, err
			}
			return made.ID, arnOutput{m.Region.ARN("ec2", "vpc/"+made.ID)}, in.apply(m, made.ID)
		},
		update: func(m *cloud.Model, id string, _, now vpcInputs) (*arnOutput, error) { return nil, now.apply(m, id) },
		remove: func(m *cloud.Model, id string, _ vpcInputs) error { return m.VPC.DeleteVPC(id) },
	})
}

// apply sets what a VPC gets after its creation.
func (in vpcInputs) apply(m *cloud.Model, id string) error {
	m.VPC.SetTags(id, in.Tags)
	return m.VPC.SetDNS(id, vpc.DNS{Support: in.EnableDNSSupport, Hostnames: in.EnableDNSHostnames})
}

// detach retries while public addresses are mapped through an internet gateway, for as long as the provider does.
var detach = retry{codes: []string{"DependencyViolation"}, timeout: 20 * time.Minute}

func internetGateway() resourceType {
	return define(resourceType{token: "aws:ec2/internetGateway:InternetGateway", kind: Run}, handlers[gatewayInputs, arnOutput]{
		create: func(m *cloud.Model, in gatewayInputs) (string, arnOutput, error) {
			made, err := m.VPC.CreateGateway(in.VpcID)
			return made.ID, arnOutput{m.Region.ARN("ec2", "internet-gateway/"+made.ID)}, err
		},
		update: func(m *cloud.Model, id string, _, now gatewayInputs) (*arnOutput, error) {
			return nil, m.VPC.MoveGateway(id, now.VpcID)
		},
		retryUpdate: detach,
		remove:      func(m *cloud.Model, id string, _ gatewayInputs) error { return m.VPC.DeleteGateway(id) },
		retryRemove: detach,
	})
}

func subnet() resourceType {
	return define(resourceType{
		token: "aws:ec2/subnet:Subnet", kind: Run, replaceOn: []string{"vpcId", "cidrBlock", "availabilityZone"},
	}, handlers[subnetInputs, arnOutput]{
		create: func(m *cloud.Model, in subnetInputs) (string, arnOutput, error) {
			made, err := m.VPC.CreateSubnet(in.VpcID, in.CidrBlock, in.AvailabilityZone, in.MapPublicIPOnLaunch)
			if err == nil {
				m.VPC.SetTags(made.ID, in.Tags)
			}
			return made.ID, arnOutput{m.Region.ARN("ec2", "subnet/"+made.ID)}, err
		},
		update: func(m *cloud.Model, id string, _, now subnetInputs) (*arnOutput, error) {
			m.VPC.SetTags(id, now.Tags)
			return nil, m.VPC.UpdateSubnet(id, now.MapPublicIPOnLaunch)
		},
		remove: func(m *cloud.Model, id string, _ subnetInputs) error { return m.VPC.DeleteSubnet(id) },
	})
}

func routeTable() resourceType {
	return define(resourceType{
		token: "aws:ec2/routeTable:RouteTable", kind: Run, replaceOn: []string{"vpcId"},
	}, handlers[routeTableInputs, arnOutput]{
		create: func(m *cloud.Model, in routeTableInputs) (string, arnOutput, error) {
			made, err := m.VPC.CreateRouteTable(in.VpcID)
			return made.ID, arnOutput{m.Region.ARN("ec2", "route-table/"+made.ID)}, err
		},
		remove: func(m *cloud.Model, id string, _ routeTableInputs) error { return m.VPC.DeleteRouteTable(id) },
	})
}

func route() resourceType {
	return define(resourceType{
		token: "aws:ec2/route:Route", kind: Run, replaceOn: []string{"routeTableId", "destinationCidrBlock"},
	}, handlers[routeInputs, none]{
		create: func(m *cloud.Model, in routeInputs) (string, none, error) {
			gateway, err := in.target()
			if err != nil {
				return "", none{}, err
			}
			err = m.VPC.CreateRoute(in.RouteTableID, in.DestinationCidrBlock, gateway)
			return "r-" + in.RouteTableID + "/" + in.DestinationCidrBlock, none{}, err
		},
		update: func(m *cloud.Model, _ string, _, now routeInputs) (*none, error) {
			gateway, err := now.target()
			if err != nil {
				return nil, err
			}
			return nil, m.VPC.ReplaceRoute(now.RouteTableID, now.DestinationCidrBlock, gateway)
		},
		remove: func(m *cloud.Model, _ string, in routeInputs) error {
			return m.VPC.DeleteRoute(in.RouteTableID, in.DestinationCidrBlock)
		},
	})
}

// target returns the gateway that a route leads to.
func (in routeInputs) target() (string, error) {
	switch {
	case in.GatewayID != "" && in.NatGatewayID != "":
		return "", fmt.Errorf("\"gatewayId\": only one of `gatewayId,natGatewayId` can be specified")
	case in.NatGatewayID != "":
		return in.NatGatewayID, nil
	default:
		return in.GatewayID, nil
	}
}

func routeTableAssociation() resourceType {
	return define(resourceType{
		token: "aws:ec2/routeTableAssociation:RouteTableAssociation", kind: Run, replaceOn: []string{"subnetId"},
	}, handlers[associationInputs, none]{
		create: func(m *cloud.Model, in associationInputs) (string, none, error) {
			id, err := m.VPC.Associate(in.RouteTableID, in.SubnetID)
			return id, none{}, err
		},
		update: func(m *cloud.Model, id string, _, now associationInputs) (*none, error) {
			return nil, m.VPC.ReplaceAssociation(id, now.RouteTableID)
		},
		remove: func(m *cloud.Model, id string, _ associationInputs) error { return m.VPC.Disassociate(id) },
	})
}
