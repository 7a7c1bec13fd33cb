package ec2

import "strings"

// Credits are the CPU credits of a burstable instance. A credit is a virtual CPU at full load for a minute.
type Credits struct {
	Balance float64 // earned and not yet used
	Surplus float64 // used before they were earned
	Used    float64 // since the last look
	Charged float64 // surplus credits that cost extra, since the last look
}

// creditsPerHour has what an instance earns in an hour, by size (EC2: "CPU credits and baseline performance").
var creditsPerHour = map[string]float64{"nano": 6, "micro": 12, "small": 24, "medium": 24, "large": 36, "xlarge": 96, "2xlarge": 192}

// earnedPerHour returns the credits that an instance type earns in an hour: none if it is not burstable. T2 instances, which
// are standard and not unlimited, are left out.
func earnedPerHour(instanceType string) float64 {
	family, size, _ := strings.Cut(instanceType, ".")
	if family == "t3" || family == "t3a" || family == "t4g" {
		return creditsPerHour[size]
	}
	return 0
}

// IsBurstable reports whether an instance type has CPU credits in the emulator: T3, T3a and T4g.
func IsBurstable(instanceType string) bool { return earnedPerHour(instanceType) > 0 }

// spend takes a minute's use of the virtual CPUs from the credits and adds what was earned. The instance is unlimited, which T3
// and T4g are by default: what it uses without having earned it is surplus, which later earnings pay back. Surplus above the
// earnings of a day is charged at once (EC2: "Unlimited mode concepts").
func (i *Instance) spend(percent float64) {
	hourly := earnedPerHour(i.Type)
	if hourly == 0 {
		return
	}
	used, day := percent/100*float64(VirtualCPUs(i.Type)), 24*hourly
	c := &i.Credits
	c.Used += used
	net := c.Balance - c.Surplus + hourly/60 - used
	c.Balance, c.Surplus = min(max(net, 0), day), max(-net, 0)
	if c.Surplus > day {
		c.Charged += c.Surplus - day
		c.Surplus = day
	}
}

// TakeCredits returns the credits of an instance, with what was used and charged since the last call.
func (i *Instance) TakeCredits() Credits {
	taken := i.Credits
	i.Credits.Used, i.Credits.Charged = 0, 0
	return taken
}
