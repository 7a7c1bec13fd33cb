package provider

import (
	"context"
	"fmt"
	"slices"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// aclEntry is an inline rule of an ACL.
type aclEntry struct {
	RuleNo    int    `pulumi:"ruleNo"`
	Action    string `pulumi:"action"`
	Protocol  string `pulumi:"protocol"`
	CidrBlock string `pulumi:"cidrBlock"`
	FromPort  int    `pulumi:"fromPort"`
	ToPort    int    `pulumi:"toPort"`
	IcmpType  int    `pulumi:"icmpType"`
	IcmpCode  int    `pulumi:"icmpCode"`
}

type aclInputs struct {
	VpcID     string            `pulumi:"vpcId"`
	SubnetIDs []string          `pulumi:"subnetIds"`
	Ingress   []aclEntry        `pulumi:"ingress"`
	Egress    []aclEntry        `pulumi:"egress"`
	Tags      map[string]string `pulumi:"tags"`
}

type aclRuleInputs struct {
	NetworkACLID string `pulumi:"networkAclId"`
	RuleNumber   int    `pulumi:"ruleNumber"`
	Egress       bool   `pulumi:"egress"`
	Protocol     string `pulumi:"protocol"`
	RuleAction   string `pulumi:"ruleAction"`
	CidrBlock    string `pulumi:"cidrBlock"`
	FromPort     int    `pulumi:"fromPort"`
	ToPort       int    `pulumi:"toPort"`
	IcmpType     int    `pulumi:"icmpType"`
	IcmpCode     int    `pulumi:"icmpCode"`
}

type aclAssociationInputs struct {
	NetworkACLID string `pulumi:"networkAclId"`
	SubnetID     string `pulumi:"subnetId"`
}

// rule returns the entry as the model has it. A protocol may be a name or a number.
func (e aclEntry) rule(egress bool) (vpc.ACLRule, error) {
	if e.Action != "allow" && e.Action != "deny" {
		return vpc.ACLRule{}, notOneOf("action", e.Action, "allow", "deny")
	}
	protocol := e.Protocol
	switch protocol {
	case "all":
		protocol = "-1"
	case "6":
		protocol = "tcp"
	case "17":
		protocol = "udp"
	case "1":
		protocol = "icmp"
	}
	return vpc.ACLRule{
		Number: e.RuleNo, Egress: egress, Protocol: protocol, Allow: e.Action == "allow", CIDR: e.CidrBlock, From: e.FromPort, To: e.ToPort,
	}, nil
}

func (in aclRuleInputs) rule() (vpc.ACLRule, error) {
	return aclEntry{
		RuleNo: in.RuleNumber, Action: in.RuleAction, Protocol: in.Protocol, CidrBlock: in.CidrBlock, FromPort: in.FromPort, ToPort: in.ToPort,
	}.rule(in.Egress)
}

type aclOutputs struct {
	ARN     string `pulumi:"arn"`
	OwnerID string `pulumi:"ownerId"`
}

func networkACL() resourceType {
	return define(resourceType{
		token: "aws:ec2/networkAcl:NetworkAcl", kind: Run, replaceOn: []string{"vpcId"},
	}, handlers[aclInputs, aclOutputs]{
		create: func(m *cloud.Model, in aclInputs) (string, aclOutputs, error) {
			made, err := m.VPC.CreateACL(in.VpcID)
			return made.ID, aclOutputs{ARN: m.Region.ARN("ec2", "network-acl/"+made.ID), OwnerID: aws.Account}, err
		},
		// Rules and subnets are requests of their own: an ACL whose rules are refused exists.
		afterCreate: func(_ context.Context, c *cloud.Cloud, id string, in aclInputs) (*aclOutputs, error) {
			return nil, in.put(c, id, aclInputs{})
		},
		afterUpdate: func(_ context.Context, c *cloud.Cloud, id string, old, now aclInputs) (*aclOutputs, error) {
			return nil, now.put(c, id, old)
		},
		// The provider first returns all subnets to the default ACL, also those that other resources associated.
		remove: func(m *cloud.Model, id string, _ aclInputs) error {
			if err := m.VPC.ReleaseACL(id); err != nil {
				return err
			}
			return m.VPC.DeleteACL(id)
		},
	})
}

// put replaces the inline rules of an ACL and its subnets, each by a request of its own, as the provider does.
func (in aclInputs) put(c *cloud.Cloud, id string, old aclInputs) error {
	var requests []func(*cloud.Model) error
	for egress, entries := range map[bool][]aclEntry{false: old.Ingress, true: old.Egress} {
		for _, entry := range entries {
			requests = append(requests, func(m *cloud.Model) error { return m.VPC.DeleteACLRule(id, entry.RuleNo, egress) })
		}
	}
	for egress, entries := range map[bool][]aclEntry{false: in.Ingress, true: in.Egress} {
		for _, entry := range entries {
			rule, err := entry.rule(egress)
			if err != nil {
				return err
			}
			requests = append(requests, func(m *cloud.Model) error { return m.VPC.PutACLRule(id, rule) })
		}
	}
	for _, request := range append(requests, in.associations(id, old)...) {
		if err := c.Change(request); err != nil {
			return err
		}
	}
	return nil
}

// associations returns the requests that give subnets back to the default ACL and take others.
func (in aclInputs) associations(id string, old aclInputs) []func(*cloud.Model) error {
	var requests []func(*cloud.Model) error
	for _, subnet := range old.SubnetIDs {
		if !slices.Contains(in.SubnetIDs, subnet) {
			requests = append(requests, func(m *cloud.Model) error { return m.VPC.ReleaseACL(id, subnet) })
		}
	}
	for _, subnet := range in.SubnetIDs {
		if slices.Contains(old.SubnetIDs, subnet) {
			continue
		}
		requests = append(requests, func(m *cloud.Model) error {
			_, err := m.VPC.AssociateACL(id, subnet)
			return err
		})
	}
	return requests
}

func networkACLRule() resourceType {
	return define(resourceType{
		token: "aws:ec2/networkAclRule:NetworkAclRule", kind: Run, replaceOn: []string{
			"networkAclId", "ruleNumber", "egress", "protocol", "ruleAction", "cidrBlock", "fromPort", "toPort",
			"icmpType", "icmpCode",
		},
	}, handlers[aclRuleInputs, none]{
		create: func(m *cloud.Model, in aclRuleInputs) (string, none, error) {
			rule, err := in.rule()
			if err != nil {
				return "", none{}, err
			}
			id := fmt.Sprintf("nacl-%s-%t-%d", in.NetworkACLID, in.Egress, in.RuleNumber)
			return id, none{}, m.VPC.PutACLRule(in.NetworkACLID, rule)
		},
		remove: func(m *cloud.Model, _ string, in aclRuleInputs) error {
			return m.VPC.DeleteACLRule(in.NetworkACLID, in.RuleNumber, in.Egress)
		},
	})
}

func networkACLAssociation() resourceType {
	return define(resourceType{
		token: "aws:ec2/networkAclAssociation:NetworkAclAssociation", kind: Run, replaceOn: []string{"networkAclId", "subnetId"},
	}, handlers[aclAssociationInputs, none]{
		create: func(m *cloud.Model, in aclAssociationInputs) (string, none, error) {
			id, err := m.VPC.AssociateACL(in.NetworkACLID, in.SubnetID)
			return id, none{}, err
		},
		remove: func(m *cloud.Model, id string, _ aclAssociationInputs) error { return m.VPC.DisassociateACL(id) },
	})
}
