package ec2

import (
	"encoding/base64"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// InstanceState is the state of an instance (API: InstanceState).
type InstanceState string

// The states of an instance.
const (
	Pending      InstanceState = "pending"
	Running      InstanceState = "running"
	Stopping     InstanceState = "stopping"
	Stopped      InstanceState = "stopped"
	ShuttingDown InstanceState = "shutting-down"
	Terminated   InstanceState = "terminated"
)

// Instance is a virtual machine.
type Instance struct {
	ID             string
	State          InstanceState
	Reason         string // why it is not running
	BootFailed     bool   // it ended by itself before it ran
	Group          string // name of its Auto Scaling group, or ""
	Lifecycle      Lifecycle
	Unhealthy      bool // its Auto Scaling group replaces it
	Expired        bool // it has reached the longest life in its Auto Scaling group, which replaces it
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
	Reboots        int                  // how often it was asked to reboot
	Protected      bool                 // termination protection
	PowerCut       bool                 // it ends at once, without a shutdown
	Held           map[string]time.Time // lifecycle hooks that it waits for → end of the wait
	Abandoned      bool                 // a lifecycle hook abandoned it
	Detailed       bool                 // detailed monitoring: publishes its metrics every minute
	CPU            []float64            // percent, one value per minute, the newest last
	CPUAt          time.Time            // time of the newest value
	CPUCredits     string               // of a burstable instance: burstable.Unlimited or burstable.Standard
	Credits        Credits              // of a burstable instance
}

// owner returns the owner of the instance's network interface.
func (i *Instance) owner() vpc.Owner { return vpc.Owner{Kind: vpc.OwnerInstance, ID: i.ID} }

// PeerOf returns the network interface of an instance as an end of a connection. For a terminated instance it returns
// the interface that the instance had.
func (s *Store) PeerOf(i *Instance) vpc.Peer {
	for _, n := range s.vpc.InterfacesOf(i.owner()) {
		return n.Peer()
	}
	had := vpc.Interface{Owner: i.owner(), Subnet: i.Subnet, Address: i.Address, Groups: i.SecurityGroups, Public: i.Public}
	return had.Peer()
}

// Script returns the decoded user data.
func (i *Instance) Script() []byte {
	text, _ := base64.StdEncoding.DecodeString(i.UserData) // checked when the template was created
	return text
}

// OldestFirst returns all instances, the oldest first.
func (s *Store) OldestFirst() []*Instance {
	return slices.SortedFunc(maps.Values(s.Instances), func(a, b *Instance) int {
		if order := a.Launched.Compare(b.Launched); order != 0 {
			return order
		}
		return a.Address.Compare(b.Address)
	})
}

// DescribeInstances returns copies of all instances, the oldest first. It includes instances that were terminated
// within the last hour.
func (s *Store) DescribeInstances() []Instance {
	var all []Instance
	for _, i := range s.OldestFirst() {
		all = append(all, *i)
	}
	return all
}

// AttachInterface gives an instance its network interface and returns the address.
func (s *Store) AttachInterface(instance, subnet string, groups []string, public bool) (netip.Addr, error) {
	owner := vpc.Owner{Kind: vpc.OwnerInstance, ID: instance}
	if err := s.vpc.SetInterfaces(owner, []string{subnet}, groups, public); err != nil {
		return netip.Addr{}, err
	}
	return s.vpc.InterfacesOf(owner)[0].Address, nil
}

// keepTerminated is how long AWS shows a terminated instance ("Terminate EC2 instances": about an hour).
const keepTerminated = time.Hour

// Reconcile removes instances that were terminated more than an hour ago and reports whether there were any.
func (s *Store) Reconcile(now time.Time) bool {
	before := len(s.Instances)
	maps.DeleteFunc(s.Instances, func(_ string, i *Instance) bool {
		return i.State == Terminated && i.Group == "" && now.Sub(i.Ended) > keepTerminated
	})
	return len(s.Instances) != before
}

// CPUPoints is how many minutes of CPU use are kept for people. Alarms keep the samples that they need.
const CPUPoints = 15

// RecordCPU adds an instance's average CPU utilization of a minute, in percent of its virtual CPUs. An instance in standard mode
// without credits counts as held at its baseline: its processes are not.
func (s *Store) RecordCPU(id string, percent float64, now time.Time) (changed bool) {
	i := s.Instances[id]
	if i == nil {
		return false
	}
	i.CPU = append(i.CPU, i.spend(percent))
	i.CPU = i.CPU[max(0, len(i.CPU)-CPUPoints):]
	i.CPUAt = now
	return true
}

// IsLeft reports whether the instance counts as left over: a terminated instance does not.
func (i *Instance) IsLeft() bool { return i.State != Terminated }

// Outgoing reports whether the instance's Auto Scaling group replaces it.
func (i *Instance) Outgoing() bool { return i.Unhealthy || i.Expired }
