package compute

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/internal/tags"
)

// BastionArgs describes a bastion.
type BastionArgs struct {
	// VPCID is the VPC of the bastion's security group.
	VPCID pulumi.StringInput

	// SubnetID is a public subnet.
	SubnetID pulumi.StringInput

	// ImageID is the machine image: Linux with an SSH server. Another image replaces the bastion.
	ImageID pulumi.StringInput

	// InstanceType is such as t3.micro, of the image's architecture.
	InstanceType string

	// KeyName is an EC2 key pair. Without it, administrators send a key for a minute with EC2 Instance Connect, whose agent
	// the image must have, as Amazon Linux does.
	KeyName string

	// From lists the ranges that may reach port 22: at least one, and not the whole internet.
	From []netip.Prefix

	// Tags are put on everything that takes tags.
	Tags map[string]string
}

// Validate reports every problem of the arguments, as paths below a bastion.
func (a *BastionArgs) Validate() error {
	var problems invalid.List
	problems.Need("vpcId", a.VPCID != nil)
	problems.Need("subnetId", a.SubnetID != nil)
	problems.Need("imageId", a.ImageID != nil)
	problems.Need("instanceType", a.InstanceType != "")
	if len(a.From) == 0 {
		problems.Missing("from", "a bastion that nobody can reach is of no use: at least one range is needed")
	}
	for i, from := range a.From {
		path := fmt.Sprintf("from[%d]", i)
		switch {
		case !from.IsValid():
			problems.Add(path, from, "is not a range")
		case from.Bits() == 0:
			problems.Add(path, from, "is the whole internet: name the ranges that administrators come from")
		case from != from.Masked():
			problems.Add(path, from, "has host bits set, it should be %s", from.Masked())
		case slices.Contains(a.From[:i], from):
			problems.Add(path, from, "is listed twice")
		}
	}
	return problems.Err()
}

// Bastion is the only instance that SSH reaches from outside; the other instances let it in. It can reach nothing until a
// rule of its security group allows it.
type Bastion struct {
	pulumi.ResourceState

	// PublicIP is the bastion's address. It changes when the bastion is stopped or replaced.
	PublicIP pulumi.StringOutput

	// SecurityGroupID is the bastion's security group: instances let its connections in.
	SecurityGroupID pulumi.StringOutput

	// Ready lists the resources that anything connecting to the bastion must depend on.
	Ready []pulumi.Resource
}

// NewBastion registers a bastion.
func NewBastion(ctx *pulumi.Context, name string, args *BastionArgs, opts ...pulumi.ResourceOption) (*Bastion, error) {
	if err := args.Validate(); err != nil {
		return nil, fmt.Errorf("bastion %s: %w", name, err)
	}
	b := &Bastion{}
	if err := ctx.RegisterComponentResource("elastic-service:compute:Bastion", name, b, opts...); err != nil {
		return nil, fmt.Errorf("bastion %s: %w", name, err)
	}
	if err := b.children(ctx, name+"-bastion", args); err != nil {
		return nil, fmt.Errorf("bastion %s: %w", name, err)
	}
	return b, ctx.RegisterResourceOutputs(b, pulumi.Map{
		"publicIp":        b.PublicIP,
		"securityGroupId": b.SecurityGroupID,
	})
}

func (b *Bastion) children(ctx *pulumi.Context, name string, args *BastionArgs) error {
	group, err := ec2.NewSecurityGroup(ctx, name, &ec2.SecurityGroupArgs{
		VpcId:       args.VPCID,
		Description: pulumi.String("Bastion " + name), // cannot be changed without a replacement
		Tags:        tags.Named(args.Tags, name),
	}, pulumi.Parent(b))
	if err != nil {
		return err
	}
	rules, err := sshFrom(ctx, b, name, args.From, group, args.Tags)
	if err != nil {
		return err
	}
	instance, err := b.instance(ctx, name, args, group)
	if err != nil {
		return err
	}
	b.PublicIP, b.SecurityGroupID = instance.PublicIp, group.ID().ToStringOutput()
	b.Ready = append(rules, instance)
	return nil
}

// instance creates the instance. It has neither a role nor user data: an intruder finds no credentials on it.
func (b *Bastion) instance(
	ctx *pulumi.Context, name string, args *BastionArgs, group *ec2.SecurityGroup,
) (*ec2.Instance, error) {
	in := &ec2.InstanceArgs{
		Ami:                      args.ImageID.ToStringOutput().ToStringPtrOutput(),
		InstanceType:             pulumi.String(args.InstanceType),
		SubnetId:                 args.SubnetID.ToStringOutput().ToStringPtrOutput(),
		VpcSecurityGroupIds:      pulumi.StringArray{group.ID()},
		AssociatePublicIpAddress: pulumi.Bool(true),
		MetadataOptions: &ec2.InstanceMetadataOptionsArgs{
			HttpEndpoint:            pulumi.String("enabled"),
			HttpTokens:              pulumi.String("required"),
			HttpPutResponseHopLimit: pulumi.Int(1),
		},
		RootBlockDevice: &ec2.InstanceRootBlockDeviceArgs{
			VolumeType:          pulumi.String("gp3"),
			Encrypted:           pulumi.Bool(true),
			DeleteOnTermination: pulumi.Bool(true),
			Tags:                tags.Named(args.Tags, name),
		},
		Tags: tags.Named(args.Tags, name),
	}
	if args.KeyName != "" {
		in.KeyName = pulumi.String(args.KeyName)
	}
	return ec2.NewInstance(ctx, name, in, pulumi.Parent(b))
}
