package userdata

import (
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/coreos/go-systemd/v22/unit"
)

const (
	unitFolder     = "/etc/systemd/system"
	checksumFolder = "/etc/elastic-service"

	// Where a file is until it is verified: the state directory of the artifacts' units, for root alone.
	stateDirectory = "elastic-service"
	staging        = "/var/lib/" + stateDirectory
)

// base returns the name of the artifact's unit and files.
func (a Artifact) base() string { return path.Base(a.Path) }

func (a Artifact) unitName() string { return "artifact-" + a.base() + ".service" }

func (a Artifact) staged() string { return staging + "/" + a.base() }

// beside returns where the file is installed, before it is moved to its path.
func (a Artifact) beside() string { return a.Path + ".new" }

func (a Artifact) checksumFile() string { return checksumFolder + "/" + a.base() + ".sha256" }

// checksum returns the content of the checksum file, as sha256sum reads it.
func (a Artifact) checksum() string { return a.SHA256 + "  " + a.staged() + "\n" }

func (s Service) unitName() string { return s.Name + ".service" }

// artifactUnit moves the file to its path in one step, after it is verified and written to the disk. A copy to the path
// could be cut short by a loss of power, and the condition would take the fragment for the file.
func (b Bootstrap) artifactUnit(a Artifact) string {
	beside := a.beside()
	var o options
	o.add("Unit", "Description", "Fetch "+a.Path)
	o.add("Unit", "ConditionPathExists", "!"+a.Path)
	o.add("Unit", "Wants", "network-online.target")
	o.add("Unit", "After", "network-online.target")
	for _, s := range b.Services {
		o.add("Unit", "OnSuccess", s.unitName())
	}
	o.add("Unit", "StartLimitIntervalSec", "0")
	o.add("Service", "Type", "oneshot")
	o.add("Service", "ExecStart", commandLine("/usr/bin/aws", "s3", "cp", "--only-show-errors", "--no-progress",
		"s3://"+a.Bucket+"/"+a.Key, a.staged()))
	o.add("Service", "ExecStart", commandLine("/usr/bin/sha256sum", "--check", "--quiet", a.checksumFile()))
	o.add("Service", "ExecStart", commandLine("/usr/bin/install", "-D", "-m", "0755", a.staged(), beside))
	o.add("Service", "ExecStart", commandLine("/usr/bin/sync", beside))
	o.add("Service", "ExecStart", commandLine("/usr/bin/mv", "-T", beside, a.Path))
	o.add("Service", "ExecStart", commandLine("/usr/bin/rm", "-f", a.staged()))
	// aws keeps a cache in its home, and ProtectHome= takes root's away.
	o.add("Service", "Environment", "AWS_REGION="+b.Region, "AWS_DEFAULT_REGION="+b.Region, "HOME="+staging)
	o.add("Service", "Restart", "on-failure")
	o.add("Service", "RestartSec", "5")
	o.add("Service", "TimeoutStartSec", "600")
	o.add("Service", "StateDirectory", stateDirectory)
	o.add("Service", "StateDirectoryMode", "0700")
	o.add("Service", "ReadWritePaths", a.root())
	// The file's folder may be another user's.
	o.add("Service", "CapabilityBoundingSet", "CAP_DAC_OVERRIDE")
	o.harden()
	o.add("Install", "WantedBy", "multi-user.target")
	return o.String()
}

func (b Bootstrap) serviceUnit(s Service) string {
	var o options
	o.add("Unit", "Description", strings.ReplaceAll(s.description(), "%", "%%"))
	o.add("Unit", "Wants", "network-online.target")
	o.add("Unit", "After", "network-online.target")
	for _, name := range s.After {
		o.add("Unit", "After", name+".service")
	}
	for _, a := range b.Artifacts {
		o.add("Unit", "Requires", a.unitName())
		o.add("Unit", "After", a.unitName())
	}
	o.add("Unit", "StartLimitIntervalSec", "0")
	o.add("Service", "Type", "exec")
	o.add("Service", "ExecStart", commandLine(s.start()...))
	o.addUnlessEmpty("Service", "WorkingDirectory", s.Directory)
	o.add("Service", "Environment", assignments(s.environment())...)
	o.addUnlessEmpty("Service", "EnvironmentFile", s.EnvironmentFile)
	o.add("Service", "Restart", "always")
	o.add("Service", "RestartSec", "1")
	o.add("Service", "TimeoutStopSec", "30")
	o.run(s)
	o.harden()
	o.add("Install", "WantedBy", "multi-user.target")
	return o.String()
}

// stateFolder returns the folder that StateDirectory= makes.
func (s Service) stateFolder() string { return "/var/lib/" + s.Name }

// environment returns the variables of the service. systemd sets no HOME for a dynamic user, and one that does not exist for a system
// user; many programs end without.
func (s Service) environment() map[string]string {
	all := map[string]string{"HOME": s.stateFolder()}
	maps.Copy(all, s.Environment)
	return all
}

func (s Service) description() string {
	if s.Description != "" {
		return s.Description
	}
	return s.Name
}

// run sets the user of the service and its capabilities.
func (o *options) run(s Service) {
	if s.User == "" {
		o.add("Service", "DynamicUser", "yes")
	} else {
		o.add("Service", "User", s.User)
	}
	o.add("Service", "StateDirectory", s.Name)
	capability := ""
	if s.Port > 0 && s.Port < 1024 {
		capability = "CAP_NET_BIND_SERVICE"
		o.add("Service", "AmbientCapabilities", capability)
	}
	o.add("Service", "CapabilityBoundingSet", capability)
}

// harden removes permissions that neither a fetch nor a server needs. MemoryDenyWriteExecute is left out: it breaks
// languages that compile at run time.
func (o *options) harden() {
	for _, directive := range [][2]string{
		{"NoNewPrivileges", "yes"},
		{"ProtectSystem", "strict"},
		{"ProtectHome", "yes"},
		{"PrivateDevices", "yes"},
		{"PrivateTmp", "yes"},
		{"ProtectClock", "yes"},
		{"ProtectControlGroups", "yes"},
		{"ProtectHostname", "yes"},
		{"ProtectKernelLogs", "yes"},
		{"ProtectKernelModules", "yes"},
		{"ProtectKernelTunables", "yes"},
		{"ProtectProc", "invisible"},
		{"LockPersonality", "yes"},
		{"RestrictNamespaces", "yes"},
		{"RestrictRealtime", "yes"},
		{"RestrictSUIDSGID", "yes"},
		{"RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX AF_NETLINK"},
		{"SystemCallArchitectures", "native"},
		{"SystemCallFilter", "@system-service"},
		{"SystemCallFilter", "~@privileged @resources"},
		// A forbidden call fails instead of killing the process: many programs ask for more than they need.
		{"SystemCallErrorNumber", "EPERM"},
	} {
		o.add("Service", directive[0], directive[1])
	}
}

// options are the lines of a unit.
type options []*unit.UnitOption

// add appends a line for each value. A list is written as repeated lines, which systemd joins.
func (o *options) add(section, name string, values ...string) {
	for _, value := range values {
		*o = append(*o, unit.NewUnitOption(section, name, value))
	}
}

func (o *options) addUnlessEmpty(section, name string, values ...string) {
	o.add(section, name, slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })...)
}

// String returns the unit's file.
func (o *options) String() string {
	content, err := io.ReadAll(unit.Serialize(*o))
	if err != nil {
		panic(fmt.Sprintf("userdata: serializing to memory: %v", err))
	}
	return string(content)
}
