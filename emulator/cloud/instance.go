package cloud

import (
	"encoding/base64"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// InstanceState is one of EC2's.
type InstanceState string

// The states of an instance.
const (
	Pending      InstanceState = "pending"
	Running      InstanceState = "running"
	ShuttingDown InstanceState = "shutting-down"
	Terminated   InstanceState = "terminated"
)

// Lifecycle is an instance's state within its group.
type Lifecycle string

// The lifecycle states of a member (Auto Scaling: "instance lifecycle").
const (
	LifecyclePending         Lifecycle = "Pending"
	LifecyclePendingWait     Lifecycle = "Pending:Wait" // for hooks
	LifecycleInService       Lifecycle = "InService"
	LifecycleTerminating     Lifecycle = "Terminating"
	LifecycleTerminatingWait Lifecycle = "Terminating:Wait" // for hooks
)

func (l Lifecycle) pending() bool { return l == LifecyclePending || l == LifecyclePendingWait }

func (l Lifecycle) leaving() bool { return l == LifecycleTerminating || l == LifecycleTerminatingWait }

// Instance is a virtual machine.
type Instance struct {
	ID             string
	State          InstanceState
	Reason         string // why it isn't running
	Group          string // name of its Auto Scaling group
	Lifecycle      Lifecycle
	Unhealthy      bool // as its group sees it
	Template       string
	Version        int
	ImageID        string
	Type           string
	Zone           string
	Subnet         string
	Address        netip.Addr
	Public         bool // has a public address
	SecurityGroups []string
	Profile        string
	UserData       string // base64
	Tags           map[string]string
	Launched       time.Time
	InService      time.Time
	Ended          time.Time
	Protected      bool                 // from termination
	PowerCut       bool                 // it ends at once: nothing on it is shut down
	Held           map[string]time.Time // hooks that it waits for, and until when
	Abandoned      bool                 // by a hook
	Detailed       bool                 // publishes its metrics every minute
	CPU            []float64            // percent, one a minute, the newest last
	CPUAt          time.Time            // when the newest was measured
}

func (i *Instance) owner() Owner { return Owner{OwnerInstance, i.ID} }

// instancePeer returns the network interface of an instance as an end: of a terminated one the interface that it had.
func (s *state) instancePeer(i *Instance) Peer {
	for _, n := range s.InterfacesOf(i.owner()) {
		return n.peer()
	}
	had := Interface{Owner: i.owner(), Subnet: i.Subnet, Address: i.Address, Groups: i.SecurityGroups, Public: i.Public}
	return had.peer()
}

// Script is the decoded user data.
func (i *Instance) Script() []byte {
	text, _ := base64.StdEncoding.DecodeString(i.UserData) // checked when the template was made
	return text
}

// instances lists all, the oldest first.
func (s *state) instances() []*Instance {
	return slices.SortedFunc(maps.Values(s.Instances), func(a, b *Instance) int {
		if order := a.Launched.Compare(b.Launched); order != 0 {
			return order
		}
		return a.Address.Compare(b.Address)
	})
}

// Instances lists all instances, terminated ones of the last hour included, the oldest first.
func (c *Cloud) Instances() []Instance {
	var all []Instance
	c.view(func(s *state) {
		for _, i := range s.instances() {
			all = append(all, *i)
		}
	})
	return all
}

// launch makes an instance of a group's template in a subnet. It is pending until the data plane says that it booted.
func (c *Cloud) launch(s *state, g *Group, subnet *Subnet, now time.Time) (*Instance, error) {
	data, version, err := s.launchData(g.Spec.Template, g.Spec.Version)
	if err != nil {
		return nil, err
	}
	if err := c.capacity(s, g.Spec.Name, subnet.Zone, data.InstanceType); err != nil {
		return nil, err
	}
	id := newID("i")
	address, err := s.attachInterface(id, subnet.ID, data.SecurityGroups, data.Public)
	if err != nil {
		return nil, err
	}
	tags := maps.Clone(data.Tags)
	if tags == nil {
		tags = map[string]string{}
	}
	maps.Copy(tags, g.Spec.InstanceTags)
	i := &Instance{
		ID: id, State: Pending, Group: g.Spec.Name, Lifecycle: LifecyclePending,
		Template: g.Spec.Template, Version: version, ImageID: data.ImageID, Type: data.InstanceType,
		Zone: subnet.Zone, Subnet: subnet.ID, Address: address, Public: data.Public,
		SecurityGroups: data.SecurityGroups, Profile: data.Profile, UserData: data.UserData, Tags: tags,
		Launched: now, Detailed: data.Detailed,
	}
	s.Instances[i.ID] = i
	return i, nil
}

// attachInterface gives an instance its network interface and returns the address of it.
func (s *state) attachInterface(instance, subnet string, groups []string, public bool) (netip.Addr, error) {
	owner := Owner{OwnerInstance, instance}
	if err := s.SetInterfaces(owner, []string{subnet}, groups, public); err != nil {
		return netip.Addr{}, err
	}
	return s.InterfacesOf(owner)[0].Address, nil
}

// InstanceRunning reports that an instance has booted.
func (c *Cloud) InstanceRunning(id string) {
	_ = c.change(func(s *state) error {
		if i := s.Instances[id]; i != nil && i.State == Pending {
			i.State = Running
		}
		return nil
	})
}

// InstanceEnded reports that nothing of an instance runs any more, and why if that wasn't asked for. After one that did not
// even boot, its group waits before it launches another.
func (c *Cloud) InstanceEnded(id, reason string) {
	_ = c.change(func(s *state) error {
		if i := s.Instances[id]; i != nil && i.State != Terminated {
			if g := s.Scaling[i.Group]; g != nil && i.State == Pending && reason != "" {
				g.RetryAt = c.clock.Now().Add(launchRetry)
			}
			i.State, i.Ended = Terminated, c.clock.Now()
			s.DeleteInterfaces(i.owner())
			if reason != "" {
				i.Reason = reason
			}
		}
		return nil
	})
}

// TerminateInstance ends an instance, whoever it belongs to (API: TerminateInstances).
func (c *Cloud) TerminateInstance(id string) error {
	return c.change(func(s *state) error { return s.terminate(id) })
}

func (s *state) terminate(id string) error {
	i := s.Instances[id]
	if i == nil {
		return refuse("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
	}
	if i.Protected {
		return refuse("OperationNotPermitted", "The instance '%s' may not be terminated. Modify its 'disableApiTermination' "+
			"instance attribute and try again.", id)
	}
	if i.State == Pending || i.State == Running {
		i.State, i.Reason = ShuttingDown, "Client.UserInitiatedShutdown: User initiated shutdown"
	}
	return nil
}

// keepTerminated is how long AWS goes on showing a terminated instance ("Terminate EC2 instances": about an hour).
const keepTerminated = time.Hour

func (s *state) prune(now time.Time) bool {
	before := len(s.Instances)
	maps.DeleteFunc(s.Instances, func(_ string, i *Instance) bool {
		return i.State == Terminated && i.Group == "" && now.Sub(i.Ended) > keepTerminated
	})
	return len(s.Instances) != before
}

// cpuPoints is how many minutes of CPU use are kept, for people; alarms keep what they need.
const cpuPoints = 15

// RecordCPU adds a minute's average CPU utilization of an instance, in percent of its virtual CPUs.
func (c *Cloud) RecordCPU(id string, percent float64) {
	_ = c.change(func(s *state) error {
		if i := s.Instances[id]; i != nil {
			i.CPU = append(i.CPU, percent)
			i.CPU = i.CPU[max(0, len(i.CPU)-cpuPoints):]
			i.CPUAt = c.clock.Now()
		}
		return nil
	})
}
