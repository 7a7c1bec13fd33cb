package network

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/tags"
)

// gateway adds a route from the private subnets to S3 that does not leave AWS's network. It is free of charge, and a first
// boot fetches artifacts and the packages of Amazon Linux from S3.
//
// A route table is looked up by its subnet: awsx's list of tables tells neither their subnets nor has it a fixed order.
func (n *Network) gateway(ctx *pulumi.Context, name string, args *Args) error {
	var tables pulumi.StringArray
	for i := range args.Zones {
		table := ec2.LookupRouteTableOutput(ctx, ec2.LookupRouteTableOutputArgs{
			SubnetId: n.PrivateSubnetIDs.Index(pulumi.Int(i)).ToStringPtrOutput(),
		}, pulumi.Parent(n))
		tables = append(tables, table.RouteTableId())
		if args.NAT == NATPerZone || args.NAT == SingleNAT && i == 0 {
			n.NATGatewayIDs = append(n.NATGatewayIDs, natGateway(ctx, table))
		}
	}
	var policy pulumi.StringPtrInput // nil: everything, as through a NAT gateway
	if args.NAT == NoNAT || args.NAT == "" {
		policy = n.account.ApplyT(func(account string) (*string, error) {
			document, err := reachS3(args.Region, account)
			return &document, err
		}).(pulumi.StringPtrOutput)
	}
	endpoint, err := ec2.NewVpcEndpoint(ctx, name+"-s3", &ec2.VpcEndpointArgs{
		VpcId:           n.VPCID,
		Policy:          policy,
		ServiceName:     pulumi.String(serviceName(args.Region, "s3")),
		VpcEndpointType: pulumi.String("Gateway"),
		RouteTableIds:   tables,
		Tags:            tags.Named(args.Tags, name+"-s3"),
	}, pulumi.Parent(n))
	if err != nil {
		return err
	}
	n.Ready = append(n.Ready, endpoint)
	return nil
}

// natGateway returns the gateway to which a table leads. While a preview knows the table, but the gateway is still to be made, it is "".
func natGateway(ctx *pulumi.Context, table ec2.LookupRouteTableResultOutput) pulumi.StringOutput {
	return table.ApplyT(func(table ec2.LookupRouteTableResult) (string, error) {
		for _, route := range table.Routes {
			if route.NatGatewayId != "" {
				return route.NatGatewayId, nil
			}
		}
		if ctx.DryRun() {
			return "", nil
		}
		return "", fmt.Errorf("route table %s leads to no NAT gateway", table.RouteTableId)
	}).(pulumi.StringOutput)
}

// endpoints creates interfaces for AWS's services inside the private subnets, under the services' usual names.
func (n *Network) endpoints(ctx *pulumi.Context, name string, args *Args) error {
	if len(args.Endpoints) == 0 {
		return nil
	}
	group, rule, err := n.endpointsGroup(ctx, name, args)
	if err != nil {
		return err
	}
	n.Ready = append(n.Ready, rule)
	for _, service := range args.Endpoints {
		endpoint, err := ec2.NewVpcEndpoint(ctx, name+"-"+service, &ec2.VpcEndpointArgs{
			VpcId:             n.VPCID,
			ServiceName:       pulumi.String(serviceName(args.Region, service)),
			VpcEndpointType:   pulumi.String("Interface"),
			SubnetIds:         n.PrivateSubnetIDs,
			SecurityGroupIds:  pulumi.StringArray{group.ID()},
			PrivateDnsEnabled: pulumi.Bool(true),
			Policy:            n.endpointPolicy(service),
			Tags:              tags.Named(args.Tags, name+"-"+service),
		}, pulumi.Parent(n))
		if err != nil {
			return err
		}
		n.Ready = append(n.Ready, endpoint)
	}
	return nil
}

// endpointPolicy lets the principals of the account use a service. Without it, credentials of another account could carry data out. The
// endpoints of ECS take no policy: they serve its agent.
func (n *Network) endpointPolicy(service string) pulumi.StringPtrInput {
	if strings.HasPrefix(service, "ecs") {
		return nil
	}
	return n.account.ApplyT(func(account string) (*string, error) {
		document, err := useService(account)
		return &document, err
	}).(pulumi.StringPtrOutput)
}

// endpointsGroup lets the whole VPC in on HTTPS: the services' names lead to the endpoints from every subnet.
func (n *Network) endpointsGroup(
	ctx *pulumi.Context, name string, args *Args,
) (*ec2.SecurityGroup, *vpc.SecurityGroupIngressRule, error) {
	group, err := ec2.NewSecurityGroup(ctx, name+"-endpoints", &ec2.SecurityGroupArgs{
		VpcId:       n.VPCID,
		Description: pulumi.String("Endpoints of " + name), // cannot be changed without a replacement
		Tags:        tags.Named(args.Tags, name+"-endpoints"),
	}, pulumi.Parent(n))
	if err != nil {
		return nil, nil, err
	}
	rule, err := vpc.NewSecurityGroupIngressRule(ctx, name+"-endpoints-in", &vpc.SecurityGroupIngressRuleArgs{
		SecurityGroupId: group.ID(),
		CidrIpv4:        pulumi.String(args.CIDR.String()),
		IpProtocol:      pulumi.String("tcp"),
		FromPort:        pulumi.Int(443),
		ToPort:          pulumi.Int(443),
		Description:     pulumi.String("AWS over https"),
		Tags:            pulumi.ToStringMap(args.Tags),
	}, pulumi.Parent(n))
	return group, rule, err
}

func serviceName(region, service string) string {
	return fmt.Sprintf("com.amazonaws.%s.%s", region, service)
}
