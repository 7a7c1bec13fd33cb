package provider

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

type getRouteTableInputs struct {
	SubnetID     string `pulumi:"subnetId"`
	RouteTableID string `pulumi:"routeTableId"`
	VpcID        string `pulumi:"vpcId"`
}

type getRouteTableResult struct {
	ID           string             `pulumi:"id"`
	ARN          string             `pulumi:"arn"`
	Associations []foundAssociation `pulumi:"associations"`
	GatewayID    string             `pulumi:"gatewayId"`
	OwnerID      string             `pulumi:"ownerId"`
	RouteTableID string             `pulumi:"routeTableId"`
	Routes       []foundRoute       `pulumi:"routes"`
	SubnetID     string             `pulumi:"subnetId"`
	Tags         map[string]string  `pulumi:"tags"`
	VpcID        string             `pulumi:"vpcId"`
}

type foundAssociation struct {
	GatewayID               string `pulumi:"gatewayId"`
	Main                    bool   `pulumi:"main"`
	RouteTableAssociationID string `pulumi:"routeTableAssociationId"`
	RouteTableID            string `pulumi:"routeTableId"`
	SubnetID                string `pulumi:"subnetId"`
}

// foundRoute names one destination and one target. The other properties are empty, as the provider shows them.
type foundRoute struct {
	CidrBlock               string `pulumi:"cidrBlock"`
	DestinationPrefixListID string `pulumi:"destinationPrefixListId"`
	IPv6CidrBlock           string `pulumi:"ipv6CidrBlock"`

	CarrierGatewayID       string `pulumi:"carrierGatewayId"`
	CoreNetworkARN         string `pulumi:"coreNetworkArn"`
	EgressOnlyGatewayID    string `pulumi:"egressOnlyGatewayId"`
	GatewayID              string `pulumi:"gatewayId"`
	InstanceID             string `pulumi:"instanceId"`
	LocalGatewayID         string `pulumi:"localGatewayId"`
	NatGatewayID           string `pulumi:"natGatewayId"`
	NetworkInterfaceID     string `pulumi:"networkInterfaceId"`
	TransitGatewayID       string `pulumi:"transitGatewayId"`
	VpcEndpointID          string `pulumi:"vpcEndpointId"`
	VpcPeeringConnectionID string `pulumi:"vpcPeeringConnectionId"`
}

// getRouteTable finds the table of a subnet, or a table by its ID.
func getRouteTable(m *cloud.Model, in getRouteTableInputs) (getRouteTableResult, error) {
	table, err := in.find(m)
	if err != nil {
		return getRouteTableResult{}, err
	}
	associated := slices.Sorted(maps.Values(table.Associations))
	if in.SubnetID != "" && !slices.Contains(associated, in.SubnetID) || in.VpcID != "" && in.VpcID != table.VPC {
		return getRouteTableResult{}, fmt.Errorf("query returned no results. Please change your search criteria and try again")
	}
	return getRouteTableResult{
		ID: table.ID, ARN: m.Region.ARN("ec2", "route-table/"+table.ID), Associations: associationsOf(table), OwnerID: aws.Account,
		RouteTableID: table.ID, Routes: routesOf(table), SubnetID: in.SubnetID, Tags: map[string]string{}, VpcID: table.VPC,
	}, nil
}

func (in getRouteTableInputs) find(m *cloud.Model) (vpc.RouteTable, error) {
	switch {
	case in.RouteTableID != "":
		return m.VPC.RouteTable(in.RouteTableID)
	case in.SubnetID != "":
		return m.VPC.TableOf(in.SubnetID)
	}
	return vpc.RouteTable{}, fmt.Errorf("the emulator finds route tables by subnetId or routeTableId")
}

func associationsOf(table vpc.RouteTable) []foundAssociation {
	all := []foundAssociation{}
	for _, id := range aws.Keys(table.Associations) {
		all = append(all, foundAssociation{RouteTableAssociationID: id, RouteTableID: table.ID, SubnetID: table.Associations[id]})
	}
	return all
}

func routesOf(table vpc.RouteTable) []foundRoute {
	all := []foundRoute{}
	for _, destination := range aws.Keys(table.Routes) {
		route := foundRoute{}
		if strings.HasPrefix(destination, "pl-") {
			route.DestinationPrefixListID = destination
		} else {
			route.CidrBlock = destination
		}
		if target := table.Routes[destination]; strings.HasPrefix(target, "nat-") {
			route.NatGatewayID = target
		} else {
			route.GatewayID = target // EC2 shows gateway endpoints as gateways, too
		}
		all = append(all, route)
	}
	return all
}
