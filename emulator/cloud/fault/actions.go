package fault

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
)

// The names of the actions are those of AWS Fault Injection Service (FIS: "AWS FIS Actions reference"). The last is the name
// of a scenario of its library: the outage of a zone.
const (
	TerminateInstances   = "aws:ec2:terminate-instances"
	InsufficientCapacity = "aws:ec2:asg-insufficient-instance-capacity-error"
	DisruptConnectivity  = "aws:network:disrupt-connectivity"
	StopTask             = "aws:ecs:stop-task"
	RebootDatabases      = "aws:rds:reboot-db-instances"
	KillProcess          = "aws:ssm:send-command/AWSFIS-Run-Kill-Process"
	StressCPU            = "aws:ssm:send-command/AWSFIS-Run-CPU-Stress"
	PowerInterruption    = "AZ Availability: Power Interruption"
)

// The parameters of actions.
const (
	ParameterZones   = "availabilityZoneIdentifiers"
	ParameterScope   = "scope"
	ParameterForce   = "forceFailover"
	ParameterProcess = "ProcessName"
	ParameterSignal  = "Signal"
	ParameterCPU     = "CPU"
	ParameterLoad    = "LoadPercent"
)

// The kinds of targets. FIS has no zones as targets: it selects the subnets or instances of a zone by a filter.
const (
	KindInstance = "aws:ec2:instance"
	KindGroup    = "aws:ec2:autoscaling-group"
	KindSubnet   = "aws:ec2:subnet"
	KindTask     = "aws:ecs:task"
	KindDatabase = "aws:rds:db"
	KindZone     = "availability-zone"
)

// Action is a fault that can be started.
type Action struct {
	Name        string
	Description string
	Targets     []string // kinds; a target is named by its ID, a group, a zone and a database by their names
	Lasting     bool     // takes a duration; other actions are over at once
	Endless     bool     // a lasting action that without a duration goes on until it is stopped
	Parameters  []Parameter

	check  func(s *Store, f *Fault) error                // refuses a target or parameters; nil refuses nothing
	inject func(s *Store, f *Fault, now time.Time) error // acts at the start; nil does nothing
	isOver func(s *Store, f *Fault) bool                 // the target is gone; nil: never
}

// Parameter is a parameter of an action.
type Parameter struct {
	Name        string
	Description string
	Required    bool
	Default     string
}

// actions holds all actions. What a lasting action does while it lasts is in effects.go, or in the data plane.
var actions = []Action{
	{
		Name: TerminateInstances, Targets: []string{KindInstance},
		Description: "Terminates an instance.",
		check: func(s *Store, f *Fault) error {
			if i := s.ec2.Instances[f.Target]; i != nil && i.State == ec2.Pending {
				return nil
			}
			return s.checkRuns(f)
		},
		inject: func(s *Store, f *Fault, _ time.Time) error { return s.ec2.TerminateInstance(f.Target) },
	},
	{
		Name: InsufficientCapacity, Targets: []string{KindGroup}, Lasting: true,
		Description: "Answers the group's launches with InsufficientInstanceCapacity.",
		Parameters: []Parameter{{
			Name: ParameterZones, Description: "zones in which there is no capacity, separated by commas", Default: "all of the group's",
		}},
		check:  (*Store).checkGroupAndZones,
		isOver: func(s *Store, f *Fault) bool { return s.autoscaling.Groups[f.Target] == nil },
	},
	{
		Name: DisruptConnectivity, Targets: []string{KindSubnet, KindZone}, Lasting: true,
		Description: "Denies the traffic that enters or leaves a subnet, or each subnet of a zone. Network ACLs deny it, which see " +
			"nothing within a subnet.",
		Parameters: []Parameter{{Name: ParameterScope, Description: "all: every peer; the emulator has no other scope", Default: "all"}},
		check:      (*Store).checkSubnets,
		isOver:     func(s *Store, f *Fault) bool { return len(s.subnetsOf(f.Target)) == 0 },
	},
	{
		Name: StopTask, Targets: []string{KindTask},
		Description: "Stops a task of ECS.",
		inject:      func(s *Store, f *Fault, now time.Time) error { return s.ecs.StopTask(f.Target, "", now) },
	},
	{
		Name: RebootDatabases, Targets: []string{KindDatabase},
		Description: "Restarts the server of a database, or lets its standby take over.",
		Parameters: []Parameter{
			{Name: ParameterForce, Description: "true: the standby takes over; needs Multi-AZ", Default: "false"},
		},
		check: (*Store).checkReboot,
		inject: func(s *Store, f *Fault, now time.Time) error {
			_, err := s.rds.Reboot(f.Target, f.Parameters[ParameterForce] == "true", now)
			return err
		},
	},
	{
		Name: KillProcess, Targets: []string{KindInstance},
		Description: "Sends a signal to a process of an instance.",
		Parameters: []Parameter{
			{Name: ParameterProcess, Description: "name of the process, or of its service", Required: true},
			{Name: ParameterSignal, Description: "SIGTERM or SIGKILL", Default: "SIGTERM"},
		},
		check: (*Store).checkSignal,
	},
	{
		Name: StressCPU, Targets: []string{KindInstance}, Lasting: true,
		Description: "Keeps the virtual CPUs of an instance busy.",
		Parameters: []Parameter{
			{Name: ParameterCPU, Description: "virtual CPUs; 0: all", Default: "0"},
			{Name: ParameterLoad, Description: "percent of each, 1 to 100", Default: "100"},
		},
		check: (*Store).checkStress,
		isOver: func(s *Store, f *Fault) bool {
			return s.ec2.Instances[f.Target] == nil || s.ec2.Instances[f.Target].State != ec2.Running
		},
	},
	{
		Name: PowerInterruption, Targets: []string{KindZone}, Lasting: true, Endless: true,
		Description: "An outage of a zone: its instances and databases lose their power, none can be launched there, its subnets and the " +
			"nodes of load balancers in them are cut off.",
		check: func(s *Store, f *Fault) error {
			if !slices.Contains(s.region.Zones(), f.Target) {
				return aws.Refuse("ResourceNotFoundException", "The target '%s' is not a zone of %s", f.Target, s.region)
			}
			return nil
		},
		inject: (*Store).cutPower,
	},
}

// Actions returns the faults that can be started.
func Actions() []Action { return slices.Clone(actions) }

// actionOf returns the action of a name, or false.
func actionOf(name string) (Action, bool) {
	at := slices.IndexFunc(actions, func(a Action) bool { return a.Name == name })
	if at < 0 {
		return Action{}, false
	}
	return actions[at], true
}

// checkRuns refuses a target that is not a running instance.
func (s *Store) checkRuns(f *Fault) error {
	if i := s.ec2.Instances[f.Target]; i == nil || i.State != ec2.Running {
		return aws.Refuse("ResourceNotFoundException", "The target '%s' is not an instance that runs", f.Target)
	}
	return nil
}

// checkGroupAndZones checks the target and the zones of [InsufficientCapacity].
func (s *Store) checkGroupAndZones(f *Fault) error {
	if s.autoscaling.Groups[f.Target] == nil {
		return aws.Refuse("ResourceNotFoundException", "The target '%s' is not an Auto Scaling group", f.Target)
	}
	for _, zone := range f.zones() {
		if !slices.Contains(s.region.Zones(), zone) {
			return aws.Refuse("ValidationException", "%s: '%s' is not a zone of %s", ParameterZones, zone, s.region)
		}
	}
	return nil
}

// checkSubnets checks the scope and the target of [DisruptConnectivity].
func (s *Store) checkSubnets(f *Fault) error {
	if scope := f.Parameters[ParameterScope]; scope != "all" {
		return aws.Refuse("ValidationException", "The scope '%s' is valid on AWS, but the emulator has only: all", scope)
	}
	if len(s.subnetsOf(f.Target)) == 0 {
		return aws.Refuse("ResourceNotFoundException", "The target '%s' is neither a subnet nor a zone with one", f.Target)
	}
	return nil
}

// checkReboot checks the target and the parameter of [RebootDatabases].
func (s *Store) checkReboot(f *Fault) error {
	if force := f.Parameters[ParameterForce]; force != "true" && force != "false" {
		return aws.Refuse("ValidationException", "%s '%s' must be true or false", ParameterForce, force)
	}
	_, err := s.rds.Database(f.Target)
	return err
}

// checkSignal checks the target and the signal of [KillProcess].
func (s *Store) checkSignal(f *Fault) error {
	if err := s.checkRuns(f); err != nil {
		return err
	}
	if signal := f.Parameters[ParameterSignal]; signal != "SIGTERM" && signal != "SIGKILL" {
		return aws.Refuse("ValidationException", "%s '%s' must be SIGTERM or SIGKILL", ParameterSignal, signal)
	}
	return nil
}

// checkStress checks the target and the load of [StressCPU].
func (s *Store) checkStress(f *Fault) error {
	if err := s.checkRuns(f); err != nil {
		return err
	}
	if err := f.checkNumber(ParameterCPU, 0, 192); err != nil {
		return err
	}
	return f.checkNumber(ParameterLoad, 1, 100)
}

// checkNumber refuses a parameter that is not a number within bounds.
func (f *Fault) checkNumber(name string, lowest, highest int) error {
	if n, err := strconv.Atoi(f.Parameters[name]); err != nil || n < lowest || n > highest {
		return aws.Refuse("ValidationException", "%s '%s' must be a number from %d to %d", name, f.Parameters[name], lowest, highest)
	}
	return nil
}

// zones returns the zones of [InsufficientCapacity]. Nil stands for all.
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

// subnetsOf returns the IDs of the subnets of a zone, or of the subnet that is named.
func (s *Store) subnetsOf(target string) []string {
	var found []string
	for _, id := range aws.Keys(s.vpc.Subnets) {
		if id == target || s.vpc.Subnets[id].Zone == target {
			found = append(found, id)
		}
	}
	return found
}

// cutPower ends the instances of a zone without a shutdown.
func (s *Store) cutPower(f *Fault, _ time.Time) error {
	for _, i := range s.ec2.OldestFirst() {
		if i.Zone == f.Target && (i.State == ec2.Pending || i.State == ec2.Running) {
			i.State, i.PowerCut, i.Reason = ec2.ShuttingDown, true, "Server.InternalError: the power of "+i.Zone+" is interrupted"
		}
	}
	return nil
}
