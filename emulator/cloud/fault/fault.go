package fault

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// The faults are actions of AWS Fault Injection Service (FIS: "AWS FIS Actions reference") and carry their names. The last
// one is a scenario of its library: what an outage of a zone is.
const (
	TerminateInstances   = "aws:ec2:terminate-instances"
	InsufficientCapacity = "aws:ec2:asg-insufficient-instance-capacity-error"
	DisruptConnectivity  = "aws:network:disrupt-connectivity"
	StopTask             = "aws:ecs:stop-task"
	KillProcess          = "aws:ssm:send-command/AWSFIS-Run-Kill-Process"
	StressCPU            = "aws:ssm:send-command/AWSFIS-Run-CPU-Stress"
	PowerInterruption    = "AZ Availability: Power Interruption"
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

// Action is something that can be made to go wrong.
type Action struct {
	Name        string
	Description string
	Targets     []string // kinds; a target is named by its ID, a group and a zone by their names
	Lasting     bool     // takes a duration; others are over at once
	Endless     bool     // lasting, and without a duration until it is stopped
	Parameters  []Parameter
}

// Parameter is one of an action's.
type Parameter struct {
	Name        string
	Description string
	Required    bool
	Default     string
}

var actions = []Action{
	{
		Name: TerminateInstances, Targets: []string{KindInstance},
		Description: "Terminates an instance.",
	},
	{
		Name: InsufficientCapacity, Targets: []string{KindGroup}, Lasting: true,
		Description: "Answers the group's launches with InsufficientInstanceCapacity.",
		Parameters: []Parameter{{
			Name: ParameterZones, Description: "zones in which there is no capacity, separated by commas", Default: "all of the group's",
		}},
	},
	{
		Name: DisruptConnectivity, Targets: []string{KindSubnet, KindZone}, Lasting: true,
		Description: "Denies the traffic that enters or leaves a subnet, or each of a zone's: network ACLs do it, which see " +
			"nothing within a subnet.",
		Parameters: []Parameter{{Name: ParameterScope, Description: "all: every peer; the emulator has no other scope", Default: "all"}},
	},
	{
		Name: StopTask, Targets: []string{KindTask},
		Description: "Stops a task of ECS.",
	},
	{
		Name: KillProcess, Targets: []string{KindInstance},
		Description: "Sends a signal to a process of an instance.",
		Parameters: []Parameter{
			{Name: ParameterProcess, Description: "name of the process, or of its service", Required: true},
			{Name: ParameterSignal, Description: "SIGTERM or SIGKILL", Default: "SIGTERM"},
		},
	},
	{
		Name: StressCPU, Targets: []string{KindInstance}, Lasting: true,
		Description: "Keeps the virtual CPUs of an instance busy.",
		Parameters: []Parameter{
			{Name: ParameterCPU, Description: "virtual CPUs; 0: all", Default: "0"},
			{Name: ParameterLoad, Description: "percent of each, 1 to 100", Default: "100"},
		},
	},
	{
		Name: PowerInterruption, Targets: []string{KindZone}, Lasting: true, Endless: true,
		Description: "An outage of a zone: its instances lose their power, none can be launched there, its subnets and the " +
			"balancers' nodes in them are cut off.",
	},
}

// Actions lists what can be made to go wrong.
func Actions() []Action { return slices.Clone(actions) }

// The shortest and the longest a fault may last; FIS's own are a minute and twelve hours.
const (
	shortest = time.Second
	longest  = 12 * time.Hour
)

// Spec is a fault to be started.
type Spec struct {
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

// Start makes something go wrong. A lasting fault ends by itself after its duration, and with its target. The
// processes of [FaultKill] and [FaultStress] are the data plane's.
func (s *Store) Start(spec Spec, now time.Time) (Fault, error) {
	var started Fault
	fault, action, err := spec.build(now)
	if err != nil {
		return Fault{}, err
	}
	if err := s.checkFault(fault); err != nil {
		return Fault{}, err
	}
	if err := s.inject(fault, now); err != nil {
		return Fault{}, err
	}
	if action.Lasting {
		copied := *fault
		s.Faults[fault.ID] = &copied
	}
	started = *fault
	return started, nil
}

// build fills the defaults in and checks what needs no look at the cloud.
func (spec Spec) build(now time.Time) (*Fault, Action, error) {
	at := slices.IndexFunc(actions, func(a Action) bool { return a.Name == spec.Action })
	if at < 0 {
		return nil, Action{}, aws.Refuse("ValidationException", "The action '%s' is not one of the emulator's", spec.Action)
	}
	action := actions[at]
	fault := &Fault{
		ID: "EXP" + aws.RandomHex(8), Action: spec.Action, Target: spec.Target, Parameters: maps.Clone(spec.Parameters),
		Started: now, Until: now,
	}
	if action.Lasting {
		switch {
		case spec.Duration == 0 && action.Endless:
			fault.Until = time.Time{}
		case spec.Duration < shortest || spec.Duration > longest:
			return nil, action, aws.Refuse("ValidationException", "The duration %v of %s must be from %v to %v", spec.Duration, action.Name,
				shortest, longest)
		default:
			fault.Until = now.Add(spec.Duration)
		}
	}
	return fault, action, fault.fillDefaults(action)
}

// fillDefaults refuses parameters that the action doesn't have, and adds those that aren't given.
func (f *Fault) fillDefaults(action Action) error {
	known := map[string]bool{}
	for _, p := range action.Parameters {
		known[p.Name] = true
		switch {
		case f.Parameters[p.Name] != "":
		case p.Required:
			return aws.Refuse("ValidationException", "The parameter %s of %s is required: %s", p.Name, action.Name, p.Description)
		case f.Parameters == nil:
			f.Parameters = map[string]string{p.Name: p.Default}
		default:
			f.Parameters[p.Name] = p.Default
		}
	}
	for _, name := range aws.Keys(f.Parameters) {
		if !known[name] {
			return aws.Refuse("ValidationException", "%s has no parameter %s", action.Name, name)
		}
	}
	return nil
}

// checkFault checks target and parameters.
func (s *Store) checkFault(f *Fault) error {
	for _, other := range s.Faults {
		if other.Action == f.Action && other.Target == f.Target {
			return aws.Refuse("ConflictException", "%s is at %s already, as %s", f.Action, f.Target, other.ID)
		}
	}
	switch f.Action {
	case TerminateInstances, KillProcess, StressCPU:
		if i := s.ec2.Instances[f.Target]; i == nil || i.State != ec2.Running && (f.Action != TerminateInstances || i.State != ec2.Pending) {
			return aws.Refuse("ResourceNotFoundException", "The target '%s' is not an instance that runs", f.Target)
		}
	case InsufficientCapacity:
		if s.autoscaling.Groups[f.Target] == nil {
			return aws.Refuse("ResourceNotFoundException", "The target '%s' is not an Auto Scaling group", f.Target)
		}
	case DisruptConnectivity:
		if f.Parameters[ParameterScope] != "all" {
			return aws.Refuse("ValidationException", "The scope '%s' is valid on AWS, but the emulator has only: all", f.Parameters[ParameterScope])
		}
		if len(s.subnetsAt(f.Target)) == 0 {
			return aws.Refuse("ResourceNotFoundException", "The target '%s' is neither a subnet nor a zone with one", f.Target)
		}
	case PowerInterruption:
		if !slices.Contains(s.region.Zones(), f.Target) {
			return aws.Refuse("ResourceNotFoundException", "The target '%s' is not a zone of %s", f.Target, s.region)
		}
	}
	return f.checkParameters(s.region)
}

func (f *Fault) checkParameters(region aws.Region) error {
	number := func(name string, lowest, highest int) error {
		if n, err := strconv.Atoi(f.Parameters[name]); err != nil || n < lowest || n > highest {
			return aws.Refuse("ValidationException", "%s '%s' must be a number from %d to %d", name, f.Parameters[name], lowest, highest)
		}
		return nil
	}
	switch f.Action {
	case InsufficientCapacity:
		for _, zone := range f.zones() {
			if !slices.Contains(region.Zones(), zone) {
				return aws.Refuse("ValidationException", "%s: '%s' is not a zone of %s", ParameterZones, zone, region)
			}
		}
	case KillProcess:
		if signal := f.Parameters[ParameterSignal]; signal != "SIGTERM" && signal != "SIGKILL" {
			return aws.Refuse("ValidationException", "%s '%s' must be SIGTERM or SIGKILL", ParameterSignal, signal)
		}
	case StressCPU:
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
	all := ec2.VirtualCPUs(instanceType)
	wanted, _ := strconv.Atoi(f.Parameters[ParameterCPU]) // checked when it was started
	load, _ := strconv.Atoi(f.Parameters[ParameterLoad])
	if wanted == 0 {
		wanted = all
	}
	return float64(min(wanted, all)) * float64(load) / 100
}

// inject does what a fault does at its start; what lasts is asked for by the rest of the model.
func (s *Store) inject(f *Fault, now time.Time) error {
	switch f.Action {
	case TerminateInstances:
		return s.ec2.TerminateInstance(f.Target)
	case StopTask:
		return s.ecs.StopTask(f.Target, "", now)
	case PowerInterruption:
		for _, i := range s.ec2.OldestFirst() {
			if i.Zone == f.Target && (i.State == ec2.Pending || i.State == ec2.Running) {
				i.State, i.PowerCut, i.Reason = ec2.ShuttingDown, true, "Server.InternalError: the power of "+i.Zone+" is interrupted"
			}
		}
	}
	return nil
}

// Stop ends a fault before its time.
func (s *Store) Stop(id string) error {
	if s.Faults[id] == nil {
		return aws.Refuse("ResourceNotFoundException", "There is no fault '%s': it is over, or never was", id)
	}
	delete(s.Faults, id)
	return nil
}

// List lists those that last, the oldest first.
func (s *Store) List() []Fault {
	faults := []Fault{}
	for _, f := range s.faults() {
		copied := *f
		copied.Parameters = maps.Clone(f.Parameters)
		faults = append(faults, copied)
	}
	return faults
}

func (s *Store) faults() []*Fault {
	return slices.SortedFunc(maps.Values(s.Faults), func(a, b *Fault) int {
		if order := a.Started.Compare(b.Started); order != 0 {
			return order
		}
		return strings.Compare(a.ID, b.ID)
	})
}

// Reconcile ends those whose time is over or whose target is gone.
func (s *Store) Reconcile(now time.Time) bool {
	before := len(s.Faults)
	maps.DeleteFunc(s.Faults, func(_ string, f *Fault) bool {
		if !f.Until.IsZero() && !now.Before(f.Until) {
			return true
		}
		switch f.Action {
		case InsufficientCapacity:
			return s.autoscaling.Groups[f.Target] == nil
		case DisruptConnectivity:
			return len(s.subnetsAt(f.Target)) == 0
		case StressCPU:
			return s.ec2.Instances[f.Target] == nil || s.ec2.Instances[f.Target].State != ec2.Running
		}
		return false
	})
	return len(s.Faults) != before
}

// subnetsAt lists the subnets of a zone, or the one that is named.
func (s *Store) subnetsAt(target string) []string {
	var found []string
	for _, id := range aws.Keys(s.vpc.Subnets) {
		if id == target || s.vpc.Subnets[id].Zone == target {
			found = append(found, id)
		}
	}
	return found
}

// disruption names the fault that keeps all packets from entering and leaving a subnet, or returns "".
func (s *Store) disruption(subnet vpc.Subnet) string {
	for _, f := range s.faults() {
		if (f.Action == DisruptConnectivity || f.Action == PowerInterruption) && (f.Target == subnet.ID || f.Target == subnet.Zone) {
			return fmt.Sprintf("%s (%s)", f.ID, f.Action)
		}
	}
	return ""
}

// CheckCapacity refuses a launch in a zone that has no room; a group's name is "" for an instance of its own.
func (s *Store) CheckCapacity(group, zone, instanceType string) error {
	lacking := func(zone string) bool {
		return slices.ContainsFunc(s.faults(), func(f *Fault) bool {
			of := f.zones()
			return f.Action == PowerInterruption && f.Target == zone ||
				f.Action == InsufficientCapacity && f.Target == group && (len(of) == 0 || slices.Contains(of, zone))
		})
	}
	if !lacking(zone) {
		return nil
	}
	elsewhere := ""
	if others := slices.DeleteFunc(s.region.Zones(), lacking); len(others) > 0 {
		elsewhere = fmt.Sprintf(" You can currently get %s capacity by not specifying an Availability Zone in your request or choosing %s.",
			instanceType, strings.Join(others, ", "))
	}
	return aws.Refuse(ec2.InsufficientCapacity, "We currently do not have sufficient %s capacity in the Availability Zone you requested (%s). "+
		"Our system will be working on provisioning additional capacity.%s", instanceType, zone, elsewhere)
}
