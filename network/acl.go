package network

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/internal/tags"
)

// ACLs say what may come in from the internet; a network ACL a tier follows from it:
//
//	         in                                             out
//	public   the VPC, Ports, SSHFrom, replies               the VPC, 80 and 443, replies
//	private  the VPC, replies                               the VPC, 80 and 443, replies
//	isolated the VPC                                        the VPC
//
// ACLs know no connections, so replies are all of TCP 1024–65535, the ports that whoever connects calls from. That is
// what lets answers through a NAT gateway, which comes with the far end's address, and answers of members of a network
// balancer, which come and go with the client's. An ACL is the second line behind the security groups, which do know
// connections; what it adds is that no mistake in a security group opens an isolated subnet or a low port.
//
// Name resolution, time and metadata are the VPC's own: no ACL sees them.
type ACLs struct {
	// Ports are the balancer's TCP ports, from anywhere.
	Ports []int

	// Targets are the TCP ports of members of a network load balancer, which hands connections on with the client's own
	// address: from anywhere, in the instances' subnets (private ones where there are some). Ports from 1024 on pass as
	// replies do. None behind an application load balancer, whose connections come from the VPC.
	Targets []int

	// SSHFrom are the IPv4 ranges that may reach port 22 in public subnets, a bastion's or the instances'.
	SSHFrom []netip.Prefix
}

// mostRules is AWS's limit of rules in one direction of a network ACL, unless it is asked for more.
const mostRules = 20

// anywhere are all addresses.
var anywhere = netip.MustParsePrefix("0.0.0.0/0")

// validate reports every problem, as paths below the ACLs.
func (a *ACLs) validate(n *Args) error {
	var problems invalid.List
	problems.Include("", validPorts("ports", a.Ports))
	problems.Include("", validPorts("targets", a.Targets))
	for i, from := range a.SSHFrom {
		path := fmt.Sprintf("sshFrom[%d]", i)
		switch {
		case !from.IsValid() || !from.Addr().Is4():
			problems.Add(path, from, "is not an IPv4 range, and the VPC has no other addresses")
		case from != from.Masked():
			problems.Add(path, from, "has host bits set, it should be %s", from.Masked())
		case slices.Contains(a.SSHFrom[:i], from):
			problems.Add(path, from, "is listed twice")
		}
	}
	for _, t := range n.tiers() {
		if rules := len(t.acl(n).in); rules > mostRules {
			problems.Missing("", "%d rules for what comes into the %s subnets are more than AWS takes (%d)",
				rules, t.name, mostRules)
		}
	}
	return problems.Err()
}

func validPorts(path string, ports []int) error {
	var problems invalid.List
	for i, port := range ports {
		switch at := fmt.Sprintf("%s[%d]", path, i); {
		case port < 1 || port > 65535:
			problems.Add(at, port, "is not between 1 and 65535")
		case slices.Contains(ports[:i], port):
			problems.Add(at, port, "is listed twice")
		}
	}
	return problems.Err()
}

// rule lets packets pass. What no rule names is dropped.
type rule struct {
	protocol string // IANA's number: AWS returns no names, and a name would differ from it each time
	from, to int    // ports of TCP
	icmpType int
	icmpCode int
	cidr     netip.Prefix
}

// Protocols, as IANA numbers them.
const (
	allProtocols = "-1"
	icmp         = "1"
	tcp          = "6"
)

func tcpRule(cidr netip.Prefix, from, to int) rule {
	return rule{protocol: tcp, cidr: cidr, from: from, to: to}
}

// replies go to the ports from which connections are opened.
func replies() rule { return tcpRule(anywhere, 1024, 65535) }

// tooLarge is the routers' word that a packet doesn't fit through (path MTU discovery): without it such connections
// hang.
func tooLarge() rule { return rule{protocol: icmp, cidr: anywhere, icmpType: 3, icmpCode: 4} }

// acl is what passes into a subnet and out of it.
type acl struct{ in, out []rule }

func (a *Args) publicACL() acl {
	in := []rule{a.within()}
	for _, port := range a.ACLs.Ports {
		in = append(in, tcpRule(anywhere, port, port))
	}
	if !a.Private {
		in = append(in, a.targets()...)
	}
	for _, from := range a.ACLs.SSHFrom {
		in = append(in, tcpRule(from, 22, 22))
	}
	return acl{in: append(in, replies(), tooLarge()), out: a.wayOut()}
}

func (a *Args) privateACL() acl {
	in := append([]rule{a.within()}, a.targets()...)
	return acl{in: append(in, replies(), tooLarge()), out: a.wayOut()}
}

func (a *Args) isolatedACL() acl {
	return acl{in: []rule{a.within()}, out: []rule{a.within()}}
}

// within is the VPC itself.
func (a *Args) within() rule { return rule{protocol: allProtocols, cidr: a.CIDR} }

// targets are the ports of members that no other rule covers: one rule twice is one too many for AWS's limit.
func (a *Args) targets() []rule {
	var rules []rule
	for _, port := range a.ACLs.Targets {
		if port < 1024 && (a.Private || !slices.Contains(a.ACLs.Ports, port)) {
			rules = append(rules, tcpRule(anywhere, port, port))
		}
	}
	return rules
}

// wayOut is for packages and AWS's services, straight or through a NAT gateway, and for replies to clients.
func (a *Args) wayOut() []rule {
	return []rule{a.within(), tcpRule(anywhere, 80, 80), tcpRule(anywhere, 443, 443), replies()}
}

// acls puts a network ACL on the subnets of each tier.
//
// The rules are blocks of the ACL, unlike those of security groups: no ACL names another, so nothing stands in the way
// of deleting one; the provider applies all rules before it moves the subnets over from the default ACL, and moves them
// back before it deletes. A rule as a resource of its own cannot be changed, only replaced, and its successor of the
// same number is refused while it is there.
func (n *Network) acls(ctx *pulumi.Context, name string, args *Args) error {
	for _, tier := range args.tiers() {
		rules := tier.acl(args)
		made, err := ec2.NewNetworkAcl(ctx, name+"-"+tier.name, &ec2.NetworkAclArgs{
			VpcId:     n.VPCID,
			SubnetIds: tier.ids(n),
			Ingress:   ingress(rules.in),
			Egress:    egress(rules.out),
			Tags:      tags.Named(args.Tags, name+"-"+tier.name),
		}, pulumi.Parent(n))
		if err != nil {
			return err
		}
		n.Ready = append(n.Ready, made)
	}
	return nil
}

// number is a rule's place, with gaps as AWS recommends.
func number(i int) pulumi.Int { return pulumi.Int(100 + 10*i) }

func ingress(rules []rule) ec2.NetworkAclIngressArray {
	var list ec2.NetworkAclIngressArray
	for i, r := range rules {
		in := &ec2.NetworkAclIngressArgs{
			RuleNo: number(i), Action: pulumi.String("allow"), Protocol: pulumi.String(r.protocol),
			CidrBlock: pulumi.String(r.cidr.String()), FromPort: pulumi.Int(r.from), ToPort: pulumi.Int(r.to),
		}
		if r.protocol == icmp {
			in.IcmpType, in.IcmpCode = pulumi.Int(r.icmpType), pulumi.Int(r.icmpCode)
		}
		list = append(list, in)
	}
	return list
}

func egress(rules []rule) ec2.NetworkAclEgressArray {
	var list ec2.NetworkAclEgressArray
	for i, r := range rules {
		list = append(list, &ec2.NetworkAclEgressArgs{
			RuleNo: number(i), Action: pulumi.String("allow"), Protocol: pulumi.String(r.protocol),
			CidrBlock: pulumi.String(r.cidr.String()), FromPort: pulumi.Int(r.from), ToPort: pulumi.Int(r.to),
		})
	}
	return list
}
