package userdata

import (
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/unit"
)

const (
	unitFolder     = "/etc/systemd/system"
	checksumFolder = "/etc/elastic-service"

	// What is still to be done once: cloud-init writes it at the first boot of each instance, also of an image that another
	// instance has set up, and the unit that has done it removes it.
	filesFolder = checksumFolder + "/files"
	setupFolder = checksumFolder + "/setup"

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

// artifactUnit moves the file or the folder to its path in one step, after it is verified and written to the disk. A copy to the path
// could be cut short by a loss of power, and the condition would take the fragment for the whole.
func (b Bootstrap) artifactUnit(a Artifact) string {
	beside := a.beside()
	var o options
	o.add("Unit", "Description", "Fetch "+a.Path)
	o.add("Unit", "ConditionPathExists", "!"+a.Path)
	o.add("Unit", "Wants", "network-online.target")
	o.add("Unit", "After", "network-online.target")
	o.once(b)
	o.fetch(a.Bucket, a.Key, a.staged(), a.checksumFile())
	if a.Archive {
		o.run("/usr/bin/rm", "-rf", beside)
		o.run("/usr/bin/mkdir", "-p", beside)
		o.run("/usr/bin/tar", "-xzf", a.staged(), "-C", beside, "--no-same-owner")
		o.run("/usr/bin/sync", "-f", beside) // the whole file system: there is no option for a folder with its content
	} else {
		o.run("/usr/bin/install", "-D", "-m", "0755", a.staged(), beside)
		o.run("/usr/bin/sync", beside)
	}
	o.run("/usr/bin/mv", "-T", beside, a.Path)
	o.run("/usr/bin/rm", "-f", a.staged())
	o.prepare(b.Region)
	o.add("Service", "ReadWritePaths", a.root())
	// The file's folder may be another user's.
	o.add("Service", "CapabilityBoundingSet", "CAP_DAC_OVERRIDE")
	o.harden(Strict)
	o.add("Install", "WantedBy", "multi-user.target")
	return o.String()
}

// fetchTimeout is how long one try may take to fetch a file and put it into place.
const fetchTimeout = 10 * time.Minute

// once makes the unit one that ends. Its retry starts the services: the first failure has failed their start, too.
func (o *options) once(b Bootstrap) {
	if b.LogGroup != "" {
		o.add("Unit", "OnSuccess", shipperUnitName)
	}
	for _, s := range b.Services {
		o.add("Unit", "OnSuccess", s.unitName())
	}
	o.add("Unit", "StartLimitIntervalSec", "0")
	o.add("Service", "Type", "oneshot")
}

// run adds a command.
func (o *options) run(words ...string) { o.add("Service", "ExecStart", commandLine(words...)) }

// fetch adds the commands that fetch an object and verify it.
func (o *options) fetch(bucket, key, to, checksum string) {
	o.run("/usr/bin/aws", "s3", "cp", "--only-show-errors", "--no-progress", "s3://"+bucket+"/"+key, to)
	o.run("/usr/bin/sha256sum", "--check", "--quiet", checksum)
}

// prepare is what units that fetch files have in common. aws keeps a cache in its home, and ProtectHome= takes root's away.
func (o *options) prepare(region string) {
	o.add("Service", "Environment", "AWS_REGION="+region, "AWS_DEFAULT_REGION="+region, "HOME="+staging)
	o.retry(fetchTimeout)
	o.add("Service", "StateDirectory", stateDirectory)
	o.add("Service", "StateDirectoryMode", "0700")
}

// retry repeats a unit that ends until it has succeeded.
func (o *options) retry(timeout time.Duration) {
	o.add("Service", "Restart", "on-failure")
	o.add("Service", "RestartSec", "5")
	o.add("Service", "TimeoutStartSec", strconv.Itoa(int(timeout/time.Second)))
}

// requires makes a unit start after others that must have succeeded, or have nothing left to do.
func (o *options) requires(units []string) {
	for _, name := range units {
		o.add("Unit", "Requires", name)
		o.add("Unit", "After", name)
	}
}

// artifactUnits returns the names of the artifacts' units.
func (b Bootstrap) artifactUnits() []string {
	var units []string
	for _, a := range b.Artifacts {
		units = append(units, a.unitName())
	}
	return units
}

// preparations returns the names of the units that come before the services, in their order.
func (b Bootstrap) preparations() []string {
	units := b.artifactUnits()
	if len(b.Files) > 0 {
		units = append(units, filesUnitName)
	}
	for _, s := range b.Setup {
		units = append(units, s.unitName())
	}
	return units
}

func (b Bootstrap) serviceUnit(s Service) string {
	var o options
	o.add("Unit", "Description", strings.ReplaceAll(s.description(), "%", "%%"))
	o.add("Unit", "Wants", "network-online.target")
	o.add("Unit", "After", "network-online.target")
	for _, name := range s.After {
		o.add("Unit", "After", name+".service")
	}
	o.requires(b.preparations())
	o.add("Unit", "StartLimitIntervalSec", "0")
	o.add("Service", "Type", "exec")
	for _, command := range s.Before {
		o.add("Service", "ExecStartPre", commandLine(withSecrets(s.Secrets, command)...))
	}
	o.run(withSecrets(s.Secrets, s.Command)...)
	o.addUnlessEmpty("WorkingDirectory", s.Directory)
	o.add("Service", "Environment", assignments(s.environment())...)
	o.addUnlessEmpty("EnvironmentFile", s.EnvironmentFile)
	o.add("Service", "Restart", "always")
	o.add("Service", "RestartSec", "1")
	o.add("Service", "TimeoutStopSec", "30")
	o.as(s)
	o.limit(s.Limits)
	o.harden(s.Sandbox, s.Relax...)
	o.add("Install", "WantedBy", "multi-user.target")
	return o.String()
}

// stateFolder returns the folder that StateDirectory= makes.
func (s Service) stateFolder() string { return "/var/lib/" + s.Name }

// environment returns the variables of the service. systemd sets no HOME for a dynamic user, and one that does not exist for a system
// user; many programs end without.
func (s Service) environment() map[string]string {
	return withHome(s.stateFolder(), s.Environment)
}

// withHome returns the variables with a home, unless they have one.
func withHome(home string, own map[string]string) map[string]string {
	all := map[string]string{"HOME": home}
	maps.Copy(all, own)
	return all
}

func (s Service) description() string {
	if s.Description != "" {
		return s.Description
	}
	return s.Name
}

// as sets the user of the service and its capabilities.
func (o *options) as(s Service) {
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
	if s.Sandbox != Off {
		o.add("Service", "CapabilityBoundingSet", capability)
	}
}

func (o *options) limit(l Limits) {
	for _, limit := range []struct {
		name, unit string
		value      int
	}{{"LimitNOFILE", "", l.OpenFiles}, {"MemoryMax", "M", l.MemoryMiB}, {"TasksMax", "", l.Tasks}} {
		if limit.value > 0 {
			o.add("Service", limit.name, strconv.Itoa(limit.value)+limit.unit)
		}
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

// addUnlessEmpty appends a line of the section [Service] for each value that is not empty.
func (o *options) addUnlessEmpty(name string, values ...string) {
	o.add("Service", name, slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "" })...)
}

// String returns the unit's file.
func (o *options) String() string {
	content, err := io.ReadAll(unit.Serialize(*o))
	if err != nil {
		panic(fmt.Sprintf("userdata: serializing to memory: %v", err))
	}
	return string(content)
}
