package provider

import (
	"fmt"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
)

type imageInputs struct {
	Name                  string            `pulumi:"name"`
	Description           string            `pulumi:"description"`
	SourceInstanceID      string            `pulumi:"sourceInstanceId"`
	SnapshotWithoutReboot bool              `pulumi:"snapshotWithoutReboot"` // without effect: the emulator restarts no source
	DeprecationTime       string            `pulumi:"deprecationTime"`
	Tags                  map[string]string `pulumi:"tags"`
}

// imageOutputs are the properties that an image has both as a resource and as the result of getAmi.
type imageOutputs struct {
	Architecture       string `pulumi:"architecture"`
	Hypervisor         string `pulumi:"hypervisor"`
	ImageType          string `pulumi:"imageType"`
	PlatformDetails    string `pulumi:"platformDetails"`
	Public             bool   `pulumi:"public"`
	RootDeviceName     string `pulumi:"rootDeviceName"`
	VirtualizationType string `pulumi:"virtualizationType"`
}

func outputsOfImage(image ec2.Image) imageOutputs {
	return imageOutputs{
		Architecture: image.Architecture, Hypervisor: "xen", ImageType: "machine", PlatformDetails: "Linux/UNIX",
		Public: image.Source == "", RootDeviceName: image.RootDevice, VirtualizationType: "hvm",
	}
}

type imageResourceOutputs struct {
	imageOutputs

	ARN            string `pulumi:"arn"`
	ImageLocation  string `pulumi:"imageLocation"`
	OwnerID        string `pulumi:"ownerId"`
	RootSnapshotID string `pulumi:"rootSnapshotId"`
}

func imageOfInstance() resourceType {
	return define(resourceType{
		token: "aws:ec2/amiFromInstance:AmiFromInstance", kind: Run, name: "name", nameMax: 128,
		replaceOn: []string{"name", "sourceInstanceId", "snapshotWithoutReboot"},
	}, handlers[imageInputs, imageResourceOutputs]{
		create: func(m *cloud.Model, in imageInputs) (string, imageResourceOutputs, error) {
			made, err := m.EC2.CreateImage(in.Name, in.SourceInstanceID, in.Tags)
			return made.ID, imageResourceOutputs{
				imageOutputs: outputsOfImage(made), ARN: m.Region.ARN("ec2", "image/"+made.ID),
				ImageLocation: aws.Account + "/" + made.Name, OwnerID: aws.Account,
				RootSnapshotID: made.Snapshot,
			}, err
		},
		remove: func(m *cloud.Model, id string, _ imageInputs) error {
			image, err := m.EC2.ImageByID(id)
			if err != nil {
				return nil //nolint:nilerr // an image that isn't found was deregistered by another client
			}
			if err := m.EC2.DeregisterImage(id); err != nil {
				return err
			}
			return m.EC2.DeleteSnapshot(image.Snapshot)
		},
	})
}

type getAmiInputs struct {
	Filters           []filter `pulumi:"filters"`
	IncludeDeprecated bool     `pulumi:"includeDeprecated"`
}

type getAmiResult struct {
	imageOutputs

	ID                  string        `pulumi:"id"`
	ImageID             string        `pulumi:"imageId"`
	Name                string        `pulumi:"name"`
	RootDeviceType      string        `pulumi:"rootDeviceType"`
	State               string        `pulumi:"state"`
	BlockDeviceMappings []blockDevice `pulumi:"blockDeviceMappings"`
}

type blockDevice struct {
	DeviceName  string            `pulumi:"deviceName"`
	Ebs         map[string]string `pulumi:"ebs"` // the keys are EC2's, not the provider's
	NoDevice    string            `pulumi:"noDevice"`
	VirtualName string            `pulumi:"virtualName"`
}

// getAmi finds an image by its ID.
func getAmi(m *cloud.Model, in getAmiInputs) (getAmiResult, error) {
	if len(in.Filters) != 1 || in.Filters[0].Name != "image-id" || len(in.Filters[0].Values) != 1 {
		return getAmiResult{}, fmt.Errorf("the emulator finds images by the filter image-id with one value")
	}
	image, err := m.EC2.ImageByID(in.Filters[0].Values[0])
	return getAmiResult{
		imageOutputs: outputsOfImage(image), ID: image.ID, ImageID: image.ID, Name: image.Name,
		RootDeviceType: "ebs", State: "available",
		BlockDeviceMappings: []blockDevice{{DeviceName: image.RootDevice, Ebs: map[string]string{
			"volume_size": "8", "volume_type": "gp3", "encrypted": "false", "delete_on_termination": "true",
		}}},
	}, err
}
