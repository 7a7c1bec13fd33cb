package aws

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	model "github.com/elastic-service/elastic-service/emulator/cloud/ec2"
)

func (a *API) ec2() *service {
	return &service{
		name: "ec2", title: "EC2", namespace: "http://ec2.amazonaws.com/doc/2016-11-15/",
		operations: map[string]operation{
			"DescribeInstances":              answering(a.describeInstances),
			"RunInstances":                   answering(a.runInstances),
			"RebootInstances":                answering(a.rebootInstances),
			"StartInstances":                 a.changing(startInstances),
			"StopInstances":                  a.changing(stopInstances),
			"TerminateInstances":             a.changing(terminateInstances),
			"DescribeLaunchTemplateVersions": answering(a.describeLaunchTemplateVersions),
			"DescribeImages":                 answering(a.describeImages),
			"DeregisterImage":                answering(a.deregisterImage),
			"DeleteSnapshot":                 answering(a.deleteSnapshot),
		},
	}
}

// items is a list as EC2 writes it.
type items[T any] struct {
	Items []T `xml:"item"`
}

func listed[T any](all ...T) items[T] { return items[T]{all} }

type filter struct {
	Name  string
	Value []string
}

type describeInstancesInput struct {
	InstanceID []string `mapstructure:"InstanceId"`
	Filter     []filter
	MaxResults *int32
	NextToken  *string
}

type describeInstancesOutput struct {
	Reservations items[reservation] `xml:"reservationSet"`
	NextToken    *string            `xml:"nextToken"`
}

type reservation struct {
	ReservationID string          `xml:"reservationId"`
	OwnerID       string          `xml:"ownerId"`
	Instances     items[instance] `xml:"instancesSet"`
}

type instance struct {
	InstanceID       string                `xml:"instanceId"`
	ImageID          string                `xml:"imageId"`
	State            instanceState         `xml:"instanceState"`
	PrivateDNSName   string                `xml:"privateDnsName"`
	DNSName          string                `xml:"dnsName"`
	Reason           string                `xml:"reason"`
	InstanceType     string                `xml:"instanceType"`
	LaunchTime       time.Time             `xml:"launchTime"`
	Placement        placement             `xml:"placement"`
	Monitoring       monitoring            `xml:"monitoring"`
	SubnetID         string                `xml:"subnetId"`
	VPCID            string                `xml:"vpcId"`
	PrivateIPAddress string                `xml:"privateIpAddress"`
	PublicIPAddress  string                `xml:"ipAddress,omitempty"`
	SecurityGroups   items[groupReference] `xml:"groupSet"`
	Tags             items[tag]            `xml:"tagSet"`
}

type instanceState struct {
	Code int    `xml:"code"`
	Name string `xml:"name"`
}

type placement struct {
	AvailabilityZone string `xml:"availabilityZone"`
	Tenancy          string `xml:"tenancy"`
}

type monitoring struct {
	State string `xml:"state"`
}

type groupReference struct {
	GroupID   string `xml:"groupId"`
	GroupName string `xml:"groupName"`
}

type tag struct {
	Key   string `xml:"key"`
	Value string `xml:"value"`
}

// stateCodes are those of the API (InstanceState).
var stateCodes = map[model.InstanceState]int{
	model.Pending: 0, model.Running: 16, model.ShuttingDown: 32, model.Terminated: 48,
	model.Stopping: 64, model.Stopped: 80,
}

func stateOf(s model.InstanceState) instanceState { return instanceState{stateCodes[s], string(s)} }

func (a *API) describeInstances(_ context.Context, in *describeInstancesInput) (*describeInstancesOutput, error) {
	var found []reservation
	err := a.read(func(m *cloud.Model) error {
		for _, id := range in.InstanceID {
			if _, err := m.EC2.Instance(id); err != nil {
				return err
			}
		}
		for _, i := range m.EC2.DescribeInstances() {
			described := describeInstance(m, i)
			matches, err := passes(in.Filter, described.filterable())
			if err != nil {
				return err
			}
			if matches && (len(in.InstanceID) == 0 || slices.Contains(in.InstanceID, i.ID)) {
				found = append(found, reservation{"r-" + strings.TrimPrefix(i.ID, "i-"), aws.Account, listed(described)})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	found, next, err := page(found, in.MaxResults, in.NextToken, 1000)
	return &describeInstancesOutput{listed(found...), next}, err
}

func describeInstance(m *cloud.Model, i model.Instance) instance {
	described := instance{
		InstanceID: i.ID, ImageID: i.ImageID, State: stateOf(i.State), Reason: i.Reason, InstanceType: i.Type, LaunchTime: i.Launched.UTC(),
		Placement: placement{i.Zone, "default"}, Monitoring: monitoring{"disabled"}, SubnetID: i.Subnet,
	}
	if i.Detailed {
		described.Monitoring.State = "enabled"
	}
	if subnet := m.VPC.Subnets[i.Subnet]; subnet != nil {
		described.VPCID = subnet.VPC
	}
	if i.State != model.Terminated {
		described.PrivateIPAddress = i.Address.String()
		described.PrivateDNSName = "ip-" + strings.ReplaceAll(i.Address.String(), ".", "-") + ".ec2.internal"
	}
	for _, id := range i.SecurityGroups {
		reference := groupReference{GroupID: id}
		if group := m.VPC.SecurityGroups[id]; group != nil {
			reference.GroupName = group.Name
		}
		described.SecurityGroups.Items = append(described.SecurityGroups.Items, reference)
	}
	if i.Public && i.IsOn() { // a stopped instance has none
		described.PublicIPAddress, described.DNSName = i.PublicAddress().String(), i.PublicAddress().String()
	}
	described.Tags = listedTags(i.Tags)
	return described
}

// filterable returns the values of the filters that the emulator knows (API: DescribeInstances).
func (i instance) filterable() map[string][]string {
	values := map[string][]string{
		"instance-id": {i.InstanceID}, "image-id": {i.ImageID}, "instance-type": {i.InstanceType}, "vpc-id": {i.VPCID}, "subnet-id": {i.SubnetID},
		"availability-zone": {i.Placement.AvailabilityZone}, "private-ip-address": {i.PrivateIPAddress},
		"instance-state-name": {i.State.Name}, "instance-state-code": {strconv.Itoa(i.State.Code)},
	}
	for _, group := range i.SecurityGroups.Items {
		values["instance.group-id"] = append(values["instance.group-id"], group.GroupID)
	}
	addTags(values, i.Tags)
	return values
}

func listedTags(tags map[string]string) (listed items[tag]) {
	for _, key := range aws.Keys(tags) {
		listed.Items = append(listed.Items, tag{key, tags[key]})
	}
	return listed
}

// addTags adds the values of filters by tags.
func addTags(values map[string][]string, tags items[tag]) {
	for _, t := range tags.Items {
		values["tag-key"] = append(values["tag-key"], t.Key)
		values["tag:"+t.Key] = []string{t.Value}
	}
}

// passes reports whether values pass all filters: each wants one of its values, in which * stands for any text.
func passes(filters []filter, values map[string][]string) (bool, error) {
	for _, f := range filters {
		has, known := values[f.Name]
		if !known && !strings.HasPrefix(f.Name, "tag:") && f.Name != "tag-key" && f.Name != "instance.group-id" {
			return false, aws.Refuse("InvalidParameterValue", "The filter '%s' is invalid", f.Name)
		}
		if !slices.ContainsFunc(has, func(value string) bool {
			return slices.ContainsFunc(f.Value, func(pattern string) bool { return matchesPattern(pattern, value) })
		}) {
			return false, nil
		}
	}
	return true, nil
}

// matchesPattern compares a value with a pattern in which * stands for any text.
func matchesPattern(pattern, value string) bool {
	first, rest, found := strings.Cut(pattern, "*")
	if !found {
		return pattern == value
	}
	if !strings.HasPrefix(value, first) {
		return false
	}
	for at := len(first); at <= len(value); at++ {
		if matchesPattern(rest, value[at:]) {
			return true
		}
	}
	return false
}

type describeLaunchTemplateVersionsInput struct {
	LaunchTemplateID      string `mapstructure:"LaunchTemplateId"`
	LaunchTemplateName    string
	LaunchTemplateVersion []string
	MaxResults            *int32
	NextToken             *string
}

type describeLaunchTemplateVersionsOutput struct {
	Versions  items[launchTemplateVersion] `xml:"launchTemplateVersionSet"`
	NextToken *string                      `xml:"nextToken"`
}

type launchTemplateVersion struct {
	LaunchTemplateID   string             `xml:"launchTemplateId"`
	LaunchTemplateName string             `xml:"launchTemplateName"`
	VersionNumber      int                `xml:"versionNumber"`
	DefaultVersion     bool               `xml:"defaultVersion"`
	Data               launchTemplateData `xml:"launchTemplateData"`
}

type launchTemplateData struct {
	ImageID        string        `xml:"imageId"`
	InstanceType   string        `xml:"instanceType"`
	UserData       string        `xml:"userData"`
	SecurityGroups items[string] `xml:"securityGroupIdSet"`
	Monitoring     struct {
		Enabled bool `xml:"enabled"`
	} `xml:"monitoring"`
}

func (a *API) describeLaunchTemplateVersions(
	_ context.Context, in *describeLaunchTemplateVersionsInput,
) (*describeLaunchTemplateVersionsOutput, error) {
	var found []launchTemplateVersion
	err := a.read(func(m *cloud.Model) error {
		template, err := m.EC2.FindLaunchTemplate(in.LaunchTemplateID, in.LaunchTemplateName)
		if err != nil {
			return err
		}
		for n := len(template.Versions); n > 0; n-- {
			if len(in.LaunchTemplateVersion) == 0 || template.IsNamed(in.LaunchTemplateVersion, n) {
				found = append(found, describeVersion(template, n))
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	found, next, err := page(found, in.MaxResults, in.NextToken, 200)
	return &describeLaunchTemplateVersionsOutput{listed(found...), next}, err
}

func describeVersion(t model.LaunchTemplate, n int) launchTemplateVersion {
	data := t.Versions[n-1]
	described := launchTemplateVersion{
		LaunchTemplateID: t.ID, LaunchTemplateName: t.Name, VersionNumber: n, DefaultVersion: n == t.Default,
		Data: launchTemplateData{
			ImageID: data.ImageID, InstanceType: data.InstanceType, UserData: data.UserData, SecurityGroups: listed(data.SecurityGroups...),
		},
	}
	described.Data.Monitoring.Enabled = data.Detailed
	return described
}
