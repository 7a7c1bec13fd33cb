package cloud

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The faults are actions of AWS Fault Injection Service (FIS: "AWS FIS Actions reference") and carry their names. The last
// one is a scenario of its library: what an outage of a zone is.
const (
	FaultTerminate = "aws:ec2:terminate-instances"
	FaultCapacity  = "aws:ec2:asg-insufficient-instance-capacity-error"
	FaultNetwork   = "aws:network:disrupt-connectivity"
	FaultStopTask  = "aws:ecs:stop-task"
	FaultKill      = "aws:ssm:send-command/AWSFIS-Run-Kill-Process"
	FaultStress    = "aws:ssm:send-command/AWSFIS-Run-CPU-Stress"
	FaultPower     = "AZ Availability: Power Interruption"
)

// The parameters of faults.
const (
	ParameterZones   = "availabilityZoneIdentifiers"
	ParameterScope   = "scope"
	ParameterProcess = "ProcessName"
	ParameterSignal  = "Signal"
	ParameterCPU     = "CPU"
	ParameterLoad    = "LoadPercent"
)

// The kinds of a fault's target. FIS has no zone among its own: it takes the subnets or instances of one by a filter.
const (
	KindInstance = "aws:ec2:instance"
	KindGroup    = "aws:ec2:autoscaling-group"
	KindSubnet   = "aws:ec2:subnet"
	KindTask     = "aws:ecs:task"
	KindZone     = "availability-zone"
)

// FaultAction is something that can be made to go wrong.
type FaultAction struct {
	Name        string
	Description string
	Targets     []string // kinds; a target is named by its ID, a group and a zone by their names
	Lasting     bool     // takes a duration; others are over at once
	Endless     bool     // lasting, and without a duration until it is stopped
	Parameters  []FaultParameter
}

// FaultParameter is one of an action's.
type FaultParameter struct {
	Name        string
	Description string
	Required    bool
	Default     string
}

var faultActions = []FaultAction{
	{
		Name: FaultTerminate, Targets: []string{KindInstance},
		Description: "Terminates an instance.",
	},
	{
		Name: FaultCapacity, Targets: []string{KindGroup}, Lasting: true,
		Description: "Answers the group's launches with InsufficientInstanceCapacity.",
		Parameters: []FaultParameter{{
			Name: ParameterZones, Description: "zones in which there is no capacity, separated by commas", Default: "all of the group's",
		}},
	},
	{
		Name: FaultNetwork, Targets: []string{KindSubnet, KindZone}, Lasting: true,
		Description: "Denies the traffic that enters or leaves a subnet, or each of a zone's: network ACLs do it, which see " +
			"nothing within a subnet.",
		Parameters: []FaultParameter{{Name: ParameterScope, Description: "all: every peer; the emulator has no other scope", Default: "all"}},
	},
	{
		Name: FaultStopTask, Targets: []string{KindTask},
		Description: "Stops a task of ECS.",
	},
	{
		Name: FaultKill, Targets: []string{KindInstance},
		Description: "Sends a signal to a process of an instance.",
		Parameters: []FaultParameter{
			{Name: ParameterProcess, Description: "name of the process, or of its service", Required: true},
			{Name: ParameterSignal, Description: "SIGTERM or SIGKILL", Default: "SIGTERM"},
		},
	},
	{
		Name: FaultStress, Targets: []string{KindInstance}, Lasting: true,
		Description: "Keeps the virtual CPUs of an instance busy.",
		Parameters: []FaultParameter{
			{Name: ParameterCPU, Description: "virtual CPUs; 0: all", Default: "0"},
			{Name: ParameterLoad, Description: "percent of each, 1 to 100", Default: "100"},
		},
	},
	{
		Name: FaultPower, Targets: []string{KindZone}, Lasting: true, Endless: true,
		Description: "An outage of a zone: its instances lose their power, none can be launched there, its subnets and the " +
			"balancers' nodes in them are cut off.",
	},
}

// FaultActions lists what can be made to go wrong.
func FaultActions() []FaultAction { return slices.Clone(faultActions) }

// The shortest and the longest a fault may last; FIS's own are a minute and twelve hours.
const (
	shortestFault = time.Second
	longestFault  = 12 * time.Hour
)

// FaultSpec is a fault to be started.
type FaultSpec struct {
	Action     string
	Target     string
	Duration   time.Duration     // of a lasting action; others take none
	Parameters map[string]string // missing ones have their defaults
}

// Fault is one that was started. It is part of the saved state: over a restart of the emulator, which takes no time of the
// cloud's, it goes on for the rest of its duration.
type Fault struct {
	ID         string
	Action     string
	Target     string
	Parameters map[string]string // with their defaults
	Started    time.Time
	Until      time.Time // that of its start for what was over at once; the zero time: until it is stopped
}

// StartFault makes something go wrong. A lasting fault ends by itself after its duration, and with its target. The
// processes of [FaultKill] and [FaultStress] are the data plane's.
func (c *Cloud) StartFault(spec FaultSpec) (Fault, error) {
	var started Fault
	err := c.change(func(s *state) error {
		now := c.clock.Now()
		fault, action, err := spec.fault(now)
		if err != nil {
			return err
		}
		if err := s.checkFault(c, fault); err != nil {
			return err
		}
		if err := s.strike(fault, now); err != nil {
			return err
		}
		if action.Lasting {
			copied := *fault
			s.Faults[fault.ID] = &copied
		}
		started = *fault
		return nil
	})
	return started, err
}

// fault fills the defaults in and checks what needs no look at the cloud.
func (spec FaultSpec) fault(now time.Time) (*Fault, FaultAction, error) {
	at := slices.IndexFunc(faultActions, func(a FaultAction) bool { return a.Name == spec.Action })
	if at < 0 {
		return nil, FaultAction{}, refuse("ValidationException", "The action '%s' is not one of the emulator's", spec.Action)
	}
	action := faultActions[at]
	fault := &Fault{
		ID: "EXP" + randomHex(8), Action: spec.Action, Target: spec.Target, Parameters: maps.Clone(spec.Parameters),
		Started: now, Until: now,
	}
	if action.Lasting {
		switch {
		case spec.Duration == 0 && action.Endless:
			fault.Until = time.Time{}
		case spec.Duration < shortestFault || spec.Duration > longestFault:
			return nil, action, refuse("ValidationException", "The duration %v of %s must be from %v to %v", spec.Duration, action.Name,
				shortestFault, longestFault)
		default:
			fault.Until = now.Add(spec.Duration)
		}
	}
	return fault, action, fault.complete(action)
}

// complete refuses parameters that the action doesn't have, and adds those that aren't given.
func (f *Fault) complete(action FaultAction) error {
	known := map[string]bool{}
	for _, p := range action.Parameters {
		known[p.Name] = true
		switch {
		case f.Parameters[p.Name] != "":
		case p.Required:
			return refuse("ValidationException", "The parameter %s of %s is required: %s", p.Name, action.Name, p.Description)
		case f.Parameters == nil:
			f.Parameters = map[string]string{p.Name: p.Default}
		default:
			f.Parameters[p.Name] = p.Default
		}
	}
	for _, name := range keys(f.Parameters) {
		if !known[name] {
			return refuse("ValidationException", "%s has no parameter %s", action.Name, name)
		}
	}
	return nil
}

// checkFault checks target and parameters.
func (s *state) checkFault(c *Cloud, f *Fault) error {
	for _, other := range s.Faults {
		if other.Action == f.Action && other.Target == f.Target {
			return refuse("ConflictException", "%s is at %s already, as %s", f.Action, f.Target, other.ID)
		}
	}
	switch f.Action {
	case FaultTerminate, FaultKill, FaultStress:
		if i := s.Instances[f.Target]; i == nil || i.State != Running && (f.Action != FaultTerminate || i.State != Pending) {
			return refuse("ResourceNotFoundException", "The target '%s' is not an instance that runs", f.Target)
		}
	case FaultCapacity:
		if s.Scaling[f.Target] == nil {
			return refuse("ResourceNotFoundException", "The target '%s' is not an Auto Scaling group", f.Target)
		}
	case FaultNetwork:
		if f.Parameters[ParameterScope] != "all" {
			return refuse("ValidationException", "The scope '%s' is valid on AWS, but the emulator has only: all", f.Parameters[ParameterScope])
		}
		if len(s.subnetsAt(f.Target)) == 0 {
			return refuse("ResourceNotFoundException", "The target '%s' is neither a subnet nor a zone with one", f.Target)
		}
	case FaultPower:
		if !slices.Contains(c.Zones(), f.Target) {
			return refuse("ResourceNotFoundException", "The target '%s' is not a zone of %s", f.Target, s.region)
		}
	}
	return f.checkParameters(c)
}

func (f *Fault) checkParameters(c *Cloud) error {
	number := func(name string, lowest, highest int) error {
		if n, err := strconv.Atoi(f.Parameters[name]); err != nil || n < lowest || n > highest {
			return refuse("ValidationException", "%s '%s' must be a number from %d to %d", name, f.Parameters[name], lowest, highest)
		}
		return nil
	}
	switch f.Action {
	case FaultCapacity:
		for _, zone := range f.zones() {
			if !slices.Contains(c.Zones(), zone) {
				return refuse("ValidationException", "%s: '%s' is not a zone of %s", ParameterZones, zone, c.state.region)
			}
		}
	case FaultKill:
		if signal := f.Parameters[ParameterSignal]; signal != "SIGTERM" && signal != "SIGKILL" {
			return refuse("ValidationException", "%s '%s' must be SIGTERM or SIGKILL", ParameterSignal, signal)
		}
	case FaultStress:
		if err := number(ParameterCPU, 0, 192); err != nil {
			return err
		}
		return number(ParameterLoad, 1, 100)
	}
	return nil
}

// zones are those of [FaultCapacity]; none for all.
func (f *Fault) zones() []string {
	given := f.Parameters[ParameterZones]
	if given == "" || strings.HasPrefix(given, "all") {
		return nil
	}
	var zones []string
	for zone := range strings.SplitSeq(given, ",") {
		zones = append(zones, strings.TrimSpace(zone))
	}
	return zones
}

// VirtualCPUs is how many virtual CPUs of an instance [FaultStress] keeps busy; one at half load counts half.
func (f Fault) VirtualCPUs(instanceType string) float64 {
	all := VirtualCPUs(instanceType)
	wanted, _ := strconv.Atoi(f.Parameters[ParameterCPU]) // checked when it was started
	load, _ := strconv.Atoi(f.Parameters[ParameterLoad])
	if wanted == 0 {
		wanted = all
	}
	return float64(min(wanted, all)) * float64(load) / 100
}

// strike does what a fault does at its start; what lasts is asked for by the rest of the model.
func (s *state) strike(f *Fault, now time.Time) error {
	switch f.Action {
	case FaultTerminate:
		return s.terminate(f.Target)
	case FaultStopTask:
		return s.stopTaskByUser(f.Target, "", now)
	case FaultPower:
		for _, i := range s.instances() {
			if i.Zone == f.Target && (i.State == Pending || i.State == Running) {
				i.State, i.PowerCut, i.Reason = ShuttingDown, true, "Server.InternalError: the power of "+i.Zone+" is interrupted"
			}
		}
	}
	return nil
}

// StopFault ends a fault before its time.
func (c *Cloud) StopFault(id string) error {
	return c.change(func(s *state) error {
		if s.Faults[id] == nil {
			return refuse("ResourceNotFoundException", "There is no fault '%s': it is over, or never was", id)
		}
		delete(s.Faults, id)
		return nil
	})
}

// Faults lists those that last, the oldest first.
func (c *Cloud) Faults() []Fault {
	faults := []Fault{}
	c.view(func(s *state) {
		for _, f := range s.faults() {
			copied := *f
			copied.Parameters = maps.Clone(f.Parameters)
			faults = append(faults, copied)
		}
	})
	return faults
}

func (s *state) faults() []*Fault {
	return slices.SortedFunc(maps.Values(s.Faults), func(a, b *Fault) int {
		if order := a.Started.Compare(b.Started); order != 0 {
			return order
		}
		return strings.Compare(a.ID, b.ID)
	})
}

// endFaults ends those whose time is over or whose target is gone.
func (s *state) endFaults(now time.Time) bool {
	before := len(s.Faults)
	maps.DeleteFunc(s.Faults, func(_ string, f *Fault) bool {
		if !f.Until.IsZero() && !now.Before(f.Until) {
			return true
		}
		switch f.Action {
		case FaultCapacity:
			return s.Scaling[f.Target] == nil
		case FaultNetwork:
			return len(s.subnetsAt(f.Target)) == 0
		case FaultStress:
			return s.Instances[f.Target] == nil || s.Instances[f.Target].State != Running
		}
		return false
	})
	return len(s.Faults) != before
}

// subnetsAt lists the subnets of a zone, or the one that is named.
func (s *state) subnetsAt(target string) []string {
	var found []string
	for _, id := range keys(s.Subnets) {
		if id == target || s.Subnets[id].Zone == target {
			found = append(found, id)
		}
	}
	return found
}

// cutOff is the fault that keeps packets from entering and leaving a subnet, or nil.
func (s *state) cutOff(subnet string) *Fault {
	at := s.Subnets[subnet]
	if at == nil {
		return nil
	}
	for _, f := range s.faults() {
		if (f.Action == FaultNetwork || f.Action == FaultPower) && (f.Target == subnet || f.Target == at.Zone) {
			return f
		}
	}
	return nil
}

// disrupted words what a fault stops as the network ACL does that FIS puts in place.
func disrupted(f *Fault, subnet string, egress bool, other Peer) *Blocked {
	return blocked("SUBNET_ACL_RESTRICTION", "the network ACL that fault %s (%s) gives %s lets nothing %s %s", f.ID, f.Action, subnet,
		map[bool]string{true: "out to", false: "in from"}[egress], other.Name)
}

// capacity refuses a launch in a zone that has no room; a group's name is "" for an instance of its own.
func (c *Cloud) capacity(s *state, group, zone, instanceType string) error {
	lacking := func(zone string) bool {
		return slices.ContainsFunc(s.faults(), func(f *Fault) bool {
			of := f.zones()
			return f.Action == FaultPower && f.Target == zone ||
				f.Action == FaultCapacity && f.Target == group && (len(of) == 0 || slices.Contains(of, zone))
		})
	}
	if !lacking(zone) {
		return nil
	}
	elsewhere := ""
	if others := slices.DeleteFunc(c.Zones(), lacking); len(others) > 0 {
		elsewhere = fmt.Sprintf(" You can currently get %s capacity by not specifying an Availability Zone in your request or choosing %s.",
			instanceType, strings.Join(others, ", "))
	}
	return refuse(insufficientCapacity, "We currently do not have sufficient %s capacity in the Availability Zone you requested (%s). "+
		"Our system will be working on provisioning additional capacity.%s", instanceType, zone, elsewhere)
}

const insufficientCapacity = "InsufficientInstanceCapacity"
