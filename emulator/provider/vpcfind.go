package provider

import (
	"fmt"
	"maps"
	"slices"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// single returns the only ID that fits, or an error in the provider's words.
func single(all []string, kind string, fits func(id string) (bool, error)) (string, error) {
	var found []string
	for _, id := range all {
		does, err := fits(id)
		if err != nil {
			return "", err
		}
		if does {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 0:
		return "", fmt.Errorf("no matching %s found", kind)
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("multiple %ss matched; use additional constraints to reduce matches to a single %s", kind, kind)
}

type getVpcInputs struct {
	ID   string            `pulumi:"id"`
	Tags map[string]string `pulumi:"tags"`
}

type getVpcResult struct {
	ARN                string            `pulumi:"arn"`
	CidrBlock          string            `pulumi:"cidrBlock"`
	Default            bool              `pulumi:"default"`
	EnableDNSHostnames bool              `pulumi:"enableDnsHostnames"`
	EnableDNSSupport   bool              `pulumi:"enableDnsSupport"`
	ID                 string            `pulumi:"id"`
	InstanceTenancy    string            `pulumi:"instanceTenancy"`
	OwnerID            string            `pulumi:"ownerId"`
	State              string            `pulumi:"state"`
	Tags               map[string]string `pulumi:"tags"`
}

// getVpc finds a VPC by its ID or its tags.
func getVpc(m *cloud.Model, in getVpcInputs) (getVpcResult, error) {
	id, err := single(aws.Keys(m.VPC.VPCs), "EC2 VPC", func(id string) (bool, error) {
		return (in.ID == "" || in.ID == id) && m.VPC.Tagged(id, in.Tags), nil
	})
	if err != nil {
		return getVpcResult{}, err
	}
	found := m.VPC.VPCs[id]
	return getVpcResult{
		ARN: m.Region.ARN("ec2", "vpc/"+id), CidrBlock: found.CIDR.String(), EnableDNSHostnames: found.DNS.Hostnames,
		EnableDNSSupport: found.DNS.Support, ID: id, InstanceTenancy: "default", OwnerID: aws.Account, State: "available",
		Tags: networkTags(m, id),
	}, nil
}

func networkTags(m *cloud.Model, id string) map[string]string {
	tags := map[string]string{}
	maps.Copy(tags, m.VPC.Tags[id])
	return tags
}

type getSubnetsInputs struct {
	Filters []filter          `pulumi:"filters"`
	Tags    map[string]string `pulumi:"tags"`
}

type getSubnetsResult struct {
	ID   string            `pulumi:"id"`
	IDs  []string          `pulumi:"ids"`
	Tags map[string]string `pulumi:"tags"`
}

// getSubnets lists the subnets with the tags that pass the filters.
func getSubnets(m *cloud.Model, in getSubnetsInputs) (getSubnetsResult, error) {
	result := getSubnetsResult{ID: string(m.Region), IDs: []string{}, Tags: in.Tags}
	for _, id := range aws.Keys(m.VPC.Subnets) {
		passes, err := matches(in.Filters, map[string]string{"vpc-id": m.VPC.Subnets[id].VPC, "availability-zone": m.VPC.Subnets[id].Zone})
		if err != nil {
			return getSubnetsResult{}, err
		}
		if passes && m.VPC.Tagged(id, in.Tags) {
			result.IDs = append(result.IDs, id)
		}
	}
	return result, nil
}

type getSubnetInputs struct {
	ID string `pulumi:"id"`
}

type getSubnetResult struct {
	ARN                     string            `pulumi:"arn"`
	AvailabilityZone        string            `pulumi:"availabilityZone"`
	AvailableIPAddressCount int               `pulumi:"availableIpAddressCount"`
	CidrBlock               string            `pulumi:"cidrBlock"`
	ID                      string            `pulumi:"id"`
	MapPublicIPOnLaunch     bool              `pulumi:"mapPublicIpOnLaunch"`
	OwnerID                 string            `pulumi:"ownerId"`
	State                   string            `pulumi:"state"`
	Tags                    map[string]string `pulumi:"tags"`
	VpcID                   string            `pulumi:"vpcId"`
}

// getSubnet finds a subnet by its ID.
func getSubnet(m *cloud.Model, in getSubnetInputs) (getSubnetResult, error) {
	found := m.VPC.Subnets[in.ID]
	if found == nil {
		return getSubnetResult{}, fmt.Errorf("no matching EC2 Subnet found")
	}
	return getSubnetResult{
		ARN: m.Region.ARN("ec2", "subnet/"+in.ID), AvailabilityZone: found.Zone, AvailableIPAddressCount: m.VPC.FreeAddresses(found),
		CidrBlock: found.CIDR.String(), ID: in.ID, MapPublicIPOnLaunch: found.MapPublicIP, OwnerID: aws.Account, State: "available",
		Tags: networkTags(m, in.ID), VpcID: found.VPC,
	}, nil
}

type getRouteTablesInputs struct {
	Filters []filter `pulumi:"filters"`
	VpcID   string   `pulumi:"vpcId"`
}

type getRouteTablesResult struct {
	ID    string   `pulumi:"id"`
	IDs   []string `pulumi:"ids"`
	VpcID string   `pulumi:"vpcId"`
}

// getRouteTables lists the route tables of a VPC that pass the filters. The emulator's VPCs have no main table: each subnet of awsx has
// one of its own.
func getRouteTables(m *cloud.Model, in getRouteTablesInputs) (getRouteTablesResult, error) {
	result := getRouteTablesResult{ID: string(m.Region), IDs: []string{}, VpcID: in.VpcID}
	for _, id := range aws.Keys(m.VPC.RouteTables) {
		table := m.VPC.RouteTables[id]
		passes := in.VpcID == "" || in.VpcID == table.VPC
		for _, f := range in.Filters {
			switch f.Name {
			case "association.subnet-id":
				passes = passes && slices.ContainsFunc(f.Values, func(subnet string) bool {
					return slices.Contains(slices.Collect(maps.Values(table.Associations)), subnet)
				})
			case "association.main":
				passes = passes && slices.Contains(f.Values, "false")
			default:
				return getRouteTablesResult{}, fmt.Errorf("the emulator doesn't know the filter %q", f.Name)
			}
		}
		if passes {
			result.IDs = append(result.IDs, id)
		}
	}
	return result, nil
}

type getVpcEndpointInputs struct {
	Filters     []filter `pulumi:"filters"`
	ServiceName string   `pulumi:"serviceName"`
	State       string   `pulumi:"state"`
	VpcID       string   `pulumi:"vpcId"`
}

type getVpcEndpointResult struct {
	ARN               string   `pulumi:"arn"`
	ID                string   `pulumi:"id"`
	OwnerID           string   `pulumi:"ownerId"`
	Policy            string   `pulumi:"policy"`
	PrefixListID      string   `pulumi:"prefixListId"`
	PrivateDNSEnabled bool     `pulumi:"privateDnsEnabled"`
	RouteTableIDs     []string `pulumi:"routeTableIds"`
	SecurityGroupIDs  []string `pulumi:"securityGroupIds"`
	ServiceName       string   `pulumi:"serviceName"`
	State             string   `pulumi:"state"`
	SubnetIDs         []string `pulumi:"subnetIds"`
	VpcEndpointType   string   `pulumi:"vpcEndpointType"`
	VpcID             string   `pulumi:"vpcId"`
}

// getVpcEndpoint finds the endpoint of a service in a VPC.
func getVpcEndpoint(m *cloud.Model, in getVpcEndpointInputs) (getVpcEndpointResult, error) {
	kinds := map[bool]string{true: "Interface", false: "Gateway"}
	id, err := single(aws.Keys(m.VPC.Endpoints), "EC2 VPC Endpoint", func(id string) (bool, error) {
		e := m.VPC.Endpoints[id]
		passes, err := matches(in.Filters, map[string]string{"vpc-endpoint-type": kinds[e.Interface]})
		return passes && (in.VpcID == "" || in.VpcID == e.VPC) && (in.ServiceName == "" || in.ServiceName == e.Service) &&
			(in.State == "" || in.State == "available"), err
	})
	if err != nil {
		return getVpcEndpointResult{}, err
	}
	found, _ := m.VPC.Endpoint(id)
	return getVpcEndpointResult{
		ARN: m.Region.ARN("ec2", "vpc-endpoint/"+id), ID: id, OwnerID: aws.Account, Policy: found.Policy, PrefixListID: found.PrefixList(),
		PrivateDNSEnabled: found.PrivateDNS, RouteTableIDs: slices.Clone(found.RouteTables), SecurityGroupIDs: slices.Clone(found.Groups),
		ServiceName: found.Service, State: "available", SubnetIDs: aws.Keys(found.Interfaces), VpcEndpointType: kinds[found.Interface],
		VpcID: found.VPC,
	}, nil
}

type getSecurityGroupInputs struct {
	ID string `pulumi:"id"`
}

type getSecurityGroupResult struct {
	ARN   string            `pulumi:"arn"`
	ID    string            `pulumi:"id"`
	Name  string            `pulumi:"name"`
	Tags  map[string]string `pulumi:"tags"`
	VpcID string            `pulumi:"vpcId"`
}

// getSecurityGroup finds a security group by its ID.
func getSecurityGroup(m *cloud.Model, in getSecurityGroupInputs) (getSecurityGroupResult, error) {
	found := m.VPC.SecurityGroups[in.ID]
	if found == nil {
		return getSecurityGroupResult{}, fmt.Errorf("no matching EC2 Security Group found")
	}
	return getSecurityGroupResult{
		ARN: m.Region.ARN("ec2", "security-group/"+in.ID), ID: in.ID, Name: found.Name, Tags: networkTags(m, in.ID), VpcID: found.VPC,
	}, nil
}

type getSecurityGroupsInputs struct {
	Filters []filter          `pulumi:"filters"`
	Tags    map[string]string `pulumi:"tags"`
}

type getSecurityGroupsResult struct {
	ARNs   []string          `pulumi:"arns"`
	ID     string            `pulumi:"id"`
	IDs    []string          `pulumi:"ids"`
	Tags   map[string]string `pulumi:"tags"`
	VpcIDs []string          `pulumi:"vpcIds"`
}

// getSecurityGroups lists the security groups with the tags that pass the filters.
func getSecurityGroups(m *cloud.Model, in getSecurityGroupsInputs) (getSecurityGroupsResult, error) {
	result := getSecurityGroupsResult{ID: string(m.Region), ARNs: []string{}, IDs: []string{}, Tags: in.Tags, VpcIDs: []string{}}
	for _, id := range aws.Keys(m.VPC.SecurityGroups) {
		passes, err := matches(in.Filters, map[string]string{"vpc-id": m.VPC.SecurityGroups[id].VPC})
		if err != nil {
			return getSecurityGroupsResult{}, err
		}
		if passes && m.VPC.Tagged(id, in.Tags) {
			result.ARNs = append(result.ARNs, m.Region.ARN("ec2", "security-group/"+id))
			result.IDs, result.VpcIDs = append(result.IDs, id), append(result.VpcIDs, m.VPC.SecurityGroups[id].VPC)
		}
	}
	return result, nil
}

type getManagedPrefixListInputs struct {
	ID string `pulumi:"id"`
}

type getManagedPrefixListResult struct {
	AddressFamily string              `pulumi:"addressFamily"`
	ARN           string              `pulumi:"arn"`
	Entries       []foundPrefixOfList `pulumi:"entries"`
	ID            string              `pulumi:"id"`
	MaxEntries    int                 `pulumi:"maxEntries"`
	Name          string              `pulumi:"name"`
	OwnerID       string              `pulumi:"ownerId"`
	Tags          map[string]string   `pulumi:"tags"`
}

type foundPrefixOfList struct {
	CIDR        string `pulumi:"cidr"`
	Description string `pulumi:"description"`
}

// getManagedPrefixList finds a prefix list of AWS by its ID. The emulator has no lists of customers.
func getManagedPrefixList(m *cloud.Model, in getManagedPrefixListInputs) (getManagedPrefixListResult, error) {
	service, ranges, known := vpc.PrefixListOf(in.ID)
	if !known {
		return getManagedPrefixListResult{}, fmt.Errorf("no matching EC2 Managed Prefix List found")
	}
	result := getManagedPrefixListResult{
		AddressFamily: "IPv4", ARN: fmt.Sprintf("arn:aws:ec2:%s:aws:prefix-list/%s", m.Region, in.ID), ID: in.ID, MaxEntries: len(ranges),
		Name: fmt.Sprintf("com.amazonaws.%s.%s", m.Region, service), OwnerID: "AWS", Tags: map[string]string{},
	}
	for _, r := range ranges {
		result.Entries = append(result.Entries, foundPrefixOfList{CIDR: r.String()})
	}
	return result, nil
}
