package fault

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/emulator/cloud/ec2"
	"github.com/elastic-service/elastic-service/emulator/cloud/vpc"
)

// disruption names the fault that keeps all packets from entering and leaving a subnet, or returns "".
func (s *Store) disruption(subnet vpc.Subnet) string {
	for _, f := range s.faults() {
		if (f.Action == DisruptConnectivity || f.Action == PowerInterruption) && (f.Target == subnet.ID || f.Target == subnet.Zone) {
			return fmt.Sprintf("%s (%s)", f.ID, f.Action)
		}
	}
	return ""
}

// hasPower reports whether no fault interrupts the power of a zone.
func (s *Store) hasPower(zone string) bool {
	return !slices.ContainsFunc(s.faults(), func(f *Fault) bool { return f.Action == PowerInterruption && f.Target == zone })
}

// checkCapacity refuses a launch in a zone without capacity. The group is "" for an instance outside of Auto Scaling groups.
func (s *Store) checkCapacity(group, zone, instanceType string) error {
	lacking := func(zone string) bool {
		return slices.ContainsFunc(s.faults(), func(f *Fault) bool {
			zones := f.zones()
			return f.Action == PowerInterruption && f.Target == zone ||
				f.Action == InsufficientCapacity && f.Target == group && (len(zones) == 0 || slices.Contains(zones, zone))
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
	return aws.Refuse(ec2.InsufficientCapacity, "We currently do not have sufficient %s capacity in the Availability Zone you requested "+
		"(%s). Our system will be working on provisioning additional capacity.%s", instanceType, zone, elsewhere)
}

// VirtualCPUs returns how many virtual CPUs of an instance [StressCPU] keeps busy. A CPU at half load counts half.
func (f Fault) VirtualCPUs(instanceType string) float64 {
	all := ec2.VirtualCPUs(instanceType)
	wanted, _ := strconv.Atoi(f.Parameters[ParameterCPU]) // checked when the fault was started
	load, _ := strconv.Atoi(f.Parameters[ParameterLoad])
	if wanted == 0 {
		wanted = all
	}
	return float64(min(wanted, all)) * float64(load) / 100
}
