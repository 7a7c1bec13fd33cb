package provider

import (
	"context"
	"encoding/base64"
	"fmt"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
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

type instanceOutputs struct {
	ARN              string `pulumi:"arn"`
	AvailabilityZone string `pulumi:"availabilityZone"`
	InstanceState    string `pulumi:"instanceState"`
	PrivateDNS       string `pulumi:"privateDns"`
	PrivateIP        string `pulumi:"privateIp"`
	PublicDNS        string `pulumi:"publicDns"`
	PublicIP         string `pulumi:"publicIp"` // the address on this machine at which the instance's processes listen
}

type instanceResourceOutputs struct {
	instanceOutputs

	PrimaryNetworkInterfaceID string `pulumi:"primaryNetworkInterfaceId"`
}

func instance() resourceType {
	return define(resourceType{
		token: "aws:ec2/instance:Instance", kind: Run, volatile: []string{"instanceState"},
		replaceOn: []string{"ami", "subnetId", "keyName", "associatePublicIpAddress", "ebsOptimized"}, replaceIf: replacesVolume,
	}, handlers[instanceInputs, instanceResourceOutputs]{
		create: func(m *cloud.Model, in instanceInputs) (string, instanceResourceOutputs, error) {
			spec, err := in.spec(m)
			if err != nil {
				return "", instanceResourceOutputs{}, err
			}
			made, err := m.EC2.RunInstance(spec, m.Clock.Now())
			if err != nil {
				return "", instanceResourceOutputs{}, err
			}
			return made.ID, resourceOfInstance(m, made), nil
		},
		afterCreate: awaitRunning,
		update:      updateInstance,
		remove:      terminateInstance,
		afterRemove: awaitTerminated,
	})
}

func (in instanceInputs) spec(m *cloud.Model) (ec2.InstanceSpec, error) {
	if in.UserData != "" && in.UserDataBase64 != "" {
		return ec2.InstanceSpec{}, fmt.Errorf("\"userData\": conflicts with userDataBase64")
	}
	userData := in.UserDataBase64
	if in.UserData != "" {
		userData = base64.StdEncoding.EncodeToString([]byte(in.UserData))
	}
	credits := ""
	if ec2.IsBurstable(in.InstanceType) { // the provider leaves it out for other types
		credits = in.CreditSpecification.CPUCredits
	}
	return ec2.InstanceSpec{
		Subnet: in.SubnetID, Protected: in.DisableAPITermination, TemplateData: ec2.TemplateData{
			ImageID: in.Ami, InstanceType: in.InstanceType, UserData: userData, SecurityGroups: in.VpcSecurityGroupIDs,
			Public:  orElse(in.AssociatePublicIPAddress, m.VPC.PublicByDefault(in.SubnetID)),
			Profile: in.IamInstanceProfile, Tags: in.Tags, CPUCredits: credits,
		},
	}, nil
}

// awaitRunning waits, as the provider does, until the instance runs.
func awaitRunning(ctx context.Context, c *cloud.Cloud, id string, _ instanceInputs) (*instanceResourceOutputs, error) {
	var outputs *instanceResourceOutputs
	err := await(ctx, c, noTimeout, func(m *cloud.Model) (bool, error) {
		now, err := m.EC2.Instance(id)
		if err != nil {
			return false, err
		}
		outputs = new(resourceOfInstance(m, now))
		if now.State != ec2.Running && now.State != ec2.Pending {
			err = fmt.Errorf("unexpected state '%s', wanted target 'running': %s", now.State, now.Reason)
		}
		return now.State == ec2.Running, err
	})
	if err != nil {
		err = fmt.Errorf("waiting for %s to run: %w", id, err)
	}
	return outputs, err
}

// updateInstance changes what can be changed while the instance runs. The provider would stop it for other changes and start it again.
func updateInstance(m *cloud.Model, id string, old, now instanceInputs) (*instanceResourceOutputs, error) {
	for property, changed := range map[string]bool{
		"instanceType": old.InstanceType != now.InstanceType,
		"userData":     old.UserData != now.UserData || old.UserDataBase64 != now.UserDataBase64,
	} {
		if changed {
			return nil, fmt.Errorf("%s: AWS would stop %s, change it and start it again, which the emulator doesn't: replace the instance",
				property, id)
		}
	}
	return nil, m.EC2.UpdateInstance(id, now.VpcSecurityGroupIDs, now.IamInstanceProfile, now.Tags, now.DisableAPITermination)
}

// terminateInstance terminates an instance that isn't terminated yet.
func terminateInstance(m *cloud.Model, id string, _ instanceInputs) error {
	now, err := m.EC2.Instance(id)
	if err != nil || now.State == ec2.Terminated {
		return nil //nolint:nilerr // an instance that isn't found was terminated more than an hour ago
	}
	return m.EC2.TerminateInstance(id)
}

// awaitTerminated waits until nothing of the instance runs any more.
func awaitTerminated(ctx context.Context, c *cloud.Cloud, id string) error {
	err := await(ctx, c, noTimeout, func(m *cloud.Model) (bool, error) {
		now, err := m.EC2.Instance(id)
		return err != nil || now.State == ec2.Terminated, nil // an instance that isn't found was terminated long ago
	})
	if err != nil {
		return fmt.Errorf("waiting for %s to terminate: %w", id, err)
	}
	return nil
}

func resourceOfInstance(m *cloud.Model, i ec2.Instance) instanceResourceOutputs {
	return instanceResourceOutputs{instanceOutputs: outputsOfInstance(m, i), PrimaryNetworkInterfaceID: networkInterfaceID(i)}
}

func outputsOfInstance(m *cloud.Model, i ec2.Instance) instanceOutputs {
	private, public := i.Address.String(), ""
	if i.Public {
		public = i.PublicAddress().String()
	}
	return instanceOutputs{
		ARN: m.Region.ARN("ec2", "instance/"+i.ID), AvailabilityZone: i.Zone, InstanceState: string(i.State),
		PrivateDNS: "ip-" + strings.ReplaceAll(private, ".", "-") + ".ec2.internal", PrivateIP: private,
		PublicDNS: public, PublicIP: public,
	}
}

func networkInterfaceID(i ec2.Instance) string { return "eni-" + strings.TrimPrefix(i.ID, "i-") }

// replacesVolume reports whether a change of the root volume replaces the instance. A volume grows and changes its type in
// place; its encryption cannot be changed.
func replacesVolume(key string, old, now resource.PropertyMap) bool {
	if key != "rootBlockDevice" {
		return false
	}
	before, _, err := decode[instanceInputs](old)
	after, _, err2 := decode[instanceInputs](now)
	return err != nil || err2 != nil || before.RootBlockDevice.Encrypted != after.RootBlockDevice.Encrypted ||
		before.RootBlockDevice.KmsKeyID != after.RootBlockDevice.KmsKeyID
}
