package aws

import (
	"context"
	"slices"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	model "github.com/elastic-service/elastic-service/emulator/cloud/ec2"
)

type describeImagesInput struct {
	ImageID    []string `mapstructure:"ImageId"`
	Owner      []string
	Filter     []filter
	MaxResults *int32
	NextToken  *string
}

type describeImagesOutput struct {
	Images    items[image] `xml:"imagesSet"`
	NextToken *string      `xml:"nextToken"`
}

type image struct {
	ImageID        string             `xml:"imageId"`
	ImageLocation  string             `xml:"imageLocation"`
	State          string             `xml:"imageState"`
	OwnerID        string             `xml:"imageOwnerId"`
	Public         bool               `xml:"isPublic"`
	Architecture   string             `xml:"architecture"`
	ImageType      string             `xml:"imageType"`
	Name           string             `xml:"name"`
	RootDeviceType string             `xml:"rootDeviceType"`
	RootDeviceName string             `xml:"rootDeviceName"`
	Devices        items[blockDevice] `xml:"blockDeviceMapping"`
	Tags           items[tag]         `xml:"tagSet"`
}

type blockDevice struct {
	Name string `xml:"deviceName"`
	EBS  struct {
		SnapshotID string `xml:"snapshotId,omitempty"`
	} `xml:"ebs"`
}

// describeImages describes the images that were made from instances. Those of AWS are found by their IDs.
func (a *API) describeImages(_ context.Context, in *describeImagesInput) (*describeImagesOutput, error) {
	if len(in.Owner) > 0 && !slices.Contains(in.Owner, "self") && !slices.Contains(in.Owner, aws.Account) {
		return nil, unsupported("Owner", "other owners than self: images of AWS are found by their IDs")
	}
	var found []image
	err := a.read(func(m *cloud.Model) error {
		all := m.EC2.DescribeImages()
		if len(in.ImageID) > 0 {
			all = nil
		}
		for _, id := range in.ImageID {
			one, err := m.EC2.ImageByID(id)
			if err != nil {
				return err
			}
			all = append(all, one)
		}
		for _, one := range all {
			described := describeImage(one)
			matches, err := passes(in.Filter, described.filterable())
			if err != nil {
				return err
			}
			if matches {
				found = append(found, described)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	found, next, err := page(found, in.MaxResults, in.NextToken, 1000)
	return &describeImagesOutput{listed(found...), next}, err
}

func describeImage(i model.Image) image {
	owner := "amazon"
	if i.Source != "" {
		owner = aws.Account
	}
	device := blockDevice{Name: i.RootDevice}
	device.EBS.SnapshotID = i.Snapshot
	described := image{
		ImageID: i.ID, ImageLocation: owner + "/" + i.Name, State: "available", OwnerID: owner, Public: i.Source == "",
		Architecture: i.Architecture, ImageType: "machine", Name: i.Name, RootDeviceType: "ebs", RootDeviceName: i.RootDevice,
		Devices: listed(device), Tags: listedTags(i.Tags),
	}
	return described
}

// filterable returns the values of the filters that the emulator knows (API: DescribeImages).
func (i image) filterable() map[string][]string {
	values := map[string][]string{
		"image-id": {i.ImageID}, "name": {i.Name}, "state": {i.State}, "architecture": {i.Architecture}, "owner-id": {i.OwnerID},
	}
	addTags(values, i.Tags)
	return values
}

type deregisterImageInput struct {
	ImageID string `mapstructure:"ImageId"`
}

type deleteSnapshotInput struct {
	SnapshotID string `mapstructure:"SnapshotId"`
}

type doneOutput struct {
	Return bool `xml:"return"`
}

func (a *API) deregisterImage(_ context.Context, in *deregisterImageInput) (*doneOutput, error) {
	return &doneOutput{true}, a.cloud.Change(func(m *cloud.Model) error { return m.EC2.DeregisterImage(in.ImageID) })
}

func (a *API) deleteSnapshot(_ context.Context, in *deleteSnapshotInput) (*doneOutput, error) {
	return &doneOutput{true}, a.cloud.Change(func(m *cloud.Model) error { return m.EC2.DeleteSnapshot(in.SnapshotID) })
}
