package ec2

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
)

// InstanceSpec describes an instance outside of Auto Scaling groups, such as a bastion.
type InstanceSpec struct {
	TemplateData

	Subnet    string
	Protected bool // termination protection
}

// RunInstance launches an instance. It is pending until [Store.InstanceRunning] is called.
func (s *Store) RunInstance(spec InstanceSpec, now time.Time) (Instance, error) {
	subnet := s.vpc.Subnets[spec.Subnet]
	switch {
	case subnet == nil:
		return Instance{}, aws.NotFound("InvalidSubnetID.NotFound", "subnet", spec.Subnet)
	case len(spec.SecurityGroups) == 0:
		return Instance{}, aws.Refuse("InvalidParameterCombination", "an instance without a security group would take the default one of "+
			"its VPC, which the emulator doesn't have: name one")
	case spec.Profile != "" && s.iam.Profile(spec.Profile) == nil:
		return Instance{}, aws.Refuse("InvalidParameterValue", "Value (%s) for parameter iamInstanceProfile.name is invalid. Invalid IAM "+
			"Instance Profile name", spec.Profile)
	}
	if err := s.checkTemplate(spec.TemplateData); err != nil {
		return Instance{}, err
	}
	for _, id := range spec.SecurityGroups {
		if s.vpc.SecurityGroups[id].VPC != subnet.VPC {
			return Instance{}, aws.Refuse("InvalidParameter", "Security group %s and subnet %s belong to different networks.", id, subnet.ID)
		}
	}
	if err := CheckCredits(spec.InstanceType, spec.CPUCredits); err != nil {
		return Instance{}, err
	}
	if err := s.CheckCapacity("", subnet.Zone, spec.InstanceType); err != nil {
		return Instance{}, err
	}
	id := aws.NewID("i")
	address, err := s.AttachInterface(id, subnet.ID, spec.SecurityGroups, spec.Public)
	if err != nil {
		return Instance{}, err
	}
	made := Instance{
		ID: id, State: Pending, ImageID: spec.ImageID, Type: spec.InstanceType,
		Zone: subnet.Zone, Subnet: subnet.ID, Address: address, Public: spec.Public,
		SecurityGroups: slices.Clone(spec.SecurityGroups), Profile: spec.Profile, UserData: spec.UserData,
		Tags: maps.Clone(spec.Tags), Launched: now, Protected: spec.Protected, Detailed: spec.Detailed,
	}
	made.StartCredits(spec.CPUCredits)
	copied := made
	s.Instances[made.ID] = &copied
	return made, nil
}

// RunInstances launches as many equal instances as the zone has room for, from least to most of them (API: RunInstances).
func (s *Store) RunInstances(spec InstanceSpec, least, most int, now time.Time) ([]Instance, error) {
	if least < 1 || most < least {
		return nil, aws.Refuse("InvalidParameterValue", "Value (%d) for parameter maxCount is invalid. It is below minCount (%d), or that is "+
			"below 1", most, least)
	}
	var made []Instance
	for len(made) < most {
		i, err := s.RunInstance(spec, now)
		switch {
		case err == nil:
			made = append(made, i)
		case len(made) >= least:
			return made, nil
		default:
			for _, i := range made {
				s.vpc.DeleteInterfaces(i.owner())
				delete(s.Instances, i.ID)
			}
			return nil, err
		}
	}
	return made, nil
}

// UpdateInstance changes a running instance.
func (s *Store) UpdateInstance(id string, groups []string, profile string, tags map[string]string, protected bool) error {
	i := s.Instances[id]
	if i == nil {
		return noInstance(id)
	}
	for _, group := range groups {
		if s.vpc.SecurityGroups[group] == nil {
			return aws.NotFound("InvalidGroup.NotFound", "security group", group)
		}
	}
	if i.State != Terminated {
		if err := s.vpc.SetInterfaces(i.owner(), []string{i.Subnet}, groups, i.Public); err != nil {
			return err
		}
	}
	i.SecurityGroups, i.Profile, i.Tags, i.Protected = slices.Clone(groups), profile, maps.Clone(tags), protected
	return nil
}

// Instance returns a copy of an instance. It finds instances that were terminated within the last hour.
func (s *Store) Instance(id string) (Instance, error) {
	i := s.Instances[id]
	if i == nil {
		return Instance{}, noInstance(id)
	}
	return *i, nil
}

// PublicAddress returns the loopback address to which the instance's public address leads on this machine: its
// processes listen there.
func (i *Instance) PublicAddress() netip.Addr {
	address := i.Address.As4()
	address[0] = 127
	return netip.AddrFrom4(address)
}

// CheckCapacity refuses a launch in a zone that does not offer the type, or has no capacity. The group is "" for an instance
// outside of Auto Scaling groups.
func (s *Store) CheckCapacity(group, zone, instanceType string) error {
	if zones := s.Offering(instanceType); !slices.Contains(zones, zone) {
		return aws.Refuse(Unsupported, "Your requested instance type (%s) is not supported in your requested Availability Zone (%s). Please "+
			"retry your request by not specifying an Availability Zone or choosing %s.", instanceType, zone, strings.Join(zones, ", "))
	}
	if s.Capacity == nil {
		return nil
	}
	return s.Capacity(group, zone, instanceType)
}

// The codes with which EC2 refuses a launch for a reason of the zone.
const (
	InsufficientCapacity = "InsufficientInstanceCapacity" // the zone has no room
	Unsupported          = "Unsupported"                  // the zone does not offer the type
)
