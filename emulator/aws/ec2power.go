package aws

import (
	"cmp"
	"context"
	"maps"

	"github.com/elastic-service/elastic-service/emulator/cloud"
	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	model "github.com/elastic-service/elastic-service/emulator/cloud/ec2"
)

type runInstancesInput struct {
	LaunchTemplate     templateReference
	MinCount, MaxCount int
	ImageID            string `mapstructure:"ImageId"`
	InstanceType       string
	SubnetID           string   `mapstructure:"SubnetId"`
	SecurityGroupID    []string `mapstructure:"SecurityGroupId"`
	UserData           string
	TagSpecification   []struct {
		ResourceType string
		Tag          []struct{ Key, Value string }
	}
	IamInstanceProfile struct{ Name, Arn string }
	Monitoring         struct{ Enabled bool }
	ClientToken        string // without effect: a request that is repeated launches again
}

type templateReference struct {
	LaunchTemplateID   string `mapstructure:"LaunchTemplateId"`
	LaunchTemplateName string
	Version            string
}

type runInstancesOutput reservation

func (a *API) runInstances(_ context.Context, in *runInstancesInput) (*runInstancesOutput, error) {
	return cloud.Make(a.cloud, func(m *cloud.Model) (*runInstancesOutput, error) {
		spec, err := in.spec(m)
		if err != nil {
			return nil, err
		}
		made, err := m.EC2.RunInstances(spec, in.MinCount, in.MaxCount, m.Clock.Now())
		if err != nil {
			return nil, err
		}
		out := &runInstancesOutput{ReservationID: aws.NewID("r"), OwnerID: aws.Account}
		for _, i := range made {
			out.Instances.Items = append(out.Instances.Items, describeInstance(m, i))
		}
		return out, nil
	})
}

// spec returns what to launch: what the launch template says, where the request says nothing else.
func (in *runInstancesInput) spec(m *cloud.Model) (model.InstanceSpec, error) {
	spec := model.InstanceSpec{Subnet: in.SubnetID}
	if from := in.LaunchTemplate; from != (templateReference{}) {
		template, err := m.EC2.FindLaunchTemplate(from.LaunchTemplateID, from.LaunchTemplateName)
		if err != nil {
			return spec, err
		}
		if spec.TemplateData, _, err = m.EC2.LaunchData(template.ID, from.Version); err != nil {
			return spec, err
		}
	} else {
		spec.Public = m.VPC.PublicByDefault(in.SubnetID)
	}
	switch {
	case in.SubnetID == "":
		return spec, aws.Refuse("VPCIdNotSpecified", "No default VPC for this user. Name a subnet: the emulator has no default VPC.")
	case spec.ImageID == "" && in.ImageID == "":
		return spec, aws.Refuse("MissingParameter", "The request must contain the parameter ImageId")
	}
	spec.ImageID, spec.InstanceType = cmp.Or(in.ImageID, spec.ImageID), cmp.Or(in.InstanceType, spec.InstanceType, "m1.small")
	spec.UserData = cmp.Or(in.UserData, spec.UserData)
	spec.Profile = cmp.Or(in.IamInstanceProfile.Name, aws.LastPart(in.IamInstanceProfile.Arn), spec.Profile)
	spec.Detailed = spec.Detailed || in.Monitoring.Enabled
	if len(in.SecurityGroupID) > 0 {
		spec.SecurityGroups = in.SecurityGroupID
	}
	return spec, in.tag(&spec)
}

// tag adds the tags of the request to those of the launch template. Volumes have no tags in the emulator.
func (in *runInstancesInput) tag(spec *model.InstanceSpec) error {
	spec.Tags = maps.Clone(spec.Tags)
	for _, of := range in.TagSpecification {
		switch of.ResourceType {
		case "instance":
		case "volume":
			continue
		default:
			return unsupported("TagSpecification", "tags of a "+of.ResourceType)
		}
		for _, t := range of.Tag {
			if spec.Tags == nil {
				spec.Tags = map[string]string{}
			}
			spec.Tags[t.Key] = t.Value
		}
	}
	return nil
}

type instancesInput struct {
	InstanceID []string `mapstructure:"InstanceId"`
}

type instancesOutput struct {
	Instances items[stateChange] `xml:"instancesSet"`
}

type stateChange struct {
	InstanceID    string        `xml:"instanceId"`
	CurrentState  instanceState `xml:"currentState"`
	PreviousState instanceState `xml:"previousState"`
}

// changing returns the operation that changes the states of instances.
func (a *API) changing(change func(m *cloud.Model, ids []string) error) operation {
	return answering(func(_ context.Context, in *instancesInput) (*instancesOutput, error) {
		return cloud.Make(a.cloud, func(m *cloud.Model) (*instancesOutput, error) {
			before := map[string]model.InstanceState{}
			for id, i := range m.EC2.Instances {
				before[id] = i.State
			}
			if err := change(m, in.InstanceID); err != nil {
				return nil, err
			}
			out := &instancesOutput{}
			for _, id := range in.InstanceID {
				out.Instances.Items = append(out.Instances.Items, stateChange{id, stateOf(m.EC2.Instances[id].State), stateOf(before[id])})
			}
			return out, nil
		})
	})
}

func startInstances(m *cloud.Model, ids []string) error {
	return m.EC2.StartInstances(m.Clock.Now(), ids...)
}

func stopInstances(m *cloud.Model, ids []string) error { return m.EC2.StopInstances(ids...) }

func terminateInstances(m *cloud.Model, ids []string) error { return m.EC2.TerminateInstances(ids...) }

func (a *API) rebootInstances(_ context.Context, in *instancesInput) (*doneOutput, error) {
	return &doneOutput{true}, a.cloud.Change(func(m *cloud.Model) error { return m.EC2.RebootInstances(in.InstanceID...) })
}
