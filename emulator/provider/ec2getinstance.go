package provider

import (
	"fmt"
	"slices"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
)

type getInstanceInputs struct {
	InstanceID   string            `pulumi:"instanceId"`
	InstanceTags map[string]string `pulumi:"instanceTags"`
	Tags         map[string]string `pulumi:"tags"`
	Filters      []filter          `pulumi:"filters"`
	GetUserData  bool              `pulumi:"getUserData"`
}

type getInstanceResult struct {
	instanceOutputs

	ID                       string            `pulumi:"id"`
	Ami                      string            `pulumi:"ami"`
	AssociatePublicIPAddress bool              `pulumi:"associatePublicIpAddress"`
	DisableAPITermination    bool              `pulumi:"disableApiTermination"`
	IamInstanceProfile       string            `pulumi:"iamInstanceProfile"`
	InstanceID               string            `pulumi:"instanceId"`
	InstanceTags             map[string]string `pulumi:"instanceTags"`
	InstanceType             string            `pulumi:"instanceType"`
	LaunchTime               string            `pulumi:"launchTime"`
	NetworkInterfaceID       string            `pulumi:"networkInterfaceId"`
	RootBlockDevices         []rootBlockDevice `pulumi:"rootBlockDevices"`
	SecurityGroups           []string          `pulumi:"securityGroups"`
	SourceDestCheck          bool              `pulumi:"sourceDestCheck"`
	SubnetID                 string            `pulumi:"subnetId"`
	Tags                     map[string]string `pulumi:"tags"`
	Tenancy                  string            `pulumi:"tenancy"`
	VpcSecurityGroupIDs      []string          `pulumi:"vpcSecurityGroupIds"`
}

type rootBlockDevice struct {
	DeleteOnTermination bool              `pulumi:"deleteOnTermination"`
	DeviceName          string            `pulumi:"deviceName"`
	Encrypted           bool              `pulumi:"encrypted"`
	Iops                int               `pulumi:"iops"`
	KmsKeyID            string            `pulumi:"kmsKeyId"`
	Tags                map[string]string `pulumi:"tags"`
	Throughput          int               `pulumi:"throughput"`
	VolumeID            string            `pulumi:"volumeId"`
	VolumeSize          int               `pulumi:"volumeSize"`
	VolumeType          string            `pulumi:"volumeType"`
}

// getInstance finds an instance that isn't terminated, by its ID, its tags or filters. It refuses to choose among several.
func getInstance(m *cloud.Model, in getInstanceInputs) (getInstanceResult, error) {
	var found []ec2.Instance
	for _, i := range m.EC2.DescribeInstances() {
		fits, err := in.fit(i)
		if err != nil {
			return getInstanceResult{}, err
		}
		if fits {
			found = append(found, i)
		}
	}
	switch len(found) {
	case 0:
		return getInstanceResult{}, fmt.Errorf("your query returned no results. Please change your search criteria and try again: %s",
			in.InstanceID)
	case 1:
		return resultOfInstance(m, found[0]), nil
	default:
		return getInstanceResult{}, fmt.Errorf("your query returned more than one result. Please try a more specific search criteria")
	}
}

// fit reports whether an instance is among those that the arguments ask for.
func (in getInstanceInputs) fit(i ec2.Instance) (bool, error) {
	fits, err := matches(in.Filters, map[string]string{
		"instance-state-name": string(i.State), "subnet-id": i.Subnet, "image-id": i.ImageID, "instance-id": i.ID,
		"availability-zone": i.Zone, "private-ip-address": i.Address.String(),
	})
	tagged := !slices.ContainsFunc(aws.Keys(in.InstanceTags), func(key string) bool { return i.Tags[key] != in.InstanceTags[key] })
	return fits && tagged && (in.InstanceID == "" || in.InstanceID == i.ID) && i.State != ec2.Terminated, err
}

func resultOfInstance(m *cloud.Model, i ec2.Instance) getInstanceResult {
	result := getInstanceResult{
		instanceOutputs: outputsOfInstance(m, i),
		ID:              i.ID, Ami: i.ImageID, AssociatePublicIPAddress: i.Public, DisableAPITermination: i.Protected,
		IamInstanceProfile: i.Profile, InstanceID: i.ID, InstanceTags: map[string]string{}, InstanceType: i.Type,
		LaunchTime: i.Launched.UTC().Format("2006-01-02T15:04:05Z"), NetworkInterfaceID: networkInterfaceID(i),
		SecurityGroups: []string{}, SourceDestCheck: true, SubnetID: i.Subnet, Tags: i.Tags, Tenancy: "default",
		VpcSecurityGroupIDs: i.SecurityGroups,
	}
	if image, err := m.EC2.ImageByID(i.ImageID); err == nil { // the image may have been deleted
		result.RootBlockDevices = []rootBlockDevice{{
			DeleteOnTermination: true, DeviceName: image.RootDevice, Encrypted: true, Iops: 3000, Tags: map[string]string{},
			Throughput: 125, VolumeID: "vol" + strings.TrimPrefix(i.ID, "i"), VolumeSize: 8, VolumeType: "gp3",
		}}
	}
	return result
}
