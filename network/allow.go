package network

import (
	"fmt"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/vpc"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
)

// AllowArgs describes a path between two security groups.
type AllowArgs struct {
	// From is the ID of the security group that opens connections, To the ID of the group that accepts them.
	From, To pulumi.StringInput

	// Port is the TCP port, 1–65535, or the first of a range.
	Port int

	// ToPort is the last port of a range, at least Port; 0: Port alone.
	ToPort int

	// Description states the purpose of the path: at most 255 characters of a–z, A–Z, 0–9, spaces and ._-:/()#,@[]+=&;{}!$*
	Description string

	// Tags are put on both rules.
	Tags map[string]string
}

// Validate reports every problem of the arguments.
func (a *AllowArgs) Validate() error {
	var problems invalid.List
	if a.From == nil {
		problems.Missing("from", "a security group is needed")
	}
	if a.To == nil {
		problems.Missing("to", "a security group is needed")
	}
	if a.Port < 1 || a.Port > 65535 {
		problems.Add("port", a.Port, "is not between 1 and 65535")
	}
	if a.ToPort != 0 && (a.ToPort < a.Port || a.ToPort > 65535) {
		problems.Add("toPort", a.ToPort, "is not between port (%d) and 65535", a.Port)
	}
	if a.Description == "" {
		problems.Missing("description", "a rule needs one")
	}
	return problems.Err()
}

func (a *AllowArgs) lastPort() pulumi.Int { return pulumi.Int(max(a.Port, a.ToPort)) }

// Allow opens a TCP port, or a range of ports, from a security group to another. It returns the two rules, so that resources
// that need the path can depend on them. There are two because a packet passes only if the sender's group lets it out and
// the receiver's group lets it in.
//
// The rules are resources of their own: groups whose inline rules name each other cannot be deleted.
func Allow(ctx *pulumi.Context, name string, args *AllowArgs, opts ...pulumi.ResourceOption) ([]pulumi.Resource, error) {
	if err := args.Validate(); err != nil {
		return nil, fmt.Errorf("allow %s: %w", name, err)
	}
	out, err := vpc.NewSecurityGroupEgressRule(ctx, name+"-out", &vpc.SecurityGroupEgressRuleArgs{
		SecurityGroupId:           args.From,
		ReferencedSecurityGroupId: args.To,
		IpProtocol:                pulumi.String("tcp"),
		FromPort:                  pulumi.Int(args.Port),
		ToPort:                    args.lastPort(),
		Description:               pulumi.String(args.Description),
		Tags:                      pulumi.ToStringMap(args.Tags),
	}, opts...)
	if err != nil {
		return nil, fmt.Errorf("allow %s: %w", name, err)
	}
	in, err := vpc.NewSecurityGroupIngressRule(ctx, name+"-in", &vpc.SecurityGroupIngressRuleArgs{
		SecurityGroupId:           args.To,
		ReferencedSecurityGroupId: args.From,
		IpProtocol:                pulumi.String("tcp"),
		FromPort:                  pulumi.Int(args.Port),
		ToPort:                    args.lastPort(),
		Description:               pulumi.String(args.Description),
		Tags:                      pulumi.ToStringMap(args.Tags),
	}, opts...)
	if err != nil {
		return nil, fmt.Errorf("allow %s: %w", name, err)
	}
	return []pulumi.Resource{out, in}, nil
}
