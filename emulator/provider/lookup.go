package provider

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

// getInstance finds an instance that isn't terminated, by its ID or its tags; it must be the only one.
func getInstance(c *cloud.Cloud, args resource.PropertyMap) (map[string]any, error) {
	in, err := arguments[struct {
		InstanceID   string            `pulumi:"instanceId"`
		InstanceTags map[string]string `pulumi:"instanceTags"`
		Tags         map[string]string `pulumi:"tags"`
		Filters      []filter          `pulumi:"filters"`
		GetUserData  bool              `pulumi:"getUserData"`
	}](args)
	if err != nil {
		return nil, err
	}
	var found []cloud.Instance
	for _, i := range c.Instances() {
		fits, err := matches(in.Filters, map[string][]string{
			"instance-state-name": {string(i.State)}, "subnet-id": {i.Subnet}, "image-id": {i.ImageID}, "instance-id": {i.ID},
			"availability-zone": {i.Zone}, "private-ip-address": {i.Address.String()},
		})
		if err != nil {
			return nil, err
		}
		tagged := !slices.ContainsFunc(sortedKeys(in.InstanceTags), func(key string) bool { return i.Tags[key] != in.InstanceTags[key] })
		if fits && tagged && (in.InstanceID == "" || in.InstanceID == i.ID) && i.State != cloud.Terminated {
			found = append(found, i)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("your query returned no results. Please change your search criteria and try again: %s", in.InstanceID)
	case 1:
		return instanceResult(c, found[0]), nil
	default:
		return nil, fmt.Errorf("your query returned more than one result. Please try a more specific search criteria")
	}
}

func instanceResult(c *cloud.Cloud, i cloud.Instance) map[string]any {
	result := instanceOutputs(c, i)
	maps.Copy(result, map[string]any{
		"id": i.ID, "instanceId": i.ID, "ami": i.ImageID, "instanceType": i.Type, "subnetId": i.Subnet,
		"vpcSecurityGroupIds": list(i.SecurityGroups), "iamInstanceProfile": i.Profile, "associatePublicIpAddress": i.Public,
		"networkInterfaceId": result["primaryNetworkInterfaceId"], "launchTime": i.Launched.UTC().Format("2006-01-02T15:04:05Z"),
		"disableApiTermination": i.Protected, "tags": texts(i.Tags), "instanceTags": map[string]any{}, "tenancy": "default",
		"sourceDestCheck": true, "securityGroups": []any{},
	})
	delete(result, "primaryNetworkInterfaceId")
	if image, err := c.ImageByID(i.ImageID); err == nil { // which may be gone
		result["rootBlockDevices"] = []any{map[string]any{
			"deviceName": image.RootDevice, "volumeId": "vol" + strings.TrimPrefix(i.ID, "i"), "volumeSize": 8, "volumeType": "gp3",
			"encrypted": true, "deleteOnTermination": true, "iops": 3000, "throughput": 125, "kmsKeyId": "", "tags": map[string]any{},
		}}
	}
	return result
}

// notOneOf is the provider's error for a value that AWS would refuse too.
func notOneOf(property, value string, valid ...string) error {
	return fmt.Errorf("expected %s to be one of %q, got %s", property, valid, value)
}

func list(values []string) []any {
	all := []any{}
	for _, value := range values {
		all = append(all, value)
	}
	return all
}

func texts(values map[string]string) map[string]any {
	all := map[string]any{}
	for key, value := range values {
		all[key] = value
	}
	return all
}

// getRouteTable finds the table of a subnet, or one by its ID.
func getRouteTable(c *cloud.Cloud, args resource.PropertyMap) (map[string]any, error) {
	in, err := arguments[struct {
		SubnetID     string `pulumi:"subnetId"`
		RouteTableID string `pulumi:"routeTableId"`
		VpcID        string `pulumi:"vpcId"`
	}](args)
	if err != nil {
		return nil, err
	}
	if in.SubnetID == "" && in.RouteTableID == "" {
		return nil, fmt.Errorf("the emulator finds route tables by subnetId or routeTableId")
	}
	find := func() (cloud.RouteTable, error) {
		if in.RouteTableID != "" {
			return c.RouteTable(in.RouteTableID)
		}
		return c.TableOf(in.SubnetID)
	}
	table, err := find()
	if err != nil {
		return nil, err
	}
	associated := slices.Sorted(maps.Values(table.Associations))
	if in.SubnetID != "" && !slices.Contains(associated, in.SubnetID) || in.VpcID != "" && in.VpcID != table.VPC {
		return nil, fmt.Errorf("query returned no results. Please change your search criteria and try again")
	}
	return map[string]any{
		"id": table.ID, "routeTableId": table.ID, "arn": c.ARN("ec2", "route-table/"+table.ID), "ownerId": cloud.Account,
		"subnetId": in.SubnetID, "vpcId": table.VPC, "gatewayId": "", "tags": map[string]any{},
		"associations": associations(table), "routes": routes(table),
	}, nil
}

func associations(table cloud.RouteTable) []any {
	all := []any{}
	for _, id := range sortedKeys(table.Associations) {
		all = append(all, map[string]any{
			"routeTableAssociationId": id, "routeTableId": table.ID, "subnetId": table.Associations[id], "main": false, "gatewayId": "",
		})
	}
	return all
}

func routes(table cloud.RouteTable) []any {
	all := []any{}
	for _, destination := range sortedKeys(table.Routes) {
		target := table.Routes[destination]
		route := map[string]any{}
		for _, key := range []string{
			"cidrBlock", "destinationPrefixListId", "gatewayId", "natGatewayId", "vpcEndpointId", "carrierGatewayId", "coreNetworkArn",
			"egressOnlyGatewayId", "instanceId", "ipv6CidrBlock", "localGatewayId", "networkInterfaceId", "transitGatewayId",
			"vpcPeeringConnectionId",
		} {
			route[key] = ""
		}
		if strings.HasPrefix(destination, "pl-") {
			route["destinationPrefixListId"] = destination
		} else {
			route["cidrBlock"] = destination
		}
		if strings.HasPrefix(target, "nat-") {
			route["natGatewayId"] = target
		} else {
			route["gatewayId"] = target // gateway endpoints are shown as gateways too
		}
		all = append(all, route)
	}
	return all
}
