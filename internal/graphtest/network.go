package graphtest

import (
	"errors"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
)

// VPC is a VPC that exists before the program runs.
type VPC struct {
	ID        string
	CIDR      string
	Tags      map[string]string
	NoDNS     bool // names are not resolved
	Subnets   []Subnet
	Endpoints []string          // services with an endpoint, which all route tables and subnets have; s3 is a gateway
	Groups    []string          // IDs of the security groups that have the tags of the stack
	Clients   map[string]string // IDs of other security groups, with the IDs of their VPCs
}

// Subnet is a subnet that exists before the program runs. Its route table is named as it is, rtb-…
type Subnet struct {
	ID      string
	VPC     string // "" for the one that lists it
	Zone    string
	Tags    map[string]string
	Gateway string // of the route 0.0.0.0/0; "" for none
	Free    int    // addresses
}

var errNothing = errors.New("no matching EC2 resource found")

// network answers the functions that look networks up. It returns nil for another function.
func (w *World) network(token string, args resource.PropertyMap) (map[string]any, error) {
	v := w.VPC
	if v == nil {
		v = &VPC{}
	}
	text := func(key resource.PropertyKey) string {
		if value := args[key]; value.IsString() {
			return value.StringValue()
		}
		return ""
	}
	switch token {
	case "aws:ec2/getVpc:getVpc":
		if v.ID == "" || text("id") != "" && text("id") != v.ID || !tagged(v.Tags, args) {
			return nil, errNothing
		}
		return map[string]any{"id": v.ID, "cidrBlock": v.CIDR, "enableDnsSupport": !v.NoDNS, "enableDnsHostnames": !v.NoDNS}, nil
	case "aws:ec2/getSubnets:getSubnets":
		ids := []string{}
		for _, s := range v.Subnets {
			if s.VPC == "" && tagged(s.Tags, args) {
				ids = append(ids, s.ID)
			}
		}
		return map[string]any{"id": "us-east-1", "ids": ids}, nil
	case "aws:ec2/getSubnet:getSubnet":
		s := v.subnet(text("id"))
		if s == nil {
			return nil, errNothing
		}
		in := v.ID
		if s.VPC != "" {
			in = s.VPC
		}
		return map[string]any{"id": s.ID, "availabilityZone": s.Zone, "vpcId": in, "availableIpAddressCount": s.Free}, nil
	case "aws:ec2/getRouteTables:getRouteTables":
		asked := args["filters"].ArrayValue()[0].ObjectValue()
		return map[string]any{"id": "us-east-1", "ids": []string{tableOf(asked["values"].ArrayValue()[0].StringValue())}}, nil
	case "aws:ec2/getSecurityGroups:getSecurityGroups":
		return map[string]any{"id": "us-east-1", "ids": slices.Clone(v.Groups)}, nil
	case "aws:ec2/getSecurityGroup:getSecurityGroup":
		if in, known := v.Clients[text("id")]; known {
			return map[string]any{"id": text("id"), "vpcId": in}, nil
		}
		return nil, errNothing
	case "aws:ec2/getManagedPrefixList:getManagedPrefixList":
		if entries, known := w.PrefixLists[text("id")]; known {
			return map[string]any{"id": text("id"), "maxEntries": entries}, nil
		}
		return nil, errNothing
	case "aws:ec2/getVpcEndpoint:getVpcEndpoint":
		return v.endpoint(text("serviceName"))
	}
	return nil, nil
}

func tableOf(subnet string) string { return "rtb-" + strings.TrimPrefix(subnet, "subnet-") }

func (v *VPC) subnet(id string) *Subnet {
	for i := range v.Subnets {
		if v.Subnets[i].ID == id {
			return &v.Subnets[i]
		}
	}
	return nil
}

func (v *VPC) endpoint(service string) (map[string]any, error) {
	_, name, _ := strings.Cut(service, "com.amazonaws.us-east-1.")
	if !slices.Contains(v.Endpoints, name) {
		return nil, errNothing
	}
	var tables []string
	for _, s := range v.Subnets {
		tables = append(tables, tableOf(s.ID))
	}
	return map[string]any{"id": "vpce-" + hash(service), "privateDnsEnabled": true, "routeTableIds": tables}, nil
}

func tagged(have map[string]string, args resource.PropertyMap) bool {
	wanted := args["tags"]
	if !wanted.IsObject() {
		return true
	}
	for key, value := range wanted.ObjectValue() {
		if have[string(key)] != value.StringValue() {
			return false
		}
	}
	return true
}

// routeTable answers the look-up of a route table, by its subnet or its ID. Subnets that are not in the world's VPC are those of awsx,
// which lead to a NAT gateway.
func (w *World) routeTable(args resource.PropertyMap) resource.PropertyMap {
	var suffix string
	if by := args["subnetId"]; by.IsString() {
		suffix = strings.TrimPrefix(by.StringValue(), "subnet-")
	} else {
		suffix = strings.TrimPrefix(args["routeTableId"].StringValue(), "rtb-")
	}
	route := map[string]any{"cidrBlock": "0.0.0.0/0", "natGatewayId": "nat-" + suffix}
	routes := []any{route}
	if w.VPC != nil {
		if s := w.VPC.subnet("subnet-" + suffix); s != nil {
			routes = []any{}
			if s.Gateway != "" {
				routes = []any{map[string]any{"cidrBlock": "0.0.0.0/0", "gatewayId": s.Gateway}}
			}
		}
	}
	table := "rtb-" + suffix
	return resource.NewPropertyMapFromMap(map[string]any{"id": table, "routeTableId": table, "routes": routes})
}
