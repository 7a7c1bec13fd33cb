package stack

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/compute"
	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/network"
)

// bastionComponent is the way to instances in private subnets.
var bastionComponent = component{
	look:   (*plan).findBastionImage,
	wanted: func(p *plan) bool { return p.settings.Compute.Bastion != nil },
	add:    (*plan).addBastion,
	outputs: func(_ *plan, c *components) pulumi.Map {
		return pulumi.Map{"bastion": c.bastion.PublicIP}
	},
}

// amazonLinux names the public parameters with the current image of Amazon Linux 2023, by Go's name for the architecture. A
// bastion runs it: it needs no software of its own, and the image contains EC2 Instance Connect.
var amazonLinux = map[string]string{
	"amd64": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64",
	"arm64": "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64",
}

// amazonLinuxRoot is the name of the root device of these images.
const amazonLinuxRoot = "/dev/xvda"

// findBastionImage finds the image of the bastion.
func (p *plan) findBastionImage(ctx *pulumi.Context, problems *invalid.List) {
	bastion := p.settings.Compute.Bastion
	if bastion == nil {
		return
	}
	id, err := imageByParameter(ctx, amazonLinux[compute.Architecture(bastion.InstanceType)])
	problems.Include("compute.bastion", err)
	p.bastionImage = image{id: id, rootDevice: amazonLinuxRoot}
}

func (p *plan) bastionArgs(n *network.Network, image launchable) *compute.BastionArgs {
	return &compute.BastionArgs{
		VPCID:        n.VPCID,
		SubnetID:     n.PublicSubnetIDs.Index(pulumi.Int(0)),
		ImageID:      image.id,
		InstanceType: p.settings.Compute.Bastion.InstanceType,
		KeyName:      p.settings.Compute.KeyName,
		From:         p.settings.Compute.Bastion.From,
		Tags:         p.tags,
	}
}

// addBastion keeps the bastion's image: another image replaces the bastion, with a new address and a new host key.
func (p *plan) addBastion(ctx *pulumi.Context, c *components) error {
	bastion := p.settings.Compute.Bastion
	image, err := p.keepImage(ctx, p.settings.Service+"-bastion-image", p.bastionImage,
		amazonLinux[compute.Architecture(bastion.InstanceType)], "compute.bastion.update", bastion.Update)
	if err != nil {
		return err
	}
	c.bastion, err = compute.NewBastion(ctx, p.settings.Service, p.bastionArgs(c.network, image), pulumi.DependsOn(c.network.Gateway))
	if err != nil {
		return err
	}
	return p.allow(ctx, c, path{
		name: "ssh", parent: c.bastion, from: c.bastion.SecurityGroupID, to: c.template.SecurityGroupID, port: 22,
		description: "SSH from the bastion",
	})
}
