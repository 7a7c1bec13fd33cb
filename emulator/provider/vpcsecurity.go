package provider

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

type securityGroupInputs struct {
	Name        string            `pulumi:"name"`
	VpcID       string            `pulumi:"vpcId"`
	Description string            `pulumi:"description"`
	Tags        map[string]string `pulumi:"tags"`
}

type ruleInputs struct {
	SecurityGroupID           string            `pulumi:"securityGroupId"`
	CidrIpv4                  string            `pulumi:"cidrIpv4"`
	CidrIpv6                  string            `pulumi:"cidrIpv6"`
	PrefixListID              string            `pulumi:"prefixListId"`
	ReferencedSecurityGroupID string            `pulumi:"referencedSecurityGroupId"`
	IPProtocol                string            `pulumi:"ipProtocol"`
	FromPort                  int               `pulumi:"fromPort"`
	ToPort                    int               `pulumi:"toPort"`
	Description               string            `pulumi:"description"`
	Tags                      map[string]string `pulumi:"tags"`
}

type securityGroupOutputs struct {
	ARN     string `pulumi:"arn"`
	OwnerID string `pulumi:"ownerId"`
}

func securityGroup() resourceType {
	return define(resourceType{
		token: "aws:ec2/securityGroup:SecurityGroup", kind: Run, name: "name", nameMax: 255,
		replaceOn: []string{"name", "description", "vpcId"},
	}, handlers[securityGroupInputs, securityGroupOutputs]{
		create: func(m *cloud.Model, in securityGroupInputs) (string, securityGroupOutputs, error) {
			if err := checkDescription(in.Description); err != nil {
				return "", securityGroupOutputs{}, err
			}
			made, err := m.VPC.CreateSecurityGroup(in.Name, in.VpcID)
			if err == nil {
				m.VPC.SetTags(made.ID, in.Tags)
			}
			return made.ID, securityGroupOutputs{ARN: m.Region.ARN("ec2", "security-group/"+made.ID), OwnerID: aws.Account}, err
		},
		update: func(m *cloud.Model, id string, _, now securityGroupInputs) (*securityGroupOutputs, error) {
			m.VPC.SetTags(id, now.Tags)
			return nil, nil
		},
		remove: func(m *cloud.Model, id string, _ securityGroupInputs) error { return m.VPC.DeleteSecurityGroup(id) },
	})
}

// defaultGroupInputs are those of a group without rules. The emulator's VPCs have no other default group: nothing is in it, and nothing
// passes it.
type defaultGroupInputs struct {
	VpcID   string            `pulumi:"vpcId"`
	Ingress []ruleOfDefault   `pulumi:"ingress"`
	Egress  []ruleOfDefault   `pulumi:"egress"`
	Tags    map[string]string `pulumi:"tags"`
}

type ruleOfDefault struct {
	Protocol string `pulumi:"protocol"`
}

type defaultGroupOutputs struct {
	ARN     string `pulumi:"arn"`
	Name    string `pulumi:"name"`
	OwnerID string `pulumi:"ownerId"`
}

func defaultSecurityGroup() resourceType {
	return define(resourceType{
		token: "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup", kind: Recorded, replaceOn: []string{"vpcId"},
	}, handlers[defaultGroupInputs, defaultGroupOutputs]{
		create: func(m *cloud.Model, in defaultGroupInputs) (string, defaultGroupOutputs, error) {
			if m.VPC.VPCs[in.VpcID] == nil {
				return "", defaultGroupOutputs{}, aws.NotFound("InvalidVpcID.NotFound", "vpc", in.VpcID)
			}
			id := "sg-" + strings.TrimPrefix(in.VpcID, "vpc-")
			return id, defaultGroupOutputs{m.Region.ARN("ec2", "security-group/"+id), "default", aws.Account}, in.check()
		},
		update: func(_ *cloud.Model, _ string, _, now defaultGroupInputs) (*defaultGroupOutputs, error) {
			return nil, now.check()
		},
		remove: func(*cloud.Model, string, defaultGroupInputs) error { return nil }, // AWS keeps it as long as the VPC
	})
}

func (in defaultGroupInputs) check() error {
	if len(in.Ingress)+len(in.Egress) > 0 {
		return unsupported("ingress and egress", "rules", "none")
	}
	return nil
}

type ruleOutputs struct {
	ARN string `pulumi:"arn"`
	ID  string `pulumi:"securityGroupRuleId"`
}

func ingressRule() resourceType {
	return securityGroupRule("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", false)
}

func egressRule() resourceType {
	return securityGroupRule("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", true)
}

func securityGroupRule(token string, egress bool) resourceType {
	return define(resourceType{
		token: token, kind: Run, replaceOn: []string{"securityGroupId"}, replaceIf: replacesPeer,
	}, handlers[ruleInputs, ruleOutputs]{
		create: func(m *cloud.Model, in ruleInputs) (string, ruleOutputs, error) {
			rule, err := in.rule(egress)
			if err != nil {
				return "", ruleOutputs{}, err
			}
			made, err := m.VPC.CreateRule(rule)
			return made.ID, ruleOutputs{ARN: m.Region.ARN("ec2", "security-group-rule/"+made.ID), ID: made.ID}, err
		},
		update: func(m *cloud.Model, id string, _, now ruleInputs) (*ruleOutputs, error) {
			rule, err := now.rule(egress)
			if err != nil {
				return nil, err
			}
			return nil, m.VPC.UpdateRule(id, rule)
		},
		remove: func(m *cloud.Model, id string, _ ruleInputs) error { return m.VPC.DeleteRule(id) },
	})
}

// replacesPeer reports whether the other end of a rule becomes an end of another kind. All else is changed in place (API:
// ModifySecurityGroupRules).
func replacesPeer(key string, old, now resource.PropertyMap) bool {
	switch key {
	case "cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId":
		return old.HasValue(resource.PropertyKey(key)) != now.HasValue(resource.PropertyKey(key))
	}
	return false
}

func (in ruleInputs) rule(egress bool) (vpc.Rule, error) {
	return vpc.Rule{
		Group: in.SecurityGroupID, Egress: egress, Protocol: in.IPProtocol, From: in.FromPort, To: in.ToPort,
		CIDR: in.CidrIpv4 + in.CidrIpv6, Peer: in.ReferencedSecurityGroupID, List: in.PrefixListID,
	}, checkDescription(in.Description)
}

// description matches what EC2 takes as the description of a security group or a rule (API: CreateSecurityGroup).
var description = regexp.MustCompile(`^[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}$`)

func checkDescription(text string) error {
	if !description.MatchString(text) {
		return fmt.Errorf("InvalidParameterValue: Invalid security group description %q. Valid descriptions are strings less than "+
			"256 characters from the following set: a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*", text)
	}
	return nil
}
