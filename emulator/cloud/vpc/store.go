// Package vpc is the network: VPCs, subnets, gateways, routes, network ACLs, security groups and endpoints.
//
//	instance, balancer, database … ──▶ Interface ◀── who is in this subnet? what uses this security group?
//	                                       │
//	                 Reach: security group ▶ route ▶ network ACL ▶ … ▶ Interface, or why not
//
// What has an address in a VPC has it by a network interface, see [Interface]. [Store.Reach] follows a TCP connection from
// one interface to another, or to the internet, and returns what stops it.
package vpc

import (
	"net/netip"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// State is what survives a restart of the emulator.
type State struct {
	VPCs             map[string]*VPC             `left:"vpc"`
	InternetGateways map[string]*InternetGateway `left:"internet gateway"`
	Subnets          map[string]*Subnet          `left:"subnet"`
	RouteTables      map[string]*RouteTable      `left:"route table"`
	ElasticIPs       map[string]*ElasticIP       `left:"elastic IP"`
	NATGateways      map[string]*NATGateway      `left:"NAT gateway"`
	Endpoints        map[string]*Endpoint        `left:"endpoint"`
	NetworkACLs      map[string]*NetworkACL      `left:"network ACL"`
	SecurityGroups   map[string]*SecurityGroup   `left:"security group"`
	Rules            map[string]*Rule            `left:"security group rule"`
	Interfaces       map[string]*Interface
	Tags             map[string]map[string]string // by the ID of a VPC, subnet or security group
}

// Store holds the networks of a region.
type Store struct {
	State

	// Disruption names the fault that keeps all packets from entering and leaving a subnet, or returns "". Nil stands for
	// no faults.
	Disruption func(subnet Subnet) string

	region aws.Region
	free   func(netip.Addr) bool
}

// New returns a region without networks. It gives out only private addresses that free finds free.
func New(region aws.Region, free func(netip.Addr) bool) *Store {
	s := &Store{region: region, free: free}
	aws.MakeTables(&s.State)
	return s
}
