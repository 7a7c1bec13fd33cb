package provider

import (
	"fmt"
	"reflect"
	"slices"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/internal/burstable"
)

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
	CreditSpecification struct {
		CPUCredits string `pulumi:"cpuCredits"`
	} `pulumi:"creditSpecification"`
	Monitoring struct {
		Enabled bool `pulumi:"enabled"`
	} `pulumi:"monitoring"`
	TagSpecifications []struct {
		ResourceType string            `pulumi:"resourceType"`
		Tags         map[string]string `pulumi:"tags"`
	} `pulumi:"tagSpecifications"`
	Tags map[string]string `pulumi:"tags"`
}

type launchTemplateOutputs struct {
	ARN            string `pulumi:"arn"`
	LatestVersion  int    `pulumi:"latestVersion"`
	DefaultVersion int    `pulumi:"defaultVersion"`
}

func launchTemplate() resourceType {
	return define(resourceType{
		token: "aws:ec2/launchTemplate:LaunchTemplate", kind: Run, name: "name", nameMax: 125, replaceOn: []string{"name"},
		volatile: []string{"latestVersion", "defaultVersion"},
	}, handlers[launchTemplateInputs, launchTemplateOutputs]{
		create: func(m *cloud.Model, in launchTemplateInputs) (string, launchTemplateOutputs, error) {
			if err := in.check(); err != nil {
				return "", launchTemplateOutputs{}, err
			}
			made, err := m.EC2.CreateLaunchTemplate(in.Name, in.data())
			if err != nil {
				return "", launchTemplateOutputs{}, err
			}
			return made.ID, outputsOfTemplate(m, made), nil
		},
		update: func(m *cloud.Model, id string, old, now launchTemplateInputs) (*launchTemplateOutputs, error) {
			if err := now.check(); err != nil {
				return nil, err
			}
			old.Tags = now.Tags
			if reflect.DeepEqual(old, now) {
				return nil, nil //nolint:nilnil // tags are the template's, not a version's: no output changes
			}
			changed, err := m.EC2.UpdateLaunchTemplate(id, now.data(), now.UpdateDefaultVersion)
			if err != nil {
				return nil, err
			}
			return new(outputsOfTemplate(m, changed)), nil
		},
		remove: func(m *cloud.Model, id string, _ launchTemplateInputs) error { return m.EC2.DeleteLaunchTemplate(id) },
	})
}

func outputsOfTemplate(m *cloud.Model, t ec2.LaunchTemplate) launchTemplateOutputs {
	return launchTemplateOutputs{ARN: m.Region.ARN("ec2", "launch-template/"+t.ID), LatestVersion: t.Latest(), DefaultVersion: t.Default}
}

// check applies the rules of the provider's schema to properties that have no effect in the emulator
// (ec2_launch_template.go).
func (in launchTemplateInputs) check() error {
	metadata := in.MetadataOptions
	switch {
	case metadata.HTTPEndpoint != "" && metadata.HTTPEndpoint != "enabled" && metadata.HTTPEndpoint != "disabled":
		return notOneOf("metadataOptions.httpEndpoint", metadata.HTTPEndpoint, "enabled", "disabled")
	case metadata.HTTPTokens != "" && metadata.HTTPTokens != "optional" && metadata.HTTPTokens != "required":
		return notOneOf("metadataOptions.httpTokens", metadata.HTTPTokens, "optional", "required")
	case in.CreditSpecification.CPUCredits != "" && !slices.Contains(creditOptions, in.CreditSpecification.CPUCredits):
		return notOneOf("creditSpecification.cpuCredits", in.CreditSpecification.CPUCredits, creditOptions...)
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

// creditOptions lists what an instance does without CPU credits (API: CreditSpecificationRequest).
var creditOptions = []string{burstable.Standard, burstable.Unlimited}

// volumeTypes lists the types of EBS volumes (API: CreateVolume).
var volumeTypes = []string{"standard", "io1", "io2", "gp2", "sc1", "st1", "gp3"}

// data returns what the cloud makes instances from. The rest of a template has no effect on processes: volumes, metadata
// options and keys are only kept.
func (in launchTemplateInputs) data() ec2.TemplateData {
	data := ec2.TemplateData{
		ImageID: in.ImageID, InstanceType: in.InstanceType, UserData: in.UserData,
		Profile: in.IamInstanceProfile.Arn + in.IamInstanceProfile.Name, Tags: map[string]string{},
		Detailed: in.Monitoring.Enabled,
	}
	if ec2.IsBurstable(in.InstanceType) { // the provider leaves it out for other types
		data.CPUCredits = in.CreditSpecification.CPUCredits
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
