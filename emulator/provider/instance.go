package provider

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
)

type instanceInputs struct {
	Ami                      string   `pulumi:"ami"`
	InstanceType             string   `pulumi:"instanceType"`
	SubnetID                 string   `pulumi:"subnetId"`
	VpcSecurityGroupIDs      []string `pulumi:"vpcSecurityGroupIds"`
	AssociatePublicIPAddress *bool    `pulumi:"associatePublicIpAddress"`
	KeyName                  string   `pulumi:"keyName"`
	IamInstanceProfile       string   `pulumi:"iamInstanceProfile"`
	UserData                 string   `pulumi:"userData"`
	UserDataBase64           string   `pulumi:"userDataBase64"`
	Monitoring               bool     `pulumi:"monitoring"`
	DisableAPITermination    bool     `pulumi:"disableApiTermination"`
	EbsOptimized             bool     `pulumi:"ebsOptimized"`
	MetadataOptions          struct {
		HTTPEndpoint            string `pulumi:"httpEndpoint"`
		HTTPTokens              string `pulumi:"httpTokens"`
		HTTPPutResponseHopLimit int    `pulumi:"httpPutResponseHopLimit"`
		InstanceMetadataTags    string `pulumi:"instanceMetadataTags"`
	} `pulumi:"metadataOptions"`
	RootBlockDevice struct {
		VolumeType          string            `pulumi:"volumeType"`
		VolumeSize          int               `pulumi:"volumeSize"`
		Encrypted           bool              `pulumi:"encrypted"`
		KmsKeyID            string            `pulumi:"kmsKeyId"`
		DeleteOnTermination *bool             `pulumi:"deleteOnTermination"`
		Tags                map[string]string `pulumi:"tags"`
	} `pulumi:"rootBlockDevice"`
	CreditSpecification struct {
		CPUCredits string `pulumi:"cpuCredits"`
	} `pulumi:"creditSpecification"`
	VolumeTags map[string]string `pulumi:"volumeTags"`
	Tags       map[string]string `pulumi:"tags"`
}

type imageInputs struct {
	Name                  string            `pulumi:"name"`
	Description           string            `pulumi:"description"`
	SourceInstanceID      string            `pulumi:"sourceInstanceId"`
	SnapshotWithoutReboot bool              `pulumi:"snapshotWithoutReboot"` // without effect: no source is restarted here
	DeprecationTime       string            `pulumi:"deprecationTime"`
	Tags                  map[string]string `pulumi:"tags"`
}

func (in instanceInputs) spec(c *cloud.Cloud) (cloud.InstanceSpec, error) {
	if in.UserData != "" && in.UserDataBase64 != "" {
		return cloud.InstanceSpec{}, fmt.Errorf("\"userData\": conflicts with userDataBase64")
	}
	userData := in.UserDataBase64
	if in.UserData != "" {
		userData = base64.StdEncoding.EncodeToString([]byte(in.UserData))
	}
	public := c.PublicByDefault(in.SubnetID)
	if in.AssociatePublicIPAddress != nil {
		public = *in.AssociatePublicIPAddress
	}
	return cloud.InstanceSpec{
		Subnet: in.SubnetID, Protected: in.DisableAPITermination, TemplateData: cloud.TemplateData{
			ImageID: in.Ami, InstanceType: in.InstanceType, UserData: userData, SecurityGroups: in.VpcSecurityGroupIDs,
			Public: public, Profile: in.IamInstanceProfile, Tags: in.Tags,
		},
	}, nil
}

// createInstance waits, as the provider does, until the instance runs.
func createInstance(ctx context.Context, c *cloud.Cloud, in instanceInputs) (string, map[string]any, error) {
	spec, err := in.spec(c)
	if err != nil {
		return "", nil, err
	}
	made, err := c.RunInstance(spec)
	if err != nil {
		return "", nil, err
	}
	for {
		now, err := c.Instance(made.ID)
		switch {
		case err != nil:
			return "", nil, err
		case now.State == cloud.Running:
			return now.ID, instanceOutputs(c, now), nil
		case now.State != cloud.Pending:
			return now.ID, instanceOutputs(c, now), fmt.Errorf("unexpected state '%s', wanted target 'running': %s", now.State, now.Reason)
		}
		if err := pause(ctx, c); err != nil {
			return now.ID, instanceOutputs(c, now), fmt.Errorf("waiting for %s to run: %w", now.ID, err)
		}
	}
}

// updateInstance changes what doesn't need the instance to be stopped: the emulator stops none.
func updateInstance(_ context.Context, c *cloud.Cloud, id string, old, now instanceInputs) (map[string]any, error) {
	for property, changed := range map[string]bool{
		"instanceType": old.InstanceType != now.InstanceType,
		"userData":     old.UserData != now.UserData || old.UserDataBase64 != now.UserDataBase64,
	} {
		if changed {
			return nil, fmt.Errorf("%s: AWS would stop %s, change it and start it again, which the emulator doesn't: replace the instance",
				property, id)
		}
	}
	return nil, c.UpdateInstance(id, now.VpcSecurityGroupIDs, now.IamInstanceProfile, now.Tags, now.DisableAPITermination)
}

// removeInstance waits until nothing of the instance runs any more.
func removeInstance(ctx context.Context, c *cloud.Cloud, id string, _ instanceInputs) error {
	now, err := c.Instance(id)
	if err != nil {
		return nil //nolint:nilerr // it was terminated more than an hour ago
	}
	if now.State != cloud.Terminated {
		if err := c.TerminateInstance(id); err != nil {
			return err
		}
	}
	for err == nil && now.State != cloud.Terminated {
		if waiting := pause(ctx, c); waiting != nil {
			return fmt.Errorf("waiting for %s to terminate: %w", id, waiting)
		}
		now, err = c.Instance(id)
	}
	return nil
}

// instanceOutputs: an instance's public address is here the one at which its processes listen on this machine.
func instanceOutputs(c *cloud.Cloud, i cloud.Instance) map[string]any {
	public := ""
	if i.Public {
		public = i.PublicAddress().String()
	}
	private := i.Address.String()
	return map[string]any{
		"arn": c.ARN("ec2", "instance/"+i.ID), "instanceState": string(i.State), "availabilityZone": i.Zone,
		"privateIp": private, "privateDns": "ip-" + strings.ReplaceAll(private, ".", "-") + ".ec2.internal",
		"publicIp": public, "publicDns": public, "primaryNetworkInterfaceId": "eni-" + strings.TrimPrefix(i.ID, "i-"),
	}
}

// replacesVolume: a root volume grows and changes its type in place, but is encrypted from the start or never.
func replacesVolume(key string, old, now resource.PropertyMap) bool {
	if key != "rootBlockDevice" {
		return false
	}
	before, _, err := decode[instanceInputs](old)
	after, _, err2 := decode[instanceInputs](now)
	return err != nil || err2 != nil || before.RootBlockDevice.Encrypted != after.RootBlockDevice.Encrypted ||
		before.RootBlockDevice.KmsKeyID != after.RootBlockDevice.KmsKeyID
}

func init() {
	define(resourceType{
		token: "aws:ec2/instance:Instance", kind: Run, volatile: []string{"instanceState"},
		replaceOn: []string{"ami", "subnetId", "keyName", "associatePublicIpAddress", "ebsOptimized"}, replaceIf: replacesVolume,
	}, handlers[instanceInputs]{create: createInstance, update: updateInstance, remove: removeInstance})
	define(resourceType{
		token: "aws:ec2/amiFromInstance:AmiFromInstance", kind: Run, name: "name", nameMax: 128,
		replaceOn: []string{"name", "sourceInstanceId", "snapshotWithoutReboot"},
	}, handlers[imageInputs]{
		create: func(_ context.Context, c *cloud.Cloud, in imageInputs) (string, map[string]any, error) {
			image, err := c.CreateImage(in.Name, in.SourceInstanceID)
			if err != nil {
				return "", nil, err
			}
			outputs := imageOutputs(image)
			outputs["arn"] = c.ARN("ec2", "image/"+image.ID)
			outputs["rootSnapshotId"] = "snap-" + strings.TrimPrefix(image.ID, "ami-")
			outputs["imageLocation"], outputs["ownerId"] = cloud.Account+"/"+image.Name, cloud.Account
			delete(outputs, "name")
			return image.ID, outputs, nil
		},
		remove: func(_ context.Context, c *cloud.Cloud, id string, _ imageInputs) error { return c.DeleteImage(id) },
	})
	invokes["aws:ec2/getInstance:getInstance"] = getInstance
	invokes["aws:ec2/getRouteTable:getRouteTable"] = getRouteTable
}

func imageOutputs(image cloud.Image) map[string]any {
	return map[string]any{
		"name": image.Name, "architecture": image.Architecture, "state": "available",
		"rootDeviceName": image.RootDevice, "rootDeviceType": "ebs", "virtualizationType": "hvm", "hypervisor": "xen",
		"imageType": "machine", "platformDetails": "Linux/UNIX", "public": image.Source == "",
	}
}

// matches reports whether filters of an invoke let something pass, or names one that the emulator doesn't know.
func matches(filters []filter, known map[string][]string) (bool, error) {
	for _, f := range filters {
		values, ok := known[f.Name]
		if !ok {
			return false, fmt.Errorf("the emulator doesn't know the filter %q", f.Name)
		}
		if !slices.ContainsFunc(f.Values, func(value string) bool { return slices.Contains(values, value) }) {
			return false, nil
		}
	}
	return true, nil
}
