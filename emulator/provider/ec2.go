package provider

import (
	"context"
	"fmt"
	"regexp"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

type vpcInputs struct {
	CidrBlock          string            `pulumi:"cidrBlock"`
	EnableDNSHostnames bool              `pulumi:"enableDnsHostnames"`
	EnableDNSSupport   bool              `pulumi:"enableDnsSupport"`
	Tags               map[string]string `pulumi:"tags"`
}

type gatewayInputs struct {
	VpcID string            `pulumi:"vpcId"`
	Tags  map[string]string `pulumi:"tags"`
}

type subnetInputs struct {
	VpcID               string            `pulumi:"vpcId"`
	CidrBlock           string            `pulumi:"cidrBlock"`
	AvailabilityZone    string            `pulumi:"availabilityZone"`
	MapPublicIPOnLaunch bool              `pulumi:"mapPublicIpOnLaunch"`
	Tags                map[string]string `pulumi:"tags"`
}

type routeTableInputs struct {
	VpcID string            `pulumi:"vpcId"`
	Tags  map[string]string `pulumi:"tags"`
}

type routeInputs struct {
	RouteTableID         string `pulumi:"routeTableId"`
	DestinationCidrBlock string `pulumi:"destinationCidrBlock"`
	GatewayID            string `pulumi:"gatewayId"`
	NatGatewayID         string `pulumi:"natGatewayId"`
}

type associationInputs struct {
	RouteTableID string `pulumi:"routeTableId"`
	SubnetID     string `pulumi:"subnetId"`
}

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

type launchTemplateInputs struct {
	Name                 string `pulumi:"name"`
	Description          string `pulumi:"description"`
	UpdateDefaultVersion bool   `pulumi:"updateDefaultVersion"`
	ImageID              string `pulumi:"imageId"`
	InstanceType         string `pulumi:"instanceType"`
	KeyName              string `pulumi:"keyName"`
	UserData             string `pulumi:"userData"`
	IamInstanceProfile   struct {
		Arn  string `pulumi:"arn"`
		Name string `pulumi:"name"`
	} `pulumi:"iamInstanceProfile"`
	MetadataOptions struct {
		HTTPEndpoint            string `pulumi:"httpEndpoint"`
		HTTPTokens              string `pulumi:"httpTokens"`
		HTTPPutResponseHopLimit int    `pulumi:"httpPutResponseHopLimit"`
	} `pulumi:"metadataOptions"`
	BlockDeviceMappings []struct {
		DeviceName string `pulumi:"deviceName"`
		Ebs        struct {
			VolumeType          string `pulumi:"volumeType"`
			VolumeSize          int    `pulumi:"volumeSize"`
			Encrypted           string `pulumi:"encrypted"`
			DeleteOnTermination string `pulumi:"deleteOnTermination"`
		} `pulumi:"ebs"`
	} `pulumi:"blockDeviceMappings"`
	NetworkInterfaces []struct {
		AssociatePublicIPAddress string   `pulumi:"associatePublicIpAddress"`
		DeleteOnTermination      string   `pulumi:"deleteOnTermination"`
		SecurityGroups           []string `pulumi:"securityGroups"`
	} `pulumi:"networkInterfaces"`
	Monitoring struct {
		Enabled bool `pulumi:"enabled"`
	} `pulumi:"monitoring"`
	TagSpecifications []struct {
		ResourceType string            `pulumi:"resourceType"`
		Tags         map[string]string `pulumi:"tags"`
	} `pulumi:"tagSpecifications"`
	Tags map[string]string `pulumi:"tags"`
}

func init() {
	define(resourceType{token: "aws:ec2/vpc:Vpc", kind: Run, replaceOn: []string{"cidrBlock"}}, handlers[vpcInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in vpcInputs) (string, map[string]any, error) {
			vpc, err := c.CreateVPC(in.CidrBlock)
			return idUnless(err, vpc.ID), map[string]any{"arn": c.ARN("ec2", "vpc/"+vpc.ID)}, err
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ vpcInputs) error { return c.DeleteVPC(id) },
	})
	define(resourceType{token: "aws:ec2/internetGateway:InternetGateway", kind: Run}, handlers[gatewayInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in gatewayInputs) (string, map[string]any, error) {
			gateway, err := c.CreateGateway(in.VpcID)
			return idUnless(err, gateway.ID), map[string]any{"arn": c.ARN("ec2", "internet-gateway/"+gateway.ID)}, err
		},
		update: func(ctx context.Context, c *cloud.Cloud, id string, _, now gatewayInputs) (map[string]any, error) {
			return nil, insist(ctx, c, detachTimeout, "DependencyViolation", func() error { return c.MoveGateway(id, now.VpcID) })
		},
		remove: func(ctx context.Context, c *cloud.Cloud, id string, _ gatewayInputs) error {
			return insist(ctx, c, detachTimeout, "DependencyViolation", func() error { return c.DeleteGateway(id) })
		},
	})
	define(resourceType{
		token: "aws:ec2/subnet:Subnet", kind: Run, replaceOn: []string{"vpcId", "cidrBlock", "availabilityZone"},
	}, handlers[subnetInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in subnetInputs) (string, map[string]any, error) {
			subnet, err := c.CreateSubnet(in.VpcID, in.CidrBlock, in.AvailabilityZone, in.MapPublicIPOnLaunch)
			return idUnless(err, subnet.ID), map[string]any{"arn": c.ARN("ec2", "subnet/"+subnet.ID)}, err
		},
		update: func(_ context.Context, c *cloud.Cloud, id string, _, now subnetInputs) (map[string]any, error) {
			return nil, c.UpdateSubnet(id, now.MapPublicIPOnLaunch)
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ subnetInputs) error { return c.DeleteSubnet(id) },
	})
	define(resourceType{token: "aws:ec2/routeTable:RouteTable", kind: Run, replaceOn: []string{"vpcId"}}, handlers[routeTableInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in routeTableInputs) (string, map[string]any, error) {
			table, err := c.CreateRouteTable(in.VpcID)
			return idUnless(err, table.ID), map[string]any{"arn": c.ARN("ec2", "route-table/"+table.ID)}, err
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ routeTableInputs) error {
			return c.DeleteRouteTable(id)
		},
	})
	define(resourceType{
		token: "aws:ec2/route:Route", kind: Run, replaceOn: []string{"routeTableId", "destinationCidrBlock"},
	}, handlers[routeInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in routeInputs) (string, map[string]any, error) {
			gateway, err := in.target()
			if err == nil {
				err = c.CreateRoute(in.RouteTableID, in.DestinationCidrBlock, gateway)
			}
			return idUnless(err, "r-"+in.RouteTableID+"/"+in.DestinationCidrBlock), nil, err
		},
		update: func(_ context.Context, c *cloud.Cloud, _ string, _, now routeInputs) (map[string]any, error) {
			gateway, err := now.target()
			if err != nil {
				return nil, err
			}
			return nil, c.ReplaceRoute(now.RouteTableID, now.DestinationCidrBlock, gateway)
		},
		remove: func(_ context.Context, c *cloud.Cloud, _ string, in routeInputs) error {
			return c.DeleteRoute(in.RouteTableID, in.DestinationCidrBlock)
		},
	})
	define(resourceType{
		token: "aws:ec2/routeTableAssociation:RouteTableAssociation", kind: Run, replaceOn: []string{"subnetId"},
	}, handlers[associationInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in associationInputs) (string, map[string]any, error) {
			id, err := c.Associate(in.RouteTableID, in.SubnetID)
			return idUnless(err, id), nil, err
		},
		update: func(_ context.Context, c *cloud.Cloud, id string, _, now associationInputs) (map[string]any, error) {
			return nil, c.ReplaceAssociation(id, now.RouteTableID)
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ associationInputs) error {
			return c.Disassociate(id)
		},
	})
	define(resourceType{
		token: "aws:ec2/securityGroup:SecurityGroup", kind: Run, name: "name", nameMax: 255,
		replaceOn: []string{"name", "description", "vpcId"},
	}, handlers[securityGroupInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in securityGroupInputs) (string, map[string]any, error) {
			if err := checkDescription(in.Description); err != nil {
				return "", nil, err
			}
			group, err := c.CreateSecurityGroup(in.Name, in.VpcID)
			return idUnless(err, group.ID), map[string]any{"arn": c.ARN("ec2", "security-group/"+group.ID)}, err
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ securityGroupInputs) error {
			return c.DeleteSecurityGroup(id)
		},
	})
	defineRule("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", false)
	defineRule("aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule", true)
	define(resourceType{
		token: "aws:ec2/launchTemplate:LaunchTemplate", kind: Run, name: "name", nameMax: 125, replaceOn: []string{"name"},
		volatile: []string{"latestVersion", "defaultVersion"},
	}, handlers[launchTemplateInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in launchTemplateInputs) (string, map[string]any, error) {
			if err := in.check(); err != nil {
				return "", nil, err
			}
			template, err := c.CreateTemplate(in.Name, in.data())
			return idUnless(err, template.ID), templateOutputs(c, template), err
		},
		update: func(_ context.Context, c *cloud.Cloud, id string, _, now launchTemplateInputs) (map[string]any, error) {
			if err := now.check(); err != nil {
				return nil, err
			}
			template, err := c.UpdateTemplate(id, now.data(), now.UpdateDefaultVersion)
			return templateOutputs(c, template), err
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ launchTemplateInputs) error {
			return c.DeleteTemplate(id)
		},
	})
}

func defineRule(token string, egress bool) {
	define(resourceType{
		token: token, kind: Run, replaceOn: []string{"securityGroupId"}, replaceIf: replacesPeer,
	}, handlers[ruleInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in ruleInputs) (string, map[string]any, error) {
			rule, err := in.rule(egress)
			if err == nil {
				rule, err = c.CreateRule(rule)
			}
			return idUnless(err, rule.ID), map[string]any{
				"arn": c.ARN("ec2", "security-group-rule/"+rule.ID), "securityGroupRuleId": rule.ID,
			}, err
		},
		update: func(_ context.Context, c *cloud.Cloud, id string, _, now ruleInputs) (map[string]any, error) {
			rule, err := now.rule(egress)
			if err != nil {
				return nil, err
			}
			return nil, c.UpdateRule(id, rule)
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ ruleInputs) error { return c.DeleteRule(id) },
	})
}

// replacesPeer: a rule is changed in place unless its other end becomes one of another kind (API:
// ModifySecurityGroupRules).
func replacesPeer(key string, old, now resource.PropertyMap) bool {
	switch key {
	case "cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId":
		return old.HasValue(resource.PropertyKey(key)) != now.HasValue(resource.PropertyKey(key))
	}
	return false
}

func (in ruleInputs) rule(egress bool) (cloud.Rule, error) {
	return cloud.Rule{
		Group: in.SecurityGroupID, Egress: egress, Protocol: in.IPProtocol, From: in.FromPort, To: in.ToPort,
		CIDR: in.CidrIpv4 + in.CidrIpv6, Peer: in.ReferencedSecurityGroupID, List: in.PrefixListID,
	}, checkDescription(in.Description)
}

// description is what EC2 takes as one of a security group or a rule (API: CreateSecurityGroup).
var description = regexp.MustCompile(`^[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{0,255}$`)

func checkDescription(text string) error {
	if !description.MatchString(text) {
		return fmt.Errorf("InvalidParameterValue: Invalid security group description %q. Valid descriptions are strings less than "+
			"256 characters from the following set: a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*", text)
	}
	return nil
}

// check holds what the provider's schema wants of what has no effect here (ec2_launch_template.go).
func (in launchTemplateInputs) check() error {
	metadata := in.MetadataOptions
	switch {
	case metadata.HTTPEndpoint != "" && metadata.HTTPEndpoint != "enabled" && metadata.HTTPEndpoint != "disabled":
		return notOneOf("metadataOptions.httpEndpoint", metadata.HTTPEndpoint, "enabled", "disabled")
	case metadata.HTTPTokens != "" && metadata.HTTPTokens != "optional" && metadata.HTTPTokens != "required":
		return notOneOf("metadataOptions.httpTokens", metadata.HTTPTokens, "optional", "required")
	case metadata.HTTPPutResponseHopLimit < 0 || metadata.HTTPPutResponseHopLimit > 64: // 0: not given
		return fmt.Errorf("\"metadataOptions.httpPutResponseHopLimit\": expected to be in the range (1 - 64), got %d",
			metadata.HTTPPutResponseHopLimit)
	}
	for _, device := range in.BlockDeviceMappings {
		if kind := device.Ebs.VolumeType; kind != "" && !slices.Contains(volumeTypes, kind) {
			return notOneOf("blockDeviceMappings[].ebs.volumeType", kind, volumeTypes...)
		}
	}
	return nil
}

// volumeTypes are those of EBS (API: CreateVolume).
var volumeTypes = []string{"standard", "io1", "io2", "gp2", "sc1", "st1", "gp3"}

// data is what the cloud makes instances from. The rest of a template has no effect on processes: volumes, metadata
// options and keys are kept, as is said in the report.
func (in launchTemplateInputs) data() cloud.TemplateData {
	data := cloud.TemplateData{
		ImageID: in.ImageID, InstanceType: in.InstanceType, UserData: in.UserData,
		Profile: in.IamInstanceProfile.Arn + in.IamInstanceProfile.Name, Tags: map[string]string{},
		Detailed: in.Monitoring.Enabled,
	}
	for _, nic := range in.NetworkInterfaces {
		data.SecurityGroups = append(data.SecurityGroups, nic.SecurityGroups...)
		data.Public = data.Public || nic.AssociatePublicIPAddress == "true"
	}
	for _, spec := range in.TagSpecifications {
		if spec.ResourceType == "instance" {
			data.Tags = spec.Tags
		}
	}
	return data
}

func templateOutputs(c *cloud.Cloud, t cloud.LaunchTemplate) map[string]any {
	return map[string]any{
		"arn": c.ARN("ec2", "launch-template/"+t.ID), "latestVersion": t.Latest(), "defaultVersion": t.Default,
	}
}

// idUnless is the ID of what was made, or nothing if it was not.
func idUnless(err error, id string) string {
	if err != nil {
		return ""
	}
	return id
}
