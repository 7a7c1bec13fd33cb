package network_test

import (
	"fmt"
	"net/netip"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/network"
)

// A program with a VPC over two zones. Instances that it launches depend on Ready, or their first boot may find no way out.
func ExampleNew() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		vpc, err := network.New(ctx, "web", &network.Args{
			CIDR:  netip.MustParsePrefix("10.0.0.0/22"),
			Zones: []string{"us-east-1a", "us-east-1b"},
			Tags:  map[string]string{"Service": "web"},
		})
		if err != nil {
			return err
		}
		ctx.Export("vpc", vpc.VPCID)
		return nil
	})
}

// One TCP port from a balancer's security group to the instances', as a rule for each of the two.
func ExampleAllow() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		balancer, instances := pulumi.String("sg-0123456789abcdef0"), pulumi.String("sg-0fedcba9876543210")
		_, err := network.Allow(ctx, "web-service", &network.AllowArgs{
			From: balancer, To: instances, Port: 8080, Description: "Requests of clients",
		})
		return err
	})
}

// A range is shared equally by the zones.
func ExampleSubnets() {
	subnets, err := network.Subnets(netip.MustParsePrefix("192.168.0.0/23"), 2)
	fmt.Println(subnets, err)
	_, err = network.Subnets(netip.MustParsePrefix("192.168.0.0/28"), 2)
	fmt.Println(err)
	// Output:
	// [192.168.0.0/24 192.168.1.0/24] <nil>
	// cidr: 192.168.0.0/28 has no room for 2 subnets of at least /28
}
