package userdata

import (
	"path"
	"strconv"
	"time"
)

// filesUnitName is the unit that puts the files into place.
const filesUnitName = setupPrefix + "files.service"

// setupPrefix begins the names of the units that run once.
const setupPrefix = "setup-"

func (f File) mode() string { return orElse(f.Mode, "0644") }

func (f File) isFetched() bool { return f.Key != "" }

// beside returns where the file is installed, before it is moved to its path.
func (f File) beside() string { return f.Path + ".new" }

// root returns the folder of fileRoots that contains the file.
func (f File) root() string { return below(f.Path, fileRoots) }

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// stagedFile returns where the content of a file is until it is put into place.
func stagedFile(index int) string { return path.Join(filesFolder, strconv.Itoa(index)) }

// stagedFiles returns what the document has of the files: their content, or the checksum of what is fetched. Only root reads it.
func (b Bootstrap) stagedFiles() []file {
	var files []file
	for i, f := range b.Files {
		if f.isFetched() {
			checksum := f.SHA256 + "  " + stagedFile(i) + "\n"
			files = append(files, file{Path: stagedFile(i) + ".sha256", Permissions: "0600", Content: checksum})
			continue
		}
		files = append(files, stored(stagedFile(i), "0600", f.Content))
	}
	return files
}

// filesUnit puts the files into place, each in one step, after the artifacts, in whose folders they may be. cloud-init could write them to
// their paths, but does so before it creates users, and an unpacked artifact or a package would come later.
func (b Bootstrap) filesUnit() string {
	var o options
	o.add("Unit", "Description", "Put files into place")
	o.add("Unit", "ConditionPathExists", filesFolder)
	o.add("Unit", "Wants", "network-online.target")
	o.add("Unit", "After", "network-online.target")
	o.requires(b.artifactUnits())
	o.once(b)
	for i, f := range b.Files {
		if f.isFetched() {
			o.fetch(f.Bucket, f.Key, stagedFile(i), stagedFile(i)+".sha256")
		}
	}
	for i, f := range b.Files {
		o.run("/usr/bin/install", "-D", "-m", f.mode(), "-o", orElse(f.Owner, root), "-g", orElse(f.Group, root), stagedFile(i), f.beside())
		o.run("/usr/bin/sync", f.beside())
		o.run("/usr/bin/mv", "-T", f.beside(), f.Path)
	}
	o.run("/usr/bin/rm", "-rf", filesFolder)
	o.prepare(b.Region)
	o.add("Service", "ReadWritePaths", b.writable()...)
	o.add("Service", "CapabilityBoundingSet", "CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER")
	o.harden(Strict, "SystemCallFilter") // it changes owners
	o.add("Service", "SystemCallFilter", "@system-service")
	o.add("Install", "WantedBy", "multi-user.target")
	return o.String()
}

// writable returns the folders that the files go to, and that of what is still to be done.
func (b Bootstrap) writable() []string {
	folders := []string{"/etc"}
	for _, f := range b.Files {
		folder := f.root()
		if below(folder, []string{"/var"}) != "" {
			folder = "/var" // an image without a web server has no /var/www yet
		}
		folders = add(folders, folder)
	}
	return folders
}

func (s Setup) unitName() string { return setupPrefix + s.Name + ".service" }

// request returns the file that says that the command is still to be run.
func (s Setup) request() string { return path.Join(setupFolder, s.Name) }

// user returns the user that runs the command, or "" for root.
func (s Setup) user() string {
	if s.User == root {
		return ""
	}
	return s.User
}

// environment returns the variables of the command.
func (s Setup) environment() map[string]string {
	home := "/root"
	if s.user() != "" {
		home = orElse(s.Directory, "/")
	}
	return withHome(home, s.Environment)
}

func (s Setup) timeout() time.Duration {
	if s.Timeout == 0 {
		return DefaultTimeout
	}
	return s.Timeout
}

// setupUnit runs a command after those before it. It has no sandbox: to change the machine is its purpose.
func (b Bootstrap) setupUnit(index int) string {
	s := b.Setup[index]
	before := b
	before.Setup = b.Setup[:index]
	var o options
	o.add("Unit", "Description", "Setup "+s.Name)
	o.add("Unit", "ConditionPathExists", s.request())
	o.add("Unit", "Wants", "network-online.target")
	o.add("Unit", "After", "network-online.target")
	o.requires(before.preparations())
	o.once(b)
	o.run(withSecrets(s.Secrets, s.Command)...)
	o.add("Service", "ExecStart", "+"+commandLine("/usr/bin/rm", "-f", s.request()))
	o.addUnlessEmpty("User", s.user())
	o.addUnlessEmpty("WorkingDirectory", s.Directory)
	for _, service := range b.Services {
		if s.Directory == service.stateFolder() { // before the service has made it
			o.add("Service", "StateDirectory", service.Name)
		}
	}
	o.add("Service", "Environment", assignments(s.environment())...)
	o.retry(s.timeout())
	o.add("Install", "WantedBy", "multi-user.target")
	return o.String()
}
