package stack

import (
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ssm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/compute"
	"github.com/elastic-service/elastic-service/internal/invalid"
)

// imageComponent is the image that is made from an instance, if the settings name an instance.
var imageComponent = component{
	look:   (*plan).findImage,
	wanted: func(p *plan) bool { return p.image.source != "" },
	add: func(p *plan, ctx *pulumi.Context, c *components) (err error) {
		c.image, err = compute.NewImage(ctx, p.settings.Service, &compute.ImageArgs{
			SourceInstanceID: p.image.source, Reboot: p.settings.Image.Reboot, Tags: p.tags,
		})
		return err
	},
}

// image is a machine image: an existing image, or an image that is made from an instance.
type image struct {
	id         string
	source     string // ID of the instance; id is empty then
	rootDevice string
}

// findImage finds the image and checks it against the instances that are to run on it.
func (p *plan) findImage(ctx *pulumi.Context, problems *invalid.List) {
	given := p.settings.Image
	switch {
	case given.FromInstance != "":
		p.useSource(ctx, given.FromInstance, problems)
	case given.Parameter != "":
		p.useParameter(ctx, "image.parameter", given.Parameter, problems)
	case given.ID != "":
		p.useID(ctx, "image.id", given.ID, problems)
	}
}

func (p *plan) useParameter(ctx *pulumi.Context, path, name string, problems *invalid.List) {
	id, err := imageByParameter(ctx, name)
	if err != nil {
		problems.Include(path, err)
		return
	}
	p.useID(ctx, path, id, problems)
}

func (p *plan) useID(ctx *pulumi.Context, path, id string, problems *invalid.List) {
	ami, err := ec2.LookupAmi(ctx, &ec2.LookupAmiArgs{
		Filters:           []ec2.GetAmiFilter{{Name: "image-id", Values: []string{id}}},
		IncludeDeprecated: new(true), // a deprecated image still launches
	})
	if err != nil {
		problems.Include(path, fmt.Errorf("finding %s in %s: %w", id, p.settings.Region, err))
		return
	}
	problems.Include("", p.fits(path, ami))
	p.image = image{id: id, rootDevice: ami.RootDeviceName}
}

// useSource checks the instance from which an image is to be made.
func (p *plan) useSource(ctx *pulumi.Context, id string, problems *invalid.List) {
	const path = "image.fromInstance"
	source, err := ec2.LookupInstance(ctx, &ec2.LookupInstanceArgs{InstanceId: &id})
	switch {
	case err != nil:
		problems.Include(path, fmt.Errorf("finding %s in %s (an image made of it before stays: set image.id to that): %w",
			id, p.settings.Region, err))
		return
	case len(source.RootBlockDevices) != 1:
		problems.Add(path, id, "has no EBS volume as its root device")
		return
	}
	c := p.settings.Compute
	if arch, of := compute.Architecture(c.InstanceType), compute.Architecture(source.InstanceType); arch != of {
		problems.Add("compute.instanceType", c.InstanceType, "has the architecture %s, the instance %s (%s) has %s",
			arch, id, source.InstanceType, of)
	}
	root := source.RootBlockDevices[0]
	if c.RootVolumeGiB > 0 && c.RootVolumeGiB < root.VolumeSize {
		problems.Add("compute.rootVolumeGiB", c.RootVolumeGiB, "is less than the instance (%s) has: %d", id, root.VolumeSize)
	}
	p.image = image{source: id, rootDevice: root.DeviceName}
}

// imageByParameter returns the ID of the image that a public parameter names.
func imageByParameter(ctx *pulumi.Context, name string) (string, error) {
	parameter, err := ssm.LookupParameter(ctx, &ssm.LookupParameterArgs{
		Name: name, WithDecryption: new(false),
	})
	if err != nil {
		return "", fmt.Errorf("reading %s: %w", name, err)
	}
	return parameter.InsecureValue, nil // an image's ID is no secret
}

// fits reports where the instances' settings and an image do not fit.
func (p *plan) fits(path string, ami *ec2.LookupAmiResult) error {
	var problems invalid.List
	c := p.settings.Compute
	if arch := compute.Architecture(c.InstanceType); c.InstanceType != "" && arch != goArchitecture(ami.Architecture) {
		problems.Add("compute.instanceType", c.InstanceType, "has the architecture %s, the image (%s) is for %s",
			arch, ami.ImageId, ami.Architecture)
	}
	if ami.RootDeviceType == "instance-store" {
		problems.Add(path, ami.ImageId, "has its root device in an instance store, it must be an EBS volume")
	}
	if least := rootGiB(ami); c.RootVolumeGiB > 0 && c.RootVolumeGiB < least {
		problems.Add("compute.rootVolumeGiB", c.RootVolumeGiB, "is less than the image (%s) has: %d", ami.ImageId, least)
	}
	return problems.Err()
}

// goArchitecture returns Go's name for an architecture that EC2 names.
func goArchitecture(ec2 string) string {
	if ec2 == "x86_64" {
		return "amd64"
	}
	return ec2
}

// rootGiB returns the size of an image's root volume; 0 if the image does not tell.
func rootGiB(ami *ec2.LookupAmiResult) int {
	for _, device := range ami.BlockDeviceMappings {
		if device.DeviceName == ami.RootDeviceName {
			size, err := strconv.Atoi(device.Ebs["volume_size"])
			if err != nil {
				return 0
			}
			return size
		}
	}
	return 0
}
