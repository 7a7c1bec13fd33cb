package provider

import (
	"context"
	"slices"
	"strconv"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

// aclEntry is a rule inside of an ACL.
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

func (e aclEntry) rule(egress bool) (cloud.ACLRule, error) {
	if e.Action != "allow" && e.Action != "deny" {
		return cloud.ACLRule{}, notOneOf("action", e.Action, "allow", "deny")
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
	return cloud.ACLRule{
		Number: e.RuleNo, Egress: egress, Protocol: protocol, Allow: e.Action == "allow", CIDR: e.CidrBlock, From: e.FromPort, To: e.ToPort,
	}, nil
}

func (in aclRuleInputs) rule() (cloud.ACLRule, error) {
	return aclEntry{
		RuleNo: in.RuleNumber, Action: in.RuleAction, Protocol: in.Protocol, CidrBlock: in.CidrBlock, FromPort: in.FromPort, ToPort: in.ToPort,
	}.rule(in.Egress)
}

// put replaces an ACL's inline rules and its subnets.
func (in aclInputs) put(c *cloud.Cloud, id string, old aclInputs) error {
	for egress, entries := range map[bool][]aclEntry{false: old.Ingress, true: old.Egress} {
		for _, entry := range entries {
			if err := c.DeleteACLRule(id, entry.RuleNo, egress); err != nil {
				return err
			}
		}
	}
	for egress, entries := range map[bool][]aclEntry{false: in.Ingress, true: in.Egress} {
		for _, entry := range entries {
			rule, err := entry.rule(egress)
			if err != nil {
				return err
			}
			if err := c.PutACLRule(id, rule); err != nil {
				return err
			}
		}
	}
	return in.associate(c, id, old)
}

func (in aclInputs) associate(c *cloud.Cloud, id string, old aclInputs) error {
	for _, subnet := range old.SubnetIDs {
		if !slices.Contains(in.SubnetIDs, subnet) {
			if err := c.ReleaseACL(id, subnet); err != nil {
				return err
			}
		}
	}
	for _, subnet := range in.SubnetIDs {
		if slices.Contains(old.SubnetIDs, subnet) {
			continue
		}
		if _, err := c.AssociateACL(id, subnet); err != nil {
			return err
		}
	}
	return nil
}

func init() {
	define(resourceType{token: "aws:ec2/networkAcl:NetworkAcl", kind: Run, replaceOn: []string{"vpcId"}}, handlers[aclInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in aclInputs) (string, map[string]any, error) {
			acl, err := c.CreateACL(in.VpcID)
			if err != nil {
				return "", nil, err
			}
			outputs := map[string]any{"arn": c.ARN("ec2", "network-acl/"+acl.ID), "ownerId": cloud.Account}
			return acl.ID, outputs, in.put(c, acl.ID, aclInputs{})
		},
		update: func(_ context.Context, c *cloud.Cloud, id string, old, now aclInputs) (map[string]any, error) {
			return nil, now.put(c, id, old)
		},
		// The provider gives the subnets the default ACL back first, whoever associated them.
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ aclInputs) error {
			if err := c.ReleaseACL(id); err != nil {
				return err
			}
			return c.DeleteACL(id)
		},
	})
	define(resourceType{
		token: "aws:ec2/networkAclRule:NetworkAclRule", kind: Run, replaceOn: []string{
			"networkAclId", "ruleNumber", "egress", "protocol", "ruleAction", "cidrBlock", "fromPort", "toPort",
			"icmpType", "icmpCode",
		},
	}, handlers[aclRuleInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in aclRuleInputs) (string, map[string]any, error) {
			rule, err := in.rule()
			if err == nil {
				err = c.PutACLRule(in.NetworkACLID, rule)
			}
			return idUnless(err, "nacl-"+in.NetworkACLID+"-"+strconv.FormatBool(in.Egress)+"-"+strconv.Itoa(in.RuleNumber)), nil, err
		},
		remove: func(_ context.Context, c *cloud.Cloud, _ string, in aclRuleInputs) error {
			return c.DeleteACLRule(in.NetworkACLID, in.RuleNumber, in.Egress)
		},
	})
	define(resourceType{
		token: "aws:ec2/networkAclAssociation:NetworkAclAssociation", kind: Run, replaceOn: []string{"networkAclId", "subnetId"},
	}, handlers[aclAssociationInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in aclAssociationInputs) (string, map[string]any, error) {
			id, err := c.AssociateACL(in.NetworkACLID, in.SubnetID)
			return idUnless(err, id), nil, err
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ aclAssociationInputs) error {
			return c.DisassociateACL(id)
		},
	})
}
