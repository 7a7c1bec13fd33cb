package cloud

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// state is everything that survives a restart of the emulator.
type state struct {
	region string
	free   func(netip.Addr) bool

	VPCs        map[string]*VPC
	Gateways    map[string]*InternetGateway
	Interfaces  map[string]*Interface
	Subnets     map[string]*Subnet
	RouteTables map[string]*RouteTable
	Groups      map[string]*SecurityGroup
	Rules       map[string]*Rule
	Roles       map[string]*Role
	Profiles    map[string]*Profile
	Buckets     map[string]*Bucket
	Templates   map[string]*LaunchTemplate
	Balancers   map[string]*LoadBalancer
	Targets     map[string]*TargetGroup
	Listeners   map[string]*Listener
	Scaling     map[string]*Group
	Instances   map[string]*Instance

	Faults        map[string]*Fault // that last
	Alarms        map[string]*Alarm // by name
	Notifications []Notification    // the oldest first
	Minute        time.Time         // the last whole minute that was measured

	Addresses    map[string]*ElasticIP
	NATs         map[string]*NATGateway
	Endpoints    map[string]*VPCEndpoint
	ACLs         map[string]*NetworkACL
	Images       map[string]*Image       // made from instances
	Databases    map[string]*Database    // by resource ID
	SubnetGroups map[string]*SubnetGroup // of databases, by name
	Snapshots    map[string]bool         // of databases, by name
	Topics       map[string]*Topic       // by ARN
	EventRules   map[string]*EventRule   // by name
	Zones        map[string]*Zone        // hosted ones
	Certificates map[string]*Certificate // by ARN
	LogGroups    map[string]*LogGroup    // by name

	Clusters           map[string]*Cluster
	CapacityProviders  map[string]*CapacityProvider
	TaskDefinitions    map[string]*TaskDefinition    // by ARN
	Services           map[string]*Service           // by ARN
	Tasks              map[string]*Task              // by ID
	ContainerInstances map[string]*ContainerInstance // by the instance's ID
	Scalable           map[string]*ScalableTarget    // by resource ID
}

func newState() state {
	return state{
		Interfaces: map[string]*Interface{}, VPCs: map[string]*VPC{}, Gateways: map[string]*InternetGateway{}, Subnets: map[string]*Subnet{},
		RouteTables: map[string]*RouteTable{}, Groups: map[string]*SecurityGroup{}, Rules: map[string]*Rule{},
		Roles: map[string]*Role{}, Profiles: map[string]*Profile{}, Buckets: map[string]*Bucket{},
		Templates: map[string]*LaunchTemplate{}, Balancers: map[string]*LoadBalancer{},
		Targets: map[string]*TargetGroup{}, Listeners: map[string]*Listener{}, Scaling: map[string]*Group{},
		Instances: map[string]*Instance{}, Faults: map[string]*Fault{}, Alarms: map[string]*Alarm{},
		Addresses: map[string]*ElasticIP{}, NATs: map[string]*NATGateway{}, Endpoints: map[string]*VPCEndpoint{},
		ACLs: map[string]*NetworkACL{}, Images: map[string]*Image{}, Databases: map[string]*Database{},
		SubnetGroups: map[string]*SubnetGroup{}, Snapshots: map[string]bool{}, Topics: map[string]*Topic{},
		Zones: map[string]*Zone{}, Certificates: map[string]*Certificate{}, LogGroups: map[string]*LogGroup{},
		EventRules: map[string]*EventRule{}, Clusters: map[string]*Cluster{}, CapacityProviders: map[string]*CapacityProvider{},
		TaskDefinitions: map[string]*TaskDefinition{}, Services: map[string]*Service{}, Tasks: map[string]*Task{},
		ContainerInstances: map[string]*ContainerInstance{}, Scalable: map[string]*ScalableTarget{},
	}
}

// format of saved states; another one is refused, not guessed at.
const format = 3

type saved struct {
	Format int
	Region string
	Time   time.Time
	State  state
}

// Save returns the whole model as JSON, to be given to [Restore].
func (c *Cloud) Save() ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return json.MarshalIndent(saved{Format: format, Region: c.state.region, Time: c.clock.Now(), State: c.state}, "", " ")
}

// SavedAt returns the time at which a state was saved, so that a clock can go on from there.
func SavedAt(data []byte) (time.Time, error) {
	s, err := parse(data)
	return s.Time, err
}

// Restore replaces the model by a saved one, as after a power failure: instances boot again, and no target is healthy or
// unhealthy before it has been asked. It refuses what is not a state of this region and this format.
func (c *Cloud) Restore(data []byte) error {
	s, err := parse(data)
	if err != nil {
		return err
	}
	if s.Region != c.state.region {
		return fmt.Errorf("it was deployed in region %s, not %s: set aws:region back, and destroy it first", s.Region, c.state.region)
	}
	return c.change(func(now *state) error {
		s.State.region, s.State.free = now.region, now.free
		*now = s.State
		for _, group := range now.Targets {
			for _, target := range group.Targets {
				if target.State == TargetHealthy || target.State == TargetUnhealthy {
					target.Successes, target.Failures, target.Since = 0, 0, c.clock.Now()
					now.await(group, target)
				}
			}
		}
		return nil
	})
}

func parse(data []byte) (saved, error) {
	s := saved{State: newState()}
	if err := json.Unmarshal(data, &s); err != nil {
		return saved{}, fmt.Errorf("not a saved state: %w", err)
	}
	if s.Format != format {
		return saved{}, fmt.Errorf("saved in format %d, this emulator reads %d", s.Format, format)
	}
	return s, nil
}

// Left lists what exists and has behaviour, as "kind id", sorted; it is empty after everything was destroyed. Terminated
// instances, which AWS shows for a while too, don't count, nor do images and snapshots, which are made to stay.
func (c *Cloud) Left() []string {
	var left []string
	c.view(func(s *state) {
		add := func(kind string, ids []string) {
			for _, id := range ids {
				left = append(left, kind+" "+id)
			}
		}
		add("vpc", keys(s.VPCs))
		add("internet gateway", keys(s.Gateways))
		add("subnet", keys(s.Subnets))
		add("route table", keys(s.RouteTables))
		add("elastic IP", keys(s.Addresses))
		add("NAT gateway", keys(s.NATs))
		add("endpoint", keys(s.Endpoints))
		add("network ACL", keys(s.ACLs))
		add("security group", keys(s.Groups))
		add("security group rule", keys(s.Rules))
		add("role", keys(s.Roles))
		add("instance profile", keys(s.Profiles))
		add("bucket", keys(s.Buckets))
		add("launch template", keys(s.Templates))
		add("load balancer", keys(s.Balancers))
		add("target group", keys(s.Targets))
		add("listener", keys(s.Listeners))
		add("auto scaling group", keys(s.Scaling))
		add("event rule", keys(s.EventRules))
		for _, name := range keys(s.Alarms) {
			if s.Alarms[name].Policy == "" {
				left = append(left, "alarm "+name)
			}
		}
		for _, i := range s.instances() {
			if i.State != Terminated {
				left = append(left, "instance "+i.ID)
			}
		}
		left = append(left, s.leftOfECS()...)
	})
	return left
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
