package ec2

import (
	"strings"

	"github.com/elastic-service/elastic-service/emulator/cloud/aws"
	"github.com/elastic-service/elastic-service/internal/burstable"
)

// Credits are the CPU credits of a burstable instance. A credit is a virtual CPU at full load for a minute.
type Credits struct {
	Balance float64 // earned and not yet used
	Surplus float64 // used before they were earned
	Used    float64 // since the last look
	Charged float64 // surplus credits that cost extra, since the last look
}

// launchCredits is how many credits a T2 instance in standard mode starts with, for each virtual CPU (EC2: "Standard mode concepts").
// Others start with none.
const launchCredits = 30

// earnedPerHour returns the credits that an instance type earns in an hour: none if it is not burstable.
func earnedPerHour(instanceType string) float64 {
	baseline, _ := burstable.Baseline(instanceType)
	return baseline / 100 * float64(VirtualCPUs(instanceType)) * 60
}

// IsBurstable reports whether an instance type has CPU credits.
func IsBurstable(instanceType string) bool { return earnedPerHour(instanceType) > 0 }

// CheckCredits refuses a launch of a type that earns no credits with an option for them.
func CheckCredits(instanceType, option string) error {
	if option != "" && !IsBurstable(instanceType) {
		return aws.Refuse("InstanceCreditSpecification.NotSupported", "The %s instance type does not support CPU credits.", instanceType)
	}
	return nil
}

// StartCredits gives a new instance its option and its credits. T2 instances are standard unless a launch says otherwise, the others
// unlimited.
func (i *Instance) StartCredits(option string) {
	if !IsBurstable(i.Type) {
		return
	}
	isT2 := strings.HasPrefix(i.Type, "t2.")
	switch {
	case option != "":
	case isT2:
		option = burstable.Standard
	default:
		option = burstable.Unlimited
	}
	i.CPUCredits = option
	if isT2 && option == burstable.Standard {
		i.Credits.Balance = launchCredits * float64(VirtualCPUs(i.Type))
	}
}

// spend takes a minute's use of the virtual CPUs from the credits and adds what was earned. It returns the use, in percent.
//
// In unlimited mode, what the instance uses without having earned it is surplus, which later earnings pay back. Surplus above the
// earnings of a day is charged at once (EC2: "Unlimited mode concepts"). In standard mode the instance cannot use more than it has.
func (i *Instance) spend(percent float64) float64 {
	hourly := earnedPerHour(i.Type)
	if hourly == 0 {
		return percent
	}
	cpus, day, c := float64(VirtualCPUs(i.Type)), 24*hourly, &i.Credits
	if i.CPUCredits == burstable.Standard {
		percent = min(percent, 100*(c.Balance+hourly/60)/cpus)
	}
	used := percent / 100 * cpus
	c.Used += used
	net := c.Balance - c.Surplus + hourly/60 - used
	c.Balance, c.Surplus = min(max(net, 0), day), max(-net, 0)
	if c.Surplus > day {
		c.Charged += c.Surplus - day
		c.Surplus = day
	}
	return percent
}

// TakeCredits returns the credits of an instance, with what was used and charged since the last call.
func (i *Instance) TakeCredits() Credits {
	taken := i.Credits
	i.Credits.Used, i.Credits.Charged = 0, 0
	return taken
}
