package stack

import (
	"fmt"
	"strconv"

	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ec2"
	"github.com/pulumi/pulumi-aws/sdk/v6/go/aws/ssm"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"github.com/elastic-service/elastic-service/compute"
	"github.com/elastic-service/elastic-service/internal/invalid"
	"github.com/elastic-service/elastic-service/pin"
)

// imageComponent is the image of the instances: an existing image, an image that a parameter named when it was asked for, or an
// image that is made from an instance.
var imageComponent = component{look: (*plan).findImage, add: (*plan).addImage}

// image is a machine image as it is found: an existing image, or the instance that it is to be made from.
type image struct {
	id         string
	source     string // ID of the instance; id is empty then
	rootDevice string
}

// launchable is a machine image as a template takes it.
type launchable struct{ id, rootDevice pulumi.StringInput }

func (p *plan) addImage(ctx *pulumi.Context, c *components) (err error) {
	switch given := p.settings.Image; {
	case p.image.source != "":
		made, err := compute.NewImage(ctx, p.settings.Service, &compute.ImageArgs{
			SourceInstanceID: p.image.source, Reboot: given.Reboot, Tags: p.tags,
		})
		if err != nil {
			return err
		}
		c.image = launchable{made.ID, pulumi.String(p.image.rootDevice)}
	case given.Parameter != "":
		c.image, err = p.keepImage(ctx, p.settings.Service+"-image", p.image, given.Parameter, "image.update", given.Update)
	default:
		c.image = launchable{pulumi.String(p.image.id), pulumi.String(p.image.rootDevice)}
	}
	return err
}

// keepImage returns the image that a parameter named when the stack asked for it: at its first deployment, or when the setting
// changed that asks for a newer image. It mentions a newer image.
func (p *plan) keepImage(ctx *pulumi.Context, name string, found image, parameter, setting, update string) (launchable, error) {
	kept, err := pin.New(ctx, name, &pin.Args{
		Found:   pulumi.StringMap{"id": pulumi.String(found.id), "rootDevice": pulumi.String(found.rootDevice)},
		Trigger: pulumi.ToStringArray([]string{parameter, update}),
	})
	if err != nil {
		return launchable{}, err
	}
	field := func(key string) pulumi.StringOutput {
		return kept.Kept.ApplyT(func(image any) (string, error) { return textOf(image, key) }).(pulumi.StringOutput)
	}
	id := field("id").ApplyT(func(id string) (string, error) {
		if id == found.id {
			return id, nil
		}
		return id, ctx.Log.Info(fmt.Sprintf("the stack stays with %s; %s names %s now: to take it, change %s", id, parameter, found.id, setting),
			&pulumi.LogArgs{Resource: kept})
	}).(pulumi.StringOutput)
	return launchable{id, field("rootDevice")}, nil
}

// textOf returns a text in a map that was kept.
func textOf(kept any, key string) (string, error) {
	fields, _ := kept.(map[string]any)
	text, ok := fields[key].(string)
	if !ok {
		return "", fmt.Errorf("the stack's state keeps %v, which has no %s", kept, key)
	}
	return text, nil
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
