package cloud

import (
	"maps"
	"net/netip"
	"slices"
)

// InstanceSpec is an instance outside of any group, such as a bastion.
type InstanceSpec struct {
	TemplateData

	Subnet    string
	Protected bool // cannot be terminated before that is changed
}

// RunInstance makes an instance. It is pending until the data plane says that it booted; without user data there is
// nothing to boot.
func (c *Cloud) RunInstance(spec InstanceSpec) (Instance, error) {
	var made Instance
	err := c.change(func(s *state) error {
		subnet := s.Subnets[spec.Subnet]
		switch {
		case subnet == nil:
			return notFound("InvalidSubnetID.NotFound", "subnet", spec.Subnet)
		case len(spec.SecurityGroups) == 0:
			return refuse("InvalidParameterCombination", "an instance without a security group would take the default one of its VPC, "+
				"which the emulator doesn't have: name one")
		case spec.Profile != "" && s.profile(spec.Profile) == nil:
			return refuse("InvalidParameterValue", "Value (%s) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance "+
				"Profile name", spec.Profile)
		}
		if err := s.checkTemplate(spec.TemplateData); err != nil {
			return err
		}
		for _, id := range spec.SecurityGroups {
			if s.Groups[id].VPC != subnet.VPC {
				return refuse("InvalidParameter", "Security group %s and subnet %s belong to different networks.", id, subnet.ID)
			}
		}
		if err := c.capacity(s, "", subnet.Zone, spec.InstanceType); err != nil {
			return err
		}
		id := newID("i")
		address, err := s.attachInterface(id, subnet.ID, spec.SecurityGroups, spec.Public)
		if err != nil {
			return err
		}
		made = Instance{
			ID: id, State: Pending, ImageID: spec.ImageID, Type: spec.InstanceType,
			Zone: subnet.Zone, Subnet: subnet.ID, Address: address, Public: spec.Public,
			SecurityGroups: slices.Clone(spec.SecurityGroups), Profile: spec.Profile, UserData: spec.UserData,
			Tags: maps.Clone(spec.Tags), Launched: c.clock.Now(), Protected: spec.Protected,
		}
		copied := made
		s.Instances[made.ID] = &copied
		return nil
	})
	return made, err
}

// UpdateInstance changes what can be changed while it runs.
func (c *Cloud) UpdateInstance(id string, groups []string, profile string, tags map[string]string, protected bool) error {
	return c.change(func(s *state) error {
		i := s.Instances[id]
		if i == nil {
			return refuse("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
		}
		for _, group := range groups {
			if s.Groups[group] == nil {
				return notFound("InvalidGroup.NotFound", "security group", group)
			}
		}
		if i.State != Terminated {
			if err := s.SetInterfaces(i.owner(), []string{i.Subnet}, groups, i.Public); err != nil {
				return err
			}
		}
		i.SecurityGroups, i.Profile, i.Tags, i.Protected = slices.Clone(groups), profile, maps.Clone(tags), protected
		return nil
	})
}

// Instance returns an instance, a terminated one of the last hour included.
func (c *Cloud) Instance(id string) (Instance, error) {
	var found Instance
	err := refuse("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
	c.view(func(s *state) {
		if i := s.Instances[id]; i != nil {
			found, err = *i, nil
		}
	})
	return found, err
}

// PublicByDefault tells whether instances in a subnet get a public address unless they say otherwise.
func (c *Cloud) PublicByDefault(subnet string) bool {
	public := false
	c.view(func(s *state) { public = s.Subnets[subnet] != nil && s.Subnets[subnet].MapPublicIP })
	return public
}

// TableOf returns the route table that is associated with a subnet.
func (c *Cloud) TableOf(subnet string) (RouteTable, error) {
	return c.findTable(func(s *state) *RouteTable { return s.tableOf(subnet) })
}

// RouteTable returns a route table.
func (c *Cloud) RouteTable(id string) (RouteTable, error) {
	return c.findTable(func(s *state) *RouteTable { return s.RouteTables[id] })
}

func (c *Cloud) findTable(find func(*state) *RouteTable) (RouteTable, error) {
	var found RouteTable
	err := refuse("InvalidRouteTableID.NotFound", "query returned no results; please change your search criteria and try again")
	c.view(func(s *state) {
		if table := find(s); table != nil {
			found, err = *table, nil
			found.Routes, found.Associations = maps.Clone(table.Routes), maps.Clone(table.Associations)
		}
	})
	return found, err
}

// PublicAddress is where an instance's public address leads on this machine: the loopback address at which its processes
// listen.
func (i *Instance) PublicAddress() netip.Addr {
	address := i.Address.As4()
	address[0] = 127
	return netip.AddrFrom4(address)
}
