package userdata

import "github.com/elastic-service/elastic-service/journal"

// shipperUnitName is the unit that sends the journal to CloudWatch Logs.
const shipperUnitName = journal.UnitName + ".service"

// bootUnits are cloud-init's units in its versions: some have other names from 24.3 on.
var bootUnits = []string{
	"cloud-init-local.service", "cloud-init-main.service", "cloud-init-network.service", "cloud-init.service", "cloud-config.service",
	"cloud-final.service",
}

// shippedUnits returns the units whose journal is sent: those of the boot and of this package. What people do on the machine, such as a
// login, is not sent.
func (b Bootstrap) shippedUnits() []string {
	units := append([]string{}, bootUnits...)
	units = append(units, b.preparations()...)
	for _, s := range b.Services {
		units = append(units, s.unitName())
	}
	return append(units, shipperUnitName)
}

// shipperUnit starts before what it watches, so that it stops after it, and sends the last lines. Nothing waits for it but for the time
// that systemd takes to start it: a service runs without its log, too.
func (b Bootstrap) shipperUnit() string {
	var o options
	o.add("Unit", "Description", "Send the journal to CloudWatch Logs")
	o.add("Unit", "Wants", "network-online.target")
	o.add("Unit", "After", "network-online.target")
	for _, a := range b.Artifacts {
		if a.Path == journal.Path {
			o.requires([]string{a.unitName()})
		}
	}
	if len(b.Files) > 0 {
		o.add("Unit", "Before", filesUnitName)
	}
	for _, s := range b.Setup {
		o.add("Unit", "Before", s.unitName())
	}
	for _, s := range b.Services {
		o.add("Unit", "Before", s.unitName())
	}
	o.add("Unit", "StartLimitIntervalSec", "0")
	o.add("Service", "Type", "exec")
	o.run(append([]string{journal.Path, "-region", b.Region, "-group", b.LogGroup}, b.shippedUnits()...)...)
	o.add("Service", "Restart", "always")
	o.add("Service", "RestartSec", "5")
	// It ends journalctl itself, after it has read what the services have written last.
	o.add("Service", "KillMode", "mixed")
	o.add("Service", "TimeoutStopSec", "10")
	o.add("Service", "DynamicUser", "yes")
	o.add("Service", "SupplementaryGroups", "systemd-journal")
	o.add("Service", "StateDirectory", journal.UnitName)
	o.add("Service", "StateDirectoryMode", "0700")
	o.add("Service", "CapabilityBoundingSet", "")
	o.harden(Strict)
	o.add("Install", "WantedBy", "multi-user.target")
	return o.String()
}
