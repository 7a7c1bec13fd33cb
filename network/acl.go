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

// ACLs describe what may come in from the internet. The network ACL of each tier follows from it:
//
//	         in                                             out
//	public   the VPC, Ports, SSHFrom, replies               the VPC, 80 and 443, replies
//	private  the VPC, replies                               the VPC, 80 and 443, replies
//	isolated the VPC                                        the VPC
//
// ACLs do not track connections. Replies are therefore all of TCP 1024–65535, the ports from which connections are opened. This
// admits replies through a NAT gateway, which carry the address of the far end, and connections of a network load balancer,
// which carry the client's. An ACL is the second line of defence behind the security groups, which do track connections: no
// mistake in a security group can open an isolated subnet or a low port.
//
// Name resolution, time and metadata come from the VPC itself and pass no ACL.
type ACLs struct {
	// Ports lists the balancer's TCP ports, open to Clients.
	Ports []int

	// Clients lists the IPv4 ranges of the balancer's clients; nil stands for all addresses. Those in the VPC need not be listed.
	Clients []netip.Prefix

	// Targets lists the TCP ports of the members of a network load balancer, which passes on connections with the client's
	// address: they are open to Clients in the instances' subnets (the private ones, if there are any). Ports from 1024
	// on pass as replies anyway. It is empty for an application load balancer, whose connections come from the VPC.
	Targets []int

	// Out lists what the instances reach beside the VPC and HTTP.
	Out []Out

	// SSHFrom lists the IPv4 ranges that may reach port 22 in public subnets, of a bastion or of the instances.
	SSHFrom []netip.Prefix
}

// Out is a destination of the instances: ports of TCP, or of UDP.
type Out struct {
	To         netip.Prefix
	Port, Last int
	UDP        bool
}

// mostRules is AWS's limit for rules in each direction of a network ACL, unless it was raised for the account.
const mostRules = 20

// anywhere covers all addresses.
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

// rule lets packets pass. Packets that no rule matches are dropped.
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
	udp          = "17"
)

func tcpRule(cidr netip.Prefix, from, to int) rule {
	return rule{protocol: tcp, cidr: cidr, from: from, to: to}
}

// replies returns the rule for the ports from which connections are opened.
func replies() rule { return tcpRule(anywhere, 1024, 65535) }

// tooLarge returns the rule for the ICMP messages of routers that a packet is too large (path MTU discovery). Without them
// such connections hang.
func tooLarge() rule { return rule{protocol: icmp, cidr: anywhere, icmpType: 3, icmpCode: 4} }

// acl is what passes into a subnet and out of it.
type acl struct{ in, out []rule }

func (a *Args) publicACL() acl {
	in := []rule{a.within()}
	for _, port := range a.ACLs.Ports {
		in = append(in, a.fromClients(port)...)
	}
	if !a.Private {
		in = append(in, a.targets()...)
	}
	for _, from := range a.ACLs.SSHFrom {
		in = append(in, tcpRule(from, 22, 22))
	}
	return acl{in: slices.Concat(in, []rule{replies(), tooLarge()}, a.answers()), out: a.wayOut()}
}

func (a *Args) privateACL() acl {
	in := append([]rule{a.within()}, a.targets()...)
	return acl{in: slices.Concat(in, []rule{replies(), tooLarge()}, a.answers()), out: a.wayOut()}
}

func (a *Args) isolatedACL() acl {
	return acl{in: []rule{a.within()}, out: []rule{a.within()}}
}

// within returns the rule for all traffic inside of the VPC.
func (a *Args) within() rule { return rule{protocol: allProtocols, cidr: a.CIDR} }

// targets returns the rules for members' ports that no other rule covers: a duplicate would count towards AWS's limit.
func (a *Args) targets() []rule {
	var rules []rule
	for _, port := range a.ACLs.Targets {
		if port < 1024 && (a.Private || !slices.Contains(a.ACLs.Ports, port)) {
			rules = append(rules, a.fromClients(port)...)
		}
	}
	return rules
}

// fromClients returns the rules for a port that clients reach.
func (a *Args) fromClients(port int) []rule {
	if a.ACLs.Clients == nil {
		return []rule{tcpRule(anywhere, port, port)}
	}
	var rules []rule
	for _, from := range a.ACLs.Clients {
		if !contains(a.CIDR, from) { // which within lets in
			rules = append(rules, tcpRule(from, port, port))
		}
	}
	return rules
}

// wayOut returns the rules for packages and AWS's services, reached directly or through a NAT gateway, and for replies to
// clients.
func (a *Args) wayOut() []rule {
	rules := []rule{a.within(), tcpRule(anywhere, 80, 80), tcpRule(anywhere, 443, 443), replies()}
	for _, out := range a.ACLs.Out {
		switch {
		case out.UDP:
			rules = append(rules, rule{protocol: udp, cidr: out.To, from: out.Port, to: out.Last})
		case out.Port < 1024: // the rule for replies covers the others
			rules = append(rules, tcpRule(out.To, out.Port, out.Last))
		}
	}
	return rules
}

// answers returns the rules for answers over UDP. Those over TCP are among the replies.
func (a *Args) answers() []rule {
	var rules []rule
	for _, out := range a.ACLs.Out {
		if out.UDP {
			rules = append(rules, rule{protocol: udp, cidr: out.To, from: 1024, to: 65535})
		}
	}
	return rules
}

// acls creates a network ACL for the subnets of each tier.
//
// The rules are blocks of the ACL, unlike those of security groups. No ACL names another, so that each can be deleted. The
// provider applies all rules before it moves the subnets from the default ACL, and moves them back before it deletes the
// ACL. A rule as a resource of its own cannot be changed, only replaced, and AWS refuses a new rule with the number of an
// existing rule.
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

// number returns the number of the i-th rule, with gaps as AWS recommends.
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
